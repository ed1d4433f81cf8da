/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a guest's statistics. The first text is what QEMU 7.2 answered for a real guest. */
#include "vmm/stats_json.h"

#include <glib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

static struct guest_stats parse(const char *text)
{
    autojson obj = json_parse(text, strlen(text), NULL);
    struct guest_stats s;

    memset(&s, 0x55, sizeof(s)); /* everything must be set */
    stats_from_json(obj, &s);
    return s;
}

static void test_real(void)
{
    struct guest_stats s = parse("{\"stats\": {\"stat-htlb-pgalloc\": 0, \"stat-swap-out\": 4096, "
                                 "\"stat-available-memory\": 406507520, \"stat-htlb-pgfail\": 0, "
                                 "\"stat-free-memory\": 418750464, \"stat-minor-faults\": 19467, "
                                 "\"stat-major-faults\": 160, \"stat-total-memory\": 485298176, "
                                 "\"stat-swap-in\": 8192, \"stat-disk-caches\": 16437248}, "
                                 "\"last-update\": 1763745600}");

    g_assert_cmpuint(s.last_update, ==, 1763745600);
    g_assert_cmpuint(s.total, ==, 485298176);
    g_assert_cmpuint(s.free, ==, 418750464);
    g_assert_cmpuint(s.available, ==, 406507520);
    g_assert_cmpuint(s.caches, ==, 16437248);
    g_assert_cmpuint(s.swap_in, ==, 8192);
    g_assert_cmpuint(s.swap_out, ==, 4096);
    g_assert_cmpuint(s.major_faults, ==, 160);
    g_assert_cmpuint(s.minor_faults, ==, 19467);
    g_assert_cmpuint(s.oom_kills, ==, GUEST_STAT_UNSET);
    g_assert_cmpuint(s.alloc_stalls, ==, GUEST_STAT_UNSET);
    g_assert_cmpuint(s.direct_reclaims, ==, GUEST_STAT_UNSET);
}

static void test_new_fields(void)
{
    struct guest_stats s = parse("{\"stats\": {\"stat-oom-kills\": 1, \"stat-alloc-stalls\": 2, "
                                 "\"stat-direct-reclaims\": 3}, \"last-update\": 9}");

    g_assert_cmpuint(s.oom_kills, ==, 1);
    g_assert_cmpuint(s.alloc_stalls, ==, 2);
    g_assert_cmpuint(s.direct_reclaims, ==, 3);
}

static void test_unset(void)
{
    struct guest_stats s = parse("{\"stats\": {\"stat-total-memory\": 18446744073709551615, "
                                 "\"stat-free-memory\": 0}, \"last-update\": 0}");

    g_assert_cmpuint(s.total, ==, GUEST_STAT_UNSET);
    g_assert_cmpuint(s.free, ==, 0);
    g_assert_cmpuint(s.last_update, ==, 0);
}

static void test_nonsense(void)
{
    static const char *const bad[] = {
        "{}",
        "{\"stats\": 5}",
        "{\"stats\": []}",
        "[]",
        "{\"stats\": {\"stat-total-memory\": \"12\", \"stat-free-memory\": -1, "
        "\"stat-available-memory\": 1.5, \"stat-swap-in\": true, \"stat-swap-out\": null}, "
        "\"last-update\": \"now\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct guest_stats s = parse(bad[i]);

        g_assert_cmpmem(&s, sizeof(s), &GUEST_STATS_NONE, sizeof(s));
    }
    {
        struct guest_stats s;

        stats_from_json(NULL, &s);
        g_assert_cmpmem(&s, sizeof(s), &GUEST_STATS_NONE, sizeof(s));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stats/real", test_real);
    g_test_add_func("/stats/new-fields", test_new_fields);
    g_test_add_func("/stats/unset", test_unset);
    g_test_add_func("/stats/nonsense", test_nonsense);
    return g_test_run();
}
