/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders are states, not events: what is wished for is compared with what the present connection
 * was told, and the difference is sent. So a pager that takes over, or one whose socket was full
 * for a moment, ends up with the same orders as one that was there all the time.
 */
#include <string.h>

#include "base/log.h"
#include "base/size.h"
#include "daemon/blocking.h"
#include "daemon/pagers_impl.h"

/* A guest whose pages could not be brought back is detached again after this. */
#define DETACH_AGAIN_MSEC 10000

static void sync_allowed(struct pager *p)
{
    if (!p->wish.allowed_known || (p->told.allowed_known && p->told.allowed == p->wish.allowed))
        return;
    p->told.allowed = p->wish.allowed;
    p->told.allowed_known = pager_link_send(p->link, PAGER_ALLOW, p->wish.allowed, 0);
}

static void sync_cache(struct pager *p)
{
    uint64_t bytes = pager_cache_bytes(p);

    if (p->told.cache_known && p->told.cache == bytes)
        return;
    p->told.cache = bytes;
    p->told.cache_known = pager_link_send(p->link, PAGER_CACHE, bytes, 0);
}

/* What is parked is to stay out, and not to be looked at. */
static void sync_sample(struct pager *p)
{
    uint64_t pages = pager_is_parked(p) ? 0 : p->all->config->pager_sample_pages;
    uint64_t window = p->all->config->pager_sample_window_usec;

    if (p->told.sample_known && p->told.sample_pages == pages && p->told.sample_window == window)
        return;
    p->told.sample_pages = pages;
    p->told.sample_window = window;
    p->told.sample_known = pager_link_send(p->link, PAGER_SAMPLE, pages, window);
}

static void sync_evicting(struct pager *p)
{
    bool evicting = !p->blocked;

    if (p->told.evicting_known && p->told.evicting == evicting)
        return;
    p->told.evicting = evicting;
    p->told.evicting_known = pager_link_send(p->link, PAGER_EVICTING, evicting, 0);
}

/* For its figures only. What a monitor said stays true while it says nothing. */
static void sync_cpus(struct pager *p)
{
    const struct vmm_facts *facts = p->guest ? vmm_guest_facts(p->guest->vmm) : NULL;
    g_autoptr(GBytes) cpus = NULL;

    G_STATIC_ASSERT(VMM_CPUS_MAX <= PAGER_CPUS_MAX);
    if (!facts || (facts->n_cpus == 0 && !p->told_cpus))
        return;
    cpus = g_bytes_new(facts->cpus, facts->n_cpus * sizeof(*facts->cpus));
    if ((p->told_cpus && g_bytes_equal(p->told_cpus, cpus)) ||
        !pager_link_send_cpus(p->link, facts->cpus, facts->n_cpus))
        return;
    g_clear_pointer(&p->told_cpus, g_bytes_unref);
    p->told_cpus = g_steal_pointer(&cpus);
}

void pager_told_nothing(struct pager *p)
{
    p->told = (struct pager_orders){0};
    g_clear_pointer(&p->told_cpus, g_bytes_unref);
}

void pager_sync(struct pager *p)
{
    if (p->standing != PAGER_SERVES || !p->link || !pager_acts(p))
        return;
    sync_evicting(p); /* first: what follows may evict */
    sync_cache(p);
    sync_allowed(p);
    sync_sample(p);
    sync_cpus(p);
}

bool pagers_allow(struct guest *guest, uint64_t bytes)
{
    struct pager *p = guest->pager;

    if (!p || (p->wish.allowed_known && p->wish.allowed == bytes))
        return false;
    p->wish.allowed = bytes;
    p->wish.allowed_known = true;
    pager_sync(p);
    return true;
}

void pager_on_ready(struct pager *p)
{
    char out[SIZE_TEXT_MAX];

    g_clear_handle_id(&p->timer, g_source_remove);
    p->standing = PAGER_SERVES;
    p->served = pager_now();
    g_clear_pointer(&p->error, g_free);
    p->silent = 0;
    p->silence_said = false;
    pager_told_nothing(p);
    p->figures.at = 0;
    pager_refresh(p);
    pager_record(p, g_strdup_printf("pager %d serves it; %s are out", (int)pager_link_pid(p->link),
                                    size_format(pager_out(p), out)));
    pager_check_devices(p);
    pager_sync(p);
    pager_reconsider(p);
    pager_changed(p);
}

