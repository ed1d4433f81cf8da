/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that are broken or hostile. Each stands beside a sound guest, which must not notice: it
 * stays up and is polled on and on.
 */
#include <malloc.h>
#include <string.h>

#include "bench.h"
#include "tests/random.h"

#define MIB (UINT64_C(1) << 20)

struct pair {
    struct bench bench;
    struct fake_qmp *bad, *good;
    gint64 good_seen;     /* when the sound guest was last renewed */
    gint64 longest_pause; /* between two of its polls */
};

static void pair_init(struct pair *t)
{
    g_autofree char *bad = NULL, *good = NULL;

    *t = (struct pair){0};
    bench_init(&t->bench);
    bad = bench_path(&t->bench, "bad.sock");
    good = bench_path(&t->bench, "good.sock");
    t->bad = fake_qmp_new(bad);
    t->good = fake_qmp_new(good);
}

static void pair_turn(struct pair *t)
{
    const struct vmm_facts *good = bench_facts(&t->bench, "good.sock");

    bench_turn(&t->bench);
    if (t->good_seen && good->updated > t->good_seen)
        t->longest_pause = MAX(t->longest_pause, good->updated - t->good_seen);
    t->good_seen = good->updated;
}

#define pair_wait(t, condition)                                                                    \
    do {                                                                                           \
        gint64 deadline_ = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;                           \
        while (!(condition)) {                                                                     \
            if (g_get_monotonic_time() > deadline_)                                                \
                g_error("%s:%d: not within 30 s: %s", __FILE__, __LINE__, #condition);             \
            pair_turn(t);                                                                          \
        }                                                                                          \
    } while (0)

static const struct vmm_facts *bad_facts(const struct pair *t)
{
    return bench_facts(&t->bench, "bad.sock");
}

/* The sound guest is as if nothing had happened. */
static void pair_deinit(struct pair *t)
{
    gint64 seen = g_get_monotonic_time();
    const struct vmm_facts *good;

    pair_wait(t, bench_facts(&t->bench, "good.sock")->updated > seen);
    good = bench_facts(&t->bench, "good.sock");
    g_assert_cmpint(good->link, ==, VMM_LINK_UP);
    g_assert_cmpuint(good->size, ==, 512 * MIB);
    g_assert_cmpuint(t->good->clients, ==, 1);
    g_assert_cmpint(t->longest_pause, <, 5 * G_USEC_PER_SEC);
    fake_qmp_free(t->bad);
    fake_qmp_free(t->good);
    bench_deinit(&t->bench);
}

/* The peer loses its connection, with a reason that has @why in it. */
static void expect_down(struct pair *t, const char *why)
{
    pair_wait(t, bad_facts(t)->link == VMM_LINK_DOWN);
    g_test_message("%s", bad_facts(t)->error);
    g_assert_nonnull(strstr(bad_facts(t)->error, why));
    g_assert_null(strchr(bad_facts(t)->error, '\n'));
}

static void test_banners(void)
{
    static const struct {
        const char *banner, *why;
    } cases[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "no JSON"},
        {"[]", "no JSON"},
        {"{}", "greeting"},
        {"{\"QMP\": 1}", "greeting"},
        {"{\"return\": {}, \"id\": 1}", "greeting"},
        {"{\"QMP\": {\"x\": NaN}}", "bad JSON"},
        {"{\"QMP\": {\"x\": \"\xff\xfe\"}}", "bad JSON"},
        {"{'QMP': {}}", "bad JSON"},
        {"{\"QMP\": "
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
         "bad JSON"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct pair t;

        pair_init(&t);
        t.bad->greeting = cases[i].banner;
        bench_start(&t.bench);
        expect_down(&t, cases[i].why);
        pair_deinit(&t);
    }
}

/* 100 MB of one document: given up after the first of them, with next to no memory used. */
static void test_endless(void)
{
    g_autofree char *megabytes = g_strnfill(100000000, 'x');
    struct mallinfo2 before, after;
    struct pair t;

    pair_init(&t);
    memcpy(megabytes, "{\"QMP\": \"", strlen("{\"QMP\": \""));
    t.bad->greeting = megabytes;
    before = mallinfo2();
    bench_start(&t.bench);
    expect_down(&t, "more than 1048576 bytes");
    after = mallinfo2();
    g_assert_cmpuint(after.uordblks + after.hblkhd, <,
                     before.uordblks + before.hblkhd + 100000000 + 50 * MIB);
    t.bad->greeting = "";
    pair_deinit(&t);
}

static void test_mid_document(void)
{
    struct pair t;

    pair_init(&t);
    t.bad->greeting = "{\"QMP\": {\"version\"";
    bench_start(&t.bench);
    pair_wait(&t, t.bad->clients == 1);
    fake_qmp_hang_up(t.bad);
    expect_down(&t, "in the middle of a document");
    pair_deinit(&t);
}

static void test_wrong_ids(void)
{
    static const int64_t offsets[] = {1, -1, 1000000, INT64_MIN};

    for (size_t i = 0; i < G_N_ELEMENTS(offsets); i++) {
        struct pair t;

        pair_init(&t);
        t.bad->id_offset = offsets[i];
        bench_start(&t.bench);
        expect_down(&t, "was not sent");
        pair_deinit(&t);
    }
}

/* Answers that nobody asked for, while nothing and while something is under way. */
static void test_unsolicited(void)
{
    static const char *const texts[] = {
        "{\"return\": {}}",
        "{\"return\": {}, \"id\": 77}",
        "{\"return\": {}, \"id\": \"1\"}",
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"x\"}}",
        "{\"timestamp\": {}}",
        "{\"event\": 5}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct pair t;

        pair_init(&t);
        bench_start(&t.bench);
        pair_wait(&t, t.bench.ready == 2);
        t.bad->mute = i % 2;
        fake_qmp_send(t.bad, texts[i]);
        expect_down(&t, "the peer");
        t.bad->mute = false;
        pair_wait(&t, bad_facts(&t)->link == VMM_LINK_UP); /* it gets another chance */
        pair_deinit(&t);
    }
}

static void test_never_answers(void)
{
    struct pair t;

    pair_init(&t);
    t.bench.timeout_msec = BENCH_SHORT_TIMEOUT_MSEC;
    t.bad->mute = true;
    bench_start(&t.bench);
    pair_wait(&t, bad_facts(&t)->link == VMM_LINK_SILENT);
    for (int i = 0; i < 20; i++)
        pair_turn(&t);
    g_assert_cmpuint(t.bad->commands, ==, 1);
    g_assert_cmpuint(t.bench.ready, ==, 1);
    pair_deinit(&t);
}

/* One that refuses everything is a monitor all the same, but nothing that could be managed. */
/* Answers all, and closes: pauses grow nevertheless. */
static void test_flaps(void)
{
    struct pair t;
    gint64 first = 0;

    pair_init(&t);
    bench_start(&t.bench);
    for (int i = 0; i < 5; i++) {
        pair_wait(&t, bad_facts(&t)->link == VMM_LINK_UP);
        if (!first)
            first = g_get_monotonic_time();
        fake_qmp_hang_up(t.bad);
        expect_down(&t, "closed");
    }
    /* 250, 500, 1000 and 2000 ms, each less a quarter at most. */
    g_assert_cmpint(g_get_monotonic_time() - first, >=, 2800 * G_TIME_SPAN_MILLISECOND);
    pair_deinit(&t);
}

static void test_refuses(void)
{
    struct pair t;

    pair_init(&t);
    t.bad->refuse = true;
    bench_start(&t.bench);
    pair_wait(&t, bad_facts(&t)->error && strstr(bad_facts(&t)->error, "how much memory"));
    g_assert_cmpuint(bad_facts(&t)->size, ==, 0);
    t.bad->refuse = false;
    pair_wait(&t, t.bench.ready == 2); /* it is asked again */
    pair_deinit(&t);
}

/* Answers of the wrong kind to one command at a time: nothing crashes, and no fact leaves its
 * range. */
static void test_lies(void)
{
    static const char *const commands[] = {
        "query-name",           "query-status", "query-memory-size-summary",
        "query-memory-devices", "query-memdev", "qom-list",
        "query-balloon",        "qom-get",      "query-cpus-fast",
    };
    static const char *const answers[] = {
        "null",
        "[]",
        "{}",
        "\"x\"",
        "18446744073709551615",
        "[null, 1, {}, [{}]]",
        "{\"name\": 5, \"running\": 1, \"base-memory\": -1, \"actual\": -1, \"stats\": 3}",
        "{\"name\": \"\", \"base-memory\": 18446744073709551615, \"actual\": "
        "18446744073709551615, \"stats\": {\"stat-free-memory\": 18446744073709551615}}",
        "{\"actual\": 5, \"actual\": 18446744073709551614, \"base-memory\": 5, \"base-memory\": "
        "9223372036854775808}",
        "[{\"size\": 18446744073709551615, \"id\": \"a\"}, {\"size\": 18446744073709551615, "
        "\"type\": \"dimm\", \"data\": {\"size\": 18446744073709551615, \"memdev\": \"x\"}}]",
        "[{\"name\": 1, \"type\": \"child<virtio-balloon-pci>\"}, {\"type\": 1}]",
    };
    struct pair t;

    pair_init(&t);
    bench_start(&t.bench);
    pair_wait(&t, t.bench.ready == 2);
    for (size_t i = 0; i < G_N_ELEMENTS(commands) * G_N_ELEMENTS(answers); i++) {
        const struct vmm_facts *f;
        unsigned before = t.bad->commands;

        t.bad->override_command = commands[i % G_N_ELEMENTS(commands)];
        t.bad->override_answer = answers[i / G_N_ELEMENTS(commands)];
        fake_qmp_send(t.bad, "{\"event\": \"RESET\"}"); /* so that everything is asked again */
        pair_wait(&t, t.bad->commands >= before + 12);
        f = bad_facts(&t);
        g_assert_cmpuint(f->size, <=, UINT64_C(1) << 52);
        g_assert_cmpuint(f->actual, <=, f->size);
        g_assert_cmpuint(f->resident, <=, f->size);
        g_assert_true(g_utf8_validate(f->name, -1, NULL) && *f->name);
    }
    t.bad->override_command = NULL;
    pair_deinit(&t);
}

/* Names are for people and for paths of the API: one line, and not without end. */
static void test_names(void)
{
    g_autofree char *longest = g_strnfill(10000, 'n');
    struct pair t;

    pair_init(&t);
    t.bad->name = "a\\nb\\u001b[31m";
    t.good->name = longest;
    bench_start(&t.bench);
    pair_wait(&t, t.bench.ready == 2);
    g_assert_cmpstr(bad_facts(&t)->name, ==, "a b [31m");
    g_assert_cmpuint(strlen(bench_facts(&t.bench, "good.sock")->name), ==, 128);
    pair_deinit(&t);
}

/* Random bytes after a sound beginning. What happens to the peer is its own affair. */
static void test_random_bytes(void)
{
    static const char alphabet[] = "{}[]\"\\:, \n019-trueflasn\xc3\xa4\x01";
    g_autoptr(GRand) rand = random_seeded();
    struct pair t;

    pair_init(&t);
    bench_start(&t.bench);
    for (int round = 0; round < 300; round++) {
        char noise[64] = "";
        size_t len = (size_t)g_rand_int_range(rand, 1, sizeof(noise));

        for (size_t i = 0; i < len; i++)
            noise[i] = alphabet[g_rand_int_range(rand, 0, sizeof(alphabet) - 1)];
        if (round % 2)
            *noise = '{';
        t.bad->piece = (size_t)g_rand_int_range(rand, 0, 4);
        fake_qmp_send(t.bad, noise);
        pair_turn(&t);
    }
    pair_deinit(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broken-peer/banners", test_banners);
    g_test_add_func("/broken-peer/endless", test_endless);
    g_test_add_func("/broken-peer/mid-document", test_mid_document);
    g_test_add_func("/broken-peer/wrong-ids", test_wrong_ids);
    g_test_add_func("/broken-peer/unsolicited", test_unsolicited);
    g_test_add_func("/broken-peer/never-answers", test_never_answers);
    g_test_add_func("/broken-peer/flaps", test_flaps);
    g_test_add_func("/broken-peer/refuses", test_refuses);
    g_test_add_func("/broken-peer/lies", test_lies);
    g_test_add_func("/broken-peer/names", test_names);
    g_test_add_func("/broken-peer/random-bytes", test_random_bytes);
    return g_test_run();
}
