/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/report.h"

#include <math.h>

/* The oracle may be ahead of Aerostat by this part of its mean. */
#define ORACLE_MARGIN 0.05

static void add(struct report_row *row, const struct trial *t)
{
    row->trials++;
    row->mean += t->mean;
    row->worst += t->worst;
    row->lowest = fmin(row->lowest, t->worst);
    row->lost += t->lost;
    row->below_reservation += t->below_reservation;
    row->fairness += t->fairness;
    row->moved += t->moved;
    row->reaction += t->reaction;
    row->withheld += t->withheld;
    row->over += t->over;
    row->cpu += t->cpu;
    row->oom_kills += t->oom_kills;
    row->panics += t->panics;
    row->host_kills += t->host_kills;
}

bool report_row(const struct runs *runs, unsigned class, unsigned policy, struct report_row *ret)
{
    struct report_row *row = ret;
    double *const means[] = {&row->mean,  &row->worst,    &row->lost,     &row->below_reservation,
                             &row->moved, &row->fairness, &row->reaction, &row->withheld,
                             &row->over,  &row->cpu};

    *row = (struct report_row){.policy = runs->policies->pdata[policy], .lowest = INFINITY};
    for (unsigned s = 0; s < runs->scenes->len; s++)
        if (((const struct scene *)runs->scenes->pdata[s])->class == class)
            add(row, runs_trial(runs, s, policy));
    for (size_t i = 0; i < G_N_ELEMENTS(means) && row->trials > 0; i++)
        *means[i] /= row->trials;
    return row->trials > 0;
}

static void print_row(const struct report_row *r)
{
    printf("%-10s %6.3f %6.3f %6.3f %6.1f %5u %6u %6u %6.0f %6.2f %7.1f %7.1f %7.0f %6.1f %7.3f\n",
           r->policy->name, r->mean, r->worst, r->lowest, 100 * r->lost, r->oom_kills, r->panics,
           r->host_kills, r->below_reservation, r->fairness, r->moved / (double)MIB, r->reaction,
           r->withheld, r->over, 100 * r->cpu);
}

static void print_table(const struct runs *runs, unsigned class)
{
    struct report_row row;

    if (!report_row(runs, class, 0, &row))
        return;
    printf("\nclass %u: %s (%u runs of each)\n", class, scene_class_title(class), row.trials);
    printf("%-10s %6s %6s %6s %6s %5s %6s %6s %6s %6s %7s %7s %7s %6s %7s\n", "policy", "mean",
           "worst", "lowest", "lost%", "ooms", "panics", "killed", "resv", "fair", "MiB/s",
           "slow s", "withh.", "over s", "cpu%");
    for (unsigned p = 0; p < runs->policies->len; p++)
        if (report_row(runs, class, p, &row))
            print_row(&row);
}

/* All classes at a glance. */
static void print_summary(const struct runs *runs)
{
    printf("\nmean and worst guest:\n%-6s", "class");
    for (unsigned p = 0; p < runs->policies->len; p++)
        printf(" %9s", ((const struct manager_ops *)runs->policies->pdata[p])->name);
    printf("\n");
    for (unsigned class = 1; class <= SCENE_FLEETS; class ++) {
        struct report_row row;
        unsigned p = 0;

        for (; p < runs->policies->len && report_row(runs, class, p, &row); p++) {
            if (p == 0)
                printf("%-6u", class);
            printf(" %4.2f %4.2f", row.mean, row.worst);
        }
        if (p > 0)
            printf("\n");
    }
}

void report_tables(const struct runs *runs)
{
    for (unsigned class = 1; class <= SCENE_FLEETS; class ++)
        print_table(runs, class);
    print_summary(runs);
    printf(
        "\nmean, worst: throughput relative to unlimited memory, of all guests and of the one that "
        "has least, on average over\n  the runs; lowest: of all runs. lost%%: of the time that "
        "programs wanted to work, spent waiting for memory. ooms, panics:\n  in guests; killed: "
        "guests, by the host's kernel. resv: guest-seconds below a reservation. fair: Jain's index "
        "of memory\n  per share among guests slower than 90 %%. MiB/s: moved by balloons, host "
        "swap and guest swap. slow s: how long a guest\n  that fell below half its speed took, on "
        "average, to be above 90 %% again (reaction). withh.: guest-seconds below 90 %%\n  though "
        "a tenth of the host was free (what is not given back). over s: seconds over the "
        "capacity. cpu%%: of one processor,\n  by the manager.\n");
}

