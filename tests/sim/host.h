/* SPDX-License-Identifier: Apache-2.0 */
/* Small simulated hosts and guests for tests: a step of work is written in one expression. */
#pragma once

#include <glib.h>
#include <math.h>

#include "sim/manager.h"
#include "sim/sim.h"

#define SECOND USEC_PER_SEC

/* Nobody decides; a test's own hands do. */
extern const struct manager_ops MANAGER_HANDS;

/* A host of its own: what is expected of it does not change with what was measured elsewhere. */
static inline struct sim_costs host_costs(void)
{
    return (struct sim_costs){
        .fill_rate = 300 * MIB,
        .inflate_rate = 80 * MIB,
        .deflate_rate = 400 * MIB,
        .touch_usec = 1,
        .write_usec = 1,
        .first_touch_usec = 4,
        .guest_swap_in_usec = 150,
        .guest_swap_out_rate = 60 * MIB,
        .file_read_usec = 60,
        .file_reread_usec = 12,
        .load_compressed_usec = 60,
        .load_swapped_usec = 150,
        .evict_compressed_rate = 300 * MIB,
        .evict_swapped_rate = 250 * MIB,
        .kernel_swap_in_usec = 120,
        .kernel_swap_out_rate = 300 * MIB,
        .swap_disk_rate = 200 * MIB,
        .ksm_scan_rate = 600 * MIB,
        .ksm_break_usec = 6,
        .guest_base = 0.03,
        .guest_base_bytes = 24 * MIB,
        .boot_resident = 0.03,
        .boot_resident_bytes = 24 * MIB,
    };
}

static inline struct sim *host_with_tick(const struct manager_ops *manager, uint64_t capacity,
                                         uint64_t swap, usec_t tick)
{
    struct sim_config config = {.host = {.capacity = capacity,
                                         .swap = swap,
                                         .pager_cache_part_permille = 100,
                                         .tick = tick},
                                .costs = host_costs(),
                                .manager = manager,
                                .seed = 1};

    return sim_new(&config);
}

static inline struct sim *host_new(const struct manager_ops *manager, uint64_t capacity,
                                   uint64_t swap)
{
    return host_with_tick(manager, capacity, swap, 0);
}

/* A guest without swap, whose pages anybody may put out who can. */
static inline struct sim_guest_spec guest_of(const char *name, uint64_t size)
{
    return (struct sim_guest_spec){
        .name = name, .size = size, .pager = true, .vcpus = 1, .end = USEC_NEVER};
}

/* @own bytes, of which @used are used every @interval seconds, by work that counts. */
static inline struct work_step step_of(usec_t at, uint64_t own, uint64_t used, double interval)
{
    return (struct work_step){.at = at,
                              .own = own,
                              .anon = {{.bytes = used, .interval = interval}},
                              .content = {.ratio = 1},
                              .demand = 1,
                              .ops = 1000,
                              .threads = 1,
                              .counts = true};
}

static inline unsigned add_guest(struct sim *s, struct sim_guest_spec spec,
                                 const struct work_step *steps, size_t n)
{
    struct work work = {0};
    unsigned guest;

    for (size_t i = 0; i < n; i++)
        work_append(&work, &steps[i]);
    spec.work = work;
    guest = sim_add(s, &spec);
    work_clear(&work);
    return guest;
}

static inline struct sim_guest_now now_of(const struct sim *s, unsigned guest)
{
    struct sim_guest_now now;

    sim_guest_now(s, guest, &now);
    return now;
}

static inline struct sim_guest_result result_of(const struct sim *s, unsigned guest)
{
    struct sim_guest_result result;

    sim_guest_result(s, guest, &result);
    return result;
}

/* Work done of the work wanted. */
static inline double throughput(const struct sim *s, unsigned guest)
{
    struct sim_guest_result r = result_of(s, guest);

    return r.work_wanted > 0 ? r.work_done / r.work_wanted : 0;
}
