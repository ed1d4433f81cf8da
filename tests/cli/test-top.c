/* SPDX-License-Identifier: Apache-2.0 */
/* The interactive top without a terminal and without a daemon: answers and keys in, a text grid
 * out. */
#include "cli/top.h"

#include <glib/gstdio.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/explain.h"
#include "client/client.h"
#include "core/units.h"
#include "grid.h"

static struct json_object *parse(const char *text)
{
    struct json_object *object = json_tokener_parse(text);

    g_assert_nonnull(object);
    return object;
}

static struct json_object *host_json(const char *state)
{
    g_autofree char *text = g_strdup_printf(
        "{\"mode\": \"manage\", \"uptime\": 12.5, \"state\": \"%s\", \"state_age\": 8.1,"
        " \"capacity\": 943718400, \"configured\": 1610612736, \"resident\": 512000000,"
        " \"free\": 431718400, \"minfree\": 56623104, \"ballooned\": 0, \"overhead\": 300000000,"
        " \"overcommit\": 1.7, \"overcommit_avg\": {\"1m\": 1.7, \"5m\": 1.6, \"15m\": null},"
        " \"guests\": 3, \"guests_up\": 2, \"blocked\": 1,"
        " \"state_seconds\": {\"high\": 12.5, \"clear\": 0}, \"marks\": {\"clear\": 56623104},"
        " \"sharing\": {\"supported\": true, \"run\": true, \"saved\": 33554432, \"rate\": 20000, "
        "\"cpu\": 0.125,"
        " \"reason\": \"finding\"}}",
        state);

    return parse(text);
}

/* Sizes in MiB. */
static char *guest_text(const char *name, unsigned resident, unsigned balloon, const char *distress)
{
    return g_strdup_printf(
        "{\"name\": \"%s\", \"pid\": 7, \"size\": 536870912, \"granted\": 402653184,"
        " \"resident\": %" PRIu64 ", \"active\": 209715200, \"entitled\": 402653184,"
        " \"balloon\": {\"driver\": \"working\", \"current\": %" PRIu64 ", \"target\": 134217728},"
        " \"shares\": 5120, \"reservation\": 0, \"limit\": 536870912, \"reason\": \"shortage\","
        " \"pager\": {\"standing\": \"serves\", \"phase\": \"serving\", \"parked\": false, "
        "\"bytes\":"
        " {\"resident\": 390070272, \"swapped\": 46137344}, \"rates\": {\"out\": 1048576},"
        " \"faults\": {\"swapped\": {\"count\": 3, \"p50\": 0.00005, \"p99\": 0.0012}}},"
        " \"stats\": {\"trust\": \"fresh\", \"swap_in_rate\": 2048, \"major_fault_rate\": 3},"
        " \"lost\": {\"part\": 0.02}, \"shared\": {\"saved\": 4194304},"
        " \"blocked\": {\"now\": false, \"seconds\": 1.5}, \"distress\": [%s]}",
        name, resident * MIB, balloon * MIB, distress);
}

static struct top_answer *sample(const char *state, unsigned balloon)
{
    struct top_answer *answer = g_new0(struct top_answer, 1);
    g_autofree char *web = guest_text("web", 372, balloon, "");
    g_autofree char *db = guest_text("db", 500, 0, "\"swap-in\", \"low-available\"");
    g_autofree char *wide =
        guest_text("\u30c7\u30fc\u30bf\u30d9\u30fc\u30b9\u30b5\u30fc\u30d0", 64, 0, "");
    g_autofree char *all = g_strdup_printf(
        "{\"guests\": [%s, %s, %s, {\"name\": \"new\\u001b[2J\", \"balloon\": null}]}", web, db,
        wide);

    answer->host = host_json(state);
    answer->guests = parse(all);
    return answer;
}

struct fixture {
    struct top top;
    struct screen *screen;
};

static void set_up(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct top_settings settings;

    top_settings_init(&settings);
    top_init(&f->top, &settings, false);
    f->screen = grid_new(24, 150);
    top_take_answer(&f->top, sample("high", 128), 1000000, 1763745600);
}

static void tear_down(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    top_deinit(&f->top);
    screen_free(f->screen);
}

