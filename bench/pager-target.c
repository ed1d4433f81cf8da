/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process whose memory bench-pager moves about: a memfd for the pager, or private anonymous
 * memory for the kernel's swap. It does what it is told on standard input, a line each, and answers
 * with a line, "ok" and figures, or "error" and why:
 *
 *   fill random|compressible|zero FIRST COUNT   writes pages
 *   verify FIRST COUNT       compares them with what was written last
 *   touch PAGE PAGE ...      reads a byte of each: nanoseconds p50, p99, and the mean
 *   sweep                    reads a byte of every page in order: nanoseconds
 *   work MSEC                reads and writes at random places for so much processor time:
 *                            accesses a second of it
 *   active FIRST COUNT USEC  from now on touches all of them in every USEC; COUNT 0: stops
 *   evict                    kernel: puts everything out, until it is out of RAM as well; then
 *                            nanoseconds of the first MADV_PAGEOUT, and bytes of RAM it freed
 *
 * As "pager-target layout" it says where in the file of a page map its figures are instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/units.h"
#include "pager/map.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define WORDS        (PAGE_BYTES / sizeof(uint64_t))
#define EVICT_PASSES 20

enum kind {
    KIND_NONE,
    KIND_RANDOM,
    KIND_COMPRESSIBLE,
    KIND_ZERO,
};

struct memory {
    char *start;
    uint64_t pages;
    unsigned char *kinds; /* enum kind of each page as it was last filled */
    uint32_t *order;      /* of active's touches */
};

/* What the thread of "active" touches. */
struct active {
    pthread_t thread;
    bool running;
    atomic_bool stop;
    const struct memory *memory;
    uint64_t first, count, period; /* nsec */
};

