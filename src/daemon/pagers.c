/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a guest with a pager is a process with a pager. There is a struct pager for each process
 * with memfd RAM that was seen as a guest, for as long as the process lives (its pidfd says so),
 * whether its monitor answers or not: a guest that nobody knows any more still needs its pages.
 *
 * Once a second each map is read, and what has changed is acted upon; everything else is an event.
 * What may take long is done in threads (pager_jobs.c).
 */
#include "daemon/pagers.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/pagers_impl.h"

#define TICK_MSEC 1000

/* What dead guests have left is removed at the start, soon after it (files that were too young
 * then) and now and then. */
#define CLEAN_SOON_USEC (2 * PAGER_FILES_YOUNG)
#define CLEAN_USEC      (600 * USEC_PER_SEC)

/* A pager needs less than this for itself, by its own contract. */
#define OWN_MEMORY_BASE (8 * MIB)
#define OWN_MEMORY_PART 100 /* one in... */

GQuark pagers_error_quark(void)
{
    return g_quark_from_static_string("aerostat-pagers-error");
}

static const char *const standing_names[] = {
    [PAGER_NONE] = "none",       [PAGER_PREPARING] = "preparing", [PAGER_BEGINNING] = "beginning",
    [PAGER_SERVES] = "serves",   [PAGER_ENDING] = "ending",       [PAGER_MISSING] = "missing",
    [PAGER_REFUSED] = "refused",
};
G_STATIC_ASSERT(G_N_ELEMENTS(standing_names) == PAGER_STANDING_MAX);

const char *pager_standing_name(enum pager_standing standing)
{
    return standing_names[standing];
}

void pager_record(struct pager *p, char *text)
{
    if (p->guest) {
        p->all->calls->record(p->guest, text, p->all->data);
        return;
    }
    log_info("guest %s: %s", p->name, text);
    g_free(text);
}

void pager_changed(struct pager *p)
{
    if (p->guest)
        p->all->calls->changed(p->guest, p->all->data);
}

void pager_set_error(struct pager *p, const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_free(p->error);
    p->error = text;
}

struct pager *pager_ref(struct pager *p)
{
    p->refs++;
    return p;
}

void pager_unref(struct pager *p)
{
    if (--p->refs > 0)
        return;
    pager_files_clear(&p->files);
    g_free(p->name);
    g_free(p->error);
    g_free(p->blocked);
    pager_told_nothing(p);
    g_free(p);
}

/* Nothing calls it any more; what is under way in threads holds references of its own. */
static void pager_close(struct pager *p)
{
    p->gone = true;
    if (p->guest)
        p->guest->pager = NULL;
    p->guest = NULL;
    g_clear_handle_id(&p->timer, g_source_remove);
    g_clear_handle_id(&p->process_watch, g_source_remove);
    g_clear_pointer(&p->link, pager_link_free);
    pager_forget_figures(p);
    fd_close(&p->pidfd);
}

void pager_drop(struct pager *p)
{
    pager_close(p);
    g_ptr_array_remove_fast(p->all->all, p); /* gives up its reference */
}

static gboolean on_process_end(gint fd, GIOCondition condition, gpointer data)
{
    struct pager *p = data;

    (void)fd;
    (void)condition;
    p->process_watch = 0;
    p->gone = true;
    pager_reconsider(p);
    return G_SOURCE_REMOVE;
}

uint64_t pagers_overhead(uint64_t size)
{
    return OWN_MEMORY_BASE + size / OWN_MEMORY_PART;
}

uint64_t pagers_expected_memory(const struct pagers *pagers, const struct guest *except)
{
    uint64_t sum = 0;

    for (guint i = 0; i < pagers->all->len; i++) {
        const struct pager *p = pagers->all->pdata[i];

        if (p->standing != PAGER_NONE && p->standing != PAGER_REFUSED &&
            !(except && p == except->pager))
            sum += pagers_overhead(p->size);
    }
    return sum;
}

uint64_t pagers_promised(const struct pagers *pagers)
{
    uint64_t sum = 0;

    for (guint i = 0; i < pagers->all->len; i++) {
        const struct pager *p = pagers->all->pdata[i];

        if (p->standing == PAGER_PREPARING)
            sum += pager_swap_bytes(p);
    }
    return sum;
}

uint64_t pagers_memory(const struct pagers *pagers)
{
    uint64_t sum = 0;

    for (guint i = 0; i < pagers->all->len; i++)
        sum += pager_own_memory(pagers->all->pdata[i]);
    return sum;
}

static void log_stale(const char *line, void *data)
{
    (void)data;
    log_notice("%s", line);
}

static void clean(struct pagers *pagers)
{
    (void)pager_files_remove_stale(pagers->memory_directory, pagers->swap_directory,
                                   pagers->host_root, log_stale, NULL);
}

static gboolean on_tick(void *data)
{
    struct pagers *pagers = data;

    for (guint i = pagers->all->len; i-- > 0;) {
        struct pager *p = pagers->all->pdata[i];

        pager_refresh(p);
        if (p->link && !p->gone && p->standing != PAGER_BEGINNING)
            pager_watch(p);
        if (p->standing == PAGER_SERVES && !p->gone) {
            pager_check_devices(p);
            pager_sync(p);
            pager_follow_held(p);
        }
    }
    if (pager_now() >= pagers->clean_at) {
        clean(pagers);
        pagers->clean_at = pager_now() + CLEAN_USEC;
    }
    return G_SOURCE_CONTINUE;
}