static char *drawn(struct fixture *f)
{
    top_draw(&f->top, f->screen);
    return grid_text(f->screen);
}

static void keys(struct fixture *f, const char *characters)
{
    for (; *characters; characters++)
        top_key(&f->top, *characters);
}

/* The screen is as in golden/NAME; AEROSTAT_UPDATE_GOLDEN=1 writes it. */
static void assert_golden(struct fixture *f, const char *name)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "golden", name, NULL);
    g_autofree char *actual = drawn(f);
    g_autofree char *expected = NULL;

    if (g_getenv("AEROSTAT_UPDATE_GOLDEN"))
        g_assert_true(g_file_set_contents(path, actual, -1, NULL));
    g_assert_true(g_file_get_contents(path, &expected, NULL, NULL));
    g_assert_cmpstr(actual, ==, expected);
}

static void assert_shows(struct fixture *f, const char *text, bool shown)
{
    g_autofree char *screen = drawn(f);

    if (!!strstr(screen, text) != shown)
        g_error("'%s' is %s:\n%s", text, shown ? "not shown" : "shown", screen);
}

/* The names from above, as "web db ". */
static char *order(const struct fixture *f)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < f->top.rows->len; i++) {
        uint32_t row = g_array_index(f->top.rows, uint32_t, i);

        g_string_append_printf(names, "%.3s ", f->top.sample->guests[row].name);
    }
    return g_string_free(names, FALSE);
}

static void assert_order(struct fixture *f, const char *key, const char *expected)
{
    g_autofree char *names = NULL;

    keys(f, key);
    names = order(f);
    g_assert_cmpstr(names, ==, expected);
}

static void test_frame(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    assert_golden(f, "top.txt");
    g_assert_cmpint(grid_style(f->screen, 1, 6), ==, STYLE_GOOD);
    g_assert_cmpint(grid_style(f->screen, 10, 0), ==, STYLE_SELECTED);
    g_assert_cmpint(grid_style(f->screen, 11, 0), ==, STYLE_PLAIN);
    keys(f, "N");
    top_move(&f->top, 3);
    top_draw(&f->top, f->screen);
    g_assert_cmpint(grid_style(f->screen, 10, 0), ==, STYLE_NOTICE);
    /* Who loses much of its time shows more than who shows signs of it. */
    g_assert_cmpint(grid_style(f->screen, 12, 0), ==, STYLE_PLAIN);
    f->top.sample->guests[0].lost.part = 0.06;
    f->top.sample->guests[1].lost.part = 0.3;
    top_draw(&f->top, f->screen);
    g_assert_cmpint(grid_style(f->screen, 12, 0), ==, STYLE_NOTICE);
    g_assert_cmpint(grid_style(f->screen, 10, 0), ==, STYLE_BAD);
}

static void test_narrow(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    grid_resize(f->screen, 11, 40);
    f->top.ascii = true;
    top_key(&f->top, SCREEN_KEY_RIGHT);
    top_key(&f->top, SCREEN_KEY_RIGHT);
    assert_golden(f, "top-narrow.txt");
    for (int i = 0; i < 100; i++)
        top_key(&f->top, SCREEN_KEY_RIGHT);
    assert_shows(f, "REASON", true);
    assert_shows(f, "NAME", true);
}

static void test_empty(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct top_answer *answer = g_new0(struct top_answer, 1);

    answer->host = parse("{}");
    answer->guests = parse("{\"guests\": []}");
    top_take_answer(&f->top, answer, 2000000, 1);
    assert_shows(f, "no guests", true);
    assert_shows(f, "state - for -", true);
    keys(f, "eN>");
    top_key(&f->top, SCREEN_KEY_DOWN);
    top_key(&f->top, SCREEN_KEY_END);
    g_assert_cmpint(f->top.mode, ==, TOP_TABLE);
}

/* Rates that two looks give: none after the first, none for a guest that was not there before. */
static void test_rates(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    int columns[] = {column_find("name"), column_find("balloon-rate")};

    top_settings_show(&f->top.settings, columns, 2);
    assert_shows(f, "web                    -", true);
    top_take_answer(&f->top, sample("high", 192), 3000000, 1763745602);
    assert_shows(f, "web                  32M", true);
    assert_shows(f, "db                     0", true);
    top_take_answer(&f->top, sample("high", 96), 5000000, 1763745604);
    assert_shows(f, "web                 -48M", true);
    /* Two answers of one instant tell nothing. */
    top_take_answer(&f->top, sample("high", 96), 5000000, 1763745604);
    assert_shows(f, "web                    -", true);
}

