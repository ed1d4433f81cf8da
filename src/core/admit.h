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
    uint64_t size, reservation; /* bytes; reservation <= size */
    uint64_t overhead;          /* of its pager or of the tables that its swap needs; not of QEMU */
};

struct admit_host {
    uint64_t capacity, minfree;
    uint64_t reserved; /* reservations of all guests, and of those admitted that did not come yet */
    uint64_t overhead; /* of these */
    uint64_t
        swap_free; /* bytes of swap space that can still be promised, where its kind would go */
};

enum admit_verdict {
    ADMIT_YES,
    ADMIT_NO_MEMORY, /* reservations and overheads would exceed what may be reserved */
    ADMIT_NO_SWAP,   /* size - reservation can't be promised */
    ADMIT_VERDICT_MAX,
};

const char *admit_verdict_name(enum admit_verdict verdict);

enum admit_verdict admit(const struct admit_host *host, const struct admit_request *request);

/* One sentence with the figures and, of a refusal, the cure; returns @buf. */
const char *admit_text(const struct admit_host *host, const struct admit_request *request,
                       char *buf, size_t size);
