/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure. A fault is served in microseconds, an eviction takes as long for each page, and
 * needs a processor that it may have to wait for: a guest that takes memory faster than the mover
 * puts it out would occupy ever more than it is allowed. So its faults are put off, as memory.high
 * does in the kernel: a millisecond each, and longer the further it has come, up to DELAY_MAX; and
 * what is served then comes alone, without its neighbours.
 *
 * What counts is how much the guest has gained, and not how much is left to be evicted: a guest
 * that was allowed a GiB less has done nothing wrong, and runs on at full speed while its pages
 * leave. `low` is the least that it has occupied since it exceeds what it is allowed (which is less
 * than that); being pressed begins ALLOWANCE above. Only faults add to what is occupied, and each
 * looks before it does: so it misses no lower point.
 *
 * Events are read all the same, and discards, which free memory, never wait: nor does QEMU's main
 * thread in madvise. No claim is held for a fault that is put off, so that the mover waits for
 * none. Each is put off once; then it is served, whatever has become of the excess. Who can't put
 * out anything now does not press (engine.relieves), for waiting would not help. What was read and
 * not served when the pager ends is as any other fault (faults.c).
 *
 * The time counts as waited, also for a first touch, which is none otherwise.
 */
#include "pager/faults_impl.h"

/* So much more than before, the larger of both, is none of our concern: the mover starts and ends
 * its work late. */
#define ALLOWANCE_MIN  (4 * MIB)
#define ALLOWANCE_PART 64

/* Of one fault, from ALLOWANCE on; it grows by the shorter one with each quarter more. */
#define DELAY       USEC_PER_MSEC
#define DELAY_MAX   (4 * USEC_PER_MSEC)
#define DELAY_STEPS 4

static void look(struct faults *f)
{
    struct engine *e = f->e;
    uint64_t allowed = atomic_load(&pagemap_figures(&e->map)->allowed);
    uint64_t occupied = allowed + engine_excess(e);
    uint64_t allowance = u64_max(ALLOWANCE_MIN, allowed / ALLOWANCE_PART), gained;

    f->press.low = u64_clamp(f->press.low, allowed, occupied);
    gained = occupied - f->press.low;
    f->press.delay = 0;
    if (gained > allowance && atomic_load(&e->relieves))
        f->press.delay =
            u64_min(DELAY + (gained - allowance) * DELAY_STEPS / allowance * DELAY, DELAY_MAX);
}

void press_fault(struct faults *f, struct fault fault)
{
    struct press *p = &f->press;
    usec_t until;

    look(f);
    if (!fault.missing || p->delay == 0 || p->n == PRESS_MAX) {
        serve_fault(f, fault);
        return;
    }
    until = fault.since + p->delay;
    p->next = p->n > 0 ? u64_min(p->next, until) : until;
    p->off[p->n].fault = fault;
    p->off[p->n++].until = until;
}

void press_tick(struct faults *f)
{
    struct press *p = &f->press;
    usec_t now = engine_now();
    unsigned n = p->n;

    if (now < p->next)
        return;
    p->n = 0;
    p->next = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        struct fault fault = p->off[i].fault;

        if (now < p->off[i].until) {
            p->next = u64_min(p->next, p->off[i].until);
            p->off[p->n++] = p->off[i];
            continue;
        }
        if (pagemap_get(&f->e->map, fault.page).state == PAGE_ABSENT)
            count(&pagemap_figures(&f->e->map)->waited_usec, now - fault.since);
        serve_fault(f, fault);
    }
}
