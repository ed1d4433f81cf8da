/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/order.h"

#include <glib.h>
#include <string.h>

#include "guest/pages.h"

static struct order parse(const char *line)
{
    struct order order;
    const char *error = order_parse(line, strlen(line), &order);

    g_assert_cmpstr(error, ==, NULL);
    return order;
}

static void test_fill(void)
{
    struct order o =
        parse("{\"do\": \"fill\", \"bytes\": 8192, \"content\": \"zero\", \"rate\": 1e6}");

    g_assert_cmpint(o.verb, ==, ORDER_FILL);
    g_assert_cmpuint(o.bytes, ==, 8192);
    g_assert_true(o.content.zero);
    g_assert_cmpfloat(o.rate, ==, 1e6);
    o = parse("{\"do\": \"fill\", \"bytes\": 1}");
    g_assert_cmpuint(o.content.random_words, ==, PAGE_WORDS);
    g_assert_cmpfloat(o.rate, ==, 0);
    o = parse("{\"do\": \"fill\", \"bytes\": 1, \"content\": \"same\"}");
    g_assert_true(o.content.same);
    o = parse("{\"do\": \"fill\", \"bytes\": 1, \"content\": \"mixed\"}");
    g_assert_true(o.content.mixed);
    o = parse("{\"do\": \"fill\", \"bytes\": 1, \"content\": {\"compressible\": 0.5}}");
    g_assert_cmpuint(o.content.random_words, ==, PAGE_WORDS / 2);
}

static void test_touch(void)
{
    struct order o = parse(
        "{\"do\": \"touch\", \"bytes\": 8192, \"skew\": 0.9, \"writes\": 0.25, \"ops\": 100}");

    g_assert_cmpint(o.verb, ==, ORDER_TOUCH);
    g_assert_cmpfloat(o.skew, ==, 0.9);
    g_assert_cmpfloat(o.writes, ==, 0.25);
    g_assert_cmpfloat(o.rate, ==, 100);
    g_assert_cmpuint(o.threads, ==, 1);
    g_assert_cmpuint(parse("{\"do\": \"touch\", \"bytes\": 1, \"threads\": 16}").threads, ==, 16);
    o = parse("{\"do\": \"touch\", \"bytes\": 1}");
    g_assert_cmpfloat(o.skew, ==, 0);
    g_assert_cmpfloat(o.writes, ==, 0);
    g_assert_cmpfloat(o.rate, ==, 0);
}

static void test_others(void)
{
    struct order o = parse("{\"do\": \"stream\", \"bytes\": 4096, \"repeat\": true}");

    g_assert_cmpint(o.verb, ==, ORDER_STREAM);
    g_assert_true(o.repeat);
    g_assert_false(parse("{\"do\": \"stream\", \"bytes\": 4096}").repeat);
    o = parse("{\"do\": \"run\", \"command\": \"echo ops 5\", \"repeat\": true}");
    g_assert_cmpint(o.verb, ==, ORDER_RUN);
    g_assert_cmpstr(o.command, ==, "echo ops 5");
    g_assert_true(o.repeat);
    g_assert_cmpint(parse("{\"do\": \"verify\"}").verb, ==, ORDER_VERIFY);
    o = parse("{\"do\": \"free\"}");
    g_assert_cmpint(o.verb, ==, ORDER_FREE);
    g_assert_cmpuint(o.bytes, ==, 0);
    g_assert_cmpuint(parse("{\"do\": \"free\", \"bytes\": 4096}").bytes, ==, 4096);
    g_assert_cmpint(parse("{\"do\": \"drop-caches\"}").verb, ==, ORDER_DROP_CACHES);
    g_assert_cmpint(parse("{\"do\": \"idle\"}").verb, ==, ORDER_IDLE);
    o = parse("{\"report_ms\": 50}");
    g_assert_cmpint(o.verb, ==, ORDER_REPORT);
    g_assert_cmpuint(o.report_ms, ==, 50);
}

