/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to a real QEMU, with nothing but firmware in its guest: its memory is put out and read
 * back through QEMU; and the guests that are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "device.h"
#include "pager/attach.h"
#include "scratch.h"

#define MIB       (UINT64_C(1) << 20)
#define RAM_BYTES (16 * MIB)
#define PAGES     (RAM_BYTES / PAGE_BYTES)
#define ARGS_MAX  40
#define NOBODY    65534

struct qemu {
    pid_t pid;
    FILE *to, *from; /* QMP */
    char *directory;
};

/* A line of QMP that has @word, past others. */
static void qmp_expect(struct qemu *q, const char *word)
{
    char line[65536];

    do
        g_assert_nonnull(fgets(line, sizeof(line), q->from));
    while (!strstr(line, word) && !strstr(line, "\"error\""));
    if (!strstr(line, word))
        g_error("QMP: %s", line);
}

static void qmp(struct qemu *q, const char *command)
{
    g_assert_cmpint(fprintf(q->to, "%s\n", command), >, 0);
    g_assert_cmpint(fflush(q->to), ==, 0);
    qmp_expect(q, "\"return\"");
}

#define SETPRIV "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig=KILL"
#define QEMU                                                                                       \
    "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg",   \
        "-qmp", "stdio", "-m", "16"

/* Arguments that begin with "-user" make it one of nobody. */
static struct qemu qemu_start(const char *const *more)
{
    static const char *const root_start[] = {QEMU, NULL}, *const user_start[] = {SETPRIV, QEMU,
                                                                                 NULL};
    bool user = g_strcmp0(more[0], "-user") == 0;
    const char *const *start = user ? user_start : root_start;
    struct qemu q = {.directory = scratch_new(NULL)};
    const char *args[ARGS_MAX] = {0};
    int to[2], from[2];
    size_t n = 0;

    more += user;
    g_assert_cmpint(chmod(q.directory, 0777), ==, 0);
    while (start[n]) {
        args[n] = start[n];
        n++;
    }
    while (*more && n < ARGS_MAX - 1)
        args[n++] = *more++;
    g_assert_cmpint(pipe2(to, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(from, O_CLOEXEC), ==, 0);
    q.pid = fork();
    g_assert_cmpint(q.pid, >=, 0);
    if (q.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        (void)execvp(args[0], (char *const *)(gpointer)args);
        _exit(127);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    q.to = fdopen(to[1], "w");
    q.from = fdopen(from[0], "r");
    qmp_expect(&q, "\"QMP\"");
    qmp(&q, "{\"execute\": \"qmp_capabilities\"}");
    return q;
}

static void qemu_end(struct qemu *q)
{
    g_assert_cmpint(waitpid(q->pid, NULL, WNOHANG), ==, 0); /* it has lived till now */
    (void)kill(q->pid, SIGKILL);
    (void)waitpid(q->pid, NULL, 0);
    (void)fclose(q->to);
    (void)fclose(q->from);
    scratch_remove(q->directory);
}

/* All of the guest's memory, as QEMU sees it. */
static char *qemu_memory(struct qemu *q)
{
    g_autofree char *path = scratch_path(q->directory, "memory");
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0, \"size\": %lu, \"filename\": "
        "\"%s\"}}",
        (unsigned long)RAM_BYTES, path);
    char *memory = NULL;
    gsize length = 0;

    qmp(q, command);
    g_assert_true(g_file_get_contents(path, &memory, &length, NULL));
    g_assert_cmpuint(length, ==, RAM_BYTES);
    g_assert_cmpint(g_remove(path), ==, 0);
    return memory;
}

/* The smallest of pagers: everything in one array, one lock. */
struct mini {
    struct target target;
    struct uffd uffd;
    _Atomic int64_t number;
    uint8_t *store;
    bool out[PAGES];
    unsigned evicted, loaded;
    GMutex lock;
    GThread *thread;
    atomic_bool end;
};

static void mini_serve(struct mini *m, const struct uffd_event *event)
{
    uint64_t page = (event->address - m->uffd.start) / PAGE_BYTES;
    int64_t n = -EEXIST;

    if (event->kind == UFFD_DISCARDED)
        return;
    if (m->out[page])
        n = uffd_copy(&m->uffd, event->address, m->store + page * PAGE_BYTES, PAGE_BYTES);
    else if (event->kind == UFFD_MISSING)
        n = uffd_zero(&m->uffd, event->address, PAGE_BYTES);
    m->loaded += m->out[page];
    m->out[page] = false;
    if (n == -EEXIST)
        g_assert_cmpint(uffd_unprotect(&m->uffd, event->address, PAGE_BYTES), ==, 0);
    else
        g_assert_cmpint(n, ==, PAGE_BYTES);
}

static gpointer mini_run(gpointer data)
{
    struct mini *m = data;
    struct pollfd p = {.fd = m->uffd.fd, .events = POLLIN};

    while (!m->end) {
        struct uffd_event events[16];
        int n;

        (void)poll(&p, 1, 20);
        g_mutex_lock(&m->lock);
        n = uffd_read(&m->uffd, events, G_N_ELEMENTS(events));
        g_assert_cmpint(n, >=, 0);
        for (int i = 0; i < n; i++)
            mini_serve(m, &events[i]);
        g_mutex_unlock(&m->lock);
    }
    return NULL;
}

static void mini_evict(struct mini *m, uint64_t page)
{
    off_t at = (off_t)(page * PAGE_BYTES);

    if (m->out[page] || lseek(m->target.memfd, at, SEEK_DATA) != at)
        return;
    g_assert_cmpint(uffd_protect(&m->uffd, m->uffd.start + (uint64_t)at, PAGE_BYTES), ==, 0);
    g_assert_cmpint(pread(m->target.memfd, m->store + at, PAGE_BYTES, at), ==, PAGE_BYTES);
    m->out[page] = true;
    g_assert_cmpint(
        fallocate(m->target.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, PAGE_BYTES), ==,
        0);
    m->evicted++;
}

static void mini_evict_all(struct mini *m)
{
    for (uint64_t page = 0; page < PAGES; page++) {
        g_mutex_lock(&m->lock);
        mini_evict(m, page);
        g_mutex_unlock(&m->lock);
    }
}

static struct mini *mini_attach(pid_t pid)
{
    struct mini *m = g_new0(struct mini, 1);
    g_autoptr(GError) error = NULL;

