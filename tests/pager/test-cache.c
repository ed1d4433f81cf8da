/* SPDX-License-Identifier: Apache-2.0 */
/* The compression cache: what goes in comes out, and memory comes back. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "content.h"
#include "pager/cache.h"
#include "pager/claims.h"
#include "pager/segments.h"
#include "scratch.h"
#include "tests/random.h"

#define PAGES  3000
#define PLENTY (64 * MIB)

struct fixture {
    char *directory, *map_path, *path;
    struct pagemap map;
    struct cache *cache;
};

static void setup(struct fixture *f, gconstpointer data)
{
    struct pagemap_identity identity = scratch_identity(1, 1, PAGES);

    (void)data;
    f->directory = scratch_new("/dev/shm");
    f->map_path = scratch_path(f->directory, "guest.map");
    f->path = scratch_path(f->directory, "guest.cache");
    g_assert_cmpint(pagemap_create(&f->map, f->map_path, &identity), ==, 0);
    g_assert_cmpint(cache_open(&f->cache, f->path, &f->map, PLENTY), ==, 0);
}

static void teardown(struct fixture *f, gconstpointer data)
{
    (void)data;
    cache_close(f->cache);
    pagemap_close(&f->map);
    g_free(f->map_path);
    g_free(f->path);
    scratch_remove(f->directory);
}

static void reopen(struct fixture *f)
{
    uint64_t limit = atomic_load(&pagemap_figures(&f->map)->cache_limit);

    cache_close(f->cache);
    g_assert_cmpint(cache_open(&f->cache, f->path, &f->map, limit), ==, 0);
}

static uint64_t memory_of(const struct fixture *f)
{
    struct stat st;

    g_assert_cmpint(stat(f->path, &st), ==, 0);
    return (uint64_t)st.st_blocks * 512;
}

static void assert_figures(const struct fixture *f)
{
    const struct pagemap_figures *figures = pagemap_figures(&f->map);
    uint64_t payload = 0;

    for (uint64_t page = 0; page < PAGES; page++)
        payload += pagemap_get(&f->map, page).length;
    g_assert_cmpuint(atomic_load(&figures->cache_payload), ==, payload);
    g_assert_cmpuint(atomic_load(&figures->cache_bytes), ==, memory_of(f));
}

static void forget(struct fixture *f, uint64_t page)
{
    struct page_place old = pagemap_get(&f->map, page);

    pagemap_set(&f->map, page, (struct page_place){.state = PAGE_RESIDENT});
    cache_drop(f->cache, page, old);
}

static void fill_random(GRand *random, void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)g_rand_int(random);
}

static void test_compress(void)
{
    unsigned char page[PAGE_BYTES] = {0}, out[PAGE_BYTES];
    g_autoptr(GRand) random = random_seeded();

    g_assert_cmpuint(cache_compress(page, out, sizeof(out)), >, 0);
    g_assert_cmpuint(cache_compress(page, out, sizeof(out)), <, 64);
    g_assert_cmpuint(cache_compress(page, out, 4), ==, 0);
    fill_random(random, page, sizeof(page) / 3);
    g_assert_cmpuint(cache_compress(page, out, sizeof(out)), >, sizeof(page) / 3);
    fill_random(random, page, sizeof(page) * 3 / 5);
    g_assert_cmpuint(cache_compress(page, out, sizeof(out)), ==, 0);
}

/* Random words that repeat look random, and after many random pages few are tried; yet after a few
 * the compressible ones are found. */
static void test_compress_repeated(void)
{
    unsigned char page[PAGE_BYTES], out[PAGE_BYTES];
    g_autoptr(GRand) random = random_seeded();
    unsigned compressed = 0;

    for (unsigned i = 0; i < 500; i++) {
        fill_random(random, page, sizeof(page));
        g_assert_cmpuint(cache_compress(page, out, sizeof(out)), ==, 0);
    }
    memcpy(page + PAGE_BYTES / 4, page, PAGE_BYTES / 4);
    memcpy(page + PAGE_BYTES / 2, page, PAGE_BYTES / 2);
    for (unsigned i = 0; i < 500; i++)
        compressed += cache_compress(page, out, sizeof(out)) > 0;
    g_assert_cmpuint(compressed, >, 450);
}

