/* SPDX-License-Identifier: Apache-2.0 */
/* Private memory of a real process is put out to a real swap file, while it is written and read. */
#include "host/pageout.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/units.h"
#include "host/meminfo.h"
#include "host/pageout_choose.h"
#include "swapspace.h"
#include "tests/random.h"

#define SWAP_MIB 512
#define SIZE     (48 * MIB)
#define PAGES    (SIZE / PAGEOUT_PAGE)
#define WRITERS  2

/* What is said between the test and the process that owns the memory. */
struct shared {
    _Atomic uint64_t start; /* of its memory; 0: not ready */
    atomic_bool write, verify;
    _Atomic uint64_t writes, wrong, verified;
};

struct bed {
    struct shared *shared;
    pid_t pid;
    struct pageout process;
    struct pageout_choice choice;
};

enum kind {
    SMALL,     /* pages */
    HUGE,      /* pages, where the kernel has them */
    UNTOUCHED, /* never written */
    LOCKED,
    TWICE, /* shared with a child of the process */
};

/* --- the process --- */

/* A page: in each of its words its number and version. */
static void fill(uint64_t *page, uint64_t number, uint64_t version)
{
    for (size_t i = 0; i < PAGEOUT_PAGE / sizeof(*page); i++)
        page[i] = (number << 32 | version) * UINT64_C(0x9e3779b97f4a7c15) + i;
}

static bool right(const uint64_t *page, uint64_t number, uint64_t version)
{
    for (size_t i = 0; i < PAGEOUT_PAGE / sizeof(*page); i++)
        if (page[i] != (number << 32 | version) * UINT64_C(0x9e3779b97f4a7c15) + i)
            return false;
    return true;
}

struct writer {
    struct shared *shared;
    uint64_t *memory;
    unsigned index;
};

/* Every page is one writer's. */
static void *write_and_verify(void *data)
{
    const struct writer *w = data;
    struct shared *s = w->shared;
    uint32_t *versions = g_new0(uint32_t, PAGES);
    uint64_t random = w->index + 1;

    for (;;) {
        while (!s->write && !s->verify)
            g_usleep(200);
        if (s->write) {
            uint64_t n;

            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            n = (random >> 33) % PAGES / WRITERS * WRITERS + w->index;
            s->wrong += !right(w->memory + n * 512, n, versions[n]);
            if (random & 1 << 20)
                fill(w->memory + n * 512, n, ++versions[n]);
            s->writes++;
            continue;
        }
        for (uint64_t n = w->index; n < PAGES; n += WRITERS)
            s->wrong += !right(w->memory + n * 512, n, versions[n]);
        s->verified++;
        while (s->verify)
            g_usleep(200);
    }
    return NULL;
}

static G_NORETURN void be_process(struct shared *shared, enum kind kind)
{
    uint64_t *memory;
    struct writer writers[WRITERS];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)madvise(memory, SIZE, kind == HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    if (kind == LOCKED)
        (void)syscall(SYS_mlock, memory, SIZE); /* mlock() does nothing under a sanitizer */
    for (uint64_t n = 0; n < PAGES && kind != UNTOUCHED; n++)
        fill(memory + n * 512, n, 0);
    if (kind == TWICE && fork() == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        shared->start = (uint64_t)memory;
        for (;;)
            pause();
    }
    for (unsigned i = 0; i < WRITERS && kind != TWICE; i++) {
        pthread_t thread;

        writers[i] = (struct writer){shared, memory, i};
        (void)pthread_create(&thread, NULL, write_and_verify, &writers[i]);
    }
    if (kind != TWICE)
        shared->start = (uint64_t)memory;
    for (;;)
        pause();
}

/* --- the test --- */

