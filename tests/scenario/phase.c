/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "scenario/error.h"
#include "scenario/phase.h"

static struct phase parse(const char *line, bool host)
{
    g_autoptr(GError) error = NULL;
    struct phase phase = {0};
    bool ok = phase_parse(line, host, &phase, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return phase;
}

static void refuse(const char *line, bool host, const char *part)
{
    g_autoptr(GError) error = NULL;
    struct phase phase;

    g_assert_false(phase_parse(line, host, &phase, &error));
    g_assert_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID);
    if (!strstr(error->message, part))
        g_error("\"%s\" does not speak of \"%s\"", error->message, part);
}

static void test_fill(void)
{
    struct phase p = parse("at 1.5s  fill 400M compressible=0.25 rate=20M", false);

    g_assert_cmpfloat_with_epsilon(p.at, 1.5, 1e-9);
    g_assert_cmpint(p.kind, ==, PHASE_FILL);
    g_assert_cmpuint(p.bytes, ==, 400u << 20);
    g_assert_cmpint(p.content, ==, CONTENT_COMPRESSIBLE);
    g_assert_cmpuint(p.rate, ==, 20u << 20);

    g_autofree char *order = phase_order(&p);

    g_assert_cmpstr(order, ==,
                    "{\"do\":\"fill\",\"bytes\":419430400,\"content\":{\"compressible\":0.25},"
                    "\"rate\":20971520}");
}

static void test_touch(void)
{
    struct phase p = parse("at 20 touch 64M writes=0.3 skew=0.8 ops=1000", false);
    g_autofree char *order = phase_order(&p);
    g_autofree char *text = phase_describe(&p);

    g_assert_cmpstr(order, ==,
                    "{\"do\":\"touch\",\"bytes\":67108864,\"skew\":0.8,\"writes\":0.3,"
                    "\"ops\":1000}");
    g_assert_cmpstr(text, ==, "touch 64M");

    struct phase four = parse("at 0 touch 64M threads=4", false);
    g_autofree char *many = phase_order(&four);

    g_assert_nonnull(strstr(many, "\"threads\":4}"));
    g_assert_false(phase_same_work(&p, &four));
}

