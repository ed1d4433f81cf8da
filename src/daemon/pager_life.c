/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one guest's pager. Every step begins with a look at what there is (pager_look), and
 * nothing of it is kept anywhere but in the guest's files: that makes a daemon that was killed, a
 * pager that was killed, and both, the same case.
 *
 *   files are there, a pager answers   -> it is ours now; READY is its first word
 *   files are there, nobody answers    -> a new pager takes over
 *   no files, one is wanted            -> admission, swap file, a new pager attaches
 *   no files, none is wanted           -> nothing
 *
 * A pager that ends is replaced at once; only one that ends again and again is waited for, longer
 * each time up to RETRY_MAX_MSEC (RETRY_HELD_MSEC while the guest stands still), for ever. A guest
 * whose pages are out is never given up. One that has lost nothing may be refused: then its files
 * go, and it is tried again when something about it or the configuration has changed.
 */
#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/pagers_impl.h"

/* From its start, or from our connection, until it serves; doubled with each that did not. */
#define BEGIN_LIMIT_MSEC  60000
#define BEGIN_DOUBLED_MAX 5u

/* After its guest. */
#define END_LIMIT_MSEC 10000

/* One that served for so long has not failed, whatever ended it. */
#define LIVED_USEC (500 * USEC_PER_MSEC)

/* Pauses between those that fail: while the guest is in their hands it stands still. */
#define RETRY_MIN_MSEC  50
#define RETRY_HELD_MSEC 400
#define RETRY_MAX_MSEC  10000
#define RETRY_BUSY_MSEC 30000

/* At files that are not ours to touch. */
#define LOOK_AGAIN_MSEC 2000

/* So many ends in a row are recorded; the others are logged. */
#define RECORDED_MAX 4

#define SENTENCE_MAX 512

static void on_ended(int status, void *data);

static const struct pager_link_calls link_calls = {.notice = pager_on_notice, .ended = on_ended};

static void set_timer(struct pager *p, guint msec, GSourceFunc function)
{
    g_clear_handle_id(&p->timer, g_source_remove);
    p->timer = g_timeout_add(msec, function, p);
}

static void cut_link(struct pager *p)
{
    g_clear_handle_id(&p->timer, g_source_remove);
    g_clear_pointer(&p->link, pager_link_free);
    pager_told_nothing(p);
}

static void rest(struct pager *p, enum pager_standing standing)
{
    p->standing = standing;
    p->failures = 0;
    pager_forget_figures(p);
    pager_changed(p);
}

static void refuse(struct pager *p)
{
    enum pager_files_owner owner = pager_files_owner(&p->files, p->all->host_root);

    /* Not what may have pages of a guest in it, because of a map that we could not read just now.
     */
    if (p->figures.known || owner == PAGER_FILES_NONE || owner == PAGER_FILES_STALE)
        pager_files_remove(&p->files);
    rest(p, PAGER_REFUSED);
    pager_record(p, g_strdup_printf("it gets no pager: %s", p->error));
    log_warning("guest %s gets no pager: %s", p->name, p->error);
}

/* The guest's process has ended, and its pager too. */
static void finish(struct pager *p)
{
    if (p->job || p->releasing)
        return; /* their ends come here */
    pager_files_remove(&p->files);
    pager_drop(p);
}

/* Its memory is in our hands: without a pager the guest stands still, sooner or later. */
static bool holds_guest(const struct pager *p)
{
    return p->figures.known && (p->figures.now.uffd >= 0 || pager_out(p) > 0);
}

static gboolean on_begin_limit(void *data)
{
    struct pager *p = data;

    p->timer = 0;
    log_warning("guest %s: its pager %d does not begin to serve; it is ended", p->name,
                (int)pager_link_pid(p->link));
    pager_link_kill(p->link);
    return G_SOURCE_REMOVE;
}

static gboolean on_end_limit(void *data)
{
    struct pager *p = data;

    p->timer = 0;
    log_warning("guest %s: its pager did not end after it; it is ended", p->name);
    pager_link_kill(p->link);
    return G_SOURCE_REMOVE;
}

static void began(struct pager *p)
{
    p->standing = PAGER_BEGINNING;
    p->detached = false;
    set_timer(p, (guint)BEGIN_LIMIT_MSEC << MIN(p->failures, BEGIN_DOUBLED_MAX), on_begin_limit);
}

