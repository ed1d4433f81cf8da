/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: merging is a matter of trust first and of gain second. Whom the kernel would merge is
 * settled between the daemon and each guest's VMM (sharing_guest.c); only while all of that is
 * certain is KSM allowed to run, and then core/share.c says how fast. As soon as it is not certain
 * any more (a guest was found of which nothing is known yet) it is stopped: between two rounds of
 * the scanner, before pages of the new one could be merged.
 *
 * Once a second, and at once where something has changed, a thread sets the kernel and reads it
 * (sharing_kernel.c); what it brings leads to the next decision. Where nobody has opted in nothing
 * of this happens, and the kernel's settings are as they were found.
 */
#include "daemon/sharing.h"

#include "daemon/sharing_impl.h"
#include "host/hostpage.h"

#define TICK_MSEC      1000
#define SET_RETRY_USEC (30 * G_USEC_PER_SEC)

/* The processor time that is shown is of the last few seconds. */
#define CPU_GAIN 0.3

/* Settings that were found are noted there, in the daemon's run directory. */
#define RECORD "ksm.settings"

static const char *const standing_names[] = {
    [SHARING_OUT] = "out",         [SHARING_ASKED] = "asked",     [SHARING_IN] = "in",
    [SHARING_WAITING] = "waiting", [SHARING_REFUSED] = "refused",
};
G_STATIC_ASSERT(G_N_ELEMENTS(standing_names) == SHARING_STANDING_MAX);

const char *sharing_standing_name(enum sharing_standing standing)
{
    return standing_names[standing];
}

/* --- the kernel --- */

static GArray *pids_of(const struct sharing *s)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));

    for (guint i = 0; i < guests_count(s->guests); i++) {
        const struct guest *guest = guests_at(s->guests, i);
        pid_t pid = vmm_guest_facts(guest->vmm)->pid;

        if (guest->sharing && pid)
            g_array_append_val(pids, pid);
    }
    return pids;
}

/* Sets the kernel as decided, and looks what has become of it. */
static void look(struct sharing *s)
{
    struct sharing_order order = {
        .set = *s->domain && s->config->mode == MODE_MANAGE && !s->lost,
        .unmerge = !*s->domain && s->config->mode == MODE_MANAGE && !s->lost,
        .take_over = s->config->share_take_over,
        .pace = {.run = s->decision.run,
                 .pages_to_scan = s->decision.pages_to_scan,
                 .sleep_msec = s->decision.sleep_msec},
    };

    bool merged = s->seen.shared || s->seen.zero; /* what is still there is still shown */
    bool wanted = order.set || s->changed || merged;
    bool stop = order.set && !order.pace.run; /* that does not wait after an error */

    if (s->looking || s->unsupported || !wanted ||
        (!stop && g_get_monotonic_time() < s->set_retry)) {
        s->looked = s->looked && wanted;
        return;
    }
    s->looking = true;
    sharing_kernel_look(s->kernel, &order, pids_of(s));
}

static void take_processes(struct sharing *s, const GArray *processes)
{
    for (guint i = 0; i < guests_count(s->guests); i++) {
        const struct guest *guest = guests_at(s->guests, i);
        pid_t pid = vmm_guest_facts(guest->vmm)->pid;

        if (!guest->sharing)
            continue;
        guest->sharing->pages = (struct ksm_process){0};
        for (guint j = 0; j < processes->len; j++) {
            const struct sharing_process *p = &g_array_index(processes, struct sharing_process, j);

            if (p->pid == pid)
                guest->sharing->pages = p->pages;
        }
    }
}

static void take_counters(struct sharing *s, const struct ksm_counters *c)
{
    gint64 now = g_get_monotonic_time();
    double passed = (double)(now - s->looked_at);

    if (s->looked_at && passed > 0 && c->cpu_usec >= s->seen.cpu)
        s->cpu += CPU_GAIN * ((double)(c->cpu_usec - s->seen.cpu) / passed - s->cpu);
    s->looked_at = now;
    s->seen.shared = c->shared;
    s->seen.sharing = c->sharing;
    s->seen.zero = c->zero;
    s->seen.unshared = c->unshared;
    s->seen.volatile_pages = c->volatile_pages;
    s->seen.broken = c->broken;
    s->seen.full_scans = c->full_scans;
    s->seen.scanned = c->scanned;
    s->seen.cpu = c->cpu_usec;
}

/* What is said of the host as a whole, once it is another thing than before. */
static void note(struct sharing *s)
{
    char text[256];
    const char *what = s->blocker ? s->blocker : share_reason_name(s->decision.reason);

    if (g_strcmp0(s->said, what) == 0 || (!s->said && !*s->domain) ||
        (*s->domain && !s->blocker && s->decision.reason == SHARE_OFF))
        return;
    g_free(s->said);
    s->said = *s->domain ? g_strdup(what) : NULL;
    if (s->blocker)
        s->calls->record(NULL, g_strdup_printf("no pages are shared: %s", s->blocker), s->data);
    else if (*s->domain)
        s->calls->record(NULL,
                         g_strdup_printf("sharing in domain %s: %s", s->domain,
                                         share_text(&s->decision, &s->seen, text, sizeof(text))),
                         s->data);
}

