/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's files first, under the directory's lock: a map of this very process means that a
 * pager before us has died; any other map is of a dead guest, and goes.
 *
 * Taking over: the descriptor in QEMU is fetched, and the RAM registered if the dead pager had not
 * come so far, or was past it: nobody fills a hole from here on. Then the map is brought in line
 * with the memfd (recover.c), protection lifted, everybody woken. Attaching: the files are made
 * first, then the userfaultfd, whose number goes into the map before anything is registered
 * (attach.c), and then the map is filled in, as if it were taken over.
 */
#include "pager/hold.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "pager/recover.h"

/* The writes of a dead pager are waited for so long. */
#define SWAP_LOCK_MSEC 30000

GQuark hold_error_quark(void)
{
    return g_quark_from_static_string("aerostat-pager");
}

static bool fail(GError **error, const char *what, int number)
{
    g_set_error(error, HOLD_ERROR, PAGER_EXIT_FAILED, "%s: %s", what, g_strerror(number));
    return false;
}

/*
 * Is the map of a pager before us, of this very process, which started at @start? One that was let
 * go of has no userfaultfd any more, and the map is history; but not while it names pages.
 */
static bool is_ours(const struct hold *h, const struct pagemap *map, uint64_t start)
{
    const struct pagemap_identity *identity = &map->header->identity;
    const struct pagemap_figures *figures = pagemap_figures(map);
    int64_t number = atomic_load(&map->header->uffd);

    if (identity->pid != h->options->pid || number < 0 || identity->start_time != start)
        return false;
    return attach_left(h->options->pid, (int)number) ||
           atomic_load(&figures->pages[PAGE_COMPRESSED]) > 0 ||
           atomic_load(&figures->pages[PAGE_SWAPPED]) > 0;
}

static bool find_map(struct hold *h, GError **error)
{
    struct engine *e = h->engine;
    uint64_t start = 0;
    int r = process_started("", h->options->pid, &start);

    /* What is another process's goes: not to be done on a guess. */
    if (r < 0 && r != -ESRCH)
        return fail(error, "the start time of the guest", -r);
    r = pagemap_open(&e->map, h->files.map);
    if (r == -ENOENT)
        return true;
    if (r == -EBUSY) {
        g_set_error(error, HOLD_ERROR, PAGER_EXIT_BUSY, "another pager serves guest %s",
                    h->options->name);
        return false;
    }
    if (r < 0 && r != -EBADMSG)
        return fail(error, h->files.map, -r);
    h->again = r == 0 && is_ours(h, &e->map, start);
    if (h->again)
        return true;
    if (r == -EBADMSG && pager_files_owner(&h->files, "") != PAGER_FILES_STALE) {
        /* It may be of this very process and a release before us, with pages out. */
        g_set_error(error, HOLD_ERROR, PAGER_EXIT_REFUSED,
                    "%s is not a page map of this release, or can't be read; move it away once "
                    "the guest that it is of has ended",
                    h->files.map);
        return false;
    }
    log_notice("guest %s: the files of an earlier guest are replaced", h->options->name);
    if (r == 0)
        pagemap_close(&e->map);
    e->map = (struct pagemap){.fd = -1};
    (void)unlink(h->files.cache);
    (void)unlink(h->files.map);
    return true;
}

/*
 * Opens the swap file, and waits for its lock. We have the map's, so no pager lives that could hold
 * it; but what a dead one was writing goes on being written, into slots that we shall give to other
 * pages. The kernel lets go of the lock when the last of these writes has ended.
 */
static int open_locked(const char *path, bool *direct)
{
    int fd;

    for (unsigned i = 0; i < SWAP_LOCK_MSEC; i++) {
        fd = swap_file_open(path, direct);
        if (fd >= 0 || errno != EWOULDBLOCK)
            break;
        g_usleep(1000);
    }
    return fd;
}

