/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QEMU guest's life. It always has at most one connection and one attempt to make one:
 *
 *     connect --> (greeting) --> poll with setup --> READY, UP --> poll ... poll
 *        ^                                             |  ^
 *        |  pause with back-off                 SILENT v  | the overdue answer came
 *        +---- DOWN <---- connection lost -------------+--+
 *
 * It ends (GONE) when its process has ended, when another process answers in its place, or when its
 * socket is not there any more. What the process occupies is measured with every poll, also while
 * QEMU does not answer: memory that a stopped guest holds is held.
 *
 * Events go out from the main loop only, never from within a call of the guest's owner.
 */
#include "vmm/qemu.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "vmm/qemu_guest.h"
#include "vmm/text.h"

/* How long READY is put off for the first measurement of the guest's memory. */
#define READY_WAIT_USEC  (5 * G_USEC_PER_SEC)
#define READY_CHECK_MSEC 20

static struct qemu_guest *qemu(struct vmm_guest *guest)
{
    return (struct qemu_guest *)guest; /* it begins with it */
}

/* --- facts --- */

void qemu_set_name(struct qemu_guest *g, const char *name)
{
    g_free(g->name);
    g->name = text_tidy(name, QEMU_NAME_MAX);
    g->base.facts.name = g->name;
}

/* "web" of "/run/x/web.sock". */
static void set_name_from_path(struct qemu_guest *g)
{
    g_autofree char *base = g_path_get_basename(g->path);
    g_autofree char *name = g_utf8_make_valid(base, -1);

    if (g_str_has_suffix(name, ".sock"))
        name[strlen(name) - strlen(".sock")] = '\0';
    else if (g_str_has_suffix(name, ".qmp"))
        name[strlen(name) - strlen(".qmp")] = '\0';
    qemu_set_name(g, name);
}

void qemu_gone(struct qemu_guest *g)
{
    if (g->gone)
        return;
    g->gone = true;
    qemu_link_close(g);
    vmm_guest_emit(&g->base, VMM_EVENT_GONE);
}

/* --- memory --- */

static enum vmm_ram ram_of(enum ram_kind kind)
{
    static const enum vmm_ram kinds[] = {
        [RAM_UNKNOWN] = VMM_RAM_UNKNOWN,
        [RAM_PRIVATE] = VMM_RAM_PRIVATE,
        [RAM_MEMFD] = VMM_RAM_MEMFD,
        [RAM_OTHER] = VMM_RAM_OTHER,
    };

    return kinds[kind];
}

static void report_memory_error(struct qemu_guest *g, int error)
{
    if (!g->ready)
        return;
    if (error && error != g->mem_error)
        log_warning(
            "guest %s: its RAM was not found in process %d (%s); all that it may use counts "
            "as resident",
            g->name, (int)g->base.facts.pid,
            error == -ENOENT ? "no mapping has its size" : g_strerror(-error));
    g->mem_error = error;
}

bool qemu_measure(struct qemu_guest *g)
{
    struct vmm_facts *f = &g->base.facts;
    struct procmem_sample s = {.error = g->mem ? 0 : -ESRCH};
    int r = g->mem ? procmem_measure(g->mem, &s) : 0;

    if (r == -ESRCH)
        return false;
    if (r < 0)
        s = (struct procmem_sample){.error = r};
    f->ram = ram_of(s.kind);
    f->ranges = s.ranges;
    f->n_ranges = s.n_ranges;
    f->other_anon = s.other_anon;
    f->overhead = s.overhead;
    f->resident = s.resident;
    if (s.kind == RAM_UNKNOWN && s.error) {
        /* What can't be seen may all be there: the balance errs on the safe side. */
        f->resident = f->actual;
        f->overhead = 0;
    }
    g->mem_pending = s.kind == RAM_UNKNOWN && !s.error;
    report_memory_error(g, s.error);
    return true;
}

/* --- poll --- */

/* Renews what can be known without QMP, and tells. */
static void report(struct qemu_guest *g)
{
    if (!qemu_measure(g))
        qemu_gone(g);
    else if (g->ready)
        vmm_guest_emit(&g->base, VMM_EVENT_UPDATED);
}

static gboolean report_later(gpointer data)
{
    struct qemu_guest *g = data;

    g->report_source = 0;
    g->polling = false;
    report(g);
    return G_SOURCE_REMOVE;
}

void qemu_poll_failed(struct qemu_guest *g)
{
    g->setup_due = true;
    if (!g->report_source)
        g->report_source = g_idle_add_full(G_PRIORITY_DEFAULT, report_later, g, NULL);
}

