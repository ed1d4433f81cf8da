/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest program would report, what the daemon's API would say, and what the lab would
 * count on the host: each from what it is in the simulation, the daemon's part from the policy.
 * Latencies of touches and of faults are not known: work is a rate there, not single touches.
 */
#include "sim/case_sample.h"

#include "scenario/starved.h"
#include "sim/manager.h"

#define PAGE 4096u

static double clock_of(const struct sim *s)
{
    return ((double)sim_now(s) - (double)CASE_LEAD) / 1e6;
}

static struct agent_report report_of(const struct sim_case *c, const struct sim *s, unsigned g,
                                     const struct sim_guest_now *now, double operations)
{
    struct sim_guest_result sums;

    sim_guest_result(s, g, &sums);
    return (struct agent_report){
        .received = (gint64)sim_now(s) + 1,
        .operations = (uint64_t)operations,
        .owned = u64_sub(now->used + now->swapped_by_guest, case_base(c, g)),
        .mem_total = now->granted,
        .mem_free = now->guest_free,
        .mem_available = now->guest_free + now->cache,
        .mem_cached = now->cache,
        .swap_total = c->guests[g].swap,
        .swap_free = u64_sub(c->guests[g].swap, now->swapped_by_guest),
        .pswpin = sums.guest_swapped_in / PAGE,
        .pswpout = sums.guest_swapped_out / PAGE,
        .pgmajfault = sums.guest_swapped_in / PAGE,
        .oom_kill = sums.oom_kills,
    };
}

static void sample_paging(const struct sim_case *c, const struct sim *s, unsigned g,
                          const struct sim_guest_now *now, struct guest_sample *sample)
{
    bool private = c->guests[g].ram == SIM_RAM_PRIVATE;
    struct sim_guest_result sums;

    sim_guest_result(s, g, &sums);
    sample->kernel.swapped = now->out_kernel;
    if (private) {
        sample->kernel.out = sums.put_out;
        sample->kernel.in = sums.brought_in;
        return;
    }
    sample->pager = (struct pager_sample){
        .known = c->guests[g].pager,
        .zero = now->out_zero,
        .compressed = now->out_compressed,
        .swapped = now->out_swapped,
        .evicted = sums.put_out,
        .loaded = sums.brought_in,
        .compressed_out = u64_sub(sums.put_out, sums.put_out_swapped),
        .swapped_out = sums.put_out_swapped,
        .cache = now->cache_used,
    };
}

/* What the daemon would say of it. */
static void sample_view(const struct sim *s, unsigned g, struct guest_sample *sample)
{
    struct guest_view view;

    sample->link = sample->driver = sample->trust = sample->reason = "-";
    if (!sim_guest_view(s, g, &view))
        return;
    sample->link = "up";
    sample->driver = balloon_driver_name(view.driver);
    sample->trust = stats_trust_name(view.trust);
    sample->reason = reason_name(view.verdict.reason);
    sample->active = view.active;
    sample->active_slow = (uint64_t)view.activity.slow;
    sample->active_fast = (uint64_t)view.activity.fast;
    sample->active_current = view.activity.current;
    sample->entitled = view.verdict.entitled;
    sample->blocked.seconds = (double)view.seen.blocked / 1e6;
    sample->blocked.owed = (double)view.block_owed / 1e6;
    for (int by = 0; by < LOST_BY_MAX; by++)
        sample->lost += (double)view.lost[by] / 1e6;
}

/* Where no manager keeps an account of it, by the simulator's own. */
static double lost_of(const struct sim *s, unsigned g)
{
    struct sim_guest_result sums;

    sim_guest_result(s, g, &sums);
    return sums.lost_guest_swap + sums.lost_file + sums.lost_host_swap + sums.lost_blocked;
}

static void sample_guest(const struct sim_case *c, const struct sim *s, unsigned g,
                         double operations, struct case_seen *seen, struct guest_sample *sample)
{
    struct sim_guest_now now;
    struct agent_report report;

    sim_guest_now(s, g, &now);
    *sample = (struct guest_sample){.alive = now.alive,
                                    .known = now.alive,
                                    .size = now.size,
                                    .granted = now.granted,
                                    .target = now.target,
                                    .report = seen->report};
    sample_view(s, g, sample);
    if (sample->link[0] == '-')
        sample->lost = lost_of(s, g);
    if (!now.alive)
        return;
    report = report_of(c, s, g, &now, operations);
    sample->starving = starved(&seen->report, &report, now.size, now.granted < seen->granted);
    if (seen->report.received > 0)
        sample->rate = (double)(report.operations - seen->report.operations) * 1e6 /
                       (double)(report.received - seen->report.received);
    sample->report = seen->report = report;
    seen->granted = now.granted;
    sample->resident = now.resident;
    sample->saved = now.saved;
    sample_paging(c, s, g, &now, sample);
}

enum host_state case_host_state(const struct sim *s, uint64_t capacity, enum host_state before)
{
    struct host_view view;

    if (sim_host_view(s, &view))
        return view.state;
    return host_state_next(before, sim_free_memory(s), host_minfree(capacity));
}

void case_sample(const struct sim_case *c, const struct sim *s, uint64_t capacity,
                 enum host_state state, struct case_seen *seen, const double *operations,
                 struct record *record)
{
    g_autofree struct guest_sample *guests = g_new0(struct guest_sample, record->guests);
    struct host_view view;
    struct host_sample host = {.t = clock_of(s),
                               .managed = sim_host_view(s, &view),
                               .state = host_state_name(state),
                               .capacity = capacity,
                               .minfree = host_minfree(capacity),
                               .free = sim_free_memory(s)};

    if (host.managed)
        host.minfree = view.minfree;
    host.memory.ksm_rate = sim_scan_rate(s);
    for (unsigned g = 0; g < record->guests; g++) {
        sample_guest(c, s, g, operations[g], &seen[g], &guests[g]);
        host.resident += guests[g].resident + guests[g].pager.cache;
        host.memory.ksm_saved += guests[g].saved;
    }
    (void)record_add(record, &host, guests);
}
