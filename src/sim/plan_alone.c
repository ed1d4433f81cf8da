/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sim/manager.h"
#include "sim/plan_impl.h"

/* Guests that are simulated together. With memory for all they do not disturb each other. */
#define BLOCK 16u

struct block {
    float *done; /* of each guest, one after the other */
    double minutes[BLOCK];
    unsigned oom_kills[BLOCK];
};

struct plan_alone {
    const struct plan_question *question;
    uint32_t seed;
    unsigned minutes;
    GMutex mutex;      /* of what follows */
    GPtrArray *blocks; /* struct block * */
};

static void block_free(void *data)
{
    struct block *b = data;

    g_free(b->done);
    g_free(b);
}

struct plan_alone *plan_alone_new(const struct plan_question *q, uint32_t seed)
{
    struct plan_alone *a = g_new0(struct plan_alone, 1);

    a->question = q;
    a->seed = seed;
    a->minutes = plan_minutes(q);
    a->blocks = g_ptr_array_new_with_free_func(block_free);
    g_mutex_init(&a->mutex);
    return a;
}

void plan_alone_free(struct plan_alone *a)
{
    g_ptr_array_unref(a->blocks);
    g_mutex_clear(&a->mutex);
    g_free(a);
}

unsigned plan_minutes(const struct plan_question *q)
{
    return (unsigned)(fleet_length(q->fleet, q->days) / PLAN_MINUTE);
}

static struct sim *start_block(const struct plan_alone *a, unsigned first)
{
    struct sim_guest_spec specs[BLOCK];
    uint64_t sizes = 0;

    for (unsigned i = 0; i < BLOCK; i++) {
        fleet_guest(a->question->fleet, a->seed, first + i, a->question->days, &specs[i]);
        sizes += specs[i].size;
    }

    struct sim_config config = plan_host(a->question, 2 * sizes, a->seed);

    config.manager = &MANAGER_NONE;
    config.manager_config = NULL;

    struct sim *s = sim_new(&config);

    for (unsigned i = 0; i < BLOCK; i++) {
        (void)sim_add(s, &specs[i]);
        fleet_guest_clear(&specs[i]);
    }
    return s;
}

static struct block *simulate_block(const struct plan_alone *a, unsigned first)
{
    struct block *b = g_new0(struct block, 1);
    struct sim *s = start_block(a, first);
    struct sim_guest_result r;
    double before[BLOCK];

    b->done = g_new0(float, (size_t)BLOCK * a->minutes);
    sim_run(s, FLEET_WARM_UP);
    for (unsigned i = 0; i < BLOCK; i++) {
        sim_guest_result(s, i, &r);
        before[i] = r.work_done;
    }
    for (unsigned m = 0; m < a->minutes; m++) {
        sim_run(s, FLEET_WARM_UP + (m + 1) * PLAN_MINUTE);
        for (unsigned i = 0; i < BLOCK; i++) {
            sim_guest_result(s, i, &r);
            b->done[i * a->minutes + m] = (float)(r.work_done - before[i]);
            b->minutes[i] += r.work_done - before[i] >= PLAN_WORK_MIN;
            b->oom_kills[i] = r.oom_kills;
            before[i] = r.work_done;
        }
    }
    sim_free(s);
    return b;
}

void plan_alone_look(struct plan_alone *a, unsigned i, struct plan_alone_guest *ret)
{
    const struct block *b;

    g_mutex_lock(&a->mutex);
    while (a->blocks->len <= i / BLOCK)
        g_ptr_array_add(a->blocks, simulate_block(a, a->blocks->len * BLOCK));
    b = a->blocks->pdata[i / BLOCK];
    g_mutex_unlock(&a->mutex);
    *ret = (struct plan_alone_guest){.done = b->done + (size_t)(i % BLOCK) * a->minutes,
                                     .minutes = b->minutes[i % BLOCK],
                                     .oom_kills = b->oom_kills[i % BLOCK]};
}
