/* SPDX-License-Identifier: Apache-2.0 */
/* Real guests from end to end: vm.h, agent.h, the initrd and the program in it. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/accel.h"
#include "lab/agent.h"
#include "lab/vm.h"
#include "tests/guest/guarded.h"

#define MIB           ((uint64_t)1 << 20)
#define WAIT_MAX_USEC (100 * G_USEC_PER_SEC)

struct fixture {
    char *directory;
    struct lab_vm *vm;
    struct agent *agent;
    int qmp;
};

static struct lab_vm_config small_guest(const struct fixture *f)
{
    return (struct lab_vm_config){
        .name = "small",
        .size = 256 * MIB,
        .ram = GUEST_RAM_MEMFD,
        .vcpus = 1,
        .balloon_device = true,
        .balloon_driver = true,
        .deflate_on_oom = true,
        .directory = f->directory,
    };
}

/* Runs the main loop until @condition; the guest must live. */
#define WAIT_FOR(f, condition)                                                                     \
    do {                                                                                           \
        gint64 deadline = g_get_monotonic_time() + WAIT_MAX_USEC;                                  \
                                                                                                   \
        while (!(condition)) {                                                                     \
            g_assert_cmpint(g_get_monotonic_time(), <, deadline);                                  \
            g_assert_false(lab_vm_ended((f)->vm, NULL));                                           \
            g_assert_false(lab_vm_panicked((f)->vm));                                              \
            (void)g_main_context_iteration(NULL, FALSE);                                           \
            g_usleep(5000);                                                                        \
        }                                                                                          \
    } while (0)

static void boot(struct fixture *f, const struct lab_vm_config *config)
{
    g_autoptr(GError) error = NULL;

    f->vm = lab_vm_start(config, &error);
    g_assert_no_error(error);
    g_assert_nonnull(f->vm);
    f->agent = agent_new(lab_vm_agent_path(f->vm), NULL, NULL);
    WAIT_FOR(f, agent_ready(f->agent) && agent_last(f->agent)->received > 0);
}

/* Sends an order, waits until it is done, and returns the report that says so. */
static const struct agent_report *order(struct fixture *f, const char *json)
{
    const struct agent_report *last = agent_last(f->agent);

    g_assert_true(agent_order(f->agent, json));
    WAIT_FOR(f, !last->busy);
    g_assert_cmpstr(last->error, ==, "");
    g_assert_cmpuint(last->wrong_pages, ==, 0);
    return last;
}

static void set_up(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    f->directory = g_dir_make_tmp("aerostat-boot-XXXXXX", NULL);
    g_assert_nonnull(f->directory);
    f->qmp = -1;
}

/* Whatever happened: no process and no file is left. */
static void tear_down(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    pid_t pid = f->vm ? lab_vm_pid(f->vm) : 0;

    fd_close(&f->qmp);
    agent_free(f->agent);
    lab_vm_free(f->vm);
    if (pid) {
        g_assert_cmpint(kill(pid, 0), ==, -1);
        g_assert_cmpint(errno, ==, ESRCH);
    }
    g_assert_cmpint(g_rmdir(f->directory), ==, 0);
    g_free(f->directory);
}

/* Sends a command to QEMU and returns its answer, passing over events. */
static struct json_object *qmp(struct fixture *f, const char *command)
{
    g_autoptr(GString) line = g_string_new(NULL);
    char byte;

    g_assert_cmpint(write(f->qmp, command, strlen(command)), ==, (gssize)strlen(command));
    for (;;) {
        struct json_object *answer, *value;

        g_string_truncate(line, 0);
        while (read(f->qmp, &byte, 1) == 1 && byte != '\n')
            g_string_append_c(line, byte);
        answer = json_tokener_parse(line->str);
        g_assert_nonnull(answer);
        g_assert_false(json_object_object_get_ex(answer, "error", NULL));
        if (json_object_object_get_ex(answer, "return", &value))
            return answer;
        json_object_put(answer);
    }
}

static void qmp_connect(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)g_strlcpy(address.sun_path, lab_vm_config(f->vm)->qmp_path, sizeof(address.sun_path));
    f->qmp = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(f->qmp, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    json_object_put(qmp(f, "{\"execute\": \"qmp_capabilities\"}"));
}

static uint64_t balloon_actual(struct fixture *f)
{
    autojson answer = qmp(f, "{\"execute\": \"query-balloon\"}");
    struct json_object *value, *actual;

    g_assert_true(json_object_object_get_ex(answer, "return", &value));
    g_assert_true(json_object_object_get_ex(value, "actual", &actual));
    return json_object_get_uint64(actual);
}

static void set_balloon(struct fixture *f, uint64_t bytes)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"balloon\", \"arguments\": {\"value\": %" G_GUINT64_FORMAT "}}", bytes);

    json_object_put(qmp(f, command));
}

