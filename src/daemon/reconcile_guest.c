/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's way through the daemon: seen, named, adopted, observed, configured, gone. */
#include "base/log.h"
#include "base/size.h"
#include "daemon/reconcile_impl.h"

/* What the operator said in the configuration, and over the API on top of it. */
static struct settings settings_of(const struct reconcile *r, const struct guest *guest,
                                   const struct settings *patched)
{
    struct settings s = *config_vm(r->config, vmm_guest_facts(guest->vmm)->name);

    settings_merge(&s, patched);
    return s;
}

/* Settings from two places may not fit each other or the guest: says so, and uses what fits. */
static struct guest_settings usable_settings(const struct reconcile *r, const struct guest *guest)
{
    struct settings s = settings_of(r, guest, &guest->patched);
    g_autoptr(GError) clash = NULL;

    if (!settings_check(&s, guest->size, &clash)) {
        log_warning("guest %s: %s; less is reserved for it", guest->key, clash->message);
        if (s.limit)
            s.reservation = u64_min(s.reservation, s.limit);
    }
    return settings_resolve(&s, guest->size);
}

/* Tells those that put its pages out, and the one that merges them, what is wanted of it now. An
 * exempt guest gets a pager, or host swap, only where that is said of it in so many words. */
static void see_means(struct reconcile *r, struct guest *guest)
{
    struct settings s = settings_of(r, guest, &guest->patched);
    struct pager_wish wish;
    struct kernel_swap_wish kernel_wish;
    struct sharing_guest_view shared;
    struct guest_view view;

    policy_guest_view(guest->policy, &view);
    sharing_guest_view(guest, &shared);
    wish.reservation = view.settings.reservation;
    wish.wanted = reconcile_swaps(r, &s);
    pagers_see(r->pagers, guest, &wish);
    kernel_wish = (struct kernel_swap_wish){
        .wanted = wish.wanted,
        .reservation = wish.reservation,
        .merged = shared.merged - shared.zero, /* pages of zeros are in no page's place */
        .saved = shared.saved - shared.zero};
    kernel_swap_see(r->kernel_swap, guest, &kernel_wish);
    sharing_see(r->sharing, guest, s.share);
}

void reconcile_configure_guest(struct reconcile *r, struct guest *guest)
{
    struct guest_settings settings;

    if (!guest->policy)
        return;
    settings = usable_settings(r, guest);
    policy_guest_configure(guest->policy, &settings);
    see_means(r, guest);
}

void reconcile_observe(struct reconcile *r, struct guest *guest, bool partial)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    uint64_t resident = facts->resident;
    const struct pager_observation pager = pagers_observe(guest, &resident);
    struct guest_observation seen = {
        .size = facts->size,
        .resident = resident,
        .actual = facts->actual,
        .partial = partial,
        .balloon_device = facts->balloon_device,
        .reachable = facts->link == VMM_LINK_UP,
        .running = facts->running || blocking_holds(guest),
        .blocked = blocking_total(guest),
        .stats = facts->stats,
        .pager = pager,
    };

    if (!pager.present)
        seen.pager = kernel_swap_observe(guest);
    seen.pressure = kernel_swap_pressure(guest);
    sharing_observe(guest, &seen);
    if (facts->size != guest->size) {
        guest->size = facts->size;
        reconcile_configure_guest(r, guest);
    }
    guest->inflated += u64_sub(guest->actual, facts->actual);
    guest->deflated += u64_sub(facts->actual, guest->actual);
    guest->actual = facts->actual;
    if (policy_guest_observe(r->policy, guest->policy, &seen, now_usec()))
        reconcile_ask_for_decision(r);
    if (!partial)
        reconcile_look_again(r, guest);
}

void reconcile_on_guest(struct guest *guest, void *data)
{
    if (guest->policy)
        reconcile_observe(data, guest, true);
}

/* The guest that takes part already through another monitor of the same process, or NULL. Only a
 * process with guest RAM that was found is certainly a QEMU, which has one guest. */
static const struct guest *same_process(const struct reconcile *r, const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    if (facts->pid == 0 || facts->ram == VMM_RAM_UNKNOWN)
        return NULL;
    for (guint i = 0; i < guests_count(r->guests); i++) {
        const struct guest *other = guests_at(r->guests, i);

        if (other->policy && vmm_guest_facts(other->vmm)->pid == facts->pid)
            return other;
    }
    return NULL;
}

/* True where the guest must not take part, because it would count twice. */
static bool is_second_monitor(struct reconcile *r, struct guest *guest)
{
    const struct guest *first = same_process(r, guest);

    if (first && !guest->second_monitor)
        reconcile_record(r, EVENT_GUEST_LINK, guest,
                         g_strdup_printf("%s is one more monitor of guest %s; it is left alone",
                                         vmm_guest_facts(guest->vmm)->socket_path, first->key));
    guest->second_monitor = first;
    return first;
}

