/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/orders.h"

#include "base/log.h"
#include "daemon/kernel_swap.h"
#include "daemon/pagers.h"

#define SENTENCE_MAX 512

struct orders {
    struct recorder *recorder;
    struct orders_counters counters;
    guint under_way;
    /* orders_empty_all: */
    guint wait; /* source id; 0: nobody waits */
    GSourceFunc done;
    void *done_data;
};

struct order {
    struct orders *orders;
    char *key;
    struct verdict verdict;
};

struct orders *orders_new(struct recorder *recorder)
{
    struct orders *o = g_new0(struct orders, 1);

    o->recorder = recorder;
    return o;
}

void orders_free(struct orders *o)
{
    if (!o)
        return;
    g_assert(o->under_way == 0);
    if (o->wait)
        g_source_remove(o->wait);
    g_free(o);
}

const struct orders_counters *orders_counters(const struct orders *o)
{
    return &o->counters;
}

static void record(struct orders *o, const char *key, const struct verdict *v, bool enacted,
                   const char *text)
{
    struct event event = {
        .kind = EVENT_DECISION,
        .state = v->state,
        .mechanism = v->mechanism,
        .reason = v->reason,
        .from = v->from,
        .to = v->to,
        .enacted = enacted,
    };

    recorder_add(o->recorder, &event, key, text);
}

/* What is not enacted, in mode observe, is said too. */
static void tell(struct orders *o, const struct guest *guest, const struct event *event,
                 const char *text)
{
    recorder_add(o->recorder, event, guest->key, text);
    log_info("guest %s: %s%s", guest->key, event->enacted ? "" : "would be done: ", text);
}

static gboolean wait_over(void *data)
{
    struct orders *o = data;

    o->wait = 0;
    return o->done(o->done_data);
}

static void finish_wait(struct orders *o)
{
    if (o->wait && o->under_way == 0) {
        g_source_remove(o->wait);
        o->wait = g_idle_add(wait_over, o);
    }
}

static void pause_guest(struct guest *guest)
{
    guest->pause =
        guest->pause ? u64_min(2 * guest->pause, ORDERS_PAUSE_MAX_USEC) : ORDERS_PAUSE_MIN_USEC;
    guest->paused_until = (usec_t)g_get_monotonic_time() + guest->pause;
}

static void order_done(struct vmm_guest *vmm, const GError *error, void *data)
{
    struct order *order = data;
    struct orders *o = order->orders;
    struct guest *guest = vmm_guest_owner(vmm); /* NULL: has gone meanwhile */
    char text[SENTENCE_MAX];

    policy_reason_text(&order->verdict, text, sizeof(text));
    if (guest)
        guest->sending = false;
    if (error) {
        g_autofree char *failed = g_strdup_printf("%s; not done: %s", text, error->message);

        o->counters.failed++;
        if (guest)
            pause_guest(guest);
        record(o, order->key, &order->verdict, false, failed);
        log_warning("guest %s: %s", order->key, failed);
    } else {
        o->counters.sent[order->verdict.reason]++;
        if (guest) {
            guest->pause = 0;
            if (guest->policy)
                policy_guest_target_sent(guest->policy, order->verdict.to,
                                         (usec_t)g_get_monotonic_time());
        }
        record(o, order->key, &order->verdict, true, text);
        log_info("guest %s: %s", order->key, text);
    }
    o->under_way--;
    finish_wait(o);
    g_free(order->key);
    g_free(order);
}

static void dispatch(struct orders *o, struct guest *guest, const struct verdict *v)
{
    struct order *order = g_new(struct order, 1);

    *order = (struct order){.orders = o, .key = g_strdup(guest->key), .verdict = *v};
    guest->sending = true;
    o->under_way++;
    vmm_guest_set_balloon(guest->vmm, v->to, order_done, order);
}

