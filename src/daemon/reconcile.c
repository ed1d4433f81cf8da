/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop. Two timers: every stats-period all guests are asked for fresh facts, every period the
 * policy decides. What a guest answers is handed to the policy as it comes; where the policy says
 * that this should not wait, a guest comes or goes, or an operator changes something, a decision is
 * made at once, DECISION_GAP_MSEC after the last one at the earliest, so that many causes make one
 * decision.
 *
 * A guest takes part once its size and residency are known, and until it ends: one that does not
 * answer is still counted with what it holds, as unreachable. Nothing here waits for a guest, and
 * nothing a guest does not answer delays another.
 *
 * Where memory might run out before the next poll, it is looked at in between (reconcile_look.c).
 *
 * There is no state to be kept: after a restart the balloons are adopted as they are found.
 */
#include "daemon/reconcile_impl.h"

#include <string.h>

#include "base/log.h"
#include "base/size.h"
#include "daemon/capacity.h"

#define DECISION_GAP_MSEC 100

static gboolean decide_soon(void *data);

void reconcile_record(struct reconcile *r, enum event_kind kind, const struct guest *guest,
                      char *text)
{
    struct event event = {.kind = kind, .state = r->state};

    recorder_add(r->recorder, &event, guest ? guest->key : NULL, text);
    if (guest)
        log_info("guest %s: %s", guest->key, text);
    else
        log_info("host: %s", text);
    g_free(text);
}

void reconcile_ask_for_decision(struct reconcile *r)
{
    usec_t passed = (now_usec() - r->decided) / USEC_PER_MSEC;

    if (!r->soon && !r->closing)
        r->soon = g_timeout_add((guint)u64_sub(DECISION_GAP_MSEC, passed), decide_soon, r);
}

static void note_state(struct reconcile *r, usec_t now)
{
    struct host_view view;
    char free[SIZE_TEXT_MAX], capacity[SIZE_TEXT_MAX], minfree[SIZE_TEXT_MAX];

    policy_host_view(r->policy, &view);
    if (r->decisions)
        r->state_usec[r->state] += now - r->decided;
    overcommit_observe(&r->overcommit, view.configured, view.capacity, now);
    if (view.state == r->state)
        return;
    r->state = view.state;
    reconcile_record(r, EVENT_HOST_STATE, NULL,
                     g_strdup_printf("state is %s: %s of %s are free, minfree is %s",
                                     host_state_name(view.state), size_format(view.free, free),
                                     size_format(view.capacity, capacity),
                                     size_format(view.minfree, minfree)));
}

void reconcile_look_at_host(struct reconcile *r)
{
    struct host_observation seen;
    int error = capacity_observe(r->config, r->host_root, &seen);

    if (error == 0)
        r->host = seen;
    else if (!r->host_blind)
        log_warning("the host's memory can't be read (%s); deciding with what was seen last",
                    g_strerror(-error));
    r->host_blind = error != 0;
    r->host.other = pagers_memory(r->pagers) + kernel_swap_memory(r->kernel_swap);
}

static void act(struct reconcile *r)
{
    struct policy_guest *decided;

    for (size_t i = 0; (decided = policy_decision(r->policy, i)); i++) {
        struct guest *guest = policy_guest_owner(decided);
        struct guest_view view;

        policy_guest_view(decided, &view);
        if (view.verdict.allow)
            orders_allow(r->orders, guest, &view.verdict, r->config->mode == MODE_MANAGE);
        if (view.verdict.block)
            orders_block(r->orders, r->blocking, guest, &view.verdict,
                         r->config->mode == MODE_MANAGE);
        if (view.verdict.mechanism != MECHANISM_BALLOON)
            continue;
        if (r->config->mode == MODE_OBSERVE)
            orders_observe(r->orders, guest, &view.verdict);
        else
            orders_send(r->orders, guest, &view.verdict);
    }
}

static void record_pager(struct guest *guest, char *text, void *data)
{
    reconcile_record(data, EVENT_GUEST_PAGER, guest, text);
}

static void record_blocking(struct guest *guest, char *text, void *data)
{
    reconcile_record(data, EVENT_BLOCKING, guest, text);
}

/* Beside the API's socket, where the daemon may write whatever runs it. */
static struct blocking *new_blocking(struct reconcile *r)
{
    static const struct blocking_calls calls = {.record = record_blocking,
                                                .changed = reconcile_on_guest};
    g_autofree char *run = config_run_directory(r->config);
    g_autofree char *directory = g_build_filename(run, "held", NULL);