static void test_orders(void)
{
    static const struct {
        const char *line, *order;
    } cases[] = {
        {"at 0 fill 1M", "{\"do\":\"fill\",\"bytes\":1048576,\"content\":\"random\",\"rate\":0}"},
        {"at 0 fill 1M same",
         "{\"do\":\"fill\",\"bytes\":1048576,\"content\":\"same\",\"rate\":0}"},
        {"at 0 fill 1M mixed",
         "{\"do\":\"fill\",\"bytes\":1048576,\"content\":\"mixed\",\"rate\":0}"},
        {"at 0 stream 2M once", "{\"do\":\"stream\",\"bytes\":2097152,\"repeat\":false}"},
        {"at 0 stream 2M", "{\"do\":\"stream\",\"bytes\":2097152,\"repeat\":true}"},
        {"at 0 run compile  64", "{\"do\":\"run\",\"command\":\"compile 64\",\"repeat\":true}"},
        {"at 0 run once echo \"a b\"",
         "{\"do\":\"run\",\"command\":\"echo \\\"a b\\\"\",\"repeat\":false}"},
        {"at 0 free", "{\"do\":\"free\",\"bytes\":0}"},
        {"at 0 free 3M", "{\"do\":\"free\",\"bytes\":3145728}"},
        {"at 0 drop-caches", "{\"do\":\"drop-caches\"}"},
        {"at 0 verify", "{\"do\":\"verify\"}"},
        {"at 0 idle", "{\"do\":\"idle\"}"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct phase p = parse(cases[i].line, false);
        g_autofree char *order = phase_order(&p);

        g_assert_cmpstr(order, ==, cases[i].order);
        phase_clear(&p);
    }
}

static void test_host(void)
{
    struct phase capacity = parse("at 30s capacity 700M", true);
    struct phase say = parse("at 5s say Now watch the  busy one", true);

    g_assert_cmpint(capacity.kind, ==, PHASE_CAPACITY);
    g_assert_cmpuint(capacity.bytes, ==, 700u << 20);
    g_assert_cmpstr(say.text, ==, "Now watch the busy one");
    phase_clear(&say);
    g_assert_null(say.text);

    struct phase set = parse("at 5s set policy.idle-tax = 0.5", true);
    g_autofree char *what = phase_describe(&set);

    g_assert_cmpint(set.kind, ==, PHASE_SET);
    g_assert_cmpstr(set.text, ==, "policy.idle-tax = 0.5");
    g_assert_cmpstr(what, ==, "set policy.idle-tax = 0.5");
    phase_clear(&set);
    set = parse("at 5s set vm \"web\".limit=300M", true);
    g_assert_cmpstr(set.text, ==, "vm \"web\".limit=300M");
    phase_clear(&set);
}

static void test_again(void)
{
    struct phase p = parse("at 2s every 3s until 10s pager-kill within=1s", false);

    g_assert_cmpint(p.kind, ==, PHASE_PAGER_KILL);
    g_assert_true(phase_is_pager(p.kind));
    g_assert_false(phase_is_order(p.kind));
    g_assert_cmpfloat_with_epsilon(p.at, 2, 1e-9);
    g_assert_cmpfloat_with_epsilon(p.every, 3, 1e-9);
    g_assert_cmpfloat_with_epsilon(p.until, 10, 1e-9);
    g_assert_cmpfloat_with_epsilon(p.within, 1, 1e-9);
    p = parse("at 5s balloon 100M within=2s", false);
    g_assert_cmpint(p.kind, ==, PHASE_BALLOON);
    g_assert_cmpuint(p.bytes, ==, 100u << 20);
    p = parse("at 5s park", false);
    g_assert_cmpint(p.kind, ==, PHASE_PARK);
    g_assert_cmpfloat(p.every, ==, 0);
}

static void test_refused(void)
{
    g_autofree char *command = g_strnfill(PHASE_COMMAND_MAX + 1, 'x');
    g_autofree char *far = g_strdup_printf("at 0 run %s", command);

    refuse("", false, "at TIME ORDER");
    refuse("20s fill 1M", false, "at TIME ORDER");
    refuse("at soon fill 1M", false, "no time");
    refuse("at -1 fill 1M", false, "no time");
    refuse("at 0 eat 1M", false, "unknown order \"eat\"; allowed here: fill, touch");
    refuse("at 0 capacity 1M", false, "unknown order");
    refuse("at 0 set", true, "set takes SECTION.KEY=VALUE");
    refuse("at 0 set idle-tax=0.5", true, "set takes SECTION.KEY=VALUE");
    refuse("at 0 set policy.idle-tax=", true, "set takes SECTION.KEY=VALUE");
    refuse("at 0 set .x=1", true, "set takes SECTION.KEY=VALUE");
    refuse("at 0 set policy.=1", true, "set takes SECTION.KEY=VALUE");
    refuse("at 0 fill 1M", true, "unknown order");
    refuse("at 0 fill", false, "needs a size");
    refuse("at 0 fill lots", false, "needs a size");
    refuse("at 0 fill 1M skew=1", false, "does not take \"skew=1\"");
    refuse("at 0 fill 1M rate=0", false, "rate");
    refuse("at 0 fill 1M compressible=2", false, "0.01 to 1");
    refuse("at 0 touch 1M writes=1.1", false, "from 0 to 1");
    refuse("at 0 touch 1M skew=x", false, "skew");
    refuse("at 0 touch 1M ops=0", false, "ops");
    refuse("at 0 touch 1M zero", false, "does not take \"zero\"");
    refuse("at 0 idle 5M", false, "does not take \"5M\"");
    refuse("at 0 say", true, "needs a text");
    refuse("at 0 run", false, "needs a command");
    refuse("at 0 run once", false, "needs a command");
    refuse(far, false, "up to 1023 bytes");
    refuse("at 0 touch 1M threads=0", false, "threads");
    refuse("at 0 touch 1M threads=17", false, "threads");
    refuse("at 0 park", true, "unknown order");
    refuse("at 0 pager-kill within=soon", false, "within takes a time");
    refuse("at 0 idle within=1s", false, "does not take");
    refuse("at 5s every 1s idle", false, "until TIME ORDER");
    refuse("at 5s every 0 until 9s idle", false, "until TIME ORDER");
    refuse("at 5s every 1s until 4s idle", false, "until TIME ORDER");
}

static void test_same_work(void)
{
    struct phase a = parse("at 0 touch 10M skew=1", false);
    struct phase later = parse("at 9 touch 10M skew=1", false);
    struct phase other = parse("at 0 touch 10M skew=0.5", false);

    g_assert_true(phase_same_work(&a, &later));
    g_assert_false(phase_same_work(&a, &other));

    struct phase run = parse("at 0 run compile", false);
    struct phase again = parse("at 5 run compile", false);
    struct phase longer = parse("at 0 run compile 9", false);
    g_autofree char *text = phase_describe(&run);

    g_assert_cmpstr(text, ==, "run compile");
    g_assert_true(phase_is_work(run.kind));
    g_assert_true(phase_same_work(&run, &again));
    g_assert_false(phase_same_work(&run, &longer));
    phase_clear(&run);
    phase_clear(&again);
    phase_clear(&longer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/phase/fill", test_fill);
    g_test_add_func("/phase/touch", test_touch);
    g_test_add_func("/phase/orders", test_orders);
    g_test_add_func("/phase/host", test_host);
    g_test_add_func("/phase/again", test_again);
    g_test_add_func("/phase/refused", test_refused);
    g_test_add_func("/phase/same-work", test_same_work);
    return g_test_run();
}
