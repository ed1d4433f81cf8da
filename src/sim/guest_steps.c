/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one work step to the next. Which pages a class consists of is not said, so their order is
 * kept: the pages that were used most often are the ones that are used most often from now on. What
 * programs hold beyond that is never used again; what they hold no more is freed from its cold end.
 * The same goes for files, which are forgotten by programs but not by the page cache.
 */
#include <math.h>
#include <string.h>

#include "sim/sim_impl.h"

/* How often the n-th class of a step is used, and how large it is, hottest first. */
static void sort_classes(const struct work_class *classes, struct work_class *ret)
{
    memcpy(ret, classes, WORK_CLASSES_MAX * sizeof(*ret));
    for (unsigned i = 1; i < WORK_CLASSES_MAX; i++)
        for (unsigned j = i; j > 0; j--) {
            struct work_class *a = &ret[j - 1], *b = &ret[j], swap = *a;

            if (a->bytes && (!b->bytes || a->interval <= b->interval))
                break;
            *a = *b;
            *b = swap;
        }
}

static double use_of(const struct work_class *c)
{
    return c->bytes > 0 && isfinite(c->interval) && c->interval > 0 ? 1 / c->interval : 0;
}

/* Hands the pages of old[0..n) out to new[0..m), in order; what nobody wants stays in old. */
static void hand_over(struct pool *old, unsigned n, struct pool *new, unsigned m)
{
    unsigned from = 0;

    for (unsigned to = 0; to < m; to++) {
        double lacks = new[to].want;

        for (; from < n && lacks > 0; from++) {
            double there = pool_total(&old[from]);

            if (there > lacks) {
                pool_move(&old[from], &new[to], lacks / there);
                break;
            }
            pool_move(&old[from], &new[to], 1);
            lacks -= there;
        }
    }
}

static void begin_anon(struct vm *vm, const struct work_step *step)
{
    struct work_class classes[WORK_CLASSES_MAX];
    const unsigned n = WORK_CLASSES_MAX + 1;
    struct pool old[WORK_CLASSES_MAX + 1];
    struct pool *new = &vm->pools[POOL_ANON];
    double left = (double)step->own;

    memcpy(old, new, sizeof(old));
    memset(new, 0, sizeof(old));
    sort_classes(step->anon, classes);
    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++) {
        new[i].want = fmin((double)classes[i].bytes, left);
        new[i].use = use_of(&classes[i]);
        left -= new[i].want;
    }
    new[WORK_CLASSES_MAX].want = left;
    hand_over(old, n, new, n);
    for (unsigned i = 0; i < n; i++)
        pool_move_memory(&old[i], &vm->pools[POOL_FREE], 1);
}

static void begin_cache(struct vm *vm, const struct work_step *step)
{
    struct work_class classes[WORK_CLASSES_MAX];
    struct pool old[WORK_CLASSES_MAX];
    struct pool *new = &vm->pools[POOL_CACHE];

    memcpy(old, new, sizeof(old));
    memset(new, 0, sizeof(old));
    sort_classes(step->cache, classes);
    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++) {
        new[i].want = (double)classes[i].bytes;
        new[i].use = use_of(&classes[i]);
    }
    hand_over(old, WORK_CLASSES_MAX, new, WORK_CLASSES_MAX);
    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++)
        pool_move_memory(&old[i], &vm->pools[POOL_COLD_CACHE], 1);
}

static void begin_stream(const struct sim *s, struct vm *vm, const struct work_step *step)
{
    struct pool *p = &vm->pools[POOL_STREAM];
    double total = pool_total(p), want = (double)step->stream;

    if (total > want) {
        double part = 1 - want / total;

        p->at[PLACE_AWAY] *= 1 - part;
        pool_move_memory(p, &vm->pools[POOL_COLD_CACHE], part);
    }
    p->want = want;
    p->use = want > 0 ? PAGE_BYTES * (double)USEC_PER_SEC / s->costs.file_reread_usec / want : 0;
}

static void drop_caches(struct vm *vm)
{
    for (unsigned i = POOL_CACHE; i <= POOL_COLD_CACHE; i++) {
        double bytes = pool_memory(&vm->pools[i]);

        guest_release(vm, i, 1);
        if (i != POOL_COLD_CACHE)
            vm->pools[i].at[PLACE_AWAY] += bytes;
    }
}

static void begin(const struct sim *s, struct vm *vm, const struct work_step *step)
{
    sample_step(s, vm);
    vm->step = step;
    begin_anon(vm, step);
    begin_cache(vm, step);
    begin_stream(s, vm, step);
    vm->to_read = (double)step->cold_cache;
    vm_sum(vm);
    if (step->drop_caches)
        drop_caches(vm);
}

void guest_steps(struct sim *s, struct vm *vm)
{
    const struct work *w = &vm->spec.work;

    while (vm->next_step < w->n && w->steps[vm->next_step].at <= s->now)
        begin(s, vm, &w->steps[vm->next_step++]);
}
