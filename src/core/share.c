/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what a look for identical pages costs is known (processor time for each page, measured),
 * what it brings is not known before. So new memory is looked at once, in every state and within a
 * minute where the processor time allows it; from then on it is the yield that decides. As long as
 * scans find something they go on: at rest in state high, faster in clear, as fast as they may when
 * the host is short. When they find nothing, scanning stops altogether, and another look is taken
 * after a pause that doubles with each look in vain.
 *
 * The kernel's way of scanning says how long a look is. It has a cursor that goes round all
 * mergeable memory; memory that is new comes behind it. The first visit notes down a page's
 * checksum, the second one compares pages whose checksum has not changed. So nothing can be said of
 * new memory before the present round and two further ones are over.
 *
 * The same cursor is what notices that a page is not merged any more: until it comes by, the kernel
 * counts (and keeps books, 64 bytes a page) as if it were. So where much that was merged was
 * written to, or has gone with its guest, another look is due whatever it finds.
 *
 * What was found is what was merged since, not what is merged: pages that are written to leave
 * again, and what stays merged needs no scanning. A guest that ends takes its merged pages with it;
 * therefore only increases are counted.
 */
#include "core/share.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The round under way and two full ones. */
#define LOOK_SCANS 3
/* In which they are to be over; but never slower than the kernel's own default pace. */
#define LOOK_USEC (45 * USEC_PER_SEC)
#define LOOK_RATE 5000.0
/* Rounds in a row that find nothing before scanning stops. */
#define POOR_SCANS 2
/* A round is worth it that merges one in so many pages, and at least... */
#define WORTH_PART 500
#define WORTH_MIN  16
/* Memory is new when there is more by one part in... */
#define NEW_PART 16
#define NEW_MIN  256
/* Where memory is looked at again: a round takes at least so long. */
#define ROUND_USEC         (5 * USEC_PER_SEC)
#define ROUND_PRESSED_USEC (2 * USEC_PER_SEC)
/* The part of memory found in a round at which a scan gets all the processor time of its state;
 * less yield gets less, down to a part of it. */
#define YIELD_FULL  0.02
#define YIELD_LEAST 0.25

/* Processor time for a page: microseconds. Measured on a machine of 2.5 GHz: 6 to 8 for pages that
 * are like no other, 20 for those that are merged. */
#define COST_FIRST 10.0
#define COST_MIN   0.3
#define COST_MAX   1000.0
#define COST_PAGES 500 /* fewer say nothing */
#define COST_GAIN  0.3

/* ksmd does a batch and sleeps. A batch can't be interrupted: whoever switches it off waits. */
#define PERIOD_USEC     (50 * USEC_PER_MSEC)
#define PERIOD_MAX_USEC USEC_PER_SEC
#define BATCH_MIN       32

enum phase {
    PHASE_RESTING,
    PHASE_LOOKING,
    PHASE_FINDING,
};

struct share {
    struct share_params params;
    enum phase phase;
    struct share_observation last;
    usec_t last_at; /* USEC_NEVER: nothing was seen yet */
    double rate;    /* pages/s, as last decided */
    double cost;    /* microseconds of processor time for a page */

    uint64_t known;     /* pages that were looked at, or are being; what is more is new */
    bool again;         /* the look is not for new memory */
    uint64_t scan_from; /* full scans when the look, or the present round, began */
    uint64_t found;     /* pages merged since */
    double yield;       /* of the last complete look or round, part of the memory */
    unsigned poor;      /* rounds in a row that were not worth it */
    usec_t rested_at, pause;

    /* What the kernel's counters do not know of yet: */
    uint64_t round_broken, known_broken; /* at the start of this round, of the last complete one */
    uint64_t peak;                       /* most memory since the last complete round */
};

static const char *const reason_names[] = {
    [SHARE_OFF] = "off",
    [SHARE_FINDING] = "finding",
    [SHARE_FIRST_LOOK] = "first-look",
    [SHARE_NEXT_LOOK] = "next-look",
    [SHARE_NOTHING] = "nothing",
    [SHARE_PRESSURE] = "pressure",
};
static_assert(sizeof(reason_names) / sizeof(*reason_names) == SHARE_REASON_MAX,
              "a name per reason");

const char *share_reason_name(enum share_reason reason)
{
    assert(reason < SHARE_REASON_MAX);
    return reason_names[reason];
}

