/* SPDX-License-Identifier: Apache-2.0 */
/* Text made harmless, measured, cut; figures; tables. */
#include "cli/text.h"

#include <math.h>
#include <string.h>

#include "cli/table.h"

static void assert_clean(const char *text, bool ascii, const char *expected)
{
    g_autofree char *clean = text_clean(text, ascii);

    g_assert_cmpstr(clean, ==, expected);
}

static void test_clean(void)
{
    assert_clean("", false, "");
    assert_clean("plain text", false, "plain text");
    assert_clean("zo\u00eb \u30c7\u30fc \u20ac", false, "zo\u00eb \u30c7\u30fc \u20ac");
    assert_clean("zo\u00eb", true, "zo\\u{00eb}");
    assert_clean("a\nb\tc\033[2J\177", false, "a\\x0ab\\x09c\\x1b[2J\\x7f");
    assert_clean("\xc2\x9b"
                 "31m",
                 false, "\\u{009b}31m");
    assert_clean("\u202etxt\u2066\u2028\ufeff", false, "\\u{202e}txt\\u{2066}\\u{2028}\\u{feff}");
    assert_clean("\xff\xc3(\xe2\x82", false, "\\xff\\xc3(\\xe2\\x82");
    assert_clean("\xc0\x9b\xed\xa0\x80", false, "\\xc0\\x9b\\xed\\xa0\\x80");
}

/* Whatever the bytes, the result is UTF-8 without control characters, and cleaning it changes
 * nothing. */
static void test_clean_random(void)
{
    for (int round = 0; round < 20000; round++) {
        char text[24];
        g_autofree char *clean = NULL, *again = NULL;
        int len = g_test_rand_int_range(0, sizeof(text));

        for (int i = 0; i < len; i++)
            text[i] = (char)g_test_rand_int_range(1, 256);
        text[len] = '\0';
        clean = text_clean(text, round % 2 == 0);
        g_assert_true(g_utf8_validate(clean, -1, NULL));
        for (const char *at = clean; *at; at = text_next(at))
            g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
        again = text_clean(clean, false);
        g_assert_cmpstr(again, ==, clean);
    }
}

static void assert_fit(const char *text, size_t width, bool right, const char *expected)
{
    g_autofree char *fit = text_fit(text, width, right, "~");

    g_assert_cmpstr(fit, ==, expected);
    g_assert_cmpuint(text_width(fit), ==, width);
}

static void test_width(void)
{
    g_assert_cmpuint(text_width(""), ==, 0);
    g_assert_cmpuint(text_width("abc"), ==, 3);
    g_assert_cmpuint(text_width("\u30c7\u30fc"), ==, 4);
    g_assert_cmpuint(text_width("e\u0301"), ==, 1);
    assert_fit("abc", 5, false, "abc  ");
    assert_fit("abc", 5, true, "  abc");
    assert_fit("abcdef", 6, true, "abcdef");
    assert_fit("abcdef", 4, false, "abc~");
    assert_fit("abcdef", 1, false, "~");
    assert_fit("abcdef", 0, false, "");
    /* Half of a wide character is not shown: a blank stands in its place. */
    assert_fit("\u30c7\u30fc\u30bf", 4, false, "\u30c7~ ");
    assert_fit("\u30c7\u30fc\u30bf", 4, true, " \u30c7~");
    g_assert_cmpuint(text_prefix("\u30c7\u30fc\u30bf", 3), ==, 3);
    g_assert_cmpuint(text_prefix("abc", 9), ==, 3);
}

