/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/sandbox.h"

#define NICE (-10)

int worker_start(struct worker *w, const char *name, void *(*main)(void *), void *data)
{
    int r = pthread_barrier_init(&w->ready, NULL, 2);

    if (r > 0)
        return -r;
    r = pthread_create(&w->thread, NULL, main, data);
    if (r == 0) {
        (void)pthread_setname_np(w->thread, name);
        (void)pthread_barrier_wait(&w->ready);
        if (w->started == 0)
            return 0;
        (void)pthread_join(w->thread, NULL);
        r = -w->started;
    }
    pthread_barrier_destroy(&w->ready);
    return -r;
}

bool worker_ready(struct worker *w, int made)
{
    bool good = made == 0 && sandbox_drop_privileges(NULL);

    w->started = made < 0 ? made : good ? 0 : -EPERM;
    (void)pthread_barrier_wait(&w->ready);
    return good;
}

void worker_hurry(const char *guest)
{
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), NICE) < 0)
        log_debug("guest %s: a thread of its pager keeps its priority: %s", guest, strerror(errno));
}

void worker_join(struct worker *w)
{
    (void)pthread_join(w->thread, NULL);
    pthread_barrier_destroy(&w->ready);
}
