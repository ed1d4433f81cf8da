/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast programs get on. In a tick of T seconds they do w seconds of work (of full speed), with
 *
 *     time(w) = demand * w + what they wait for pages in doing so <= T,   w <= T.
 *
 * A page of a pool is used `use` times a second of work, at random: of m bytes that are missing
 * m (1 - exp(-w use)) come back in w where there is room for them, and m use w where each must
 * drive out another that is missed as soon (a working set that does not fit, in a long tick). Both
 * grow with w, so time(w) does, and it is concave: Newton's method from 0 finds w from below. So a
 * tick may be long against the time in which pages come back, and nothing oscillates.
 *
 * A file that is read from end to end, again and again, finds nothing where it does not fit, but
 * Linux keeps some pages of it: STREAM_HITS is the exponent by which the hits fall.
 *
 * Files have to be read a first time however much memory there is: that counts as work that could
 * not be done faster.
 */
#include <math.h>

#include "sim/lru.h"
#include "sim/sim_impl.h"

#define STREAM_HITS 6.0

/* Programs that were killed are of use again when they lack no more than this part. */
#define REGROWN 0.05

/* Newton's steps; each is closer from below, and what is left is idle time. */
#define STEPS_MAX 8

/* Pages that are used less often than once in so many ticks do not come back at once when they are
 * driven out: they are room for those that are used more often. */
#define ROOM_TICKS 4.0

/* What is missing of a pool, and what a byte of it costs in seconds. */
struct miss {
    unsigned pool;
    double use;
    double away, fresh, out;                /* bytes */
    double away_cost, fresh_cost, out_cost; /* seconds for all of them */
    double fits;                            /* part of it for which there is room */
};

struct misses {
    struct miss of[POOLS];
    unsigned n;
    double demand;
};

double load_cost(const struct sim *s, enum place place)
{
    switch (place) {
    case PLACE_ZERO:
    case PLACE_COMPRESSED:
        return per_byte(s->costs.load_compressed_usec);
    case PLACE_SWAPPED:
        return per_byte(s->costs.load_swapped_usec) * s->disk_waits;
    case PLACE_KERNEL:
        return per_byte(s->costs.kernel_swap_in_usec) * s->disk_waits;
    case PLACE_HERE:
    case PLACE_AWAY:
    case PLACE_MAX:
        break;
    }
    return 0;
}

static double out_cost(const struct sim *s, const struct pool *p)
{
    double sum = 0;

    for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
        sum += p->at[place] * load_cost(s, place);
    return sum;
}

/* Part of what a stream reads that is there. */
static double stream_hits(const struct pool *p)
{
    return p->want > 0 ? pow(fmin(pool_memory(p) / p->want, 1), STREAM_HITS) : 1;
}

static void add_stream(const struct sim *s, struct vm *vm, struct misses *m, double threads)
{
    const struct pool *p = &vm->pools[POOL_STREAM];
    double read = p->want * (1 - stream_hits(p)), lacks = pool_lacks(p);
    double cost = per_byte(s->costs.file_read_usec - s->costs.file_reread_usec) / threads;
    struct miss *miss = &m->of[m->n];

    if (read + pool_out(p) < PAGE_BYTES)
        return;
    *miss = (struct miss){.pool = POOL_STREAM, .use = p->use, .out = pool_out(p), .fits = 0};
    miss->fresh = fmin(read, lacks);
    miss->away = read - miss->fresh;
    miss->fresh_cost = miss->fresh * cost;
    miss->away_cost = miss->away * cost;
    miss->out_cost = out_cost(s, p) / threads;
    m->n++;
}

static double swap_in_cost(const struct sim *s)
{
    return per_byte(s->costs.guest_swap_in_usec) * s->disk_waits;
}

static void find_misses(const struct sim *s, struct vm *vm, struct misses *m)
{
    double threads = fmax(vm->step->threads, 1);

    m->n = 0;
    m->demand = fmin(vm->step->demand, 1) + share_break_cost(s, vm);
    for (unsigned i = POOL_BASE; i < POOL_STREAM; i++) {
        const struct pool *p = &vm->pools[i];
        bool file = is_cache(i);
        double away = p->at[PLACE_AWAY], out = pool_out(p), fresh = file ? pool_lacks(p) : 0;
        double cost = (file ? per_byte(s->costs.file_read_usec) : swap_in_cost(s)) / threads;

        if (p->use <= 0 || away + out + fresh < PAGE_BYTES)
            continue;
        m->of[m->n++] = (struct miss){.pool = i,
                                      .use = p->use,
                                      .away = away,
                                      .fresh = fresh,
                                      .out = out,
                                      .away_cost = away * cost,
                                      .fresh_cost = fresh * cost,
                                      .out_cost = out_cost(s, p) / threads};
    }
    if (vm->pools[POOL_STREAM].want > 0)
        add_stream(s, vm, m, threads);
}

