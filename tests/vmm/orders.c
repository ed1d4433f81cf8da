/* SPDX-License-Identifier: Apache-2.0 */
/* Stop and cont, and where an address is: what QEMU's human monitor says, and what it never should.
 */
#include <string.h>

#include "bench.h"
#include "vmm/hmp_text.h"

#define GPA UINT64_C(0x12345678)
#define GVA UINT64_C(0xffff888012345678)
#define HVA UINT64_C(0x7f0012345678)

static void test_gva2gpa_texts(void)
{
    static const struct {
        const char *text;
        uint64_t gpa;
    } good[] = {
        {"gpa: 0x12345678\r\n", GPA},
        {"gpa: 0x12345678\n", GPA},
        {"gpa: 0\r\n", 0},
        {"gpa: 0x0\r\n", 0},
        {"gpa: 0xfffffffffffff\r\n", UINT64_C(0xfffffffffffff)},
        {"gpa: 0xffffffffffffffff\r\n", UINT64_MAX},
    };
    static const char *const bad[] = {
        "",
        "gpa: \r\n",
        "gpa: 0x\r\n",
        "gpa: 12345678\r\n",
        "gpa: 0x12345678 \r\n",
        "gpa: 0x12345678\r\ngpa: 0x1\r\n",
        "gpa: -0x1\r\n",
        "gpa: 0x11111111111111111\r\n",
        "No cpu\r\n",
        "Unmapped page\r\n",
        "unknown command: 'gva2gpa'\r\n",
        "unexpected end of expression\r\nTry \"help gva2gpa\" for more information\r\n",
    };
    struct vmm_translation t;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(hmp_text_gva2gpa(good[i].text, &t));
        g_assert_cmpint(t.reach, ==, VMM_REACH_MEMORY);
        g_assert_cmphex(t.gpa, ==, good[i].gpa);
    }
    g_assert_true(hmp_text_gva2gpa("Unmapped\r\n", &t));
    g_assert_cmpint(t.reach, ==, VMM_REACH_UNMAPPED);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_false(hmp_text_gva2gpa(bad[i], &t));
    }
}

static void test_gpa2hva_texts(void)
{
    static const struct {
        const char *text;
        enum vmm_reach reach;
        const char *region;
    } good[] = {
        {"Host virtual address for 0x12345678 (pc.ram) is 0x7f0012345678\r\n", VMM_REACH_MEMORY,
         "pc.ram"},
        {"Host virtual address for 0x12345678 () is 0x7f0012345678\r\n", VMM_REACH_MEMORY, ""},
        {"Host virtual address for 0x12345678 (a) is 0x1 (b) is 0x7f0012345678\r\n",
         VMM_REACH_MEMORY, "a) is 0x1 (b"},
        {"Host virtual address for 0x12345678 (0000:00:02.0/r\to\nm) is 0x7f0012345678\r\n",
         VMM_REACH_MEMORY, "0000:00:02.0/r o m"},
        {"No memory is mapped at address 0x12345678\r\n", VMM_REACH_NOTHING, NULL},
        {"Memory at address 0x12345678 is not RAM\r\n", VMM_REACH_DEVICE, NULL},
        {"Memory at address 0x12345678is not RAM\r\n", VMM_REACH_DEVICE, NULL}, /* until 8.2 */
    };
    static const char *const bad[] = {
        "",
        "Host virtual address for 0x12345679 (pc.ram) is 0x7f0012345678\r\n",
        "Host virtual address for 0x12345678 (pc.ram is 0x7f0012345678\r\n",
        "Host virtual address for 0x12345678 (pc.ram) is (nil)\r\n",
        "Host virtual address for 0x12345678 (pc.ram) is 0x7f0012345678 or so\r\n",
        "Host virtual address for 0x12345678 (pc.ram) is \r\n",
        "No memory is mapped at address 0x1\r\n",
        "No memory is mapped at address 0x12345678, sorry\r\n",
        "Memory at address 0x12345678\r\n",
        "Memory at address 0x1 is not RAM\r\n",
        "Size of memory region at 0x12345678 exceeded.\r\n",
        "gpa: 0x12345678\r\n",
    };
    struct vmm_translation t;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_test_message("%s", good[i].text);
        g_assert_true(hmp_text_gpa2hva(good[i].text, GPA, &t));
        g_assert_cmpint(t.reach, ==, good[i].reach);
        if (good[i].region) {
            g_assert_cmpstr(t.region, ==, good[i].region);
            g_assert_cmphex(t.hva, ==, HVA);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_false(hmp_text_gpa2hva(bad[i], GPA, &t));
    }
}

