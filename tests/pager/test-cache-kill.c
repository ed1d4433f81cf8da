/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that moves pages in and out of the cache is killed at random, again and again. Each
 * time, the next one finds every page that the map names whole, and in the version that was put
 * last: the one that was reported as done, or the one that was under way.
 */
#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "content.h"
#include "pager/segments.h"
#include "scratch.h"
#include "tests/random.h"

#define PAGES  800
#define ROUNDS 300
#define LIMIT  (8 * SEGMENT_BYTES)

/* What the victim says, in memory that outlives it. */
struct log {
    _Atomic uint64_t operations;
    struct {
        _Atomic uint64_t begun, done; /* versions; 0: not in the cache */
    } pages[PAGES];
};

struct paths {
    char *map, *cache;
};

static void put(struct cache *cache, struct pagemap *map, struct log *log, uint64_t page,
                uint64_t version)
{
    struct page_place old = pagemap_get(map, page);

    atomic_store(&log->pages[page].begun, version);
    if (content_try_put(cache, map, page, version, version % 3) == 0) {
        atomic_store(&log->pages[page].done, version);
        if (old.state == PAGE_COMPRESSED)
            cache_drop(cache, page, old);
    } else {
        atomic_store(&log->pages[page].begun, atomic_load(&log->pages[page].done));
    }
}

static void drop(struct cache *cache, struct pagemap *map, struct log *log, uint64_t page)
{
    struct page_place old = pagemap_get(map, page);

    if (old.state != PAGE_COMPRESSED)
        return;
    atomic_store(&log->pages[page].begun, 0);
    pagemap_set(map, page, (struct page_place){.state = PAGE_RESIDENT});
    atomic_store(&log->pages[page].done, 0);
    cache_drop(cache, page, old);
}

/* Never returns. */
static void victim_main(const struct paths *paths, struct log *log, unsigned random)
{
    uint64_t pages[64];
    struct cache *cache;
    struct pagemap map;

    if (pagemap_open(&map, paths->map) < 0 || cache_open(&cache, paths->cache, &map, LIMIT) < 0)
        abort();
    for (;;) {
        uint64_t operation = atomic_fetch_add(&log->operations, 1) + 1;

        random = random * 1103515245 + 12345;
        if (random >> 28 < 4)
            drop(cache, &map, log, (random >> 8) % PAGES);
        else
            put(cache, &map, log, (random >> 8) % PAGES, operation);
        if (cache_excess(cache) > 0 || cache_wants_compaction(cache)) {
            size_t n = cache_oldest(cache, pages, G_N_ELEMENTS(pages));

            for (size_t i = 0; i < n; i++) {
                if (cache_excess(cache) > 0)
                    drop(cache, &map, log, pages[i]);
                else
                    put(cache, &map, log, pages[i], operation);
            }
        }
    }
}

static void run_and_kill(const struct paths *paths, struct log *log, GRand *random)
{
    uint64_t operations =
        atomic_load(&log->operations) + 1 + (uint64_t)g_rand_int_range(random, 0, 500);
    guint32 seed = g_rand_int(random);
    gint32 spin = g_rand_int_range(random, 0, 20000);
    int status;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        victim_main(paths, log, seed);
    while (atomic_load(&log->operations) < operations) {
        g_assert_cmpint(waitpid(pid, &status, WNOHANG), ==, 0);
        usleep(100);
    }
    for (volatile gint32 i = 0; i < spin; i++)
        ;
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

/* Returns how many pages were in the cache. */
static unsigned check(const struct paths *paths, struct log *log)
{
    unsigned found = 0;
    struct cache *cache;
    struct pagemap map;
    struct stat st;

    g_assert_cmpint(pagemap_open(&map, paths->map), ==, 0);
    g_assert_cmpint(cache_open(&cache, paths->cache, &map, LIMIT), ==, 0);
    for (uint64_t page = 0; page < PAGES; page++) {
        uint64_t begun = atomic_load(&log->pages[page].begun);
        uint64_t done = atomic_load(&log->pages[page].done);
        uint64_t version = content_check(cache, &map, page);

        g_assert_true(version == begun || version == done);
        found += version > 0;
        atomic_store(&log->pages[page].begun, version);
        atomic_store(&log->pages[page].done, version);
    }
    g_assert_cmpint(stat(paths->cache, &st), ==, 0);
    g_assert_cmpuint((uint64_t)st.st_blocks * 512, ==,
                     atomic_load(&pagemap_figures(&map)->cache_bytes));
    cache_close(cache);
    pagemap_close(&map);
    return found;
}

static void test_kill(void)
{
    g_autoptr(GRand) random = random_seeded();
    char *directory = scratch_new("/dev/shm");
    struct pagemap_identity identity = scratch_identity(1, 1, PAGES);
    struct paths paths = {scratch_path(directory, "guest.map"),
                          scratch_path(directory, "guest.cache")};
    struct log *log =
        mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned found = 0;
    struct pagemap map;

    g_assert_true(log != MAP_FAILED);
    g_assert_cmpint(pagemap_create(&map, paths.map, &identity), ==, 0);
    pagemap_close(&map);
    for (unsigned round = 0; round < ROUNDS; round++) {
        run_and_kill(&paths, log, random);
        found += check(&paths, log);
    }
    g_assert_cmpuint(found, >, ROUNDS);
    g_test_message("%" G_GUINT64_FORMAT " operations, %u pages were checked",
                   atomic_load(&log->operations), found);
    (void)munmap(log, sizeof(*log));
    g_free(paths.map);
    g_free(paths.cache);
    scratch_remove(directory);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/kill", test_kill);
    return g_test_run();
}
