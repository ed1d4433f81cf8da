/* SPDX-License-Identifier: Apache-2.0 */
/* The page map: what is stored is found again, by the next pager and by readers. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pager/map.h"
#include "scratch.h"

#define PAGES UINT64_C(5000)

struct fixture {
    char *directory, *path;
    struct pagemap_identity identity;
    struct pagemap map;
};

static void setup(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->directory = scratch_new("/dev/shm");
    f->path = scratch_path(f->directory, "guest.map");
    f->identity = scratch_identity(getpid(), 77, PAGES);
    g_assert_cmpint(pagemap_create(&f->map, f->path, &f->identity), ==, 0);
}

static void teardown(struct fixture *f, gconstpointer data)
{
    (void)data;
    pagemap_close(&f->map);
    g_free(f->path);
    scratch_remove(f->directory);
}

static uint64_t pages_in(const struct pagemap *map, enum page_state state)
{
    return atomic_load(&pagemap_figures(map)->pages[state]);
}

static void test_entries(void)
{
    static const struct page_place places[] = {
        {.state = PAGE_ABSENT},
        {.state = PAGE_RESIDENT, .cold = true},
        {.state = PAGE_COMPRESSED, .sampled = true, .length = 4096, .location = 123456789},
        {.state = PAGE_COMPRESSED, .length = 1, .location = (UINT64_C(1) << 43) - 1},
        {.state = PAGE_SWAPPED, .location = UINT64_C(1) << 42},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        struct page_place p = page_place_of(page_entry_make(places[i]));

        g_assert_cmpint(p.state, ==, places[i].state);
        g_assert_true(p.cold == places[i].cold && p.sampled == places[i].sampled);
        g_assert_cmpuint(p.length, ==, places[i].length);
        g_assert_cmpuint(p.location, ==, places[i].location);
    }
    for (unsigned i = 0; i < 64; i++)
        g_assert_nonnull(page_state_name(page_place_of(UINT64_C(1) << i | 7).state));
}

static void test_create(struct fixture *f, gconstpointer data)
{
    struct pagemap other = {.fd = -1};
    struct stat st;

    (void)data;
    g_assert_cmpint(stat(f->path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode, ==, S_IFREG | 0600);
    g_assert_cmpint(st.st_size, ==, PAGEMAP_HEADER_BYTES + PAGES * 8);
    g_assert_cmpint(st.st_blocks * 512, >=, st.st_size);
    g_assert_cmpuint(f->map.pages, ==, PAGES);
    g_assert_cmpuint(pages_in(&f->map, PAGE_ABSENT), ==, PAGES);
    g_assert_cmpint(atomic_load(&f->map.header->uffd), ==, -1);
    g_assert_cmpint(pagemap_get(&f->map, PAGES - 1).state, ==, PAGE_ABSENT);

    g_assert_cmpint(pagemap_create(&other, f->path, &f->identity), ==, -EEXIST);
    g_assert_cmpint(pagemap_open(&other, f->path), ==, -EBUSY);
    g_assert_cmpint(pagemap_open(&other, "/dev/shm/aerostat-is-not-there"), ==, -ENOENT);
}

static void test_reopen(struct fixture *f, gconstpointer data)
{
    struct page_place swapped = {.state = PAGE_SWAPPED, .location = 99};
    struct pagemap view, again;

    (void)data;
    pagemap_set(&f->map, 7, swapped);
    pagemap_set(&f->map, 8, (struct page_place){.state = PAGE_RESIDENT});
    pagemap_set(&f->map, 8, (struct page_place){.state = PAGE_RESIDENT, .cold = true});
    g_assert_cmpint(pagemap_view(&view, f->path), ==, 0);
    g_assert_cmpuint(pagemap_get(&view, 7).location, ==, 99);
    g_assert_cmpuint(pages_in(&view, PAGE_RESIDENT), ==, 1);
    g_assert_cmpuint(pages_in(&view, PAGE_ABSENT), ==, PAGES - 2);

    /* A pager that was killed before it had counted; and one that met a cosmic ray. */
    count(&pagemap_figures(&f->map)->pages[PAGE_ZERO], 12);
    atomic_store(&f->map.entries[9], UINT64_MAX);
    pagemap_close(&f->map);
    g_assert_cmpint(pagemap_open(&again, f->path), ==, 0);
    g_assert_cmpmem(&again.header->identity, sizeof(f->identity), &f->identity,
                    sizeof(f->identity));
    g_assert_cmpuint(pages_in(&again, PAGE_ZERO), ==, 0);
    g_assert_cmpuint(pages_in(&again, PAGE_SWAPPED), ==, 1);
    g_assert_cmpuint(pages_in(&again, PAGE_ABSENT), ==, PAGES - 3);
    pagemap_set(&again, 9, swapped);
    g_assert_cmpuint(pages_in(&view, PAGE_SWAPPED), ==, 2);
    pagemap_close(&again);
    pagemap_close(&view);
}

