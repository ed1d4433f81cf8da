/* SPDX-License-Identifier: Apache-2.0 */
/* Which guests are found, kept and forgotten, and whose process they are. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench.h"
#include "vmm/backoff.h"
#include "vmm/pidfile.h"

static struct fake_qmp *fake_at(const struct bench *b, const char *name)
{
    g_autofree char *path = bench_path(b, name);

    return fake_qmp_new(path);
}

static void write_file(const struct bench *b, const char *name, const char *text, mode_t mode)
{
    g_autofree char *path = bench_path(b, name);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, mode), ==, 0);
}

/* Before and after the start, with both endings, and nothing else. */
static void test_directory(void)
{
    struct fake_qmp *a, *c, *other;
    struct bench b;

    bench_init(&b);
    a = fake_at(&b, "a.sock");
    other = fake_at(&b, "other.agent");
    write_file(&b, "file.sock", "no socket", 0600);
    bench_start(&b);
    bench_wait(&b, b.ready == 1);
    c = fake_at(&b, "c.qmp");
    bench_wait(&b, b.ready == 2);
    g_assert_cmpstr(bench_facts(&b, "c.qmp")->name, ==, "c");
    for (int i = 0; i < 20; i++)
        bench_turn(&b);
    g_assert_cmpuint(other->clients, ==, 0);
    g_assert_null(bench_guest(&b, "file.sock"));
    fake_qmp_free(a);
    fake_qmp_free(c);
    fake_qmp_free(other);
    bench_wait(&b, b.gone == 2);
    bench_deinit(&b);
}

static void test_directory_appears(void)
{
    g_autofree char *later = NULL, *path = NULL;
    struct discovery_config config;
    struct fake_qmp *fake;
    struct bench b;

    bench_init(&b);
    later = bench_path(&b, "later");
    path = bench_path(&b, "later/a.sock");
    config = bench_config(&b);
    config.directory = later;
    bench_start_with(&b, &config);
    for (int i = 0; i < 5; i++)
        bench_turn(&b);
    g_assert_cmpint(mkdir(later, 0700), ==, 0);
    fake = fake_qmp_new(path);
    bench_wait(&b, b.ready == 1);
    fake_qmp_free(fake);
    bench_deinit(&b);
}

/* An explicit path need not be there yet, nor have any ending; and it is one guest if it is also in
 * the directory. */
static void test_explicit(void)
{
    g_autofree char *monitor = NULL, *sock = NULL;
    const char *paths[3] = {NULL};
    struct discovery_config config;
    struct fake_qmp *one, *two;
    struct bench b;

    bench_init(&b);
    paths[0] = monitor = bench_path(&b, "monitor");
    paths[1] = sock = bench_path(&b, "two.sock");
    config = bench_config(&b);
    config.paths = paths;
    bench_start_with(&b, &config);
    one = fake_at(&b, "monitor");
    two = fake_at(&b, "two.sock");
    bench_wait(&b, b.ready == 2);
    for (int i = 0; i < 20; i++)
        bench_turn(&b);
    g_assert_cmpuint(b.ready, ==, 2);
    g_assert_cmpuint(two->clients, ==, 1);
    fake_qmp_free(one);
    fake_qmp_free(two);
    bench_deinit(&b);
}

/* What stays keeps its connection, what is no longer wanted goes, new timings are taken over. */
static void test_reconfigure(void)
{
    g_autofree char *monitor = NULL;
    const char *paths[2] = {NULL};
    struct discovery_config config;
    struct fake_qmp *stays, *goes;
    struct bench b;

    bench_init(&b);
    stays = fake_at(&b, "monitor");
    goes = fake_at(&b, "b.sock");
    paths[0] = monitor = bench_path(&b, "monitor");
    config = bench_config(&b);
    config.paths = paths;
    bench_start_with(&b, &config);
    bench_wait(&b, b.ready == 2);
    config.directory = NULL;
    config.stats_period_sec = 7;
    discovery_reconfigure(b.discovery, &config);
    g_assert_cmpuint(b.gone, ==, 1);
    g_assert_null(bench_guest(&b, "b.sock"));
    bench_wait(&b, stays->interval == 7);
    g_assert_cmpuint(stays->clients, ==, 1);
    config.directory = b.directory;
    discovery_reconfigure(b.discovery, &config);
    bench_wait(&b, b.ready == 3);
    fake_qmp_free(stays);
    fake_qmp_free(goes);
    bench_deinit(&b);
}

