/* SPDX-License-Identifier: Apache-2.0 */
/* A guest behind a monitor that behaves, if sometimes slowly: facts, events, orders. */
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define MIB (UINT64_C(1) << 20)

struct one {
    struct bench bench;
    struct fake_qmp *fake;
};

static void one_init(struct one *t)
{
    g_autofree char *path = NULL;

    bench_init(&t->bench);
    path = bench_path(&t->bench, "web.sock");
    t->fake = fake_qmp_new(path);
}

static void one_deinit(struct one *t)
{
    fake_qmp_free(t->fake);
    bench_deinit(&t->bench);
}

static const struct vmm_facts *one_ready(struct one *t)
{
    bench_start(&t->bench);
    bench_wait(&t->bench, t->bench.ready == 1);
    return bench_facts(&t->bench, "web.sock");
}

static void test_facts(void)
{
    const struct vmm_facts *f;
    struct one t;

    one_init(&t);
    t.fake->name = "shop";
    t.fake->actual = 300 * MIB;
    f = one_ready(&t);
    g_assert_cmpstr(f->name, ==, "shop");
    g_assert_cmpint(f->link, ==, VMM_LINK_UP);
    g_assert_null(f->error);
    g_assert_cmpint(f->pid, ==, getpid());
    g_assert_true(f->running);
    g_assert_true(f->balloon_device);
    g_assert_cmpuint(f->n_cpus, ==, 2);
    g_assert_cmpuint(f->cpus[0], ==, 77);
    g_assert_cmpuint(f->cpus[1], ==, 78);
    g_assert_cmpuint(f->size, ==, 512 * MIB);
    g_assert_cmpuint(f->actual, ==, 300 * MIB);
    g_assert_cmpint(f->updated, >, 0);
    g_assert_cmpuint(f->stats.available, ==, 200000000);
    g_assert_cmpuint(f->stats.caches, ==, GUEST_STAT_UNSET);
    g_assert_cmpuint(t.fake->interval, ==, 2);
    /* This test is no QEMU: its "RAM" is not found, and so all of it counts. */
    bench_wait(&t.bench, f->ram == VMM_RAM_UNKNOWN && f->resident == 300 * MIB);
    g_assert_cmpstr(vmm_guest_ops(bench_guest(&t.bench, "web.sock"))->name, ==, "qemu");
    one_deinit(&t);
}

static void test_name_of_socket(void)
{
    struct one t;

    one_init(&t);
    g_assert_cmpstr(one_ready(&t)->name, ==, "web");
    one_deinit(&t);
}

/* However the answers are cut, and whatever is sent along with them. */
static void test_pieces(void)
{
    static const size_t pieces[] = {1, 7, 4096};

    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        struct one t;

        one_init(&t);
        t.fake->piece = pieces[i];
        t.fake->event =
            "{\"event\": \"NEW_ONE\"}{\"event\": \"RTC_CHANGE\", \"data\": {\"offset\": 1}}"
            "\r\n{\n  \"event\":\n  \"VSERPORT_CHANGE\", \"data\": {\"s\": \"}\\\"{\"}}";
        g_assert_cmpuint(one_ready(&t)->size, ==, 512 * MIB);
        g_assert_cmpuint(t.fake->greatest_backlog, ==, 1);
        one_deinit(&t);
    }
}

static void test_no_balloon(void)
{
    const struct vmm_facts *f;
    struct one t;

    one_init(&t);
    t.fake->no_balloon = true;
    t.fake->actual = 1;
    f = one_ready(&t);
    g_assert_false(f->balloon_device);
    g_assert_cmpuint(f->actual, ==, f->size);
    g_assert_cmpmem(&f->stats, sizeof(f->stats), &GUEST_STATS_NONE, sizeof(f->stats));
    bench_order(&t.bench, bench_guest(&t.bench, "web.sock"), 100 * MIB);
    bench_wait(&t.bench, t.bench.orders_failed == 1);
    g_assert_cmpstr(t.bench.order_error, ==, "No balloon device");
    one_deinit(&t);
}

static void test_events(void)
{
    const struct vmm_facts *f;
    struct one t;

    one_init(&t);
    f = one_ready(&t);
    t.fake->mute = true; /* only events can change anything now */
    fake_qmp_send(t.fake, "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1}}\r\n");
    bench_wait(&t.bench, !f->running);
    fake_qmp_send(t.fake, "{\"event\": \"RESUME\"}\r\n");
    bench_wait(&t.bench, f->running);
    fake_qmp_send(t.fake, "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": 4194304}}\r\n");
    bench_wait(&t.bench, f->actual == 4 * MIB);
    fake_qmp_send(t.fake,
                  "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": 99999999999}}\r\n");
    bench_wait(&t.bench, f->actual == f->size);
    one_deinit(&t);
}

static void test_orders(void)
{
    struct vmm_guest *guest;
    struct one t;

    one_init(&t);
    (void)one_ready(&t);
    guest = bench_guest(&t.bench, "web.sock");
    bench_order(&t.bench, guest, 256 * MIB);
    bench_wait(&t.bench, t.bench.orders_ok == 1);
    g_assert_cmpuint(t.fake->balloon, ==, 256 * MIB);

    /* More than may wait at once: those that do not fit fail, each exactly once. */
    for (unsigned i = 1; i <= 40; i++)
        bench_order(&t.bench, guest, i * MIB);
    bench_wait(&t.bench, t.bench.orders_ok + t.bench.orders_failed == 41);
    g_assert_cmpuint(t.bench.orders_ok, >=, 10);
    g_assert_cmpuint(t.bench.orders_failed, >=, 10);
    g_assert_nonnull(strstr(t.bench.order_error, "too many"));

    t.fake->refuse = true;
    bench_order(&t.bench, guest, MIB);
    bench_wait(&t.bench, t.bench.orders_ok + t.bench.orders_failed == 42);
    g_assert_cmpstr(t.bench.order_error, ==, "no");
    one_deinit(&t);
}

