/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page map says. It is read, never mapped: a file that is cut while it is mapped
 * ends who looks at it. And it is a stranger's word: a pager reads what a guest has written, so
 * nothing here is used before it is cut to what is possible.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/pagers_impl.h"

/* The same figures serve all who ask at nearly the same time; rates are taken over more. */
#define FRESH_USEC (50 * USEC_PER_MSEC)
#define RATE_USEC  (900 * USEC_PER_MSEC)

static uint64_t pages_bytes(uint64_t pages)
{
    return pages > UINT64_MAX / PAGE_BYTES ? UINT64_MAX : pages * PAGE_BYTES;
}

/* Opens it and reads its header; -1 where it is not there, or no page map. */
static int open_any(const char *path, struct pagemap_header *ret)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        pread(fd, ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret) &&
        pagemap_header_valid(ret, (uint64_t)st.st_size))
        return fd_take(&fd);
    return -1;
}

bool pager_read_map(const char *path, struct pagemap_header *ret)
{
    autofd fd = open_any(path, ret);

    return fd >= 0;
}

/* -1 where it is not this guest's, too. */
static int open_map(const struct pager *p, struct pagemap_header *ret)
{
    autofd fd = open_any(p->files.map, ret);
    bool ours = fd >= 0 && ret->identity.pid == p->pid && ret->identity.start_time == p->start_time;

    return ours ? fd_take(&fd) : -1;
}

static bool read_header(const struct pager *p, struct pagemap_header *ret)
{
    autofd fd = open_map(p, ret);

    return fd >= 0;
}

static uint64_t sum_moved(const COUNTER *by_state)
{
    return pages_bytes(by_state[PAGE_ZERO]) + pages_bytes(by_state[PAGE_COMPRESSED]) +
           pages_bytes(by_state[PAGE_SWAPPED]);
}

static double rate(uint64_t before, uint64_t now, usec_t elapsed)
{
    return (double)u64_sub(now, before) * (double)USEC_PER_SEC / (double)elapsed;
}

static void take_rates(struct pager_figures *f, bool first, usec_t now)
{
    const struct pagemap_figures *h = &f->now.figures;
    uint64_t out = sum_moved(h->evicted), in = sum_moved(h->loaded);
    usec_t elapsed = now - f->before;

    if (!first && elapsed < RATE_USEC)
        return;
    if (!first) {
        f->out_rate = rate(f->out, out, elapsed);
        f->in_rate = rate(f->in, in, elapsed);
        f->write_rate = rate(f->written, h->bytes_written, elapsed);
        f->read_rate = rate(f->read, h->bytes_read, elapsed);
    }
    f->out = out;
    f->in = in;
    f->written = h->bytes_written;
    f->read = h->bytes_read;
    f->before = now;
}

void pager_refresh(struct pager *p)
{
    struct pager_figures *f = &p->figures;
    usec_t now = pager_now();
    bool first = !f->known;

    if (f->known && now < f->at + FRESH_USEC)
        return;
    f->known = read_header(p, &f->now);
    f->at = now;
    if (f->known)
        take_rates(f, first, now);
}

void pager_forget_figures(struct pager *p)
{
    p->figures = (struct pager_figures){0};
}

static uint64_t state_bytes(const struct pager *p, enum page_state state)
{
    return u64_min(pages_bytes(p->figures.now.figures.pages[state]), p->size);
}

uint64_t pager_out(const struct pager *p)
{
    if (!p->figures.known)
        return 0;
    return u64_min(state_bytes(p, PAGE_ZERO) + state_bytes(p, PAGE_COMPRESSED) +
                       state_bytes(p, PAGE_SWAPPED),
                   p->size);
}

/* As much of what it has touched is back in one that woke up. */
#define AWAKE_DIVISOR 4

