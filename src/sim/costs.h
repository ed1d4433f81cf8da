/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What things cost: the simulator's only constants that come from measurement. Defaults are those
 * that `aerostat-lab --calibrate` measured on real guests; another host's are read from the file
 * that it wrote.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Rates in bytes/s, times in microseconds for one page of 4 KiB, as a guest's program feels it. */
struct sim_costs {
    uint64_t fill_rate;    /* at which a program can take new memory */
    uint64_t inflate_rate; /* of a balloon that finds free pages */
    uint64_t deflate_rate;
    double touch_usec;       /* using a page that is there */
    double first_touch_usec; /* a page that has no host memory yet */
    double guest_swap_in_usec;
    uint64_t guest_swap_out_rate;
    double file_read_usec;       /* page cache miss, sequential reads */
    double file_reread_usec;     /* page cache hit */
    double load_compressed_usec; /* pager: out of its cache */
    double load_swapped_usec;    /* pager: from its swap file */
    uint64_t evict_compressed_rate;
    uint64_t evict_swapped_rate;
    double kernel_swap_in_usec; /* private memory, by the host's kernel */
    uint64_t kernel_swap_out_rate;
    uint64_t ksm_scan_rate;    /* bytes/s of one processor */
    double ksm_break_usec;     /* a write to a merged page */
    double guest_base;         /* part of its size that a guest's kernel keeps for itself, and... */
    uint64_t guest_base_bytes; /* ...so much besides */
};

struct sim_costs sim_costs_default(void);

/* INI, section [costs]; keys that are absent keep their default. Unknown keys are errors. */
bool sim_costs_load(struct sim_costs *costs, const char *path, GError **error);
void sim_costs_print(const struct sim_costs *costs, FILE *out);