/* A file that is being removed is not opened as if it were there. */
static void test_removed(struct fixture *f, gconstpointer data)
{
    g_autofree char *link = scratch_path(f->directory, "link");
    struct pagemap other;

    (void)data;
    g_assert_cmpint(symlink(f->path, link), ==, 0);
    g_assert_cmpint(pagemap_open(&other, link), ==, -ELOOP);
    g_assert_cmpint(pagemap_view(&other, link), ==, -ELOOP);
    g_assert_cmpint(unlink(f->path), ==, 0);
    g_assert_cmpint(pagemap_open(&other, f->path), ==, -ENOENT);
    g_assert_cmpint(pagemap_view(&other, f->path), ==, -ENOENT);
}

static void change_header(struct fixture *f, size_t at, unsigned char byte)
{
    unsigned char *header = (unsigned char *)f->map.header;
    unsigned char kept = header[at];
    struct pagemap view;

    header[at] = byte;
    g_assert_cmpint(pagemap_view(&view, f->path), ==, -EBADMSG);
    header[at] = kept;
    g_assert_cmpint(pagemap_view(&view, f->path), ==, 0);
    pagemap_close(&view);
}

static void test_strange(struct fixture *f, gconstpointer data)
{
    struct pagemap_header *h = f->map.header;
    const off_t lengths[] = {0, 100, PAGEMAP_HEADER_BYTES, PAGEMAP_HEADER_BYTES + PAGES * 8 - 8,
                             PAGEMAP_HEADER_BYTES + PAGES * 8 + 8};
    struct pagemap other;

    (void)data;
    change_header(f, offsetof(struct pagemap_header, magic), 0);
    change_header(f, offsetof(struct pagemap_header, version), 99);
    change_header(f, offsetof(struct pagemap_header, header_bytes), 1);
    change_header(f, offsetof(struct pagemap_header, identity.ram_size), 1);
    change_header(f, offsetof(struct pagemap_header, identity.ram_size) + 2, 1);
    change_header(f, offsetof(struct pagemap_header, identity.ram_size) + 7, 0xff);
    memset(h->identity.name, 'x', sizeof(h->identity.name));
    g_assert_cmpint(pagemap_view(&other, f->path), ==, -EBADMSG);

    pagemap_close(&f->map);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_assert_cmpint(truncate(f->path, lengths[i]), ==, 0);
        g_assert_cmpint(pagemap_view(&other, f->path), ==, -EBADMSG);
        g_assert_cmpint(pagemap_open(&other, f->path), ==, -EBADMSG);
    }
    g_assert_cmpint(unlink(f->path), ==, 0);
    g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
    g_assert_cmpint(pagemap_view(&other, f->path), ==, -EBADMSG);
}

/* Each of several threads sets pages of its own; the counts come out right. */
struct setter {
    struct pagemap *map;
    unsigned first, threads;
};

#define SETTERS 4

static void *setter_main(void *data)
{
    struct setter *s = data;
    unsigned random = s->first + 1;

    for (unsigned i = 0; i < 100000; i++) {
        random = random * 1103515245 + 12345;
        pagemap_set(s->map, (random >> 8) % (PAGES / s->threads) * s->threads + s->first,
                    (struct page_place){.state = (random >> 4) % PAGE_STATE_MAX});
        count(&pagemap_figures(s->map)->discarded, 1);
        pagemap_count_fault(s->map, random % FAULT_KIND_MAX, random >> 16);
    }
    return NULL;
}

