/* SPDX-License-Identifier: Apache-2.0 */
/* A real QEMU, without a guest in it (-S): its memory, its answers, its stops and its end. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define MIB       (UINT64_C(1) << 20)
#define QEMU      "qemu-system-x86_64"
#define ARGS_MAX  32
#define TEST_SIZE (64 * MIB)

static const char *const private_ram[] = {NULL};
static const char *const memfd_ram[] = {
    "-object", "memory-backend-memfd,id=ram,size=64M,share=on", "-machine", "memory-backend=ram",
    NULL,
};
static const char *const two_nodes[] = {
    "-object", "memory-backend-memfd,id=a,size=32M,share=on", "-numa", "node,memdev=a",
    "-object", "memory-backend-memfd,id=b,size=32M,share=on", "-numa", "node,memdev=b",
    NULL,
};

static pid_t qemu_start(const struct bench *b, const char *const *more)
{
    g_autofree char *path = bench_path(b, "real.sock");
    g_autofree char *qmp = g_strdup_printf("unix:%s,server=on,wait=off", path);
    const char *args[ARGS_MAX] = {
        QEMU,
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-accel",
        "tcg",
        "-S",
        "-m",
        "64",
        "-name",
        "guest=shop",
        "-qmp",
        qmp,
        "-device",
        "virtio-balloon-pci,id=balloon0",
    };
    size_t n = 0;
    pid_t pid;

    while (args[n])
        n++;
    while (*more && n < ARGS_MAX - 1)
        args[n++] = *more++;
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execvp(QEMU, (char *const *)(gpointer)args);
        _exit(127);
    }
    return pid;
}

static void qemu_end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static const struct vmm_facts *ready(struct bench *b, pid_t pid)
{
    bench_start(b);
    bench_wait(b, b->ready == 1);
    g_assert_cmpint(waitpid(pid, NULL, WNOHANG), ==, 0);
    return bench_facts(b, "real.sock");
}

static void check_ram(const char *const *args, enum vmm_ram ram)
{
    const struct vmm_facts *f;
    struct bench b;
    pid_t pid;

    bench_init(&b);
    pid = qemu_start(&b, args);
    f = ready(&b, pid);
    g_assert_cmpstr(f->name, ==, "shop");
    g_assert_cmpint(f->pid, ==, pid);
    g_assert_cmpuint(f->size, ==, TEST_SIZE);
    g_assert_cmpuint(f->actual, ==, TEST_SIZE);
    g_assert_true(f->balloon_device);
    g_assert_false(f->running);
    g_assert_cmpint(f->ram, ==, ram);
    g_assert_cmpuint(f->resident, <, TEST_SIZE / 2); /* nothing but firmware was written to it */
    g_assert_cmpuint(f->overhead, >, MIB);
    g_assert_cmpuint(f->stats.last_update, ==, 0);
    qemu_end(pid);
    bench_wait(&b, b.gone == 1);
    bench_deinit(&b);
}

static void test_private(void)
{
    check_ram(private_ram, VMM_RAM_PRIVATE);
}

static void test_memfd(void)
{
    check_ram(memfd_ram, VMM_RAM_MEMFD);
}

static void test_two_nodes(void)
{
    check_ram(two_nodes, VMM_RAM_MEMFD);
}

static void test_orders(void)
{
    const struct vmm_facts *f;
    struct bench b;
    pid_t pid;

    bench_init(&b);
    pid = qemu_start(&b, private_ram);
    f = ready(&b, pid);
    bench_order(&b, bench_guest(&b, "real.sock"), TEST_SIZE / 2);
    bench_wait(&b, b.orders_ok == 1);
    bench_order(&b, bench_guest(&b, "real.sock"), 0);
    bench_wait(&b, b.orders_failed == 1);
    g_assert_cmpuint(f->actual, ==, TEST_SIZE); /* there is no driver */
    qemu_end(pid);
    bench_deinit(&b);
}

