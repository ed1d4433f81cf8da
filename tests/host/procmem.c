/* SPDX-License-Identifier: Apache-2.0 */
/* The size of a process's guest RAM: on made-up processes, and on a live one that plays QEMU. */
#include "host/procmem.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fixture.h"

#define MIB              (UINT64_C(1) << 20)
#define PATIENCE_USEC    (20 * G_USEC_PER_SEC)
#define STATUS_TEXT      "Name:\tqemu\nState:\tS\nRssAnon:\t%d kB\nRssFile:\t%d kB\nRssShmem:\t%d kB\n"
#define OTHER_MEMORY_KIB 1000

/* Measures until @kind is known; every answer on the way must be a safe one. */
static struct procmem_sample measure_until(struct procmem *p, enum ram_kind kind)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE_USEC;
    struct procmem_sample s;

    for (;;) {
        g_assert_cmpint(procmem_measure(p, &s), ==, 0);
        if (s.kind == kind)
            return s;
        g_assert_cmpint(s.error, ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(NULL, TRUE);
    }
}

static void write_status(struct fixture *f, int anon, int file, int shmem)
{
    g_autofree char *text = g_strdup_printf(STATUS_TEXT, anon, file, shmem);

    fixture_write(f, "/proc/42/status", text);
}

static void test_private_model(void)
{
    struct ram_block block = {.size = 64 * MIB};
    struct procmem_sample s;
    struct procscan *scan;
    struct procmem *p;
    struct fixture f;

    fixture_init(&f);
    write_status(&f, 41000, 500, 0);
    fixture_write(&f, "/proc/42/maps", "7f0000000000-7f0004000000 rw-p 00000000 00:00 0 \n");
    fixture_write(&f, "/proc/42/smaps",
                  "7f0000000000-7f0004000000 rw-p 00000000 00:00 0 \nRss: 40000 kB\nSwap: 8 kB\n");
    scan = procscan_new(f.root);
    g_assert_null(procmem_new(scan, f.root, 43));
    g_assert_cmpint(errno, ==, ENOENT);
    p = procmem_new(scan, f.root, 42);
    g_assert_nonnull(p);

    procmem_set_blocks(p, &block, 1);
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    g_assert_cmpint(s.kind, ==, RAM_UNKNOWN);
    g_assert_cmpuint(s.resident, ==, 41000 * 1024); /* nothing known: the most it can be */

    s = measure_until(p, RAM_PRIVATE);
    g_assert_cmpuint(s.resident, ==, 40000 * 1024);
    g_assert_cmpuint(s.overhead, ==, 1500 * 1024);

    write_status(&f, 31000, 500, 0); /* 10000 were ballooned away */
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    g_assert_cmpuint(s.resident, ==, 30000 * 1024);

    write_status(&f, 900000, 500, 0); /* never more than the guest has */
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    g_assert_cmpuint(s.resident, ==, 64 * MIB);

    fixture_write(&f, "/proc/42/status", "Name:\tqemu\nState:\tZ (zombie)\n");
    g_assert_cmpint(procmem_measure(p, &s), ==, -ESRCH);
    procmem_free(p);
    procscan_free(scan);
    fixture_deinit(&f);
}

