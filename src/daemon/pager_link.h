/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to one pager, from its start (or from when it was found running) to its end. A
 * pager that was started here is our child, and its end is its exit; of one that was found, it is
 * the end of the connection.
 *
 * On the default GLib main context. Nothing here waits: orders that can't be sent at once are not.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pager/order.h"

/* Neither this nor a child's end tells more than that the pager does not answer any more. */
#define PAGER_EXIT_UNKNOWN (-1)

struct pager_link_calls {
    /* What the pager says: in range, the text is printable. */
    void (*notice)(const struct pager_notice *notice, void *data);
    /* Last call. @status: enum pager_exit, or PAGER_EXIT_UNKNOWN (killed, or not our child). */
    void (*ended)(int status, void *data);
};

/* The command line of a pager. */
struct pager_start {
    const char *program, *name, *memory_directory, *swap_directory;
    pid_t pid; /* the guest's */
    uint64_t ram_size, swap_size, cache;
    unsigned log_level;
};

struct pager_link;

/* NULL and @error where the program can't be started. Within either call of @calls the link may be
 * freed. */
struct pager_link *pager_link_start(const struct pager_start *start,
                                    const struct pager_link_calls *calls, void *data,
                                    GError **error);

/* To one that runs. NULL: nobody answers there. */
struct pager_link *pager_link_connect(const char *socket_path, const struct pager_link_calls *calls,
                                      void *data);

/* Leaves the pager itself alone. */
void pager_link_free(struct pager_link *link);

/* False: not now, or not any more. */
bool pager_link_send(struct pager_link *link, enum pager_verb verb, uint64_t value,
                     uint64_t value2);

/* PAGER_CPUS, with @n thread ids; at most PAGER_CPUS_MAX. */
bool pager_link_send_cpus(struct pager_link *link, const uint32_t *ids, size_t n);

pid_t pager_link_pid(const struct pager_link *link);

/* kill -9. Its end is reported as usual. */
void pager_link_kill(struct pager_link *link);

/*
 * Has the program close a descriptor that a pager has left in its guest. @done is called once, with
 * its wait status. False and @error where it can't be started; then @done is not called.
 */
bool pager_release_start(const char *program, pid_t guest, int64_t number, GChildWatchFunc done,
                         void *data, GError **error);