static void test_order(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    assert_order(f, "", "db web \u30c7 new ");
    assert_order(f, "R", "new \u30c7 web db ");
    assert_order(f, "N", "db new web \u30c7 ");
    assert_order(f, "I", "\u30c7 web new db ");
    assert_order(f, "B", "web db \u30c7 new ");
    /* LOST is the same for all: names decide. */
    assert_order(f, "L", "db web \u30c7 new ");
    assert_shows(f, "by LOST", true);
    keys(f, ">");
    assert_shows(f, "by SIZE", true);
    keys(f, "<<<<<<");
    assert_shows(f, "by NAME", true);
}

static void test_cursor_stays_with_its_guest(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    top_draw(&f->top, f->screen);
    top_key(&f->top, SCREEN_KEY_DOWN);
    g_assert_cmpstr(top_selected(&f->top)->name, ==, "web");
    keys(f, "N");
    g_assert_cmpstr(top_selected(&f->top)->name, ==, "web");
    top_key(&f->top, SCREEN_KEY_END);
    top_key(&f->top, SCREEN_KEY_DOWN);
    g_assert_cmpuint(f->top.cursor, ==, 3);
    top_key(&f->top, SCREEN_KEY_PAGE_UP);
    g_assert_cmpstr(top_selected(&f->top)->name, ==, "db");
    top_key(&f->top, SCREEN_KEY_UP);
    g_assert_cmpuint(f->top.cursor, ==, 0);
}

static void test_scrolls(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    grid_resize(f->screen, 8, 80);
    keys(f, "N");
    top_draw(&f->top, f->screen);
    g_assert_cmpuint(f->top.page, ==, 2);
    top_key(&f->top, SCREEN_KEY_PAGE_DOWN);
    assert_shows(f, "\nweb ", true);
    assert_shows(f, "\ndb ", false);
    top_key(&f->top, SCREEN_KEY_HOME);
    assert_shows(f, "\ndb ", true);
}

static void test_filter(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    keys(f, "/WxE");
    top_key(&f->top, SCREEN_KEY_BACKSPACE);
    top_key(&f->top, SCREEN_KEY_BACKSPACE);
    keys(f, "e");
    assert_shows(f, "only names with: We_", true);
    top_key(&f->top, SCREEN_KEY_ENTER);
    assert_shows(f, "only *We*", true);
    assert_order(f, "", "web ");
    keys(f, "/");
    for (int i = 0; i < TOP_INPUT_MAX + 10; i++)
        top_key(&f->top, 0x30c7);
    g_assert_cmpint(g_utf8_strlen(f->top.input->str, -1), ==, TOP_INPUT_MAX);
    top_key(&f->top, SCREEN_KEY_ENTER);
    assert_shows(f, "no guest has such a name", true);
    /* Escape leaves the filter as it is; an empty one shows all. */
    keys(f, "/");
    top_key(&f->top, SCREEN_KEY_ESCAPE);
    g_assert_nonnull(f->top.filter);
    keys(f, "/");
    for (int i = 0; i < TOP_INPUT_MAX + 10; i++)
        top_key(&f->top, SCREEN_KEY_BACKSPACE);
    top_key(&f->top, SCREEN_KEY_ENTER);
    g_assert_null(f->top.filter);
    assert_order(f, "", "db web \u30c7 new ");
}

static void test_delay(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    keys(f, "d0.5\n");
    g_assert_cmpfloat(f->top.settings.delay, ==, 0.5);
    keys(f, "s0\n");
    g_assert_cmpfloat(f->top.settings.delay, ==, 0.5);
    assert_shows(f, "'0' is no delay: it takes 0.2 to 3600 seconds", true);
    keys(f, "x");
    assert_shows(f, "is no delay", false);
}

