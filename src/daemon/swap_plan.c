/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what guests may have to put out (size less reservation, of all of them) must fit at any
 * moment, so the pool grows as soon as it is needed. Twice as much is wished for, but a promise
 * needs only once: where the disk has no more, the rest costs speed, not safety.
 *
 * Taking a file out of use brings back what is in it, and walks the page tables of every process
 * for that. So only files with next to nothing in them go, and only after the surplus has lasted:
 * guests that are started again should find what they had.
 */
#include "daemon/swap_plan.h"

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static uint64_t own_size(const struct swap_plan_figures *f)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < f->n; i++)
        sum += f->files[i].size;
    return sum;
}

/* The size of the next file where @missing bytes are; 0: there can't be one of @least bytes. */
static uint64_t file_size(const struct swap_plan_figures *f, uint64_t missing, uint64_t least)
{
    uint64_t bytes = round_up(missing, f->chunk);

    if (f->n >= SWAP_FILES_MAX)
        return 0;
    /* The last places are for large files, so that there are always enough. */
    if (f->n >= SWAP_FILES_MAX / 2)
        bytes = u64_max(bytes, round_up(own_size(f) / 2, f->chunk));
    bytes = u64_min(bytes, f->could_grow & ~(MIB - 1));
    return bytes >= least ? bytes : 0;
}

/* The largest file that could go, or f->n. */
static size_t superfluous(const struct swap_plan_figures *f, uint64_t surplus)
{
    size_t best = f->n;

    for (size_t i = 0; i < f->n; i++) {
        if (f->files[i].used <= SWAP_FILE_IDLE && f->files[i].size <= surplus &&
            (best == f->n || f->files[i].size > f->files[best].size))
            best = i;
    }
    return best;
}

struct swap_plan swap_plan(const struct swap_plan_figures *f, usec_t *surplus_since, usec_t now)
{
    uint64_t have = own_size(f) + f->others;
    uint64_t wish = f->in_memory ? f->needed : f->needed * SWAP_FACTOR;
    struct swap_plan plan = {.file = superfluous(f, u64_sub(have, wish))};

    if (plan.file == f->n)
        *surplus_since = USEC_NEVER;
    else if (*surplus_since == USEC_NEVER)
        *surplus_since = now;
    if (have < wish) {
        /* Crumbs of a full disk are taken for what is needed, not for comfort. */
        plan.bytes = file_size(f, wish - have, have < f->needed ? SWAP_FILE_LEAST : f->chunk);
        plan.step = plan.bytes ? SWAP_STEP_GROW : SWAP_STEP_NONE;
        plan.lacking = have + (plan.bytes ? f->could_grow : 0) < f->needed;
    } else if (plan.file < f->n && now - *surplus_since >= f->keep) {
        plan.step = SWAP_STEP_SHRINK;
    }
    return plan;
}
