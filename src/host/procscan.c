/* SPDX-License-Identifier: Apache-2.0 */
#include "host/procscan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "host/meminfo.h"
#include "host/procfs.h"

struct procscan {
    char *host_root;
    GQueue waiting; /* struct procscan_request, urgent ones first */
    GQueue running;
    gint64 next;    /* no scan that is not urgent begins before */
    GSource *timer; /* runs at next, while something waits */
};

struct procscan_request {
    struct procscan *scanner; /* NULL: cancelled */
    procscan_fn done;
    void *data;
    bool urgent;
    /* used by the thread alone while it runs: */
    char *host_root;
    int dirfd;
    struct ram_block blocks[RAM_BLOCKS_MAX];
    struct procscan_result result;
};

static void pump(struct procscan *s);

/* --- in the thread --- */

static int map_file_read(int dirfd, const char *name, GArray *vmas)
{
    autofd fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
    FILE *file;
    int r;

    if (fd < 0)
        return -errno;
    file = fdopen(fd, "r");
    if (!file)
        return -errno;
    (void)fd_take(&fd);
    r = smaps_read(file, vmas);
    (void)fclose(file);
    if (r == 0 && vmas->len == 0) /* a zombie has no memory */
        return -ESRCH;
    return r;
}

static void ranges_sum(const GArray *vmas, struct procscan_result *result)
{
    result->rss = result->swapped = 0;
    for (size_t r = 0; r < result->n; r++) {
        for (size_t i = 0; i < vmas->len; i++) {
            const struct smaps_vma *v = &g_array_index(vmas, struct smaps_vma, i);

            if (v->start < result->ranges[r].start || v->end > result->ranges[r].end)
                continue;
            result->rss += v->rss + v->hugetlb;
            result->swapped += v->swap;
        }
    }
    result->mapped = true;
}

/* Which of the process's descriptors are the memfds. They are only looked at, never held: that
 * would keep the guest's memory allocated after its end. Those not found are measured by smaps. */
static void fds_find(int process, struct procscan_result *result)
{
    autofd list = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = list < 0 ? NULL : fdopendir(list);
    struct dirent *entry;

    for (size_t i = 0; i < result->n; i++)
        result->fds[i] = -1;
    if (!dir)
        return;
    (void)fd_take(&list);
    while ((entry = readdir(dir))) {
        struct stat st;

        if (!g_ascii_isdigit(*entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
            continue;
        for (size_t i = 0; i < result->n; i++) {
            const struct ram_range *range = &result->ranges[i];

            if (range->kind == RAM_MEMFD && st.st_ino == range->inode && st.st_dev == range->device)
                result->fds[i] = atoi(entry->d_name);
        }
    }
    (void)closedir(dir);
}

/* What the host has swapped out still counts as allocated in a memfd's file: it is found in smaps.
 */
static bool host_swaps(const char *host_root)
{
    struct meminfo m;

    return meminfo_read(host_root, &m) == 0 && m.swap_free < m.swap_total;
}

static bool all_found(const struct procscan_result *result)
{
    for (size_t i = 0; i < result->n; i++) {
        if (result->ranges[i].kind != RAM_MEMFD || result->fds[i] < 0)
            return false;
    }
    return true;
}

static int scan(struct procscan_request *req)
{
    g_autoptr(GArray) vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));
    struct procscan_result *result = &req->result;
    char status[PROCFS_TEXT_MAX];
    int r;

    r = map_file_read(req->dirfd, "maps", vmas);
    if (r == 0)
        r = ram_find(vmas, req->blocks, result->n, result->ranges);
    if (r < 0)
        return r;
    fds_find(req->dirfd, result);
    if (all_found(result) && !host_swaps(req->host_root))
        return 0;
    g_array_set_size(vmas, 0);
    r = map_file_read(req->dirfd, "smaps", vmas);
    if (r == 0) /* again, now that the flags are known */
        r = ram_find(vmas, req->blocks, result->n, result->ranges);
    if (r == 0)
        r = MIN(procfs_read(req->dirfd, "status", status), 0);
    if (r < 0)
        return r;
    ranges_sum(vmas, result);
    return procfs_get_kib(status, "RssAnon", &result->anon) ? 0 : -ESRCH;
}

