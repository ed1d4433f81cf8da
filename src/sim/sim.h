/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated host with simulated guests, under a manager: the real policy (manager_aerostat.c) or
 * another (bench/policies). Discrete time; everything that is random comes from one seed: the same
 * seed gives the same run, bit for bit. See sim.c for the model and what it leaves out.
 *
 *     sim_new -> sim_add ... -> sim_run or sim_step ... -> sim_guest_result, sim_host_result ->
 * sim_free
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"
#include "sim/costs.h"
#include "sim/work.h"

struct sim;
struct manager_ops; /* manager.h */

enum sim_ram {
    SIM_RAM_MEMFD,   /* a pager can serve it, where the manager has pagers */
    SIM_RAM_PRIVATE, /* the kernel swaps it */
};

enum sim_balloon {
    SIM_BALLOON_WORKS,
    SIM_BALLOON_SLOW,      /* works at a twentieth of the rate */
    SIM_BALLOON_STUCK,     /* stops for good after a quarter of its size */
    SIM_BALLOON_IGNORES,   /* reports, but does nothing */
    SIM_BALLOON_NO_DRIVER, /* no statistics either */
    SIM_BALLOON_NO_DEVICE,
};

enum sim_stats {
    SIM_STATS_TRUE,
    SIM_STATS_NONE,    /* the driver obeys, but tells nothing */
    SIM_STATS_FROZEN,  /* the first reading for ever */
    SIM_STATS_LATE,    /* a thrashing guest answers late or not at all, any other is prompt */
    SIM_STATS_WINDOWS, /* free and available are 0, ballooned memory counts as used */
    SIM_STATS_IDLE,    /* lies that nearly all is available */
    SIM_STATS_STARVED, /* lies that nothing is, and that it pages in */
    SIM_STATS_ABSURD,
};

struct sim_guest_spec {
    const char *name; /* copied */
    uint64_t size;
    uint64_t min; /* for managers that know a dynamic minimum; 0: the reservation or a quarter of
                     the size */
    struct guest_settings settings;
    enum sim_ram ram;
    enum sim_balloon balloon;
    enum sim_stats stats;
    bool deflate_on_oom, free_page_reporting, pager /* may have one */, share /* may be merged */;
    uint64_t swap; /* of its own */
    unsigned vcpus;
    usec_t start; /* asks to be started; the manager may let it wait */
    usec_t end;   /* is shut down; USEC_NEVER */
    usec_t pause_from,
        pause_to;     /* its processors stand still (a migration, an operator); equal: never */
    struct work work; /* copied */
};

struct sim_host_spec {
    uint64_t capacity; /* memory that guests may occupy */
    uint64_t memory;   /* that there is for them: the kernel swaps what is more, whoever manages.
                          Less than the capacity (0): as much. More: nobody swaps what is over the
                          capacity but the manager, as in the lab */
    uint64_t
        swap; /* of the host's own swap disk, for the kernel; when it is full the kernel kills */
    uint64_t pager_cache_part_permille; /* of a guest's size; 100 */
    usec_t tick;                        /* of the simulation; 100 ms */
    usec_t manager_off_from,
        manager_off_to; /* it is dead meanwhile and restarted then; equal: never */
};

struct sim_config {
    struct sim_host_spec host;
    struct sim_costs costs;
    const struct manager_ops *manager;
    const void *manager_config; /* its own; NULL: defaults */
    uint32_t seed;
};

struct sim *sim_new(const struct sim_config *config);
void sim_free(struct sim *s);

/* Returns its number, from 0. Before or during a run; @spec->start may be in the future. */
unsigned sim_add(struct sim *s, const struct sim_guest_spec *spec);

void sim_step(struct sim *s);
void sim_run(struct sim *s, usec_t until);
usec_t sim_now(const struct sim *s); /* 0 at the beginning */

/* Acts upon the world, for scenarios. */
void sim_set_capacity(struct sim *s, uint64_t capacity);
void sim_end_guest(struct sim *s, unsigned guest);
void sim_pause_guest(struct sim *s, unsigned guest, bool paused);
void sim_park_guest(struct sim *s, unsigned guest, bool parked);
void sim_configure(struct sim *s, const void *manager_config); /* the manager, anew */
void sim_manager_off(struct sim *s, bool off); /* dies, is restarted; acts that it made stay */

/* Sums since the beginning; sizes in bytes, times in seconds. */
struct sim_guest_result {
    const char *name;
    bool started, ended, killed_by_host; /* the host's kernel had to */
    unsigned oom_kills; /* inside the guest: its programs died, and began again with nothing */
    bool panicked;      /* nothing was left to kill; it is dead from then on */
    double waited_to_start;
    double work_wanted, work_done; /* over steps that count: seconds of full speed. done / wanted:
                                      relative throughput, 1 with unlimited memory. A
                                      guest that panicked or was killed goes on wanting */
    double lost_guest_swap, lost_file, lost_host_swap, lost_blocked, lost_cpu;
    double lost_killed; /* until programs that were killed had back what they owned */
    double distress;    /* seconds at less than half of its full speed while it wanted to work */
    uint64_t inflated, deflated, put_out, brought_in, guest_swapped_out, guest_swapped_in;
    uint64_t put_out_swapped; /* of put_out: to disk */
    double below_reservation; /* seconds in which it was held (by balloon or by what was put out)
                                 below its reservation while it used that much */
    uint64_t most_resident;
};

struct sim_host_result {
    double over_capacity; /* seconds */
    uint64_t most_over;
    uint64_t kernel_swapped; /* bytes, by the host's kernel unasked */
    unsigned kills;
    double state_seconds[HOST_STATE_MAX]; /* by free memory, whoever manages */
    uint64_t saved_by_sharing;            /* at the end */
    double manager_cpu;                   /* seconds of real processor time that the manager took */
};

void sim_guest_result(const struct sim *s, unsigned guest, struct sim_guest_result *ret);
void sim_host_result(const struct sim *s, struct sim_host_result *ret);

/* What a guest is now, for time series and plots. */
struct sim_guest_now {
    bool alive;
    uint64_t size, granted /* guest-visible */, target;
    uint64_t resident, used /* by programs and kernel */, cache, guest_free,
        working_set /* used within a minute */;
    uint64_t out_zero, out_compressed, out_swapped, out_kernel,
        cache_used /* by compressed pages */;
    uint64_t swapped_by_guest, saved;
    double speed; /* of full speed, in the last tick; NAN: it wanted nothing */
};
void sim_guest_now(const struct sim *s, unsigned guest, struct sim_guest_now *ret);
unsigned sim_guests(const struct sim *s);

/* What the manager thinks of it (manager_ops.view). False: the manager is off, has no such account,
 * or does not know the guest. */
bool sim_guest_view(const struct sim *s, unsigned guest, struct guest_view *ret);
bool sim_host_view(const struct sim *s, struct host_view *ret);
double sim_scan_rate(const struct sim *s);     /* of KSM, pages a second */
uint64_t sim_free_memory(const struct sim *s); /* of the capacity; 0 where it is exceeded */