/* Fill, touch, verify, balloon in and out, free: what every scenario is made of. */
static void test_work_and_balloon(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    const struct agent_report *last;
    uint64_t before;

    boot(f, &config);
    qmp_connect(f);
    last = order(f, "{\"do\": \"fill\", \"bytes\": 67108864}");
    g_assert_cmpuint(last->owned, ==, 64 * MIB);
    g_assert_cmpuint(last->mem_total, >, 150 * MIB);
    g_assert_true(
        agent_order(f->agent, "{\"do\": \"touch\", \"bytes\": 33554432, \"writes\": 0.5}"));
    WAIT_FOR(f, last->operations > 10000);
    g_assert_true(last->busy);
    g_assert_cmpfloat(last->latency_max_usec, >, 0);

    before = last->mem_available;
    set_balloon(f, 200 * MIB);
    WAIT_FOR(f, balloon_actual(f) == 200 * MIB);
    WAIT_FOR(f, last->mem_available < before - 40 * MIB);
    order(f, "{\"do\": \"verify\"}");
    set_balloon(f, 256 * MIB);
    WAIT_FOR(f, balloon_actual(f) == 256 * MIB);
    WAIT_FOR(f, last->mem_available > before - 10 * MIB);
    order(f, "{\"do\": \"verify\"}");

    before = last->mem_available;
    g_assert_cmpuint(order(f, "{\"do\": \"free\"}")->owned, ==, 0);
    WAIT_FOR(f, last->mem_available > before + 50 * MIB);
}

/* Twice the guest's free memory goes through its swap disk and comes back as it was. */
static void test_swap_and_stream(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    const struct agent_report *last;

    config.name = "a,b"; /* QEMU's options have a quoting of their own */
    config.size = 160 * MIB;
    config.ram = GUEST_RAM_PRIVATE;
    config.vcpus = 2;
    config.swap = 256 * MIB;
    config.disk = 128 * MIB;
    config.free_page_reporting = true;
    boot(f, &config);
    last = agent_last(f->agent);
    g_assert_cmpuint(last->swap_total, >, 250 * MIB);
    order(f, "{\"do\": \"stream\", \"bytes\": 33554432}");
    g_assert_cmpuint(last->operations, ==, 8192);
    order(f, "{\"do\": \"drop-caches\"}");
    WAIT_FOR(f, last->mem_cached < 16 * MIB);
    order(f, "{\"do\": \"fill\", \"bytes\": 167772160}");
    g_assert_cmpuint(last->pswpout, >, 0);
    order(f, "{\"do\": \"verify\"}");
    g_assert_cmpuint(last->pswpin, >, 0);
    g_assert_cmpuint(last->oom_kill, ==, 0);
}

/* The smallest image of programs: a shell. */
static char *make_programs(const struct fixture *f)
{
    g_autofree char *busybox = g_find_program_in_path("busybox");
    char *image = g_build_filename(f->directory, "programs.img", NULL);
    g_autofree char *script = g_strdup_printf(
        "set -e; PATH=$PATH:/sbin:/usr/sbin; cd '%s'; mkdir -p tree/bin tree/dev tree/proc "
        "tree/scratch tree/workloads; cp '%s' tree/bin/busybox; ln -s busybox tree/bin/sh; "
        "mke2fs -q -t ext4 -O ^has_journal -d tree programs.img 8M; rm -r tree",
        f->directory, busybox);
    char shell[] = "sh", option[] = "-c", *argv[] = {shell, option, script, NULL};
    g_autoptr(GError) error = NULL;
    int status;

    (void)g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                       NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    return image;
}

/* What a command does is counted, ends with the next order, and can be killed for memory. */
static void test_programs(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    g_autofree char *image = make_programs(f);
    struct lab_vm_config config = small_guest(f);
    const struct agent_report *last;

    config.disk = 64 * MIB;
    config.programs = true;
    (void)g_setenv("AEROSTAT_LAB_PROGRAMS", image, TRUE);
    boot(f, &config);
    g_unsetenv("AEROSTAT_LAB_PROGRAMS");
    last = agent_last(f->agent);
    order(f, "{\"do\": \"run\", \"command\": \"busybox ls /workloads/heap && echo ops 7\"}");
    g_assert_cmpuint(last->operations, ==, 7);
    g_assert_true(agent_order(f->agent, "{\"do\": \"run\", \"repeat\": true, \"command\": "
                                        "\"busybox dd if=/dev/zero of=x bs=1024k count=8\"}"));
    WAIT_FOR(f, last->operations >= 9);
    order(f, "{\"do\": \"idle\"}");
    g_assert_true(agent_order(f->agent, "{\"do\": \"run\", \"command\": "
                                        "\"exec busybox tail /dev/zero\"}"));
    WAIT_FOR(f, !last->busy);
    g_assert_cmpstr(last->error, ==, "run: the command was killed");
    WAIT_FOR(f, last->oom_kill == 1);
    g_assert_cmpint(g_unlink(image), ==, 0);
}

/* Without the image it is said what makes one. */
static void test_no_programs(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    g_autoptr(GError) error = NULL;

    config.disk = 64 * MIB;
    config.programs = true;
    (void)g_setenv("AEROSTAT_LAB_PROGRAMS", "/nonexistent/programs.img", TRUE);
    f->vm = lab_vm_start(&config, &error);
    g_unsetenv("AEROSTAT_LAB_PROGRAMS");
    g_assert_null(f->vm);
    g_assert_nonnull(strstr(error->message, "tools/programs"));
}

