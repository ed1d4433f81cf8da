/* SPDX-License-Identifier: Apache-2.0 */
/* How a guest that is held is let go on: tried until it runs, counted, and summed up. */
#include "base/log.h"
#include "daemon/blocking_impl.h"
#include "daemon/pagers.h"

/* Between one cont and the next, where it was not carried out; doubled each time. */
#define RETRY_MIN_MSEC 20
#define RETRY_MAX_MSEC 1000

/* A series of slices is summed up in one event, when none has followed for this long. */
#define SERIES_END_MSEC 5000

gboolean blocking_wait_over(void *blocking)
{
    struct blocking *b = blocking;

    b->wait = 0;
    return b->done(b->done_data);
}

static void series_say(struct hold *h)
{
    double seconds = (double)h->series_total / (double)USEC_PER_SEC;
    double length = (double)(blocking_now() - h->series_began) / (double)USEC_PER_SEC;

    if (h->series_times > 1)
        hold_say(h, g_strdup_printf("was blocked %" G_GUINT64_FORMAT
                                    " times within %.1f s, for %.2f s in "
                                    "all",
                                    h->series_times, length, seconds));
    h->series_times = 0;
}

static gboolean on_series_end(void *data)
{
    struct hold *h = data;

    h->series_timer = 0;
    series_say(h);
    return G_SOURCE_REMOVE;
}

static void series_add(struct hold *h, usec_t usec)
{
    if (h->series_times++ == 0) {
        h->series_began = h->since;
        h->series_total = 0;
    }
    h->series_total += usec;
    g_clear_handle_id(&h->series_timer, g_source_remove);
    h->series_timer = g_timeout_add(SERIES_END_MSEC, on_series_end, h);
}

void hold_finish(struct hold *h, bool counts)
{
    struct blocking *b = h->all;
    usec_t usec = blocking_now() - h->since;
    unsigned tries = h->tries;

    g_clear_handle_id(&h->timer, g_source_remove);
    hold_record_remove(h->record);
    g_clear_pointer(&h->record, hold_record_free);
    h->phase = FREE;
    h->tries = 0;
    g_ptr_array_remove_fast(b->held, h);
    if (tries)
        hold_say(h, g_strdup_printf("it is not blocked any more, after %u tries in vain", tries));
    if (counts) {
        h->total += usec;
        h->times++;
        series_add(h, usec);
    }
    if (b->ending && b->held->len == 0 && b->wait) {
        g_source_remove(b->wait);
        b->wait = g_idle_add(blocking_wait_over, b);
    }
    b->calls->changed(h->guest, b->data);
}

static gboolean on_retry(void *data)
{
    struct hold *h = data;

    h->timer = 0;
    hold_let_go(h);
    return G_SOURCE_REMOVE;
}

static void retry(struct hold *h)
{
    guint pause = MIN((guint)RETRY_MIN_MSEC << MIN(h->tries, 10u), RETRY_MAX_MSEC);

    h->tries++;
    g_clear_handle_id(&h->timer, g_source_remove);
    h->timer = g_timeout_add(pause, on_retry, h);
}

static void on_let_go(struct vmm_guest *vmm, const GError *error, void *data)
{
    struct hold *h = data;

    (void)vmm;
    h->asked = false;
    if (!h->guest || h->phase != GOING) {
        hold_unref(h);
        return;
    }
    if (!error) {
        hold_finish(h, true);
    } else if (g_error_matches(error, VMM_ERROR, VMM_ERROR_STATE)) {
        hold_say(h,
                 g_strdup_printf("it was blocked, and is left as it is now: %s", error->message));
        hold_finish(h, true);
    } else {
        if (h->tries == 0) {
            log_warning("guest %s is blocked and could not be let go on (%s); it is tried until it "
                        "goes on",
                        h->guest->key, error->message);
            hold_say(h, g_strdup_printf("it could not be let go on, and that is tried again: %s",
                                        error->message));
        }
        retry(h);
    }
    hold_unref(h);
}

void hold_let_go(struct hold *h)
{
    enum pager_stop stop = pagers_stop(h->guest);

    h->phase = GOING;
    if (stop == PAGER_STOPPED) {
        hold_say(h, g_strdup("it stays stopped, now for the pages that can't be read back"));
        hold_finish(h, true);
    } else if (stop == PAGER_STOP_UNDER_WAY) {
        retry(h); /* what came of it is known soon */
    } else {
        h->asked = true;
        h->refs++;
        vmm_guest_let_go(h->guest->vmm, on_let_go, h);
    }
}
