/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/lru.h"

#include <math.h>

/* No list is ever that short: its age would never come back. */
#define LRU_AGE_MIN 1e-6

/* Steps of the search; what is missed after that is scaled away. */
#define HALVINGS_MAX 40
#define NEWTONS      3

/* After so many times its interval a page is as good as certain to have been used. */
#define ALL_USES 20.0

/* Below this part of a use an exponential is as good as its first two terms. */
#define FEW_USES 1e-4

static double used_within(double age, double use)
{
    double x = age * use;

    return x < FEW_USES ? x * (1 - x / 2) : 1 - exp(-x);
}

/* What would be left of all with @age, and how fast that grows. */
static double left_at(const struct lru_entry *entries, unsigned n, double age, double *slope)
{
    double left = 0;

    *slope = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct lru_entry *e = &entries[i];
        double own = age * e->keep, used, of;

        if (own >= e->age) {
            left += e->bytes;
            continue;
        }
        used = used_within(own, e->use);
        of = e->bytes / used_within(e->age, e->use);
        left += of * used;
        *slope += of * (1 - used) * e->use * e->keep;
    }
    return left;
}

/* So old that nothing is missing yet, to speak of. */
static double oldest(const struct lru_entry *entries, unsigned n)
{
    double age = 0;

    for (unsigned i = 0; i < n; i++)
        age = fmax(age, fmin(entries[i].age, ALL_USES / entries[i].use) / entries[i].keep);
    return age;
}

/* The age at which as much as @target is left. What is left is concave in the age, so from below a
 * step of Newton's does not go too far. */
static double find_age(const struct lru_entry *entries, unsigned n, double target)
{
    double age = oldest(entries, n), slope, left;

    for (unsigned i = 0; i < HALVINGS_MAX; i++) {
        double first;

        left = left_at(entries, n, age, &slope);
        if (left <= target)
            break;
        first = slope > 0 ? age - (left - target) / slope : 0;
        age = fmax(first, age / 2);
    }
    for (unsigned i = 0; i < NEWTONS; i++) {
        left = left_at(entries, n, age, &slope);
        if (left < target && slope > 0)
            age += (target - left) / slope;
    }
    return age;
}

static double total(const struct lru_entry *entries, unsigned n)
{
    double sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += entries[i].bytes;
    return sum;
}

double lru_choose(struct lru_entry *entries, unsigned n, double need)
{
    double all = total(entries, n), chosen = 0, age;

    if (need <= 0 || need >= all) {
        for (unsigned i = 0; i < n; i++)
            entries[i].victim = need <= 0 ? 0 : entries[i].bytes;
        return need <= 0 ? LRU_AGE_MAX : LRU_AGE_MIN;
    }
    age = fmax(find_age(entries, n, all - need), LRU_AGE_MIN);
    for (unsigned i = 0; i < n; i++) {
        struct lru_entry *e = &entries[i];
        double own = fmin(age * e->keep, e->age);

        e->victim = e->bytes * (1 - used_within(own, e->use) / used_within(e->age, e->use));
        chosen += e->victim;
    }
    for (unsigned i = 0; i < n && chosen > 0; i++)
        entries[i].victim = fmin(entries[i].victim * need / chosen, entries[i].bytes);
    return age;
}
