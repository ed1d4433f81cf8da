/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <glib.h>

static void test_numbers(void)
{
    static const char *const wrong[] = {"", "x", "1x", "nan", "inf", "-0.1", "1.1", "0,5", "0.5 "};
    double value = 7;

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_false(number_parse(wrong[i], 0, 1, &value));
    g_assert_cmpfloat_with_epsilon(value, 7, 1e-12);
    g_assert_true(number_parse("1", 0, 1, &value));
    g_assert_cmpfloat_with_epsilon(value, 1, 1e-12);
    g_assert_true(number_parse("2.5e-1", 0, 1, &value));
    g_assert_cmpfloat_with_epsilon(value, 0.25, 1e-12);
}

static void test_seconds(void)
{
    double seconds = 7;

    g_assert_false(seconds_parse("soon", &seconds));
    g_assert_cmpfloat_with_epsilon(seconds, 7, 1e-12);
    g_assert_true(seconds_parse("500ms", &seconds));
    g_assert_cmpfloat_with_epsilon(seconds, 0.5, 1e-12);
}

static void test_words(void)
{
    static const char *const words[] = {"one", "two", NULL};
    bool yes = true;
    int word = 7;

    g_assert_false(word_parse("", words, &word));
    g_assert_false(word_parse("three", words, &word));
    g_assert_cmpint(word, ==, 7);
    g_assert_true(word_parse("two", words, &word));
    g_assert_cmpint(word, ==, 1);
    g_assert_false(yes_no_parse("maybe", &yes));
    g_assert_true(yes);
    g_assert_true(yes_no_parse("no", &yes));
    g_assert_false(yes);
    g_assert_true(yes_no_parse("yes", &yes));
    g_assert_true(yes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/number/numbers", test_numbers);
    g_test_add_func("/number/seconds", test_seconds);
    g_test_add_func("/number/words", test_words);
    return g_test_run();
}
