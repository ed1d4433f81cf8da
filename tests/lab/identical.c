/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same in memory of our own, and how the lab counts what private memory takes. */
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/units.h"
#include "lab/hostmem.h"
#include "lab/identical.h"
#include "lab/resident.h"

/* A size that no other mapping of a test program has. */
#define SIZE  (UINT64_C(37) * 4096 + 16 * MIB)
#define PAGES 1000

static unsigned char *area;

static void *map(void)
{
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(memory != MAP_FAILED);
    (void)madvise(memory, SIZE, MADV_NOHUGEPAGE);
    return memory;
}

/* Of 1000 pages every number but the first of each hundred comes ten times; the rest of the mapping
 * was never touched, and counts for nothing. */
static void test_identical(void)
{
    struct identical *all = identical_new();

    for (size_t i = 0; i < PAGES; i++) {
        memset(area + i * 4096, 1, 4096);
        area[i * 4096 + 8] = (unsigned char)(i % 100);
        area[i * 4096 + 4095] = i < 100 ? 7 : 1;
    }
    identical_add(all, getpid(), SIZE);
    g_assert_cmpuint(identical_count(all).possible, ==, (PAGES - 100 - 100) * 4096);
    g_assert_cmpuint(identical_count(all).saved, ==, 0);
    identical_add(all, getpid(), SIZE);
    g_assert_cmpuint(identical_count(all).possible, ==, (2 * PAGES - 200) * 4096);
    g_assert_cmpuint(identical_count(all).saved, ==, PAGES * 4096);
    identical_free(all);
}

static void test_resident(void)
{
    struct resident r;

    memset(area, 1, PAGES * 4096);
    r = resident_look(getpid(), SIZE);
    g_assert_cmpuint(r.bytes, >=, PAGES * 4096);
    g_assert_cmpuint(r.bytes, <, SIZE);
    g_assert_cmpuint(r.saved, ==, 0);
    g_assert_cmpuint(r.swapped, ==, 0);
    g_assert_cmpuint(resident_start(getpid(), SIZE), ==, (uintptr_t)area);
    g_assert_cmpuint(resident_look(getpid(), SIZE + 4096).bytes, ==, 0);
    g_assert_cmpuint(resident_start(getpid(), SIZE + 4096), ==, 0);
}

/* No more of it than the kernel counts. */
static void test_hostmem(void)
{
    struct hostmem memory;

    hostmem_look("/nowhere", &memory);
    g_assert_cmpuint(memory.swap_cache, <, UINT64_C(1) << 50);
    if (!memory.ksm_runs)
        g_assert_cmpfloat(memory.ksm_rate, <=, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    area = map();
    g_test_add_func("/lab/identical/pages", test_identical);
    g_test_add_func("/lab/identical/resident", test_resident);
    g_test_add_func("/lab/identical/hostmem", test_hostmem);
    return g_test_run();
}
