/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What daemon and pager say to each other: fixed-size datagrams over a SOCK_SEQPACKET UNIX socket,
 * on one machine, of one release. Everything that can be counted is in the page map (map.h) and is
 * not said. The pager serves the guest whether anybody is connected or not, and never waits for
 * an answer: a notice that can't be sent at once is dropped, for the map has it all.
 *
 * The pager listens on STEM.sock (files.h); who can open it (mode 0600, root) is obeyed. One
 * connection at a time: a new one replaces the old, so that a new daemon need not wait for the end
 * of another.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAGER_PROTOCOL 2

/* Virtual CPUs that a pager can be told of. */
#define PAGER_CPUS_MAX 1024

enum pager_verb {
    PAGER_ALLOW,     /* value: bytes the guest may occupy (resident and cache); UINT64_MAX: any */
    PAGER_CACHE,     /* value: bytes the compression cache may occupy */
    PAGER_SAMPLE,    /* value: pages per window (0: no sampling); value2: window in microseconds */
    PAGER_PARK,      /* put everything into the swap file, cache included */
    PAGER_UNPARK,    /* bring everything back; both go on in a pager that takes over */
    PAGER_DETACH,    /* bring everything back, unregister, end */
    PAGER_EVICTING,  /* value: 0: evict nothing until told otherwise (a disk was opened with
                        O_DIRECT); 1: go on */
    PAGER_CPUS,      /* the threads that are the guest's virtual CPUs, as QEMU itself numbers them.
                        value: how many, up to PAGER_CPUS_MAX; 0: not known. Alone among the verbs
                        it has more behind the order: a uint32_t for each */
    PAGER_NOTE_STOP, /* value: 1: the guest is stopped because of pages that can't be read back, 0:
                        not any more; kept in the map for a daemon that comes later */
    PAGER_VERB_MAX,
};

const char *pager_verb_name(enum pager_verb verb);

struct pager_order {
    uint32_t protocol; /* PAGER_PROTOCOL */
    uint32_t verb;     /* enum pager_verb */
    uint64_t value, value2;
};

/* Bytes of the datagram. */
static inline size_t pager_order_bytes(const struct pager_order *order)
{
    return sizeof(*order) +
           (order->verb == PAGER_CPUS ? (size_t)order->value * sizeof(uint32_t) : 0);
}

enum pager_notice_kind {
    PAGER_SAYS_READY,   /* attached or taken over, sandboxed, serving. First on every connection */
    PAGER_SAYS_REFUSED, /* will not or cannot serve this guest; it is untouched. The pager ends */
    PAGER_SAYS_DONE,    /* park, unpark or detach is complete */
    PAGER_SAYS_FAILED,  /* an order was not done */
    PAGER_SAYS_HELD, /* a page can't be read back: who touches it waits, the guest is to be stopped
                      */
    PAGER_SAYS_HEALED, /* no page is held any more */
    PAGER_SAYS_GONE,   /* the guest has ended; so does the pager */
    PAGER_NOTICE_MAX,
};

#define PAGER_TEXT_MAX 400

struct pager_notice {
    uint32_t protocol;
    uint32_t kind; /* enum pager_notice_kind */
    uint32_t verb; /* DONE, FAILED: of the order */
    uint32_t unused;
    char text[PAGER_TEXT_MAX]; /* one line for people, NUL-ended; may be empty */
};

/* Exit statuses of aerostat-pager. */
enum pager_exit {
    PAGER_EXIT_OK = 0,     /* guest has ended, or detached */
    PAGER_EXIT_FAILED = 1, /* worth another try */
    PAGER_EXIT_USAGE = 2,
    PAGER_EXIT_REFUSED = 3, /* this guest can't be served; trying again is of no use */
    PAGER_EXIT_BUSY = 4,    /* another pager has it */
};
