/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What things cost: the simulator's only constants that come from measurement. Defaults are those
 * that `aerostat-lab --calibrate` measured on real guests; another host's are read from the file
 * that it wrote.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Rates in bytes/s, times in microseconds for one page of 4 KiB, as a guest's program feels it:
 * what it waits for a miss is how much later it gets on, and includes making room for the page. */
struct sim_costs {
    uint64_t fill_rate;    /* at which a program can take memory that the guest has used before */
    uint64_t inflate_rate; /* of a balloon that finds free pages */
    uint64_t deflate_rate;
    double touch_usec;       /* using a page that is there */
    double write_usec;       /* what a use costs besides that writes */
    double first_touch_usec; /* what a page costs besides that has no host memory yet */
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
    uint64_t swap_disk_rate; /* that all swapping together, of guests, pagers and kernel, gets from
                                the disk; beyond it each waits longer */
    uint64_t ksm_scan_rate;  /* bytes/s of one processor */
    double ksm_break_usec;   /* a write to a merged page */
    double guest_base;       /* part of its size that a guest's kernel keeps for itself, and... */
    uint64_t guest_base_bytes; /* ...so much besides */
    double boot_resident; /* the same of the host memory that it occupies when it has booted: what
                             its kernel has used once, too */
    uint64_t boot_resident_bytes;
};

struct sim_costs sim_costs_default(void);

/* INI, section [costs]; keys that are absent keep their default. Unknown keys are errors. */
bool sim_costs_load(struct sim_costs *costs, const char *path, GError **error);
void sim_costs_print(const struct sim_costs *costs, FILE *out);

enum sim_cost_unit {
    SIM_COST_RATE,  /* bytes/s */
    SIM_COST_BYTES, /* (both are uint64_t members) */
    SIM_COST_USEC,
    SIM_COST_PART, /* [0, 1] */
};

/* A member of struct sim_costs, for who goes through all of them. */
struct sim_cost {
    const char *name; /* its key */
    enum sim_cost_unit unit;
    size_t offset;
};
const struct sim_cost *sim_cost_table(size_t *ret_n);
const struct sim_cost *sim_cost_find(const char *name); /* NULL: there is none */
double sim_cost_get(const struct sim_costs *costs, const struct sim_cost *cost);
void sim_cost_set(struct sim_costs *costs, const struct sim_cost *cost, double value);
