/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a hold is a debt. From the moment that a stop may have reached the guest until it is seen
 * to run again, somebody owes it a cont: this daemon, as long as it lives; else the guardian; else
 * the next daemon. So the order is: guardian, record, stop; and cont, record off. The cont is sent
 * until it is answered, with pauses, over whatever connection there is.
 *
 *     FREE -> STOPPING -> HELD -> GOING -> FREE
 *                 |                 ^
 *                 +-- slice over ---+ (after the stop was answered or given up)
 *
 * The slice counts from the sending of the stop. A monitor answers one command after the other, so
 * a cont can't overtake its stop, and is not sent before that was answered or is overdue.
 *
 * What QEMU does not tell: whose a stop is. An operator who stops a guest that is held already
 * finds it running when the slice is over, and has to stop it again; one who continues it ends the
 * slice. A guest that is not ours to speak to any more while it is held (a new configuration, its
 * socket is gone) is left to a guardian of its own. A guest that its pager has stopped
 * (pager_talk.c) is not held, and one that its pager stops while it is held stays stopped when the
 * slice is over: the debt is the pager's then.
 */
#include "base/log.h"
#include "daemon/blocking_impl.h"
#include "daemon/pagers.h"
#include "pager/files.h"

/* A guest that could not be held is left alone for a while; doubled each time. */
#define PAUSE_MIN_USEC (2 * USEC_PER_SEC)
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)

/* How often it is looked whether those who are left (see struct blocking) still are. */
#define SWEEP_MSEC 1000

void hold_say(struct hold *h, char *text)
{
    h->all->calls->record(h->guest, text, h->all->data);
}

void hold_unref(struct hold *h)
{
    if (--h->refs == 0)
        g_free(h);
}

static struct hold *hold_of(struct blocking *b, struct guest *guest)
{
    if (!guest->hold) {
        guest->hold = g_new0(struct hold, 1);
        *guest->hold = (struct hold){.all = b, .guest = guest, .refs = 1};
    }
    return guest->hold;
}

/* --- its beginning --- */

static gboolean on_slice_over(void *data)
{
    struct hold *h = data;

    h->timer = 0;
    if (h->phase == STOPPING)
        h->over = true;
    else
        hold_let_go(h);
    return G_SOURCE_REMOVE;
}

static void note_failure(struct hold *h, const char *what)
{
    if (h->pause == 0)
        hold_say(h, g_strdup_printf("it was to be blocked, and could not be: %s", what));
    h->pause = h->pause ? u64_min(2 * h->pause, PAUSE_MAX_USEC) : PAUSE_MIN_USEC;
    h->paused_until = blocking_now() + h->pause;
}

static void on_stopped(struct vmm_guest *vmm, const GError *error, void *data)
{
    struct hold *h = data;

    if (!h->guest || h->phase != STOPPING) {
        hold_unref(h);
        return;
    }
    if (error)
        note_failure(h, error->message);
    else
        h->pause = 0;
    h->stood = !vmm_guest_facts(vmm)->running;
    if (g_error_matches(error, VMM_ERROR, VMM_ERROR_STATE)) {
        hold_finish(h, false);
    } else if (error || h->over) {
        g_clear_handle_id(&h->timer, g_source_remove);
        hold_let_go(h); /* a stop without an answer may have come to pass, or may yet */
    } else {
        h->phase = HELD;
    }
    hold_unref(h);
}

static bool may_hold(const struct blocking *b, const struct hold *h)
{
    const struct vmm_facts *facts = vmm_guest_facts(h->guest->vmm);

    return !b->ending && h->phase == FREE && facts->link == VMM_LINK_UP && facts->running &&
           facts->pid > 0 && (!h->pause || blocking_now() >= h->paused_until) &&
           pagers_stop(h->guest) == PAGER_STOPS_NOT;
}

/* The record, with a guardian to read it; NULL where there can't be both. */
static struct hold_record *secure(struct blocking *b, const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    uint64_t start_time = process_start_time(b->host_root, facts->pid);
    g_autoptr(GError) error = NULL;
    struct hold_record *record = NULL;

    if (start_time == 0)
        return NULL; /* it ends */
    if (hold_record_prepare(b->directory, &error) && guardian_ensure(b->guardian, &error))
        record = hold_record_new(b->directory, facts->pid, start_time, facts->socket_path, &error);
    if (error && !b->unusable)
        log_warning("no guest can be blocked, because none could be let go on if the daemon were "
                    "killed: %s",
                    error->message);
    b->unusable = error;
    return record;
}

bool blocking_hold(struct blocking *b, struct guest *guest, usec_t usec)
{
    struct hold *h = hold_of(b, guest);
    struct hold_record *record = may_hold(b, h) ? secure(b, guest) : NULL;

    if (!record)
        return false;
    h->record = record;
    h->phase = STOPPING;
    h->over = h->stood = false;
    h->since = blocking_now();
    h->timer = g_timeout_add((guint)(usec / USEC_PER_MSEC), on_slice_over, h);
    g_ptr_array_add(b->held, h);
    h->refs++;
    vmm_guest_hold(guest->vmm, on_stopped, h);
    return true;
}

/* --- who is left --- */

/* Those that have ended, and those that the guardian has seen to, are of no interest any more. The
 * rest is sent one: it can't be spoken to by us. */
static gboolean on_sweep(void *data)
{
    struct blocking *b = data;
    bool unseen = b->unseen;

    for (guint i = b->left->len; i-- > 0;) {
        if (hold_record_holds(b->left->pdata[i], b->host_root))
            continue;
        hold_record_remove(b->left->pdata[i]);
        g_ptr_array_remove_index_fast(b->left, i);
    }
    b->unseen = false;
    if (unseen && b->left->len)
        guardian_send(b->guardian);
    if (b->left->len)
        return G_SOURCE_CONTINUE;
    b->sweep = 0;
    return G_SOURCE_REMOVE;
}

