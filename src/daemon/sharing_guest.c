/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in. Each guest with private memory is in one of two states, mergeable or not, by what its
 * VMM was told and has confirmed. Those that are not to be merged must have confirmed it before
 * anything is merged at all: what cannot be asked might be mergeable, as every QEMU is by default.
 * For those that are in it does not matter when they follow.
 *
 * Where nobody has opted in no guest is told anything, but for those that were made mergeable.
 */
#include <stdarg.h>
#include <string.h>

#include "daemon/sharing_impl.h"
#include "host/hostpage.h"

/* An order that failed is given again after so long. */
#define RETRY_USEC (10 * G_USEC_PER_SEC)

/* Another domain takes the place of the present one only if it has so many times its memory. */
#define DOMAIN_STICKS 1.5

static void block(struct sharing *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The first thing that is in the way is what is said. */
static void block(struct sharing *s, const char *format, ...)
{
    va_list args;

    if (s->blocker)
        return;
    va_start(args, format);
    s->blocker = g_strdup_vprintf(format, args);
    va_end(args);
}

static bool has_private_memory(const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    return facts->backends_known && facts->private_backends > 0;
}

/* --- telling --- */

static void on_told(struct vmm_guest *vmm, const GError *error, void *data)
{
    struct guest *guest = vmm_guest_owner(vmm);
    struct sharing_guest *g = guest ? guest->sharing : NULL;

    (void)data;
    if (!g)
        return;
    g->telling = false;
    g->told = error ? TOLD_NOTHING : g->wish;
    g_free(g->error);
    g->error = error ? g_strdup(error->message) : NULL;
    g->retry = error ? g_get_monotonic_time() + RETRY_USEC : 0;
    /* With an error everything may be at its end: there is time until the next decision. */
    if (!error)
        sharing_decide(g->all, g->all->state);
}

static void tell(struct sharing_guest *g, enum sharing_told wish)
{
    const struct vmm_facts *facts = vmm_guest_facts(g->guest->vmm);

    if (g->backends != facts->backends_changed)
        g->told = TOLD_NOTHING;
    if (g->wish != wish)
        g->retry = 0;
    if (g->telling || g->told == wish || facts->link != VMM_LINK_UP ||
        g_get_monotonic_time() < g->retry)
        return;
    g->telling = true;
    g->wish = wish;
    g->told = TOLD_NOTHING; /* until it is confirmed, it may be either */
    g->backends = facts->backends_changed;
    vmm_guest_set_mergeable(g->guest->vmm, wish == TOLD_MERGEABLE, on_told, NULL);
}

/* --- the domain --- */

/* Domains that guests have named, with the bytes of their private memory. */
static GHashTable *sum_domains(struct sharing *s)
{
    GHashTable *sums = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

    for (guint i = 0; i < guests_count(s->guests); i++) {
        const struct guest *guest = guests_at(s->guests, i);
        uint64_t *sum;

        if (!guest->sharing || !*guest->sharing->domain)
            continue;
        sum = g_hash_table_lookup(sums, guest->sharing->domain);
        if (!sum) {
            sum = g_new0(uint64_t, 1);
            g_hash_table_insert(sums, guest->sharing->domain, sum);
        }
        if (has_private_memory(guest))
            *sum += guest->size;
    }
    return sums;
}

static void choose_domain(struct sharing *s)
{
    g_autoptr(GHashTable) sums = sum_domains(s);
    const uint64_t *present = g_hash_table_lookup(sums, s->domain);
    uint64_t most = 0;
    const char *best = "";
    GHashTableIter iter;
    void *domain, *sum;

    s->opted_in = g_hash_table_size(sums) > 0;
    g_hash_table_iter_init(&iter, sums);
    while (g_hash_table_iter_next(&iter, &domain, &sum)) {
        uint64_t memory = *(const uint64_t *)sum;

        if (memory > most || (memory && memory == most && strcmp(domain, best) < 0)) {
            most = memory;
            best = domain;
        }
    }
    if ((present && *present && (double)most < (double)*present * DOMAIN_STICKS) ||
        strcmp(s->domain, best) == 0)
        return;
    g_strlcpy(s->domain, best, sizeof(s->domain));
    s->calls->record(NULL,
                     *best ? g_strdup_printf("pages of domain %s may be shared", best)
                           : g_strdup("nobody's pages are shared any more"),
                     s->data);
}

/* --- standing --- */

static enum sharing_standing standing_of(const struct sharing *s, const struct sharing_guest *g,
                                         const char **error)
{
    const struct vmm_facts *facts = vmm_guest_facts(g->guest->vmm);

    *error = NULL;
    if (!*g->domain)
        return SHARING_OUT;
    if (facts->backends_known && !facts->private_backends) {
        *error = "its memory is shared with other processes; only private memory can be merged";
        return SHARING_REFUSED;
    }
    if (!s->usable && !s->blocker)
        return SHARING_ASKED;
    if (!s->usable) {
        *error = s->blocker;
        return SHARING_REFUSED;
    }
    if (*s->domain && !sharing_is_in(s, g))
        return SHARING_WAITING;
    if (g->told == TOLD_MERGEABLE)
        return SHARING_IN;
    if (!g->error)
        return SHARING_ASKED;
    *error = g->error;
    return SHARING_REFUSED;
}

static void note_standing(struct sharing *s, struct sharing_guest *g)
{
    const char *error;
    enum sharing_standing standing = standing_of(s, g, &error);

    if (g_strcmp0(error, g->why) != 0) {
        g_free(g->why);
        g->why = g_strdup(error);
    }
    if (standing == g->standing)
        return;
    g->standing = standing;
    if (standing == SHARING_ASKED)
        return;
    s->calls->record(g->guest,
                     standing == SHARING_OUT
                         ? g_strdup("its pages are not shared any more")
                         : g_strdup_printf("sharing of its pages in domain %s: %s%s%s", g->domain,
                                           sharing_standing_name(standing), error ? ": " : "",
                                           error ? error : ""),
                     s->data);
}

/* --- all of them --- */

/* A socket that nobody listens at is no guest. */
static bool is_nobody(const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    return guest->second_monitor || (facts->pid == 0 && facts->link == VMM_LINK_DOWN);
}

static void settle_known(struct sharing *s, struct sharing_guest *g)
{
    const struct vmm_facts *facts = vmm_guest_facts(g->guest->vmm);

    bool merging = s->usable && *s->domain; /* so that it matters who is mergeable */

    if (sharing_is_in(s, g)) {
        if (merging)
            tell(g, TOLD_MERGEABLE);
        return;
    }
    if (!merging && g->wish != TOLD_MERGEABLE)
        return;
    tell(g, TOLD_NOT_MERGEABLE);
    if (g->told == TOLD_NOT_MERGEABLE || !merging)
        return;
    if (g->error)
        block(s, "guest %s, which is not to be shared, might be mergeable: %s", g->guest->key,
              g->error);
    else if (facts->link != VMM_LINK_UP)
        block(s, "guest %s, which is not to be shared, might be mergeable: it does not answer",
              g->guest->key);
    else
        block(s, "guest %s is being made unmergeable", g->guest->key);
}

static void settle_guest(struct sharing *s, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    if (is_nobody(guest))
        return;
    if (!facts->backends_known || !guest->sharing) {
        if (*s->domain && (!facts->backends_known || facts->private_backends))
            block(s, "guest %s is not known well enough yet: it might be mergeable", guest->key);
        return;
    }
    if (facts->private_backends)
        settle_known(s, guest->sharing);
    note_standing(s, guest->sharing);
}

static void block_by_host(struct sharing *s)
{
    if (s->unsupported)
        block(s, "KSM can't be used on this host: %s", g_strerror(-s->unsupported));
    else if (s->config->mode == MODE_OBSERVE)
        block(s, "in mode observe nothing is told to the guests or to the kernel");
    else if (s->lost)
        block(s, "somebody else has changed KSM's settings; they are left to him until the "
                 "configuration is read again (aerostat reload)");
    else if (s->foreign && !s->config->share_take_over)
        block(s, "somebody else has switched KSM on; switch it off (ksmtuned?), or set [share] "
                 "take-over = yes");
    else if (s->set_error)
        block(s, "KSM can't be set: %s", g_strerror(-s->set_error));
}

bool sharing_settle(struct sharing *s)
{
    g_clear_pointer(&s->blocker, g_free);
    choose_domain(s);
    if (*s->domain)
        block_by_host(s);
    /* Before anybody is told anything it must be known whether somebody else uses it. */
    s->usable = !s->blocker && s->looked;
    if (s->config->mode == MODE_OBSERVE)
        return false;
    for (guint i = 0; i < guests_count(s->guests); i++)
        settle_guest(s, guests_at(s->guests, i));
    if (*s->domain && s->calls->unknown(s->data))
        block(s, "a guest was found that has not answered yet");
    return *s->domain && s->usable && !s->blocker;
}

uint64_t sharing_eligible(const struct sharing *s)
{
    uint64_t pages = 0;

    for (guint i = 0; i < guests_count(s->guests); i++) {
        const struct guest *guest = guests_at(s->guests, i);
        const struct sharing_guest *g = guest->sharing;

        if (g && g->standing == SHARING_IN)
            pages += vmm_guest_facts(guest->vmm)->resident / HOSTPAGE_BYTES + g->pages.zero;
    }
    return pages;
}

/* --- life --- */

void sharing_see(struct sharing *s, struct guest *guest, const char *domain)
{
    struct sharing_guest *g = guest->sharing;

    if (!g) {
        g = guest->sharing = g_new0(struct sharing_guest, 1);
        g->all = s;
        g->guest = guest;
        g->backends = vmm_guest_facts(guest->vmm)->backends_changed;
    }
    if (strcmp(g->domain, domain ? domain : "") == 0)
        return;
    g_strlcpy(g->domain, domain ? domain : "", sizeof(g->domain));
    sharing_decide(s, s->state);
}

void sharing_forget(struct guest *guest)
{
    struct sharing_guest *g = g_steal_pointer(&guest->sharing);

    if (!g)
        return;
    g_free(g->error);
    g_free(g->why);
    g_free(g);
}
