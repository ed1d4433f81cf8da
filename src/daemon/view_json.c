/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/view_json.h"

#include <config.h>

#include "base/json.h"
#include "daemon/blocking.h"
#include "daemon/view_health.h"
#include "daemon/view_kernel_swap.h"
#include "daemon/view_pager.h"
#include "daemon/view_sharing.h"
#include "daemon/view_swap.h"
#include "host/psi.h"

#define SENTENCE_MAX 512

static void put_u64_unless(struct json_object *obj, const char *key, uint64_t value, uint64_t unset)
{
    if (value == unset)
        json_put_null(obj, key);
    else
        json_put_u64(obj, key, value);
}

static double seconds(usec_t usec)
{
    return (double)usec / (double)USEC_PER_SEC;
}

static usec_t since(usec_t then)
{
    return u64_sub((usec_t)g_get_monotonic_time(), then);
}

static struct json_object *view_psi(const char *host_root)
{
    struct json_object *obj;
    struct psi psi;

    if (psi_memory_read(host_root, &psi) < 0)
        return NULL;
    obj = json_object_new_object();
    json_put_double(obj, "some_avg10", psi.some.avg10);
    json_put_double(obj, "full_avg10", psi.full.avg10);
    return obj;
}

static struct json_object *view_overcommit(const struct overcommit *o)
{
    struct json_object *obj = json_object_new_object();

    json_put_double(obj, "1m", o->average[OVERCOMMIT_1M]);
    json_put_double(obj, "5m", o->average[OVERCOMMIT_5M]);
    json_put_double(obj, "15m", o->average[OVERCOMMIT_15M]);
    return obj;
}

static struct json_object *view_states(const struct host_status *host)
{
    struct json_object *obj = json_object_new_object();

    for (int i = 0; i < HOST_STATE_MAX; i++)
        json_put_double(obj, host_state_name((enum host_state)i), seconds(host->state_usec[i]));
    return obj;
}

static struct json_object *view_pagers(const struct pager_totals *sum)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "serving", sum->serving);
    json_put_u64(obj, "zero", sum->zero);
    json_put_u64(obj, "compressed", sum->compressed);
    json_put_u64(obj, "swapped", sum->swapped);
    json_put_u64(obj, "cache", sum->cache);
    json_put_u64(obj, "own", sum->own);
    json_put_double(obj, "out_rate", sum->out_rate);
    json_put_double(obj, "in_rate", sum->in_rate);
    return obj;
}

struct json_object *view_host(const struct host_status *host, const struct config *config,
                              const struct daemon_status *daemon)
{
    struct json_object *obj = json_object_new_object();
    const struct host_view *view = &host->policy;

    json_put_string(obj, "version", AEROSTAT_VERSION);
    json_put_string(obj, "mode", daemon_mode_name(config->mode));
    json_put_double(obj, "uptime", daemon->uptime);
    json_put_double(obj, "period", seconds(config->period_usec));
    json_put_string(obj, "state", host_state_name(view->state));
    json_put_double(obj, "state_age", seconds(since(view->state_since)));
    json_put_object(obj, "state_seconds", view_states(host));
    json_put_u64(obj, "capacity", view->capacity);
    json_put_u64(obj, "configured", view->configured);
    json_put_u64(obj, "resident", view->resident);
    json_put_u64(obj, "free", view->free);
    json_put_u64(obj, "minfree", view->minfree);
    json_put_u64(obj, "available", view->available);
    json_put_u64(obj, "ballooned", view->ballooned);
    json_put_u64(obj, "overhead", host->overhead);
    json_put_double(obj, "overcommit",
                    view->capacity ? (double)view->configured / (double)view->capacity : 0);
    json_put_object(obj, "marks", view_marks(view));
    json_put_object(obj, "overcommit_avg", view_overcommit(&host->overcommit));
    json_put_u64(obj, "guests", host->guests);
    json_put_u64(obj, "guests_up", host->guests_up);
    json_put_u64(obj, "inflated_total", host->inflated);
    json_put_u64(obj, "deflated_total", host->deflated);
    json_put_u64(obj, "decisions_total", host->decisions);
    json_put_double(obj, "decision_seconds", host->decision_seconds);
    json_put_u64(obj, "events_next", daemon->events_next);
    json_put_object(obj, "pagers", view_pagers(&host->pagers));
    json_put_object(obj, "swap_pool", view_swap(&host->swap_pool));
    json_put_u64(obj, "blocked", host->blocked);
    json_put_object(obj, "sharing", view_sharing(&host->sharing));
    json_put_object(obj, "psi", view_psi(daemon->host_root));
    return obj;
}

static struct json_object *view_activity(const struct guest_view *view)
{
    struct json_object *obj = json_object_new_object();

