/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest is drawn in this order: what it is, then its day. A day is a row of spells, each at work
 * or at rest, with the probability of the hour; bursts come on top at any time within the hours.
 * Both become changes in order of time, and each change a step of work (work.h).
 */
#include <math.h>

#include "sim/fleet_impl.h"
#include "sim/trace.h"

/* Of a guest's size, and besides: what its kernel needs and programs can't have. */
#define KERNEL_PART  0.08
#define KERNEL_BYTES (64 * MIB)
/* Memory is sold in such units. */
#define SIZE_UNIT (64 * MIB)

/* Steps that only let a guest grow. */
#define GROWTH_STEP_SECONDS 3600.0
#define BURSTS_MAX          10000u
#define DAY_SECONDS         ((double)FLEET_DAY / 1e6)

/* What a guest is, apart from when. */
struct drawn {
    const struct fleet_kind *kind;
    double most; /* bytes that its programs can hold */
    double idle, busy, growth, cache;
    double late; /* seconds, may be negative */
};

enum change_what {
    CHANGE_WORKS,
    CHANGE_RESTS,
    CHANGE_BURST, /* @bytes more, or less again */
    CHANGE_GROWS,
};

struct change {
    usec_t at;
    enum change_what what;
    double bytes;
};

/* --- which guest --- */

/* All that is random of guest @i; owned by the caller. */
static GRand *guest_rand(uint32_t seed, unsigned i)
{
    guint32 words[] = {seed, i, 0x666c6565};

    return g_rand_new_with_seed_array(words, G_N_ELEMENTS(words));
}

usec_t fleet_guest_start(GRand *rand)
{
    return (usec_t)(g_rand_double(rand) * (double)FLEET_WARM_UP / 2);
}

/* A number in [0, 1) for each index, such that the first n of them, whatever n, are spread evenly
 * (van der Corput): a fleet of any size has the kinds in their parts, without luck. */
static double evenly_spread(unsigned i)
{
    double value = 0, digit = 0.5;

    while (i > 0) {
        value += (i & 1) * digit;
        digit /= 2;
        i >>= 1;
    }
    return value;
}

static const struct fleet_kind *kind(const struct fleet *f, unsigned i)
{
    return f->kinds->pdata[i];
}

/* Those that are counted come first. */
static unsigned described_kind_of(const struct fleet *f, unsigned i)
{
    unsigned last = 0;
    double rest;

    for (unsigned k = 0; k < f->kinds->len; k++) {
        if (i < kind(f, k)->count)
            return k;
        i -= kind(f, k)->count;
    }
    rest = evenly_spread(i);
    for (unsigned k = 0; k < f->kinds->len; k++) {
        if (kind(f, k)->share <= 0)
            continue;
        last = k;
        if (rest < kind(f, k)->share)
            return k;
        rest -= kind(f, k)->share;
    }
    return last;
}

unsigned fleet_kinds(const struct fleet *f)
{
    return f->trace ? (unsigned)f->trace->n : f->kinds->len;
}

const char *fleet_kind_name(const struct fleet *f, unsigned number)
{
    return f->trace ? f->trace->guests[number].name : kind(f, number)->name;
}

unsigned fleet_kind_of(const struct fleet *f, uint32_t seed, unsigned i)
{
    GRand *rand;
    unsigned of;

    if (!f->trace)
        return described_kind_of(f, i);
    rand = guest_rand(seed, i);
    of = (unsigned)g_rand_int_range(rand, 0, (gint32)f->trace->n);
    g_rand_free(rand);
    return of;
}

/* --- what it is --- */

static uint64_t draw_size(const struct fleet_kind *k, GRand *rand)
{
    uint64_t size = (uint64_t)dist_draw(&k->size, rand);

    return u64_max(SIZE_UNIT, (size + SIZE_UNIT / 2) / SIZE_UNIT * SIZE_UNIT);
}

uint64_t fleet_guest_size(const struct fleet *f, uint32_t seed, unsigned i)
{
    unsigned of = fleet_kind_of(f, seed, i);
    GRand *rand;
    uint64_t size;

    if (f->trace)
        return f->trace->guests[of].size;
    rand = guest_rand(seed, i);
    size = draw_size(kind(f, of), rand);
    g_rand_free(rand);
    return size;
}

static struct drawn draw_amounts(const struct fleet_kind *k, uint64_t size, GRand *rand)
{
    struct drawn d = {.kind = k};

