/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the settings are only ever touched by the look that is under way, and there is at most
 * one; between looks nobody else does, so that no lock is needed but the one for the end. A daemon
 * that ends waits for the look, because it has to put the settings back; where that takes too long
 * they stay noted down, and the next daemon puts them back.
 */
#include "daemon/sharing_kernel.h"

#include <gio/gio.h>

#include "base/log.h"

#define END_WAIT_USEC (3 * G_USEC_PER_SEC)

struct sharing_kernel {
    gint refs;
    struct ksm *ksm;
    char *host_root;
    sharing_looked_fn looked; /* NULL: closed */
    void *data;
    GMutex lock;
    GCond ended;
    bool busy; /* under the lock */
};

struct job {
    struct sharing_kernel *kernel;
    struct sharing_order order;
    GArray *pids;
    struct sharing_look look;
};

static void unref(struct sharing_kernel *k)
{
    if (!g_atomic_int_dec_and_test(&k->refs))
        return;
    ksm_free(k->ksm);
    g_mutex_clear(&k->lock);
    g_cond_clear(&k->ended);
    g_free(k->host_root);
    g_free(k);
}

static void job_free(void *data)
{
    struct job *job = data;

    unref(job->kernel);
    g_array_unref(job->pids);
    g_clear_pointer(&job->look.processes, g_array_unref);
    g_free(job);
}

static void report_restore(int error)
{
    if (error)
        log_warning("KSM's settings could not be put back as they were found (%s); look at "
                    "/sys/kernel/mm/ksm",
                    g_strerror(-error));
}

struct sharing_kernel *sharing_kernel_new(const char *host_root, const char *record,
                                          sharing_looked_fn looked, void *data)
{
    struct sharing_kernel *k = g_new0(struct sharing_kernel, 1);

    k->refs = 1;
    k->host_root = g_strdup(host_root);
    k->ksm = ksm_new(k->host_root, record);
    k->looked = looked;
    k->data = data;
    g_mutex_init(&k->lock);
    g_cond_init(&k->ended);
    if (ksm_changed(k->ksm)) {
        log_notice("KSM's settings are put back: the daemon before did not come to that");
        report_restore(ksm_restore(k->ksm));
    }
    return k;
}

static bool wait_for_look(struct sharing_kernel *k)
{
    gint64 end = g_get_monotonic_time() + END_WAIT_USEC;
    bool idle;

    g_mutex_lock(&k->lock);
    while (k->busy && g_cond_wait_until(&k->ended, &k->lock, end))
        ;
    idle = !k->busy;
    g_mutex_unlock(&k->lock);
    return idle;
}

void sharing_kernel_free(struct sharing_kernel *k)
{
    if (!k)
        return;
    k->looked = NULL;
    if (wait_for_look(k))
        report_restore(ksm_restore(k->ksm));
    else
        log_warning("KSM does not answer; the next daemon puts its settings back");
    unref(k);
}

int sharing_kernel_check(const struct sharing_kernel *k)
{
    return ksm_check(k->ksm);
}

static void look_at_processes(struct job *job)
{
    for (guint i = 0; i < job->pids->len; i++) {
        struct sharing_process process = {.pid = g_array_index(job->pids, pid_t, i)};

        if (ksm_read_process(job->kernel->ksm, process.pid, &process.pages) == 0)
            g_array_append_val(job->look.processes, process);
    }
}

static void look(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct job *job = data;
    struct sharing_kernel *k = job->kernel;
    struct sharing_look *ret = &job->look;

    bool ours; /* to set */

    (void)source;
    (void)cancellable;
    ret->foreign = !ksm_changed(k->ksm) && ksm_runs(k->ksm);
    ours = job->order.set && (!ret->foreign || job->order.take_over);
    if (!job->order.set && job->order.unmerge)
        ret->set_error = ksm_unmerge(k->ksm);
    if (!job->order.set && ret->set_error == 0)
        ret->set_error = ksm_restore(k->ksm);
    else if (ours)
        ret->set_error = ksm_set(k->ksm, &job->order.pace);
    ret->changed = ksm_changed(k->ksm);
    /* Taken over, it may have been as we want it already. */
    ret->run = (ret->changed || (ours && ret->set_error == 0)) && ksm_runs(k->ksm);
    ret->read_error = ksm_read(k->ksm, &ret->counters);
    look_at_processes(job);
    g_mutex_lock(&k->lock);
    k->busy = false;
    g_cond_signal(&k->ended);
    g_mutex_unlock(&k->lock);
    g_task_return_boolean(task, TRUE);
}

static void on_looked(GObject *source, GAsyncResult *result, gpointer data)
{
    struct job *job = g_task_get_task_data(G_TASK(result));

    (void)source;
    (void)data;
    if (job->kernel->looked)
        job->kernel->looked(&job->look, job->kernel->data);
}

void sharing_kernel_look(struct sharing_kernel *k, const struct sharing_order *order, GArray *pids)
{
    g_autoptr(GTask) task = NULL;
    struct job *job = g_new0(struct job, 1);

    g_mutex_lock(&k->lock);
    g_assert(!k->busy);
    k->busy = true;
    g_mutex_unlock(&k->lock);
    g_atomic_int_inc(&k->refs);
    job->kernel = k;
    job->order = *order;
    job->pids = pids;
    job->look.processes = g_array_new(FALSE, FALSE, sizeof(struct sharing_process));
    task = g_task_new(NULL, NULL, on_looked, NULL);
    g_task_set_task_data(task, job, job_free);
    g_task_run_in_thread(task, look);
}
