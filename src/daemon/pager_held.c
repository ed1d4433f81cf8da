/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with pages that can't be read back now (a disk that fails or is gone) is stopped, so that
 * it need not time out and fail inside while it waits for them, and goes on when they can be read.
 *
 * One that somebody else has stopped is his to continue. One that is blocked just now is stopped
 * for good: blocking.c does not let it go on then. What was stopped by a daemon that has ended
 * since is known by a note that the pager keeps in the map, made before the guest is stopped.
 */
#include "base/log.h"
#include "daemon/blocking.h"
#include "daemon/pagers_impl.h"

#define STOPPED_TEXT "the guest is stopped until they can"

/* Lost where the pager takes no orders now: then the guest is for an operator to continue, should
 * this daemon end. */
static void note_stop(struct pager *p, bool stopped)
{
    if (p->link)
        (void)pager_link_send(p->link, PAGER_NOTE_STOP, stopped, 0);
}

static void on_running_set(struct pager *p, bool running, const GError *error)
{
    p->stopping = false;
    if (!error) {
        p->stopped = !running;
        if (running)
            note_stop(p, false);
    }
    if (error && !p->stop_failed) /* it is tried again with each tick */
        pager_record(p, g_strdup_printf("the guest could not be %s: %s",
                                        running ? "continued" : "stopped", error->message));
    p->stop_failed = error;
    pager_unref(p);
}

static void on_stopped(struct vmm_guest *vmm, const GError *error, void *data)
{
    (void)vmm;
    on_running_set(data, false, error);
}

static void on_continued(struct vmm_guest *vmm, const GError *error, void *data)
{
    (void)vmm;
    on_running_set(data, true, error);
}

enum pager_stop pagers_stop(const struct guest *guest)
{
    const struct pager *p = guest->pager;

    if (!p || (!p->stopping && !p->stopped))
        return PAGER_STOPS_NOT;
    return p->stopping ? PAGER_STOP_UNDER_WAY : PAGER_STOPPED;
}

/* @guest: what that means for it. */
static void say_held(struct pager *p, const char *guest)
{
    const struct pagemap_figures *f = &p->figures.now.figures;
    int code = f->held_errno < 4096 ? (int)f->held_errno : 0;
    g_autofree char *text = NULL;

    text = g_strdup_printf("%" G_GUINT64_FORMAT
                           " of its pages can't be read back (one at %#" G_GINT64_MODIFIER
                           "x of its RAM: %s); %s: see to the disk of %s",
                           (guint64)f->held_pages, (guint64)(f->held_page * PAGE_BYTES),
                           g_strerror(code), guest, p->files.swap);
    p->held_said = true;
    if (g_strcmp0(text, p->error) == 0)
        return;
    log_error("guest %s: %s", p->name, text);
    pager_set_error(p, "%s", text);
    pager_record(p, g_steal_pointer(&text));
}

static void stop_guest(struct pager *p)
{
    say_held(p, STOPPED_TEXT);
    p->stopping = true;
    note_stop(p, true);
    vmm_guest_stop(p->guest->vmm, on_stopped, pager_ref(p));
}

static void continue_guest(struct pager *p)
{
    p->stopping = true;
    vmm_guest_cont(p->guest->vmm, on_continued, pager_ref(p));
}

/* The note of a daemon before this one: its guest is ours to continue. Where the guest runs,
 * somebody was there before us. */
static void heed_note(struct pager *p, bool running)
{
    if (!p->figures.known || !p->figures.now.figures.guest_stopped || p->stopped)
        return;
    if (running)
        note_stop(p, false);
    else
        p->stopped = true;
}

void pager_follow_held(struct pager *p)
{
    const struct vmm_facts *facts = p->guest ? vmm_guest_facts(p->guest->vmm) : NULL;
    bool held = p->figures.known && p->figures.now.figures.held_pages > 0;

    if (!facts || facts->link != VMM_LINK_UP || p->stopping || p->gone || !pager_acts(p))
        return;
    if (!blocking_holds(p->guest))
        heed_note(p, facts->running);
    if (held && !p->stopped && (facts->running || blocking_holds(p->guest))) {
        stop_guest(p);
    } else if (held && !p->held_said) {
        say_held(p, p->stopped
                        ? STOPPED_TEXT
                        : "the guest stands still, and is to be continued by who stopped it");
    } else if (!held && p->held_said) {
        p->held_said = false;
        g_clear_pointer(&p->error, g_free);
        pager_record(p, g_strdup("all its pages can be read again"));
    }
    if (!held && p->stopped)
        continue_guest(p);
}