    json_put_string(obj, "source", activity_source_name(view->activity_source));
    if (view->activity.known) {
        json_put_u64(obj, "slow", (uint64_t)view->activity.slow);
        json_put_u64(obj, "fast", (uint64_t)view->activity.fast);
        json_put_u64(obj, "current", view->activity.current);
    } else {
        json_put_null(obj, "slow");
        json_put_null(obj, "fast");
        json_put_null(obj, "current");
    }
    return obj;
}

static struct json_object *view_balloon(const struct guest_view *view, const struct config *config)
{
    struct json_object *obj = json_object_new_object();
    const struct guest_observation *seen = &view->seen;

    json_put_string(obj, "driver", balloon_driver_name(view->driver));
    json_put_u64(obj, "current", u64_sub(seen->size, seen->actual));
    json_put_u64(obj, "target", u64_sub(seen->size, view->balloon_target));
    json_put_u64(obj, "max", (uint64_t)((double)seen->size * config->policy.balloon_max));
    return obj;
}

static struct json_object *view_stats(const struct guest_view *view)
{
    struct json_object *obj = json_object_new_object();
    const struct guest_stats *stats = &view->seen.stats;
    double now = (double)g_get_real_time() / (double)USEC_PER_SEC;

    json_put_string(obj, "trust", stats_trust_name(view->trust));
    if (stats->last_update)
        json_put_double(obj, "age", MAX(now - (double)stats->last_update, 0));
    else
        json_put_null(obj, "age");
    put_u64_unless(obj, "total", stats->total, GUEST_STAT_UNSET);
    put_u64_unless(obj, "free", stats->free, GUEST_STAT_UNSET);
    put_u64_unless(obj, "available", stats->available, GUEST_STAT_UNSET);
    put_u64_unless(obj, "caches", stats->caches, GUEST_STAT_UNSET);
    json_put_u64(obj, "swap_in_rate", view->swap_in_rate);
    json_put_u64(obj, "swap_out_rate", view->swap_out_rate);
    json_put_u64(obj, "major_fault_rate", view->major_fault_rate);
    put_u64_unless(obj, "oom_kills", stats->oom_kills, GUEST_STAT_UNSET);
    return obj;
}

static struct json_object *view_distress(unsigned distress)
{
    struct json_object *array = json_object_new_array();
    char name[64];

    for (unsigned bit = 1; bit && bit <= distress; bit <<= 1) {
        if (distress & bit)
            json_object_array_add(array,
                                  json_object_new_string(distress_names(bit, name, sizeof(name))));
    }
    return array;
}

static void put_verdict(struct json_object *obj, const struct verdict *v)
{
    char text[SENTENCE_MAX];

    if (v->size == 0) { /* nothing was decided yet */
        json_put_null(obj, "entitled");
        json_put_null(obj, "reason");
        json_put_null(obj, "explain");
        json_put_null(obj, "decided_age");
        return;
    }
    json_put_u64(obj, "entitled", v->entitled);
    json_put_string(obj, "reason", reason_name(v->reason));
    json_put_string(obj, "explain", policy_reason_text(v, text, sizeof(text)));
    json_put_double(obj, "decided_age", seconds(since(v->at)));
}

static struct json_object *view_blocked(const struct guest *guest, const struct guest_view *view)
{
    struct json_object *obj = json_object_new_object();

    json_put_bool(obj, "now", blocking_holds(guest));
    json_put_double(obj, "seconds", seconds(blocking_total(guest)));
    json_put_u64(obj, "times", blocking_times(guest));
    json_put_double(obj, "owed", seconds(view->block_owed));
    return obj;
}

/* What is known of a guest once it takes part in the policy. All as the policy saw it: the facts
 * may be a moment ahead, and the verdict would not fit them. */
static void put_policy(struct json_object *obj, const struct guest *guest,
                       const struct config *config)
{
    struct guest_view view;

    policy_guest_view(guest->policy, &view);
    json_put_bool(obj, "running", view.seen.running);
    json_put_u64(obj, "size", view.seen.size);
    json_put_u64(obj, "granted", view.seen.actual);
    json_put_u64(obj, "resident", view.seen.resident);
    json_put_u64(obj, "active", view.active);
    json_put_object(obj, "activity", view_activity(&view));
    json_put_object(obj, "balloon", view_balloon(&view, config));
    json_put_u64(obj, "shares", view.shares);
    json_put_u64(obj, "reservation", view.settings.reservation);
    json_put_u64(obj, "limit",
                 view.settings.limit ? u64_min(view.settings.limit, view.seen.size)
                                     : view.seen.size);
    json_put_bool(obj, "exempt", view.settings.exempt);
    json_put_string(obj, "guest_swap", guest_swap_name(view.swap));
    json_put_object(obj, "stats", view_stats(&view));
    json_put_object(obj, "distress", view_distress(view.distress));
    if (view.distress_since == USEC_NEVER)
        json_put_null(obj, "distress_age");
    else
        json_put_double(obj, "distress_age", seconds(since(view.distress_since)));
    json_put_object(obj, "blocked", view_blocked(guest, &view));
    if (guest->admitted == ADMITTED_UNKNOWN)
        json_put_null(obj, "admitted");
    else
        json_put_bool(obj, "admitted", guest->admitted == ADMITTED_YES);
    view_put_health(obj, &view);
    put_verdict(obj, &view.verdict);
}

