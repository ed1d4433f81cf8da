/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what lack of memory costs a guest is time. It is lost to three things, which are kept
 * apart because they have different cures: its own paging (more visible memory), waiting for pages
 * that the host put out (more memory to occupy), and being held. Time is that of one processor: a
 * guest whose four threads wait loses four seconds in one.
 *
 * The last two are measured. Of its own paging a guest only reports how often, so each wait
 * is taken to cost LOST_PER_WAIT_USEC.
 */
#include "core/policy_guest.h"

/*
 * Random swap-in of a page from a disk was measured at 39-45 us at the median, 59-61 us at the 99th
 * percentile (facts/linux-mechanisms.md, 1.8); a guest's request makes its way through a virtual
 * disk, which doubles it.
 */
#define LOST_PER_WAIT_USEC 100

/* Linux reads eight pages of swap at a time (vm.page-cluster = 3). */
#define PAGED_IN_PER_WAIT (8 * 4 * KIB)

/* What is shown goes over the last ten seconds or so; what is acted upon over less. */
#define SHOWN_USEC    (10 * USEC_PER_SEC)
#define ACTED_ON_USEC (2 * USEC_PER_SEC)

/* No guest has more processors that could wait. */
#define PROCESSORS_MAX 4096

static void follow_part(double *part, usec_t lost, usec_t elapsed, usec_t tau)
{
    double now = (double)lost / (double)elapsed;

    if (now > PROCESSORS_MAX)
        now = PROCESSORS_MAX;
    *part += (now - *part) * (double)elapsed / (double)(tau + elapsed);
}

static usec_t pressed(const struct guest_observation *before, const struct guest_observation *seen)
{
    if (before->pressure == USEC_NEVER || seen->pressure == USEC_NEVER)
        return 0;
    return u64_sub(seen->pressure, before->pressure);
}

void guest_lose_time(struct policy_guest *g, const struct guest_observation *before, usec_t elapsed)
{
    const struct guest_observation *seen = &g->seen;
    bool paged = guest_pager_stays(g, before);
    usec_t most = elapsed * PROCESSORS_MAX;
    usec_t waited = paged ? u64_sub(seen->pager.waited, before->pager.waited) : 0;
    usec_t by_pressure = u64_min(pressed(before, seen), most);
    usec_t blocked = u64_min(u64_sub(seen->blocked, before->blocked), elapsed);

    if (elapsed == 0)
        return;
    waited = u64_min(waited, most);
    g->lost.by[LOST_HOST_SWAP] += u64_max(waited, by_pressure);
    g->lost.by[LOST_BLOCKED] += blocked;
    follow_part(&g->lost.waiting, waited, elapsed, ACTED_ON_USEC);
    follow_part(&g->lost.pressed, by_pressure, elapsed, ACTED_ON_USEC);
    follow_part(&g->lost.part, u64_max(waited, by_pressure) + blocked + g->lost.not_shown, elapsed,
                SHOWN_USEC);
    g->lost.not_shown = 0;
}

void guest_lose_to_own_paging(struct policy_guest *g, uint64_t faults, uint64_t paged_in)
{
    uint64_t waits = u64_max(faults, paged_in / PAGED_IN_PER_WAIT);
    usec_t lost = u64_min(waits, PROCESSORS_MAX * USEC_PER_SEC) * LOST_PER_WAIT_USEC;

    g->lost.by[LOST_GUEST_SWAP] += lost;
    g->lost.not_shown += lost;
}

usec_t guest_lost(const struct policy_guest *g)
{
    usec_t sum = 0;

    for (int by = 0; by < LOST_BY_MAX; by++)
        sum += g->lost.by[by];
    return sum;
}