    return blocking_new(directory, r->host_root, &calls, r);
}

static void record_swap_pool(char *text, void *data)
{
    reconcile_record(data, EVENT_SWAP_POOL, NULL, text);
}

/* Guests that wait for it find out by themselves, within a second. */
static void on_swap_pool(void *data)
{
    reconcile_ask_for_decision(data);
}

static void record_sharing(struct guest *guest, char *text, void *data)
{
    reconcile_record(data, EVENT_SHARING, guest, text);
}

static bool unknown_guests(void *data)
{
    const struct reconcile *r = data;

    return discovery_unknown(r->discovery);
}

static void decide(struct reconcile *r)
{
    usec_t now = now_usec();

    reconcile_look_at_host(r);
    if (policy_decide(r->policy, &r->host, now) < 0)
        g_error("out of memory");
    note_state(r, now);
    r->decided = now;
    r->decisions++;
    r->decision_seconds = (double)(now_usec() - now) / (double)USEC_PER_SEC;
    act(r);
    reconcile_look_again(r, NULL);
    sharing_decide(r->sharing, r->state);
    for (guint i = 0; i < guests_count(r->guests); i++) {
        if (guests_at(r->guests, i)->policy)
            reconcile_note_changes(r, guests_at(r->guests, i));
    }
}

static gboolean decide_soon(void *data)
{
    struct reconcile *r = data;

    r->soon = 0;
    decide(r);
    return G_SOURCE_REMOVE;
}

static gboolean on_decide_timer(void *data)
{
    decide(data);
    return G_SOURCE_CONTINUE;
}

static gboolean on_poll_timer(void *data)
{
    struct reconcile *r = data;

    for (guint i = 0; i < guests_count(r->guests); i++)
        vmm_guest_poll(guests_at(r->guests, i)->vmm);
    return G_SOURCE_CONTINUE;
}

static void stop_timers(struct reconcile *r)
{
    g_clear_handle_id(&r->poll_timer, g_source_remove);
    g_clear_handle_id(&r->decide_timer, g_source_remove);
    g_clear_handle_id(&r->soon, g_source_remove);
    g_clear_handle_id(&r->look, g_source_remove);
}

static void start_timers(struct reconcile *r)
{
    r->poll_timer =
        g_timeout_add((guint)(r->config->stats_period_usec / USEC_PER_MSEC), on_poll_timer, r);
    r->decide_timer =
        g_timeout_add((guint)(r->config->period_usec / USEC_PER_MSEC), on_decide_timer, r);
}

static struct discovery_config discovery_of(const struct reconcile *r)
{
    return (struct discovery_config){
        .directory = r->config->qmp_directory,
        .paths = (const char *const *)r->config->qmp_sockets,
        .host_root = r->host_root,
        .timeout_msec = (guint)(r->config->qmp_timeout_usec / USEC_PER_MSEC),
        .stats_period_sec = (guint)(r->config->stats_period_usec / USEC_PER_SEC),
    };
}

struct reconcile *reconcile_new(const struct config *config, const char *host_root,
                                struct recorder *recorder, GError **error)
{
    static const struct pagers_calls calls = {
        .record = record_pager, .changed = reconcile_on_guest, .host = reconcile_tell_host};
    static const struct swap_pool_calls swap_pool_calls = {.record = record_swap_pool,
                                                           .changed = on_swap_pool};
    static const struct kernel_swap_calls kernel_swap_calls = {.record = record_pager,
                                                               .changed = reconcile_on_guest};
    static const struct sharing_calls sharing_calls = {.record = record_sharing,
                                                       .unknown = unknown_guests};
    struct reconcile *r;
    struct discovery_config discovery;

    if (!capacity_check(config, host_root, error))
        return NULL;
    r = g_new0(struct reconcile, 1);
    r->config = config;
    r->host_root = host_root;
    r->recorder = recorder;
    r->policy = policy_new(&config->policy);
    if (!r->policy)
        g_error("out of memory");
    r->guests = guests_new();
    r->orders = orders_new(recorder);
    r->admission = admission_new(reconcile_ticket_expired, r);
    r->pagers = pagers_new(config, host_root, &calls, r);
    r->blocking = new_blocking(r);
    r->swap_pool = swap_pool_new(config, host_root, &swap_pool_calls, r);
    r->kernel_swap = kernel_swap_new(config, host_root, r->swap_pool, &kernel_swap_calls, r);
    r->sharing = sharing_new(config, host_root, r->guests, &sharing_calls, r);
    discovery = discovery_of(r);
    r->discovery = discovery_new(&discovery, reconcile_on_vmm_event, r);
    start_timers(r);
    reconcile_ask_for_decision(r); /* so that the host's figures are there from the beginning */
    return r;
}

