/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All searches and sweeps of a plan are tasks that know nothing of each other and write to a place
 * of their own: threads take them in any order, and the answer is the same. Only the guess with
 * which a search begins comes from another one, of the first seed, which has ended before.
 */
#include "sim/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/plan_impl.h"

/* Steps of the number of guests: while nothing is known, and around another seed's border. */
#define FACTOR_FIRST 1.3
#define FACTOR_NEXT  1.06

/* Of the border: where the sweep looks. */
static const double sweep_factors[PLAN_POINTS] = {0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 2.0};

struct task {
    struct plan_setup setup;
    unsigned guests; /* the guess, or the point of the sweep */
    double factor;   /* 0: a point of the sweep */
    struct plan_border border;
    struct plan_trial trial;
};

static const char *const means_names[PLAN_MEANS_MAX] = {
    [PLAN_DESCRIBED] = "as described",
    [PLAN_BALLOON] = "balloon",
    [PLAN_SHARING] = "balloon + sharing",
    [PLAN_SWAPPING] = "balloon + swapping",
    [PLAN_COMPRESSION] = "balloon + swapping + compression",
};

const char *plan_means_name(enum plan_means m)
{
    return means_names[m];
}

static const char *const cause_texts[PLAN_CAUSE_MAX] = {
    [PLAN_BY_GUEST_SWAP] = "by reading back what they had to swap themselves",
    [PLAN_BY_FILES] = "by reading files again for which they had no memory",
    [PLAN_BY_HOST_SWAP] = "by waiting for pages that the host had put out",
    [PLAN_BY_BLOCKED] = "by being held in state low",
    [PLAN_BY_CPU] = "by processor time that the means themselves took",
};

const char *plan_cause_text(enum plan_cause c)
{
    return cause_texts[c];
}

static void run_task(void *data, void *user_data)
{
    struct task *t = data;

    (void)user_data;
    if (t->factor > 0)
        plan_search(&t->setup, t->guests, t->factor, &t->border);
    else
        (void)plan_try(&t->setup, t->guests, true, &t->trial);
}

