/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/lru.h"

#include <math.h>

/* Halvings of the age until it is low enough (from LRU_AGE_MAX down to microseconds), and of the
 * last interval: what is missed after that is scaled away. */
#define HALVINGS_MAX 40
#define BISECTIONS   6

/* Below this part of a use an exponential is as good as its first two terms. */
#define FEW_USES 1e-4

static double used_within(double age, double use)
{
    double x = age * use;

    return x < FEW_USES ? x * (1 - x / 2) : 1 - exp(-x);
}

/* What would be left of all at @age, of what there is at @before. */
static double left_at(const struct lru_entry *entries, unsigned n, double age, double before)
{
    double left = 0;

    for (unsigned i = 0; i < n; i++)
        left += entries[i].bytes * used_within(age, entries[i].use) /
                used_within(before, entries[i].use);
    return left;
}

/* The age at which as much as @target is left. */
static double find_age(const struct lru_entry *entries, unsigned n, double target, double before)
{
    double high = before, low = before / 2;

    for (unsigned i = 0; i < HALVINGS_MAX && left_at(entries, n, low, before) > target; i++) {
        high = low;
        low /= 2;
    }
    for (unsigned i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;

        if (left_at(entries, n, middle, before) > target)
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* So old that of the pool that is used least often nothing is missing yet. */
static double enough(const struct lru_entry *entries, unsigned n, double age)
{
    double least = entries[0].use;

    for (unsigned i = 1; i < n; i++)
        least = fmin(least, entries[i].use);
    return fmin(age, -log(FEW_USES) / least);
}

double lru_choose(struct lru_entry *entries, unsigned n, double need, double age)
{
    double total = 0, chosen = 0, left, before;

    for (unsigned i = 0; i < n; i++)
        total += entries[i].bytes;
    if (n == 0 || need <= 0 || total <= 0) {
        for (unsigned i = 0; i < n; i++)
            entries[i].victim = 0;
        return age;
    }
    if (need >= total) {
        for (unsigned i = 0; i < n; i++)
            entries[i].victim = entries[i].bytes;
        return age / (1 << BISECTIONS);
    }
    before = enough(entries, n, age);
    left = find_age(entries, n, total - need, before);
    for (unsigned i = 0; i < n; i++) {
        struct lru_entry *e = &entries[i];

        e->victim = e->bytes * (1 - used_within(left, e->use) / used_within(before, e->use));
        chosen += e->victim;
    }
    for (unsigned i = 0; i < n && chosen > 0; i++)
        entries[i].victim = fmin(entries[i].victim * need / chosen, entries[i].bytes);
    return left;
}
