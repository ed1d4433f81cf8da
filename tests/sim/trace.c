/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: what becomes of lines, and what is refused. */
#include "sim/trace.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static struct trace *load(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("trace-XXXXXX.csv", &path, NULL);
    struct trace *t;

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    t = trace_load(path, error);
    g_assert_cmpint(g_unlink(path), ==, 0);
    return t;
}

static struct trace *load_right(const char *text)
{
    g_autoptr(GError) error = NULL;
    struct trace *t = load(text, &error);

    g_assert_no_error(error);
    return t;
}

static void test_lines(void)
{
    struct trace *t =
        load_right("# a fleet\n"
                   "time, guest, size, owned, used_1s, used_60s, cache, zero, shares\n"
                   "0, web, 1G, 400M, 100M, 300M, 50M, 0.25, 77\r\n"
                   "\n"
                   "1min, web, , 500M, , , 80M, ,\n"
                   "90, \"db, the \"\"big\"\" one\", 2G, 1G, , , , , \n"
                   "120,web,,,,,,,\n");
    const struct work *web;

    g_assert_cmpuint(t->n, ==, 2);
    g_assert_cmpuint(t->length, ==, 120 * USEC_PER_SEC);
    g_assert_cmpstr(t->guests[0].name, ==, "web");
    g_assert_cmpuint(t->guests[0].size, ==, GIB);
    g_assert_cmpuint(t->guests[0].settings.shares, ==, 77);
    g_assert_cmpstr(t->guests[1].name, ==, "db, the \"big\" one");
    g_assert_cmpuint(t->guests[1].start, ==, 90 * USEC_PER_SEC);
    web = &t->guests[0].work;
    g_assert_cmpuint(web->n, ==, 3);
    g_assert_cmpuint(web->steps[0].own, ==, 400 * MIB);
    g_assert_cmpuint(web->steps[0].anon[0].bytes, ==, 100 * MIB);
    g_assert_cmpuint(web->steps[0].anon[1].bytes, ==, 0);
    g_assert_cmpuint(web->steps[0].anon[2].bytes, ==, 200 * MIB);
    g_assert_cmpfloat_with_epsilon(web->steps[0].anon[2].interval, sqrt(600), 1e-9);
    g_assert_cmpuint(web->steps[0].cold_cache, ==, 50 * MIB);
    /* What is empty stays as it was. */
    g_assert_cmpuint(web->steps[1].at, ==, 60 * USEC_PER_SEC);
    g_assert_cmpuint(web->steps[1].anon[2].bytes, ==, 200 * MIB);
    g_assert_cmpuint(web->steps[1].cold_cache, ==, 30 * MIB);
    g_assert_cmpfloat_with_epsilon(web->steps[2].content.zero, 0.25, 1e-9);
    /* Of nothing known, all that is owned is used. */
    g_assert_cmpuint(t->guests[1].work.steps[0].anon[2].bytes, ==, GIB);
    g_assert_cmpfloat_with_epsilon(t->guests[1].work.steps[0].demand, 1, 1e-9);
    trace_free(t);
}

/* As a spreadsheet writes it. */
static void test_spreadsheet(void)
{
    struct trace *t =
        load_right("\xef\xbb\xbftime,guest,size,owned\r\n0,a,1G,100M\r\n60,a,,200M\r\n");

    g_assert_cmpuint(t->n, ==, 1);
    g_assert_cmpuint(t->length, ==, 60 * USEC_PER_SEC);
    trace_free(t);
}

static void test_lives(void)
{
    struct trace *t = load_right("time,guest,size,owned,reservation\n"
                                 "1763745600.5,ci,1G,100M,64M\n"
                                 "1763745610.5,ci,0,,\n"
                                 "1763745620.5,ci,0,,\n"
                                 "1763745630.5,ci,2G,200M,\n"
                                 "1763745640.5,ci,,200M,\n");

    g_assert_cmpuint(t->n, ==, 2);
    g_assert_cmpuint(t->guests[0].start, ==, 0);
    g_assert_cmpuint(t->guests[0].end, ==, 10 * USEC_PER_SEC);
    g_assert_cmpuint(t->guests[0].settings.reservation, ==, 64 * MIB);
    g_assert_cmpstr(t->guests[1].name, ==, "ci.2");
    g_assert_cmpuint(t->guests[1].size, ==, 2 * GIB);
    g_assert_cmpuint(t->guests[1].start, ==, 30 * USEC_PER_SEC);
    g_assert_cmpuint(t->guests[1].end, ==, USEC_NEVER);
    /* Another guest has nothing of the one before it. */
    g_assert_cmpuint(t->guests[1].settings.reservation, ==, 0);
    trace_free(t);
}

