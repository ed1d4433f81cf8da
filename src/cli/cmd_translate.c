/* SPDX-License-Identifier: Apache-2.0 */
/* Where one address of a guest is, through the three levels: guest virtual, guest physical, host
 * physical. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/members.h"
#include "cli/options.h"
#include "client/client.h"

enum {
    OPTION_GVA = OPTION_LONG_ONLY,
    OPTION_CPU,
};

static const struct option_spec OPTIONS[] = {
    {OPTION_GVA, "gva", "ADDRESS", "a guest-virtual address, in place of the physical one"},
    {OPTION_CPU, "cpu", "N", "whose page tables a virtual address goes through (default: 0)"},
    {0},
};

/* --- the question --- */

struct question {
    const char *name;
    uint64_t gva, gpa, cpu;
    bool has_gva, has_cpu;
};

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    bool hex = g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X");

    return g_ascii_string_to_unsigned(text + (hex ? 2 : 0), hex ? 16 : 10, 0, max, ret, NULL);
}

static bool read_option(struct options *o, struct question *q, int id)
{
    if (id == OPTION_GVA) {
        q->has_gva = true;
        if (parse_number(o->value, UINT64_MAX, &q->gva))
            return true;
        o->exit_code =
            usage_error(o->command, "--gva %s: it takes an address like 0x1000", o->value);
        return false;
    }
    q->has_cpu = true;
    if (parse_number(o->value, UINT16_MAX, &q->cpu))
        return true;
    o->exit_code = usage_error(o->command, "--cpu %s: it takes a number from 0", o->value);
    return false;
}

static bool read_operands(struct options *o, struct question *q)
{
    unsigned wanted = q->has_gva ? 1 : 2;
    char **operands = options_operands(o);

    if (!options_count_operands(o, wanted, wanted))
        return false;
    q->name = operands[0];
    if (!q->has_gva && !parse_number(operands[1], UINT64_MAX, &q->gpa))
        o->exit_code =
            usage_error(o->command, "'%s' is no address like 0x1000 or 4096", operands[1]);
    else if (!q->has_gva && q->has_cpu)
        o->exit_code =
            usage_error(o->command, "--cpu goes with --gva: physical is the same for all");
    else
        return true;
    return false;
}

static bool read_question(struct options *o, struct question *q)
{
    int id;

    while ((id = options_next(o)) > 0) {
        if (!read_option(o, q, id))
            return false;
    }
    return id == OPTIONS_END && read_operands(o, q);
}

static char *path_of(const struct question *q)
{
    g_autofree char *query =
        q->has_gva ? g_strdup_printf("/translate?gva=0x%" PRIx64 "&cpu=%" PRIu64, q->gva, q->cpu)
                   : g_strdup_printf("/translate?gpa=0x%" PRIx64, q->gpa);

    return cli_guest_path(q->name, query);
}

/* --- the answer --- */

/* "guest physical   0x12345678          memory ram"; takes @remark. */
static void add(GString *out, const char *label, uint64_t address, char *remark)
{
    g_autofree char *figure =
        address == UNKNOWN_U64 ? g_strdup("-") : g_strdup_printf("0x%" PRIx64, address);
    g_autofree char *clean = text_clean(remark, false);

    g_string_append_printf(out, *clean ? "%-15s  %-18s  %s\n" : "%-15s  %s\n", label, figure,
                           clean);
    g_free(remark);
}

static void add_virtual(GString *out, struct json_object *obj)
{
    if (obj)
        add(out, "guest virtual", member_u64(obj, "address"),
            g_strdup_printf("page tables of CPU %" PRIu64, member_u64(obj, "cpu")));
}

static void add_physical(GString *out, struct json_object *obj)
{
    const char *reach = member_string(obj, "reach");

    if (!obj)
        add(out, "guest physical", UNKNOWN_U64,
            g_strdup("the guest's page tables have no such address"));
    else if (g_strcmp0(reach, "memory") == 0)
        add(out, "guest physical", member_u64(obj, "address"),
            g_strdup_printf("memory '%s'", text_or_dash(member_string(obj, "region"))));
    else
        add(out, "guest physical", member_u64(obj, "address"),
            g_strdup(g_strcmp0(reach, "device") == 0 ? "a device, no memory" : "nothing is there"));
}

