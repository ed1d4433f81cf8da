/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is ordered once and takes a while: park, unpark, detach. Each is passes over all pages in
 * their order, until there is nothing left to move, or nothing that can be moved.
 */
#include "base/log.h"
#include "pager/mover_impl.h"

static const char *task_text(const struct mover *m)
{
    return m->task == TASK_PARK ? "its swap file is full or broken"
                                : "pages can't be read back from its swap file";
}

static enum pager_verb verb_of(enum engine_task task)
{
    return task == TASK_PARK ? PAGER_PARK : task == TASK_UNPARK ? PAGER_UNPARK : PAGER_DETACH;
}

static void set_phase(struct mover *m, enum pager_phase phase)
{
    atomic_store(&pagemap_figures(&m->e->map)->phase, phase);
}

static void new_pass(struct mover *m)
{
    m->cursor = 0;
    m->moved_in_pass = m->failed_in_pass = 0;
}

/* The task that control has set. Nothing is under way. */
void task_take(struct mover *m, enum engine_task task)
{
    static const enum pager_phase phases[] = {[TASK_NONE] = PAGER_SERVING,
                                              [TASK_PARK] = PAGER_PARKING,
                                              [TASK_UNPARK] = PAGER_UNPARKING,
                                              [TASK_DETACH] = PAGER_DETACHING};

    if (m->task != TASK_NONE)
        engine_say(m->e, PAGER_SAYS_FAILED, verb_of(m->task), "another order came after it");
    m->task = task;
    m->stuck_until = 0;
    new_pass(m);
    set_phase(m, phases[task]);
}

/* It is over before it is said to be: the next order, which may be the same, is a new one. */
static void task_over(struct mover *m, bool done)
{
    enum pager_verb verb = verb_of(m->task);
    const char *why = done ? "" : task_text(m);
    unsigned expected = m->task;

    if (m->task == TASK_DETACH && done) {
        int r = uffd_unregister(&m->e->uffd);

        m->detached = done = r == 0;
        if (r < 0)
            log_error("guest %s: unregister: %s", m->e->map.header->identity.name, g_strerror(-r));
    }
    if (done && m->task == TASK_PARK)
        atomic_store(&pagemap_figures(&m->e->map)->parked, 1);
    else if (done)
        atomic_store(&pagemap_figures(&m->e->map)->parked, 0);
    set_phase(m, PAGER_SERVING);
    (void)atomic_compare_exchange_strong(&m->e->task, &expected, TASK_NONE);
    m->task = TASK_NONE;
    engine_say(m->e, done ? PAGER_SAYS_DONE : PAGER_SAYS_FAILED, verb, "%s", why);
}

/* A pass over all pages has come to its end, its batches too. */
void task_pass_over(struct mover *m)
{
    struct pagemap_figures *figures = pagemap_figures(&m->e->map);
    uint64_t out =
        atomic_load(&figures->pages[PAGE_SWAPPED]) + atomic_load(&figures->pages[PAGE_COMPRESSED]);

    if (m->task == TASK_PARK)
        task_over(m, m->failed_in_pass == 0);
    else if (out == 0)
        task_over(m, true);
    else if (m->moved_in_pass == 0 && m->failed_in_pass > 0)
        task_over(m, false);
    else
        new_pass(m); /* pages that others had claimed */
}