static void test_not_found(void)
{
    struct ram_block block = {.size = 64 * MIB};
    gint64 deadline = g_get_monotonic_time() + PATIENCE_USEC;
    struct procmem_sample s = {0};
    struct procscan *scan;
    struct procmem *p;
    struct fixture f;

    fixture_init(&f);
    write_status(&f, 41000, 500, 0);
    fixture_write(&f, "/proc/42/maps", "7f0000000000-7f0005000000 rw-p 00000000 00:00 0 \n");
    scan = procscan_new(f.root);
    p = procmem_new(scan, f.root, 42);
    procmem_set_blocks(p, &block, 1);
    while (s.error == 0) {
        g_assert_cmpint(procmem_measure(p, &s), ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        if (s.error == 0)
            g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpint(s.error, ==, -ENOENT);
    g_assert_cmpint(s.kind, ==, RAM_UNKNOWN);
    g_assert_cmpuint(s.resident, ==, 41000 * 1024);
    procmem_free(p);
    procscan_free(scan);
    fixture_deinit(&f);
}

/* While the host swaps, what is swapped of a memfd is not resident, though st_blocks has it. */
static void test_memfd_swapped(void)
{
    struct ram_block block = {.size = 64 * MIB, .shared = true};
    g_autofree char *content = g_strnfill(MIB, 'x'), *maps = NULL, *smaps = NULL, *path = NULL;
    struct procmem_sample s;
    struct procscan *scan;
    struct procmem *p;
    struct fixture f;
    struct stat st;

    fixture_init(&f);
    fixture_write(&f, "/proc/42/fd/7", content);
    path = g_strconcat(f.root, "/proc/42/fd/7", NULL);
    g_assert_cmpint(stat(path, &st), ==, 0);
    maps = g_strdup_printf("7f0000000000-7f0004000000 rw-s 00000000 %02x:%02x %lu "
                           "/memfd:memory-backend-memfd (deleted)\n",
                           major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino);
    smaps = g_strconcat(maps, "Rss: 100 kB\nSwap: 16 kB\n", NULL);
    fixture_write(&f, "/proc/42/maps", maps);
    fixture_write(&f, "/proc/42/smaps", smaps);
    fixture_write(&f, "/proc/meminfo",
                  "MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable: 2 kB\nSwapTotal: 99 kB\n"
                  "SwapFree: 83 kB\n");
    write_status(&f, 1000, 500, 100);
    scan = procscan_new(f.root);
    p = procmem_new(scan, f.root, 42);
    procmem_set_blocks(p, &block, 1);
    s = measure_until(p, RAM_MEMFD);
    g_assert_cmpuint(s.resident, ==, (uint64_t)st.st_blocks * 512 - 16 * 1024);
    procmem_free(p);
    procscan_free(scan);
    fixture_deinit(&f);
}

#define PACED_SCANS 6

struct paced {
    struct procscan_result results[PACED_SCANS];
    unsigned n;
};

static void paced_done(const struct procscan_result *result, void *data)
{
    struct paced *t = data;

    t->results[t->n++] = *result;
}

/* All scans together keep to their part of the time; an urgent one does not wait. */
static void test_pacing(void)
{
    gint64 deadline = g_get_monotonic_time() + 3 * PATIENCE_USEC, begin, busy = 0;
    struct ram_block block = {.size = 3 * MIB};
    struct procscan *scan = procscan_new("");
    autofd self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct paced t = {0}, urgent = {0};

    begin = g_get_monotonic_time();
    for (int i = 0; i < PACED_SCANS; i++)
        g_assert_nonnull(procscan_submit(scan, self, &block, 1, false, paced_done, &t));
    while (t.n < PACED_SCANS / 2) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_nonnull(procscan_submit(scan, self, &block, 1, true, paced_done, &urgent));
    while (t.n < PACED_SCANS) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(NULL, TRUE);
        if (t.n == PACED_SCANS - 1)
            g_assert_cmpuint(urgent.n, ==, 1);
    }
    /* Those that were the last at a time may have begun just now. */
    for (int i = 0; i < PACED_SCANS - PROCSCAN_RUNNING; i++)
        busy += t.results[i].duration;
    g_assert_cmpint(t.results[PACED_SCANS - 1].at - begin, >=, busy * (PROCSCAN_PART - 1));
    procscan_free(scan);
}

/* Freeing in the middle of a scan neither crashes nor calls back. */
static void test_free_early(void)
{
    struct ram_block block = {.size = 64 * MIB};

    for (int round = 0; round < 20; round++) {
        struct procscan *scan = procscan_new("");
        struct procmem *all[8];
        struct procmem_sample s;

        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
            all[i] = procmem_new(scan, "", getpid());
            procmem_set_blocks(all[i], &block, 1);
            g_assert_cmpint(procmem_measure(all[i], &s), ==, 0);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
            procmem_free(all[i]);
        if (round % 2)
            g_main_context_iteration(NULL, FALSE);
        procscan_free(scan);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* A process with 48 MiB of private and 32 MiB of memfd "guest RAM". It touches the part that it is
 * told to over @orders, and answers each order with one byte. */
struct child {
    pid_t pid;
    int orders, answers;
};

#define PRIVATE_SIZE (48 * MIB)
#define MEMFD_SIZE   (32 * MIB)

static _Noreturn void child_run(int orders, int answers)
{
    int fd = memfd_create("memory-backend-memfd", MFD_CLOEXEC);
    char *guarded, *private, *shared;
    uint64_t touch[2];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || ftruncate(fd, MEMFD_SIZE) != 0)
        _exit(1);
    guarded = mmap(NULL, PRIVATE_SIZE + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    private = mmap(guarded + MIB, PRIVATE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    shared = mmap(NULL, MEMFD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)madvise(private, PRIVATE_SIZE, MADV_DONTFORK);
    (void)madvise(private, PRIVATE_SIZE, MADV_NOHUGEPAGE);
    while (read(orders, touch, sizeof(touch)) == (ssize_t)sizeof(touch)) {
        (void)madvise(private, PRIVATE_SIZE, MADV_DONTNEED);
        memset(private, 1, touch[0]);
        memset(shared, 1, touch[1]);
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)touch[1],
                        (off_t)(MEMFD_SIZE - touch[1]));
        if (write(answers, "", 1) != 1)
            break;
    }
    _exit(0);
}

static struct child child_start(void)
{
    int orders[2], answers[2];
    struct child c;

    g_assert_cmpint(pipe(orders), ==, 0);
    g_assert_cmpint(pipe(answers), ==, 0);
    c.pid = fork();
    g_assert_cmpint(c.pid, >=, 0);
    if (c.pid == 0) {
        (void)close(orders[1]);
        (void)close(answers[0]);
        child_run(orders[0], answers[1]);
    }
    (void)close(orders[0]);
    (void)close(answers[1]);
    c.orders = orders[1];
    c.answers = answers[0];
    return c;
}

static void child_touch(struct child *c, uint64_t private_bytes, uint64_t memfd_bytes)
{
    uint64_t touch[2] = {private_bytes, memfd_bytes};
    char answer;

    g_assert_cmpint(write(c->orders, touch, sizeof(touch)), ==, sizeof(touch));
    g_assert_cmpint(read(c->answers, &answer, 1), ==, 1);
}

static void child_end(struct child *c)
{
    (void)kill(c->pid, SIGKILL);
    (void)waitpid(c->pid, NULL, 0);
    fd_close(&c->orders);
    fd_close(&c->answers);
}

static void assert_near(uint64_t value, uint64_t expected)
{
    g_assert_cmpuint(value + MIB, >=, expected);
    g_assert_cmpuint(value, <=, expected + MIB);
}

static void test_live_private(void)
{
    struct ram_block block = {.size = PRIVATE_SIZE};
    struct procscan *scan = procscan_new("");
    struct child c = child_start();
    struct procmem *p = procmem_new(scan, "", c.pid);
    struct procmem_sample s;

    child_touch(&c, 20 * MIB, 5 * MIB);
    procmem_set_blocks(p, &block, 1);
    s = measure_until(p, RAM_PRIVATE);
    assert_near(s.resident, 20 * MIB);
    g_assert_cmpuint(s.overhead, >, 5 * MIB - 1);
    child_touch(&c, 40 * MIB, 5 * MIB);
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    assert_near(s.resident, 40 * MIB);
    child_touch(&c, 1 * MIB, 5 * MIB);
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    assert_near(s.resident, 1 * MIB);
    child_end(&c);
    g_assert_cmpint(procmem_measure(p, &s), ==, -ESRCH);
    procmem_free(p);
    procscan_free(scan);
}

static void test_live_memfd(void)
{
    struct ram_block block = {.size = MEMFD_SIZE, .shared = true};
    struct procscan *scan = procscan_new("");
    struct child c = child_start();
    struct procmem *p = procmem_new(scan, "", c.pid);
    struct procmem_sample s;
    uint64_t overhead;

    child_touch(&c, 20 * MIB, 5 * MIB);
    procmem_set_blocks(p, &block, 1);
    s = measure_until(p, RAM_MEMFD);
    assert_near(s.resident, 5 * MIB);
    g_assert_cmpuint(s.overhead, >=, 20 * MIB);
    overhead = s.overhead;
    child_touch(&c, 20 * MIB, 30 * MIB);
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    assert_near(s.resident, 30 * MIB);
    assert_near(s.overhead, overhead);
    child_touch(&c, 20 * MIB, 0);
    g_assert_cmpint(procmem_measure(p, &s), ==, 0);
    assert_near(s.resident, 0);
    child_end(&c);
    procmem_free(p);
    procscan_free(scan);
}

static void test_live_both(void)
{
    struct ram_block blocks[] = {{MEMFD_SIZE, true}, {PRIVATE_SIZE, false}};
    struct procscan *scan = procscan_new("");
    struct child c = child_start();
    struct procmem *p = procmem_new(scan, "", c.pid);
    struct procmem_sample s;

    child_touch(&c, 20 * MIB, 5 * MIB);
    procmem_set_blocks(p, blocks, 2);
    s = measure_until(p, RAM_OTHER);
    assert_near(s.resident, 25 * MIB);
    child_end(&c);
    procmem_free(p);
    procscan_free(scan);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/procmem/private-model", test_private_model);
    g_test_add_func("/procmem/not-found", test_not_found);
    g_test_add_func("/procmem/memfd-swapped", test_memfd_swapped);
    g_test_add_func("/procmem/pacing", test_pacing);
    g_test_add_func("/procmem/free-early", test_free_early);
    g_test_add_func("/procmem/live-private", test_live_private);
    g_test_add_func("/procmem/live-memfd", test_live_memfd);
    g_test_add_func("/procmem/live-both", test_live_both);
    return g_test_run();
}