static void test_refused(void)
{
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"", "it is empty"},
        {"time,guest,owned\n", "it ends with its last line"},
        {"time,size\n0,1G\n", ":1: the columns time and guest"},
        {"time,guest,colour\n", ":1: unknown column \"colour\"; allowed are time, guest,"},
        {"time,guest,size,size\n", ":1: size: the column is there twice"},
        {"time,guest,size\n0,a,1G,\n", ":2: 4 fields; the header has 3"},
        {"time,guest,size\n0,a,1G\n1,a\n", ":3: 2 fields"},
        {"time,guest,size\n0,a,1X\n", ":2: size: \"1X\"; allowed is a size"},
        {"time,guest,size\n0,a,-1\n", ":2: size: \"-1\""},
        {"time,guest,size\n0,a,99999999999999999999\n", ":2: size:"},
        {"time,guest,size\nsoon,a,1G\n", ":2: time: \"soon\""},
        {"time,guest,size\n,a,1G\n", ":2: time: \"\""},
        {"time,guest,size\n0,,1G\n", ":2: guest: \"\""},
        {"time,guest,size\n0,a\x01z,1G\n", ":2: guest:"},
        {"time,guest,size\n0,a\xff,1G\n", ":2: guest:"},
        {"time,guest,owned\n0,a,1G\n", ":2: size: a guest's first line must have it"},
        {"time,guest,size\n0,a,1G\n1,a,2G\n", ":3: size: a guest has one size"},
        {"time,guest,size,shares\n0,a,1G,5\n1,a,,6\n", ":3: a guest's settings"},
        {"time,guest,size\n5,a,1G\n5,a,\n", ":3: time: it is not after"},
        {"time,guest,size\n2000000000,a,1G\n5,b,1G\n", ":3: time: it is before"},
        {"time,guest,size,used_1s\n0,a,1G,1M\n", ":2: what is used of owned"},
        {"time,guest,size,owned,used_1s,used_10s\n0,a,1G,9M,5M,4M\n", ":2: what is used of owned"},
        {"time,guest,size,cache,cache_used_1s\n0,a,1G,1M,2M\n", ":2: what is used of cache"},
        {"time,guest,size,zero\n0,a,1G,1.5\n", ":2: zero: \"1.5\"; allowed is a number from 0"},
        {"time,guest,size,zero\n0,a,1G,nan\n", ":2: zero:"},
        {"time,guest,size,ram\n0,a,1G,huge\n", "allowed is memfd, private"},
        {"time,guest,size,pager\n0,a,1G,maybe\n", "allowed is yes or no"},
        {"time,guest,size\n# fine\n0,\"a,1G\n", ":3: a quotation mark"},
        {"time,guest,size\n0,\"a\"b,1G\n", ":2: a quotation mark"},
        {"time;guest;size\n0;a;1G\n", ":1: commas are to stand between"},
        {"time,guest,size,demand\n0,a,1G,2\n",
         ":2: demand: \"2\"; allowed is a number from 0 to 1"},
        /* A date after a time that is none: the simulation would take hours. */
        {"time,guest,size\n0,a,1G\n1763745600,a,\n", ":3: time: a trace has 731 days"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("%s", wrong[i].message);
        g_assert_null(load(wrong[i].text, &error));
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(error->message, wrong[i].message));
        g_assert_null(strchr(error->message, '\n'));
    }
}

static void test_no_file(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(trace_load("/nonexistent/trace.csv", &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/trace.csv"));
    g_clear_error(&error);
    g_assert_null(trace_load("/dev", &error));
    g_assert_nonnull(strstr(error->message, "no trace"));
    g_clear_error(&error);
    g_assert_null(load("a,b\n1,2\n3,4", &error)); /* no end of line at the end */
    g_assert_nonnull(error);
}

/* No end of line behind the last field, whichever that is. */
static void test_end(void)
{
    trace_free(load_right("time,guest,size\n0,a,1G\n9,a,"));
    trace_free(load_right("time,guest,size\n0,a,1G\n9,a,1G"));
    trace_free(load_right("size,time,guest\n1G,0,a\n,9,\"a\""));
    trace_free(load_right("time,guest,size\n0,a,1G\n9,a,\n# the end"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trace/lines", test_lines);
    g_test_add_func("/trace/spreadsheet", test_spreadsheet);
    g_test_add_func("/trace/lives", test_lives);
    g_test_add_func("/trace/refused", test_refused);
    g_test_add_func("/trace/no-file", test_no_file);
    g_test_add_func("/trace/end", test_end);
    return g_test_run();
}
