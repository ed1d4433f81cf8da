/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a scenario: what happens at which time, once ("at 20s touch 300M skew=0.8
 * writes=0.3") or again and again ("at 20s every 3s until 60s pager-kill within=2s").
 * docs/aerostat-scenario.5.scd has the whole syntax.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of a command line. */
#define PHASE_COMMAND_MAX 1023

enum phase_kind {
    /* orders to the guest program (guest/PROTOCOL.md) */
    PHASE_FILL,
    PHASE_TOUCH,
    PHASE_STREAM,
    PHASE_RUN,
    PHASE_VERIFY,
    PHASE_FREE,
    PHASE_DROP_CACHES,
    PHASE_IDLE,
    /* what is done to the guest's QEMU */
    PHASE_FREEZE,  /* SIGSTOP */
    PHASE_THAW,    /* SIGCONT */
    PHASE_PAUSE,   /* QMP stop */
    PHASE_RESUME,  /* QMP cont */
    PHASE_BALLOON, /* QMP balloon: as if the daemon had asked for this visible size */
    PHASE_KILL,    /* SIGKILL */
    PHASE_QUIT,    /* SIGTERM: QEMU ends in order */
    /* what is done to the guest's pager */
    PHASE_PAGER_KILL, /* SIGKILL */
    PHASE_PARK,       /* the guest is put out of memory, over the API */
    PHASE_UNPARK,
    /* what is done to the host */
    PHASE_CAPACITY,
    PHASE_SET,         /* a line of the daemon's configuration */
    PHASE_DAEMON_KILL, /* SIGKILL */
    PHASE_DAEMON_START,
    PHASE_SAY,
    PHASE_KIND_MAX,
};

enum phase_content {
    CONTENT_RANDOM,
    CONTENT_ZERO,
    CONTENT_SAME,
    CONTENT_COMPRESSIBLE,
    CONTENT_MIXED,
};

struct phase {
    double at;           /* seconds on the scenario's clock */
    double every, until; /* every > 0: again every so many seconds, up to and including until */
    double within;       /* it happens at a random time up to so many seconds later... */
    double drawn_from;   /* ...than this; scenario.c draws */
    enum phase_kind kind;
    uint64_t bytes; /* fill, touch, stream: how much; free: what is kept; capacity: the new one */
    enum phase_content content;
    double compressible; /* CONTENT_COMPRESSIBLE: (0, 1] */
    uint64_t rate;       /* bytes/s; 0: as fast as it goes */
    double skew;         /* Zipf exponent; 0: uniform */
    double writes;       /* [0, 1] */
    uint64_t ops;        /* touches/s; 0: as fast as it goes */
    unsigned threads;    /* touch: that do it at once; 0: one */
    bool once;           /* stream, run */
    char *text;          /* say; run: the command line; set: SECTION.KEY=VALUE */
};

const char *phase_kind_name(enum phase_kind kind);

/* Who the line is for. */
bool phase_is_order(enum phase_kind kind); /* the guest program */
bool phase_is_work(enum phase_kind kind);  /* it counts operations: touch, stream, run */
bool phase_is_pager(enum phase_kind kind); /* the guest must have a pager */

/* The guest or the host gets the line: @host says in which section it stands. @ret_phase is
 * initialised on success only; phase_clear() it. @error is about the value, without its place. */
bool phase_parse(const char *line, bool host, struct phase *ret_phase, GError **error);
void phase_clear(struct phase *phase);
struct phase phase_copy(const struct phase *phase);

/* The order as the guest program reads it (an order only); owned by the caller. */
char *phase_order(const struct phase *phase);

/* "touch 300M": for tables and messages; owned by the caller. */
char *phase_describe(const struct phase *phase);

/* True where the two ask the guest for the same work. */
bool phase_same_work(const struct phase *a, const struct phase *b);
