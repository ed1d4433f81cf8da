/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/pagerview.h"

#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "core/units.h"
#include "lab/loop.h"
#include "pager/files.h"
#include "pager/map.h"

/* How long a pager may take to end after its guest. */
#define END_SECONDS 10.0
#define END_USEC    20000

struct pagerview {
    char *name;
    struct pager_files files;
    struct pagemap map;
    bool open;
    ino_t inode; /* of the map that is open */
};

struct pagerview *pagerview_new(const char *memory_directory, const char *name)
{
    struct pagerview *v = g_new0(struct pagerview, 1);

    v->name = g_strdup(name);
    v->files = pager_files_of(memory_directory, memory_directory, name);
    return v;
}

void pagerview_free(struct pagerview *v)
{
    if (!v)
        return;
    if (v->open)
        pagemap_close(&v->map);
    pager_files_clear(&v->files);
    g_free(v->name);
    g_free(v);
}

/* Opens the map, or the one that has replaced it. */
static void refresh(struct pagerview *v)
{
    struct pagemap map;
    struct stat st;

    if (stat(v->files.map, &st) < 0 || (v->open && st.st_ino == v->inode) ||
        pagemap_view(&map, v->files.map) < 0)
        return;
    if (v->open)
        pagemap_close(&v->map);
    v->map = map;
    v->inode = st.st_ino;
    v->open = true;
}

static uint64_t read_count(const COUNTER *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Of the states of a page that is out. */
static uint64_t sum_out(const COUNTER counters[PAGE_STATE_MAX])
{
    return read_count(&counters[PAGE_ZERO]) + read_count(&counters[PAGE_COMPRESSED]) +
           read_count(&counters[PAGE_SWAPPED]);
}

/* Latencies of faults on what was out, all kinds together. */
static void take_latencies(const struct pagemap_figures *f, struct pager_sample *ret)
{
    static const enum fault_kind kinds[] = {FAULT_ZERO, FAULT_COMPRESSED, FAULT_SWAPPED};
    COUNTER buckets[LATENCY_BUCKETS] = {0};

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        ret->faults += read_count(&f->faults[kinds[k]]);
        for (unsigned b = 0; b < LATENCY_BUCKETS; b++)
            count(&buckets[b], read_count(&f->latency[kinds[k]][b]));
    }
    ret->faults_swapped = read_count(&f->faults[FAULT_SWAPPED]);
    ret->fault_p50_usec = latency_percentile(buckets, 50);
    ret->fault_p99_usec = latency_percentile(buckets, 99);
}

void pagerview_look(struct pagerview *v, struct pager_sample *ret)
{
    const struct pagemap_figures *f;

    *ret = (struct pager_sample){0};
    refresh(v);
    if (!v->open)
        return;
    f = pagemap_figures(&v->map);
    ret->known = true;
    ret->zero = read_count(&f->pages[PAGE_ZERO]) * PAGE_BYTES;
    ret->compressed = read_count(&f->pages[PAGE_COMPRESSED]) * PAGE_BYTES;
    ret->swapped = read_count(&f->pages[PAGE_SWAPPED]) * PAGE_BYTES;
    ret->evicted = sum_out(f->evicted) * PAGE_BYTES;
    ret->swapped_out = read_count(&f->evicted[PAGE_SWAPPED]) * PAGE_BYTES;
    ret->compressed_out = ret->evicted - u64_min(ret->swapped_out, ret->evicted);
    ret->loaded = sum_out(f->loaded) * PAGE_BYTES;
    ret->discarded = read_count(&f->discarded) * PAGE_BYTES;
    ret->cache = read_count(&f->cache_bytes);
    ret->takeovers = read_count(&f->takeovers);
    ret->held_pages = read_count(&f->held_pages);
    ret->io_errors = read_count(&f->io_errors);
    ret->races = read_count(&f->eviction_races);
    take_latencies(f, ret);
}

/* A process id may come again: it counts only while a pager has it. */
static bool is_pager(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    const char *state;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !strstr(text, "(aerostat-pager)"))
        return false;
    state = strrchr(text, ')');
    return state && state[1] != '\0' && state[2] != 'Z';
}

pid_t pagerview_pid(struct pagerview *v)
{
    pid_t pid = 0;

    refresh(v);
    if (v->open)
        pid = (pid_t)atomic_load(&v->map.header->pager_pid);
    return pid > 0 && is_pager(pid) ? pid : 0;
}

void pagerview_end(struct pagerview *v)
{
    gint64 begin = g_get_monotonic_time();
    pid_t pid;

    while ((pid = pagerview_pid(v)) > 0) {
        if (loop_since(begin) > END_SECONDS) {
            log_warning("guest %s: its pager %d does not end; it is killed", v->name, (int)pid);
            (void)kill(pid, SIGKILL);
            return;
        }
        g_usleep(END_USEC);
    }
}