static gboolean on_retry(void *data)
{
    struct pager *p = data;

    p->timer = 0;
    pager_look(p);
    return G_SOURCE_REMOVE;
}

/* What happened is in p->error. */
static void retry(struct pager *p, guint at_least_msec)
{
    guint limit = holds_guest(p) ? RETRY_HELD_MSEC : RETRY_MAX_MSEC, pause = 0;

    if (p->failures > 0)
        pause = MIN((guint)RETRY_MIN_MSEC << MIN(p->failures - 1, 16u), limit);
    p->failures++;
    p->standing = PAGER_MISSING;
    if (p->failures <= RECORDED_MAX)
        pager_record(p, g_strdup_printf("%s; the next one follows", p->error));
    log_warning("guest %s: %s; the next one follows in %u ms", p->name, p->error,
                MAX(pause, at_least_msec));
    set_timer(p, MAX(pause, at_least_msec), on_retry);
    pager_changed(p);
}

uint64_t pager_swap_bytes(const struct pager *p)
{
    if (p->figures.known)
        return u64_min(p->figures.now.figures.slots, p->size / PAGE_BYTES) * PAGE_BYTES;
    return (p->size - u64_min(p->reservation, p->size)) & ~(PAGE_BYTES - 1);
}

static void start(struct pager *p)
{
    const struct config *c = p->all->config;
    struct pager_start s = {
        .program = c->pager_program,
        .name = p->name,
        .memory_directory = p->all->memory_directory,
        .swap_directory = p->all->swap_directory,
        .pid = p->pid,
        .ram_size = p->size,
        .swap_size = pager_swap_bytes(p),
        .cache = pager_cache_bytes(p),
        .log_level = c->log_level,
    };
    g_autoptr(GError) error = NULL;

    p->link = pager_link_start(&s, &link_calls, p, &error);
    if (p->link) {
        began(p);
        return;
    }
    pager_set_error(p, "its pager can't be started: %s", error->message);
    if (holds_guest(p))
        retry(p, 0);
    else
        refuse(p);
}

/* The files name this guest: its pages may be out. */
static void take_up(struct pager *p)
{
    p->link = pager_link_connect(p->files.socket, &link_calls, p);
    if (p->link)
        began(p);
    else
        start(p);
}

/* Does what is guaranteed fit the host, with this pager? */
static bool fits(struct pager *p, const struct admit_host *host)
{
    const struct admit_request request = {
        .size = p->size, .reservation = p->reservation, .overhead = pagers_overhead(p->size)};
    char text[SENTENCE_MAX];

    if (admit(host, &request) == ADMIT_YES)
        return true;
    pager_set_error(p, "%s", admit_text(host, &request, text, sizeof(text)));
    return false;
}

static void prepare(struct pager *p)
{
    g_autoptr(GError) error = NULL;
    struct admit_host host;

    if (!p->wanted || p->all->config->mode == MODE_OBSERVE ||
        !p->all->calls->host(&host, p->guest, p->all->data)) {
        rest(p, PAGER_NONE); /* where only the host is not known yet, it is seen again */
        return;
    }
    if (!memory_directory_check(p->all->memory_directory, &error))
        pager_set_error(p, "%s", error->message);
    if (error || !fits(p, &host)) {
        refuse(p);
        return;
    }
    g_clear_pointer(&p->error, g_free);
    p->standing = PAGER_PREPARING;
    pager_make_swap_file(p, pager_swap_bytes(p));
}

void pager_prepared(struct pager *p, const GError *error)
{
    if (p->gone) {
        finish(p);
    } else if (!p->wanted) {
        pager_files_remove(&p->files);
        rest(p, PAGER_NONE);
    } else if (error) {
        pager_set_error(p, "%s", error->message);
        refuse(p);
    } else {
        start(p);
    }
}