/* Two guests of one name, and one guest behind two sockets, are reported as they are. */
static void test_same_name(void)
{
    struct fake_qmp *a, *c;
    struct bench b;

    bench_init(&b);
    a = fake_at(&b, "a.sock");
    c = fake_at(&b, "c.sock");
    a->name = c->name = "shop";
    bench_start(&b);
    bench_wait(&b, b.ready == 2);
    g_assert_cmpstr(bench_facts(&b, "a.sock")->name, ==, "shop");
    g_assert_cmpstr(bench_facts(&b, "c.sock")->name, ==, "shop");
    fake_qmp_free(a);
    fake_qmp_free(c);
    bench_deinit(&b);
}

/* A link to a socket and a roundabout path lead to the same guest. */
static void test_same_socket(void)
{
    g_autofree char *link = NULL, *roundabout = NULL, *name = NULL;
    const char *paths[2] = {NULL};
    struct discovery_config config;
    struct fake_qmp *a;
    struct bench b;

    bench_init(&b);
    a = fake_at(&b, "a.sock");
    link = bench_path(&b, "link.sock");
    g_assert_cmpint(symlink("a.sock", link), ==, 0);
    name = g_path_get_basename(b.directory);
    roundabout = g_strdup_printf("%s/../%s/a.sock", b.directory, name);
    paths[0] = roundabout;
    config = bench_config(&b);
    config.paths = paths;
    bench_start_with(&b, &config);
    bench_wait(&b, b.ready == 1);
    for (int i = 0; i < 20; i++)
        bench_turn(&b);
    g_assert_cmpuint(a->clients, ==, 1);
    g_assert_cmpuint(b.ready, ==, 1);
    fake_qmp_free(a);
    bench_wait(&b, b.gone == 1);
    g_assert_cmpint(unlink(link), ==, 0);
    bench_deinit(&b);
}

static void leave_dead_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
}

/* A dead QEMU's socket never becomes a ready guest; removed, it is forgotten. */
static void test_dead_socket(void)
{
    g_autofree char *path = NULL;
    struct bench b;

    bench_init(&b);
    path = bench_path(&b, "dead.sock");
    leave_dead_socket(path);
    bench_start(&b);
    bench_wait(&b, bench_facts(&b, "dead.sock")->link == VMM_LINK_DOWN);
    g_assert_nonnull(strstr(bench_facts(&b, "dead.sock")->error, "can't connect"));
    g_assert_cmpint(unlink(path), ==, 0);
    bench_wait(&b, b.gone == 1);
    g_assert_cmpuint(b.ready, ==, 0);
    bench_deinit(&b);
}

static void count_down(struct vmm_guest *guest, enum vmm_event event, void *data)
{
    *(unsigned *)data += event == VMM_EVENT_LINK && vmm_guest_facts(guest)->link == VMM_LINK_DOWN;
}

static void test_too_many(void)
{
    struct discovery_config config;
    gint64 deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    struct discovery *d;
    unsigned down = 0;
    struct bench b;

    bench_init(&b);
    for (int i = 0; i < DISCOVERY_GUESTS_MAX + 5; i++) {
        g_autofree char *name = g_strdup_printf("%d.sock", i);
        g_autofree char *path = bench_path(&b, name);

        leave_dead_socket(path);
    }
    config = bench_config(&b);
    d = discovery_new(&config, count_down, &down);
    while (down < DISCOVERY_GUESTS_MAX) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(NULL, TRUE);
    }
    discovery_reconfigure(d, &config); /* looks again */
    for (int i = 0; i < 100; i++)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(down, ==, DISCOVERY_GUESTS_MAX);
    discovery_free(d);
    bench_deinit(&b);
}