/* Size of the largest mapping that the kernel may merge: "mg" in its flags. */
static uint64_t largest_mergeable(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", (int)pid), *text = NULL;
    g_auto(GStrv) lines = NULL;
    uint64_t kib = 0, most = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "Size:"))
            kib = g_ascii_strtoull(g_strchug(*line + strlen("Size:")), NULL, 10);
        else if (g_str_has_prefix(*line, "VmFlags:") && strstr(*line, " mg"))
            most = MAX(most, kib);
    }
    return most * 1024;
}

static void test_mergeable(void)
{
    const struct vmm_facts *f;
    struct bench b;
    pid_t pid;

    bench_init(&b);
    pid = qemu_start(&b, private_ram);
    f = ready(&b, pid);
    g_assert_cmpuint(f->private_backends, ==, 1);
    g_assert_cmpuint(largest_mergeable(pid), ==, TEST_SIZE);
    vmm_guest_set_mergeable(bench_guest(&b, "real.sock"), false, bench_order_done, &b);
    bench_wait(&b, b.orders_ok == 1);
    g_assert_cmpuint(largest_mergeable(pid), <, TEST_SIZE);
    vmm_guest_set_mergeable(bench_guest(&b, "real.sock"), true, bench_order_done, &b);
    bench_wait(&b, b.orders_ok == 2);
    g_assert_cmpuint(largest_mergeable(pid), ==, TEST_SIZE);
    qemu_end(pid);
    bench_deinit(&b);
}

static void check_reach(struct bench *b, uint64_t gpa, enum vmm_reach reach)
{
    bench_translate(b, bench_guest(b, "real.sock"), (struct vmm_address){.address = gpa});
    g_assert_cmpstr(b->translation_error, ==, NULL);
    g_assert_cmpint(b->translation.reach, ==, reach);
}

/* Real mode: virtual is physical. The guest's RAM lies in QEMU as one piece, as the pager's map has
 * it. */
static void test_translate(void)
{
    static const struct vmm_address virtual = {.is_virtual = true, .address = MIB + 0x123};
    struct bench b;
    uint64_t start;
    pid_t pid;

    bench_init(&b);
    pid = qemu_start(&b, memfd_ram);
    (void)ready(&b, pid);
    check_reach(&b, 0, VMM_REACH_MEMORY);
    g_assert_cmpstr(b.translation.region, ==, "ram");
    start = b.translation.hva;
    check_reach(&b, TEST_SIZE - 1, VMM_REACH_MEMORY);
    g_assert_cmphex(b.translation.hva, ==, start + TEST_SIZE - 1);
    check_reach(&b, TEST_SIZE, VMM_REACH_NOTHING);
    check_reach(&b, UINT64_MAX, VMM_REACH_NOTHING);
    check_reach(&b, UINT64_C(0xfee00000), VMM_REACH_DEVICE); /* local APIC */
    bench_translate(&b, bench_guest(&b, "real.sock"), virtual);
    g_assert_cmpstr(b.translation_error, ==, NULL);
    g_assert_cmphex(b.translation.gpa, ==, virtual.address);
    g_assert_cmphex(b.translation.hva, ==, start + virtual.address);
    bench_translate(&b, bench_guest(&b, "real.sock"),
                    (struct vmm_address){.is_virtual = true, .cpu = 7});
    g_assert_nonnull(strstr(b.translation_error, "cpu-index"));
    qemu_end(pid);
    bench_deinit(&b);
}

static void test_stop_and_cont(void)
{
    const struct vmm_facts *f;
    struct bench b;
    pid_t pid;

    bench_init(&b);
    pid = qemu_start(&b, private_ram);
    f = ready(&b, pid);
    for (unsigned i = 0; i < 2; i++) { /* twice is no error */
        vmm_guest_cont(bench_guest(&b, "real.sock"), bench_order_done, &b);
        bench_wait(&b, b.orders_ok == i + 1 && f->running);
    }
    for (unsigned i = 2; i < 4; i++) {
        vmm_guest_stop(bench_guest(&b, "real.sock"), bench_order_done, &b);
        bench_wait(&b, b.orders_ok == i + 1 && !f->running);
    }
    qemu_end(pid);
    bench_deinit(&b);
}

