/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's settings as the API takes them: types, ranges, all or nothing. */
#include <glib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/settings.h"

static bool patch(struct settings *s, const char *text, GError **error)
{
    autojson body = json_parse(text, strlen(text), NULL);

    g_assert_nonnull(body);
    return settings_patch(s, body, error);
}

static void test_patch(void)
{
    struct settings s = {0};

    g_assert_true(patch(&s,
                        "{\"shares\": 4000, \"reservation\": 1048576, \"limit\": \"2G\","
                        " \"exempt\": true, \"guest_swap\": \"yes\","
                        " \"pager\": true, \"share\": \"web-1\"}",
                        NULL));
    g_assert_cmpuint(s.given, ==, (1u << SETTING_MAX) - 1);
    g_assert_cmpuint(s.shares, ==, 4000);
    g_assert_cmpuint(s.reservation, ==, MIB);
    g_assert_cmpuint(s.limit, ==, 2 * GIB);
    g_assert_true(s.exempt);
    g_assert_true(s.pager);
    g_assert_cmpstr(s.share, ==, "web-1");
    g_assert_cmpint(s.swap, ==, GUEST_SWAP_PRESENT);

    /* What is not named stays; null takes a setting back; the configuration's spelling does too. */
    g_assert_true(
        patch(&s, "{\"shares\": \"low\", \"limit\": null, \"guest-swap\": \"no\"}", NULL));
    g_assert_cmpuint(s.shares_per_mib, ==, SHARES_PER_MIB_LOW);
    g_assert_cmpuint(s.reservation, ==, MIB);
    g_assert_false(s.given & 1u << SETTING_LIMIT);
    g_assert_cmpint(s.swap, ==, GUEST_SWAP_ABSENT);
}

static const struct {
    const char *body, *says;
} wrong_patches[] = {
    {"[]", "must be a JSON object"},
    {"5", "must be a JSON object"},
    {"{}", "nothing to set"},
    {"{\"exempt\": true, \"colour\": 1}", "no setting 'colour'"},
    {"{\"exempt\": true, \"shares\": 0}", "from 1"},
    {"{\"exempt\": true, \"shares\": -1}", "from 1"},
    {"{\"exempt\": true, \"shares\": 1.5}", "wrong type"},
    {"{\"exempt\": true, \"shares\": true}", "wrong type"},
    {"{\"exempt\": true, \"shares\": \"many\"}", "high, normal, low"},
    {"{\"exempt\": true, \"shares\": 18446744073709551615}", "from 1"},
    {"{\"exempt\": true, \"limit\": 0}", "none"},
    {"{\"exempt\": true, \"limit\": {}}", "wrong type"},
    {"{\"exempt\": true, \"limit\": \"2 gallons\"}", "no size"},
    {"{\"exempt\": true, \"reservation\": -5}", "no size"},
    {"{\"shares\": 1, \"exempt\": 1}", "wrong type"},
    {"{\"shares\": 1, \"exempt\": \"perhaps\"}", "yes, no"},
    {"{\"exempt\": true, \"guest_swap\": 1}", "wrong type"},
    {"{\"exempt\": true, \"share\": true}", "wrong type"},
    {"{\"exempt\": true, \"share\": \"\"}", "none nor the name"},
    {"{\"exempt\": true, \"share\": \"a b\"}", "none nor the name"},
    {"{\"exempt\": true, \"share\": "
     "\"0123456789012345678901234567890123456789012345678901234567890123\"}",
     "up to 63"},
    {"{\"exempt\": true, \"shares\": \"4000\\u0000x\"}", "NUL"},
};

static void test_wrong_patch(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(wrong_patches); i++) {
        struct settings s = {.given = 1u << SETTING_LIMIT, .limit = GIB}, before = s;
        g_autoptr(GError) error = NULL;

        g_test_message("%s", wrong_patches[i].body);
        g_assert_false(patch(&s, wrong_patches[i].body, &error));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, wrong_patches[i].says));
        g_assert_cmpmem(&s, sizeof(s), &before, sizeof(before));
    }
}

static void test_merge(void)
{
    struct settings base = {0}, over = {0};

    g_assert_true(patch(&base, "{\"shares\": 10, \"limit\": \"1G\", \"share\": \"web\"}", NULL));
    g_assert_true(patch(&over, "{\"limit\": \"none\", \"exempt\": true, \"pager\": false}", NULL));
    settings_merge(&base, &over);
    g_assert_cmpuint(base.shares, ==, 10);
    g_assert_cmpuint(base.limit, ==, 0);
    g_assert_true(base.exempt);
    g_assert_true(base.given & 1u << SETTING_PAGER);
    g_assert_false(base.pager);
    g_assert_cmpstr(base.share, ==, "web");
    g_assert_true(patch(&over, "{\"share\": \"none\"}", NULL));
    settings_merge(&base, &over);
    g_assert_cmpstr(base.share, ==, "");
}

static void test_check(void)
{
    struct settings s = {.reservation = GIB, .limit = GIB};

    g_assert_true(settings_check(&s, 0, NULL));
    g_assert_true(settings_check(&s, GIB, NULL));
    g_assert_false(settings_check(&s, GIB - 1, NULL));
    s.reservation++;
    g_assert_false(settings_check(&s, 0, NULL));
    s.limit = 0;
    g_assert_true(settings_check(&s, 0, NULL));
}

static void test_resolve(void)
{
    struct settings s = {.shares_per_mib = SHARES_PER_MIB_HIGH, .reservation = 4 * GIB};
    struct guest_settings g = settings_resolve(&s, GIB);

    g_assert_cmpuint(g.shares, ==, 20 * 1024);
    g_assert_cmpuint(g.reservation, ==, GIB);
    s = (struct settings){0};
    g_assert_cmpuint(settings_resolve(&s, GIB).shares, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/patch", test_patch);
    g_test_add_func("/settings/wrong-patch", test_wrong_patch);
    g_test_add_func("/settings/merge", test_merge);
    g_test_add_func("/settings/check", test_check);
    g_test_add_func("/settings/resolve", test_resolve);
    return g_test_run();
}