/* Of what is missing, how often it comes back in @w: with room for it, and without. */
static double once(const struct miss *miss, double w)
{
    return 1 - exp(-w * miss->use);
}

static double returns(const struct miss *miss, double w)
{
    double x = w * miss->use;

    return miss->fits > 0 ? miss->fits * once(miss, w) + (1 - miss->fits) * x : x;
}

/* Room for pages that come back, as far as no others are missed for it in this tick. */
static double room_for(struct sim *s, const struct vm *vm, double *host)
{
    double guest = vm_free(vm) - vm->watermark, used_seldom = 0, here = 0;
    bool swaps = guest_swap_free(vm) > 0;

    for (unsigned i = POOL_ANON; i < POOLS; i++) {
        const struct pool *p = &vm->pools[i];

        if (p->use * vm->tick * ROOM_TICKS > 1)
            continue;
        here += p->at[PLACE_HERE];
        if (!is_free(i) && (swaps || is_cache(i)))
            used_seldom += pool_memory(p);
    }
    *host = host_room(s, vm) + here;
    return fmax(guest, 0) + used_seldom;
}

static void see_what_fits(struct sim *s, struct vm *vm, struct misses *m)
{
    double within = 0, on_host = 0, host, guest = room_for(s, vm, &host), fits;

    for (unsigned i = 0; i < m->n; i++) {
        within += (m->of[i].away + m->of[i].fresh) * once(&m->of[i], vm->tick);
        on_host += m->of[i].out * once(&m->of[i], vm->tick);
    }
    fits = within > guest ? guest / within : 1;
    if (within + on_host > host)
        fits = fmin(fits, host / (within + on_host));
    for (unsigned i = 0; i < m->n; i++)
        if (m->of[i].pool != POOL_STREAM)
            m->of[i].fits = fits;
}

static double time_of(const struct misses *m, double w, double *slope)
{
    double time = m->demand * w;

    *slope = m->demand;
    for (unsigned i = 0; i < m->n; i++) {
        const struct miss *miss = &m->of[i];
        double cost = miss->away_cost + miss->fresh_cost + miss->out_cost;

        time += cost * returns(miss, w);
        *slope += cost * miss->use * (1 - miss->fits * once(miss, w));
    }
    return time;
}

/* Seconds of work that can be done in @dt. */
static double solve(const struct misses *m, double dt)
{
    double w = 0, slope, time = time_of(m, dt, &slope);

    if (time <= dt)
        return dt;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        time = time_of(m, w, &slope);
        w += (dt - time) / slope;
        if (dt - time < dt / 1e4)
            break;
    }
    return fmin(fmax(w, 0), dt);
}

/* Part of @w that the guest and the host have room for, after what could be reclaimed. */
static double grant(struct sim *s, struct vm *vm, const struct misses *m, double w)
{
    double within = 0, on_host = 0, free = fmax(vm_free(vm) - vm->watermark, 0), room, part = 1;

    for (unsigned i = 0; i < m->n; i++) {
        const struct miss *miss = &m->of[i];

        within += (miss->away + miss->fresh) * once(miss, w);
        on_host += miss->out * once(miss, w);
    }
    if (within > free) {
        free += guest_reclaim(s, vm, within - free);
        part = fmin(part, free / within);
    }
    room = host_room(s, vm);
    s->demand += on_host;
    if (on_host > room) {
        s->refused += on_host - room;
        part = fmin(part, room / on_host);
    }
    return part;
}

/* Pages come back: @once, but counted for each time that they do. */
static void bring_back(struct sim *s, struct vm *vm, const struct miss *miss, double w, double part)
{
    struct pool *p = &vm->pools[miss->pool];
    double back = once(miss, w) * part, again = fmax(returns(miss, w) * part - back, 0);
    double away = p->at[PLACE_AWAY], wants = (miss->away + miss->fresh) * back, got;

    for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
        if (p->at[place] > 0)
            pager_load(s, vm, p, place, fmin(p->at[place] * back, host_room(s, vm)));
    vm->loaded += miss->out * again;
    vm->moved_out += miss->out * again;
    s->swapping += 2 * miss->out * again;
    if (wants <= 0)
        return;
    got = guest_take(s, vm, miss->pool, wants);
    p->at[PLACE_AWAY] = fmax(away - got * miss->away / (miss->away + miss->fresh), 0);
    if (is_cache(miss->pool))
        return;
    vm->swapped_in += got + miss->away * again;
    s->swapping += got + 2 * miss->away * again;
    vm->swapped_out += miss->away * again;
    vm->faults += (got + miss->away * again) / PAGE_BYTES;
}