/* SIGSTOP: silent, but its memory is still seen. SIGCONT: the same connection goes on. */
static void test_stopped_process(void)
{
    const struct vmm_facts *f;
    struct bench b;
    unsigned updated;
    pid_t pid;

    bench_init(&b);
    b.timeout_msec = BENCH_SHORT_TIMEOUT_MSEC;
    pid = qemu_start(&b, private_ram);
    f = ready(&b, pid);
    g_assert_cmpint(kill(pid, SIGSTOP), ==, 0);
    bench_wait(&b, f->link == VMM_LINK_SILENT);
    updated = b.updated;
    bench_wait(&b, b.updated > updated + 3);
    g_assert_cmpuint(f->size, ==, TEST_SIZE);
    g_assert_cmpint(kill(pid, SIGCONT), ==, 0);
    bench_wait(&b, f->link == VMM_LINK_UP);
    g_assert_cmpuint(b.ready, ==, 1);
    g_assert_cmpuint(b.gone, ==, 0);
    qemu_end(pid);
    bench_wait(&b, b.gone == 1);
    bench_deinit(&b);
}

/* Killed and not yet waited for: its process id is still taken, but it is gone. A new QEMU at the
 * same place is a new guest. */
static void test_killed(void)
{
    struct bench b;
    pid_t pid, next;

    bench_init(&b);
    pid = qemu_start(&b, private_ram);
    (void)ready(&b, pid);
    (void)kill(pid, SIGKILL);
    bench_wait(&b, b.gone == 1);
    next = qemu_start(&b, memfd_ram);
    bench_wait(&b, b.ready == 2);
    g_assert_cmpint(bench_facts(&b, "real.sock")->pid, ==, next);
    g_assert_cmpint(bench_facts(&b, "real.sock")->ram, ==, VMM_RAM_MEMFD);
    qemu_end(pid);
    qemu_end(next);
    bench_deinit(&b);
}

/* Another client has the only monitor. */
static void test_monitor_taken(void)
{
    int other = -1;
    struct bench b;
    pid_t pid;

    bench_init(&b);
    b.timeout_msec = BENCH_SHORT_TIMEOUT_MSEC;
    pid = qemu_start(&b, private_ram);
    bench_wait(&b, (other = bench_connect(&b, "real.sock")) >= 0);
    bench_start(&b);
    bench_wait(&b, bench_facts(&b, "real.sock")->link == VMM_LINK_SILENT);
    g_assert_nonnull(strstr(bench_facts(&b, "real.sock")->error, "second -qmp socket"));
    (void)close(other);
    bench_wait(&b, b.ready == 1);
    qemu_end(pid);
    bench_deinit(&b);
}

int main(int argc, char **argv)
{
    g_autofree char *qemu = g_find_program_in_path(QEMU);

    g_test_init(&argc, &argv, NULL);
    if (!qemu) {
        g_print("1..0 # SKIP " QEMU " is not installed\n");
        return 0;
    }
    g_test_add_func("/real-qemu/mergeable", test_mergeable);
    g_test_add_func("/real-qemu/private", test_private);
    g_test_add_func("/real-qemu/memfd", test_memfd);
    g_test_add_func("/real-qemu/two-nodes", test_two_nodes);
    g_test_add_func("/real-qemu/orders", test_orders);
    g_test_add_func("/real-qemu/translate", test_translate);
    g_test_add_func("/real-qemu/stop-and-cont", test_stop_and_cont);
    g_test_add_func("/real-qemu/stopped-process", test_stopped_process);
    g_test_add_func("/real-qemu/killed", test_killed);
    g_test_add_func("/real-qemu/monitor-taken", test_monitor_taken);
    return g_test_run();
}