/* What the page is, in the words of who looks after it. */
static char *page_text(struct json_object *obj)
{
    const char *state = text_or_dash(member_string(obj, "state"));
    bool sampled = false;

    if (g_strcmp0(member_string(obj, "source"), "pager") != 0)
        return g_strdup_printf("%s (no pager looks after it)",
                               strcmp(state, "swapped") == 0 ? "swapped by the kernel" : state);
    json_get_bool(obj, "sampled", &sampled);
    if (strcmp(state, "swapped") == 0)
        return g_strdup_printf("swapped: slot %" PRIu64 ", at byte %" PRIu64 " of the swap file",
                               member_u64(obj, "slot"), member_u64(obj, "swap_offset"));
    if (strcmp(state, "compressed") == 0)
        return g_strdup_printf("compressed: %" PRIu64 " bytes at byte %" PRIu64
                               " of the cache file%s",
                               member_u64(obj, "length"), member_u64(obj, "cache_offset"),
                               sampled ? "; sampled, to see when it is touched" : "");
    if (strcmp(state, "zero") == 0)
        return g_strdup("zero: was all zeros, nothing is stored");
    if (strcmp(state, "absent") == 0)
        return g_strdup("absent: never touched, or given back");
    return g_strdup(state);
}

static void add_memory(GString *out, struct json_object *obj)
{
    uint64_t page = member_u64(obj, "page");
    g_autofree char *figure =
        page == UNKNOWN_U64 ? g_strdup("-") : g_strdup_printf("%" PRIu64, page);
    g_autofree char *text = page_text(obj), *clean = text_clean(text, false);

    g_string_append_printf(out, "%-15s  %-18s  %s\n", "page", figure, clean);
    add(out, "VMM virtual", member_u64(obj, "address"), g_strdup(""));
}

static void add_host(GString *out, struct json_object *obj)
{
    const char *hidden = member_string(obj, "hidden");
    bool present = false;

    json_get_bool(obj, "present", &present);
    if (hidden)
        add(out, "host physical", UNKNOWN_U64,
            g_strdup_printf("%s%s", present ? "in memory, hidden: " : "not known: ", hidden));
    else if (present)
        add(out, "host physical", member_u64(obj, "address"),
            g_strdup_printf("frame 0x%" PRIx64, member_u64(obj, "frame")));
    else
        add(out, "host physical", UNKNOWN_U64, g_strdup("no page is mapped there now"));
}

static void print_text(struct json_object *answer)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json_object *memory = json_get_object(answer, "memory");

    add_virtual(out, json_get_object(answer, "virtual"));
    add_physical(out, json_get_object(answer, "physical"));
    if (memory) {
        add_memory(out, memory);
        add_host(out, json_get_object(answer, "host"));
    }
    cli_print(out->str);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    struct question q = {0};
    g_autofree char *path = NULL;
    autojson answer = NULL;
    struct options o;

    options_init(&o, cli, command, argc, argv);
    if (!read_question(&o, &q))
        return o.exit_code;
    path = path_of(&q);
    answer = cli_request(cli, "GET", path, NULL, &code);
    if (!answer)
        return code;
    if (cli->json)
        cli_print_json(answer);
    else
        print_text(answer);
    return EXIT_CODE_OK;
}

const struct command COMMAND_TRANSLATE = {
    .name = "translate",
    .operands = "VM ADDRESS|--gva ADDRESS",
    .summary = "Where an address of a guest is, down to the host's page",
    .details =
        "ADDRESS is guest-physical, or with --gva guest-virtual, as the guest's page tables\n"
        "have it now. Only those who may change things see it.",
    .options = OPTIONS,
    .run = run,
};