    m->store = g_malloc(RAM_BYTES);
    g_assert_true(target_find(&m->target, pid, "web", RAM_BYTES, &error));
    g_assert_true(attach(&m->uffd, &m->target, &m->number, &error));
    m->thread = g_thread_new("mini", mini_run, m);
    return m;
}

static void mini_detach(struct mini *m)
{
    g_autoptr(GError) error = NULL;

    for (uint64_t page = 0; page < PAGES; page++) {
        struct uffd_event event = {.kind = UFFD_MISSING,
                                   .address = m->uffd.start + page * PAGE_BYTES};

        g_mutex_lock(&m->lock);
        if (m->out[page])
            mini_serve(m, &event);
        g_mutex_unlock(&m->lock);
    }
    m->end = true;
    g_thread_join(m->thread);
    g_assert_cmpint(uffd_unregister(&m->uffd), ==, 0);
    fd_close(&m->uffd.fd);
    g_assert_true(attach_close(m->target.pid, (int)m->number, &error));
    g_assert_no_error(error);
    target_clear(&m->target);
    g_free(m->store);
    g_free(m);
}

#define MEMFD                                                                                      \
    "-object", "memory-backend-memfd,id=ram,size=16M,share=on", "-machine", "memory-backend=ram"

static const char *const paused[] = {MEMFD, "-S", NULL};
static const char *const running[] = {MEMFD, "-sandbox", "on", "-smp", "2", NULL};
static const char *const unprivileged[] = {"-user", MEMFD, "-S", NULL};

static void check_served(const char *const *args, bool stop)
{
    struct qemu q = qemu_start(args);
    g_autofree char *before = NULL, *after = NULL;
    struct mini *m = mini_attach(q.pid);

    if (stop)
        qmp(&q, "{\"execute\": \"stop\"}");
    before = qemu_memory(&q);
    mini_evict_all(m);
    g_assert_cmpuint(m->evicted, >, 32); /* the firmware at least */
    after = qemu_memory(&q);
    g_assert_cmpint(memcmp(before, after, RAM_BYTES), ==, 0);
    g_assert_cmpuint(m->loaded, ==, m->evicted);
    qmp(&q, "{\"execute\": \"cont\"}");
    mini_evict_all(m);
    qmp(&q, "{\"execute\": \"system_reset\"}");
    qmp(&q, "{\"execute\": \"stop\"}");
    mini_detach(m);
    qmp(&q, "{\"execute\": \"query-status\"}");
    qemu_end(&q);
}

static void test_paused(void)
{
    check_served(paused, false);
}

static void test_running(void)
{
    check_served(running, true);
}

static void check_message(const GError *error, const char *word)
{
    g_assert_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED);
    g_test_message("%s", error->message);
    if (!strstr(error->message, word))
        g_error("\"%s\" does not say \"%s\"", error->message, word);
}