/* Who is best of the peers (the oracle and Aerostat are none) by @value. */
static void best_peer(const struct runs *runs, unsigned class, bool by_worst, double *ret_best,
                      const char **ret_name)
{
    *ret_best = 0;
    *ret_name = "nobody";
    for (unsigned p = 0; p < runs->policies->len; p++) {
        struct report_row row;
        double value;

        if (runs->policies->pdata[p] == &MANAGER_AEROSTAT || runs->policies->pdata[p] == &ORACLE ||
            !report_row(runs, class, p, &row))
            continue;
        value = by_worst ? row.worst : row.mean;
        if (value >= *ret_best) {
            *ret_best = value;
            *ret_name = row.policy->name;
        }
    }
}

static bool goal(unsigned class, const char *what, double value, double limit, const char *whose)
{
    bool met = value >= limit;

    printf("goal class-%u/%s: %.3f (limit %.3f, %s) %s\n", class, what, value, limit, whose,
           met ? "met" : "missed");
    return met;
}

static bool class_goals(const struct runs *runs, unsigned class, const struct report_row *ours)
{
    int oracle = runs_policy(runs, &ORACLE);
    struct report_row row;
    const char *name;
    double best;
    bool met;

    best_peer(runs, class, false, &best, &name);
    met = goal(class, "mean", ours->mean, best - REPORT_TIE, name);
    best_peer(runs, class, true, &best, &name);
    met = goal(class, "worst-guest", ours->worst, best - REPORT_TIE, name) && met;
    if (oracle >= 0 && report_row(runs, class, (unsigned)oracle, &row))
        met = goal(class, "near-oracle", ours->mean, (1 - ORACLE_MARGIN) * row.mean,
                   "95 % of the oracle") &&
              met;
    return met;
}

/* In how many runs a peer was ahead, by more than a tie. */
static void print_lost_runs(const struct runs *runs, unsigned aerostat)
{
    unsigned behind = 0;

    for (unsigned s = 0; s < runs->scenes->len; s++) {
        const struct trial *ours = runs_trial(runs, s, aerostat), *best = NULL;

        for (unsigned p = 0; p < runs->policies->len; p++) {
            const struct trial *t = runs_trial(runs, s, p);

            if (t->policy != &MANAGER_AEROSTAT && t->policy != &ORACLE &&
                t->mean > ours->mean + REPORT_TIE && (!best || t->mean > best->mean))
                best = t;
        }
        if (!best)
            continue;
        behind++;
        printf("behind in %s: mean %.3f, %s %.3f\n", ours->scene->name, ours->mean,
               best->policy->name, best->mean);
    }
    printf("single runs in which a peer's mean was ahead: %u of %u\n", behind, runs->scenes->len);
}

bool report_goals(const struct runs *runs)
{
    int aerostat = runs_policy(runs, &MANAGER_AEROSTAT);
    unsigned killed = 0;
    bool met = true;

    if (aerostat < 0 || runs->policies->len < 2)
        return true;
    printf("\n");
    print_lost_runs(runs, (unsigned)aerostat);
    printf("A difference of %.3f in a class is a tie, and met.\n", REPORT_TIE);
    for (unsigned class = 1; class <= SCENE_FLEETS; class ++) {
        struct report_row row;

        if (!report_row(runs, class, (unsigned)aerostat, &row))
            continue;
        met = class_goals(runs, class, &row) && met;
        killed += row.oom_kills + row.panics + row.host_kills;
    }
    printf("goal killed: %u (limit 0) %s\n", killed, killed == 0 ? "met" : "missed");
    return met && killed == 0;
}
