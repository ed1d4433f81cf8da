/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a QEMU guest, shared by qemu.c (its life), qemu_link.c (its connection), qemu_poll.c
 * (what it is asked again and again), qemu_order.c, qemu_hold.c, qemu_merge.c and qemu_translate.c
 * (what it is told, and asked once). */
#pragma once

#include <stdbool.h>

#include "host/procmem.h"
#include "vmm/backoff.h"
#include "vmm/guest.h"
#include "vmm/qemu.h"
#include "vmm/qmp.h"

struct qemu_guest {
    struct vmm_guest base;
    struct qemu_config config;
    char *host_root;           /* config points to it */
    char *path, *name, *error; /* facts point to them */

    struct qmp *qmp; /* NULL: not connected */
    struct backoff backoff;
    gint64 connected;    /* when the connection was made */
    guint retry_source;  /* next attempt to connect */
    guint report_source; /* a poll that asks nothing reports from here */
    gint64 silent_since;
    bool closing;    /* connection is being given up: answers are of no interest */
    bool answered;   /* this connection was ready once */
    bool ready;      /* VMM_EVENT_READY was sent */
    gint64 ready_by; /* it is not put off longer; 0: not put off */
    bool gone;
    GQueue refused; /* struct call (qemu_order.c) that could not be sent */
    guint refused_source;

    struct procmem *mem; /* NULL: process not known */
    bool mem_pending;    /* its first exact measurement is not there yet */
    int mem_error;       /* last one reported */

    /* poll */
    bool polling;
    size_t step;
    bool setting_up;   /* with this poll */
    bool setup_due;    /* with the next poll */
    gint64 next_setup; /* ...or then */
    uint64_t base_memory, dimm_memory;
    char *balloon_path; /* QOM path; NULL: not found */
    char **not_ram;     /* QOM paths of memory back ends that are no RAM; NULL: none */
    char *
        *private_backends; /* QOM paths of private memory back ends, RAM or not; NULL: not told yet
                            */
    struct ram_block blocks[RAM_BLOCKS_MAX];
    size_t n_blocks;
    uint32_t *cpus; /* facts point to it */
};

/* --- qemu.c --- */

void qemu_set_name(struct qemu_guest *g, const char *name);

/* Looks at the process. False where it has ended. No event. */
bool qemu_measure(struct qemu_guest *g);

/* The poll has ended with its last answer. */
void qemu_polled(struct qemu_guest *g);

/* The poll has ended early: something was not answered. */
void qemu_poll_failed(struct qemu_guest *g);

/* The end: VMM_EVENT_GONE. */
void qemu_gone(struct qemu_guest *g);

/* --- qemu_poll.c --- */

/* Begins a poll. The connection is ready. qemu_polled() or qemu_poll_failed() follows. */
void qemu_poll_start(struct qemu_guest *g);

/* --- qemu_link.c --- */

/* Connects, or sets up again where it is connected, after @msec. */
void qemu_link_retry_in(struct qemu_guest *g, guint msec);

/* Drops the connection; what was under way fails. No event. */
void qemu_link_close(struct qemu_guest *g);

/* Makes another connection where this one has fallen silent. No event. */
void qemu_link_renew(struct qemu_guest *g);

/* @error says why it is not up; copied. */
void qemu_link_set(struct qemu_guest *g, enum vmm_link link, const char *error);

/* --- qemu_order.c --- */

/*
 * As qmp_execute, but where it can't be sent, @done is told so, too: later, from the main loop.
 * @done is called once in any case, and the guest is still there when it is.
 */
void qemu_execute(struct qemu_guest *g, const char *command, struct json_object *args,
                  qmp_answer_fn done, void *data);

/* Calls what is still to be told of commands that could not be sent. */
void qemu_tell_refused(struct qemu_guest *g);

void qemu_set_balloon(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data);
void qemu_set_running(struct vmm_guest *guest, bool running, vmm_done_fn done, void *data);

/* --- qemu_merge.c --- */

void qemu_set_mergeable(struct vmm_guest *guest, bool mergeable, vmm_done_fn done, void *data);

/* Takes over which memory back ends could be merged, from the answer to query-memdev. */
void qemu_merge_see(struct qemu_guest *g, struct json_object *memdevs);

/* --- qemu_hold.c --- */

void qemu_hold(struct vmm_guest *guest, bool hold, vmm_done_fn done, void *data);

/* --- qemu_translate.c --- */

void qemu_translate(struct vmm_guest *guest, const struct vmm_address *address,
                    vmm_translated_fn done, void *data);