static void decide(struct sharing *s)
{
    s->seen.state = s->state;
    s->seen.eligible = sharing_eligible(s);
    s->decision = share_decide(s->share, &s->seen, (usec_t)g_get_monotonic_time());
    note(s);
}

static void on_looked(const struct sharing_look *look_, void *data)
{
    struct sharing *s = data;

    s->looking = false;
    s->looked = true;
    s->running = look_->run;
    s->changed = look_->changed;
    s->foreign = look_->foreign;
    s->lost = s->lost || look_->set_error == -EBUSY;
    s->set_error = look_->set_error == -EBUSY ? 0 : look_->set_error;
    s->set_retry = s->set_error ? g_get_monotonic_time() + SET_RETRY_USEC : 0;
    take_processes(s, look_->processes);
    if (look_->read_error == 0)
        take_counters(s, &look_->counters);
    s->seen.allowed = sharing_settle(s);
    decide(s);
    if (s->decision.run != s->running && !s->set_error) /* else with the next tick */
        look(s);
}

static gboolean on_tick(void *data)
{
    struct sharing *s = data;

    look(s);
    return G_SOURCE_CONTINUE;
}

void sharing_decide(struct sharing *s, enum host_state state)
{
    bool changed = state != s->state, allowed = s->seen.allowed;

    s->state = state;
    s->seen.allowed = sharing_settle(s);
    if (!s->seen.allowed) /* not to wait for fresh counters */
        decide(s);
    if (changed || s->seen.allowed != allowed || s->decision.run != s->running ||
        (*s->domain && !s->looked))
        look(s);
}

/* --- life --- */

struct sharing *sharing_new(const struct config *config, const char *host_root,
                            struct guests *guests, const struct sharing_calls *calls, void *data)
{
    struct sharing *s = g_new0(struct sharing, 1);
    g_autofree char *directory = config_run_directory(config);
    g_autofree char *record = g_build_filename(directory, RECORD, NULL);

    s->config = config;
    s->guests = guests;
    s->calls = calls;
    s->data = data;
    s->share = share_new(&config->share);
    if (!s->share)
        g_error("out of memory");
    s->kernel = sharing_kernel_new(host_root, record, on_looked, s);
    s->unsupported = sharing_kernel_check(s->kernel);
    s->tick = g_timeout_add(TICK_MSEC, on_tick, s);
    return s;
}

void sharing_free(struct sharing *s)
{
    if (!s)
        return;
    g_source_remove(s->tick);
    sharing_kernel_free(s->kernel);
    share_free(s->share);
    g_free(s->blocker);
    g_free(s->said);
    g_free(s);
}

void sharing_configure(struct sharing *s, const struct config *config)
{
    s->config = config;
    s->lost = false;
    s->set_error = 0;
    s->set_retry = 0;
    s->unsupported = sharing_kernel_check(s->kernel);
    share_set_params(s->share, &config->share);
    sharing_decide(s, s->state);
}

/* --- views --- */

/* The kernel notices late what is not merged any more: none of that counts as saved. */
static double still_merged(const struct sharing *s)
{
    uint64_t merged = s->seen.shared + s->seen.sharing;

    /* What was decided last may be of more than there is now. */
    return merged ? 1 - (double)u64_min(s->decision.stale, merged) / (double)merged : 1;
}

void sharing_guest_view(const struct guest *guest, struct sharing_guest_view *ret)
{
    const struct sharing_guest *g = guest->sharing;
    uint64_t merged;

    *ret = (struct sharing_guest_view){0};
    if (!g)
        return;
    ret->standing = g->standing;
    ret->domain = *g->domain ? g->domain : NULL;
    ret->error = g->why;
    if (g->standing != SHARING_IN)
        return;
    merged = (uint64_t)((double)g->pages.merging * still_merged(g->all));
    ret->zero = g->pages.zero * HOSTPAGE_BYTES;
    ret->merged = merged * HOSTPAGE_BYTES + ret->zero;
    ret->saved =
        ret->zero + HOSTPAGE_BYTES * share_saved(merged, g->all->seen.shared, g->all->seen.sharing);
}

/* Pages of zeros count as not resident already, in the kernel's books. */
void sharing_observe(const struct guest *guest, struct guest_observation *seen)
{
    struct sharing_guest_view view;

    sharing_guest_view(guest, &view);
    seen->shared = view.merged;
    seen->saved = view.saved;
    seen->resident = u64_sub(seen->resident, view.saved - view.zero);
}

void sharing_view(const struct sharing *s, struct sharing_view *ret)
{
    double part = still_merged(s);

    *ret = (struct sharing_view){
        .supported = s->unsupported == 0,
        .run = s->running,
        .domain = *s->domain ? s->domain : NULL,
        .blocker = s->blocker,
        .decision = s->decision,
        .seen = s->seen,
        .cpu = s->cpu,
        .shared = (uint64_t)((double)s->seen.shared * part) * HOSTPAGE_BYTES,
        .saved = ((uint64_t)((double)s->seen.sharing * part) + s->seen.zero) * HOSTPAGE_BYTES,
        .unshared = s->seen.unshared * HOSTPAGE_BYTES,
    };
    (void)share_text(&s->decision, &s->seen, ret->text, sizeof(ret->text));
}
