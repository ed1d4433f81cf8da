/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order replaces what was going on, as the guest program has it; memory that is owned stays
 * owned. So each order becomes one step, in force until the next, and what is owned meanwhile is
 * followed: a fill with a rate may be interrupted by the next order, and then it grows no further.
 *
 *     fill          grows, and uses nothing again
 *     touch         grows to its set, then uses it as Zipf has it. With ops= it is bounded work
 *                   (demand below 1), without it goes as fast as a touch costs (demand 1 a thread)
 *     stream        a file read again and again; once: page cache that nobody wants any more
 *     verify        every page owned, each used after the time that one pass takes: random uses in
 *                   place of one walk, for as long as VERIFY_PASSES of them take at full speed
 *     free, drop-caches, idle: rest, with less or the same
 *
 * Left out: the time that a stream needs to write its file first, and that the growth of a touch or
 * a fill takes longer in a guest that is short (the next order then finds the memory that it would
 * own, not the memory that it got).
 */
#include "sim/work_scenario.h"

#include <math.h>

/* Random uses reach 95 of 100 pages in three times the time of one pass over all. */
#define VERIFY_PASSES 3

#define PAGE 4096.0

/* What content=mixed is: guest/content.c. */
#define MIXED_ZERO         0.25
#define MIXED_COMPRESSIBLE 0.375
#define MIXED_RATIO        0.3

/* Bytes by what they hold. */
struct mix {
    double bytes, zero, compressible, compressed /* what those take then */, identical;
};

struct builder {
    const struct sim_costs *costs;
    const struct scenario_guest *guest;
    struct work *work;
    struct mix own;    /* at @since, and it... */
    struct mix growth; /* ...grows by so much... */
    double rate;       /* ...at so many bytes a second */
    double since;      /* on the scenario's clock */
    double verified;   /* when a verify is over; INFINITY: there is none */
    usec_t offset;
};

static void mix_add(struct mix *m, const struct mix *more, double part)
{
    m->bytes += part * more->bytes;
    m->zero += part * more->zero;
    m->compressible += part * more->compressible;
    m->compressed += part * more->compressed;
    m->identical += part * more->identical;
}

static struct mix mix_of(const struct phase *p, double bytes)
{
    struct mix m = {.bytes = bytes};

    switch (p->content) {
    case CONTENT_ZERO:
        m.zero = bytes;
        break;
    case CONTENT_SAME:
        m.identical = bytes;
        break;
    case CONTENT_COMPRESSIBLE:
        m.compressible = bytes;
        m.compressed = p->compressible * bytes;
        break;
    case CONTENT_MIXED:
        m.zero = MIXED_ZERO * bytes;
        m.compressible = MIXED_COMPRESSIBLE * bytes;
        m.compressed = MIXED_RATIO * m.compressible;
        break;
    case CONTENT_RANDOM:
        break;
    }
    return m;
}

static struct work_content content_of(const struct mix *m)
{
    struct work_content c = {.ratio = 1};

    if (!(m->bytes > 0))
        return c;
    c.zero = m->zero / m->bytes;
    c.compressible = m->compressible / m->bytes;
    c.identical = m->identical / m->bytes;
    if (m->compressible > 0)
        c.ratio = m->compressed / m->compressible;
    return c;
}

/* Own memory is what it has grown to by @t. */
static void settle(struct builder *b, double t)
{
    double grown = MIN(b->rate * (t - b->since), b->growth.bytes);
    double part = b->growth.bytes > 0 ? grown / b->growth.bytes : 0;

    mix_add(&b->own, &b->growth, part);
    b->growth = (struct mix){0};
    b->since = t;
}

/* The guest program grows, and never shrinks, to @bytes. */
static void grow(struct builder *b, const struct phase *p, uint64_t rate)
{
    b->growth = mix_of(p, MAX((double)p->bytes - b->own.bytes, 0));
    b->rate =
        rate > 0 ? MIN((double)rate, (double)b->costs->fill_rate) : (double)b->costs->fill_rate;
}

static void keep(struct builder *b, double bytes)
{
    struct mix all = b->own;

    if (bytes >= all.bytes)
        return;
    b->own = (struct mix){0};
    mix_add(&b->own, &all, bytes / all.bytes);
}