static void bed_init(struct bed *b, enum kind kind)
{
    g_autoptr(GRand) random = random_seeded();

    *b = (struct bed){.process = PAGEOUT_CLOSED};
    b->shared =
        mmap(NULL, sizeof(*b->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    b->pid = fork();
    if (b->pid == 0)
        be_process(b->shared, kind);
    while (!b->shared->start)
        g_usleep(1000);
    g_assert_cmpint(pageout_open(&b->process, "", b->pid), ==, 0);
    b->choice.ranges[0] =
        (struct ram_range){.start = b->shared->start, .end = b->shared->start + SIZE};
    b->choice.n = 1;
    b->choice.random = g_rand_int(random);
}

static void end_process(struct bed *b)
{
    (void)kill(b->pid, SIGKILL);
    (void)waitpid(b->pid, NULL, 0);
}

static void bed_deinit(struct bed *b)
{
    end_process(b);
    pageout_close(&b->process);
    (void)munmap(b->shared, sizeof(*b->shared));
}

static bool no_swap(void)
{
    if (swapspace_missing())
        g_test_skip(swapspace_missing());
    return swapspace_missing();
}

static void verify(struct bed *b)
{
    b->shared->verified = 0;
    b->shared->verify = true;
    while (b->shared->verified < WRITERS)
        g_usleep(1000);
    b->shared->verify = false;
    g_assert_cmpuint(b->shared->wrong, ==, 0);
}

static struct pageout_figures figures(const struct bed *b)
{
    struct pageout_figures f;

    g_assert_cmpint(pageout_figures(&b->process, &f), ==, 0);
    return f;
}

static uint64_t swap_cached(void)
{
    struct meminfo mem;

    g_assert_cmpint(meminfo_read("", &mem), ==, 0);
    return mem.swap_cached;
}

/* Chooses and puts out @pages pages; how many are out. */
static size_t put_out(struct bed *b, size_t pages)
{
    g_autofree uint64_t *chosen = g_new(uint64_t, pages);
    ssize_t n = pageout_choose(&b->process, &b->choice, chosen, pages);
    struct pageout_result result;

    g_assert_cmpint(n, >=, 0);
    g_assert_cmpint(pageout_free(&b->process, chosen, (size_t)n, true, &result), ==, 0);
    g_assert_cmpuint(result.out + result.stayed, ==, n);
    return result.out;
}

/* What is out is not in memory any more, neither as the process's nor as swap cache; and comes back
 * as it was. */
static void test_free(gconstpointer kind)
{
    struct bed b;
    uint64_t cached, out = 0;
    gint64 begin;

    if (no_swap())
        return;
    bed_init(&b, GPOINTER_TO_INT(kind));
    cached = swap_cached();
    begin = g_get_monotonic_time();
    /* What was not yet written stays, for the next round. */
    for (unsigned i = 0; i < 20 && figures(&b).anon >= SIZE / 8; i++)
        out += put_out(&b, PAGES / 4);
    g_test_message("%zu MiB/s", (size_t)(out * PAGEOUT_PAGE * G_USEC_PER_SEC / MIB /
                                         (uint64_t)(g_get_monotonic_time() - begin)));
    g_assert_cmpuint(figures(&b).anon, <, SIZE / 8);
    g_assert_cmpuint(figures(&b).swapped, >, SIZE / 8 * 7);
    g_assert_cmpuint(out * PAGEOUT_PAGE, >=, figures(&b).swapped);
    g_assert_cmpuint(u64_sub(swap_cached(), cached), <, SIZE / 4);
    verify(&b);
    g_assert_cmpuint(figures(&b).swapped, <, SIZE / 8);
    g_assert_cmpuint(figures(&b).major_faults, >, 0);
    bed_deinit(&b);
}

/* Two threads write and verify all the time. */
static void test_under_writers(void)
{
    struct bed b;
    uint64_t out = 0;

    if (no_swap())
        return;
    bed_init(&b, SMALL);
    b.shared->write = true;
    while (out < 6 * PAGES)
        out += put_out(&b, PAGES / 8);
    b.shared->write = false;
    g_test_message("%" G_GUINT64_FORMAT " pages put out, %" G_GUINT64_FORMAT " touches", out,
                   (uint64_t)b.shared->writes);
    g_assert_cmpuint(b.shared->writes, >, 5 * PAGES); /* else it had not come back */
    verify(&b);
    bed_deinit(&b);
}

static void test_nothing_to_choose(gconstpointer kind)
{
    struct bed b;

    if (no_swap())
        return;
    bed_init(&b, GPOINTER_TO_INT(kind));
    g_assert_cmpuint(put_out(&b, PAGES), ==, 0);
    bed_deinit(&b);
}

static void test_locked(void)
{
    struct bed b;

    if (no_swap())
        return;
    bed_init(&b, LOCKED);
    g_assert_cmpint(pageout_ask(&b.process, &b.choice.ranges[0].start, 1), ==, -EINVAL);
    bed_deinit(&b);
}

static int compare_pages(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void assert_different(uint64_t *pages, size_t n, const struct ram_range *range)
{
    qsort(pages, n, sizeof(*pages), compare_pages);
    for (size_t i = 0; i < n; i++) {
        g_assert_true(pages[i] >= range->start && pages[i] < range->end);
        g_assert_cmpuint(pages[i] % PAGEOUT_PAGE, ==, 0);
        g_assert_true(i == 0 || pages[i] != pages[i - 1]);
    }
}

/* Each page once, all of them in the end; what is cold first. */
static void test_choose(void)
{
    struct bed b;
    uint64_t *pages = g_new(uint64_t, PAGES);
    uint64_t cold;
    ssize_t n;

    bed_init(&b, SMALL);
    n = pageout_choose(&b.process, &b.choice, pages, PAGES);
    g_assert_cmpint(n, >, PAGES / 4);
    assert_different(pages, (size_t)n, &b.choice.ranges[0]);
    cold = b.choice.ranges[0].start + SIZE / 2;
    pageout_cold(&b.choice, cold);
    n = pageout_choose(&b.process, &b.choice, pages, 1);
    g_assert_cmpint(n, ==, 1);
    g_assert_cmpuint(pages[0] / (2 * MIB), ==, cold / (2 * MIB));
    n = pageout_choose_single(&b.process, &b.choice, pages, 200);
    g_assert_cmpint(n, ==, 200);
    assert_different(pages, (size_t)n, &b.choice.ranges[0]);
    bed_deinit(&b);
    g_free(pages);
}

static void test_process_ends(void)
{
    struct bed b;
    struct pageout again;
    struct pageout_figures f;
    uint64_t entry, page;

    bed_init(&b, SMALL);
    page = b.choice.ranges[0].start;
    end_process(&b);
    g_assert_cmpint(pageout_look(&b.process, page, &entry, 1), ==, -ESRCH);
    g_assert_cmpint(pageout_ask(&b.process, &page, 1), ==, -ESRCH);
    g_assert_cmpint(pageout_bring_back(&b.process, page), ==, -ESRCH);
    g_assert_cmpint(pageout_figures(&b.process, &f), ==, -ESRCH);
    g_assert_cmpint(pageout_choose(&b.process, &b.choice, &page, 1), ==, -ESRCH);
    g_assert_cmpint(pageout_open(&again, "", b.pid), ==, -ESRCH);
    bed_deinit(&b);
}

static int run_tests(void)
{
    g_test_add_data_func("/pageout/free/small", GINT_TO_POINTER(SMALL), test_free);
    g_test_add_data_func("/pageout/free/huge", GINT_TO_POINTER(HUGE), test_free);
    g_test_add_func("/pageout/under-writers", test_under_writers);
    g_test_add_data_func("/pageout/untouched", GINT_TO_POINTER(UNTOUCHED), test_nothing_to_choose);
    g_test_add_data_func("/pageout/mapped-twice", GINT_TO_POINTER(TWICE), test_nothing_to_choose);
    g_test_add_func("/pageout/locked", test_locked);
    g_test_add_func("/pageout/choose", test_choose);
    g_test_add_func("/pageout/process-ends", test_process_ends);
    return g_test_run();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    return swapspace_run(SWAP_MIB, run_tests);
}
