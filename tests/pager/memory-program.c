/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process with memory like a guest's, whose threads write and verify it without a pause: what a
 * pager is tried on. Each page's contents follow from its number and how often it was written: a
 * third each of random bytes, of something compressible, and of zeros.
 *
 *   memory-program SIZE_MIB THREADS [KIND]     KIND: random, text, zero: all pages of that one
 *
 * Says "ready PID"; then one answer for each line of standard input:
 *   fill              writes every page once                     "done"
 *   check             reads every page in order, as a migration does   "done"
 *   run | stop        threads begin | end to touch pages at random     "done"
 *   discard FIRST N   gives pages back as QEMU does: hole, then MADV_DONTNEED   "done"
 *   reuse FIRST N     the same, but the last REUSED pages are touched between hole and
 *                     MADV_DONTNEED, and written as soon as it has returned    "done"
 *   touch PAGE        verifies one page                          "done"
 *   send FIRST N      another thread has the kernel read pages, as for a disk write   "done"
 *   time FIRST N      touches N pages in random order, once each "p50 p90 p99" in nanoseconds
 *   stats             "touched DISCARDED STALE"
 * STALE: discarded pages that had their old contents when they were touched again; the others had
 * zeros. A page that is neither what it should be ends the process: "wrong ..." and status 1.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE        4096
#define WORDS       (PAGE / sizeof(uint64_t))
#define THREADS_MAX 16
#define REUSED      1024

enum kind {
    KIND_RANDOM,
    KIND_TEXT,
    KIND_ZERO,
    KIND_MAX,
    KIND_MIXED = KIND_MAX,
};

struct page_state {
    atomic_flag busy;
    bool discarded;   /* zeros, or still version @version */
    uint32_t version; /* 0: never written */
};

static uint8_t *ram;
static int memfd;
static uint64_t pages;
static enum kind kind = KIND_MIXED;
static struct page_state *states;
static unsigned threads;
static atomic_bool running;
static _Atomic uint64_t touched, discarded, stale;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void contents(uint64_t page, uint32_t version, uint64_t words[WORDS])
{
    uint64_t seed = mix(page << 32 | version);
    enum kind of = kind == KIND_MIXED ? (enum kind)(seed % KIND_MAX) : kind;

    if (version == 0)
        of = KIND_ZERO;
    for (size_t i = 0; i < WORDS; i++) {
        if (of == KIND_RANDOM)
            words[i] = mix(seed + i * 0x9e3779b97f4a7c15u);
        else if (of == KIND_TEXT)
            words[i] = i % 8 ? page : seed + i / 64;
        else
            words[i] = 0;
    }
}

static void wrong(uint64_t page, const uint64_t *is, const uint64_t *expected)
    __attribute__((noreturn));

static void wrong(uint64_t page, const uint64_t *is, const uint64_t *expected)
{
    size_t i = 0;

    while (i < WORDS - 1 && is[i] == expected[i])
        i++;
    (void)printf("wrong page %lu version %u%s word %zu: %lx instead of %lx\n", (unsigned long)page,
                 states[page].version, states[page].discarded ? " discarded" : "", i,
                 (unsigned long)is[i], (unsigned long)expected[i]);
    (void)fflush(stdout);
    _exit(1);
}

static void lock(uint64_t page)
{
    while (atomic_flag_test_and_set(&states[page].busy))
        (void)usleep(10);
}

static void unlock(uint64_t page)
{
    atomic_flag_clear(&states[page].busy);
}

static bool all_zero(const uint64_t *words)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (words[i])
            return false;
    }
    return true;
}

static void touch_locked(uint64_t page, bool write)
{
    struct page_state *s = &states[page];
    uint64_t *is = (uint64_t *)(void *)(ram + page * PAGE), expected[WORDS];

    if (s->discarded) {
        if (all_zero(is)) {
            s->version = 0;
        } else {
            stale++;
        }
        s->discarded = false;
    }
    contents(page, s->version, expected);
    if (memcmp(is, expected, PAGE) != 0)
        wrong(page, is, expected);
    if (write) {
        contents(page, ++s->version, expected);
        memcpy(is, expected, PAGE);
    }
    touched++;
}

/* Verifies the page, and writes it anew if told to. */
static void touch(uint64_t page, bool write)
{
    lock(page);
    touch_locked(page, write);
    unlock(page);
}

static void *toucher(void *data)
{
    uint64_t random = mix((uintptr_t)data + 1);

    while (running) {
        random = mix(random + 0x9e3779b97f4a7c15u);
        touch(random % pages, random >> 60 < 6);
        /* Some go on with what follows, as programs do. */
        if (random >> 54 == 0) {
            for (uint64_t i = 1; i < 200 && running; i++)
                touch((random + i) % pages, false);
        }
    }
    return NULL;
}

