/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: its bounds, its words, and that what it lets in can always be kept. */
#include <glib.h>
#include <string.h>

#include "core/admit.h"
#include "core/units.h"
#include "tests/random.h"

static const struct admit_host host = {
    .capacity = 1000 * MIB,
    .minfree = 100 * MIB,
    .reserved = 500 * MIB,
    .overhead = 50 * MIB,
    .swap_free = 1000 * MIB,
};

static void check(struct admit_request request, enum admit_verdict verdict, const char *says)
{
    char text[512];

    g_assert_cmpstr(admit_verdict_name(admit(&host, &request)), ==, admit_verdict_name(verdict));
    g_assert_nonnull(strstr(admit_text(&host, &request, text, sizeof(text)), says));
    g_assert_null(strchr(text, '\n'));
}

static void test_bounds(void)
{
    check((struct admit_request){.size = GIB, .reservation = 340 * MIB, .overhead = 10 * MIB},
          ADMIT_YES, "admitted: with it 840 MiB are reserved and 60 MiB are overhead, of 900 MiB");
    check((struct admit_request){.size = GIB, .reservation = 340 * MIB + 1, .overhead = 10 * MIB},
          ADMIT_NO_MEMORY, "(841 MiB with it)");
    check((struct admit_request){.size = GIB, .reservation = 340 * MIB, .overhead = 10 * MIB + 1},
          ADMIT_NO_MEMORY, "do not fit the capacity of 1000 MiB less minfree of 100 MiB");
    check((struct admit_request){.size = 1000 * MIB}, ADMIT_YES, "1000 MiB of swap space");
    check((struct admit_request){.size = 1000 * MIB + 1}, ADMIT_NO_SWAP,
          "1001 MiB, can't be promised as swap space: 1000 MiB are left");
    /* What is reserved needs no swap; what is reserved beyond the size does not count. */
    check((struct admit_request){.size = 1200 * MIB, .reservation = 200 * MIB}, ADMIT_YES, "");
    check((struct admit_request){.size = 300 * MIB, .reservation = 10 * GIB}, ADMIT_YES,
          "800 MiB are reserved");
    check((struct admit_request){0}, ADMIT_YES, "");
}

static void test_no_overflow(void)
{
    struct admit_host full = host;

    check((struct admit_request){.size = UINT64_MAX, .reservation = UINT64_MAX}, ADMIT_NO_MEMORY,
          "");
    check((struct admit_request){.size = UINT64_MAX, .overhead = UINT64_MAX}, ADMIT_NO_MEMORY, "");
    full.reserved = UINT64_MAX;
    g_assert_cmpint(admit(&full, &(struct admit_request){.size = 1}), ==, ADMIT_NO_MEMORY);
    full = host;
    full.minfree = 2 * full.capacity;
    g_assert_cmpint(admit(&full, &(struct admit_request){.size = 1}), ==, ADMIT_NO_MEMORY);
    full = host;
    full.swap_free = ADMIT_SWAP_ANY;
    g_assert_cmpint(admit(&full, &(struct admit_request){.size = UINT64_MAX}), ==, ADMIT_YES);
}

static void test_kernel_overhead(void)
{
    struct admit_request request = {.size = GIB};

    g_assert_cmpuint(admit_kernel_overhead(&request), ==, 3 * MIB);
    request.reservation = GIB;
    g_assert_cmpuint(admit_kernel_overhead(&request), ==, 2 * MIB);
}

/* Guests come one after the other as long as they are let in. Then, whatever they do: all that is
 * reserved fits, minfree is left, all else fits the swap space; who was refused did not fit. */
static void test_random(void)
{
    GRand *rand = random_seeded();

    for (unsigned run = 0; run < 2000; run++) {
        struct admit_host h = {.capacity = (uint64_t)g_rand_int_range(rand, 1, 1 << 16) * MIB,
                               .minfree = (uint64_t)g_rand_int_range(rand, 0, 1 << 12) * MIB,
                               .swap_free = (uint64_t)g_rand_int_range(rand, 0, 1 << 17) * MIB};
        uint64_t swap = h.swap_free, promised = 0, memory = 0;

        for (unsigned i = 0; i < 20; i++) {
            struct admit_request r = {.size = (uint64_t)g_rand_int_range(rand, 1, 1 << 14) * MIB};
            uint64_t needs;

            r.reservation = r.size / 100 * (uint64_t)g_rand_int_range(rand, 0, 101);
            r.overhead = admit_kernel_overhead(&r);
            needs = memory + r.reservation + r.overhead;
            switch (admit(&h, &r)) {
            case ADMIT_YES:
                memory = needs;
                promised += r.size - r.reservation;
                h.reserved += r.reservation;
                h.overhead += r.overhead;
                h.swap_free -= r.size - r.reservation;
                g_assert_cmpuint(memory + h.minfree, <=, h.capacity);
                g_assert_cmpuint(promised, <=, swap);
                break;
            case ADMIT_NO_MEMORY:
                g_assert_cmpuint(needs + h.minfree, >, h.capacity);
                break;
            case ADMIT_NO_SWAP:
                g_assert_cmpuint(promised + r.size - r.reservation, >, swap);
                break;
            case ADMIT_VERDICT_MAX:
                g_assert_not_reached();
            }
        }
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/admit/bounds", test_bounds);
    g_test_add_func("/admit/no-overflow", test_no_overflow);
    g_test_add_func("/admit/kernel-overhead", test_kernel_overhead);
    g_test_add_func("/admit/random", test_random);
    return g_test_run();
}
