/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LOOK_USEC USEC_PER_SEC
#define TICK_USEC (200 * USEC_PER_MSEC)
#define SLOW      0.9 /* of full speed */
#define VERY_SLOW 0.5
#define PLENTY    0.1 /* of the capacity is free */

/* Unlimited means this many times what all guests have. */
#define UNLIMITED 1.25

struct running {
    const struct scene *scene;
    struct sim *s;
    struct policies_config config;
    unsigned next_act;
    struct sim_guest_result *before; /* of each guest, when the warm-up was over */
    double over_before;

    /* Of all looks since then: */
    bool *stalls; /* per guest: it was very slow, and has not recovered */
    double stall_seconds, stalls_n, withheld, fairness_sum, fairness_n;
};

static void begin(struct running *r, const struct scene *scene, const struct manager_ops *policy,
                  uint64_t capacity, uint32_t seed)
{
    struct sim_config config = {
        .host = scene->host, .costs = sim_costs_default(), .manager = policy, .seed = seed};

    *r = (struct running){.scene = scene};
    r->config = (struct policies_config){.seed = seed, .specs = scene->guests, .n = scene->n};
    config.host.capacity = capacity;
    config.host.tick = TICK_USEC;
    if (policy != &MANAGER_AEROSTAT)
        config.manager_config = &r->config;
    r->s = sim_new(&config);
    for (unsigned i = 0; i < scene->n; i++)
        sim_add(r->s, &scene->guests[i]);
    r->before = g_new0(struct sim_guest_result, scene->n);
    r->stalls = g_new0(bool, scene->n);
}

static void end(struct running *r)
{
    sim_free(r->s);
    g_free(r->before);
    g_free(r->stalls);
}

static void act(struct running *r, const struct scene_act *a)
{
    switch (a->kind) {
    case SCENE_CAPACITY:
        sim_set_capacity(r->s, a->bytes);
        break;
    case SCENE_MANAGER_OFF:
    case SCENE_MANAGER_ON:
        sim_manager_off(r->s, a->kind == SCENE_MANAGER_OFF);
        break;
    case SCENE_PAUSE:
    case SCENE_RESUME:
        sim_pause_guest(r->s, a->guest, a->kind == SCENE_PAUSE);
        break;
    case SCENE_END:
        sim_end_guest(r->s, a->guest);
        break;
    }
}

/* One look further; what happens to the capacity is left out where memory is unlimited. */
static void go_on(struct running *r, bool unlimited)
{
    const GArray *acts = r->scene->acts;

    for (; r->next_act < acts->len; r->next_act++) {
        const struct scene_act *a = &g_array_index(acts, struct scene_act, r->next_act);

        if (a->at > sim_now(r->s))
            break;
        if (!unlimited || a->kind != SCENE_CAPACITY)
            act(r, a);
    }
    sim_run(r->s, sim_now(r->s) + LOOK_USEC);
}

static void note_before(struct running *r)
{
    struct sim_host_result host;

    sim_host_result(r->s, &host);
    r->over_before = host.over_capacity;
    for (unsigned i = 0; i < r->scene->n; i++)
        sim_guest_result(r->s, i, &r->before[i]);
}

static void run_through(struct running *r, bool unlimited, void (*look)(struct running *))
{
    bool warm = false;

    while (sim_now(r->s) < r->scene->length) {
        go_on(r, unlimited);
        if (!warm && sim_now(r->s) >= SCENE_WARM_UP) {
            warm = true;
            note_before(r);
        }
        if (warm && look)
            look(r);
    }
}

static double done_since(const struct running *r, unsigned guest)
{
    struct sim_guest_result now;

    sim_guest_result(r->s, guest, &now);
    return now.work_done - r->before[guest].work_done;
}

double *trial_unlimited(const struct scene *scene, uint32_t seed)
{
    double *ret = g_new0(double, scene->n), capacity = 0;
    struct running r;

    for (unsigned i = 0; i < scene->n; i++)
        capacity += UNLIMITED * (double)scene->guests[i].size;
    begin(&r, scene, &MANAGER_NONE, (uint64_t)capacity, seed);
    run_through(&r, true, NULL);
    for (unsigned i = 0; i < scene->n; i++)
        ret[i] = done_since(&r, i);
    end(&r);
    return ret;
}

static double shares_of(const struct sim_guest_spec *g)
{
    return g->settings.shares ? (double)g->settings.shares
                              : (double)SHARES_PER_MIB_NORMAL * ((double)g->size / MIB);
}

static void look(struct running *r)
{
    double sum = 0, squares = 0;
    bool plenty = (double)sim_free_memory(r->s) > PLENTY * (double)r->scene->host.capacity;
    unsigned slow = 0;

    for (unsigned i = 0; i < r->scene->n; i++) {
        struct sim_guest_now now;
        double part;

        sim_guest_now(r->s, i, &now);
        if (!now.alive || isnan(now.speed) || now.speed >= SLOW) {
            r->stalls[i] = false;
            continue;
        }
        part = (double)now.resident / shares_of(&r->scene->guests[i]);
        sum += part;
        squares += part * part;
        slow++;
        r->withheld += plenty;
        if (now.speed < VERY_SLOW && !r->stalls[i]) {
            r->stalls[i] = true;
            r->stalls_n++;
        }
        r->stall_seconds += r->stalls[i];
    }
    if (slow >= 2 && squares > 0) {
        r->fairness_sum += sum * sum / (slow * squares);
        r->fairness_n++;
    }
}