static void test_one(struct fixture *f, gconstpointer data)
{
    unsigned char page[PAGE_BYTES], got[PAGE_BYTES];
    struct page_place old;

    (void)data;
    for (unsigned version = 0; version < 20; version++) {
        old = pagemap_get(&f->map, 5);
        content_make(page, 5, version);
        content_put(f->cache, &f->map, 5, version, CACHE_EVICTED);
        if (version > 0)
            cache_drop(f->cache, 5, old);
        g_assert_cmpint(cache_get(f->cache, 5, pagemap_get(&f->map, 5), got), ==, 0);
        g_assert_cmpmem(got, PAGE_BYTES, page, PAGE_BYTES);
        assert_figures(f);
    }
    old = pagemap_get(&f->map, 5);
    forget(f, 5);
    cache_drop(f->cache, 5, old); /* once too often: not counted */
    assert_figures(f);
    g_assert_cmpuint(memory_of(f), <=, SEGMENT_BYTES);
}

static void test_limit(struct fixture *f, gconstpointer data)
{
    uint64_t offset, oldest[100];
    char bytes[CACHE_LENGTH_MAX] = {0};
    uint64_t page = 0;

    (void)data;
    cache_set_limit(f->cache, 0);
    g_assert_cmpint(cache_put(f->cache, 0, bytes, 100, CACHE_EVICTED, &offset), ==, -ENOSPC);
    g_assert_cmpuint(memory_of(f), ==, 0);
    cache_set_limit(f->cache, 4 * SEGMENT_BYTES);
    while (page < PAGES && content_try_put(f->cache, &f->map, page, 0, CACHE_EVICTED) == 0)
        page++;
    g_assert_cmpuint(page, >, 4 * SEGMENT_BYTES / (PAGE_BYTES + 16) - 4);
    g_assert_cmpuint(page, <, PAGES);
    g_assert_cmpuint(memory_of(f), ==, 4 * SEGMENT_BYTES);
    g_assert_cmpuint(cache_excess(f->cache), ==, 0);

    /* Samples pass, and their memory does not push others out. */
    for (unsigned i = 0; i < 100; i++)
        content_put(f->cache, &f->map, page++, 0, CACHE_SAMPLED);
    g_assert_cmpuint(memory_of(f), >, 4 * SEGMENT_BYTES);
    g_assert_cmpuint(cache_excess(f->cache), ==, 0);
    for (unsigned i = 0; i < 100; i++)
        forget(f, --page);
    g_assert_cmpuint(memory_of(f), <=, 5 * SEGMENT_BYTES);

    cache_set_limit(f->cache, SEGMENT_BYTES);
    while (cache_excess(f->cache) > 0) {
        size_t n = cache_oldest(f->cache, oldest, G_N_ELEMENTS(oldest));

        g_assert_cmpuint(n, >, 0);
        for (size_t i = 0; i < n; i++)
            forget(f, oldest[i]);
    }
    g_assert_cmpuint(memory_of(f), <=, SEGMENT_BYTES);
    assert_figures(f);
}

/* The oldest come first, in the order in which they were put; over a takeover as well. */
static void test_oldest(struct fixture *f, gconstpointer data)
{
    uint64_t expected = 0, pages[7];
    size_t n;

    (void)data;
    g_assert_cmpuint(cache_oldest(f->cache, pages, 7), ==, 0);
    /* The segments that these leave are used again from the last to the first. */
    for (uint64_t page = 0; page < PAGES; page++)
        content_put(f->cache, &f->map, page, 0, CACHE_EVICTED);
    for (uint64_t page = 0; page < PAGES; page++)
        forget(f, page);
    for (uint64_t page = 0; page < PAGES; page++) {
        content_put(f->cache, &f->map, page, 1, CACHE_EVICTED);
        if (page == PAGES / 2)
            reopen(f);
    }
    while ((n = cache_oldest(f->cache, pages, G_N_ELEMENTS(pages))) > 0) {
        for (size_t i = 0; i < n; i++) {
            g_assert_cmpuint(pages[i], ==, expected++);
            forget(f, pages[i]);
        }
        if (expected % 1001 == 0)
            reopen(f);
    }
    g_assert_cmpuint(expected, ==, PAGES);
    g_assert_cmpuint(memory_of(f), ==, 0);
    assert_figures(f);
}