static void check_refused(const char *const *args, uint64_t size, const char *word)
{
    struct qemu q = qemu_start(args);
    g_autoptr(GError) error = NULL;
    struct target t;

    g_assert_false(target_find(&t, q.pid, "web", size, &error));
    check_message(error, word);
    qmp(&q, "{\"execute\": \"query-status\"}");
    qemu_end(&q);
}

static void test_private(void)
{
    const char *const args[] = {"-S", NULL};

    check_refused(args, RAM_BYTES, "private anonymous");
    check_refused(args, 0, "memory-backend-memfd");
}

static void test_locked(void)
{
    const char *const args[] = {MEMFD, "-S", "-overcommit", "mem-lock=on", NULL};

    check_refused(args, RAM_BYTES, "mem-lock=on");
}

static void test_two_nodes(void)
{
    const char *const args[] = {
        "-S",
        "-object",
        "memory-backend-memfd,id=a,size=8M,share=on",
        "-numa",
        "node,memdev=a",
        "-object",
        "memory-backend-memfd,id=b,size=8M,share=on",
        "-numa",
        "node,memdev=b",
        NULL,
    };

    check_refused(args, RAM_BYTES, "several memory backends");
}

static void test_file(void)
{
    g_autofree char *directory = scratch_new(NULL);
    g_autofree char *object =
        g_strdup_printf("memory-backend-file,id=ram,size=16M,share=on,mem-path=%s", directory);
    const char *const args[] = {"-S", "-object", object, "-machine", "memory-backend=ram", NULL};

    check_refused(args, RAM_BYTES, "in a file");
    scratch_remove(g_steal_pointer(&directory));
}

static void test_hugetlb(void)
{
    const char *const args[] = {
        "-S",
        "-object",
        "memory-backend-memfd,id=ram,size=16M,share=on,hugetlb=on",
        "-machine",
        "memory-backend=ram",
        NULL,
    };
    g_autofree char *text = NULL;
    unsigned pages = 0;

    g_assert_true(g_file_get_contents("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
                                      &text, NULL, NULL) ||
                  !text);
    if (!text || sscanf(text, "%u", &pages) != 1 || pages < RAM_BYTES / (2 * MIB)) {
        g_test_skip("this host has no free huge pages");
        return;
    }
    check_refused(args, RAM_BYTES, "hugetlb");
}

static void with_drive(const char *cache, const char *word)
{
    g_autofree char *directory = scratch_new(NULL);
    g_autofree char *disk = scratch_path(directory, "disk");
    g_autofree char *drive =
        g_strdup_printf("file=%s,format=raw,if=none,id=d,cache=%s", disk, cache);
    const char *const args[] = {MEMFD, "-S", "-drive", drive, "-device", "virtio-blk-pci,drive=d",
                                NULL};
    int fd = open(disk, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    g_assert_cmpint(ftruncate(fd, MIB), ==, 0);
    (void)close(fd);
    if (word)
        check_refused(args, RAM_BYTES, word);
    else
        check_served(args, false);
    scratch_remove(g_steal_pointer(&directory));
}

static void test_drives(void)
{
    with_drive("none", "cache=writeback");
    with_drive("writeback", NULL);
}

static void test_unprivileged(void)
{
    g_autoptr(GError) error = NULL;
    struct device_access access;
    _Atomic int64_t number;
    autofd lock = -1;
    struct target t;
    struct uffd u;
    struct qemu q;

    lock = device_lock();
    if (lock < 0 || !device_is_closed()) {
        g_test_skip("no " DEVICE " that is root's alone");
        return;
    }
    q = qemu_start(unprivileged);
    g_assert_true(target_find(&t, q.pid, "web", RAM_BYTES, &error));
    g_assert_false(attach(&u, &t, &number, &error));
    check_message(error, "user 65534, which may not open /dev/userfaultfd");
    qmp(&q, "{\"execute\": \"query-status\"}");
    target_clear(&t);
    qemu_end(&q);

    access = device_open_for(NOBODY);
    check_served(unprivileged, false);
    device_close(&access);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (geteuid() != 0) {
        g_print("1..0 # SKIP attaching needs root\n");
        return 0;
    }
    g_test_add_func("/attach-qemu/paused", test_paused);
    g_test_add_func("/attach-qemu/running", test_running);
    g_test_add_func("/attach-qemu/unprivileged", test_unprivileged);
    g_test_add_func("/attach-qemu/refused/private", test_private);
    g_test_add_func("/attach-qemu/refused/locked", test_locked);
    g_test_add_func("/attach-qemu/refused/two-nodes", test_two_nodes);
    g_test_add_func("/attach-qemu/refused/file", test_file);
    g_test_add_func("/attach-qemu/refused/hugetlb", test_hugetlb);
    g_test_add_func("/attach-qemu/drives", test_drives);
    return g_test_run();
}
