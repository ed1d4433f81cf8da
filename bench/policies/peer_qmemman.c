/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Qubes' qmemman, its rules. Each domain says what it uses; it prefers to have that and a third.
 * What is free beyond that is divided by these preferences; where memory is short, those that have
 * more than they prefer give it, and the others share it likewise. Who was asked and does not give
 * is left out. What feeds the rules is in qmemman_host.c.
 */
#include "policies/peer_qmemman.h"

#include <math.h>

#include "core/units.h"

#define USE_MARGIN       1.3
#define PREF_MIN         (200.0 * MIB)
#define PRIVILEGED_EXTRA (350.0 * MIB)
#define ROUNDING         0.999 /* of what is handed out, so that the sum is never exceeded */
#define DONATION_MIN     (10.0 * MIB)
#define START_MARGIN     1.05
#define WORTH_MISSING    (15.0 * MIB)
#define WORTH_GAIN       (15.0 * MIB)
#define WORTH_SUM        (150.0 * MIB)

static bool takes_part(const struct qmemman_domain *d)
{
    return d->known && !d->no_progress;
}

double qmemman_pref(const struct qmemman_domain *d)
{
    if (d->privileged)
        return trunc(fmin(USE_MARGIN * d->used + PRIVILEGED_EXTRA, d->max));
    return trunc(fmax(fmin(USE_MARGIN * d->used, d->max), PREF_MIN));
}

static double need(const struct qmemman_domain *d)
{
    return qmemman_pref(d) - d->actual;
}

/* What the largest ones can't take goes to the others in equal parts, until it is gone. */
static void spread(struct qmemman_domain *domains, size_t n, double pool)
{
    size_t below = 0;

    for (size_t i = 0; i < n; i++)
        below += domains[i].set && domains[i].target < domains[i].max;
    while (pool > 0 && below > 0) {
        double bonus = trunc(ROUNDING * pool / (double)below);

        pool = 0;
        for (size_t i = 0; i < n; i++) {
            struct qmemman_domain *d = &domains[i];

            if (!d->set || d->target >= d->max)
                continue;
            d->target += bonus;
            if (d->target >= d->max) {
                pool += d->target - d->max;
                d->target = d->max;
                below--;
            }
        }
    }
}

static void enough(struct qmemman_domain *domains, size_t n, double sum_pref, double available)
{
    double pool = 0;

    for (size_t i = 0; i < n; i++) {
        struct qmemman_domain *d = &domains[i];
        double pref = qmemman_pref(d);

        if (!takes_part(d))
            continue;
        d->set = true;
        d->target = trunc(ROUNDING * (pref + pref / sum_pref * available));
        if (d->target > d->max) {
            pool += d->target - d->max;
            d->target = d->max;
        }
    }
    spread(domains, n, pool);
}

static bool is_donor(const struct qmemman_domain *d)
{
    return need(d) < 0 || d->actual >= d->max;
}

static void too_little(struct qmemman_domain *domains, size_t n, double free)
{
    double left = free, sum_pref = 0;

    for (size_t i = 0; i < n; i++) {
        struct qmemman_domain *d = &domains[i];

        if (!takes_part(d))
            continue;
        if (!is_donor(d)) {
            sum_pref += qmemman_pref(d);
        } else if (-need(d) >= DONATION_MIN) { /* what they give is added to what is free */
            d->set = true;
            d->target = qmemman_pref(d);
            left += -need(d);
        }
    }
    if (left < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        struct qmemman_domain *d = &domains[i];

        if (!takes_part(d) || is_donor(d))
            continue;
        d->set = true;
        d->target = fmin(trunc(ROUNDING * (d->actual + qmemman_pref(d) / sum_pref * left)), d->max);
    }
}

size_t qmemman_balance(struct qmemman_domain *domains, size_t n, double free, size_t *order)
{
    double sum_need = 0, sum_pref = 0;
    size_t ordered = 0;

    for (size_t i = 0; i < n; i++) {
        domains[i].set = false;
        if (!takes_part(&domains[i]))
            continue;
        sum_need += need(&domains[i]);
        sum_pref += qmemman_pref(&domains[i]);
    }
    if (free - sum_need > 0)
        enough(domains, n, sum_pref, free - sum_need);
    else
        too_little(domains, n, free);
    for (size_t i = 0; i < n; i++)
        if (domains[i].set && domains[i].target < domains[i].actual)
            order[ordered++] = i;
    for (size_t i = 0; i < n; i++)
        if (domains[i].set && domains[i].target >= domains[i].actual)
            order[ordered++] = i;
    return ordered;
}

bool qmemman_worth(const struct qmemman_domain *domains, size_t n, double free)
{
    double sum = fabs(free);

    if (-free > WORTH_MISSING)
        return true;
    for (size_t i = 0; i < n; i++) {
        const struct qmemman_domain *d = &domains[i];
        double gain = d->target - d->last_target;

        if (!d->set)
            continue;
        if (d->last_target < qmemman_pref(d) && gain > WORTH_GAIN)
            return true;
        sum += fabs(gain);
    }
    return sum > WORTH_SUM;
}

bool qmemman_donate(struct qmemman_domain *domains, size_t n, double wanted)
{
    double surplus = 0;

    for (size_t i = 0; i < n; i++)
        if (takes_part(&domains[i]) && need(&domains[i]) < 0)
            surplus += -need(&domains[i]);
    if (surplus < wanted || surplus == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct qmemman_domain *d = &domains[i];

        d->set = takes_part(d) && need(d) < 0;
        if (d->set)
            d->target = d->actual - -need(d) * (wanted / surplus) * START_MARGIN;
    }
    return true;
}