/* Records that are put but not yet named by the map hide nothing behind them. */
static void test_unnamed(struct fixture *f, gconstpointer data)
{
    struct page_place place = {.state = PAGE_COMPRESSED, .length = PAGE_BYTES};
    unsigned char page[PAGE_BYTES];
    uint64_t pages[4];

    (void)data;
    content_make(page, 1, 0);
    for (unsigned i = 0; i < 50; i++)
        g_assert_cmpint(cache_put(f->cache, 1, page, PAGE_BYTES, CACHE_EVICTED, &place.location),
                        ==, 0);
    g_assert_cmpuint(cache_oldest(f->cache, pages, 4), ==, 0);
    content_put(f->cache, &f->map, 2, 0, CACHE_EVICTED);
    g_assert_cmpuint(cache_oldest(f->cache, pages, 4), ==, 1);
    g_assert_cmpuint(pages[0], ==, 2);
    reopen(f); /* and a takeover frees them */
    g_assert_cmpuint(memory_of(f), ==, SEGMENT_BYTES);
    content_check(f->cache, &f->map, 2);
}

static void test_compaction(struct fixture *f, gconstpointer data)
{
    uint64_t pages[64], moved = 0, page = 1;

    (void)data;
    for (uint64_t i = 0; i < PAGES; i++)
        content_put(f->cache, &f->map, i, 0, CACHE_EVICTED);
    g_assert_false(cache_wants_compaction(f->cache));
    for (uint64_t i = 0; i < PAGES; i++) {
        if (i % 10 != 0)
            forget(f, i);
    }
    g_assert_true(cache_wants_compaction(f->cache));
    cache_set_limit(f->cache, memory_of(f)); /* reached, but not for what is there already */
    while (cache_wants_compaction(f->cache)) {
        size_t n = cache_oldest(f->cache, pages, G_N_ELEMENTS(pages));

        g_assert_cmpuint(n, >, 0);
        for (size_t i = 0; i < n; i++, moved++) {
            struct page_place old = pagemap_get(&f->map, pages[i]);

            content_put(f->cache, &f->map, pages[i], 1, CACHE_RENEWED);
            cache_drop(f->cache, pages[i], old);
        }
    }
    g_assert_cmpuint(moved, <=, PAGES / 10);
    cache_set_limit(f->cache, memory_of(f));
    while (content_try_put(f->cache, &f->map, page, 1, CACHE_EVICTED) == 0)
        page += 10;
    g_assert_cmpuint(page, <, PAGES);
    g_assert_cmpuint(cache_excess(f->cache), ==, 0);
    for (uint64_t i = 0; i < PAGES; i += 10)
        content_check(f->cache, &f->map, i);
    assert_figures(f);
}

/* Whatever an entry says, get answers, and touches no memory that is not in use. */
static void test_garbage(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) random = random_seeded();
    unsigned char page[PAGE_BYTES];
    uint64_t memory;

    (void)data;
    for (uint64_t i = 0; i < 100; i++)
        content_put(f->cache, &f->map, i, 0, CACHE_EVICTED);
    memory = memory_of(f);
    for (unsigned i = 0; i < 200000; i++) {
        page_entry entry = (page_entry)g_rand_int(random) << 32 | g_rand_int(random);
        struct page_place place = page_place_of(entry);

        if (i % 2)
            place.location %= memory + SEGMENT_BYTES;
        if (i % 4 == 3)
            place.state = PAGE_COMPRESSED;
        if (i % 8 == 7)
            place.location &= ~UINT64_C(15);
        g_assert_cmpint(cache_get(f->cache, i % 200, place, page), ==, -EBADMSG);
        cache_drop(f->cache, i % 200, place);
    }
    g_assert_cmpuint(memory_of(f), ==, memory);
    for (uint64_t i = 0; i < 100; i++)
        content_check(f->cache, &f->map, i);

    /* The same from a map that was damaged: the cache opens, and has what is right. */
    for (uint64_t i = 50; i < PAGES; i++) {
        struct page_place place = {.state = PAGE_COMPRESSED,
                                   .length = (unsigned)g_rand_int_range(random, 0, 4097),
                                   .location = g_rand_int(random)};

        pagemap_set(&f->map, i, place);
    }
    reopen(f);
    g_assert_cmpuint(memory_of(f), <=, memory);
    for (uint64_t i = 0; i < 50; i++)
        content_check(f->cache, &f->map, i);
    g_assert_cmpint(cache_get(f->cache, 60, pagemap_get(&f->map, 60), page), ==, -EBADMSG);
}

