/* SPDX-License-Identifier: Apache-2.0 */
/* When the pool of swap files grows and shrinks. */
#include "daemon/swap_plan.h"

#include <glib.h>

static struct swap_plan_figures base(void)
{
    return (struct swap_plan_figures){
        .could_grow = 100 * GIB, .chunk = GIB, .keep = 10 * USEC_PER_SEC};
}

static void add(struct swap_plan_figures *f, uint64_t size, uint64_t used)
{
    f->files[f->n++] = (struct swap_plan_file){.size = size, .used = used};
}

static struct swap_plan plan_of(const struct swap_plan_figures *f)
{
    usec_t since = USEC_NEVER;

    return swap_plan(f, &since, 0);
}

static void assert_grows(const struct swap_plan_figures *f, uint64_t bytes)
{
    struct swap_plan plan = plan_of(f);

    g_assert_cmpint(plan.step, ==, SWAP_STEP_GROW);
    g_assert_cmpuint(plan.bytes, ==, bytes);
    g_assert_false(plan.lacking);
}

static void assert_stays(const struct swap_plan_figures *f, bool lacking)
{
    struct swap_plan plan = plan_of(f);

    g_assert_cmpint(plan.step, ==, SWAP_STEP_NONE);
    g_assert_cmpint(plan.lacking, ==, lacking);
}

static void test_grow(void)
{
    struct swap_plan_figures f = base();

    assert_stays(&f, false);
    f.needed = 700 * MIB; /* twice that in whole chunks */
    assert_grows(&f, 2 * GIB);
    f.in_memory = true;
    assert_grows(&f, GIB);
    f.in_memory = false;
    f.others = 800 * MIB;
    assert_grows(&f, GIB);
    f.others = 1400 * MIB;
    assert_stays(&f, false);
    f.others = 0;
    add(&f, GIB, 500 * MIB);
    assert_grows(&f, GIB);
}

static void test_disk_full(void)
{
    struct swap_plan_figures f = base();
    struct swap_plan plan;

    f.needed = 2 * GIB;
    f.could_grow = 3 * GIB; /* less than is wished for, more than is needed */
    assert_grows(&f, 3 * GIB);
    f.could_grow = 100 * MIB;
    plan = plan_of(&f);
    g_assert_cmpint(plan.step, ==, SWAP_STEP_GROW);
    g_assert_cmpuint(plan.bytes, ==, 100 * MIB);
    g_assert_true(plan.lacking);
    f.could_grow = SWAP_FILE_LEAST - 1;
    assert_stays(&f, true);
    /* What is needed is there: no crumbs for comfort. */
    add(&f, 2 * GIB, 0);
    f.could_grow = 100 * MIB;
    assert_stays(&f, false);
}

/* However many guests come, one after the other, the files suffice. */
static void test_few_files(void)
{
    struct swap_plan_figures f = base();

    f.could_grow = 1000 * 1000 * GIB;
    for (unsigned guests = 1; guests <= 100; guests++) {
        struct swap_plan plan;

        f.needed = guests * GIB;
        while ((plan = plan_of(&f)).step == SWAP_STEP_GROW)
            add(&f, plan.bytes, 0);
        g_assert_false(plan.lacking);
        g_assert_cmpuint(f.n, <=, SWAP_FILES_MAX);
    }
    f.needed *= 1000;
    while (f.n < SWAP_FILES_MAX)
        add(&f, GIB, GIB);
    assert_stays(&f, true);
}

static void test_shrink(void)
{
    struct swap_plan_figures f = base();
    usec_t since = USEC_NEVER;
    struct swap_plan plan;

    add(&f, GIB, 0);
    add(&f, 2 * GIB, SWAP_FILE_IDLE);
    add(&f, 8 * GIB, SWAP_FILE_IDLE + 1); /* would bring something back */
    g_assert_cmpint(swap_plan(&f, &since, 5).step, ==, SWAP_STEP_NONE);
    g_assert_cmpint(swap_plan(&f, &since, f.keep).step, ==, SWAP_STEP_NONE);
    plan = swap_plan(&f, &since, f.keep + 5);
    g_assert_cmpint(plan.step, ==, SWAP_STEP_SHRINK);
    g_assert_cmpuint(plan.file, ==, 1);
    /* It is needed again meanwhile: the time begins anew. */
    f.needed = 5 * GIB + 512 * MIB;
    g_assert_cmpint(swap_plan(&f, &since, f.keep + 6).step, ==, SWAP_STEP_NONE);
    f.needed = 0;
    g_assert_cmpint(swap_plan(&f, &since, f.keep + 7).step, ==, SWAP_STEP_NONE);
    /* Only what is more than is wished for. */
    f.needed = 4 * GIB + 512 * MIB;
    since = 0;
    plan = swap_plan(&f, &since, 100 * f.keep);
    g_assert_cmpint(plan.step, ==, SWAP_STEP_SHRINK);
    g_assert_cmpuint(plan.file, ==, 1);
    f.needed = 5 * GIB;
    plan = swap_plan(&f, &since, 100 * f.keep);
    g_assert_cmpuint(plan.file, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/swap-plan/grow", test_grow);
    g_test_add_func("/swap-plan/disk-full", test_disk_full);
    g_test_add_func("/swap-plan/few-files", test_few_files);
    g_test_add_func("/swap-plan/shrink", test_shrink);
    return g_test_run();
}