/* A socket whose guest has not shown itself completely yet: the same members, not known. */
static void put_unknown(struct json_object *obj)
{
    static const char *const members[] = {
        "running",  "size",       "granted",     "resident",     "active",
        "activity", "balloon",    "shares",      "reservation",  "limit",
        "exempt",   "guest_swap", "stats",       "distress_age", "entitled",
        "reason",   "explain",    "decided_age", "blocked",      "admitted",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        json_put_null(obj, members[i]);
    view_put_unknown_health(obj);
    json_put_object(obj, "distress", json_object_new_array());
}

/* Why the pager, or the kernel, may leave the guest what it does. */
static void put_allowed_reason(struct json_object *obj, const struct guest *guest)
{
    char text[SENTENCE_MAX];
    struct guest_view view = {0};

    if (guest->policy)
        policy_guest_view(guest->policy, &view);
    if (view.verdict.size == 0 || !view.seen.pager.present) {
        json_put_null(obj, "reason");
        json_put_null(obj, "explain");
        return;
    }
    json_put_string(obj, "reason", reason_name(view.verdict.allowed_reason));
    json_put_string(obj, "explain", policy_allowed_text(&view.verdict, text, sizeof(text)));
}

static struct json_object *view_guest_pager(const struct guest *guest)
{
    struct pager_view pager;
    struct json_object *obj;

    if (!pagers_view(guest, &pager))
        return NULL;
    obj = view_pager(&pager);
    put_allowed_reason(obj, guest);
    return obj;
}

static struct json_object *view_guest_kernel_swap(const struct guest *guest)
{
    struct kernel_swap_view swap;
    struct json_object *obj;

    if (!kernel_swap_view(guest, &swap))
        return NULL;
    obj = view_kernel_swap(&swap);
    put_allowed_reason(obj, guest);
    return obj;
}

struct json_object *view_guest(const struct guest *guest, const struct config *config)
{
    struct json_object *obj = json_object_new_object();
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    json_put_string(obj, "name", guest->key);
    put_u64_unless(obj, "pid", (uint64_t)facts->pid, 0);
    json_put_string(obj, "vmm", vmm_guest_ops(guest->vmm)->name);
    json_put_string(obj, "socket", facts->socket_path);
    json_put_string(obj, "ram", vmm_ram_name(facts->ram));
    json_put_string(obj, "link", vmm_link_name(facts->link));
    json_put_string(obj, "error", facts->error);
    put_u64_unless(obj, "overhead", facts->overhead, guest->policy ? UINT64_MAX : 0);
    if (guest->policy)
        put_policy(obj, guest, config);
    else
        put_unknown(obj);
    json_put_object(obj, "shared", view_guest_sharing(guest));
    json_put_object(obj, "pager", view_guest_pager(guest));
    json_put_object(obj, "kernel_swap", view_guest_kernel_swap(guest));
    return obj;
}

struct json_object *view_event(const struct event *event)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "seq", event->seq);
    json_put_double(obj, "time", (double)event->time / (double)USEC_PER_SEC);
    json_put_string(obj, "kind", event_kind_name(event->kind));
    if (event->guest)
        json_put_string(obj, "guest", event->guest);
    json_put_string(obj, "state", host_state_name(event->state));
    if (event->kind == EVENT_DECISION) {
        json_put_string(obj, "mechanism", mechanism_name(event->mechanism));
        json_put_string(obj, "reason", reason_name(event->reason));
        json_put_u64(obj, "from", event->from);
        json_put_u64(obj, "to", event->to);
        json_put_bool(obj, "enacted", event->enacted);
    }
    json_put_string(obj, "text", event->text);
    return obj;
}

struct json_object *view_error(const char *code, const char *message)
{
    struct json_object *error = json_object_new_object();
    struct json_object *obj = json_object_new_object();

    json_put_string(error, "code", code);
    json_put_string(error, "message", message);
    json_put_object(obj, "error", error);
    return obj;
}
