/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pager's sampling (pager/sampler.c): which part of what a guest has in memory was touched in a
 * window, as far as it goes by now and at its end, as a draw of SAMPLES pages tells. A page that
 * was touched before a work step stays touched; that a sampled page has to come back is left out.
 */
#include <math.h>

#include "sim/sim_impl.h"

#define SAMPLES 100.0

/* Touched since the step began, or the window. */
static double touched_since(const struct sim *s, const struct vm *vm)
{
    double elapsed = (double)(s->now - vm->window_begin) / (double)USEC_PER_SEC, sum = 0;

    if (vm->here <= 0)
        return 0;
    for (unsigned i = 0; i < POOL_FREE; i++) {
        const struct pool *p = &vm->pools[i];

        if (p->at[PLACE_HERE] > 0 && p->use > 0)
            sum += p->at[PLACE_HERE] *
                   (1 - exp(-p->use * (i == POOL_BASE ? elapsed : vm->window_work)));
    }
    return fmin(sum / vm->here, 1);
}

static double touched(const struct sim *s, const struct vm *vm)
{
    return vm->window_touched + (1 - vm->window_touched) * touched_since(s, vm);
}

/* What the samples say of @part: off by the error of this window's draw. */
static unsigned as_drawn(const struct vm *vm, double part)
{
    double drawn = part + vm->window_error * sqrt(part * (1 - part) / SAMPLES);

    return (unsigned)(1000 * fmin(fmax(drawn, 0), 1));
}

unsigned sample_current(const struct sim *s, const struct vm *vm)
{
    return vm->sample_window ? as_drawn(vm, touched(s, vm)) : 0;
}

void sample_step(const struct sim *s, struct vm *vm)
{
    if (vm->sample_window == 0)
        return;
    vm->window_touched = touched(s, vm);
    vm->window_work = 0;
}

void sample_begin(struct sim *s, struct vm *vm)
{
    vm->window_begin = s->now;
    vm->window_work = vm->window_touched = 0;
    /* Nearly normal, with a variance of one. */
    vm->window_error = (g_rand_double(s->random) + g_rand_double(s->random) - 1) * sqrt(6);
}

void sample(struct sim *s, struct vm *vm)
{
    if (vm->sample_window == 0 || s->now < vm->window_begin + vm->sample_window)
        return;
    vm->permille = sample_current(s, vm);
    vm->windows++;
    sample_begin(s, vm);
}
