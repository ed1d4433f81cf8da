/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may take long, and must not hold up the main loop: allocating a swap file takes seconds on a
 * file system that writes zeros for it, and looking at a process's descriptors can wait for its
 * locks. GLib's pool of threads does it; at most one of each kind is under way for a guest. A
 * daemon that ends does not wait for them.
 */
#include <gio/gio.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/pagers_impl.h"
#include "pager/attach.h"

/* Also where nothing was opened since, as far as we see. */
#define CHECK_PAUSE_USEC (10 * USEC_PER_SEC)

struct swap_job {
    char *directory, *path;
    uint64_t bytes;
};

static void swap_job_free(void *data)
{
    struct swap_job *job = data;

    g_free(job->directory);
    g_free(job->path);
    g_free(job);
}

static void make_swap_file(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const struct swap_job *job = data;
    GError *error = NULL;

    (void)source;
    (void)cancellable;
    if (swap_directory_check(job->directory, &error) &&
        swap_file_create(job->path, job->bytes, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void on_swap_file(GObject *source, GAsyncResult *result, gpointer data)
{
    struct pager *p = data;
    g_autoptr(GError) error = NULL;

    (void)source;
    (void)g_task_propagate_boolean(G_TASK(result), &error);
    p->job = false;
    pager_prepared(p, error);
    pager_unref(p);
}

void pager_make_swap_file(struct pager *p, uint64_t bytes)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_swap_file, pager_ref(p));
    struct swap_job *job = g_new(struct swap_job, 1);

    *job = (struct swap_job){.directory = g_strdup(p->all->swap_directory),
                             .path = g_strdup(p->files.swap),
                             .bytes = bytes};
    p->job = true;
    g_task_set_task_data(task, job, swap_job_free);
    g_task_run_in_thread(task, make_swap_file);
}

static void check_devices(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;

    (void)source;
    (void)cancellable;
    if (target_check_devices(GPOINTER_TO_INT(data), &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void on_devices(GObject *source, GAsyncResult *result, gpointer data)
{
    struct pager *p = data;
    g_autoptr(GError) error = NULL;
    bool was_blocked = p->blocked;
    bool blocked;

    (void)source;
    (void)g_task_propagate_boolean(G_TASK(result), &error);
    p->checking = false;
    /* Only what is in the way counts: that a process could not be looked at does not. */
    blocked = g_error_matches(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED);
    g_free(p->blocked);
    p->blocked = blocked ? g_strdup(error->message) : NULL;
    if (blocked && !was_blocked)
        pager_record(p, g_strdup_printf("its pager puts nothing out any more: %s", p->blocked));
    else if (!blocked && was_blocked)
        pager_record(p, g_strdup("what kept its pager from putting pages out is gone"));
    if (!p->gone) {
        pager_sync(p);
        if (blocked != was_blocked)
            pager_changed(p);
    }
    pager_unref(p);
}

/* Descriptors that the process has open: 0 where the kernel does not say so cheaply. */
static uint64_t count_descriptors(pid_t pid)
{
    char path[64];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    return stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

void pager_check_devices(struct pager *p)
{
    uint64_t fds = count_descriptors(p->pid);
    g_autoptr(GTask) task = NULL;

    if (p->checking || (fds && fds == p->fds && pager_now() < p->checked + CHECK_PAUSE_USEC))
        return;
    p->fds = fds;
    p->checked = pager_now();
    p->checking = true;
    task = g_task_new(NULL, NULL, on_devices, pager_ref(p));
    g_task_set_task_data(task, GINT_TO_POINTER((int)p->pid), NULL);
    g_task_run_in_thread(task, check_devices);
}