static void test_longest_command(void)
{
    g_autofree char *fits = g_strnfill(ORDER_COMMAND_MAX - 1, 'x');
    g_autofree char *line = g_strdup_printf("{\"do\": \"run\", \"command\": \"%s\"}", fits);
    g_autofree char *longer = g_strdup_printf("{\"do\": \"run\", \"command\": \"%sx\"}", fits);
    struct order order;

    g_assert_cmpstr(parse(line).command, ==, fits);
    g_assert_cmpstr(order_parse(longer, strlen(longer), &order), ==,
                    "order: command missing, empty or too long");
}

static void test_wrong_ones_change_nothing(void)
{
    static const char *const lines[] = {
        "",
        "fill",
        "[]",
        "{}",
        "{\"do\": \"fly\"}",
        "{\"do\": 1}",
        "{\"do\": \"fill\"}",
        "{\"do\": \"fill\", \"bytes\": -1}",
        "{\"do\": \"fill\", \"bytes\": \"1\"}",
        "{\"do\": \"fill\", \"bytes\": 1.5}",
        "{\"do\": \"fill\", \"bytes\": 274877906945}",
        "{\"do\": \"fill\", \"bytes\": 1, \"rate\": -1}",
        "{\"do\": \"fill\", \"bytes\": 1, \"content\": \"noise\"}",
        "{\"do\": \"fill\", \"bytes\": 1, \"content\": {\"compressible\": 0}}",
        "{\"do\": \"fill\", \"bytes\": 1, \"content\": {\"compressible\": 1.1}}",
        "{\"do\": \"fill\", \"bytes\": 1, \"content\": {}}",
        "{\"do\": \"fill\", \"bytes\": 1, \"skew\": 1}",
        "{\"do\": \"fill\", \"bytes\": 1, \"byte\": 1}",
        "{\"do\": \"fill\", \"bytes\": 1, \"\": 1}",
        "{\"do\": \"touch\"}",
        "{\"do\": \"touch\", \"bytes\": 0}",
        "{\"do\": \"touch\", \"bytes\": 1, \"skew\": 9}",
        "{\"do\": \"touch\", \"bytes\": 1, \"skew\": NaN}",
        "{\"do\": \"touch\", \"bytes\": 1, \"writes\": 1.01}",
        "{\"do\": \"touch\", \"bytes\": 1, \"ops\": true}",
        "{\"do\": \"touch\", \"bytes\": 1, \"threads\": 0}",
        "{\"do\": \"touch\", \"bytes\": 1, \"threads\": 17}",
        "{\"do\": \"stream\", \"bytes\": 1, \"repeat\": 1}",
        "{\"do\": \"run\"}",
        "{\"do\": \"run\", \"command\": \"\"}",
        "{\"do\": \"run\", \"command\": 1}",
        "{\"do\": \"run\", \"command\": \"x\", \"bytes\": 1}",
        "{\"do\": \"verify\", \"bytes\": 1}",
        "{\"do\": \"free\", \"bytes\": null}",
        "{\"report_ms\": 49}",
        "{\"report_ms\": 60001}",
        "{\"report_ms\": 500, \"do\": \"idle\"}",
        "{\"do\": \"idle\"} {\"do\": \"idle\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        struct order order = {.number = 77};
        const char *error = order_parse(lines[i], strlen(lines[i]), &order);

        g_test_message("%s: %s", lines[i], error ? error : "accepted");
        g_assert_nonnull(error);
        g_assert_true(g_str_has_prefix(error, "order: "));
        g_assert_cmpuint(order.number, ==, 77);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/order/fill", test_fill);
    g_test_add_func("/order/touch", test_touch);
    g_test_add_func("/order/others", test_others);
    g_test_add_func("/order/longest-command", test_longest_command);
    g_test_add_func("/order/wrong", test_wrong_ones_change_nothing);
    return g_test_run();
}