    d.most = fmax(0, (double)size * (1 - KERNEL_PART) - (double)KERNEL_BYTES);
    d.idle = dist_draw(&k->idle, rand);
    d.busy = dist_draw(&k->busy, rand);
    d.growth = dist_draw(&k->growth, rand);
    d.cache = dist_draw(&k->cache, rand);
    d.late = k->jitter * (2 * g_rand_double(rand) - 1);
    return d;
}

static uint64_t shares_of(const struct fleet_kind *k, uint64_t size)
{
    static const uint64_t per_mib[] = {SHARES_PER_MIB_LOW, SHARES_PER_MIB_NORMAL,
                                       SHARES_PER_MIB_HIGH};

    return size / MIB * per_mib[k->shares];
}

static void fill_spec(const struct fleet_kind *k, unsigned i, uint64_t size,
                      struct sim_guest_spec *ret)
{
    *ret = (struct sim_guest_spec){
        .name = g_strdup_printf("%s-%u", k->name, i),
        .size = size,
        .settings = {.shares = shares_of(k, size),
                     .reservation = (uint64_t)(k->reservation * (double)size),
                     .limit = (uint64_t)(k->limit * (double)size)},
        .ram = (enum sim_ram)k->ram,
        .balloon = (enum sim_balloon)k->balloon,
        .stats = (enum sim_stats)k->stats,
        .deflate_on_oom = k->deflate_on_oom,
        .free_page_reporting = k->reporting,
        .pager = k->pager,
        .share = k->sharing,
        .swap = k->guest_swap,
        .vcpus = k->vcpus,
        .end = USEC_NEVER,
    };
}

/* --- its day --- */

/* In [0, a day), as the guest's own clock has it. */
static double time_of_day(const struct drawn *d, usec_t at)
{
    double t = fmod((double)at / 1e6 - (double)FLEET_WARM_UP / 1e6 - d->late, DAY_SECONDS);

    return t < 0 ? t + DAY_SECONDS : t;
}

static bool within(const struct fleet_hours *h, double t)
{
    if (h->from < h->to)
        return t >= h->from && t < h->to;
    return h->from == h->to || t >= h->from || t < h->to;
}

static double part_at_work(const struct fleet_kind *k, double t)
{
    if (!within(&k->hours, t))
        return 0;
    return within(&k->peak, t) ? k->peak_part : k->busy_part;
}

/* Seconds until the clock shows @mark. */
static double until(double t, double mark)
{
    return mark > t ? mark - t : mark + DAY_SECONDS - t;
}

static double until_next_mark(const struct fleet_kind *k, double t)
{
    return fmin(fmin(until(t, k->hours.from), until(t, k->hours.to)),
                fmin(until(t, k->peak.from), until(t, k->peak.to)));
}

static void add_change(GArray *changes, double at, enum change_what what, double bytes)
{
    struct change c = {.at = (usec_t)(at * 1e6), .what = what, .bytes = bytes};

    g_array_append_val(changes, c);
}

static void draw_spells(const struct drawn *d, GRand *rand, double from, double to, GArray *changes)
{
    const struct fleet_kind *k = d->kind;

    for (double at = from; at < to;) {
        double t = time_of_day(d, (usec_t)(at * 1e6));
        double part = part_at_work(k, t);
        bool works = g_rand_double(rand) < part;
        double length = part > 0 ? fmax(1, dist_draw(&k->spell, rand)) : DAY_SECONDS;

        add_change(changes, at, works ? CHANGE_WORKS : CHANGE_RESTS, 0);
        at += fmax(1, fmin(length, until_next_mark(k, t)));
    }
}

/* Of those that come by chance all day, those are kept that fall into the hours. */
static void draw_bursts(const struct drawn *d, GRand *rand, double from, double to, GArray *changes)
{
    const struct fleet_kind *k = d->kind;
    double hours = until(k->hours.from, k->hours.to);
    double mean = k->bursts > 0 ? hours / k->bursts : 0;
    double at = from;

    for (unsigned n = 0; mean > 0 && n < BURSTS_MAX; n++) {
        at -= log(1 - g_rand_double(rand)) * mean;
        if (at >= to)
            break;

        double bytes = floor(dist_draw(&k->burst_size, rand)); /* so that a sum returns to 0 */
        double length = fmax(1, dist_draw(&k->burst_length, rand));

        if (!within(&k->hours, time_of_day(d, (usec_t)(at * 1e6))))
            continue;
        add_change(changes, at, CHANGE_BURST, bytes);
        add_change(changes, at + length, CHANGE_BURST, -bytes);
    }
}