static void test_pidfile(void)
{
    g_autofree char *path = NULL;
    struct bench b;

    bench_init(&b);
    path = bench_path(&b, "a.sock");
    g_assert_cmpint(pidfile_read(path), ==, 0);
    write_file(&b, "a.sock.pid", "4711\n", 0644);
    g_assert_cmpint(pidfile_read(path), ==, 4711);
    write_file(&b, "a.sock.pid", "4711", 0600);
    g_assert_cmpint(pidfile_read(path), ==, 4711);
    for (const char *const *bad =
             (const char *const[]){"", "x", "-5", "0", "12x", "99999999999", "\n", NULL};
         *bad; bad++) {
        write_file(&b, "a.sock.pid", *bad, 0644);
        g_assert_cmpint(pidfile_read(path), ==, 0);
    }
    write_file(&b, "a.sock.pid", "4711", 0666); /* anybody could have written it */
    g_assert_cmpint(pidfile_read(path), ==, 0);
    if (geteuid() == 0) {
        g_autofree char *file = bench_path(&b, "a.sock.pid");

        write_file(&b, "a.sock.pid", "4711", 0644);
        g_assert_cmpint(chown(file, 65534, 65534), ==, 0);
        g_assert_cmpint(pidfile_read(path), ==, 0);
    }
    bench_deinit(&b);
}

static pid_t sleeper(void)
{
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    return pid;
}

static void name_process(const struct bench *b, pid_t pid)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)pid);

    write_file(b, "a.sock.pid", text, 0644);
}

static void end_process(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* The process named beside the socket counts, not the one that listens. */
static void test_process_of_proxy(void)
{
    pid_t first = sleeper(), second = sleeper();
    struct fake_qmp *fake;
    struct bench b;

    bench_init(&b);
    name_process(&b, first);
    fake = fake_at(&b, "a.sock");
    bench_start(&b);
    bench_wait(&b, b.ready == 1);
    g_assert_cmpint(bench_facts(&b, "a.sock")->pid, ==, first);
    /* Another process has taken its place: that is another guest. */
    name_process(&b, second);
    fake_qmp_hang_up(fake);
    bench_wait(&b, b.gone == 1);
    bench_wait(&b, b.ready == 2);
    g_assert_cmpint(bench_facts(&b, "a.sock")->pid, ==, second);
    /* The process ends, the proxy does not notice: the guest has ended, and is not found again. */
    end_process(second);
    bench_wait(&b, b.gone == 2);
    bench_wait(&b, bench_facts(&b, "a.sock")->link == VMM_LINK_DOWN);
    g_assert_nonnull(strstr(bench_facts(&b, "a.sock")->error, "a.sock.pid"));
    end_process(first);
    fake_qmp_free(fake);
    bench_deinit(&b);
}

static void test_backoff(void)
{
    struct backoff b = {0};

    for (guint expected = BACKOFF_MIN_MSEC, i = 0; i < 12; i++) {
        guint pause = backoff_next(&b);

        g_assert_cmpuint(pause, >=, expected * 3 / 4);
        g_assert_cmpuint(pause, <=, expected * 5 / 4);
        expected = MIN(2 * expected, BACKOFF_MAX_MSEC);
    }
    backoff_reset(&b);
    g_assert_cmpuint(backoff_next(&b), <=, BACKOFF_MIN_MSEC * 5 / 4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/discovery/directory", test_directory);
    g_test_add_func("/discovery/directory-appears", test_directory_appears);
    g_test_add_func("/discovery/explicit", test_explicit);
    g_test_add_func("/discovery/reconfigure", test_reconfigure);
    g_test_add_func("/discovery/same-name", test_same_name);
    g_test_add_func("/discovery/same-socket", test_same_socket);
    g_test_add_func("/discovery/dead-socket", test_dead_socket);
    g_test_add_func("/discovery/too-many", test_too_many);
    g_test_add_func("/discovery/pidfile", test_pidfile);
    g_test_add_func("/discovery/process-of-proxy", test_process_of_proxy);
    g_test_add_func("/discovery/backoff", test_backoff);
    return g_test_run();
}