static void throughput(struct trial *t, const struct running *r)
{
    double sum = 0;
    unsigned n = 0;

    t->worst = INFINITY;
    for (unsigned i = 0; i < r->scene->n; i++) {
        double part;

        if (!(t->unlimited[i] > 0))
            continue;
        part = done_since(r, i) / t->unlimited[i];
        sum += part;
        n++;
        if (part < t->worst) {
            t->worst = part;
            t->worst_guest = r->scene->guests[i].name;
        }
    }
    t->mean = n > 0 ? sum / n : (double)NAN;
}

static double lost(const struct sim_guest_result *g)
{
    return g->lost_guest_swap + g->lost_file + g->lost_host_swap + g->lost_blocked + g->lost_cpu;
}

static uint64_t moved(const struct sim_guest_result *g)
{
    return g->inflated + g->deflated + g->put_out + g->brought_in + g->guest_swapped_out +
           g->guest_swapped_in;
}

static void sum_up(struct trial *t, const struct running *r)
{
    double seconds = (double)(r->scene->length - SCENE_WARM_UP) / (double)USEC_PER_SEC;
    double all_lost = 0, wanted = 0, all_moved = 0;
    struct sim_host_result host;

    sim_host_result(r->s, &host);
    for (unsigned i = 0; i < r->scene->n; i++) {
        struct sim_guest_result now;
        const struct sim_guest_result *before = &r->before[i];

        sim_guest_result(r->s, i, &now);
        all_lost += lost(&now) - lost(before);
        wanted += now.work_wanted - before->work_wanted;
        all_moved += (double)(moved(&now) - moved(before));
        t->oom_kills += now.oom_kills;
        t->panics += now.panicked;
        t->below_reservation += now.below_reservation;
    }
    t->lost = wanted > 0 ? all_lost / wanted : 0;
    t->moved = all_moved / seconds;
    t->host_kills = host.kills;
    t->over = host.over_capacity - r->over_before;
    t->cpu = host.manager_cpu / ((double)r->scene->length / (double)USEC_PER_SEC);
    t->fairness = r->fairness_n > 0 ? r->fairness_sum / r->fairness_n : 1;
    t->reaction = r->stalls_n > 0 ? r->stall_seconds / r->stalls_n : 0;
    t->withheld = r->withheld;
}

void trial_run(struct trial *t)
{
    struct running r;

    begin(&r, t->scene, t->policy, t->scene->host.capacity, t->seed);
    run_through(&r, false, look);
    throughput(t, &r);
    sum_up(t, &r);
    end(&r);
}

static void explain(const struct running *r, unsigned guest)
{
    struct sim_guest_now now;
    struct guest_view view;
    struct sim_guest_result result;
    char text[512];

    sim_guest_now(r->s, guest, &now);
    sim_guest_result(r->s, guest, &result);
    printf("%.0f s: speed %.2f, sees %" G_GUINT64_FORMAT "M (told %" G_GUINT64_FORMAT
           "M), resident %" G_GUINT64_FORMAT "M, used %" G_GUINT64_FORMAT
           "M, cache %" G_GUINT64_FORMAT "M, working set %" G_GUINT64_FORMAT
           "M, out %" G_GUINT64_FORMAT "M, in its swap %" G_GUINT64_FORMAT
           "M, killed %u; host free %" G_GUINT64_FORMAT "M\n",
           (double)sim_now(r->s) / (double)USEC_PER_SEC, now.speed, now.granted / MIB,
           now.target / MIB, now.resident / MIB, now.used / MIB, now.cache / MIB,
           now.working_set / MIB,
           (now.out_zero + now.out_compressed + now.out_swapped + now.out_kernel) / MIB,
           now.swapped_by_guest / MIB, result.oom_kills, sim_free_memory(r->s) / MIB);
    if (!sim_guest_view(r->s, guest, &view))
        return;
    printf("    %s\n", policy_reason_text(&view.verdict, text, sizeof(text)));
    printf("    %s\n", policy_allowed_text(&view.verdict, text, sizeof(text)));
}

bool trial_explain(const struct scene *scene, const struct manager_ops *policy, uint32_t seed,
                   const char *guest, double from, double to)
{
    unsigned g = 0;
    struct running r;

    while (g < scene->n && strcmp(scene->guests[g].name, guest) != 0)
        g++;
    if (g == scene->n)
        return false;
    begin(&r, scene, policy, scene->host.capacity, seed);
    while (sim_now(r.s) < scene->length && (double)sim_now(r.s) < to * (double)USEC_PER_SEC) {
        go_on(&r, false);
        if ((double)sim_now(r.s) >= from * (double)USEC_PER_SEC)
            explain(&r, g);
    }
    end(&r);
    return true;
}
