/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "core/hoststate.h"
#include "core/units.h"

static void test_minfree_follows_the_sliding_scale(void)
{
    /* 128 GiB: 245.76 + 327.68 + 327.68 + 1024 MiB, VMware's own example. */
    g_assert_cmpuint(host_minfree(128 * GIB) / MIB, ==, 1925);
    g_assert_cmpuint(host_minfree(4 * GIB), ==, 4 * GIB / 100 * 6 + 4 * GIB % 100 * 6 / 100);
    g_assert_cmpuint(host_minfree(900 * MIB) / MIB, ==, 54);
    g_assert_cmpuint(host_minfree(0), ==, 0);
}

static void test_minfree_grows_with_capacity(void)
{
    for (uint64_t c = 0; c < 64 * GIB; c += 97 * MIB)
        g_assert_cmpuint(host_minfree(c), <=, host_minfree(c + 97 * MIB));
}

static void test_state_falls_at_once(void)
{
    const uint64_t m = 100 * MIB;

    g_assert_cmpint(host_state_next(HOST_HIGH, m, m), ==, HOST_HIGH);
    g_assert_cmpint(host_state_next(HOST_HIGH, m - 1, m), ==, HOST_CLEAR);
    g_assert_cmpint(host_state_next(HOST_HIGH, 64 * MIB - 1, m), ==, HOST_SOFT);
    g_assert_cmpint(host_state_next(HOST_HIGH, 32 * MIB - 1, m), ==, HOST_HARD);
    g_assert_cmpint(host_state_next(HOST_CLEAR, 16 * MIB - 1, m), ==, HOST_LOW);
    g_assert_cmpint(host_state_next(HOST_HIGH, 0, m), ==, HOST_LOW);
}

static void test_state_climbs_past_the_margin_only(void)
{
    const uint64_t m = 160 * MIB, margin = m / HOST_STATE_HYSTERESIS;

    g_assert_cmpint(host_state_next(HOST_CLEAR, m + margin - 1, m), ==, HOST_CLEAR);
    g_assert_cmpint(host_state_next(HOST_CLEAR, m + margin, m), ==, HOST_HIGH);
    g_assert_cmpint(host_state_next(HOST_LOW, m + margin - 1, m), ==, HOST_CLEAR);
    g_assert_cmpint(host_state_next(HOST_LOW, 2 * m, m), ==, HOST_HIGH);
    g_assert_cmpint(host_state_next(HOST_LOW, m * 16 / 100 + margin - 1, m), ==, HOST_LOW);
    g_assert_cmpint(host_state_next(HOST_LOW, m * 16 / 100 + margin, m), ==, HOST_HARD);
}

static void test_state_does_not_flap(void)
{
    const uint64_t m = 160 * MIB;
    enum host_state state = HOST_HIGH;
    unsigned changes = 0;

    for (unsigned i = 0; i < 1000; i++) {
        enum host_state next = host_state_next(state, i % 2 ? m - MIB : m + MIB, m);
        changes += next != state;
        state = next;
    }
    g_assert_cmpuint(changes, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hoststate/minfree/scale", test_minfree_follows_the_sliding_scale);
    g_test_add_func("/hoststate/minfree/monotone", test_minfree_grows_with_capacity);
    g_test_add_func("/hoststate/falls", test_state_falls_at_once);
    g_test_add_func("/hoststate/climbs", test_state_climbs_past_the_margin_only);
    g_test_add_func("/hoststate/hysteresis", test_state_does_not_flap);
    return g_test_run();
}