static void test_damaged(struct fixture *f, gconstpointer data)
{
    autofd fd = open(f->path, O_RDWR | O_CLOEXEC);
    unsigned char page[PAGE_BYTES];
    struct page_place place;

    (void)data;
    for (unsigned version = 0; version < 8; version++) {
        content_put(f->cache, &f->map, 1, version, CACHE_EVICTED);
        place = pagemap_get(&f->map, 1);
        for (unsigned at = 0; at < place.length; at += 97) {
            off_t offset = (off_t)(place.location + 16 + at);
            unsigned char byte, flipped;

            g_assert_cmpint(pread(fd, &byte, 1, offset), ==, 1);
            flipped = byte ^ (unsigned char)(1 << at % 8);
            g_assert_cmpint(pwrite(fd, &flipped, 1, offset), ==, 1);
            g_assert_cmpint(cache_get(f->cache, 1, place, page), ==, -EBADMSG);
            g_assert_cmpint(pwrite(fd, &byte, 1, offset), ==, 1);
            g_assert_cmpint(cache_get(f->cache, 1, place, page), ==, 0);
        }
        forget(f, 1);
    }
}

static void test_random(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) random = random_seeded();

    (void)data;
    for (unsigned i = 0; i < 30000; i++) {
        uint64_t page = (uint64_t)g_rand_int_range(random, 0, PAGES);
        struct page_place old = pagemap_get(&f->map, page);

        if (old.state != PAGE_COMPRESSED)
            content_put(f->cache, &f->map, page, i,
                        (enum cache_reason)g_rand_int_range(random, 0, 3));
        else if (g_rand_int_range(random, 0, 4) == 0)
            forget(f, page);
        else
            content_check(f->cache, &f->map, page);
        if (g_rand_int_range(random, 0, 3000) == 0)
            reopen(f);
        if (i % 1000 == 0)
            assert_figures(f);
    }
    for (uint64_t page = 0; page < PAGES; page++) {
        content_check(f->cache, &f->map, page);
        forget(f, page);
    }
    reopen(f);
    g_assert_cmpuint(memory_of(f), ==, 0);
}

/* One thread puts pages in and moves the oldest on, another takes them back as they are touched. */
struct storm {
    struct fixture *f;
    struct claims *claims;
    _Atomic bool over;
};

static void *toucher_main(void *data)
{
    struct storm *s = data;
    unsigned random = 1;

    while (!atomic_load(&s->over)) {
        uint64_t page;

        random = random * 1103515245 + 12345;
        page = (random >> 8) % PAGES;
        if (!claims_take(s->claims, page))
            continue;
        content_check(s->f->cache, &s->f->map, page);
        if (pagemap_get(&s->f->map, page).state == PAGE_COMPRESSED)
            forget(s->f, page);
        claims_give(s->claims, page);
    }
    return NULL;
}

static void move_oldest(struct storm *s)
{
    uint64_t pages[64];
    size_t n = cache_oldest(s->f->cache, pages, G_N_ELEMENTS(pages));

    for (size_t i = 0; i < n; i++) {
        if (!claims_take(s->claims, pages[i]))
            continue;
        if (pagemap_get(&s->f->map, pages[i]).state == PAGE_COMPRESSED)
            forget(s->f, pages[i]);
        claims_give(s->claims, pages[i]);
    }
}