static void watch_left(struct blocking *b)
{
    if (b->left->len && !b->sweep)
        b->sweep = g_timeout_add(SWEEP_MSEC, on_sweep, b);
}

/* --- what is seen --- */

/* Takes the record for this guest out of the list; NULL: there is none, or the guardian was first.
 */
static struct hold_record *take_left(struct blocking *b, const struct guest *guest)
{
    pid_t pid = vmm_guest_facts(guest->vmm)->pid;

    for (guint i = 0; i < b->left->len; i++) {
        const struct hold_record *record = b->left->pdata[i];

        if (record->pid == pid && hold_record_holds(record, b->host_root))
            return g_ptr_array_steal_index_fast(b->left, i);
    }
    return NULL;
}

static void adopt(struct blocking *b, struct guest *guest)
{
    struct hold *h = hold_of(b, guest);

    if (h->phase != FREE || !(h->record = take_left(b, guest)))
        return;
    hold_say(h, g_strdup("it was blocked by a daemon that has ended; it goes on"));
    h->since = blocking_now();
    g_ptr_array_add(b->held, h);
    hold_let_go(h);
}

/* It stood still and runs, by its own word, whatever was answered. */
static void see_running(struct hold *h)
{
    if (h->phase == HELD)
        hold_say(h, g_strdup("somebody else has let it go on before its time"));
    hold_finish(h, true);
}

void blocking_see(struct blocking *b, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    struct hold *h;

    if (b->left->len && facts->pid > 0 && facts->link == VMM_LINK_UP)
        adopt(b, guest);
    h = guest->hold;
    if (!h || h->phase == FREE || h->phase == STOPPING)
        return;
    h->stood = h->stood || !facts->running;
    if (h->stood && facts->running) {
        see_running(h);
    } else if (h->phase == GOING && !h->asked && facts->link == VMM_LINK_UP) {
        g_clear_handle_id(&h->timer, g_source_remove);
        hold_let_go(h); /* it answers again */
    }
}

void blocking_release(struct guest *guest)
{
    struct hold *h = guest->hold;

    if (!h || (h->phase != HELD && h->phase != STOPPING))
        return;
    g_clear_handle_id(&h->timer, g_source_remove);
    (void)on_slice_over(h);
}

/* --- what is asked --- */

bool blocking_holds(const struct guest *guest)
{
    return guest->hold && guest->hold->phase != FREE;
}

usec_t blocking_total(const struct guest *guest)
{
    const struct hold *h = guest->hold;

    if (!h)
        return 0;
    return h->total + (h->phase == FREE ? 0 : blocking_now() - h->since);
}

uint64_t blocking_times(const struct guest *guest)
{
    return guest->hold ? guest->hold->times : 0;
}

unsigned blocking_count(const struct blocking *b)
{
    return b->held->len;
}

/* --- life --- */

static void add_left(struct blocking *b, struct hold_record *record)
{
    g_ptr_array_add(b->left, record);
    b->unseen = true; /* those of a daemon before have had theirs */
}

void blocking_forget(struct blocking *b, struct guest *guest)
{
    struct hold *h = g_steal_pointer(&guest->hold);

    if (!h)
        return;
    g_clear_handle_id(&h->timer, g_source_remove);
    g_clear_handle_id(&h->series_timer, g_source_remove);
    if (h->phase != FREE) {
        g_ptr_array_remove_fast(b->held, h);
        h->phase = FREE;
        /* Its process may live though its monitor is gone: then the record keeps the debt. */
        if (process_start_time(b->host_root, h->record->pid) == h->record->start_time)
            add_left(b, g_steal_pointer(&h->record));
        else
            hold_record_remove(h->record);
        watch_left(b);
        g_clear_pointer(&h->record, hold_record_free);
    }
    h->guest = NULL;
    hold_unref(h);
}

struct blocking *blocking_new(const char *directory, const char *host_root,
                              const struct blocking_calls *calls, void *data)
{
    struct blocking *b = g_new0(struct blocking, 1);

    b->directory = g_strdup(directory);
    b->host_root = host_root;
    b->calls = calls;
    b->data = data;
    b->guardian = guardian_new(b->directory, host_root);
    b->held = g_ptr_array_new();
    hold_records_clean(directory);
    b->left = hold_records_read(directory);
    if (b->left->len)
        guardian_send(b->guardian);
    watch_left(b);
    return b;
}

void blocking_free(struct blocking *b)
{
    bool clean;

    if (!b)
        return;
    clean = b->held->len == 0;
    for (guint i = 0; i < b->left->len; i++)
        clean = clean && !hold_record_holds(b->left->pdata[i], b->host_root);
    guardian_free(b->guardian, clean);
    g_clear_handle_id(&b->wait, g_source_remove);
    g_clear_handle_id(&b->sweep, g_source_remove);
    g_ptr_array_unref(b->left);
    g_ptr_array_unref(b->held);
    g_free(b->directory);
    g_free(b);
}

static gboolean waited_enough(void *data)
{
    struct blocking *b = data;

    log_warning("%u guests that are blocked have not answered; the guardian sees to them",
                b->held->len);
    return blocking_wait_over(b);
}

void blocking_end(struct blocking *b, GSourceFunc done, void *data)
{
    b->ending = true;
    b->done = done;
    b->done_data = data;
    for (guint i = b->held->len; i-- > 0;)
        blocking_release(((struct hold *)b->held->pdata[i])->guest);
    if (b->held->len)
        b->wait = g_timeout_add(BLOCKING_END_MSEC, waited_enough, b);
    else
        b->wait = g_idle_add(blocking_wait_over, b);
}
