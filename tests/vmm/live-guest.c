/* SPDX-License-Identifier: Apache-2.0 */
/* Real guests with a balloon driver: what is told of their memory is what smaps tells. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "host/smaps.h"
#include "lab/agent.h"
#include "lab/vm.h"

#define MIB        (UINT64_C(1) << 20)
#define GUEST_SIZE (256 * MIB)
#define FILLED     (100 * MIB)
#define BALLOONED  (128 * MIB) /* guest-visible size after the order */
#define WAIT_SEC   100
#define TOLERANCE  (4 * MIB) /* two readings are never at the same instant */

struct live {
    struct bench bench;
    struct lab_vm *vm;
    struct agent *agent;
};

#define live_wait(t, condition)                                                                    \
    do {                                                                                           \
        gint64 deadline_ = g_get_monotonic_time() + WAIT_SEC * G_USEC_PER_SEC;                     \
        while (!(condition)) {                                                                     \
            if (g_get_monotonic_time() > deadline_)                                                \
                g_error("%s:%d: not within %d s: %s", __FILE__, __LINE__, WAIT_SEC, #condition);   \
            g_assert_false(lab_vm_ended((t)->vm, NULL));                                           \
            bench_turn(&(t)->bench);                                                               \
        }                                                                                          \
    } while (0)

/* The resident size of the largest mapping that is no code: the guest's RAM. */
static uint64_t resident_by_smaps(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", (int)pid);
    g_autoptr(GArray) vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));
    FILE *file = fopen(path, "re");
    uint64_t rss = 0;
    unsigned found = 0;

    g_assert_nonnull(file);
    g_assert_cmpint(smaps_read(file, vmas), ==, 0);
    (void)fclose(file);
    for (guint i = 0; i < vmas->len; i++) {
        const struct smaps_vma *v = &g_array_index(vmas, struct smaps_vma, i);

        if (v->end - v->start != GUEST_SIZE || v->executable)
            continue;
        rss += v->rss;
        found++;
    }
    g_assert_cmpuint(found, ==, 1);
    return rss;
}

static bool agrees(const struct vmm_facts *f)
{
    uint64_t smaps = resident_by_smaps(f->pid);

    return f->resident <= smaps + TOLERANCE && smaps <= f->resident + TOLERANCE;
}

static void live_start(struct live *t, enum guest_ram ram)
{
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    struct lab_vm_config config = {
        .name = "live",
        .size = GUEST_SIZE,
        .ram = ram,
        .vcpus = 1,
        .balloon_device = true,
        .balloon_driver = true,
    };

    bench_init(&t->bench);
    path = bench_path(&t->bench, "live.sock");
    config.directory = t->bench.directory;
    config.qmp_path = path;
    t->vm = lab_vm_start(&config, &error);
    g_assert_no_error(error);
    t->agent = agent_new(lab_vm_agent_path(t->vm), NULL, NULL);
    bench_start(&t->bench);
    live_wait(t, t->bench.ready == 1 && agent_ready(t->agent));
}

static void live_end(struct live *t)
{
    agent_free(t->agent);
    lab_vm_free(t->vm);
    bench_deinit(&t->bench);
}

/* Linux on x86-64 has its interrupt table at this address, whatever else it randomizes, and nothing
 * at address 0. */
#define IDT_ADDRESS UINT64_C(0xfffffe0000000000)

static void check_page_tables(struct live *t)
{
    struct vmm_guest *guest = bench_guest(&t->bench, "live.sock");
    const struct vmm_translation *found = &t->bench.translation;
    struct vmm_translation through;

    bench_translate(&t->bench, guest,
                    (struct vmm_address){.is_virtual = true, .address = IDT_ADDRESS + 0x18});
    g_assert_cmpstr(t->bench.translation_error, ==, NULL);
    g_assert_cmpint(found->reach, ==, VMM_REACH_MEMORY);
    g_assert_cmpuint(found->gpa, <, GUEST_SIZE);
    g_assert_cmphex(found->gpa & 0xfff, ==, 0x18);
    through = *found;
    bench_translate(&t->bench, guest, (struct vmm_address){.address = through.gpa});
    g_assert_cmphex(found->hva, ==, through.hva);
    bench_translate(&t->bench, guest, (struct vmm_address){.is_virtual = true});
    g_assert_cmpstr(t->bench.translation_error, ==, NULL);
    g_assert_cmpint(found->reach, ==, VMM_REACH_UNMAPPED);
}

static void follow(enum guest_ram ram, enum vmm_ram kind)
{
    const struct vmm_facts *f;
    uint64_t before;
    struct live t;

    live_start(&t, ram);
    f = bench_facts(&t.bench, "live.sock");
    g_assert_cmpint(f->ram, ==, kind);
    live_wait(&t, f->running && f->stats.last_update > 0 && f->stats.total < GUEST_SIZE);
    live_wait(&t, agrees(f));
    check_page_tables(&t);

    before = f->resident;
    g_assert_true(agent_order(t.agent, "{\"do\": \"fill\", \"bytes\": 104857600, "
                                       "\"content\": \"random\"}"));
    live_wait(&t, f->resident > before + FILLED / 2 && agrees(f));
    live_wait(&t, agent_last(t.agent)->owned == FILLED && !agent_last(t.agent)->busy);
    g_assert_true(agent_order(t.agent, "{\"do\": \"free\", \"bytes\": 0}"));
    live_wait(&t, agent_last(t.agent)->owned == 0);

    bench_order(&t.bench, bench_guest(&t.bench, "live.sock"), BALLOONED);
    live_wait(&t, t.bench.orders_ok == 1 && f->actual == BALLOONED);
    live_wait(&t, f->resident <= BALLOONED && agrees(f));
    g_test_message("resident %" G_GUINT64_FORMAT ", smaps %" G_GUINT64_FORMAT
                   ", overhead %" G_GUINT64_FORMAT,
                   f->resident, resident_by_smaps(f->pid), f->overhead);
    live_end(&t);
}

static void test_private(void)
{
    follow(GUEST_RAM_PRIVATE, VMM_RAM_PRIVATE);
}

static void test_memfd(void)
{
    follow(GUEST_RAM_MEMFD, VMM_RAM_MEMFD);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/live-guest/private", test_private);
    g_test_add_func("/live-guest/memfd", test_memfd);
    return g_test_run();
}
