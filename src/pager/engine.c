/* SPDX-License-Identifier: Apache-2.0 */
/* The steps on a page that both threads take, and what they say to each other. engine.h first. */
#include "pager/engine.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

usec_t engine_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

uint64_t engine_next_data(const struct engine *e, uint64_t page, uint64_t end)
{
    off_t found = lseek(e->memfd, (off_t)(page * PAGE_BYTES), SEEK_DATA);

    /* ENXIO is the only answer that says that there is none; on any other, take it for data. */
    if (found < 0)
        return errno == ENXIO ? end : page;
    return u64_min((uint64_t)found / PAGE_BYTES, end);
}

bool engine_is_hole(const struct engine *e, uint64_t page)
{
    return engine_next_data(e, page, page + 1) > page;
}

void engine_free_stored(struct engine *e, uint64_t page, struct page_place place)
{
    /* One that a takeover found damaged has no slot. */
    if (place.state == PAGE_SWAPPED &&
        place.location < atomic_load(&pagemap_figures(&e->map)->slots))
        slots_give(e->slots, place.location, 1);
    else if (place.state == PAGE_COMPRESSED)
        cache_drop(e->cache, page, place);
}

void engine_forget(struct engine *e, uint64_t page)
{
    struct page_place old = pagemap_get(&e->map, page);

    if (old.state == PAGE_ABSENT || (old.state == PAGE_RESIDENT && !engine_is_hole(e, page)))
        return;
    pagemap_set(&e->map, page, (struct page_place){.state = PAGE_ABSENT});
    engine_free_stored(e, page, old);
    if (old.sampled)
        sampler_lost(e->sampler, page, engine_now());
    count(&pagemap_figures(&e->map)->discarded, 1);
}

void engine_give(struct engine *e, uint64_t page)
{
    unsigned marks;

    while ((marks = claims_give(e->claims, page)) & MARK_DISCARDED)
        engine_forget(e, page);
    if (!(marks & MARK_WANTED))
        return;
    if (uffd_wake(&e->uffd, engine_address(e, page), PAGE_BYTES) == -ESRCH)
        engine_gone(e);
    count(&pagemap_figures(&e->map)->waited_usec, waits_end(&e->waits, page, engine_now()));
}

/* What was at @place is free; adjacent slots are given back together: *run is what was not given
 * yet. */
static void free_in_runs(struct engine *e, uint64_t page, struct page_place place, uint64_t *first,
                         uint64_t *n)
{
    if (place.state == PAGE_SWAPPED && *n > 0 && place.location == *first + *n) {
        ++*n;
        return;
    }
    if (place.state != PAGE_SWAPPED) {
        engine_free_stored(e, page, place);
        return;
    }
    if (*n > 0)
        slots_give(e->slots, *first, *n);
    *first = place.location;
    *n = 1;
}

void engine_arrived(struct engine *e, uint64_t first, uint64_t n, bool asked, bool cold)
{
    struct pagemap_figures *figures = pagemap_figures(&e->map);
    uint64_t run = 0, run_length = 0;

    for (uint64_t page = first; page < first + n; page++) {
        struct page_place old = pagemap_get(&e->map, page);

        pagemap_set(&e->map, page, (struct page_place){.state = PAGE_RESIDENT, .cold = cold});
        free_in_runs(e, page, old, &run, &run_length);
        count(&figures->loaded[old.state], 1);
        if (old.sampled && asked && page == first)
            sampler_touched(e->sampler, page, engine_now());
        else if (old.sampled)
            sampler_lost(e->sampler, page, engine_now());
    }
    if (run_length > 0)
        slots_give(e->slots, run, run_length);
    if (asked && n > 1)
        count(&figures->read_ahead, n - 1);
    for (uint64_t page = first; page < first + n; page++)
        engine_give(e, page);
}

int engine_there(const struct engine *e, uint64_t page)
{
    int r = uffd_unprotect(&e->uffd, engine_address(e, page), PAGE_BYTES);

    return r == 0 && engine_is_hole(e, page) ? -EAGAIN : r;
}

void engine_poke(struct engine *e)
{
    uint64_t one = 1;

    /* A full counter wakes as well as this write would. */
    if (atomic_exchange(&e->mover_waits, false) && write(e->poke_fd, &one, sizeof(one)) < 0)
        return;
}

uint64_t engine_excess(const struct engine *e)
{
    struct pagemap_figures *figures = pagemap_figures(&e->map);
    uint64_t resident = atomic_load(&figures->pages[PAGE_RESIDENT]);

    if (resident <= RESIDENT_FLOOR)
        return 0;
    return u64_sub(resident * PAGE_BYTES + atomic_load(&figures->cache_bytes),
                   atomic_load(&figures->allowed));
}

uint64_t engine_events(const struct engine *e)
{
    return atomic_load(&e->faults_seq);
}

bool engine_through(const struct engine *e, uint64_t events)
{
    while ((events & 1) && atomic_load(&e->faults_seq) == events) {
        if (atomic_load(&e->stopping))
            return false;
        sched_yield();
    }
    return true;
}

void engine_gone(struct engine *e)
{
    if (!atomic_exchange(&e->gone, true))
        engine_say(e, PAGER_SAYS_GONE, PAGER_VERB_MAX, "%s", "");
}

void engine_say(const struct engine *e, enum pager_notice_kind kind, enum pager_verb verb,
                const char *format, ...)
{
    struct pager_notice notice = {.protocol = PAGER_PROTOCOL, .kind = kind, .verb = verb};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(notice.text, sizeof(notice.text), format, args);
    va_end(args);
    (void)send(e->notice_fd, &notice, sizeof(notice), MSG_DONTWAIT | MSG_NOSIGNAL);
}