static void test_threads(struct fixture *f, gconstpointer data)
{
    struct storm s = {.f = f, .claims = claims_new(PAGES)};
    pthread_t threads[2];

    (void)data;
    cache_set_limit(f->cache, 20 * SEGMENT_BYTES);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, toucher_main, &s), ==, 0);
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t page = i * 7919 % PAGES;

        if (claims_take(s.claims, page)) {
            if (pagemap_get(&f->map, page).state != PAGE_COMPRESSED)
                content_try_put(f->cache, &f->map, page, i,
                                i % 100 == 0 ? CACHE_SAMPLED : CACHE_EVICTED);
            claims_give(s.claims, page);
        }
        while (i % 100 == 0 && (cache_excess(f->cache) > 0 || cache_wants_compaction(f->cache)))
            move_oldest(&s);
        if (i % 500 == 0) {
            move_oldest(&s);
            sched_yield();
        }
    }
    atomic_store(&s.over, true);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_join(threads[i], NULL), ==, 0);
    claims_free(s.claims);
    for (uint64_t page = 0; page < PAGES; page++)
        content_check(f->cache, &f->map, page);
    assert_figures(f);
}

/* In a mount namespace of its own; exits 0, or 77 where that is not allowed. */
static void fill_tmpfs(struct fixture *f)
{
    struct pagemap_identity identity = scratch_identity(1, 1, PAGES);
    struct pagemap other;
    uint64_t page = 0;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", f->directory, "tmpfs", 0, "size=1m") < 0)
        _exit(77);
    cache_close(f->cache);
    g_assert_cmpint(cache_open(&f->cache, f->path, &f->map, PLENTY), ==, 0);
    while (page < PAGES && content_try_put(f->cache, &f->map, page, 0, CACHE_SAMPLED) == 0)
        page++;
    g_assert_cmpuint(page, >, 100);
    g_assert_cmpuint(page, <, PAGES);
    g_assert_cmpint(content_try_put(f->cache, &f->map, page, 0, CACHE_EVICTED), ==, -ENOSPC);
    assert_figures(f);
    g_assert_cmpint(pagemap_create(&other, f->map_path, &identity), ==, -ENOSPC);
    g_assert_cmpint(access(f->map_path, F_OK), ==, -1);
    for (uint64_t i = 0; i < page; i++) {
        content_check(f->cache, &f->map, i);
        forget(f, i);
    }
    g_assert_cmpuint(memory_of(f), <=, SEGMENT_BYTES);
    content_put(f->cache, &f->map, page, 0, CACHE_EVICTED);
    _exit(0);
}

static void test_full(struct fixture *f, gconstpointer data)
{
    int status;
    pid_t pid = fork();

    (void)data;
    if (pid == 0)
        fill_tmpfs(f);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("no right to mount a small tmpfs");
    else
        g_assert_cmpint(status, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/compress", test_compress);
    g_test_add_func("/cache/compress-repeated", test_compress_repeated);
    g_test_add("/cache/one", struct fixture, NULL, setup, test_one, teardown);
    g_test_add("/cache/limit", struct fixture, NULL, setup, test_limit, teardown);
    g_test_add("/cache/oldest", struct fixture, NULL, setup, test_oldest, teardown);
    g_test_add("/cache/unnamed", struct fixture, NULL, setup, test_unnamed, teardown);
    g_test_add("/cache/compaction", struct fixture, NULL, setup, test_compaction, teardown);
    g_test_add("/cache/garbage", struct fixture, NULL, setup, test_garbage, teardown);
    g_test_add("/cache/damaged", struct fixture, NULL, setup, test_damaged, teardown);
    g_test_add("/cache/random", struct fixture, NULL, setup, test_random, teardown);
    g_test_add("/cache/threads", struct fixture, NULL, setup, test_threads, teardown);
    g_test_add("/cache/full", struct fixture, NULL, setup, test_full, teardown);
    return g_test_run();
}