bool pager_is_parked(const struct pager *p)
{
    const struct pagemap_figures *f = &p->figures.now.figures;
    uint64_t resident = state_bytes(p, PAGE_RESIDENT);

    if (!p->figures.known)
        return false;
    if (f->phase == PAGER_PARKING || f->phase == PAGER_UNPARKING)
        return true;
    return f->parked && resident <= (resident + pager_out(p)) / AWAKE_DIVISOR;
}

uint64_t pager_own_memory(const struct pager *p)
{
    if (!p->figures.known)
        return 0;
    return u64_min(p->figures.now.figures.memory_bytes, p->size) + PAGEMAP_HEADER_BYTES +
           p->size / PAGE_BYTES * sizeof(page_entry);
}

static bool serving(const struct pager *p)
{
    return p->standing == PAGER_SERVES && p->figures.now.figures.phase == PAGER_SERVING;
}

struct pager_observation pagers_observe(struct guest *guest, uint64_t *resident)
{
    struct pager *p = guest->pager;
    struct pager_observation o = {.allowed = ALLOWED_ANY};
    const struct pagemap_figures *f;

    if (!p)
        return o;
    pager_refresh(p);
    f = &p->figures.now.figures;
    if (!p->figures.known || f->phase == PAGER_STARTING || f->phase >= PAGER_GUEST_GONE)
        return o;
    *resident = state_bytes(p, PAGE_RESIDENT);
    o.present = true;
    o.parked = pager_is_parked(p);
    o.out = pager_out(p);
    o.cache = u64_min(f->cache_bytes, p->size);
    if (serving(p) && !p->blocked && f->held_pages == 0)
        o.room = u64_min(pages_bytes(u64_sub(f->slots, f->slots_used)), p->size);
    o.allowed = f->allowed;
    o.loaded = pages_bytes(f->faults[FAULT_ZERO] + f->faults[FAULT_COMPRESSED] +
                           f->faults[FAULT_SWAPPED] + f->read_ahead);
    o.moved_out = sum_moved(f->evicted);
    o.waited = f->waited_usec;
    o.paged_by_guest = pages_bytes(f->paged_by_guest);
    if (f->window_permille <= 1000) {
        o.windows = f->sample_windows;
        o.permille = (unsigned)f->window_permille;
        o.current_permille = f->current_permille <= 1000 ? (unsigned)f->current_permille : 0;
    }
    return o;
}

static struct pager_faults faults_of(const struct pagemap_figures *f, enum fault_kind kind)
{
    return (struct pager_faults){
        .count = f->faults[kind],
        .p50 = latency_percentile(f->latency[kind], 50),
        .p90 = latency_percentile(f->latency[kind], 90),
        .p99 = latency_percentile(f->latency[kind], 99),
    };
}

static void view_sizes(const struct pager *p, struct pager_view *v)
{
    const struct pagemap_figures *f = &p->figures.now.figures;
    uint64_t left = p->size;

    /* Read while they change, they need not add up; what is missing was never touched. */
    for (int i = PAGE_STATE_MAX - 1; i > PAGE_ABSENT; i--) {
        v->bytes[i] = u64_min(state_bytes(p, (enum page_state)i), left);
        left -= v->bytes[i];
    }
    v->bytes[PAGE_ABSENT] = left;
    v->cache_payload = u64_min(f->cache_payload, p->size);
    v->cache_bytes = u64_min(f->cache_bytes, 2 * p->size);
    v->cache_limit = u64_min(f->cache_limit, p->size);
    v->cache_ratio =
        v->cache_payload ? (double)v->bytes[PAGE_COMPRESSED] / (double)v->cache_payload : 0;
    v->swap_size = u64_min(pages_bytes(f->slots), p->size);
    v->swap_used = u64_min(pages_bytes(f->slots_used), v->swap_size);
    v->allowed = f->allowed;
    v->memory = pager_own_memory(p);
}