/* More than there is, without swap: the kernel kills the worker, and we hear of it. */
static void test_killed_for_memory(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    const struct agent_report *last;

    config.size = 128 * MIB;
    config.balloon_device = false;
    boot(f, &config);
    last = agent_last(f->agent);
    g_assert_true(agent_order(f->agent, "{\"do\": \"fill\", \"bytes\": 167772160}"));
    WAIT_FOR(f, !last->busy);
    g_assert_cmpstr(last->error, ==, "worker killed");
    g_assert_cmpuint(last->owned, ==, 0);
    WAIT_FOR(f, last->oom_kill == 1);
    order(f, "{\"do\": \"fill\", \"bytes\": 1048576}");
}

/* The balloon is there, and nobody in the guest to drive it. */
static void test_without_driver(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);

    config.balloon_driver = false;
    boot(f, &config);
    qmp_connect(f);
    set_balloon(f, 200 * MIB);
    order(f, "{\"do\": \"fill\", \"bytes\": 33554432}");
    g_assert_cmpuint(balloon_actual(f), ==, 256 * MIB);
}

static uint64_t resident_bytes(struct fixture *f)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", lab_vm_pid(f->vm)), *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return g_ascii_strtoull(strchr(text, ' '), NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What the program gives back reaches the host where the guest's kernel reports it. */
static void test_free_page_reporting(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    uint64_t full;

    config.free_page_reporting = true;
    boot(f, &config);
    order(f, "{\"do\": \"fill\", \"bytes\": 134217728}");
    full = resident_bytes(f);
    order(f, "{\"do\": \"free\"}");
    WAIT_FOR(f, resident_bytes(f) < full - 80 * MIB);
}

static void test_qemu_that_does_not_start(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    g_autofree char *complaint = NULL, *far = g_strnfill(200, 'x');
    g_autoptr(GError) error = NULL;
    int status;

    config.qmp_path = far;
    g_assert_null(lab_vm_start(&config, &error));
    g_assert_cmpstr(strstr(error->message, "too long"), !=, NULL);

    config.qmp_path = "/nonexistent/qmp.sock";
    f->vm = lab_vm_start(&config, NULL);
    g_assert_nonnull(f->vm);
    while (!lab_vm_ended(f->vm, &status))
        g_usleep(5000);
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    complaint = lab_vm_complaint(f->vm);
    g_assert_nonnull(complaint);
    g_assert_nonnull(strstr(complaint, "/nonexistent/qmp.sock"));
}

/* Killed in the middle of its work, the lab takes its guests with it. */
static void test_lab_that_is_killed(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct lab_vm_config config = small_guest(f);
    pid_t lab, qemu = 0;
    int ends[2];

    config.swap = 64 * MIB;
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0); /* to wait for a grandchild */
    g_assert_cmpint(pipe(ends), ==, 0);
    lab = fork();
    if (lab == 0) {
        struct lab_vm *vm = lab_vm_start(&config, NULL);

        qemu = vm ? lab_vm_pid(vm) : -1;
        if (write(ends[1], &qemu, sizeof(qemu)) == sizeof(qemu))
            (void)pause();
        _exit(1);
    }
    g_assert_cmpint(read(ends[0], &qemu, sizeof(qemu)), ==, sizeof(qemu));
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)kill(lab, SIGKILL);
    (void)waitpid(lab, NULL, 0);
    g_assert_cmpint(qemu, >, 0);
    g_assert_cmpint(waitpid(qemu, NULL, 0), ==, qemu);
    /* Of a killed lab there remain the sockets and logs, for which its directory is there. */
    for (unsigned i = 0; i < 4; i++) {
        static const char *const suffixes[] = {"sock", "agent", "console", "qemu"};
        g_autofree char *path = g_strdup_printf("%s/small.%s", f->directory, suffixes[i]);

        (void)g_unlink(path);
    }
}

/* The probe that decides about KVM, on an accelerator that works here and on one that doesn't. */
static void test_probe(void)
{
    g_assert_true(accel_boots("tcg"));
    (void)g_setenv("AEROSTAT_LAB_KERNEL", "/nonexistent", TRUE);
    g_assert_false(accel_boots("tcg"));
    g_unsetenv("AEROSTAT_LAB_KERNEL");
}

#define ADD(name, test) g_test_add("/boot/" name, struct fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("work-and-balloon", test_work_and_balloon);
    ADD("swap-and-stream", test_swap_and_stream);
    ADD("programs", test_programs);
    ADD("no-programs", test_no_programs);
    ADD("killed-for-memory", test_killed_for_memory);
    ADD("without-driver", test_without_driver);
    ADD("free-page-reporting", test_free_page_reporting);
    ADD("does-not-start", test_qemu_that_does_not_start);
    ADD("killed-lab", test_lab_that_is_killed);
    g_test_add_func("/boot/probe", test_probe);
    return guarded_run();
}
