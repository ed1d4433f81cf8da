/* SPDX-License-Identifier: Apache-2.0 */
/* A directory with sockets, a discovery on it, and what it told. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "fake_qmp.h"
#include "vmm/discovery.h"

/* That a guest has to answer: much, or little where the test waits for it to elapse. */
#define BENCH_TIMEOUT_MSEC       5000
#define BENCH_SHORT_TIMEOUT_MSEC 200
#define BENCH_GUESTS_MAX         32

struct bench {
    guint timeout_msec; /* BENCH_TIMEOUT_MSEC unless set before the start */
    char *directory;
    struct discovery *discovery;
    struct vmm_guest *guests[BENCH_GUESTS_MAX]; /* known and not gone */
    unsigned ready, updated, link, gone;        /* events so far */
    unsigned orders_ok, orders_failed;          /* bench_order() */
    char *order_error;                          /* of the last failed one */
    unsigned translated;                        /* bench_translate() that have ended */
    struct vmm_translation translation;         /* of the last one */
    char *translation_error;                    /* of the last one; NULL: none */
};

void bench_init(struct bench *b);
void bench_deinit(struct bench *b);

struct discovery_config bench_config(const struct bench *b);

/* Starts the discovery on the directory. */
void bench_start(struct bench *b);
void bench_start_with(struct bench *b, const struct discovery_config *config);

/* DIRECTORY/NAME, owned by the caller. */
char *bench_path(const struct bench *b, const char *name);

/* A client of DIRECTORY/NAME, a descriptor of the caller; -1: nobody listens. */
int bench_connect(const struct bench *b, const char *name);

/* The guest at DIRECTORY/NAME, or NULL. */
struct vmm_guest *bench_guest(const struct bench *b, const char *name);
const struct vmm_facts *bench_facts(const struct bench *b, const char *name);

/* Runs the main loop, polling all guests, until @condition holds; fails the test after 20 s. */
#define bench_wait(b, condition)                                                                   \
    do {                                                                                           \
        gint64 deadline_ = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;                           \
        while (!(condition)) {                                                                     \
            if (g_get_monotonic_time() > deadline_)                                                \
                g_error("%s:%d: not within 20 s: %s", __FILE__, __LINE__, #condition);             \
            bench_turn(b);                                                                         \
        }                                                                                          \
    } while (0)

/* One round: polls, and waits for something to happen, but not for long. */
void bench_turn(struct bench *b);

/* Orders a balloon and counts the outcome. */
void bench_order(struct bench *b, struct vmm_guest *guest, uint64_t bytes);

/* Counts how an order ended: a vmm_done_fn, @bench is the struct. */
void bench_order_done(struct vmm_guest *guest, const GError *error, void *bench);

/* Asks where an address is, and waits for the answer. */
void bench_translate(struct bench *b, struct vmm_guest *guest, struct vmm_address address);
