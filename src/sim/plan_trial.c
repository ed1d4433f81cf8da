/* SPDX-License-Identifier: Apache-2.0 */
/* One host with so many guests, minute by minute beside what each of them does alone. */
#include <math.h>
#include <string.h>

#include "sim/manager.h"
#include "sim/plan_impl.h"

/* Simulated at a time. With 200 ms it takes three times as long, and what guests lose near the
 * border was seen to differ by a factor of two, either way (docs/evidence.md). */
#define TICK USEC_PER_SEC

#define HOURS 24u
/* Slowdowns are counted in parts of a thousand. */
#define BINS 1001u

struct watched {
    struct plan_alone_guest alone;
    double done, lost[PLAN_CAUSE_MAX]; /* so far */
    double judged_done, judged_alone;  /* of the time that is judged */
    unsigned kind;
};

struct trial {
    const struct plan_setup *setup;
    struct sim *sim;
    struct watched *guests;
    unsigned n;
    double may_be_slow;
    double bins[BINS];
    double (*slow)[HOURS];               /* per kind */
    double (*slow_lost)[PLAN_CAUSE_MAX]; /* in slow minutes, per kind */
    struct sim_host_result host_before;
    struct plan_trial *ret;
};

struct sim_config plan_host(const struct plan_question *q, uint64_t capacity, uint32_t seed)
{
    return (struct sim_config){
        .host = {.capacity = capacity,
                 .swap = q->fleet->host.swap,
                 .pager_cache_part_permille = (uint64_t)lround(q->fleet->host.cache * 1000),
                 .tick = TICK},
        .costs = q->costs,
        .manager = &MANAGER_AEROSTAT,
        .seed = seed,
    };
}

static void apply_means(enum plan_means m, struct sim_guest_spec *spec)
{
    if (m == PLAN_DESCRIBED)
        return;
    spec->ram = m >= PLAN_SWAPPING ? SIM_RAM_MEMFD : SIM_RAM_PRIVATE;
    spec->pager = m >= PLAN_SWAPPING;
    spec->share = m == PLAN_SHARING && spec->share;
}

static void add_guest(struct trial *t, unsigned i)
{
    const struct plan_setup *setup = t->setup;
    const struct fleet *f = setup->question->fleet;
    struct sim_guest_spec spec;

    fleet_guest(f, setup->seed, i, setup->question->days, &spec);
    apply_means(setup->means, &spec);
    (void)sim_add(t->sim, &spec);
    t->ret->sizes += spec.size;
    fleet_guest_clear(&spec);
    plan_alone_look(setup->alone, i, &t->guests[i].alone);
    t->guests[i].kind = fleet_kind_of(f, setup->seed, i);
    t->may_be_slow += t->guests[i].alone.minutes * (1 - setup->question->percentile);
}

static void trial_init(struct trial *t, const struct plan_setup *setup, unsigned guests,
                       struct plan_trial *ret)
{
    const struct plan_question *q = setup->question;
    struct sim_config config = plan_host(q, q->capacity, setup->seed);
    unsigned kinds = fleet_kinds(q->fleet);

    if (setup->means == PLAN_SWAPPING)
        config.host.pager_cache_part_permille = 0;
    *ret = (struct plan_trial){.guests = guests};
    *t = (struct trial){.setup = setup, .n = guests, .ret = ret};
    t->sim = sim_new(&config);
    t->guests = g_new0(struct watched, guests);
    t->slow = g_malloc0_n(kinds, sizeof(*t->slow));
    t->slow_lost = g_malloc0_n(kinds, sizeof(*t->slow_lost));
    for (unsigned i = 0; i < guests; i++)
        add_guest(t, i);
}

static void trial_deinit(struct trial *t)
{
    sim_free(t->sim);
    g_free(t->guests);
    g_free(t->slow);
    g_free(t->slow_lost);
}

static void lost_of(const struct sim_guest_result *r, double *ret)
{
    ret[PLAN_BY_GUEST_SWAP] = r->lost_guest_swap;
    ret[PLAN_BY_FILES] = r->lost_file;
    ret[PLAN_BY_HOST_SWAP] = r->lost_host_swap;
    ret[PLAN_BY_BLOCKED] = r->lost_blocked;
    ret[PLAN_BY_CPU] = r->lost_cpu;
}

/* What the guest lost since the last look. */
static void lose(struct watched *g, const struct sim_guest_result *r, double *ret)
{
    double now[PLAN_CAUSE_MAX];

    lost_of(r, now);
    for (unsigned c = 0; c < PLAN_CAUSE_MAX; c++) {
        ret[c] = now[c] - g->lost[c];
        g->lost[c] = now[c];
    }
}