void reconcile_free(struct reconcile *r)
{
    if (!r)
        return;
    stop_timers(r);
    for (guint i = 0; i < guests_count(r->guests); i++)
        blocking_forget(r->blocking, guests_at(r->guests, i));
    /* First, because orders on their way are answered (with an error) here. */
    discovery_free(r->discovery);
    blocking_free(r->blocking); /* when the monitors are free for the guardian */
    orders_free(r->orders);
    for (guint i = 0; i < guests_count(r->guests); i++)
        sharing_forget(guests_at(r->guests, i));
    sharing_free(r->sharing);
    pagers_free(r->pagers);
    kernel_swap_free(r->kernel_swap);
    swap_pool_free(r->swap_pool);
    admission_free(r->admission);
    guests_free(r->guests);
    policy_free(r->policy);
    g_free(r);
}

bool reconcile_configure(struct reconcile *r, const struct config *config, GError **error)
{
    struct discovery_config discovery;

    if (!capacity_check(config, r->host_root, error))
        return false;
    r->config = config;
    policy_set_params(r->policy, &config->policy);
    pagers_configure(r->pagers, config);
    swap_pool_configure(r->swap_pool, config);
    kernel_swap_configure(r->kernel_swap, config);
    sharing_configure(r->sharing, config);
    for (guint i = 0; i < guests_count(r->guests); i++) {
        struct guest *guest = guests_at(r->guests, i);

        reconcile_configure_guest(r, guest);
        guest->observed_to = 0; /* in observe mode, what would be done now is said anew */
    }
    discovery = discovery_of(r);
    discovery_reconfigure(r->discovery, &discovery);
    stop_timers(r);
    start_timers(r);
    reconcile_ask_for_decision(r);
    return true;
}

struct guests *reconcile_guests(const struct reconcile *r)
{
    return r->guests;
}

static void add_pager(struct pager_totals *sum, const struct guest *guest)
{
    struct pager_view view;

    if (!pagers_view(guest, &view) || !view.known)
        return;
    sum->serving += view.standing == PAGER_SERVES;
    sum->zero += view.bytes[PAGE_ZERO];
    sum->compressed += view.bytes[PAGE_COMPRESSED];
    sum->swapped += view.bytes[PAGE_SWAPPED];
    sum->cache += view.cache_bytes;
    sum->own += view.memory;
    sum->out_rate += view.out_rate;
    sum->in_rate += view.in_rate;
}

void reconcile_host(const struct reconcile *r, struct host_status *ret)
{
    *ret = (struct host_status){
        .overcommit = r->overcommit,
        .inflated = r->gone_inflated,
        .deflated = r->gone_deflated,
        .guests = guests_count(r->guests),
        .decisions = r->decisions,
        .decision_seconds = r->decision_seconds,
        .orders = *orders_counters(r->orders),
    };
    policy_host_view(r->policy, &ret->policy);
    swap_pool_view(r->swap_pool, &ret->swap_pool);
    sharing_view(r->sharing, &ret->sharing);
    memcpy(ret->state_usec, r->state_usec, sizeof(ret->state_usec));
    if (r->decisions)
        ret->state_usec[r->state] += now_usec() - r->decided;
    for (guint i = 0; i < guests_count(r->guests); i++) {
        const struct guest *guest = guests_at(r->guests, i);
        const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

        ret->overhead += facts->overhead;
        ret->inflated += guest->inflated;
        ret->deflated += guest->deflated;
        ret->guests_up += facts->link == VMM_LINK_UP;
        add_pager(&ret->pagers, guest);
    }
    ret->blocked = blocking_count(r->blocking);
}

static gboolean none_is_blocked(void *data)
{
    struct reconcile *r = data;

    if (r->empty_balloons)
        orders_empty_all(r->orders, r->guests, r->done, r->done_data);
    else
        g_idle_add(r->done, r->done_data);
    return G_SOURCE_REMOVE;
}

void reconcile_end(struct reconcile *r, bool empty_balloons, GSourceFunc done, void *data)
{
    r->closing = true;
    r->empty_balloons = empty_balloons;
    r->done = done;
    r->done_data = data;
    stop_timers(r);
    blocking_end(r->blocking, none_is_blocked, r);
}