/* A guest takes part from now on. */
static void adopt(struct reconcile *r, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    struct guest_settings settings;
    char size[SIZE_TEXT_MAX], balloon[SIZE_TEXT_MAX], pid[32] = "process not known";

    guest->size = facts->size;
    guest->actual = facts->actual;
    reconcile_redeem(r, guest);
    settings = usable_settings(r, guest);
    guest->policy = policy_guest_add(r->policy, &settings, now_usec());
    if (!guest->policy)
        g_error("out of memory");
    policy_guest_set_owner(guest->policy, guest);
    if (facts->pid)
        g_snprintf(pid, sizeof(pid), "process %d", (int)facts->pid);
    reconcile_record(r, EVENT_GUEST_ADDED, guest,
                     g_strdup_printf("%s, size %s, balloon %s%s", pid,
                                     size_format(facts->size, size),
                                     size_format(u64_sub(facts->size, facts->actual), balloon),
                                     guest->doubled ? "; another guest already has its name" : ""));
    if (guest->doubled)
        log_warning(
            "guest %s: another guest is already named '%s'; give each guest a name of its own "
            "(-name)",
            guest->key, facts->name);
    reconcile_judge_guest(r, guest);
    reconcile_ask_for_decision(r);
}

static void note_link(struct reconcile *r, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    if (guest->link == facts->link)
        return;
    guest->link = facts->link;
    reconcile_record(r, EVENT_GUEST_LINK, guest,
                     g_strdup_printf("link is %s%s%s", vmm_link_name(facts->link),
                                     facts->error ? ": " : "", facts->error ? facts->error : ""));
}

static void forget(struct reconcile *r, struct guest *guest)
{
    vmm_guest_set_owner(guest->vmm, NULL);
    pagers_forget(guest);
    blocking_forget(r->blocking, guest);
    kernel_swap_forget(guest);
    sharing_forget(guest);
    r->gone_inflated += guest->inflated;
    r->gone_deflated += guest->deflated;
    if (guest->policy) {
        reconcile_record(r, EVENT_GUEST_GONE, guest, g_strdup("has ended"));
        policy_guest_remove(r->policy, guest->policy);
        reconcile_ask_for_decision(r);
    }
    guests_remove(r->guests, guest);
}

void reconcile_on_vmm_event(struct vmm_guest *vmm, enum vmm_event event, void *data)
{
    struct reconcile *r = data;
    struct guest *guest = vmm_guest_owner(vmm);
    const struct vmm_facts *facts = vmm_guest_facts(vmm);

    if (!guest) {
        if (event == VMM_EVENT_GONE)
            return;
        guest = guests_add(r->guests, vmm);
        vmm_guest_set_owner(vmm, guest);
    }
    if (event == VMM_EVENT_GONE) {
        forget(r, guest);
        return;
    }
    if (event == VMM_EVENT_READY)
        guests_name(r->guests, guest);
    note_link(r, guest);
    blocking_see(r->blocking, guest);
    if (!guest->policy && guest->ready && facts->size && facts->updated &&
        !is_second_monitor(r, guest))
        adopt(r, guest);
    if (!guest->policy)
        return;
    see_means(r, guest);
    reconcile_observe(r, guest, false);
}

void reconcile_note_changes(struct reconcile *r, struct guest *guest)
{
    struct guest_view view;

    policy_guest_view(guest->policy, &view);
    kernel_swap_entitle(guest, view.verdict.entitled);
    if (!view.verdict.may_block || r->config->mode != MODE_MANAGE)
        blocking_release(guest);
    if (view.trust != guest->trust) {
        guest->trust = view.trust;
        reconcile_record(r, EVENT_GUEST_STATS, guest,
                         g_strdup_printf("statistics are %s", stats_trust_name(view.trust)));
    }
    if (view.driver != guest->driver) {
        guest->driver = view.driver;
        reconcile_record(r, EVENT_GUEST_DRIVER, guest,
                         g_strdup_printf("balloon driver is %s", balloon_driver_name(view.driver)));
    }
}

bool reconcile_patch(struct reconcile *r, struct guest *guest, struct json_object *body,
                     GError **error)
{
    struct settings patched = guest->patched, all;

    if (!settings_patch(&patched, body, error))
        return false;
    all = settings_of(r, guest, &patched);
    if (!settings_check(&all, guest->size, error))
        return false;
    guest->patched = patched;
    reconcile_configure_guest(r, guest);
    reconcile_record(r, EVENT_SETTINGS, guest,
                     g_strdup_printf("settings changed: %.200s",
                                     json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN)));
    reconcile_ask_for_decision(r);
    return true;
}

bool reconcile_release(struct reconcile *r, struct guest *guest)
{
    if (!guest->policy)
        return false;
    policy_guest_release(guest->policy);
    reconcile_record(r, EVENT_RELEASE, guest,
                     g_strdup("its balloon is to be emptied, an operator says"));
    reconcile_ask_for_decision(r);
    return true;
}