/* @writes: the part of the touches that write. */
static double seconds_per_touch(const struct builder *b, double writes)
{
    return (b->costs->touch_usec + writes * b->costs->write_usec) / 1e6;
}

static void touch(struct builder *b, const struct phase *p, struct work_step *step)
{
    unsigned threads = MAX(p->threads, 1);
    double parallel = MIN(threads, b->guest->vcpus);
    double each = seconds_per_touch(b, p->writes), most = parallel / each;

    grow(b, p, 0);
    step->ops = p->ops > 0 ? MIN((double)p->ops, most) : most;
    step->demand = MIN(step->ops * each, 1);
    step->threads = threads;
    step->writes = p->writes;
    step->counts = true;
    work_zipf(p->bytes, p->skew, step->ops, step->anon);
}

static void stream(struct builder *b, const struct phase *p, struct work_step *step)
{
    if (p->once) {
        step->cold_cache = p->bytes;
        return;
    }
    step->stream = p->bytes;
    step->demand = 1;
    step->ops = 1e6 / b->costs->file_reread_usec;
    step->counts = true;
}

static void verify(struct builder *b, double t, struct work_step *step)
{
    double pass = b->own.bytes / PAGE * seconds_per_touch(b, 0);

    if (!(pass > 0))
        return;
    step->anon[0] = (struct work_class){.bytes = (uint64_t)b->own.bytes, .interval = pass};
    step->demand = 1;
    b->verified = t + VERIFY_PASSES * pass;
}

static void obey(struct builder *b, const struct phase *p, double t, struct work_step *step)
{
    switch ((int)p->kind) {
    case PHASE_FILL:
        grow(b, p, p->rate);
        step->fill_rate = p->rate;
        break;
    case PHASE_TOUCH:
        touch(b, p, step);
        break;
    case PHASE_STREAM:
        stream(b, p, step);
        break;
    case PHASE_VERIFY:
        verify(b, t, step);
        break;
    case PHASE_FREE:
        keep(b, (double)p->bytes);
        break;
    case PHASE_DROP_CACHES:
        step->drop_caches = true;
        break;
    default: /* idle */
        break;
    }
}

static usec_t on_simulators_clock(const struct builder *b, double t)
{
    return b->offset + (usec_t)llround(t * 1e6);
}

/* What several orders at one time do once, all of them do; the last one goes on. */
static void append(struct builder *b, struct work_step *step)
{
    struct work_step *last = b->work->n > 0 ? &b->work->steps[b->work->n - 1] : NULL;

    if (last && last->at == step->at) {
        step->cold_cache += last->cold_cache;
        step->drop_caches = step->drop_caches || last->drop_caches;
        *last = *step;
        return;
    }
    work_append(b->work, step);
}

/* @p NULL: it rests. */
static void add_order(struct builder *b, const struct phase *p, double t)
{
    struct work_step step = {.at = on_simulators_clock(b, t), .threads = 1};
    struct mix all;

    settle(b, t);
    if (p)
        obey(b, p, t, &step);
    all = b->own;
    mix_add(&all, &b->growth, 1);
    step.own = (uint64_t)all.bytes;
    step.content = content_of(&all);
    append(b, &step);
}

/* A verify that is over by @t gives way to rest. */
static void end_verify(struct builder *b, double t)
{
    if (b->verified < t)
        add_order(b, NULL, b->verified);
    b->verified = INFINITY;
}

void work_of_scenario(const struct scenario_guest *guest, const struct sim_costs *costs,
                      usec_t offset, struct work *ret)
{
    struct builder b = {
        .costs = costs, .guest = guest, .work = ret, .offset = offset, .verified = INFINITY};
    struct work_step rest = {.threads = 1};

    *ret = (struct work){0};
    append(&b, &rest);
    for (unsigned i = 0; i < guest->phases->len; i++) {
        const struct phase *p = &g_array_index(guest->phases, struct phase, i);
        double t = MAX(p->at, guest->start);

        if (!phase_is_order(p->kind))
            continue;
        end_verify(&b, t);
        add_order(&b, p, t);
    }
    end_verify(&b, INFINITY);
}