static void view_counters(const struct pagemap_figures *f, struct pager_view *v)
{
    for (int i = 0; i < PAGE_STATE_MAX; i++) {
        v->evicted[i] = pages_bytes(f->evicted[i]);
        v->loaded[i] = pages_bytes(f->loaded[i]);
    }
    for (int i = 0; i < FAULT_KIND_MAX; i++)
        v->faults[i] = faults_of(f, (enum fault_kind)i);
    v->read_ahead = pages_bytes(f->read_ahead);
    v->discarded = pages_bytes(f->discarded);
    v->bytes_written = f->bytes_written;
    v->bytes_read = f->bytes_read;
    v->eviction_races = f->eviction_races;
    v->io_errors = f->io_errors;
    v->takeovers = f->takeovers;
}

static void view_sampling(const struct pagemap_figures *f, struct pager_view *v)
{
    v->sample_windows = f->sample_windows;
    v->sampled = f->sampled;
    v->touched = f->touched;
    v->active_permille = f->window_permille <= 1000 ? f->window_permille : UINT64_MAX;
    for (int i = 0; i < WORKING_SET_MAX; i++) {
        uint64_t permille = f->working_set_permille[i];

        v->working_set[i] =
            permille <= 1000 ? v->bytes[PAGE_RESIDENT] / 1000 * permille : UINT64_MAX;
    }
    v->sampling_cpu = f->sampling_cpu_usec;
}

static void view_map(const struct pager *p, struct pager_view *v)
{
    const struct pagemap_figures *f = &p->figures.now.figures;

    v->phase = f->phase < PAGER_PHASE_MAX ? (enum pager_phase)f->phase : PAGER_STARTING;
    v->parked = f->parked;
    v->out_rate = p->figures.out_rate;
    v->in_rate = p->figures.in_rate;
    v->write_rate = p->figures.write_rate;
    v->read_rate = p->figures.read_rate;
    view_sizes(p, v);
    view_counters(f, v);
    view_sampling(f, v);
    v->held = u64_min(pages_bytes(f->held_pages), p->size);
    v->held_at = u64_min(pages_bytes(f->held_page), p->size);
    v->held_errno = f->held_errno < 4096 ? (int)f->held_errno : 0;
}

bool pagers_view(const struct guest *guest, struct pager_view *ret)
{
    struct pager *p = guest->pager;

    *ret = (struct pager_view){.standing = PAGER_NONE};
    if (!p || p->standing == PAGER_NONE)
        return false;
    pager_refresh(p);
    *ret = (struct pager_view){
        .standing = p->standing,
        .error = p->blocked ? p->blocked : p->error,
        .pid = p->link ? pager_link_pid(p->link) : 0,
        .known = p->figures.known,
        .evicting = !p->blocked,
        .stopped = p->stopped,
    };
    if (ret->known)
        view_map(p, ret);
    return true;
}

bool pagers_page(const struct guest *guest, uint64_t address, uint64_t *number,
                 struct page_place *ret)
{
    const struct pager *p = guest->pager;
    struct pagemap_header h;
    autofd fd = p ? open_map(p, &h) : -1;
    uint64_t page;
    page_entry entry;

    if (fd < 0 || address < h.identity.ram_start)
        return false;
    page = (address - h.identity.ram_start) / PAGE_BYTES;
    if (page >= h.identity.ram_size / PAGE_BYTES ||
        pread(fd, &entry, sizeof(entry), (off_t)(h.header_bytes + page * sizeof(entry))) !=
            (ssize_t)sizeof(entry))
        return false;
    *number = page;
    *ret = page_place_of(entry);
    return ret->state < PAGE_STATE_MAX;
}

const COUNTER *pagers_latency(const struct guest *guest, enum fault_kind kind)
{
    struct pager *p = guest->pager;

    if (!p || p->standing == PAGER_NONE)
        return NULL;
    pager_refresh(p);
    return p->figures.known ? p->figures.now.figures.latency[kind] : NULL;
}