static void test_long_region(void)
{
    g_autoptr(GString) text = g_string_new("Host virtual address for 0x12345678 (");
    struct vmm_translation t;

    for (unsigned i = 0; i < 1000; i++)
        g_string_append(text, "\xf0\x9f\x98\x80"); /* four bytes a character */
    g_string_append(text, ") is 0x7f0012345678\r\n");
    g_assert_true(hmp_text_gpa2hva(text->str, GPA, &t));
    g_assert_true(g_utf8_validate(t.region, -1, NULL));
    g_assert_cmpuint(strlen(t.region), <, VMM_REGION_MAX);
}

struct one {
    struct bench bench;
    struct fake_qmp *fake;
    struct vmm_guest *guest;
};

static void one_init(struct one *t)
{
    g_autofree char *path = NULL;

    bench_init(&t->bench);
    t->bench.timeout_msec = BENCH_SHORT_TIMEOUT_MSEC;
    path = bench_path(&t->bench, "web.sock");
    t->fake = fake_qmp_new(path);
    bench_start(&t->bench);
    bench_wait(&t->bench, t->bench.ready == 1);
    t->guest = bench_guest(&t->bench, "web.sock");
}

static void one_deinit(struct one *t)
{
    fake_qmp_free(t->fake);
    bench_deinit(&t->bench);
}

static const struct vmm_address physical = {.address = GPA};
static const struct vmm_address virtual = {.is_virtual = true, .cpu = 3, .address = GVA};

static void test_translate(void)
{
    struct one t;

    one_init(&t);
    t.fake->gva2gpa = "gpa: 0x12345678\r\n";
    t.fake->gpa2hva = "Host virtual address for 0x12345678 (ram) is 0x7f0012345678\r\n";
    bench_translate(&t.bench, t.guest, physical);
    g_assert_cmpstr(t.bench.translation_error, ==, NULL);
    g_assert_cmpstr(t.fake->human, ==, "gpa2hva 0x12345678");
    g_assert_cmphex(t.fake->cpu, ==, UINT64_MAX);
    g_assert_cmpint(t.bench.translation.reach, ==, VMM_REACH_MEMORY);
    g_assert_cmphex(t.bench.translation.hva, ==, HVA);

    bench_translate(&t.bench, t.guest, virtual);
    g_assert_cmpstr(t.bench.translation_error, ==, NULL);
    g_assert_cmpuint(t.fake->cpu, ==, 3);
    g_assert_cmphex(t.bench.translation.gpa, ==, GPA);
    g_assert_cmphex(t.bench.translation.hva, ==, HVA);

    t.fake->gva2gpa = "Unmapped\r\n";
    bench_translate(&t.bench, t.guest, virtual);
    g_assert_cmpstr(t.bench.translation_error, ==, NULL);
    g_assert_cmpstr(t.fake->human, ==, "gva2gpa 0xffff888012345678");
    g_assert_cmpint(t.bench.translation.reach, ==, VMM_REACH_UNMAPPED);
    one_deinit(&t);
}

/* Each of these is told once, with what was wrong, and the guest stays what it is. */
static void test_translate_fails(void)
{
    struct one t;

    one_init(&t);
    t.fake->gva2gpa = "gpa: 0x12345678\r\n";
    t.fake->gpa2hva = "I am\r\nno QEMU";
    bench_translate(&t.bench, t.guest, virtual);
    g_assert_cmpstr(t.bench.translation_error, ==,
                    "QEMU's answer to gpa2hva is not understood: 'I am  no QEMU'");
    t.fake->gva2gpa = "No cpu\r\n";
    bench_translate(&t.bench, t.guest, virtual);
    g_assert_nonnull(strstr(t.bench.translation_error, "answer to gva2gpa is not understood"));

    t.fake->override_command = "human-monitor-command";
    t.fake->override_answer = "{\"gpa\": 1}";
    bench_translate(&t.bench, t.guest, virtual);
    g_assert_nonnull(strstr(t.bench.translation_error, "something that is no text"));
    t.fake->refuse = true;
    bench_translate(&t.bench, t.guest, physical);
    g_assert_cmpstr(t.bench.translation_error, ==, "no");
    t.fake->refuse = false;
    t.fake->mute = true;
    bench_translate(&t.bench, t.guest, physical);
    g_assert_nonnull(strstr(t.bench.translation_error, "no answer for"));
    g_assert_cmpuint(t.bench.gone, ==, 0);
    one_deinit(&t);
}

static void test_no_link(void)
{
    struct one t;

    one_init(&t);
    fake_qmp_hang_up(t.fake);
    bench_wait(&t.bench, vmm_guest_facts(t.guest)->link == VMM_LINK_DOWN);
    bench_translate(&t.bench, t.guest, physical);
    g_assert_nonnull(strstr(t.bench.translation_error, "human-monitor-command was not sent"));
    one_deinit(&t);
}