static void run_all(const struct plan_question *q, GArray *tasks)
{
    unsigned jobs = CLAMP(q->jobs, 1, PLAN_JOBS_MAX);
    GThreadPool *pool = g_thread_pool_new(run_task, NULL, (int)jobs, TRUE, NULL);

    for (unsigned i = 0; i < tasks->len; i++)
        (void)g_thread_pool_push(pool, &g_array_index(tasks, struct task, i), NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
}

struct making {
    const struct plan_question *q;
    struct plan *plan;
    struct plan_alone *alone[PLAN_SEEDS_MAX];
    unsigned first_guess; /* of the searches of the first seed */
};

static struct task task_of(const struct making *m, enum plan_means means, unsigned seed)
{
    return (struct task){.setup = {.question = m->q,
                                   .alone = m->alone[seed],
                                   .means = means,
                                   .seed = m->q->first_seed + seed}};
}

static bool asked_for(const struct making *m, enum plan_means means)
{
    return means == PLAN_DESCRIBED || m->q->means;
}

static void note_border(struct plan_answer *a, const struct plan_border *border)
{
    if (a->n == 0)
        a->beyond = border->beyond;
    a->guests[a->n++] = border->fits;
    a->simulated_days += border->simulated_days;
}

/* Of seeds from @from to before @to. */
static void search_seeds(struct making *m, unsigned from, unsigned to)
{
    g_autoptr(GArray) tasks = g_array_new(FALSE, TRUE, sizeof(struct task));

    for (enum plan_means means = 0; means < PLAN_MEANS_MAX; means++)
        for (unsigned s = from; asked_for(m, means) && s < to; s++) {
            struct task task = task_of(m, means, s);

            task.guests = s == 0 ? m->first_guess : m->plan->answers[means].guests[0];
            task.factor = s == 0 ? FACTOR_FIRST : FACTOR_NEXT;
            g_array_append_val(tasks, task);
        }
    run_all(m->q, tasks);
    for (unsigned i = 0; i < tasks->len; i++) {
        const struct task *t = &g_array_index(tasks, struct task, i);

        note_border(&m->plan->answers[t->setup.means], &t->border);
    }
}

static int compare_unsigned(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return (x > y) - (x < y);
}

unsigned plan_answer_median(const struct plan_answer *a)
{
    return a->guests[(a->n - 1) / 2];
}

/* The chance that the median lies between the values at places @low and n - 1 - @low of n: that of
 * more than @low and fewer than n - @low heads in n throws. */
static double holds_median(unsigned n, unsigned low)
{
    double probability = 1, term = pow(0.5, n);

    for (unsigned i = 0; i <= low; i++) {
        probability -= 2 * term;
        term *= (double)(n - i) / (i + 1);
    }
    return probability;
}

bool plan_answer_interval(const struct plan_answer *a, double wanted, unsigned *ret_low,
                          unsigned *ret_high, double *ret_probability)
{
    if (a->n < 2 || holds_median(a->n, 0) < wanted)
        return false;

    unsigned low = 0;

    while (2 * (low + 1) < a->n - 1 && holds_median(a->n, low + 1) >= wanted)
        low++;
    *ret_low = low;
    *ret_high = a->n - 1 - low;
    *ret_probability = holds_median(a->n, low);
    return true;
}

/* --- the sweep --- */

/* The worst of slowdowns, the sum of what is counted, the mean of the rest. */
static void add_trial(struct plan_trial *sum, const struct plan_trial *t, unsigned of)
{
    sum->guests = t->guests;
    sum->sizes += t->sizes / of;
    sum->minutes += t->minutes;
    sum->slow += t->slow;
    sum->mean += t->mean / of;
    sum->worst = fmax(sum->worst, t->worst);
    sum->at_percentile = fmax(sum->at_percentile, t->at_percentile);
    for (unsigned c = 0; c < PLAN_CAUSE_MAX; c++)
        sum->lost[c] += t->lost[c] / of;
    for (unsigned s = 0; s < HOST_STATE_MAX; s++)
        sum->state_part[s] += t->state_part[s] / of;
    sum->oom_kills += t->oom_kills;
    sum->kills += t->kills;
    if (!sum->bottleneck.any)
        sum->bottleneck = t->bottleneck;
}

static unsigned sweep_point(const struct making *m, unsigned point)
{
    unsigned median = plan_answer_median(&m->plan->answers[PLAN_DESCRIBED]);
    double n = round(median * sweep_factors[point]);

    return (unsigned)CLAMP(n, 1, FLEET_GUESTS_MAX);
}

static void make_sweep(struct making *m)
{
    struct plan *p = m->plan;
    g_autoptr(GArray) tasks = g_array_new(FALSE, TRUE, sizeof(struct task));

    p->sweep_seeds = MIN(m->q->seeds, PLAN_SWEEP_SEEDS);
    p->sweep_points = PLAN_POINTS;
    for (unsigned i = 0; i < PLAN_POINTS * p->sweep_seeds; i++) {
        struct task task = task_of(m, PLAN_DESCRIBED, i % p->sweep_seeds);

        task.guests = sweep_point(m, i / p->sweep_seeds);
        g_array_append_val(tasks, task);
    }
    run_all(m->q, tasks);
    for (unsigned i = 0; i < tasks->len; i++)
        add_trial(&p->sweep[i / p->sweep_seeds], &g_array_index(tasks, struct task, i).trial,
                  p->sweep_seeds);
}

/* --- all of it --- */

static unsigned median_without(const struct plan_question *q)
{
    struct plan_answer a = {.n = q->seeds};

    for (unsigned s = 0; s < q->seeds; s++)
        a.guests[s] = plan_without(q, q->first_seed + s);
    qsort(a.guests, a.n, sizeof(*a.guests), compare_unsigned);
    return plan_answer_median(&a);
}

static void sort_answers(struct plan *p)
{
    for (enum plan_means means = 0; means < PLAN_MEANS_MAX; means++)
        qsort(p->answers[means].guests, p->answers[means].n, sizeof(unsigned), compare_unsigned);
}

struct plan *plan_make(const struct plan_question *q)
{
    struct making m = {.q = q, .plan = g_new0(struct plan, 1)};

    g_assert(q->seeds >= 1 && q->seeds <= PLAN_SEEDS_MAX);
    for (unsigned s = 0; s < q->seeds; s++)
        m.alone[s] = plan_alone_new(q, q->first_seed + s);
    m.plan->minutes = plan_minutes(q);
    m.plan->without = median_without(q);
    m.first_guess = (unsigned)ceil(m.plan->without * FACTOR_FIRST);
    search_seeds(&m, 0, 1);
    search_seeds(&m, 1, q->seeds);
    sort_answers(m.plan);
    if (q->sweep)
        make_sweep(&m);
    for (unsigned s = 0; s < q->seeds; s++)
        plan_alone_free(m.alone[s]);
    return m.plan;
}

double plan_overcommit(const struct plan_question *q, unsigned guests)
{
    double sizes = 0;

    for (unsigned i = 0; i < guests; i++)
        sizes += (double)fleet_guest_size(q->fleet, q->first_seed, i);
    return sizes / (double)q->capacity;
}

const struct plan_trial *plan_breaks(const struct plan_question *q, const struct plan *p)
{
    const struct plan_trial *beyond = &p->answers[PLAN_DESCRIBED].beyond;

    for (unsigned i = 0; i < p->sweep_points; i++) {
        const struct plan_trial *t = &p->sweep[i];

        if (t->slow > t->minutes * (1 - q->percentile))
            return t;
    }
    return beyond->bottleneck.any ? beyond : NULL;
}

void plan_free(struct plan *p)
{
    g_free(p);
}
