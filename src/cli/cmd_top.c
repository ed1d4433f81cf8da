/* SPDX-License-Identifier: Apache-2.0 */
/* Host and guests on a screen that renews itself, or as lines for programs. */
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/top.h"
#include "cli/top_batch.h"

enum {
    OPTION_CSV = OPTION_LONG_ONLY,
    OPTION_ASCII,
    OPTION_NO_COLOR,
    OPTION_LEGEND,
    OPTION_COLUMNS,
    OPTION_VIEW,
    OPTION_SORT,
    OPTION_REVERSE,
};

static const struct option_spec OPTIONS[] = {
    {'b', "batch", NULL, "print lines instead of drawing a screen"},
    {'d', "delay", "SECS", "seconds between two looks (default: 2)"},
    {'n', "count", "N", "end after N looks (implies --batch)"},
    {OPTION_CSV, "csv", NULL, "print CSV (implies --batch)"},
    {OPTION_COLUMNS, "columns", "LIST", "which columns, in this order (--legend names them)"},
    {OPTION_VIEW, "view", "VIEW",
     "memory, paging, health, sharing or guest (on the screen: 1 to 5)"},
    {OPTION_SORT, "sort", "COLUMN", "sort by this column"},
    {OPTION_REVERSE, "reverse", NULL, "sort the other way round"},
    {OPTION_ASCII, "ascii", NULL, "draw with ASCII characters only"},
    {OPTION_NO_COLOR, "no-color", NULL, "no colours; so does the variable NO_COLOR"},
    {OPTION_LEGEND, "legend", NULL, "print what the columns mean, and their names in esxtop"},
    {0},
};

/* What the command line says; what it leaves open is -1 or 0. */
struct wishes {
    bool batch, csv, ascii, no_color, legend, reverse;
    int columns[COLUMNS_MAX];
    size_t column_count;
    int sort, view;
    double delay;
    uint64_t count;
};

static void print_legend(void)
{
    static const struct table_column columns[] = {
        {"COLUMN", false}, {"HEADER", false}, {"ESXTOP", false}, {"MEANING", false}};
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    g_autoptr(GString) out = g_string_new(NULL);

    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        table_add(table, COLUMNS[i].id);
        table_add(table, COLUMNS[i].header);
        table_add(table, COLUMNS[i].esxtop ? COLUMNS[i].esxtop : "-");
        table_add(table, COLUMNS[i].help);
    }
    table_append_to(table, out);
    table_free(table);
    cli_print(out->str);
}

static bool value_option(struct options *o, struct wishes *w, int id)
{
    g_autofree char *wrong = NULL;

    switch (id) {
    case 'd':
        if (top_delay_parse(o->value, &w->delay))
            return true;
        o->exit_code = usage_error(o->command, "--delay %s: it takes %g to %g seconds", o->value,
                                   TOP_DELAY_MIN, TOP_DELAY_MAX);
        return false;
    case 'n':
        if (g_ascii_string_to_unsigned(o->value, 10, 1, G_MAXINT64, &w->count, NULL))
            return true;
        o->exit_code = usage_error(o->command, "--count %s: it takes a number from 1", o->value);
        return false;
    case OPTION_COLUMNS:
        w->column_count = columns_parse(o->value, w->columns, &wrong);
        if (w->column_count > 0)
            return true;
        o->exit_code = usage_error(o->command, "--columns: '%s' is unknown or repeated", wrong);
        return false;
    case OPTION_VIEW:
        w->view = view_find(o->value);
        if (w->view >= 0)
            return true;
        o->exit_code = usage_error(
            o->command, "--view %s: there are memory, paging, health, sharing and guest", o->value);
        return false;
    default: /* OPTION_SORT */
        w->sort = column_find(o->value);
        if (w->sort >= 0)
            return true;
        o->exit_code = usage_error(o->command, "--sort: there is no column '%s'", o->value);
        return false;
    }
}