static void test_threads(struct fixture *f, gconstpointer data)
{
    pthread_t threads[SETTERS];
    struct setter setters[SETTERS];
    uint64_t counts[PAGE_STATE_MAX] = {0};

    (void)data;
    for (unsigned i = 0; i < SETTERS; i++) {
        setters[i] = (struct setter){&f->map, i, SETTERS};
        g_assert_cmpint(pthread_create(&threads[i], NULL, setter_main, &setters[i]), ==, 0);
    }
    for (unsigned i = 0; i < SETTERS; i++)
        g_assert_cmpint(pthread_join(threads[i], NULL), ==, 0);
    for (uint64_t i = 0; i < PAGES; i++)
        counts[pagemap_get(&f->map, i).state]++;
    for (unsigned i = 0; i < PAGE_STATE_MAX; i++)
        g_assert_cmpuint(pages_in(&f->map, i), ==, counts[i]);
    g_assert_cmpuint(atomic_load(&pagemap_figures(&f->map)->discarded), ==, SETTERS * 100000);
}

/* A pager that is killed leaves a map that is right, and no lock. */
static void test_killed(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = scratch_path(f->directory, "killed.map");
    struct pagemap map;
    int ready[2];
    char byte;
    pid_t pid;

    (void)data;
    g_assert_cmpint(pipe(ready), ==, 0);
    pid = fork();
    if (pid == 0) {
        if (pagemap_create(&map, path, &f->identity) == 0) {
            pagemap_set(&map, 3, (struct page_place){.state = PAGE_ZERO});
            (void)!write(ready[1], "x", 1);
        }
        (void)close(ready[1]);
        for (;;)
            pause();
    }
    (void)close(ready[1]);
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    (void)close(ready[0]);
    g_assert_cmpint(pagemap_open(&map, path), ==, -EBUSY);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    g_assert_cmpint(pagemap_open(&map, path), ==, 0);
    g_assert_cmpint(pagemap_get(&map, 3).state, ==, PAGE_ZERO);
    pagemap_close(&map);
}

static double percentile_of(const usec_t *usec, size_t n, double percent)
{
    g_autofree struct pagemap_header *header = g_new0(struct pagemap_header, 1);
    struct pagemap map = {.header = header};

    for (size_t i = 0; i < n; i++)
        pagemap_count_fault(&map, FAULT_SWAPPED, usec[i]);
    g_assert_cmpuint(atomic_load(&header->figures.faults[FAULT_SWAPPED]), ==, n);
    return latency_percentile(header->figures.latency[FAULT_SWAPPED], percent);
}

static void test_latency(void)
{
    const usec_t few[] = {10, 20, 30, 40, 1000}, none = 0, for_ever = UINT64_MAX;

    g_assert_cmpfloat(percentile_of(NULL, 0, 50), ==, 0);
    g_assert_cmpfloat(percentile_of(few, 5, 0), >=, 10);
    g_assert_cmpfloat(percentile_of(few, 5, 0), <=, 10 * 1.19);
    g_assert_cmpfloat(percentile_of(few, 5, 50), >=, 30);
    g_assert_cmpfloat(percentile_of(few, 5, 50), <=, 30 * 1.19);
    g_assert_cmpfloat(percentile_of(few, 5, 80), <=, 40 * 1.19);
    g_assert_cmpfloat(percentile_of(few, 5, 81), >=, 1000);
    g_assert_cmpfloat(percentile_of(few, 5, 100), <=, 1000 * 1.19);
    g_assert_cmpfloat(percentile_of(&none, 1, 50), >, 0);
    g_assert_cmpfloat(percentile_of(&none, 1, 50), <, 1.2);
    g_assert_cmpfloat(percentile_of(&for_ever, 1, 50), ==, 1 << LATENCY_BUCKETS / 4);
    /* Every length is in a bucket that ends above it, by less than a quarter of an octave. */
    for (usec_t usec = 1; usec < UINT64_C(1) << 24; usec += 1 + usec / 50) {
        double end = percentile_of(&usec, 1, 50);

        g_assert_cmpfloat(end, >, (double)usec);
        g_assert_cmpfloat(end, <=, (double)usec * 1.18921);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/map/entries", test_entries);
    g_test_add_func("/map/latency", test_latency);
    g_test_add("/map/create", struct fixture, NULL, setup, test_create, teardown);
    g_test_add("/map/reopen", struct fixture, NULL, setup, test_reopen, teardown);
    g_test_add("/map/removed", struct fixture, NULL, setup, test_removed, teardown);
    g_test_add("/map/strange", struct fixture, NULL, setup, test_strange, teardown);
    g_test_add("/map/threads", struct fixture, NULL, setup, test_threads, teardown);
    g_test_add("/map/killed", struct fixture, NULL, setup, test_killed, teardown);
    return g_test_run();
}
