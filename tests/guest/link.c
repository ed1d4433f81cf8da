/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/link.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/guest/guarded.h"

/* A link and the lab's end of it. */
struct fixture {
    char *directory, *path;
    int listener, peer;
    struct link link;
    GString *lines; /* what was taken, each with '\n' after it; a too long one is "!" */
};

static void take(void *data, const char *line, size_t len)
{
    struct fixture *f = data;

    if (line)
        g_string_append_len(f->lines, line, (gssize)len);
    g_string_append(f->lines, line ? "\n" : "!\n");
}

static void set_up(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    f->directory = g_dir_make_tmp("aerostat-link-XXXXXX", NULL);
    f->path = g_build_filename(f->directory, "socket", NULL);
    f->lines = g_string_new(NULL);
    (void)g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(f->listener, 1), ==, 0);
    g_assert_cmpint(link_open(&f->link, f->path), ==, 0);
    g_assert_true(f->link.socket);
    f->peer = accept(f->listener, NULL, NULL);
    g_assert_cmpint(f->peer, >=, 0);
}

static void tear_down(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    link_close(&f->link);
    (void)close(f->listener);
    if (f->peer >= 0)
        (void)close(f->peer);
    (void)g_unlink(f->path);
    (void)g_rmdir(f->directory);
    (void)g_string_free(f->lines, TRUE);
    g_free(f->path);
    g_free(f->directory);
}

/* The lab sends it, and the link reads until there is nothing more. */
static void deliver(struct fixture *f, const char *text, size_t len)
{
    g_assert_cmpint(write(f->peer, text, len), ==, (gssize)len);
    for (unsigned i = 0; i < 10; i++)
        g_assert_true(link_read(&f->link, take, f));
}

static void test_lines_in_any_pieces(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    deliver(f, "one\ntw", 6);
    g_assert_cmpstr(f->lines->str, ==, "one\n");
    deliver(f, "o", 1);
    deliver(f, "\n\nfour\n", 7);
    g_assert_cmpstr(f->lines->str, ==, "one\ntwo\n\nfour\n");
}

static void test_too_long_line_is_skipped(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    g_autofree char *longest = g_strnfill(ORDER_LINE_MAX - 1, 'x');
    g_autofree char *too_long = g_strnfill(3 * ORDER_LINE_MAX + 5, 'x');

    deliver(f, longest, strlen(longest));
    deliver(f, "\n", 1);
    g_assert_cmpuint(f->lines->len, ==, ORDER_LINE_MAX);
    g_string_truncate(f->lines, 0);

    deliver(f, too_long, strlen(too_long));
    g_assert_cmpstr(f->lines->str, ==, "!\n");
    deliver(f, "end\nnext\n", 9);
    g_assert_cmpstr(f->lines->str, ==, "!\nnext\n");
}

/* A lab that does not read: lines are dropped whole, and what arrives is whole lines. */
static void test_nobody_reads(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(GString) arrived = g_string_new(NULL);
    g_autofree char *line = g_strnfill(1500, 'y');
    unsigned sent = 0, dropped = 0;
    char piece[4096];
    ssize_t got;

    line[1499] = '\n';
    while (dropped < 10) {
        if (link_write(&f->link, line, 1500))
            sent++;
        else
            dropped++;
        g_assert_cmpuint(sent, <, 10000);
    }
    do {
        got = recv(f->peer, piece, sizeof(piece), MSG_DONTWAIT);
        if (got > 0)
            g_string_append_len(arrived, piece, got);
        else if (f->link.out_length)
            g_assert_true(link_write(&f->link, "last\n", 5));
    } while (got > 0 || f->link.out_length);
    got = recv(f->peer, piece, sizeof(piece), MSG_DONTWAIT);
    if (got > 0)
        g_string_append_len(arrived, piece, got);
    for (const char *at = arrived->str; *at; at = strchr(at, '\n') + 1)
        g_assert_true(!strncmp(at, "last\n", 5) || !strncmp(at, line, 1500));
}

static void test_end(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    (void)close(f->peer);
    f->peer = -1;
    g_assert_false(link_read(&f->link, take, f));
}

static void test_no_such_device(void)
{
    struct link link;

    g_assert_cmpint(link_open(&link, "/nonexistent/port"), <, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/link/lines", struct fixture, NULL, set_up, test_lines_in_any_pieces, tear_down);
    g_test_add("/link/too-long", struct fixture, NULL, set_up, test_too_long_line_is_skipped,
               tear_down);
    g_test_add("/link/nobody-reads", struct fixture, NULL, set_up, test_nobody_reads, tear_down);
    g_test_add("/link/end", struct fixture, NULL, set_up, test_end, tear_down);
    g_test_add_func("/link/no-device", test_no_such_device);
    return guarded_run();
}
