/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: a guest is let in if the reservations and overheads of all fit the capacity, and if
 * what is not reserved can be put out of memory (Waldspurger 2002, section 5: min + overhead of
 * memory, max - min of swap space). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admit_request {
    uint64_t size, reservation; /* bytes; what is reserved above the size is not needed */
    uint64_t overhead;          /* of its pager or of the tables that its swap needs; not of QEMU */
};

/* No bound on the swap space. */
#define ADMIT_SWAP_ANY UINT64_MAX

struct admit_host {
    uint64_t capacity, minfree;
    uint64_t reserved; /* reservations of all guests, and of those admitted that did not come yet */
    uint64_t overhead; /* of these */
    uint64_t swap_free; /* bytes of swap space that can still be promised, where its kind would go;
                           ADMIT_SWAP_ANY: it is seen to elsewhere */
};

enum admit_verdict {
    ADMIT_YES,
    ADMIT_NO_MEMORY, /* reservations and overheads would exceed what may be reserved */
    ADMIT_NO_SWAP,   /* size - reservation can't be promised */
    ADMIT_VERDICT_MAX,
};

const char *admit_verdict_name(enum admit_verdict verdict); /* "yes", "no-memory", "no-swap" */

enum admit_verdict admit(const struct admit_host *host, const struct admit_request *request);

/* One sentence with the figures and, of a refusal, the cure; returns @buf. */
const char *admit_text(const struct admit_host *host, const struct admit_request *request,
                       char *buf, size_t size);

/* Swap space that the guest needs. */
uint64_t admit_swap(const struct admit_request *request);

/*
 * What the kernel needs to swap a guest's private memory, bytes: its page tables, which stay while
 * the pages are out (8 bytes each), and a few bytes for each slot of swap space (the count of its
 * users, its cgroup, whether it is zero): mm/swapfile.c, mm/swap_cgroup.c.
 */
uint64_t admit_kernel_overhead(const struct admit_request *request);