static void judge_minute(struct trial *t, struct watched *g, unsigned minute, double done,
                         const double *lost)
{
    double alone = (double)g->alone.done[minute];
    double slowdown = alone > 0 ? CLAMP(1 - done / alone, 0, 1) : 0;
    unsigned hour = minute / 60 % HOURS;

    g->judged_done += done;
    g->judged_alone += alone;
    if (alone < PLAN_WORK_MIN)
        return;
    t->ret->minutes++;
    t->bins[(unsigned)(slowdown * (BINS - 1))]++;
    if (slowdown <= t->setup->question->slowdown)
        return;
    t->ret->slow++;
    t->slow[g->kind][hour]++;
    for (unsigned c = 0; c < PLAN_CAUSE_MAX; c++)
        t->slow_lost[g->kind][c] += lost[c];
}

static void look_at(struct trial *t, unsigned i, unsigned minute)
{
    struct watched *g = &t->guests[i];
    struct sim_guest_result r;
    double lost[PLAN_CAUSE_MAX];
    double done;

    sim_guest_result(t->sim, i, &r);
    lose(g, &r, lost);
    done = r.work_done - g->done;
    g->done = r.work_done;
    if (minute == 0)
        return;
    for (unsigned c = 0; c < PLAN_CAUSE_MAX; c++)
        t->ret->lost[c] += lost[c];
    judge_minute(t, g, minute - 1, done, lost);
}

/* Minute 0 is the warm-up, which is not judged. */
static void look_at_all(struct trial *t, unsigned minute)
{
    for (unsigned i = 0; i < t->n; i++)
        look_at(t, i, minute);
    if (minute == 0)
        sim_host_result(t->sim, &t->host_before);
}

static void count_deaths(struct trial *t)
{
    struct sim_guest_result r;

    t->ret->oom_kills = t->ret->kills = 0;
    for (unsigned i = 0; i < t->n; i++) {
        sim_guest_result(t->sim, i, &r);
        if (r.oom_kills > t->guests[i].alone.oom_kills)
            t->ret->oom_kills += r.oom_kills - t->guests[i].alone.oom_kills;
        t->ret->kills += r.killed_by_host;
    }
}

static bool has_failed(struct trial *t)
{
    count_deaths(t);
    return t->ret->slow > t->may_be_slow || t->ret->oom_kills > 0 || t->ret->kills > 0;
}

/* --- what it comes to --- */

static void sum_slowdowns(struct trial *t)
{
    double done = 0, alone = 0, below = 0;

    for (unsigned i = 0; i < t->n; i++) {
        const struct watched *g = &t->guests[i];

        done += g->judged_done;
        alone += g->judged_alone;
        if (g->judged_alone > 0)
            t->ret->worst = fmax(t->ret->worst, 1 - g->judged_done / g->judged_alone);
    }
    t->ret->mean = alone > 0 ? fmax(0, 1 - done / alone) : 0;
    for (unsigned b = 0; b < BINS; b++) {
        below += t->bins[b];
        t->ret->at_percentile = (double)b / (BINS - 1);
        if (below >= t->setup->question->percentile * t->ret->minutes)
            break;
    }
}

static void sum_states(struct trial *t)
{
    struct sim_host_result r;
    double all = 0;

    sim_host_result(t->sim, &r);
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        t->ret->state_part[s] = r.state_seconds[s] - t->host_before.state_seconds[s];
        all += t->ret->state_part[s];
    }
    for (int s = 0; s < HOST_STATE_MAX && all > 0; s++)
        t->ret->state_part[s] /= all;
}

static unsigned largest(const double *values, unsigned n)
{
    unsigned at = 0;

    for (unsigned i = 1; i < n; i++)
        if (values[i] > values[at])
            at = i;
    return at;
}

static void find_bottleneck(struct trial *t)
{
    struct plan_bottleneck *b = &t->ret->bottleneck;
    unsigned kinds = fleet_kinds(t->setup->question->fleet);
    double most = 0;

    for (unsigned k = 0; k < kinds; k++) {
        double sum = 0;

        for (unsigned h = 0; h < HOURS; h++)
            sum += t->slow[k][h];
        if (sum <= most)
            continue;
        most = sum;
        *b = (struct plan_bottleneck){
            .any = true,
            .kind = k,
            .part = sum / t->ret->slow,
            .hour = largest(t->slow[k], HOURS),
            .cause = (enum plan_cause)largest(t->slow_lost[k], PLAN_CAUSE_MAX)};
    }
}

double plan_try(const struct plan_setup *setup, unsigned guests, bool to_the_end,
                struct plan_trial *ret)
{
    unsigned minutes = plan_minutes(setup->question), m = 0;
    struct trial t;
    double days;

    trial_init(&t, setup, guests, ret);
    sim_run(t.sim, FLEET_WARM_UP);
    look_at_all(&t, 0);
    while (m < minutes && (to_the_end || !has_failed(&t))) {
        sim_run(t.sim, FLEET_WARM_UP + (m + 1) * PLAN_MINUTE);
        look_at_all(&t, ++m);
    }
    ret->fits = !has_failed(&t);
    ret->ended_early = m < minutes;
    sum_slowdowns(&t);
    sum_states(&t);
    find_bottleneck(&t);
    days = (double)sim_now(t.sim) / (double)FLEET_DAY * guests;
    trial_deinit(&t);
    return days;
}