static void test_pause_and_wants(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    keys(f, "p");
    g_assert_true(f->top.paused);
    g_assert_false(f->top.wants.sample);
    assert_shows(f, "PAUSED", true);
    keys(f, "p");
    g_assert_false(f->top.paused);
    g_assert_true(f->top.wants.sample);
    top_key(&f->top, SCREEN_KEY_REDRAW);
    g_assert_true(f->top.wants.redraw);
    g_assert_false(f->top.wants.quit);
    keys(f, "q");
    g_assert_true(f->top.wants.quit);
}

static void test_help(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    keys(f, "?");
    assert_golden(f, "top-help.txt");
    for (int i = 0; i < 100; i++)
        top_key(&f->top, SCREEN_KEY_DOWN);
    assert_shows(f, "PID          the VMM's process", true);
    keys(f, "q");
    g_assert_cmpint(f->top.mode, ==, TOP_TABLE);
    g_assert_false(f->top.wants.quit);
}

static void test_columns_window(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    keys(f, "f");
    top_key(&f->top, SCREEN_KEY_DOWN);
    keys(f, " ");
    top_key(&f->top, SCREEN_KEY_DOWN);
    top_key(&f->top, SCREEN_KEY_DOWN);
    top_key(&f->top, SCREEN_KEY_DOWN);
    keys(f, "<<<<");
    assert_golden(f, "top-columns.txt");
    keys(f, "q");
    assert_shows(f, "\nRESIDENT NAME               SIZE ACTIVE", true);
}

static void test_last_column_stays(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    int columns[COLUMNS_MAX];

    keys(f, "f");
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        if (f->top.settings.shown[f->top.settings.order[i]])
            keys(f, " ");
        top_key(&f->top, SCREEN_KEY_DOWN);
    }
    g_assert_cmpuint(top_settings_shown(&f->top.settings, columns), ==, 1);
}

static struct top_answer *explanation(const char *name)
{
    struct top_answer *answer = g_new0(struct top_answer, 1);
    g_autofree char *guest = guest_text(name, 372, 128, "");

    answer->explained = g_strdup(name);
    answer->guest = parse(guest);
    answer->decisions = parse(
        "{\"events\": [{\"time\": 1763745600.25, \"state\": \"clear\", \"mechanism\": \"balloon\","
        " \"reason\": \"shortage\", \"from\": 536870912, \"to\": 402653184, \"text\":"
        " \"a sentence that is long enough to be broken into two lines in a window of this "
        "width\"}]}");
    return answer;
}

static void test_explain(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    grid_resize(f->screen, 44, 80);
    keys(f, "N");
    top_key(&f->top, SCREEN_KEY_DOWN);
    top_key(&f->top, SCREEN_KEY_DOWN);
    keys(f, "e");
    g_assert_true(f->top.wants.explanation);
    g_assert_cmpstr(f->top.explained, ==, "web");
    assert_shows(f, "waiting for the daemon", true);
    /* An answer about another guest comes too late. */
    top_take_answer(&f->top, explanation("db"), 0, 0);
    assert_shows(f, "waiting for the daemon", true);
    top_take_answer(&f->top, explanation("web"), 0, 0);
    assert_golden(f, "top-explain.txt");
    top_key(&f->top, SCREEN_KEY_ESCAPE);
    top_take_answer(&f->top, explanation("web"), 0, 0);
    g_assert_cmpint(f->top.mode, ==, TOP_TABLE);
}

static void test_trouble(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    struct top_answer *answer = g_new0(struct top_answer, 1);

    answer->error = g_error_new(CLIENT_ERROR, CLIENT_ERROR_NOT_RUNNING, "no daemon\033[2J");
    top_take_answer(&f->top, answer, 2000000, 2);
    assert_shows(f, "\nno daemon\\x1b[2J\n", true);
    g_assert_cmpint(grid_style(f->screen, 8, 0), ==, STYLE_BAD);
    assert_shows(f, "\nweb ", true);
    top_take_answer(&f->top, sample("low", 0), 3000000, 3);
    assert_shows(f, "no daemon", false);
    g_assert_cmpint(grid_style(f->screen, 1, 6), ==, STYLE_BAD);
}