static gboolean polled_later(gpointer data)
{
    struct qemu_guest *g = data;

    g->report_source = 0;
    qemu_polled(g);
    return G_SOURCE_REMOVE;
}

/* The first exact measurement takes a moment. Until then only a bound of the guest's memory is
 * known, and a daemon that has just started would take the host for fuller than it is. True where
 * READY had better wait for it. */
static bool wait_for_memory(struct qemu_guest *g)
{
    gint64 now = g_get_monotonic_time();

    if (g->ready || !g->mem_pending)
        return false;
    if (g->ready_by == 0)
        g->ready_by = now + READY_WAIT_USEC;
    if (now >= g->ready_by)
        return false;
    g->report_source = g_timeout_add(READY_CHECK_MSEC, polled_later, g);
    return true;
}

void qemu_polled(struct qemu_guest *g)
{
    struct vmm_facts *f = &g->base.facts;

    if (f->size > 0 && !qemu_measure(g)) {
        qemu_gone(g);
        return;
    }
    if (f->size > 0 && wait_for_memory(g))
        return;
    g->polling = false;
    if (f->size == 0) {
        g->setup_due = true;
        qemu_link_retry_in(g, backoff_next(&g->backoff));
        qemu_link_set(g, VMM_LINK_UP, "QEMU does not tell how much memory the guest has");
        return;
    }
    f->updated = g_get_monotonic_time();
    /* Not at once: one that answers and then closes, again and again, is to have its pauses too. */
    if (f->updated - g->connected > BACKOFF_MAX_MSEC * G_TIME_SPAN_MILLISECOND)
        backoff_reset(&g->backoff);
    qemu_link_set(g, VMM_LINK_UP, NULL);
    if (!g->ready) {
        g->ready = true;
        vmm_guest_emit(&g->base, VMM_EVENT_READY);
    }
    vmm_guest_emit(&g->base, VMM_EVENT_UPDATED);
}

static void qemu_poll(struct vmm_guest *guest)
{
    struct qemu_guest *g = qemu(guest);

    if (g->polling || g->gone)
        return;
    g->polling = true;
    if (g->qmp && qmp_state(g->qmp) == QMP_READY) {
        qemu_poll_start(g);
        return;
    }
    /* Not before the greeting: connections that QEMU has yet to accept would pile up. */
    if (g->qmp && g->base.facts.link == VMM_LINK_SILENT && g->answered &&
        g_get_monotonic_time() - g->silent_since > QEMU_SILENT_MAX_USEC) {
        qemu_link_close(g);
        g->polling = true;
        qemu_link_retry_in(g, 0);
    }
    qemu_poll_failed(g);
}

static bool qemu_look(struct vmm_guest *guest)
{
    struct qemu_guest *g = qemu(guest);

    return g->base.facts.size > 0 && !g->gone && qemu_measure(g);
}

/* --- life --- */

void qemu_guest_configure(struct vmm_guest *guest, const struct qemu_config *config)
{
    struct qemu_guest *g = qemu(guest);

    g->config.timeout_msec = config->timeout_msec;
    g->config.stats_period_sec = config->stats_period_sec;
    g->setup_due = true;
}

static void qemu_free(struct vmm_guest *guest)
{
    struct qemu_guest *g = qemu(guest);

    qemu_link_close(g);
    qemu_tell_refused(g);
    procmem_free(g->mem);
    g_free(g->host_root);
    g_free(g->path);
    g_free(g->name);
    g_free(g->error);
    g_free(g->balloon_path);
    g_strfreev(g->not_ram);
    g_strfreev(g->private_backends);
    g_free(g->cpus);
    g_free(g);
}

struct vmm_guest *qemu_guest_new(const char *path, const struct qemu_config *config,
                                 vmm_event_fn event, void *data)
{
    static const struct vmm_ops ops = {
        .name = "qemu",
        .poll = qemu_poll,
        .measure = qemu_look,
        .set_balloon = qemu_set_balloon,
        .set_running = qemu_set_running,
        .set_mergeable = qemu_set_mergeable,
        .hold = qemu_hold,
        .translate = qemu_translate,
        .free = qemu_free,
    };
    struct qemu_guest *g = g_new0(struct qemu_guest, 1);

    g->base = (struct vmm_guest){.ops = &ops, .event = event, .event_data = data};
    g->base.facts.stats = GUEST_STATS_NONE;
    g->config = *config;
    g->config.host_root = g->host_root = g_strdup(config->host_root);
    g->path = g_strdup(path);
    g->base.facts.socket_path = g->path;
    set_name_from_path(g);
    g_queue_init(&g->refused);
    qemu_link_retry_in(g, 0);
    return &g->base;
}