static void test_figures(void)
{
    static const struct {
        double value;
        const char *number, *size_rate;
    } cases[] = {
        {0, "0", "0"},           {0.25, "0.25", "0"},      {1, "1", "1"},
        {12.34, "12.3", "12"},   {1234.4, "1234", "1.2K"}, {9999, "9999", "9.8K"},
        {12345, "12k", "12.1K"}, {-5, "-5", "-5"},         {-12345, "-12k", "-12.1K"},
        {1e300, "1e+300", NULL}, {NAN, "-", "-"},          {INFINITY, "inf", NULL},
    };
    char buf[TEXT_FIGURE_MAX];

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpstr(text_number(cases[i].value, buf), ==, cases[i].number);
        text_size_rate(cases[i].value, buf);
        g_test_message("%g is %s", cases[i].value, buf);
        if (cases[i].size_rate)
            g_assert_cmpstr(buf, ==, cases[i].size_rate);
    }
    g_assert_cmpstr(text_size(UNKNOWN_U64, buf), ==, "-");
    g_assert_cmpstr(text_size(512u << 20, buf), ==, "512M");
    g_assert_cmpstr(text_age(0, buf), ==, "0 s");
    g_assert_cmpstr(text_age(0.01, buf), ==, "0.0 s");
    g_assert_cmpstr(text_age(0.5, buf), ==, "0.5 s");
    g_assert_cmpstr(text_age(119, buf), ==, "119 s");
    g_assert_cmpstr(text_age(120, buf), ==, "2 min");
    g_assert_cmpstr(text_age(3 * 3600 + 5, buf), ==, "3 h");
    g_assert_cmpstr(text_age(1e9, buf), ==, "11574 d");
    g_assert_cmpstr(text_age(NAN, buf), ==, "-");
    g_assert_cmpstr(text_latency(0, buf), ==, "0us");
    g_assert_cmpstr(text_latency(0.0000012, buf), ==, "1.2us");
    g_assert_cmpstr(text_latency(0.000048, buf), ==, "48us");
    g_assert_cmpstr(text_latency(0.000999, buf), ==, "999us");
    g_assert_cmpstr(text_latency(0.0009999, buf), ==, "1.0ms");
    g_assert_cmpstr(text_latency(0.0012, buf), ==, "1.2ms");
    g_assert_cmpstr(text_latency(0.5, buf), ==, "500ms");
    g_assert_cmpstr(text_latency(3.25, buf), ==, "3.2s");
    g_assert_cmpstr(text_latency(INFINITY, buf), ==, "1000000000s");
    g_assert_cmpstr(text_latency(-1, buf), ==, "0us");
    g_assert_cmpstr(text_latency(NAN, buf), ==, "-");
    g_assert_cmpstr(text_part(0, buf), ==, "0%");
    g_assert_cmpstr(text_part(0.00001, buf), ==, "<0.1%");
    g_assert_cmpstr(text_part(0.025, buf), ==, "2.5%");
    g_assert_cmpstr(text_part(0.0996, buf), ==, "10%");
    g_assert_cmpstr(text_part(0.37, buf), ==, "37%");
    g_assert_cmpstr(text_part(3.5, buf), ==, "350%");
    g_assert_cmpstr(text_part(-1, buf), ==, "0%");
    g_assert_cmpstr(text_part(1e300, buf), ==, "1000000%");
    g_assert_cmpstr(text_part(NAN, buf), ==, "-");
    g_assert_cmpstr(text_time(0, buf), ==, "1970-01-01 00:00:00");
    g_assert_cmpstr(text_time(NAN, buf), ==, "-");
    g_assert_cmpstr(text_time(-1, buf), ==, "-");
    g_assert_cmpstr(text_time(1e300, buf), ==, "-");
}

static void test_table(void)
{
    static const struct table_column columns[] = {{"NAME", false}, {"SIZE", true}, {"NOTE", false}};
    static const char *const cells[] = {"a", "1",   "x", "\u30c7\u30fc\u30bf", "1000000",
                                        "",  "b\n", "-", "long note"};
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *endless = g_strnfill(1000, 'x');

    for (size_t i = 0; i < G_N_ELEMENTS(cells); i++)
        table_add(table, cells[i]);
    table_append_to(table, out);
    g_assert_cmpstr(out->str, ==,
                    "NAME       SIZE  NOTE\n"
                    "a             1  x\n"
                    "\u30c7\u30fc\u30bf  1000000\n"
                    "b\\x0a         -  long note\n");
    table_add(table, endless);
    table_add(table, "2");
    table_add(table, "y");
    g_string_truncate(out, 0);
    table_append_to(table, out);
    g_assert_cmpuint(out->len, <, 500);
    g_assert_nonnull(strstr(out->str, "x" ELLIPSIS "        2  y\n"));
    table_free(table);
}

int main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/clean", test_clean);
    g_test_add_func("/text/clean-random", test_clean_random);
    g_test_add_func("/text/width", test_width);
    g_test_add_func("/text/figures", test_figures);
    g_test_add_func("/text/table", test_table);
    return g_test_run();
}