static void test_settings(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *directory = g_dir_make_tmp("aerostat-top-XXXXXX", NULL);
    g_autofree char *below = g_build_filename(directory, "aerostat", NULL);
    g_autofree char *path = g_build_filename(below, "toprc", NULL);
    int columns[] = {column_find("pid"), column_find("name")};
    struct top_settings read;
    GError *error = NULL;

    top_settings_init(&read);
    g_assert_true(top_settings_load(&read, path, &error)); /* absent is no error */
    g_free(f->top.settings_path);
    f->top.settings_path = g_strdup(path);
    top_settings_show(&f->top.settings, columns, 2);
    keys(f, "NRd0.5\nW");
    assert_shows(f, "settings are kept in ", true);
    g_assert_true(top_settings_load(&read, path, &error));
    g_assert_cmpmem(&read, sizeof(read), &f->top.settings, sizeof(read));
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(below), ==, 0);
    g_assert_true(g_file_set_contents(below, "", 0, NULL));
    keys(f, "W");
    assert_shows(f, "settings are not kept: ", true);
    g_unlink(below);
    g_rmdir(directory);
}

static void test_wrong_settings(void)
{
    static const char *const wrong[] = {
        "[top]\ncolumns = name,frob\n", "[top]\nsort = frob\n", "[top]\nreverse = perhaps\n",
        "[top]\ndelay = 0\n",           "[top]\ncolumns =\n",   "\x01\xff rubbish",
    };
    g_autofree char *directory = g_dir_make_tmp("aerostat-top-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "toprc", NULL);
    struct top_settings defaults, read;

    top_settings_init(&defaults);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        top_settings_init(&read);
        g_assert_true(g_file_set_contents(path, wrong[i], -1, NULL));
        g_assert_false(top_settings_load(&read, path, &error));
        g_assert_nonnull(strstr(error->message, path));
        g_assert_cmpmem(&read, sizeof(read), &defaults, sizeof(read));
    }
    g_unlink(path);
    g_rmdir(directory);
}

/* Nothing a user can press, on no size of screen, draws outside of the grid (grid.c asserts) or
 * fails. */
static void test_random_keys(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *directory = g_dir_make_tmp("aerostat-top-XXXXXX", NULL);

    g_free(f->top.settings_path);
    f->top.settings_path = g_build_filename(directory, "toprc", NULL);
    for (int i = 0; i < 5000; i++) {
        int key = g_test_rand_bit() ? g_test_rand_int_range(1, 0x80)
                                    : g_test_rand_int_range(SCREEN_KEY_UP, SCREEN_KEY_OTHER + 1);

        if (i % 50 == 0)
            grid_resize(f->screen, g_test_rand_int_range(1, 40), g_test_rand_int_range(1, 200));
        if (i % 70 == 0)
            top_take_answer(&f->top, sample("soft", (unsigned)i % 512), i * 1000, i);
        if (i % 90 == 0 && f->top.explained)
            top_take_answer(&f->top, explanation(f->top.explained), 0, 0);
        top_key(&f->top, key);
        top_draw(&f->top, f->screen);
    }
    g_unlink(f->top.settings_path);
    g_rmdir(directory);
}

/* Of a low screen the guests get half; what is said of the host ends with what matters least. */
static void test_heights(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    grid_resize(f->screen, 16, 150);
    assert_shows(f, "\nsharing ", true);
    assert_shows(f, "\nswap pool", false);
    grid_resize(f->screen, 11, 150);
    assert_shows(f, "\nguests ", true);
    assert_shows(f, "\npagers ", false);
    assert_shows(f, "\nnew\\x1b", true);
    grid_resize(f->screen, 6, 150);
    assert_shows(f, "\ncapacity ", true);
}

/* v and digits show other columns, sort among them, and go back; the choice of columns is about the
 * first ones. */