static void scan_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct procscan_request *req = data;
    gint64 begin = g_get_monotonic_time();

    (void)source;
    (void)cancellable;
    req->result.error = scan(req);
    req->result.at = g_get_monotonic_time();
    req->result.duration = req->result.at - begin;
    g_task_return_boolean(task, TRUE);
}

/* --- on the main context --- */

static void request_free(gpointer data)
{
    struct procscan_request *req = data;

    fd_close(&req->dirfd);
    g_free(req->host_root);
    g_free(req);
}

static void scan_finished(GObject *source, GAsyncResult *res, gpointer data)
{
    struct procscan_request *req = data;
    struct procscan *s = req->scanner;

    (void)source;
    (void)res;
    if (!s)
        return; /* the task frees the request */
    g_queue_remove(&s->running, req);
    /* Of a scan's duration and the pause after it, the scan is 1/PROCSCAN_PART. */
    s->next = MAX(s->next, req->result.at) + req->result.duration * (PROCSCAN_PART - 1);
    if (req->done)
        req->done(&req->result, req->data);
    pump(s);
}

static gboolean timer_elapsed(gpointer data)
{
    struct procscan *s = data;

    g_clear_pointer(&s->timer, g_source_unref);
    pump(s);
    return G_SOURCE_REMOVE;
}

static void timer_arm(struct procscan *s)
{
    if (s->timer || g_queue_is_empty(&s->waiting))
        return;
    s->timer = g_timeout_source_new((guint)((MAX(s->next - g_get_monotonic_time(), 0)) / 1000 + 1));
    g_source_set_callback(s->timer, timer_elapsed, s, NULL);
    g_source_attach(s->timer, NULL);
}

/* Begins what may begin now. */
static void pump(struct procscan *s)
{
    while (s->running.length < PROCSCAN_RUNNING && s->waiting.length) {
        struct procscan_request *req = g_queue_peek_head(&s->waiting);
        GTask *task;

        if (!req->urgent && g_get_monotonic_time() < s->next) {
            timer_arm(s);
            return;
        }
        (void)g_queue_pop_head(&s->waiting);
        g_queue_push_tail(&s->running, req);
        task = g_task_new(NULL, NULL, scan_finished, req);
        g_task_set_task_data(task, req, request_free);
        g_task_run_in_thread(task, scan_thread);
        g_object_unref(task);
    }
}

struct procscan *procscan_new(const char *host_root)
{
    struct procscan *s = g_new0(struct procscan, 1);

    s->host_root = g_strdup(host_root);
    return s;
}

void procscan_free(struct procscan *s)
{
    struct procscan_request *req;

    if (!s)
        return;
    while ((req = g_queue_pop_head(&s->waiting)))
        request_free(req);
    while ((req = g_queue_pop_head(&s->running)))
        req->scanner = NULL;
    if (s->timer) {
        g_source_destroy(s->timer);
        g_source_unref(s->timer);
    }
    g_free(s->host_root);
    g_free(s);
}

struct procscan_request *procscan_submit(struct procscan *s, int dirfd,
                                         const struct ram_block *blocks, size_t n, bool urgent,
                                         procscan_fn done, void *data)
{
    int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
    struct procscan_request *req;

    g_assert(n > 0 && n <= RAM_BLOCKS_MAX);
    if (fd < 0)
        return NULL;
    req = g_new0(struct procscan_request, 1);
    req->scanner = s;
    req->done = done;
    req->data = data;
    req->urgent = urgent;
    req->host_root = g_strdup(s->host_root);
    req->dirfd = fd;
    req->result.n = n;
    memcpy(req->blocks, blocks, n * sizeof(*blocks));
    if (urgent)
        g_queue_push_head(&s->waiting, req);
    else
        g_queue_push_tail(&s->waiting, req);
    pump(s);
    return req;
}

void procscan_cancel(struct procscan_request *request)
{
    struct procscan *s = request->scanner;

    if (g_queue_remove(&s->waiting, request))
        request_free(request);
    else
        request->done = NULL; /* it runs: its time counts, its result does not */
}