static void test_stop_and_cont(void)
{
    struct one t;

    one_init(&t);
    g_assert_true(vmm_guest_facts(t.guest)->running);
    vmm_guest_stop(t.guest, bench_order_done, &t.bench);
    g_assert_cmpuint(t.bench.orders_ok, ==, 0);
    bench_wait(&t.bench, t.bench.orders_ok == 1 && !vmm_guest_facts(t.guest)->running);
    vmm_guest_cont(t.guest, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_ok == 2 && vmm_guest_facts(t.guest)->running);
    t.fake->refuse = true;
    vmm_guest_stop(t.guest, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_failed == 1);
    one_deinit(&t);
}

/* Back end after back end; what QEMU does not name can't be told, and that is an error. */
static void test_mergeable(void)
{
    const struct vmm_facts *f;
    struct one t;

    one_init(&t);
    f = vmm_guest_facts(t.guest);
    g_assert_true(f->backends_known);
    g_assert_cmpuint(f->private_backends, ==, 1);
    vmm_guest_set_mergeable(t.guest, false, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_ok == 1);
    g_assert_cmpstr(t.fake->set, ==, "/machine mem-merge false, /objects/pc.ram merge false");
    g_clear_pointer(&t.fake->set, g_free);
    vmm_guest_set_mergeable(t.guest, true, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_ok == 2);
    g_assert_cmpstr(t.fake->set, ==, "/objects/pc.ram merge true");
    t.fake->refuse = true;
    vmm_guest_set_mergeable(t.guest, false, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_failed == 1);
    t.fake->mute = true;
    vmm_guest_set_mergeable(t.guest, true, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_failed == 2);
    one_deinit(&t);
}

static void test_back_ends_change(void)
{
    const struct vmm_facts *f;
    struct one t;

    one_init(&t);
    f = vmm_guest_facts(t.guest);
    t.fake->override_command = "query-memdev";
    t.fake->override_answer = "[{\"id\": \"a\", \"size\": 134217728, \"share\": true}, "
                              "{\"id\": \"b\", \"size\": 134217728, \"share\": false}, "
                              "{\"size\": 4096, \"share\": false}]";
    t.fake->event = "{\"event\": \"MEMORY_DEVICE_SIZE_CHANGE\", \"data\": {}}\r\n";
    bench_wait(&t.bench, f->backends_changed == 1);
    g_assert_cmpuint(f->private_backends, ==, 2);
    t.fake->event = NULL;
    vmm_guest_set_mergeable(t.guest, true, bench_order_done, &t.bench);
    bench_wait(&t.bench, t.bench.orders_ok == 1);
    g_assert_cmpstr(t.fake->set, ==, "/objects/b merge true, /objects/(unnamed) merge true");
    g_assert_cmpuint(f->backends_changed, ==, 1);
    one_deinit(&t);
}

/* Under way when everything ends: told, too. */
static void translated_at_end(struct vmm_guest *guest, const struct vmm_translation *translation,
                              const GError *error, void *data)
{
    (void)guest;
    g_assert_null(translation);
    g_assert_nonnull(error);
    (*(unsigned *)data)++;
}

static void test_at_end(void)
{
    unsigned ended = 0;
    struct one t;

    one_init(&t);
    t.fake->mute = true;
    for (unsigned i = 0; i < 40; i++) /* more than are sent: refused, and told later */
        vmm_guest_translate(t.guest, &virtual, translated_at_end, &ended);
    vmm_guest_stop(t.guest, bench_order_done, &t.bench);
    vmm_guest_set_mergeable(t.guest, false, bench_order_done, &t.bench);
    g_clear_pointer(&t.bench.discovery, discovery_free);
    g_assert_cmpuint(ended, ==, 40);
    g_assert_cmpuint(t.bench.orders_failed, ==, 2);
    one_deinit(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/orders/gva2gpa-texts", test_gva2gpa_texts);
    g_test_add_func("/orders/gpa2hva-texts", test_gpa2hva_texts);
    g_test_add_func("/orders/long-region", test_long_region);
    g_test_add_func("/orders/translate", test_translate);
    g_test_add_func("/orders/translate-fails", test_translate_fails);
    g_test_add_func("/orders/no-link", test_no_link);
    g_test_add_func("/orders/stop-and-cont", test_stop_and_cont);
    g_test_add_func("/orders/mergeable", test_mergeable);
    g_test_add_func("/orders/back-ends-change", test_back_ends_change);
    g_test_add_func("/orders/at-end", test_at_end);
    return g_test_run();
}