struct pagers *pagers_new(const struct config *config, const char *host_root,
                          const struct pagers_calls *calls, void *data)
{
    struct pagers *pagers = g_new0(struct pagers, 1);

    pagers->config = config;
    pagers->host_root = host_root;
    pagers->calls = calls;
    pagers->data = data;
    pagers->memory_directory = g_strdup(config->pager_memory_directory);
    pagers->swap_directory = g_strdup(config->pager_swap_directory);
    pagers->all = g_ptr_array_new_with_free_func((GDestroyNotify)pager_unref);
    pagers->tick = g_timeout_add(TICK_MSEC, on_tick, pagers);
    clean(pagers);
    pagers->clean_at = pager_now() + CLEAN_SOON_USEC;
    pagers_adopt(pagers);
    return pagers;
}

void pagers_free(struct pagers *pagers)
{
    if (!pagers)
        return;
    g_source_remove(pagers->tick);
    for (guint i = 0; i < pagers->all->len; i++)
        pager_close(pagers->all->pdata[i]);
    g_ptr_array_unref(pagers->all);
    g_free(pagers->memory_directory);
    g_free(pagers->swap_directory);
    g_free(pagers);
}

void pagers_configure(struct pagers *pagers, const struct config *config)
{
    pagers->config = config;
    if (strcmp(pagers->memory_directory, config->pager_memory_directory) != 0 ||
        strcmp(pagers->swap_directory, config->pager_swap_directory) != 0)
        log_warning("[pager] memory-directory and swap-directory take effect with the next start; "
                    "files stay in %s and %s",
                    pagers->memory_directory, pagers->swap_directory);
    for (guint i = pagers->all->len; i-- > 0;) {
        struct pager *p = pagers->all->pdata[i];

        if (p->standing == PAGER_REFUSED)
            p->standing = PAGER_NONE; /* with a new configuration it is worth another try */
        pager_sync(p);
    }
}

bool pager_name(struct pager *p, const char *name)
{
    p->name = g_strdup(name);
    p->files = pager_files_of(p->all->memory_directory, p->all->swap_directory, name);
    p->figures.at = 0;
    pager_refresh(p);
    return p->figures.known;
}

static void unname(struct pager *p)
{
    g_clear_pointer(&p->name, g_free);
    pager_files_clear(&p->files);
}

static bool name_is_free(const struct pager *p)
{
    for (guint i = 0; i < p->all->all->len; i++) {
        const struct pager *other = p->all->all->pdata[i];

        if (other != p && g_strcmp0(other->name, p->name) == 0)
            return false;
    }
    return pager_files_owner(&p->files, p->all->host_root) != PAGER_FILES_LIVE;
}

/*
 * Its key, unless another guest has that name in its files: two guests of one name may be found in
 * another order by the next daemon.
 */
static void find_name(struct pager *p, const char *key)
{
    g_autofree char *second = g_strdup_printf("%s@%d", key, (int)p->pid);

    if (pager_name(p, key))
        return;
    unname(p);
    if (pager_name(p, second))
        return;
    unname(p);
    (void)pager_name(p, key);
    if (name_is_free(p))
        return;
    unname(p);
    (void)pager_name(p, second);
}

static struct pager *find_process(const struct pagers *pagers, pid_t pid, uint64_t start_time)
{
    for (guint i = 0; i < pagers->all->len; i++) {
        struct pager *p = pagers->all->pdata[i];

        if (p->pid == pid && p->start_time == start_time)
            return p;
    }
    return NULL;
}

struct pager *pager_new(struct pagers *pagers, pid_t pid, uint64_t start_time, uint64_t size)
{
    struct pager *p;
    int pidfd;

    if (start_time == 0 || find_process(pagers, pid, start_time))
        return NULL;
    pidfd = pidfd_open(pid, 0); /* close-on-exec */
    if (pidfd < 0)
        return NULL;
    p = g_new0(struct pager, 1);
    p->all = pagers;
    p->refs = 1;
    p->pid = pid;
    p->start_time = start_time;
    p->pidfd = pidfd;
    p->process_watch = g_unix_fd_add(pidfd, G_IO_IN, on_process_end, p);
    p->size = size;
    g_ptr_array_add(pagers->all, p);
    return p;
}

/* The one of the guest's process. */
static struct pager *pager_of(struct pagers *pagers, const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    uint64_t start_time = process_start_time(pagers->host_root, facts->pid);
    struct pager *p = find_process(pagers, facts->pid, start_time);

    if (p)
        return !p->guest && !p->gone ? p : NULL;
    p = pager_new(pagers, facts->pid, start_time, facts->size);
    if (p)
        find_name(p, guest->key);
    return p;
}

/* A process that was a guest only as long as its RAM could not be told apart is none. */
static bool eligible(const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    return facts->pid > 0 && facts->size > 0 && facts->ram == VMM_RAM_MEMFD;
}

void pagers_see(struct pagers *pagers, struct guest *guest, const struct pager_wish *wish)
{
    struct pager *p = guest->pager;
    bool changed;

    if (!p && (!eligible(guest) || !(p = pager_of(pagers, guest))))
        return;
    p->guest = guest;
    guest->pager = p;
    changed = p->wanted != wish->wanted || p->reservation != wish->reservation;
    p->wanted = wish->wanted;
    p->reservation = wish->reservation;
    if (p->standing == PAGER_NONE)
        changed = p->figures.known || (wish->wanted && pagers->config->mode == MODE_MANAGE);
    if (changed)
        pager_reconsider(p);
}

void pagers_forget(struct guest *guest)
{
    if (guest->pager)
        guest->pager->guest = NULL;
    guest->pager = NULL;
}