/* An order under way when everything ends is told, too. */
static void test_order_at_end(void)
{
    struct one t;

    one_init(&t);
    (void)one_ready(&t);
    t.fake->mute = true;
    bench_order(&t.bench, bench_guest(&t.bench, "web.sock"), MIB);
    g_clear_pointer(&t.bench.discovery, discovery_free);
    g_assert_cmpuint(t.bench.orders_failed, ==, 1);
    one_deinit(&t);
}

/* It owes one answer, is sent nothing more, and is well again when the answer comes. */
static void test_silent_and_back(void)
{
    const struct vmm_facts *f;
    unsigned commands, updated;
    struct one t;

    one_init(&t);
    t.bench.timeout_msec = BENCH_SHORT_TIMEOUT_MSEC;
    f = one_ready(&t);
    t.fake->hold = true;
    bench_wait(&t.bench, f->link == VMM_LINK_SILENT);
    g_assert_nonnull(strstr(f->error, "no answer"));
    commands = t.fake->commands;
    updated = t.bench.updated;
    bench_wait(&t.bench, t.bench.updated > updated + 20); /* its memory is still watched */
    g_assert_cmpuint(t.fake->commands, ==, commands);
    g_assert_cmpuint(t.fake->greatest_backlog, ==, 1);
    bench_order(&t.bench, bench_guest(&t.bench, "web.sock"), MIB);
    bench_wait(&t.bench, t.bench.orders_failed == 1);

    t.fake->hold = false;
    fake_qmp_flush(t.fake);
    bench_wait(&t.bench, f->link == VMM_LINK_UP);
    g_assert_null(f->error);
    g_assert_cmpuint(t.fake->clients, ==, 1);
    g_assert_cmpuint(t.bench.ready, ==, 1);
    g_assert_cmpuint(t.fake->balloon, ==, 0);
    one_deinit(&t);
}

/* Another client has the monitor: the cure is told, and once it leaves, all is well. */
static void test_no_greeting(void)
{
    const char *greeting;
    struct one t;

    one_init(&t);
    t.bench.timeout_msec = BENCH_SHORT_TIMEOUT_MSEC;
    greeting = t.fake->greeting;
    t.fake->greeting = "";
    bench_start(&t.bench);
    bench_wait(&t.bench, bench_facts(&t.bench, "web.sock")->link == VMM_LINK_SILENT);
    g_assert_nonnull(strstr(bench_facts(&t.bench, "web.sock")->error, "second -qmp socket"));
    g_assert_cmpuint(t.bench.ready, ==, 0);
    fake_qmp_send(t.fake, greeting);
    bench_wait(&t.bench, t.bench.ready == 1);
    g_assert_cmpint(bench_facts(&t.bench, "web.sock")->link, ==, VMM_LINK_UP);
    one_deinit(&t);
}

static void test_reconnect(void)
{
    const struct vmm_facts *f;
    struct one t;

    one_init(&t);
    f = one_ready(&t);
    fake_qmp_hang_up(t.fake);
    bench_wait(&t.bench, f->link == VMM_LINK_DOWN);
    g_assert_nonnull(strstr(f->error, "closed the connection"));
    t.fake->actual = 100 * MIB;
    bench_wait(&t.bench, f->link == VMM_LINK_UP && f->actual == 100 * MIB);
    g_assert_cmpuint(t.bench.ready, ==, 1);
    g_assert_cmpuint(t.bench.gone, ==, 0);
    one_deinit(&t);
}

/* DIMMs count as memory, other devices do not. */
static void test_memory_devices(void)
{
    struct one t;

    one_init(&t);
    t.fake->override_command = "query-memory-devices";
    t.fake->override_answer =
        "[{\"type\": \"dimm\", \"data\": {\"size\": 134217728, \"memdev\": \"/objects/d0\"}}, "
        "{\"type\": \"virtio-mem\", \"data\": {\"size\": 9999999, \"memdev\": \"/objects/v\"}}, "
        "{\"type\": \"nvdimm\", \"data\": {\"size\": 77}}, 5, {}]";
    g_assert_cmpuint(one_ready(&t)->size, ==, 640 * MIB);
    one_deinit(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guest/facts", test_facts);
    g_test_add_func("/guest/name-of-socket", test_name_of_socket);
    g_test_add_func("/guest/pieces", test_pieces);
    g_test_add_func("/guest/no-balloon", test_no_balloon);
    g_test_add_func("/guest/events", test_events);
    g_test_add_func("/guest/orders", test_orders);
    g_test_add_func("/guest/order-at-end", test_order_at_end);
    g_test_add_func("/guest/silent-and-back", test_silent_and_back);
    g_test_add_func("/guest/no-greeting", test_no_greeting);
    g_test_add_func("/guest/reconnect", test_reconnect);
    g_test_add_func("/guest/memory-devices", test_memory_devices);
    return g_test_run();
}
