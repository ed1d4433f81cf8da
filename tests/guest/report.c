/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a report: how the guest program writes it, and how the lab reads it. */
#include "guest/report.h"

#include <errno.h>
#include <glib.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lab/agent-report.h"

static const char meminfo[] = "MemTotal:         493412 kB\n"
                              "MemFree:          201000 kB\n"
                              "MemAvailable:     300000 kB\n"
                              "Cached:            50000 kB\n"
                              "SwapCached:          123 kB\n"
                              "SwapTotal:        262140 kB\n"
                              "SwapFree:         262000 kB\n";

static const char vmstat[] = "nr_free_pages 50250\n"
                             "pswpin 11\n"
                             "pswpout 22\n"
                             "pgmajfault 33\n"
                             "allocstall_dma 1\n"
                             "allocstall_dma32 2\n"
                             "allocstall_normal 4\n"
                             "oom_kill 5\n";

static void test_kernel_stats(void)
{
    struct kernel_stats k;

    kernel_stats_parse(&k, meminfo, vmstat);
    g_assert_cmpuint(k.total, ==, 493412 * 1024);
    g_assert_cmpuint(k.free, ==, 201000 * 1024);
    g_assert_cmpuint(k.available, ==, 300000 * 1024);
    g_assert_cmpuint(k.cached, ==, 50000 * 1024);
    g_assert_cmpuint(k.swap_total, ==, 262140 * 1024);
    g_assert_cmpuint(k.swap_free, ==, 262000 * 1024);
    g_assert_cmpuint(k.pswpin, ==, 11);
    g_assert_cmpuint(k.pswpout, ==, 22);
    g_assert_cmpuint(k.pgmajfault, ==, 33);
    g_assert_cmpuint(k.allocstall, ==, 7);
    g_assert_cmpuint(k.oom_kill, ==, 5);
}

static void test_kernel_says_nothing(void)
{
    struct kernel_stats k;

    kernel_stats_parse(&k, "", "");
    g_assert_cmpuint(k.total, ==, 0);
    g_assert_cmpuint(k.oom_kill, ==, 0);
}

/* Writes a report of @shared, and reads it as the lab does. */
static struct agent_report transfer(struct shared *shared, const char *error, uint64_t taken)
{
    struct agent_report read = {0};
    struct reporter reporter;
    uint64_t orders = 0;
    char line[2048];
    size_t length;

    g_assert_cmpint(reporter_init(&reporter, 1000), ==, 0);
    reporter.taken = taken;
    length = reporter_write(&reporter, shared, error, 2000, line, sizeof(line));
    g_assert_cmpuint(length, >, 0);
    g_assert_cmpint(line[length - 1], ==, '\n');
    g_assert_cmpint(report_parse(line, length, &read, &orders), ==, REPORT_LINE_REPORT);
    g_assert_cmpuint(orders, ==, taken);
    g_assert_cmpuint(reporter_write(&reporter, shared, error, 2000, line, 100), ==, 0);
    (void)close(reporter.meminfo);
    (void)close(reporter.vmstat);
    return read;
}

static void test_what_is_written_is_read(void)
{
    struct shared shared = {.operations = 1234567890123u, .wrong = 3, .owned = 4096};
    struct agent_report r;

    histogram_add(&shared.latencies, 4000);
    r = transfer(&shared, NULL, 9);
    g_assert_cmpuint(r.operations, ==, 1234567890123u);
    g_assert_cmpuint(r.wrong_pages, ==, 3);
    g_assert_cmpuint(r.owned, ==, 4096);
    g_assert_cmpfloat(r.latency_p50_usec, ==, 4);
    g_assert_cmpfloat(r.latency_max_usec, ==, 4);
    g_assert_cmpuint(r.mem_total, >, 0);
    g_assert_cmpuint(r.mem_available, >, 0);
    g_assert_false(r.busy);
    g_assert_cmpstr(r.error, ==, "");
}

static void test_busy_until_the_last_order_is_finished(void)
{
    struct shared shared = {.ordered = 3, .finished = 2};

    g_assert_true(transfer(&shared, NULL, 3).busy);
    atomic_store(&shared.finished, 3);
    g_assert_false(transfer(&shared, NULL, 3).busy);
}

static void test_error_is_of_the_last_order(void)
{
    struct shared shared = {
        .ordered = 3, .failed = 3, .error = "a \"quoted\" word", .error_number = ENOSPC};

    g_assert_cmpstr(transfer(&shared, NULL, 3).error, ==,
                    "a \"quoted\" word: No space left on device");
    atomic_store(&shared.ordered, 4);
    g_assert_cmpstr(transfer(&shared, NULL, 4).error, ==, "");
    g_assert_cmpstr(transfer(&shared, "worker killed", 4).error, ==, "worker killed");
}

#define WORK                                                                                       \
    "\"t\": 1, \"orders\": 1, \"busy\": true, \"operations\": 1, \"wrong\": 0, \"owned\": 0, "     \
    "\"error\": \"\", "
#define LATENCY "\"latency_us\": {\"p50\": 1, \"p99\": 2.5, \"max\": 3}, "
#define MEM                                                                                        \
    "\"mem\": {\"total\": 1, \"free\": 1, \"available\": 1, \"cached\": 1, \"swap_total\": 1, "    \
    "\"swap_free\": 1}, "
#define VMSTAT                                                                                     \
    "\"vmstat\": {\"pswpin\": 1, \"pswpout\": 1, \"pgmajfault\": 1, \"oom_kill\": 1, "             \
    "\"allocstall\": 1}"

static enum report_line parse(const char *line)
{
    struct agent_report report = {.owned = 77};
    uint64_t orders = 77;
    enum report_line kind = report_parse(line, strlen(line), &report, &orders);

    if (kind != REPORT_LINE_REPORT) {
        g_assert_cmpuint(report.owned, ==, 77);
        g_assert_cmpuint(orders, ==, 77);
    }
    return kind;
}

static void test_lab_believes_nothing_else(void)
{
    static const char *const lines[] = {
        "",
        "hello",
        "{}",
        "[]",
        "{\"hello\": 2}",
        "{\"hello\": true}",
        "{" WORK LATENCY MEM "}",
        "{" WORK LATENCY VMSTAT "}",
        "{" WORK MEM VMSTAT "}",
        "{" LATENCY MEM VMSTAT "}",
        "{" WORK LATENCY MEM VMSTAT,
        "{" WORK LATENCY MEM VMSTAT "} {}",
        "{" WORK LATENCY MEM VMSTAT ", \"wrong\": -1}",
        "{" WORK LATENCY MEM VMSTAT ", \"busy\": 1}",
        "{" WORK LATENCY MEM VMSTAT ", \"error\": null}",
        "{" WORK LATENCY MEM VMSTAT ", \"owned\": \"5\"}",
    };

    g_assert_cmpint(parse("{\"hello\": 1}"), ==, REPORT_LINE_HELLO);
    g_assert_cmpint(parse("{" WORK LATENCY MEM VMSTAT "}"), ==, REPORT_LINE_REPORT);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_test_message("%s", lines[i]);
        g_assert_cmpint(parse(lines[i]), ==, REPORT_LINE_INVALID);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report/kernel", test_kernel_stats);
    g_test_add_func("/report/kernel-nothing", test_kernel_says_nothing);
    g_test_add_func("/report/transfer", test_what_is_written_is_read);
    g_test_add_func("/report/busy", test_busy_until_the_last_order_is_finished);
    g_test_add_func("/report/error", test_error_is_of_the_last_order);
    g_test_add_func("/report/invalid", test_lab_believes_nothing_else);
    return g_test_run();
}