/* A file that the daemon made is taken as it is; another size means another guest. */
static bool open_swap(struct hold *h, GError **error)
{
    struct engine *e = h->engine;
    uint64_t bytes = h->again ? atomic_load(&pagemap_figures(&e->map)->slots) * PAGE_BYTES
                              : h->options->swap_size;
    struct stat st;
    bool direct = true;

    e->swap_path = h->files.swap;
    e->swap_fd = open_locked(h->files.swap, &direct);
    if (e->swap_fd >= 0 && !h->again &&
        (fstat(e->swap_fd, &st) < 0 || (uint64_t)st.st_size != bytes))
        fd_close(&e->swap_fd);
    else if (e->swap_fd < 0 && errno != ENOENT)
        return fail(error, h->files.swap, errno);
    if (e->swap_fd < 0 && h->again) {
        g_set_error(error, HOLD_ERROR, PAGER_EXIT_FAILED,
                    "%s is missing, with pages of guest %s in it: the guest waits until it is back",
                    h->files.swap, h->options->name);
        return false;
    }
    if (e->swap_fd < 0) {
        if (!swap_directory_check(h->options->swap_directory, error) ||
            !swap_file_create(h->files.swap, bytes, error))
            return false;
        e->swap_fd = swap_file_open(h->files.swap, &direct);
        if (e->swap_fd < 0)
            return fail(error, h->files.swap, errno);
    }
    if (!direct)
        log_notice("guest %s: the file system of %s has no O_DIRECT: pages that are put out go "
                   "through the host's page cache",
                   h->options->name, h->files.swap);
    return true;
}

static bool make_map(struct hold *h, GError **error)
{
    struct engine *e = h->engine;
    struct pagemap_figures *figures;
    int r = pagemap_create(&e->map, h->files.map, &h->target.identity);

    if (r < 0)
        return fail(error, h->files.map, -r);
    h->made = true;
    figures = pagemap_figures(&e->map);
    atomic_store(&e->map.header->uffd, -1);
    atomic_store(&figures->allowed, UINT64_MAX);
    atomic_store(&figures->slots, h->options->swap_size / PAGE_BYTES);
    return true;
}

static bool open_cache(struct hold *h, GError **error)
{
    struct engine *e = h->engine;
    int r = cache_open(&e->cache, h->files.cache, &e->map, h->options->cache);

    atomic_store(&e->cache_limit, h->options->cache);
    return r == 0 || fail(error, h->files.cache, -r);
}

static bool recover(struct hold *h, GError **error)
{
    int r = recover_map(h->engine);

    return r == 0 || fail(error, "page map", -r);
}

/* Park and unpark go on: who ordered them was not told that they have ended, and was told that they
 * began. Whether to detach is asked again by who wants it. */
static void resume_task(struct engine *e)
{
    uint64_t phase = atomic_load(&pagemap_figures(&e->map)->phase);

    if (phase == PAGER_PARKING)
        atomic_store(&e->task, TASK_PARK);
    else if (phase == PAGER_UNPARKING)
        atomic_store(&e->task, TASK_UNPARK);
}

static bool take_over(struct hold *h, GError **error)
{
    struct engine *e = h->engine;
    int64_t number = atomic_load(&e->map.header->uffd);
    g_autoptr(GError) trouble = NULL;
    int r;

    if (!target_find_again(&h->target, &e->map.header->identity, error))
        return false;
    e->memfd = h->target.memfd;
    if (!attach_again(&e->uffd, &h->target, (int)number, error) || !recover(h, error) ||
        !open_swap(h, error) || !open_cache(h, error))
        return false;
    if (!target_check_devices(h->options->pid, &trouble)) {
        atomic_store(&e->evicting, false);
        log_warning("guest %s: nothing is evicted: %s", h->options->name, trouble->message);
    }
    r = recover_waiters(e);
    if (r < 0)
        return fail(error, "waking the guest", -r);
    resume_task(e);
    atomic_store(&pagemap_figures(&e->map)->cpus, 0); /* told anew */
    count(&pagemap_figures(&e->map)->takeovers, 1);
    log_info("guest %s: taken over", h->options->name);
    return true;
}

static bool begin_anew(struct hold *h, GError **error)
{
    struct engine *e = h->engine;

    if (!target_find(&h->target, h->options->pid, h->options->name, h->options->ram_size, error))
        return false;
    e->memfd = h->target.memfd;
    if (!make_map(h, error) || !open_swap(h, error) || !open_cache(h, error) ||
        !attach(&e->uffd, &h->target, &e->map.header->uffd, error))
        return false;
    h->attached = true;
    return recover(h, error);
}

bool hold_take(struct hold *h, GError **error)
{
    autofd lock = -1;

    if (!memory_directory_check(h->options->memory_directory, error))
        return false;
    lock = pager_directory_lock(h->options->memory_directory);
    if (lock < 0)
        return fail(error, h->options->memory_directory, -lock);
    return find_map(h, error) && (h->again ? take_over(h, error) : begin_anew(h, error));
}

void hold_undo(struct hold *h)
{
    struct engine *e = h->engine;

    if (h->attached) {
        (void)uffd_unregister(&e->uffd);
        (void)attach_close(h->options->pid, (int)atomic_load(&e->map.header->uffd), NULL);
    }
    if (h->made) {
        (void)unlink(h->files.cache);
        (void)unlink(h->files.map);
    }
}
