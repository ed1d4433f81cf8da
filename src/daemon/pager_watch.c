/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pager that lives and does not serve: stopped by a signal or a debugger, or stuck in the kernel.
 * Its guest stands still as soon as it touches what is out. It is told by its map alone: whatever
 * there is to do, the thread that serves faults counts a round at least once a second.
 *
 * It is killed after a while, and the next one takes over: no page is lost by a kill at any instant
 * (pager/engine.h), and who was stopped on purpose has had his time. What is counted is looks that
 * found no round, not time: a daemon that was held up itself, or a host that slept, blames nobody.
 */
#include <stdlib.h>

#include "base/log.h"
#include "daemon/pagers_impl.h"

/* Looks in a row, one a second, until it is said. */
#define SAY_LOOKS 3

static void say(struct pager *p, usec_t limit)
{
    int pid = (int)pager_link_pid(p->link);

    pager_set_error(p, "its pager %d does not answer; the guest stands still where it needs it",
                    pid);
    p->silence_said = true;
    log_warning("guest %s: %s", p->name, p->error);
    pager_record(p, limit > 0
                        ? g_strdup_printf("%s; it is replaced if it goes on like that", p->error)
                        : g_strdup(p->error));
}

static void answers(struct pager *p)
{
    if (p->silence_said) {
        g_clear_pointer(&p->error, g_free);
        pager_record(p,
                     g_strdup_printf("its pager %d answers again", (int)pager_link_pid(p->link)));
    }
    p->silence_said = false;
    p->silent = 0;
}

void pager_watch(struct pager *p)
{
    const usec_t limit = p->all->config->pager_stuck_usec;
    uint64_t rounds = p->figures.now.figures.rounds;

    if (!p->link || !p->figures.known || rounds != p->rounds) {
        p->rounds = rounds;
        answers(p);
        return;
    }
    p->silent++;
    if (p->silent == SAY_LOOKS)
        say(p, limit);
    if (limit == 0 || p->silent * USEC_PER_SEC < limit || !pager_acts(p))
        return;
    pager_record(p, g_strdup_printf("its pager %d did not answer for %u s and is ended",
                                    (int)pager_link_pid(p->link), p->silent));
    p->silent = 0; /* should it not end, it is tried again */
    pager_link_kill(p->link);
}
