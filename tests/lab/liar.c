/* SPDX-License-Identifier: Apache-2.0 */
/* The liar between a socket that plays the daemon and one that plays QEMU. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "lab/liar.h"
#include "lab/loop.h"

#define STATS                                                                                      \
    "{\"return\": {\"stats\": {\"stat-total-memory\": 500000000, "                                 \
    "\"stat-available-memory\": 100000000, \"stat-free-memory\": 50000000, "                       \
    "\"stat-swap-in\": 7, \"stat-major-faults\": 9}, \"last-update\": 1234}, \"id\": \"x\"}"

struct fixture {
    char *directory, *path, *qemu_path;
    struct liar *liar;
    int qemu_listener, qemu, daemon;
};

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    return address;
}

static void setup(struct fixture *f, const void *data)
{
    const int *kind = data; /* enum guest_lie, or -1: ignores the balloon */
    struct sockaddr_un address;

    f->directory = g_dir_make_tmp("liar-XXXXXX", NULL);
    f->path = g_build_filename(f->directory, "seen", NULL);
    f->qemu_path = g_build_filename(f->directory, "qemu", NULL);
    f->qemu_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = address_of(f->qemu_path);
    g_assert_cmpint(bind(f->qemu_listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(f->qemu_listener, 1), ==, 0);

    f->liar = liar_new(f->path, f->qemu_path, *kind < 0 ? LIE_NONE : (enum guest_lie) * kind,
                       *kind < 0, NULL);
    g_assert_nonnull(f->liar);
    g_assert_cmpint(listen(liar_socket(f->liar), 1), ==, 0);
    liar_begin(f->liar);

    f->daemon = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = address_of(f->path);
    g_assert_cmpint(connect(f->daemon, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_true(loop_serve(10));
    f->qemu = accept(f->qemu_listener, NULL, NULL);
    g_assert_cmpint(f->qemu, >=, 0);
}

static void teardown(struct fixture *f, const void *data)
{
    (void)data;
    liar_free(f->liar);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    fd_close(&f->daemon);
    fd_close(&f->qemu);
    fd_close(&f->qemu_listener);
    g_assert_cmpint(g_unlink(f->qemu_path), ==, 0);
    g_assert_cmpint(g_rmdir(f->directory), ==, 0);
    g_free(f->directory);
    g_free(f->path);
    g_free(f->qemu_path);
}

static void put(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (int)strlen(text));
}

/* What arrives at @fd while the liar is served. */
static char *get(int fd)
{
    char text[4096];
    ssize_t len = -1;

    for (int i = 0; i < 500 && len < 0; i++) {
        g_assert_true(loop_serve(10));
        len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    }
    g_assert_cmpint(len, >=, 0);
    text[len] = '\0';
    return g_strdup(text);
}

/* Sends @text in two pieces and returns what the daemon gets of it. */
static char *through(struct fixture *f, const char *text)
{
    g_autofree char *half = g_strndup(text, strlen(text) / 2);

    put(f->qemu, half);
    g_assert_true(loop_serve(20));
    put(f->qemu, text + strlen(half));
    return get(f->daemon);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        g_error("%s has no %s", text, part);
}

static void test_idle(struct fixture *f, const void *data)
{
    g_autofree char *other = through(f, "{\"return\": {\"actual\": 18446744073709551615}}\r\n");
    g_autofree char *stats = through(f, STATS "\r\n");

    (void)data;
    assert_has(other, "{\"actual\":18446744073709551615}");
    assert_has(stats, "\"stat-available-memory\":450000000");
    assert_has(stats, "\"stat-swap-in\":0");
    assert_has(stats, "\"last-update\":1234");
    assert_has(stats, "\"id\":\"x\"");
}

static void test_starved(struct fixture *f, const void *data)
{
    g_autofree char *first = through(f, STATS "\r\n");
    g_autofree char *second = through(f, STATS "\r\n");

    (void)data;
    assert_has(first, "\"stat-available-memory\":1048576");
    assert_has(first, "\"stat-swap-in\":67108864");
    assert_has(second, "\"stat-swap-in\":134217728");
}

static void test_frozen(struct fixture *f, const void *data)
{
    g_autofree char *first = through(f, STATS "\r\n"); /* what is repeated from then on */
    g_autofree char *second =
        through(f, "{\"return\": {\"stats\": {\"stat-total-memory\": 400000000}, "
                   "\"last-update\": 9999}, \"id\": \"y\"}\r\n");

    (void)data;
    assert_has(first, "\"stat-total-memory\":500000000");
    assert_has(second, "\"stat-total-memory\":500000000");
    assert_has(second, "\"last-update\":1234");
    assert_has(second, "\"id\":\"y\"");
}

static void test_ignores(struct fixture *f, const void *data)
{
    g_autofree char *answer = NULL, *passed = NULL;

    (void)data;
    put(f->daemon, "{\"execute\": \"balloon\", \"arguments\": {\"value\": 1}, \"id\": 5}");
    answer = get(f->daemon);
    assert_has(answer, "{\"return\":{},\"id\":5}");
    put(f->daemon, "{\"execute\": \"query-balloon\"}\n");
    passed = get(f->qemu);
    assert_has(passed, "query-balloon");
    g_assert_null(strstr(passed, "value"));
}

/* A document without an end, or what is no JSON at all, ends the connection; the next one is
 * served. */
static void test_reconnect(struct fixture *f, const void *data)
{
    struct sockaddr_un address = address_of(f->path);
    g_autofree char *nothing = NULL, *stats = NULL;

    (void)data;
    put(f->qemu, "}}}}");
    nothing = get(f->daemon);
    g_assert_cmpstr(nothing, ==, "");
    fd_close(&f->daemon);
    fd_close(&f->qemu);
    f->daemon = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(f->daemon, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_true(loop_serve(10));
    f->qemu = accept(f->qemu_listener, NULL, NULL);
    stats = through(f, STATS "\r\n");
    assert_has(stats, "450000000");
}

int main(int argc, char **argv)
{
    static const int idle = LIE_IDLE, starved = LIE_STARVED, frozen = LIE_FROZEN, ignores = -1;

    g_test_init(&argc, &argv, NULL);
    g_test_add("/liar/idle", struct fixture, &idle, setup, test_idle, teardown);
    g_test_add("/liar/starved", struct fixture, &starved, setup, test_starved, teardown);
    g_test_add("/liar/frozen", struct fixture, &frozen, setup, test_frozen, teardown);
    g_test_add("/liar/ignores", struct fixture, &ignores, setup, test_ignores, teardown);
    g_test_add("/liar/reconnect", struct fixture, &idle, setup, test_reconnect, teardown);
    return g_test_run();
}