/* The last @reused of them are used at once again. */
static void discard(uint64_t first, uint64_t n, uint64_t reused)
{
    uint64_t end = first + n;

    for (uint64_t i = first; i < end; i++)
        lock(i);
    if (fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(first * PAGE),
                  (off_t)(n * PAGE)) < 0)
        perror("discard");
    for (uint64_t i = end - reused; i < end; i++)
        (void)*(volatile uint8_t *)(ram + i * PAGE);
    if (madvise(ram + first * PAGE, n * PAGE, MADV_DONTNEED) < 0)
        perror("discard");
    for (uint64_t i = first; i < end; i++)
        states[i].discarded = true;
    for (uint64_t i = end - reused; i < end; i++)
        touch_locked(i, true);
    for (uint64_t i = first; i < end; i++)
        unlock(i);
    discarded += n;
}

static struct {
    uint64_t first, n;
} to_send;

static void *sender(void *data)
{
    int file = memfd_create("disk", MFD_CLOEXEC);

    (void)data;
    for (uint64_t i = to_send.first; i < to_send.first + to_send.n; i++) {
        if (pwrite(file, ram + i * PAGE, PAGE, 0) != PAGE)
            perror("send");
    }
    (void)close(file);
    return NULL;
}

static void send_pages(uint64_t first, uint64_t n)
{
    pthread_t thread;

    to_send.first = first;
    to_send.n = n;
    if (pthread_create(&thread, NULL, sender, NULL) == 0)
        (void)pthread_join(thread, NULL);
}

static uint64_t now_nsec(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void time_touches(uint64_t first, uint64_t n)
{
    uint64_t *order = calloc(n, sizeof(*order)), *took = calloc(n, sizeof(*took));

    for (uint64_t i = 0; i < n; i++)
        order[i] = i;
    for (uint64_t i = n; i > 1; i--) {
        uint64_t k = mix(i + n) % i, t = order[i - 1];

        order[i - 1] = order[k];
        order[k] = t;
    }
    for (uint64_t i = 0; i < n; i++) {
        volatile uint8_t *byte = ram + (first + order[i]) * PAGE;
        uint64_t before = now_nsec();

        (void)*byte;
        took[i] = now_nsec() - before;
    }
    qsort(took, n, sizeof(*took), compare);
    (void)printf("%lu %lu %lu\n", (unsigned long)took[n / 2], (unsigned long)took[n * 9 / 10],
                 (unsigned long)took[n * 99 / 100]);
    free(order);
    free(took);
}

static void all_pages(bool write)
{
    for (uint64_t i = 0; i < pages; i++)
        touch(i, write);
}

static void start_or_stop(bool start)
{
    static pthread_t thread[THREADS_MAX];

    if (start == running)
        return;
    running = start;
    for (uintptr_t i = 0; i < threads; i++) {
        if (start)
            (void)pthread_create(&thread[i], NULL, toucher, (void *)i);
        else
            (void)pthread_join(thread[i], NULL);
    }
}

static void obey(const char *line)
{
    unsigned long first = 0, n = 0;

    if (strcmp(line, "fill\n") == 0)
        all_pages(true);
    else if (strcmp(line, "check\n") == 0)
        all_pages(false);
    else if (strcmp(line, "run\n") == 0 || strcmp(line, "stop\n") == 0)
        start_or_stop(line[0] == 'r');
    else if (sscanf(line, "discard %lu %lu", &first, &n) == 2)
        discard(first, n, 0);
    else if (sscanf(line, "reuse %lu %lu", &first, &n) == 2)
        discard(first, n, n < REUSED ? n : REUSED);
    else if (sscanf(line, "send %lu %lu", &first, &n) == 2)
        send_pages(first, n);
    else if (sscanf(line, "touch %lu", &first) == 1)
        touch(first, false);
    if (sscanf(line, "time %lu %lu", &first, &n) == 2)
        time_touches(first, n);
    else if (strcmp(line, "stats\n") == 0)
        (void)printf("%lu %lu %lu\n", (unsigned long)touched, (unsigned long)discarded,
                     (unsigned long)stale);
    else
        (void)puts("done");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"random", "text", "zero"};
    char line[128];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc < 3)
        return 2;
    pages = strtoull(argv[1], NULL, 10) << 8;
    threads = (unsigned)atoi(argv[2]);
    for (unsigned i = 0; i < KIND_MAX && argc > 3; i++) {
        if (strcmp(argv[3], kinds[i]) == 0)
            kind = (enum kind)i;
    }
    memfd = memfd_create("memory-backend-memfd", MFD_CLOEXEC);
    if (memfd < 0 || threads > THREADS_MAX || ftruncate(memfd, (off_t)(pages * PAGE)) < 0)
        return 2;
    ram = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    states = calloc(pages, sizeof(*states));
    /* Guest RAM is several mappings where a part of it was told something. */
    if (ram != MAP_FAILED)
        (void)madvise(ram + pages / 3 * PAGE, 5 * PAGE, MADV_DONTDUMP);
    if (ram == MAP_FAILED || !states)
        return 2;
    (void)printf("ready %d\n", (int)getpid());
    (void)fflush(stdout);
    while (fgets(line, sizeof(line), stdin))
        obey(line);
    start_or_stop(false);
    return 0;
}