static void add_growth(const struct drawn *d, double from, double to, GArray *changes)
{
    unsigned steps = d->growth > 0 ? (unsigned)ceil((to - from) / GROWTH_STEP_SECONDS) : 0;

    for (unsigned i = 0; i < steps; i++)
        add_change(changes, from + i * GROWTH_STEP_SECONDS, CHANGE_GROWS, 0);
}

static gint by_time(gconstpointer a, gconstpointer b)
{
    const struct change *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (int)x->what - (int)y->what;
}

/* --- steps of work --- */

static struct work_class use_of(double bytes, double interval, double use)
{
    return (struct work_class){.bytes = (uint64_t)bytes,
                               .interval = use > 0 ? interval / use : HUGE_VAL};
}

static struct work_step step_of(const struct drawn *d, usec_t at, bool works, double burst)
{
    const struct fleet_kind *k = d->kind;
    bool busy = works || burst > 0;
    double grown = d->growth * (double)at / (double)FLEET_DAY;
    double own = fmin(d->most, (works ? d->busy : d->idle) + fmax(0, burst) + grown);
    double use = busy ? 1 : k->idle_use;
    struct work_step s = {
        .at = at,
        .own = (uint64_t)own,
        .content = k->content,
        .writes = k->writes,
        .demand = busy ? k->load : k->idle_load,
        .threads = k->threads,
        .ops = 1,
        .counts = true,
    };

    for (unsigned r = 0; r < FLEET_REUSES; r++)
        s.anon[r] = use_of(own * k->reuse[r].part, k->reuse[r].interval, use);
    s.cache[0] = use_of(d->cache, k->cache_reuse, use);
    return s;
}

static void make_steps(const struct drawn *d, GRand *rand, const GArray *changes, struct work *ret)
{
    bool works = false;
    double burst = 0;

    for (unsigned i = 0; i < changes->len; i++) {
        const struct change *c = &g_array_index(changes, struct change, i);
        bool begins = c->what == CHANGE_WORKS && !works;

        if (c->what == CHANGE_WORKS || c->what == CHANGE_RESTS)
            works = c->what == CHANGE_WORKS;
        burst += c->bytes;
        if (i + 1 < changes->len && g_array_index(changes, struct change, i + 1).at == c->at)
            continue;

        struct work_step step = step_of(d, c->at, works, burst);

        if (begins)
            step.cold_cache = (uint64_t)dist_draw(&d->kind->files, rand);
        work_append(ret, &step);
    }
}

static void draw_work(const struct drawn *d, GRand *rand, usec_t start, usec_t end,
                      struct work *ret)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
    double from = (double)start / 1e6, to = (double)end / 1e6;

    draw_spells(d, rand, from, to, changes);
    draw_bursts(d, rand, from, to, changes);
    add_growth(d, from, to, changes);
    g_array_sort(changes, by_time);
    make_steps(d, rand, changes, ret);
}

usec_t fleet_length(const struct fleet *f, unsigned days)
{
    usec_t length = days * FLEET_DAY;

    return f->trace ? u64_min(length, f->trace->length) : length;
}

void fleet_guest(const struct fleet *f, uint32_t seed, unsigned i, unsigned days,
                 struct sim_guest_spec *ret)
{
    usec_t length = fleet_length(f, days);
    unsigned of = fleet_kind_of(f, seed, i);
    GRand *rand = guest_rand(seed, i);

    if (f->trace) {
        (void)g_rand_int(rand);
        fleet_recorded_guest(f, rand, of, length, ret);
    } else {
        uint64_t size = draw_size(kind(f, of), rand);
        struct drawn d = draw_amounts(kind(f, of), size, rand);

        fill_spec(kind(f, of), i, size, ret);
        ret->start = fleet_guest_start(rand);
        draw_work(&d, rand, ret->start, FLEET_WARM_UP + length, &ret->work);
    }
    g_rand_free(rand);
}

void fleet_guest_clear(struct sim_guest_spec *spec)
{
    g_free((char *)(uintptr_t)spec->name);
    work_clear(&spec->work);
}
