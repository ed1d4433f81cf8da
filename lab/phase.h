/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a scenario: what happens at which time. "at 20s touch 300M skew=0.8 writes=0.3".
 * docs/aerostat-scenario.5.scd has the whole syntax.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum phase_kind {
    /* orders to the guest program (guest/PROTOCOL.md) */
    PHASE_FILL,
    PHASE_TOUCH,
    PHASE_STREAM,
    PHASE_VERIFY,
    PHASE_FREE,
    PHASE_DROP_CACHES,
    PHASE_IDLE,
    /* what is done to the guest's QEMU */
    PHASE_FREEZE, /* SIGSTOP */
    PHASE_THAW,   /* SIGCONT */
    PHASE_PAUSE,  /* QMP stop */
    PHASE_RESUME, /* QMP cont */
    PHASE_KILL,   /* SIGKILL */
    PHASE_QUIT,   /* SIGTERM: QEMU ends in order */
    /* what is done to the host */
    PHASE_CAPACITY,
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
};

struct phase {
    double at; /* seconds on the scenario's clock */
    enum phase_kind kind;
    uint64_t bytes; /* fill, touch, stream: how much; free: what is kept; capacity: the new one */
    enum phase_content content;
    double compressible; /* CONTENT_COMPRESSIBLE: (0, 1] */
    uint64_t rate;       /* bytes/s; 0: as fast as it goes */
    double skew;         /* Zipf exponent; 0: uniform */
    double writes;       /* [0, 1] */
    uint64_t ops;        /* touches/s; 0: as fast as it goes */
    bool once;           /* stream */
    char *text;          /* say */
};

const char *phase_kind_name(enum phase_kind kind);

/* Who the line is for. */
bool phase_is_order(enum phase_kind kind); /* the guest program */
bool phase_is_host(enum phase_kind kind);  /* the host: [scenario] */
bool phase_is_work(enum phase_kind kind);  /* it counts operations: touch and stream */

/* The guest or the host gets the line: @host says in which section it stands. @ret_phase is
 * initialised on success only; phase_clear() it. @error is about the value, without its place. */
bool phase_parse(const char *line, bool host, struct phase *ret_phase, GError **error);
void phase_clear(struct phase *phase);

/* The order as the guest program reads it (an order only); owned by the caller. */
char *phase_order(const struct phase *phase);

/* "touch 300M": for tables and messages; owned by the caller. */
char *phase_describe(const struct phase *phase);

/* True where the two ask the guest for the same work. */
bool phase_same_work(const struct phase *a, const struct phase *b);