static bool read_wishes(struct options *o, struct wishes *w)
{
    int id;

    while ((id = options_next(o)) > 0) {
        switch (id) {
        case 'b':
            w->batch = true;
            break;
        case OPTION_CSV:
            w->csv = true;
            break;
        case OPTION_REVERSE:
            w->reverse = true;
            break;
        case OPTION_ASCII:
            w->ascii = true;
            break;
        case OPTION_NO_COLOR:
            w->no_color = true;
            break;
        case OPTION_LEGEND:
            w->legend = true;
            break;
        default:
            if (!value_option(o, w, id))
                return false;
        }
    }
    return id == OPTIONS_END && options_count_operands(o, 0, 0);
}

/* Nothing of toprc: what programs read does not change with a user's taste. */
static enum exit_code run_batch(struct cli *cli, const struct wishes *w)
{
    struct batch batch = {
        .format = cli->json ? BATCH_JSON
                  : w->csv  ? BATCH_CSV
                            : BATCH_TEXT,
        .sort = w->sort >= 0 ? w->sort : column_find("name"),
        .reverse = w->reverse,
        .delay = w->delay > 0 ? w->delay : TOP_DELAY_DEFAULT,
        .count = w->count,
    };

    memcpy(batch.columns, w->columns, sizeof(batch.columns));
    batch.column_count =
        w->view > VIEW_MEMORY ? view_columns(w->view, batch.columns) : w->column_count;
    for (size_t i = 0; w->view <= VIEW_MEMORY && w->column_count == 0 && i < COLUMN_COUNT_ALL;
         i++) {
        if ((batch.format == BATCH_CSV && w->view < 0) || COLUMNS[i].shown)
            batch.columns[batch.column_count++] = (int)i;
    }
    return batch_run(cli, &batch);
}

static void settle(struct top_settings *settings, const struct wishes *w)
{
    if (w->column_count > 0)
        top_settings_show(settings, w->columns, w->column_count);
    if (w->sort >= 0) {
        settings->sort = w->sort;
        settings->reverse = false;
    }
    settings->reverse ^= w->reverse;
    if (w->delay > 0)
        settings->delay = w->delay;
}

static enum exit_code run_screen(struct cli *cli, const struct wishes *w)
{
    const char *no_color = g_getenv("NO_COLOR");
    g_autofree char *path = top_settings_path();
    g_autoptr(GError) error = NULL;
    struct top_settings settings;
    struct screen *screen;
    struct top top;

    top_settings_init(&settings);
    /* A wrong file is no reason to show nothing. */
    top_settings_load(&settings, path, &error);
    settle(&settings, w);
    screen = screen_curses_new(!w->no_color && !(no_color && *no_color));
    if (!screen) {
        cli_error("top: this is no terminal to draw on (TERM=%s); use --batch",
                  g_getenv("TERM") ? g_getenv("TERM") : "");
        return EXIT_CODE_FAILED;
    }
    top_init(&top, &settings, w->ascii || !g_get_charset(NULL));
    if (error)
        top.notice = text_clean(error->message, top.ascii);
    top.view = MAX(w->view, VIEW_MEMORY);
    top_run(&top, screen, cli->socket);
    top_deinit(&top);
    screen_free(screen);
    return EXIT_CODE_OK;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct wishes wishes = {.sort = -1, .view = -1};
    enum exit_code code = EXIT_CODE_OK;
    struct json_object *version;
    struct options o;

    options_init(&o, cli, command, argc, argv);
    if (!read_wishes(&o, &wishes))
        return o.exit_code;
    if (wishes.legend) {
        print_legend();
        return EXIT_CODE_OK;
    }
    if (cli->json && wishes.csv)
        return usage_error(command, "--json and --csv exclude each other");
    if (wishes.view >= 0 && wishes.column_count > 0)
        return usage_error(command, "--view and --columns exclude each other");
    if (wishes.batch || wishes.csv || wishes.count > 0 || cli->json)
        return run_batch(cli, &wishes);
    /* Before the screen is taken, say on a plain line that there is nobody to ask. */
    version = cli_request(cli, "GET", "/v1/version", NULL, &code);
    if (!version)
        return code;
    json_object_put(version);
    return run_screen(cli, &wishes);
}

const struct command COMMAND_TOP = {
    .name = "top",
    .operands = "",
    .summary = "Host and guests on a screen that renews itself",
    .details = "Keys: q quits, h tells the others. With --json: one object per look,\n"
               "{\"time\": ..., \"host\": {...}, \"guests\": [...]}.",
    .options = OPTIONS,
    .run = run,
};
