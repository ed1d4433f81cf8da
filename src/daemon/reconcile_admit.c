/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fits this host: the figures that core/admit.c judges by, from all guests, from the pagers
 * and from the tickets of guests that are to come. A guest that nobody has asked for is managed as
 * any other, and reported: it may be one too many.
 *
 * Reserved counts also what is never reclaimed because the guest is exempt. A guest that the host
 * may not swap (pager = no) is promised no swap space: it is only admitted where it is reserved.
 */
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/size.h"
#include "daemon/reconcile_impl.h"
#include "pager/files.h"

#define SENTENCE_MAX 512

bool reconcile_swaps(const struct reconcile *r, const struct settings *s)
{
    return s->given & 1u << SETTING_PAGER ? s->pager : r->config->pager_enable && !s->exempt;
}

static uint64_t overhead_of(enum vmm_ram ram, const struct admit_request *request)
{
    return ram == VMM_RAM_MEMFD ? pagers_overhead(request->size) : admit_kernel_overhead(request);
}

/* A file system, of which @path need not exist yet. */
struct place {
    unsigned long id;
    uint64_t free;
};

static struct place place_of(const char *directory)
{
    g_autofree char *path = g_strdup(directory);
    struct statvfs st;

    while (statvfs(path, &st) < 0) {
        g_autofree char *below = g_steal_pointer(&path);

        path = g_path_get_dirname(below);
        if (g_str_equal(path, below))
            return (struct place){0};
    }
    return (struct place){.id = st.f_fsid, .free = (uint64_t)st.f_bavail * st.f_frsize};
}

/*
 * The guests' own swap files and the kernel's may lie on one file system: then what is promised of
 * the one kind is not free for the other.
 */
static uint64_t swap_free(const struct reconcile *r, enum vmm_ram ram,
                          const struct admission_promised *promised)
{
    struct place own = place_of(r->config->pager_swap_directory);
    struct place kernel = place_of(r->config->swap_directory);
    uint64_t files = promised->swap_memfd + pagers_promised(r->pagers);
    uint64_t pool = promised->swap_private, has;
    struct swap_pool_view view;

    swap_pool_view(r->swap_pool, &view);
    pool += view.needed;
    has = view.counted;
    if (ram == VMM_RAM_MEMFD)
        return u64_sub(own.free, files + (own.id == kernel.id ? u64_sub(pool, has) : 0));
    return u64_sub(has + view.could_grow, pool + (own.id == kernel.id ? files : 0));
}

/* Adds what a guest that takes part is sure of, and costs; a pager's cost is counted elsewhere. */
static void add_guest(const struct guest *guest, struct admit_host *ret)
{
    struct kernel_swap_view kernel;
    struct guest_view view;
    struct admit_request request;

    policy_guest_view(guest->policy, &view);
    request = (struct admit_request){.size = guest->size, .reservation = view.settings.reservation};
    ret->reserved += view.settings.exempt ? request.size : request.reservation;
    if (kernel_swap_view(guest, &kernel) &&
        (kernel.standing == KERNEL_SWAP_WAITING || kernel.standing == KERNEL_SWAP_READY))
        ret->overhead += admit_kernel_overhead(&request);
}

/* All but @except (NULL: none) and the ticket of @name (the same). */
static void sum_up(const struct reconcile *r, enum vmm_ram ram, const struct guest *except,
                   const char *name, struct admit_host *ret)
{
    struct admission_promised promised;
    struct host_view host;

    policy_host_view(r->policy, &host);
    admission_promised(r->admission, name, &promised);
    *ret = (struct admit_host){
        .capacity = r->host.capacity,
        .minfree = host.minfree,
        .reserved = promised.reserved,
        .overhead = promised.overhead + pagers_expected_memory(r->pagers, except),
        .swap_free = swap_free(r, ram, &promised),
    };
    for (guint i = 0; i < guests_count(r->guests); i++) {
        const struct guest *guest = guests_at(r->guests, i);

        if (guest != except && guest->policy)
            add_guest(guest, ret);
    }
}

bool reconcile_tell_host(struct admit_host *ret, const struct guest *except, void *data)
{
    const struct reconcile *r = data;

    if (r->decisions == 0)
        return false;
    sum_up(r, VMM_RAM_MEMFD, except, NULL, ret);
    ret->swap_free = ADMIT_SWAP_ANY; /* making the file tells, exactly */
    return true;
}

static void judge(const struct reconcile *r, const char *name, const struct guest *except,
                  const struct settings *s, struct ticket *ticket, struct admit_host *host)
{
    sum_up(r, ticket->ram, except, name, host);
    if (reconcile_swaps(r, s)) {
        ticket->request.overhead = overhead_of(ticket->ram, &ticket->request);
        return;
    }
    ticket->request.overhead = 0;
    host->swap_free = 0;
    if (s->exempt)
        ticket->request.reservation = ticket->request.size;
}