struct share_params share_params_default(void)
{
    return (struct share_params){
        .cpu_max = 0.5,
        .cpu_rest = 0.1,
        .retry_usec = 60 * USEC_PER_SEC,
        .retry_max_usec = 3600 * USEC_PER_SEC,
    };
}

struct share *share_new(const struct share_params *params)
{
    struct share *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->params = *params;
    s->last_at = USEC_NEVER;
    s->cost = COST_FIRST;
    return s;
}

void share_free(struct share *s)
{
    free(s);
}

void share_set_params(struct share *s, const struct share_params *params)
{
    s->params = *params;
}

uint64_t share_saved(uint64_t merged, uint64_t shared, uint64_t sharing)
{
    uint64_t all = shared + sharing;

    /* The counters are read one after the other: a guest may have more than all. */
    return all ? (uint64_t)((double)u64_min(merged, all) * ((double)sharing / (double)all)) : 0;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

static bool pressed(const struct share_observation *seen)
{
    return seen->state >= HOST_SOFT;
}

static uint64_t worth(const struct share_observation *seen)
{
    return u64_max(seen->eligible / WORTH_PART, WORTH_MIN);
}

/* What the time since the last look at the counters tells. */
static void learn(struct share *s, const struct share_observation *seen, usec_t now)
{
    const struct share_observation *last = &s->last;
    double passed, pages;

    if (s->last_at == USEC_NEVER || seen->full_scans != last->full_scans) {
        s->known_broken = s->last_at == USEC_NEVER ? seen->broken : s->round_broken;
        s->round_broken = seen->broken;
        s->peak = seen->eligible;
    }
    s->peak = u64_max(s->peak, seen->eligible);
    if (s->last_at == USEC_NEVER || seen->scanned < last->scanned)
        return;
    passed = (double)u64_sub(now, s->last_at) / (double)USEC_PER_SEC;
    pages = seen->scanned ? (double)(seen->scanned - last->scanned) : s->rate * passed;
    if (pages >= COST_PAGES && seen->cpu > last->cpu) {
        double cost = (double)(seen->cpu - last->cpu) / pages;

        s->cost += COST_GAIN * (least(most(cost, COST_MIN), COST_MAX) - s->cost);
    }
    s->found += u64_sub(seen->shared + seen->sharing + seen->zero,
                        last->shared + last->sharing + last->zero);
}

static uint64_t stale(const struct share *s, const struct share_observation *seen)
{
    return u64_min(u64_sub(seen->broken, s->known_broken), seen->shared + seen->sharing);
}

/* The counters say too little of what there is. */
static bool is_stale(const struct share *s, const struct share_observation *seen)
{
    uint64_t merged = seen->shared + seen->sharing;

    return merged && (stale(s, seen) > u64_max(merged / NEW_PART, NEW_MIN) ||
                      s->peak - seen->eligible > u64_max(s->peak / NEW_PART, NEW_MIN));
}

static void begin_round(struct share *s, const struct share_observation *seen)
{
    s->scan_from = seen->full_scans;
    s->found = 0;
}

static void look(struct share *s, const struct share_observation *seen, bool again)
{
    s->phase = PHASE_LOOKING;
    s->again = again;
    if (!again)
        s->known = seen->eligible;
    begin_round(s, seen);
}

static void rest(struct share *s, usec_t now)
{
    s->phase = PHASE_RESTING;
    s->pause = s->pause ? u64_min(2 * s->pause, s->params.retry_max_usec) : s->params.retry_usec;
    s->rested_at = now;
}

static void find(struct share *s)
{
    s->phase = PHASE_FINDING;
    s->poor = 0;
    s->pause = 0;
}

/* A guest that gives memory away and gets it back has new memory, too: what is known shrinks. */
static void see_memory(struct share *s, const struct share_observation *seen)
{
    s->known = u64_min(s->known, seen->eligible);
    if (seen->eligible - s->known > u64_max(s->known / NEW_PART, NEW_MIN)) {
        s->pause = 0;
        look(s, seen, false);
    }
}

static void judge(struct share *s, const struct share_observation *seen, usec_t now)
{
    uint64_t rounds = u64_sub(seen->full_scans, s->scan_from);
    usec_t pause = pressed(seen) ? u64_min(s->pause, s->params.retry_usec) : s->pause;
    bool found = s->found >= worth(seen);

    switch (s->phase) {
    case PHASE_RESTING:
        if (u64_sub(now, s->rested_at) >= pause || is_stale(s, seen))
            look(s, seen, true);
        return;
    case PHASE_LOOKING:
        if (rounds < LOOK_SCANS)
            return;
        if (found)
            find(s);
        else
            rest(s, now);
        break;
    case PHASE_FINDING:
        if (rounds == 0)
            return;
        s->poor = found ? 0 : s->poor + 1;
        if (s->poor >= POOR_SCANS)
            rest(s, now);
        break;
    }
    s->yield = (double)s->found / (double)seen->eligible;
    begin_round(s, seen);
}

/* Processor time that scanning may use now. */
static double cpu_for(const struct share *s, const struct share_observation *seen)
{
    double part = least(most(s->yield / YIELD_FULL, YIELD_LEAST), 1);

    if (pressed(seen) || (s->phase == PHASE_LOOKING && !s->again))
        return s->params.cpu_max;
    if (s->phase == PHASE_LOOKING)
        return s->params.cpu_rest;
    return part * (seen->state == HOST_HIGH ? s->params.cpu_rest : s->params.cpu_max);
}

/* Pages a second that are of use. */
static double rate_wanted(const struct share *s, const struct share_observation *seen)
{
    double pages = (double)seen->eligible, round = (double)ROUND_USEC;

    if (pressed(seen))
        round = (double)ROUND_PRESSED_USEC;
    else if (s->phase == PHASE_LOOKING)
        round = (double)LOOK_USEC / LOOK_SCANS;
    pages *= (double)USEC_PER_SEC / round;
    return s->phase == PHASE_LOOKING ? most(pages, LOOK_RATE) : pages;
}

static enum share_reason reason_of(const struct share *s, const struct share_observation *seen)
{
    if (s->phase == PHASE_RESTING)
        return SHARE_NOTHING;
    if (pressed(seen))
        return SHARE_PRESSURE;
    if (s->phase == PHASE_FINDING)
        return SHARE_FINDING;
    return s->again ? SHARE_NEXT_LOOK : SHARE_FIRST_LOOK;
}

/* Batch and sleep that make a rate: few and large enough to be no burden themselves. */
static void set_pace(const struct share *s, struct share_decision *d)
{
    double period =
        least(most((double)BATCH_MIN / d->rate * (double)USEC_PER_SEC, (double)PERIOD_USEC),
              (double)PERIOD_MAX_USEC);
    double pages = most(d->rate * period / (double)USEC_PER_SEC, 1);
    double sleep = most(period - pages * s->cost, (double)USEC_PER_MSEC);

    d->pages_to_scan = (uint64_t)(pages + 0.5);
    d->sleep_msec = (unsigned)(sleep / (double)USEC_PER_MSEC + 0.5);
}

struct share_decision share_decide(struct share *s, const struct share_observation *seen,
                                   usec_t now)
{
    struct share_decision d = {.reason = SHARE_OFF};

    learn(s, seen, now);
    d.stale = stale(s, seen);
    if (seen->allowed && seen->eligible) {
        see_memory(s, seen);
        judge(s, seen, now);
        d.reason = reason_of(s, seen);
        d.run = s->phase != PHASE_RESTING;
    }
    if (d.run) {
        d.rate = least(rate_wanted(s, seen), cpu_for(s, seen) * (double)USEC_PER_SEC / s->cost);
        set_pace(s, &d);
    }
    s->rate = d.rate;
    s->last = *seen;
    s->last_at = now;
    return d;
}

static const char *reason_text(const struct share_decision *d)
{
    switch (d->reason) {
    case SHARE_OFF:
        return "nothing is looked at";
    case SHARE_FINDING:
        return "goes on as long as it finds identical pages";
    case SHARE_FIRST_LOOK:
        return "there is new memory to look at";
    case SHARE_NEXT_LOOK:
        return "looks again, after a pause or because much was written";
    case SHARE_NOTHING:
        return "pauses: nothing new was found";
    case SHARE_PRESSURE:
        return "as fast as it may: the host is short";
    case SHARE_REASON_MAX:
        break;
    }
    assert(0 && "a sentence per reason");
    return "";
}

const char *share_text(const struct share_decision *d, const struct share_observation *seen,
                       char *buf, size_t size)
{
    (void)snprintf(buf, size,
                   "%s; host %s, %.0f pages/s, %" PRIu64 " of %" PRIu64 " pages saved by %" PRIu64
                   " shared ones",
                   reason_text(d), host_state_name(seen->state), d->rate,
                   seen->sharing + seen->zero, seen->eligible, seen->shared);
    return buf;
}
