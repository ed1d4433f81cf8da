/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/random.h"

static struct json_object *parse(const char *text)
{
    return json_parse(text, strlen(text), NULL);
}

static void test_accept(void)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " {\"a\": [1, -2, 3.5e3, true, false, null, \"\\\"\\u00e4\"]}\r\n",
        "1",
        "\"x\"",
        "18446744073709551615",
        "-9223372036854775808",
        "{\"a\":{}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        const char *why = NULL;
        autojson obj = json_parse(good[i], strlen(good[i]), &why);

        g_test_message("%zu: %s", i, why ? why : "ok");
        g_assert_nonnull(obj);
        g_assert_null(why);
    }
}

static void test_refuse(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "{\"a\"",
        "{\"a\":1}}",
        "{} {}",
        "{}x",
        "{'a':1}",
        "{\"a\":NaN}",
        "Infinity",
        "-Infinity",
        "{\"a\":18446744073709551616}",
        "-9223372036854775809",
        "01",
        "\"a\nb\"",
        "\"\xff\"",
        "{\"a\":1,}",
        "[1,]",
        "tru",
        "\"open",
        "\"\\",
        "{\"a\" 1}",
        "/* c */ {}",
        "null",
        "99999999999999999999999999",
        "HTTP/1.1 400 Bad Request",
        "+1",
        "{a:1}",
        "TRUE",
        "-",
        "1x",
        "1.5x",
        "1.Infinity",
        "-e",
        "--1",
        "1e",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *why = NULL;
        autojson obj = json_parse(bad[i], strlen(bad[i]), &why);

        g_test_message("%zu: %s", i, why ? why : "taken");
        g_assert_null(obj);
        g_assert_nonnull(why);
    }
    g_assert_null(json_parse("{}\0", 3, NULL));
    g_assert_null(json_parse("{\"a\":\0}", 7, NULL));
}

static void test_depth(void)
{
    g_autofree char *deep = g_strnfill(100000, '[');

    g_assert_null(json_parse(deep, 100000, NULL));
}

static void test_numbers(void)
{
    autojson obj =
        parse("{\"max\": 18446744073709551615, \"big\": 9223372036854775808,"
              " \"i64\": 9223372036854775807, \"min\": -9223372036854775808, \"neg\": -1,"
              " \"zero\": 0, \"half\": 0.5, \"huge\": 1e400, \"text\": \"12\", \"yes\": true}");
    uint64_t u = 7;
    int64_t i = 7;
    double d = 7;

    g_assert_nonnull(obj);
    g_assert_true(json_get_u64(obj, "max", &u) && u == UINT64_MAX);
    g_assert_true(json_get_u64(obj, "big", &u) && u == UINT64_C(1) << 63);
    g_assert_true(json_get_u64(obj, "zero", &u) && u == 0);
    u = 7;
    for (const char *const *key =
             (const char *const[]){"neg", "min", "half", "text", "yes", "no", NULL};
         *key; key++)
        g_assert_false(json_get_u64(obj, *key, &u));
    g_assert_false(json_get_u64(NULL, "max", &u));
    g_assert_cmpuint(u, ==, 7);

    g_assert_true(json_get_i64(obj, "i64", &i) && i == INT64_MAX);
    g_assert_true(json_get_i64(obj, "min", &i) && i == INT64_MIN);
    g_assert_false(json_get_i64(obj, "big", &i));
    g_assert_cmpint(i, ==, INT64_MIN);

    g_assert_false(json_get_double(obj, "huge", &d));
    g_assert_false(json_get_double(obj, "text", &d));
    g_assert_true(json_get_double(obj, "half", &d) && fabs(d - 0.5) < 1e-9);
    g_assert_true(json_get_double(obj, "neg", &d) && fabs(d + 1) < 1e-9);
}

static void test_other_types(void)
{
    autojson obj = parse("{\"s\": \"x\", \"nul\": \"a\\u0000b\", \"t\": true, \"o\": {\"k\": 1},"
                         " \"a\": [1], \"n\": null, \"s\": \"last\"}");
    const char *s = NULL;
    bool b = false;

    g_assert_true(json_get_string(obj, "s", &s));
    g_assert_cmpstr(s, ==, "last");
    g_assert_false(json_get_string(obj, "nul", &s));
    g_assert_false(json_get_string(obj, "n", &s));
    g_assert_true(json_get_bool(obj, "t", &b) && b);
    g_assert_false(json_get_bool(obj, "a", &b));
    g_assert_nonnull(json_get_object(obj, "o"));
    g_assert_null(json_get_object(obj, "a"));
    g_assert_nonnull(json_get_array(obj, "a"));
    g_assert_null(json_get_array(json_get_array(obj, "a"), "a"));
}

static void test_write(void)
{
    autojson obj = json_object_new_object();

    json_put_u64(obj, "u", UINT64_MAX);
    json_put_double(obj, "d", 0.1);
    json_put_double(obj, "third", 1.0 / 3);
    json_put_double(obj, "nan", (double)NAN);
    json_put_double(obj, "zero", 0);
    json_put_bool(obj, "b", true);
    json_put_string(obj, "s", "x");
    json_put_string(obj, "none", NULL);
    json_put_string(obj, "cut", "\xc3\xa9\xc3");
    json_put_object(obj, "o", json_object_new_array());
    g_assert_cmpstr(
        json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN), ==,
        "{\"u\":18446744073709551615,\"d\":0.1,\"third\":0.3333333333333333,\"nan\":null,"
        "\"zero\":0,\"b\":true,\"s\":\"x\",\"none\":null,\"cut\":\"\xc3\xa9\xef\xbf\xbd\",\"o\":[]"
        "}");
}

/* Whatever the bytes are, there is a tree or a reason, and never a crash. */
static void test_random(void)
{
    static const char alphabet[] = "{}[]\",:\\ \n0123456789.-+eEtrufalsn'N\xc3\xa4\x01";
    g_autoptr(GRand) rand = random_seeded();

    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t len = (size_t)g_rand_int_range(rand, 0, sizeof(text));
        const char *why = NULL;
        g_autofree char *copy = NULL;

        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[g_rand_int_range(rand, 0, sizeof(alphabet))];
        copy = g_memdup2(text, len); /* exact size: a sanitizer sees a read beyond */
        {
            autojson obj = json_parse(copy, len, &why);
            g_assert_true(!obj == !!why);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/accept", test_accept);
    g_test_add_func("/json/refuse", test_refuse);
    g_test_add_func("/json/depth", test_depth);
    g_test_add_func("/json/numbers", test_numbers);
    g_test_add_func("/json/other-types", test_other_types);
    g_test_add_func("/json/write", test_write);
    g_test_add_func("/json/random", test_random);
    return g_test_run();
}