static gboolean detach_again(void *data)
{
    struct pager *p = data;

    p->timer = 0;
    pager_reconsider(p);
    return G_SOURCE_REMOVE;
}

static void on_done(struct pager *p, enum pager_verb verb)
{
    char out[SIZE_TEXT_MAX];

    p->figures.at = 0;
    pager_refresh(p);
    if (verb == PAGER_DETACH)
        p->detached = true;
    else if (verb == PAGER_PARK || verb == PAGER_UNPARK)
        pager_record(p,
                     g_strdup_printf("%s: %s are out", verb == PAGER_PARK ? "parked" : "unparked",
                                     size_format(pager_out(p), out)));
    pager_sync(p);
    pager_changed(p);
}

static void on_failed(struct pager *p, enum pager_verb verb, const char *text)
{
    pager_record(p, g_strdup_printf("its pager could not %s: %s", pager_verb_name(verb), text));
    if (verb != PAGER_DETACH || p->standing != PAGER_ENDING)
        return;
    p->standing = PAGER_SERVES;
    pager_set_error(p, "%s", text);
    g_clear_handle_id(&p->timer, g_source_remove);
    p->timer = g_timeout_add(DETACH_AGAIN_MSEC, detach_again, p);
}

void pager_on_notice(const struct pager_notice *notice, void *data)
{
    struct pager *p = data;

    switch ((enum pager_notice_kind)notice->kind) {
    case PAGER_SAYS_READY:
        if (p->standing == PAGER_BEGINNING)
            pager_on_ready(p);
        break;
    case PAGER_SAYS_REFUSED:
        pager_set_error(p, "%s", notice->text);
        break;
    case PAGER_SAYS_DONE:
        on_done(p, (enum pager_verb)notice->verb);
        break;
    case PAGER_SAYS_FAILED:
        on_failed(p, (enum pager_verb)notice->verb, notice->text);
        break;
    case PAGER_SAYS_HELD:
    case PAGER_SAYS_HEALED:
        if (*notice->text)
            pager_record(p, g_strdup(notice->text));
        p->figures.at = 0;
        pager_refresh(p);
        pager_follow_held(p);
        pager_changed(p);
        break;
    case PAGER_SAYS_GONE: /* the process's end is seen by its descriptor */
    case PAGER_NOTICE_MAX:
        break;
    }
}

static bool may_order(const struct pager *p, const struct guest *guest, GError **error)
{
    if (p && p->standing == PAGER_SERVES && p->wanted && !p->gone && pager_acts(p))
        return true;
    if (p && !pager_acts(p))
        g_set_error_literal(error, PAGERS_ERROR, 0,
                            "in mode observe nothing is sent to pagers; set [host] mode = manage");
    else if (!p || p->standing == PAGER_NONE)
        g_set_error(error, PAGERS_ERROR, 0,
                    "guest %s has no pager; it needs shared memfd RAM, and [pager] enable or its "
                    "own setting pager = yes",
                    guest->key);
    else
        g_set_error(error, PAGERS_ERROR, 0, "guest %s is not served by a pager now (%s)%s%s",
                    guest->key, pager_standing_name(p->standing), p->error ? ": " : "",
                    p->error ? p->error : "");
    return false;
}

static bool order(struct guest *guest, enum pager_verb verb, GError **error)
{
    struct pager *p = guest->pager;

    if (!may_order(p, guest, error))
        return false;
    if (verb == PAGER_PARK && p->blocked) {
        g_set_error(error, PAGERS_ERROR, 0, "nothing may be put out: %s", p->blocked);
        return false;
    }
    if (!pager_link_send(p->link, verb, 0, 0)) {
        g_set_error(error, PAGERS_ERROR, 0, "the pager of guest %s takes no orders now; try again",
                    guest->key);
        return false;
    }
    pager_record(p, g_strdup_printf("an operator asked its pager to %s", pager_verb_name(verb)));
    return true;
}

bool pagers_park(struct guest *guest, GError **error)
{
    return order(guest, PAGER_PARK, error);
}

bool pagers_unpark(struct guest *guest, GError **error)
{
    return order(guest, PAGER_UNPARK, error);
}
