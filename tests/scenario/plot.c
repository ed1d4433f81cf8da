/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a run: well-formed, and with everything in it. */
#include <glib.h>
#include <string.h>

#include "core/units.h"
#include "fixture.h"
#include "scenario/plot.h"

static unsigned count_of(const char *text, const char *part)
{
    unsigned n = 0;

    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        n++;
    return n;
}

static void check_markup(const char *text)
{
    const GMarkupParser nothing = {0};
    GMarkupParseContext *context = g_markup_parse_context_new(&nothing, 0, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_markup_parse_context_parse(context, text, -1, &error);
    g_assert_no_error(error);
    g_markup_parse_context_end_parse(context, &error);
    g_assert_no_error(error);
    g_markup_parse_context_free(context);
    g_assert_cmpuint(count_of(text, "\"nan") + count_of(text, "nan,") + count_of(text, "\"-nan"),
                     ==, 0);
    g_assert_cmpuint(count_of(text, "\"inf") + count_of(text, "inf,") + count_of(text, "\"-inf"),
                     ==, 0);
}

static void set_state(struct fixture *f, unsigned i, const char *state)
{
    struct host_sample *host = &g_array_index(f->record->hosts, struct host_sample, i);

    host->state = state;
    host->minfree = 40 * MIB;
}

static void test_draw(struct fixture *f, const void *data)
{
    g_autofree char *text = NULL;
    char title[] = "a < b & c";

    (void)data;
    f->scenario.title = title;
    for (unsigned i = 0; i < 40; i++) {
        fixture_add(f, 512 - 3 * i, 300, 512, 200 + 5 * i);
        set_state(f, i, i < 20 ? "high" : i < 30 ? "soft" : "low");
    }
    text = plot_draw(f->record);
    check_markup(text);
    g_assert_nonnull(strstr(text, "a &lt; b &amp; c"));
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        g_autofree char *class = g_strdup_printf("class=\"state%d\"", s);
        bool seen = s == HOST_HIGH || s == HOST_SOFT || s == HOST_LOW;

        g_assert_cmpuint(count_of(text, class), ==, seen ? 2 : 1); /* legend and band */
    }
    g_assert_cmpuint(count_of(text, "class=\"act\""), ==, 39); /* the balloon */
    g_assert_cmpuint(count_of(text, "<polygon"), ==, 3);
    g_assert_nonnull(strstr(text, "class=\"capacity\""));
}

/* Many samples share their columns; none and one are drawn too. */
static void test_lengths(struct fixture *f, const void *data)
{
    char title[] = "t";
    g_autofree char *none = NULL;
    size_t long_run;

    (void)data;
    f->scenario.title = title;
    none = plot_draw(f->record);
    check_markup(none);
    for (unsigned i = 0; i < 7003; i++) {
        if (i == 1 || i == 7002) {
            g_autofree char *text = plot_draw(f->record);

            check_markup(text);
            long_run = strlen(text);
            g_assert_cmpuint(long_run, <, 400000);
        }
        fixture_add(f, i % 2 ? 512 : 400, 300, 512, 200);
    }
}

#define ADD(name, function)                                                                        \
    g_test_add("/lab/plot/" name, struct fixture, NULL, fixture_setup, function, fixture_teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("draw", test_draw);
    ADD("lengths", test_lengths);
    return g_test_run();
}