struct waits {
    double swap, file, fresh, host;
};

static struct waits waits_of(const struct misses *m, double w)
{
    struct waits sum = {0};

    for (unsigned i = 0; i < m->n; i++) {
        const struct miss *miss = &m->of[i];
        double times = returns(miss, w);

        *(is_cache(miss->pool) ? &sum.file : &sum.swap) += miss->away_cost * times;
        sum.fresh += miss->fresh_cost * times;
        sum.host += miss->out_cost * times;
    }
    return sum;
}

/* What the work would have been with all of its memory, and by what the rest was lost. */
static void account(struct vm *vm, const struct waits *waits, double demand, double w, double owed)
{
    double least = fmax(demand * w + waits->fresh, w), wanted = vm->tick, lost, all;

    if (w > 0 && least > w)
        wanted = fmin(vm->tick, vm->tick * w / least);
    wanted = fmax(wanted, w);
    lost = wanted - w;
    all = waits->swap + waits->file + waits->host + owed;
    if (lost > 0 && all > 0) {
        vm->sums.lost_guest_swap += lost * waits->swap / all;
        vm->sums.lost_file += lost * waits->file / all;
        vm->sums.lost_host_swap += lost * (waits->host + owed) / all;
    } else {
        vm->sums.lost_host_swap += lost;
    }
    vm->speed = wanted > 0 ? w / wanted : (double)NAN;
    if (vm->speed < 0.5)
        vm->sums.distress += vm->tick;
    if (vm->step->counts) {
        vm->sums.work_wanted += wanted;
        vm->sums.work_done += w;
    }
}

static void follow_pace(const struct sim *s, struct vm *vm, double pace)
{
    vm->pace += (pace - vm->pace) * s->pace_weight;
}

/* Programs that were killed begin again with nothing: what they had in memory they have to make
 * or read again before they are of use. */
static bool regrows(const struct sim *s, struct vm *vm)
{
    if (vm->regrows)
        vm->regrows = s->now < vm->restart_at || guest_lacks(vm) > REGROWN * (double)vm->step->own;
    return vm->regrows;
}

static void grow_older(const struct sim *s, struct vm *vm, double work)
{
    follow_pace(s, vm, work / vm->tick);
    vm->window_work += work;
    vm->anon_age = fmin(vm->anon_age + work, LRU_AGE_MAX);
    vm->cache_age = fmin(vm->cache_age + work, LRU_AGE_MAX);
}

void guest_works_on(const struct sim *s, struct vm *vm)
{
    grow_older(s, vm, vm->work);
    if (vm->work <= 0 || !vm->step->counts)
        return;
    vm->sums.work_wanted += vm->work;
    vm->sums.work_done += vm->work;
}

void guest_work(struct sim *s, struct vm *vm)
{
    double owed = fmin(vm->owed, vm->tick), w, part = 1;
    struct misses misses;
    struct waits waits = {0};

    vm->owed -= owed;
    vm->waited += owed;
    vm->misses = 0;
    vm->work = 0;
    if (!vm->step || vm->step->demand <= 0) {
        vm->speed = NAN;
        follow_pace(s, vm, 0);
        return;
    }
    if (regrows(s, vm)) {
        vm->sums.lost_killed += guest_loses(vm, vm->tick);
        vm->speed = 0;
        follow_pace(s, vm, 0);
        return;
    }
    find_misses(s, vm, &misses);
    vm->misses = misses.n;
    if (misses.n == 0) {
        w = fmin(vm->tick, (vm->tick - owed) / misses.demand);
    } else {
        see_what_fits(s, vm, &misses);
        w = solve(&misses, vm->tick - owed);
        part = grant(s, vm, &misses, w);
        waits = waits_of(&misses, w * part);
        for (unsigned i = 0; i < misses.n; i++)
            bring_back(s, vm, &misses.of[i], w, part);
        w *= part;
        vm->waited += waits.host;
    }
    vm->work = w;
    grow_older(s, vm, w);
    account(vm, &waits, misses.demand, w, owed);
}

double guest_loses(struct vm *vm, double dt)
{
    if (!vm->step || vm->step->demand <= 0)
        return 0;
    vm->sums.distress += dt;
    if (vm->step->counts)
        vm->sums.work_wanted += dt;
    return dt;
}