static bool process_ended(const struct pager *p)
{
    struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

void pager_look(struct pager *p)
{
    g_autofree char *before = g_strdup(p->error);

    g_assert(!p->link);
    g_clear_handle_id(&p->timer, g_source_remove);
    if (p->gone || process_ended(p)) {
        p->gone = true;
        finish(p);
        return;
    }
    p->figures.at = 0;
    pager_refresh(p);
    switch (pager_files_owner(&p->files, p->all->host_root)) {
    case PAGER_FILES_LIVE:
        if (p->figures.known) {
            take_up(p);
            return;
        }
        pager_set_error(p,
                        "%s belongs to another guest that runs; give each guest a name of its own",
                        p->files.map);
        break;
    case PAGER_FILES_STRANGE:
        pager_set_error(p,
                        "%s is not a page map of this release: restart the guest if a pager of "
                        "another one serves it, else remove the file",
                        p->files.map);
        break;
    case PAGER_FILES_NONE:
    case PAGER_FILES_STALE:
    default:
        prepare(p);
        return;
    }
    /* What is there is not ours to remove; but it may go, or could only not be read. */
    rest(p, PAGER_REFUSED);
    set_timer(p, LOOK_AGAIN_MSEC, on_retry);
    if (g_strcmp0(before, p->error) != 0)
        pager_record(p, g_strdup_printf("it gets no pager: %s", p->error));
}

static void released(struct pager *p, bool ok)
{
    p->releasing = false;
    if (!ok && !p->gone)
        log_warning(
            "guest %s: the descriptor that its pager left in it could not be closed; it does "
            "no harm",
            p->name);
    if (p->gone) {
        finish(p);
    } else {
        pager_files_remove(&p->files);
        pager_record(p, g_strdup("its pager has brought everything back and ended"));
        rest(p, PAGER_NONE);
    }
    pager_unref(p);
}

static void on_release_end(GPid pid, int status, void *data)
{
    (void)pid;
    released(data, status == 0);
}

/* Everything is back: what is left in the guest is a descriptor. */
static void clean_up(struct pager *p)
{
    g_autoptr(GError) error = NULL;
    int64_t number;

    p->figures.at = 0;
    pager_refresh(p);
    number = p->figures.known ? p->figures.now.uffd : -1;
    p->releasing = true;
    (void)pager_ref(p);
    if (number < 0)
        released(p, true);
    else if (!pager_release_start(p->all->config->pager_program, p->pid, number, on_release_end, p,
                                  &error))
        released(p, false);
}

static void describe_end(struct pager *p, int pid, int status)
{
    if (status == PAGER_EXIT_UNKNOWN)
        pager_set_error(p, "its pager %d was killed or has let go of us", pid);
    else if (status == PAGER_EXIT_OK)
        pager_set_error(p, "its pager %d has ended without being asked to", pid);
    else if (status == PAGER_EXIT_BUSY)
        pager_set_error(p, "another pager has it");
    else
        pager_set_error(p, "its pager %d failed (exit status %d)", pid, status);
}

static void on_ended(int status, void *data)
{
    struct pager *p = data;
    bool served = p->standing == PAGER_SERVES || p->standing == PAGER_ENDING;
    bool detached = p->detached || (p->standing == PAGER_ENDING && status == PAGER_EXIT_OK);
    bool refused = status == PAGER_EXIT_REFUSED;
    int pid = (int)pager_link_pid(p->link);

    cut_link(p);
    if (p->gone) {
        finish(p);
        return;
    }
    if (detached) {
        clean_up(p);
        return;
    }
    if (served && pager_now() >= p->served + LIVED_USEC)
        p->failures = 0;
    p->figures.at = 0;
    pager_refresh(p);
    if (!refused || !p->error)
        describe_end(p, pid, status);
    if (refused && !holds_guest(p))
        refuse(p);
    else
        retry(p, status == PAGER_EXIT_BUSY && !holds_guest(p) ? RETRY_BUSY_MSEC : 0);
}

void pager_reconsider(struct pager *p)
{
    if (p->gone && p->link)
        set_timer(p, END_LIMIT_MSEC, on_end_limit);
    else if (p->gone)
        finish(p);
    else if (p->standing == PAGER_SERVES && !p->wanted && p->all->config->mode == MODE_MANAGE) {
        if (pager_link_send(p->link, PAGER_DETACH, 0, 0))
            p->standing = PAGER_ENDING;
    } else if (p->standing == PAGER_REFUSED || p->standing == PAGER_NONE) {
        pager_look(p);
    }
}
