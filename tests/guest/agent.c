/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's end of the link, against a guest program that is played here. */
#include "lab/agent.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/guest/guarded.h"

#define WAIT_MAX_USEC (20 * G_USEC_PER_SEC)

struct fixture {
    char *directory, *path;
    int listener, peer;
    struct agent *agent;
    unsigned reports;
};

static void count_report(G_GNUC_UNUSED struct agent *agent, const struct agent_report *report,
                         void *data)
{
    struct fixture *f = data;

    g_assert_cmpint(report->received, >, 0);
    f->reports++;
}

static void start_listening(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(f->listener, 1), ==, 0);
}

static void set_up(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    f->directory = g_dir_make_tmp("aerostat-agent-XXXXXX", NULL);
    f->path = g_build_filename(f->directory, "socket", NULL);
    f->peer = f->listener = -1;
    f->agent = agent_new(f->path, count_report, f);
}

static void tear_down(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    agent_free(f->agent);
    if (f->listener >= 0)
        (void)close(f->listener);
    if (f->peer >= 0)
        (void)close(f->peer);
    (void)g_unlink(f->path);
    (void)g_rmdir(f->directory);
    g_free(f->path);
    g_free(f->directory);
}

/* Runs the main loop until @condition. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        gint64 deadline = g_get_monotonic_time() + WAIT_MAX_USEC;                                  \
                                                                                                   \
        while (!(condition)) {                                                                     \
            g_assert_cmpint(g_get_monotonic_time(), <, deadline);                                  \
            (void)g_main_context_iteration(NULL, FALSE);                                           \
            g_usleep(500);                                                                         \
        }                                                                                          \
    } while (0)

static bool take_connection(struct fixture *f)
{
    f->peer = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return f->peer >= 0;
}

static void say(struct fixture *f, const char *text)
{
    g_assert_cmpint(write(f->peer, text, strlen(text)), ==, (gssize)strlen(text));
}

static void report(struct fixture *f, unsigned orders, const char *busy)
{
    unsigned before = f->reports;
    g_autofree char *line = g_strdup_printf(
        "{\"orders\": %u, \"busy\": %s, \"operations\": 5, \"wrong\": 0, \"owned\": 0, \"error\": "
        "\"\", \"latency_us\": {\"p50\": 1, \"p99\": 2, \"max\": 3}, \"mem\": {\"total\": 1, "
        "\"free\": 1, \"available\": 1, \"cached\": 1, \"swap_total\": 1, \"swap_free\": 1}, "
        "\"vmstat\": {\"pswpin\": 1, \"pswpout\": 1, \"pgmajfault\": 1, \"oom_kill\": 1, "
        "\"allocstall\": 1}}\n",
        orders, busy);

    say(f, line);
    WAIT_FOR(f->reports > before);
}

static void connect_and_greet(struct fixture *f)
{
    start_listening(f);
    WAIT_FOR(take_connection(f));
    g_assert_false(agent_ready(f->agent));
    g_assert_false(agent_order(f->agent, "{\"do\": \"idle\"}"));
    say(f, "{\"hel");
    say(f, "lo\": 1}\n");
    WAIT_FOR(agent_ready(f->agent));
}

static void test_waits_for_the_guest(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    g_assert_cmpint(agent_last(f->agent)->received, ==, 0);
    connect_and_greet(f);
    report(f, 0, "false");
    g_assert_cmpuint(agent_last(f->agent)->operations, ==, 5);
    g_assert_cmpfloat(agent_last(f->agent)->latency_p99_usec, ==, 2);
}

static void test_orders_arrive_and_keep_busy(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    char text[64] = "";

    connect_and_greet(f);
    report(f, 0, "false");
    g_assert_false(agent_last(f->agent)->busy);
    g_assert_true(agent_order(f->agent, "{\"do\": \"idle\"}"));
    g_assert_true(agent_last(f->agent)->busy);
    g_assert_cmpint(read(f->peer, text, sizeof(text) - 1), >, 0);
    g_assert_cmpstr(text, ==, "{\"do\": \"idle\"}\n");
    report(f, 0, "false"); /* was on its way already */
    g_assert_true(agent_last(f->agent)->busy);
    report(f, 1, "true");
    g_assert_true(agent_last(f->agent)->busy);
    report(f, 1, "false");
    g_assert_false(agent_last(f->agent)->busy);
}

static void test_nonsense_is_passed_over(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    g_autofree char *endless = g_strnfill(30000, 'z');

    connect_and_greet(f);
    say(f, "nonsense\n\n{\"orders\": 1}\n");
    say(f, endless);
    say(f, "\n");
    report(f, 0, "false");
    g_assert_cmpuint(f->reports, ==, 1);
    g_assert_true(agent_ready(f->agent));
}

static void test_guest_that_takes_no_orders(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    g_autofree char *order = g_strnfill(4000, ' ');
    unsigned sent = 0;

    connect_and_greet(f);
    while (agent_order(f->agent, order)) {
        (void)g_main_context_iteration(NULL, FALSE);
        g_assert_cmpuint(++sent, <, 10000);
    }
    g_assert_true(agent_ready(f->agent));
    for (char text[4096]; sent > 0;) { /* once it takes them, all arrive and new ones are welcome */
        ssize_t got = read(f->peer, text, sizeof(text));

        for (ssize_t i = 0; i < got; i++)
            sent -= text[i] == '\n';
        (void)g_main_context_iteration(NULL, FALSE);
    }
    g_assert_true(agent_order(f->agent, order));
}

static void test_comes_back(struct fixture *f, G_GNUC_UNUSED gconstpointer data)
{
    connect_and_greet(f);
    (void)close(f->peer);
    (void)close(f->listener);
    (void)g_unlink(f->path);
    WAIT_FOR(!agent_ready(f->agent));
    g_assert_false(agent_order(f->agent, "{\"do\": \"idle\"}"));
    connect_and_greet(f);
    g_assert_true(agent_order(f->agent, "{\"do\": \"idle\"}"));
    report(f, 1, "false"); /* counted anew */
    g_assert_false(agent_last(f->agent)->busy);
}

#define ADD(name, test) g_test_add("/agent/" name, struct fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("waits", test_waits_for_the_guest);
    ADD("orders", test_orders_arrive_and_keep_busy);
    ADD("nonsense", test_nonsense_is_passed_over);
    ADD("full", test_guest_that_takes_no_orders);
    ADD("comes-back", test_comes_back);
    return guarded_run();
}
