/* SPDX-License-Identifier: Apache-2.0 */
/* A QEMU guest's connection: made, lost, silent, and made again. See the picture in qemu.c. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "vmm/pidfile.h"
#include "vmm/qemu_guest.h"

static void connect_now(struct qemu_guest *g);

void qemu_link_set(struct qemu_guest *g, enum vmm_link link, const char *error)
{
    struct vmm_facts *f = &g->base.facts;
    bool changed = f->link != link;
    char *old = g->error;

    g->error = g_strdup(error);
    g_free(old);
    f->error = g->error;
    f->link = link;
    if (changed)
        vmm_guest_emit(&g->base, VMM_EVENT_LINK);
}

void qemu_link_close(struct qemu_guest *g)
{
    struct qmp *q = g_steal_pointer(&g->qmp);

    g->closing = true;
    qmp_free(q);
    g->closing = false;
    g->polling = false;
    g_clear_handle_id(&g->report_source, g_source_remove);
    g_clear_handle_id(&g->retry_source, g_source_remove);
}

static gboolean retry_later(gpointer data)
{
    struct qemu_guest *g = data;

    g->retry_source = 0;
    if (g->qmp)
        vmm_guest_poll(&g->base);
    else
        connect_now(g);
    return G_SOURCE_REMOVE;
}

void qemu_link_retry_in(struct qemu_guest *g, guint msec)
{
    g_clear_handle_id(&g->retry_source, g_source_remove);
    g->retry_source = g_timeout_add(msec, retry_later, g);
}

void qemu_link_renew(struct qemu_guest *g)
{
    /* Not before the greeting: connections that QEMU has yet to accept would pile up. */
    if (!g->qmp || !g->answered)
        return;
    qemu_link_close(g);
    qemu_link_retry_in(g, 0);
}

static void connection_lost(struct qemu_guest *g, const GError *error)
{
    qemu_link_close(g);
    if (!qemu_measure(g) || error->code == QMP_ERROR_REPLACED ||
        (error->code == QMP_ERROR_CONNECT && access(g->path, F_OK) != 0)) {
        qemu_gone(g);
        return;
    }
    qemu_link_retry_in(g, backoff_next(&g->backoff));
    qemu_link_set(g, VMM_LINK_DOWN, error->message);
}

static void on_state(struct qmp *q, enum qmp_state state, const GError *error, void *data)
{
    struct qemu_guest *g = data;

    (void)q;
    switch (state) {
    case QMP_CONNECTING:
        break;
    case QMP_READY:
        g->answered = true;
        g_clear_handle_id(&g->report_source, g_source_remove);
        g->polling = false;
        vmm_guest_poll(&g->base); /* UP when all that must be known is known */
        break;
    case QMP_SILENT:
        g->silent_since = g_get_monotonic_time();
        qemu_link_set(g, VMM_LINK_SILENT, error->message);
        break;
    case QMP_CLOSED:
        connection_lost(g, error);
        break;
    }
}

static void on_event(struct qmp *q, const char *name, struct json_object *args, void *data)
{
    struct qemu_guest *g = data;
    struct vmm_facts *f = &g->base.facts;
    uint64_t actual;

    (void)q;
    if (!strcmp(name, "STOP"))
        f->running = false;
    else if (!strcmp(name, "RESUME"))
        f->running = true;
    else if (!strcmp(name, "BALLOON_CHANGE") && json_get_u64(args, "actual", &actual))
        f->actual = MIN(actual, f->size);
    else if (!strcmp(name, "RESET") || !strcmp(name, "DEVICE_DELETED") ||
             !strcmp(name, "MEMORY_DEVICE_SIZE_CHANGE"))
        g->setup_due = true;
    else
        return;
    if (g->ready)
        vmm_guest_emit(&g->base, VMM_EVENT_UPDATED);
}

/* Whose memory is to be looked at. False where that process is not there. */
static bool find_process(struct qemu_guest *g, GError **error)
{
    struct vmm_facts *f = &g->base.facts;
    pid_t named = pidfile_read(g->path);
    pid_t pid = named ? named : qmp_peer_pid(g->qmp);

    if (f->pid == 0 && pid != 0) {
        g->mem = procmem_new(g->config.scan, g->config.host_root, pid);
        if (named && !g->mem) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_CLOSED, "process %d, named in %s.pid: %s",
                        (int)pid, g->path, g_strerror(errno));
            return false;
        }
        f->pid = pid;
    }
    if (pid == f->pid)
        return true;
    g_set_error(error, QMP_ERROR, QMP_ERROR_REPLACED, "process %d answers in place of %d", (int)pid,
                (int)f->pid);
    return false;
}

static void connect_now(struct qemu_guest *g)
{
    static const struct qmp_handler handler = {.state = on_state, .event = on_event};
    g_autoptr(GError) error = NULL;

    g->answered = false;
    g->connected = g_get_monotonic_time();
    g->setup_due = true;
    g->qmp = qmp_open(g->path, g->config.timeout_msec, &handler, g, &error);
    if (!g->qmp || !find_process(g, &error))
        connection_lost(g, error);
}