/* --- who is to come --- */

static void record(struct reconcile *r, const char *name, char *text)
{
    struct event event = {.kind = EVENT_ADMISSION, .state = r->state};

    recorder_add(r->recorder, &event, name, text);
    log_info("admission%s%s: %s", name ? " of guest " : "", name ? name : "", text);
    g_free(text);
}

void reconcile_ticket_expired(const char *name, void *data)
{
    record(data, name, g_strdup("it was admitted and did not come in time; its place is free"));
}

bool reconcile_admit(struct reconcile *r, const struct admission_wish *wish,
                     struct admission_answer *ret, GError **error)
{
    g_autofree char *name = wish->name ? guests_usable_name(wish->name) : NULL;
    const struct settings *s = config_vm(r->config, name ? name : "");
    struct ticket ticket = {.ram = wish->ram, .reservation_given = wish->reservation_given};
    struct admit_host host;
    char text[SENTENCE_MAX];

    if (r->decisions == 0) {
        g_set_error_literal(error, SETTINGS_ERROR, 0,
                            "the host's memory is not known yet; try again in a moment");
        return false;
    }
    ticket.request.size = wish->size;
    ticket.request.reservation =
        u64_min(wish->reservation_given ? wish->reservation : s->reservation, wish->size);
    judge(r, name, NULL, s, &ticket, &host);
    ret->verdict = admit(&host, &ticket.request);
    admit_text(&host, &ticket.request, text, sizeof(text));
    if (ret->verdict == ADMIT_YES && name &&
        !admission_keep(r->admission, name, &ticket, r->config->admission_hold_usec)) {
        g_set_error(error, SETTINGS_ERROR, 0,
                    "%d guests that were admitted have not come yet; try again when they have",
                    ADMISSION_TICKETS_MAX);
        return false;
    }
    ret->hold = ret->verdict == ADMIT_YES && name ? r->config->admission_hold_usec : 0;
    if (ret->verdict == ADMIT_NO_SWAP && host.swap_free == 0 && !reconcile_swaps(r, s))
        g_snprintf(ret->text, sizeof(ret->text), "%s; [pager] enable or its pager = no forbids it",
                   text);
    else
        (void)g_strlcpy(ret->text, text, sizeof(ret->text));
    record(r, name, g_strdup(ret->text));
    return true;
}

/* --- who comes --- */

/* Was there before this daemon could be asked? */
static bool came_before(const struct reconcile *r, const struct guest *guest)
{
    pid_t pid = vmm_guest_facts(guest->vmm)->pid;
    uint64_t started = pid > 0 ? process_start_time(r->host_root, pid) : 0;

    return started <= process_start_time("", getpid());
}

void reconcile_redeem(struct reconcile *r, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    g_autofree char *name = guests_usable_name(facts->name);
    char wanted[SIZE_TEXT_MAX], is[SIZE_TEXT_MAX];
    struct ticket ticket;

    if (!admission_redeem(r->admission, name, &ticket)) {
        guest->admitted = came_before(r, guest) ? ADMITTED_UNKNOWN : ADMITTED_NOT;
        return;
    }
    if (facts->size > ticket.request.size) {
        guest->admitted = ADMITTED_NOT;
        record(r, guest->key,
               g_strdup_printf("it was admitted with %s and has %s",
                               size_format(ticket.request.size, wanted),
                               size_format(facts->size, is)));
        return;
    }
    guest->admitted = ADMITTED_YES;
    if (ticket.reservation_given && !(guest->patched.given & 1u << SETTING_RESERVATION)) {
        guest->patched.given |= 1u << SETTING_RESERVATION;
        guest->patched.reservation = u64_min(ticket.request.reservation, facts->size);
    }
}

void reconcile_judge_guest(struct reconcile *r, const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    struct ticket ticket = {.ram = facts->ram, .request = {.size = facts->size}};
    char text[SENTENCE_MAX];
    struct guest_view view;
    struct admit_host host;

    if (guest->admitted == ADMITTED_YES)
        record(r, guest->key, g_strdup("it came as it was admitted"));
    if (guest->admitted != ADMITTED_NOT || r->decisions == 0)
        return;
    policy_guest_view(guest->policy, &view);
    ticket.request.reservation = view.settings.reservation;
    judge(r, NULL, guest, config_vm(r->config, facts->name), &ticket, &host);
    if (admit(&host, &ticket.request) == ADMIT_YES)
        record(r, guest->key,
               g_strdup("it was not admitted before it came; it fits, and is "
                        "managed as others are"));
    else
        record(r, guest->key,
               g_strdup_printf("it was not admitted before it came, and would not have been; it "
                               "is managed all the same: %s",
                               admit_text(&host, &ticket.request, text, sizeof(text))));
}