static void test_views(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const shown[VIEWS] = {"BLOCKED DISTRESS", "WS10M", "LHSWAP", "DOMAIN",
                                             "GAVAIL"};

    assert_shows(f, "WS10M", false);
    keys(f, "v");
    assert_golden(f, "top-paging.txt");
    keys(f, "X");
    g_assert_cmpint(f->top.settings.sort, ==, column_find("swapped"));
    keys(f, "<");
    g_assert_cmpint(f->top.settings.sort, ==, column_find("ratio"));
    grid_resize(f->screen, 24, 200);
    for (int i = 0; i < 2 * VIEWS; i++) {
        g_autofree char *digit = g_strdup_printf("%d", i % VIEWS + 1);

        keys(f, i < VIEWS ? digit : "v"); /* both go through all, and begin again */
        g_assert_cmpint(f->top.view, ==, (i < VIEWS ? i : i - VIEWS) % VIEWS);
        assert_shows(f, shown[f->top.view], true);
    }
    keys(f, "1");
    /* Worse than distress. */
    keys(f, "N");
    top_move(&f->top, 2);
    top_draw(&f->top, f->screen);
    g_assert_cmpint(grid_style(f->screen, 10, 0), ==, STYLE_NOTICE);
    f->top.sample->guests[1].pager.state = "held";
    top_draw(&f->top, f->screen);
    g_assert_cmpint(grid_style(f->screen, 10, 0), ==, STYLE_BAD);
    keys(f, "vf");
    g_assert_cmpint(f->top.view, ==, VIEW_MEMORY);
    g_assert_cmpint(f->top.mode, ==, TOP_COLUMNS);
}

static void test_columns_table(void)
{
    /* Keys that have a meaning of their own: see top_keys.c. */
    static const char taken[] = "qh? dsv12345fFoOe/p<>RIW";
    int list[COLUMNS_MAX];

    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        const struct column *column = &COLUMNS[i];
        g_autofree char *wrong = NULL;

        g_assert_cmpint(column_find(column->id), ==, (int)i);
        g_assert_cmpuint(columns_parse(column->id, list, &wrong), ==, 1);
        g_assert_cmpuint(strlen(column->header), <=, (gsize)column->width);
        for (size_t k = 0; column->sort_key && k < COLUMN_COUNT_ALL; k++)
            g_assert_true(k == i || COLUMNS[k].sort_key != column->sort_key);
        g_assert_true(column->sort_key == 0 || !strchr(taken, column->sort_key));
    }
    g_assert_cmpint(column_find("frob"), ==, -1);
}

/* What is not known sorts as the smallest, and shows as "-" and as nothing. */
static void test_columns_unknown(void)
{
    g_autoptr(GString) nothing = g_string_new("{\"name\": \"a\"}");
    struct json_object *object = parse(nothing->str);
    g_autofree char *text = guest_text("b", 1, 1, "");
    struct json_object *known_object = parse(text);
    struct guest_info unknown, known;

    guest_info_read(&unknown, object);
    guest_info_read(&known, known_object);
    for (size_t i = 1; i < COLUMN_COUNT_ALL; i++) {
        g_autofree char *shown = column_text(&COLUMNS[i], &unknown, false);
        g_autofree char *exact = column_exact(&COLUMNS[i], &unknown);

        g_assert_cmpstr(shown, ==, "-");
        g_assert_cmpstr(exact, ==, "");
        g_assert_cmpint(column_compare(&COLUMNS[i], &unknown, &known), <=, 0);
        g_assert_cmpint(column_compare(&COLUMNS[i], &known, &unknown), >=, 0);
        g_assert_cmpint(column_compare(&COLUMNS[i], &unknown, &unknown), ==, 0);
    }
    json_object_put(object);
    json_object_put(known_object);
}

#define ADD(name, function)                                                                        \
    g_test_add("/top/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    ADD("frame", test_frame);
    ADD("narrow", test_narrow);
    ADD("empty", test_empty);
    ADD("rates", test_rates);
    ADD("order", test_order);
    ADD("cursor-stays-with-its-guest", test_cursor_stays_with_its_guest);
    ADD("scrolls", test_scrolls);
    ADD("filter", test_filter);
    ADD("delay", test_delay);
    ADD("pause-and-wants", test_pause_and_wants);
    ADD("help", test_help);
    ADD("columns-window", test_columns_window);
    ADD("heights", test_heights);
    ADD("views", test_views);
    ADD("last-column-stays", test_last_column_stays);
    ADD("explain", test_explain);
    ADD("trouble", test_trouble);
    ADD("settings", test_settings);
    ADD("random-keys", test_random_keys);
    g_test_add_func("/top/wrong-settings", test_wrong_settings);
    g_test_add_func("/columns/table", test_columns_table);
    g_test_add_func("/columns/unknown", test_columns_unknown);
    return g_test_run();
}