static uint64_t clock_nsec(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint64_t now_nsec(void)
{
    return clock_nsec(CLOCK_MONOTONIC);
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static char *page_at(const struct memory *m, uint64_t page)
{
    return m->start + page * PAGE_BYTES;
}

static void touch(const char *byte)
{
    (void)*(const volatile char *)byte;
}

/* A page's bytes follow from its number and kind. Compressible: an eighth is random. */
static void page_content(uint64_t page, enum kind kind, uint64_t *words)
{
    uint64_t state = page;

    memset(words, 0, PAGE_BYTES);
    if (kind == KIND_ZERO)
        return;
    for (size_t i = 0; i < WORDS; i += kind == KIND_RANDOM ? 1 : 8)
        words[i] = random_next(&state);
}

static void fill(const struct memory *m, enum kind kind, uint64_t first, uint64_t n)
{
    for (uint64_t page = first; page < first + n; page++) {
        page_content(page, kind, (uint64_t *)(void *)page_at(m, page));
        m->kinds[page] = (unsigned char)kind;
    }
    printf("ok\n");
}

static void verify(const struct memory *m, uint64_t first, uint64_t n)
{
    uint64_t words[WORDS], wrong = 0;

    for (uint64_t page = first; page < first + n; page++) {
        if (m->kinds[page] == KIND_NONE)
            continue;
        page_content(page, (enum kind)m->kinds[page], words);
        wrong += memcmp(words, page_at(m, page), PAGE_BYTES) != 0;
    }
    if (wrong > 0)
        printf("error %ju pages are wrong\n", (uintmax_t)wrong);
    else
        printf("ok\n");
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* m->order becomes a random order of the @count pages from @first on. */
static void shuffle(const struct memory *m, uint64_t first, uint64_t count)
{
    uint64_t state = 1;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t k = random_next(&state) % (i + 1);

        m->order[i] = m->order[k];
        m->order[k] = (uint32_t)(first + i);
    }
}

/* The numbers in @text are pages. */
static void touch_listed(const struct memory *m, char *text)
{
    uint64_t *took = calloc(m->pages, sizeof(*took)), n = 0, sum = 0;

    for (char *end = text; took && n < m->pages; text = end) {
        uint64_t page = strtoull(text, &end, 10), begin;

        if (end == text || page >= m->pages)
            break;
        begin = now_nsec();
        touch(page_at(m, page));
        took[n] = now_nsec() - begin;
        sum += took[n++];
    }
    if (n > 0) {
        qsort(took, n, sizeof(*took), compare_u64);
        printf("ok %ju %ju %ju\n", (uintmax_t)took[n / 2], (uintmax_t)took[n * 99 / 100],
               (uintmax_t)(sum / n));
    } else {
        printf("error no pages\n");
    }
    free(took);
}

static void sweep(const struct memory *m)
{
    uint64_t begin = now_nsec();

    for (uint64_t page = 0; page < m->pages; page++)
        touch(page_at(m, page));
    printf("ok %ju\n", (uintmax_t)(now_nsec() - begin));
}

static void work(const struct memory *m, uint64_t msec)
{
    uint64_t state = 2, done = 0, words = m->pages * WORDS, took;
    uint64_t begin = clock_nsec(CLOCK_THREAD_CPUTIME_ID);

    while ((took = clock_nsec(CLOCK_THREAD_CPUTIME_ID) - begin) < msec * (NSEC_PER_SEC / 1000))
        for (unsigned i = 0; i < 1000; i++, done++) {
            volatile uint64_t *word = (uint64_t *)(void *)m->start + random_next(&state) % words;

            if (i % 2)
                *word = done;
            else
                (void)*word;
        }
    memset(m->kinds, KIND_NONE, m->pages);
    printf("ok %.0f\n", (double)done * (double)NSEC_PER_SEC / (double)took);
}

/* Always in the same order, so that from one touch of a page to the next it is one period. */
static void *active_run(void *data)
{
    const struct active *a = data;
    uint64_t begin = now_nsec(), done = 0;

    while (!atomic_load(&a->stop)) {
        uint64_t elapsed = now_nsec() - begin;
        uint64_t should = (uint64_t)((double)a->count * (double)elapsed / (double)a->period);

        for (; done < should; done++)
            touch(page_at(a->memory, a->memory->order[done % a->count]));
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    return NULL;
}

static void active(struct active *a, const struct memory *m, uint64_t first, uint64_t count,
                   uint64_t usec)
{
    if (a->running) {
        atomic_store(&a->stop, true);
        (void)pthread_join(a->thread, NULL);
        a->running = false;
    }
    if (count > 0) {
        shuffle(m, first, count);
        *a = (struct active){.memory = m, .first = first, .count = count, .period = usec * 1000};
        if (pthread_create(&a->thread, NULL, active_run, a) != 0) {
            printf("error no thread\n");
            return;
        }
        a->running = true;
    }
    printf("ok\n");
}

/* Bytes of free RAM. */
static uint64_t memory_free(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    unsigned long kib = 0;

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "MemFree: %lu", &kib) == 1)
            break;
    if (f)
        (void)fclose(f);
    return (uint64_t)kib * KIB;
}

/* How many pages are in RAM, mapped or in the swap cache (mincore(2) looks there, too). */
static uint64_t pages_in_ram(const struct memory *m)
{
    unsigned char *in = malloc(m->pages);
    uint64_t n = 0;

    if (!in || mincore(m->start, m->pages * PAGE_BYTES, in) < 0) {
        free(in);
        return UINT64_MAX;
    }
    for (uint64_t page = 0; page < m->pages; page++)
        n += in[page] & 1;
    free(in);
    return n;
}

/*
 * PAGEOUT writes to a swap file on a disk, but leaves the pages in the swap cache. Reading maps
 * them clean, and a second PAGEOUT frees what is clean.
 */
static void evict(const struct memory *m)
{
    uint64_t bytes = m->pages * PAGE_BYTES, free_before = memory_free(), freed, took, left;

    took = now_nsec();
    if (madvise(m->start, bytes, MADV_PAGEOUT) < 0) {
        printf("error MADV_PAGEOUT: %s\n", strerror(errno));
        return;
    }
    took = now_nsec() - took;
    freed = u64_sub(memory_free(), free_before);
    left = pages_in_ram(m);
    for (unsigned pass = 0; pass < EVICT_PASSES && left > 0; pass++) {
        for (uint64_t page = 0; page < m->pages; page++)
            touch(page_at(m, page));
        (void)madvise(m->start, bytes, MADV_PAGEOUT);
        left = pages_in_ram(m);
    }
    if (left > m->pages / 1000)
        printf("error %ju pages stay in RAM\n", (uintmax_t)left);
    else
        printf("ok %ju %ju\n", (uintmax_t)took, (uintmax_t)freed);
}

static enum kind kind_of(const char *name)
{
    if (strcmp(name, "random") == 0)
        return KIND_RANDOM;
    if (strcmp(name, "compressible") == 0)
        return KIND_COMPRESSIBLE;
    return strcmp(name, "zero") == 0 ? KIND_ZERO : KIND_NONE;
}

static void obey(const struct memory *m, struct active *a, char *line)
{
    char kind[16] = "";
    unsigned long long x = 0, y = 0, z = 0;

    if (sscanf(line, "fill %15s %llu %llu", kind, &x, &y) == 3 && kind_of(kind) && x <= m->pages &&
        y <= m->pages - x)
        fill(m, kind_of(kind), x, y);
    else if (sscanf(line, "verify %llu %llu", &x, &y) == 2 && x <= m->pages && y <= m->pages - x)
        verify(m, x, y);
    else if (strncmp(line, "touch ", strlen("touch ")) == 0)
        touch_listed(m, line + strlen("touch "));
    else if (sscanf(line, "active %llu %llu %llu", &x, &y, &z) == 3 && x <= m->pages &&
             y <= m->pages - x)
        active(a, m, x, y, z);
    else if (sscanf(line, "work %llu", &x) == 1)
        work(m, x);
    else if (strcmp(line, "sweep\n") == 0)
        sweep(m);
    else if (strcmp(line, "evict\n") == 0)
        evict(m);
    else
        printf("error not understood\n");
}

static bool memory_make(struct memory *m, bool shared, uint64_t bytes)
{
    int fd = shared ? memfd_create("pager-target", MFD_CLOEXEC) : -1;

    if (shared && (fd < 0 || ftruncate(fd, (off_t)bytes) < 0))
        return false;
    m->start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
    m->pages = bytes / PAGE_BYTES;
    m->kinds = calloc(m->pages, sizeof(*m->kinds));
    m->order = calloc(m->pages, sizeof(*m->order));
    return m->start != MAP_FAILED && m->kinds && m->order;
}

static int print_layout(void)
{
#define FIGURE(member)                                                                             \
    printf(#member " %zu %zu\n",                                                                   \
           offsetof(struct pagemap_header, figures) + offsetof(struct pagemap_figures, member),    \
           sizeof(((struct pagemap_figures *)NULL)->member) / sizeof(COUNTER))
    FIGURE(pages);
    FIGURE(evicted);
    FIGURE(loaded);
    FIGURE(faults);
    FIGURE(read_ahead);
    FIGURE(cache_bytes);
    FIGURE(sample_windows);
    FIGURE(window_permille);
    FIGURE(working_set_permille);
    FIGURE(sampling_cpu_usec);
#undef FIGURE
    printf("entries %zu 0\n", (size_t)PAGEMAP_HEADER_BYTES);
    return 0;
}

int main(int argc, char **argv)
{
    struct memory memory;
    struct active running = {0};
    char *line = NULL;
    size_t capacity = 0;

    if (argc == 2 && strcmp(argv[1], "layout") == 0)
        return print_layout();
    if (argc != 3) {
        fprintf(stderr, "usage: pager-target memfd|anon BYTES | pager-target layout\n");
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!memory_make(&memory, strcmp(argv[1], "memfd") == 0, strtoull(argv[2], NULL, 10))) {
        perror("pager-target");
        return 1;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ok\n");
    while (getline(&line, &capacity, stdin) > 0)
        obey(&memory, &running, line);
    free(line);
    return 0;
}