void orders_send(struct orders *o, struct guest *guest, const struct verdict *v)
{
    if (guest->sending || (guest->pause && (usec_t)g_get_monotonic_time() < guest->paused_until))
        return;
    dispatch(o, guest, v);
}

void orders_observe(struct orders *o, struct guest *guest, const struct verdict *v)
{
    char text[SENTENCE_MAX];

    if (guest->observed_reason == v->reason && guest->observed_to == v->to)
        return;
    guest->observed_reason = v->reason;
    guest->observed_to = v->to;
    record(o, guest->key, v, false, policy_reason_text(v, text, sizeof(text)));
    log_info("guest %s: would be done: %s", guest->key, text);
}

void orders_allow(struct orders *o, struct guest *guest, const struct verdict *v, bool enact)
{
    struct event event = {
        .kind = EVENT_DECISION,
        .state = v->state,
        .mechanism = MECHANISM_SWAP,
        .reason = v->allowed_reason,
        .from = v->allowed_before,
        .to = v->allowed,
        .enacted = enact,
    };
    char text[SENTENCE_MAX];

    bool again = v->allowed_reason == REASON_PACED && guest->allowed_reason == REASON_PACED;

    if (!pagers_allow(guest, v->allowed) && !kernel_swap_allow(guest, v->allowed))
        return;
    guest->allowed_reason = v->allowed_reason;
    if (again) /* several times a second while it grows: the first one says it */
        return;
    policy_allowed_text(v, text, sizeof(text));
    tell(o, guest, &event, text);
}

void orders_block(struct orders *o, struct blocking *blocking, struct guest *guest,
                  const struct verdict *v, bool enact)
{
    struct event event = {
        .kind = EVENT_DECISION,
        .state = v->state,
        .mechanism = MECHANISM_BLOCK,
        .reason = v->block_reason,
        .to = v->block,
        .enacted = enact,
    };
    usec_t now = (usec_t)g_get_monotonic_time();
    g_autofree char *text = NULL;
    char sentence[SENTENCE_MAX];

    if (enact && !blocking_hold(blocking, guest, v->block))
        return;
    if (guest->block_recorded && now < guest->block_recorded + ORDERS_BLOCK_RECORD_USEC) {
        guest->blocks_unrecorded++;
        return;
    }
    policy_block_text(v, sentence, sizeof(sentence));
    text = guest->blocks_unrecorded ? g_strdup_printf("%s; %u slices more since the last record",
                                                      sentence, guest->blocks_unrecorded)
                                    : g_strdup(sentence);
    guest->block_recorded = now;
    guest->blocks_unrecorded = 0;
    tell(o, guest, &event, text);
}

static gboolean waited_enough(void *data)
{
    struct orders *o = data;

    log_warning("%u guests have not answered within %d ms; their balloons stay as they are",
                o->under_way, ORDERS_EMPTY_WAIT_MSEC);
    return wait_over(o);
}

void orders_empty_all(struct orders *o, const struct guests *guests, GSourceFunc done, void *data)
{
    o->done = done;
    o->done_data = data;
    o->wait = g_timeout_add(ORDERS_EMPTY_WAIT_MSEC, waited_enough, o);
    for (guint i = 0; i < guests_count(guests); i++) {
        struct guest *guest = guests_at(guests, i);
        const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
        struct guest_view view;
        struct verdict v;

        if (!guest->policy || facts->link != VMM_LINK_UP || !facts->balloon_device)
            continue;
        policy_guest_view(guest->policy, &view);
        v = (struct verdict){.reason = REASON_RELEASED,
                             .mechanism = MECHANISM_BALLOON,
                             .from = facts->actual,
                             .to = facts->size};
        /* Also where a balloon has yet to begin to grow. One whose last order is not answered yet
         * is sent this one all the same: the VMM takes them in order, and there will be no later
         * chance. */
        if (v.from != v.to || view.balloon_target != v.to || guest->sending)
            dispatch(o, guest, &v);
    }
    finish_wait(o);
}
