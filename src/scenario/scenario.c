/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/scenario.h"

#include <math.h>
#include <string.h>

#include "core/units.h"
#include "scenario/error.h"
#include "scenario/inifile.h"
#include "scenario/keytable.h"

/* How long a scenario goes on after its last phase where it does not say. */
#define TAIL_SECONDS 10.0
#define INTERVAL_MIN 0.1 /* between two samples, at least */
/* A guest below this does not boot the lab's kernel. */
#define GUEST_SIZE_MIN (96 * MIB)
#define GUEST_NAME_MAX 32

static const char *const ram_choices[] = {"memfd", "private", NULL};
static const char *const balloon_choices[] = {"yes",  "no-driver", "no-device", "ignores",
                                              "slow", "stuck",     NULL};
static const char *const lie_choices[] = {"true", "idle", "starved", "frozen", "absurd",
                                          "none", "late", "windows", NULL};

#define MEMBER(name) offsetof(struct scenario, name)

static const struct key_spec scenario_keys[] = {
    {"title", KEY_TEXT, MEMBER(title), NULL},
    {"capacity", KEY_SIZE, MEMBER(capacity), NULL},
    {"mode", KEY_TEXT, MEMBER(mode), NULL},
    {"length", KEY_SECONDS, MEMBER(length), NULL},
    {"pager", KEY_BOOL, MEMBER(pager), NULL},
    {"alone", KEY_BOOL, MEMBER(alone), NULL},
    {"alone-seconds", KEY_SECONDS, MEMBER(alone_seconds), NULL},
    {"interval", KEY_SECONDS, MEMBER(interval), NULL},
    {"trace", KEY_TEXT, MEMBER(trace), NULL},
    {"host-swap", KEY_SIZE, MEMBER(host_swap), NULL},
};

#undef MEMBER
#define MEMBER(name) offsetof(struct scenario_guest, name)

static const struct key_spec guest_keys[] = {
    {"size", KEY_SIZE, MEMBER(size), NULL},
    {"min", KEY_SIZE, MEMBER(min), NULL},
    {"ram", KEY_CHOICE, MEMBER(ram), ram_choices},
    {"vcpus", KEY_COUNT, MEMBER(vcpus), NULL},
    {"count", KEY_COUNT, MEMBER(count), NULL},
    {"balloon", KEY_CHOICE, MEMBER(balloon), balloon_choices},
    {"stats", KEY_CHOICE, MEMBER(lie), lie_choices},
    {"deflate-on-oom", KEY_BOOL, MEMBER(deflate_on_oom), NULL},
    {"free-page-reporting", KEY_BOOL, MEMBER(free_page_reporting), NULL},
    {"swap", KEY_SIZE, MEMBER(swap), NULL},
    {"disk", KEY_SIZE, MEMBER(disk), NULL},
    {"programs", KEY_BOOL, MEMBER(programs), NULL},
    {"shares", KEY_TEXT, MEMBER(shares), NULL},
    {"reservation", KEY_SIZE, MEMBER(reservation), NULL},
    {"limit", KEY_SIZE, MEMBER(limit), NULL},
    {"exempt", KEY_BOOL, MEMBER(exempt), NULL},
    {"pager", KEY_BOOL, MEMBER(pager), NULL},
    {"share", KEY_TEXT, MEMBER(share), NULL},
    {"start", KEY_SECONDS, MEMBER(start), NULL},
};

#undef MEMBER

static int compare_phases(const void *a, const void *b)
{
    const struct phase *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* Appends the line's phase, or all of them where it is repeated; the line's times are drawn. */
static void add_phases(struct scenario *s, const struct phase *line, GArray *phases)
{
    double at = line->at;

    s->random = s->random || line->within > 0;
    do {
        struct phase phase = phase_copy(line);

        phase.drawn_from = at;
        phase.at = at + (line->within > 0 ? g_rand_double_range(s->rand, 0, line->within) : 0);
        g_array_append_val(phases, phase);
        at += line->every;
    } while (line->every > 0 && at + line->within <= line->until &&
             phases->len <= SCENARIO_PHASES_MAX);
}

/* The "phase.N" lines of @section into @phases, in order of time. */
static bool read_phases(struct scenario *s, const struct inifile *ini, const char *section,
                        bool host, GArray *phases, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(inifile_keys(ini), section, NULL, NULL);

    for (char **key = keys; key && *key; key++) {
        g_autoptr(GError) why = NULL;
        struct phase phase;

        if (!g_str_has_prefix(*key, "phase."))
            continue;

        g_autofree char *line = g_key_file_get_string(inifile_keys(ini), section, *key, NULL);

        if (!phase_parse(line ? line : "", host, &phase, &why))
            return inifile_fail(ini, section, *key, error, "%s", why->message);
        add_phases(s, &phase, phases);
        phase_clear(&phase);
        if (phases->len > SCENARIO_PHASES_MAX)
            return inifile_fail(ini, section, *key, error, "too many phases; %u are allowed",
                                SCENARIO_PHASES_MAX);
    }
    g_array_sort(phases, compare_phases);
    return true;
}

/* Has it the disks that its phases need? */
static bool check_disks(const struct inifile *ini, const char *section,
                        const struct scenario_guest *g, GError **error)
{
    if (g->programs && g->disk == 0)
        return inifile_fail(ini, section, "disk", error,
                            "programs need a scratch disk to write to, as disk=1G");
    for (unsigned i = 0; i < g->phases->len; i++) {
        enum phase_kind kind = g_array_index(g->phases, struct phase, i).kind;

        if (kind == PHASE_STREAM && g->disk == 0)
            return inifile_fail(ini, section, "disk", error,
                                "a stream phase needs a scratch disk, as disk=1G");
        if (kind == PHASE_RUN && !g->programs)
            return inifile_fail(ini, section, "programs", error, "a run phase needs programs=yes");
    }
    return true;
}

static bool check_guest(const struct inifile *ini, const char *section,
                        const struct scenario_guest *g, GError **error)
{
    size_t len = strlen(g->name);

    if (len == 0 || len > GUEST_NAME_MAX ||
        strspn(g->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != len)
        return inifile_fail(ini, section, NULL, error,
                            "a guest's name has 1 to %u letters, digits, - and _", GUEST_NAME_MAX);
    bool traced = g_key_file_has_key(inifile_keys(ini), "scenario", "trace", NULL);

    if (g->size < GUEST_SIZE_MIN && !(traced && g->size == 0))
        return inifile_fail(ini, section, "size", error, "at least 96M are needed to boot");
    if (g->size > 0 && g->min > g->size)
        return inifile_fail(ini, section, "min", error, "at most the guest's size is allowed");
    return check_disks(ini, section, g, error);
}

/* Once all sections are read: is there a pager where one is to be killed or to park? */
static bool check_pagers(const struct scenario *s, const struct inifile *ini, GError **error)
{
    for (unsigned i = 0; i < s->guests->len; i++) {
        const struct scenario_guest *g = scenario_guest(s, i);
        g_autofree char *section = g_strdup_printf("guest %s", g->name);

        if (s->pager && g->pager)
            continue;
        for (unsigned k = 0; k < g->phases->len; k++) {
            enum phase_kind kind = g_array_index(g->phases, struct phase, k).kind;

            if (phase_is_pager(kind))
                return inifile_fail(ini, section, NULL, error,
                                    "%s needs a pager: [scenario] pager=yes",
                                    phase_kind_name(kind));
        }
    }
    return true;
}

static bool add_guests(struct scenario *s, const struct inifile *ini, const char *section,
                       struct scenario_guest *g, GError **error)
{
    for (unsigned i = 0; i < MAX(g->count, 1); i++) {
        char *name = g->count > 0 ? g_strdup_printf("%s%u", g->name, i + 1) : g_strdup(g->name);

        if (scenario_find(s, name) >= 0) {
            inifile_fail(ini, section, NULL, error, "there is a guest %s already", name);
            g_free(name);
            return false;
        }
        g_ptr_array_add(s->guests, scenario_guest_copy(g, name));
    }
    if (s->guests->len > SCENARIO_GUESTS_MAX)
        return inifile_fail(ini, section, NULL, error, "too many guests; %u are allowed",
                            SCENARIO_GUESTS_MAX);
    return true;
}

static bool read_guest(struct scenario *s, const struct inifile *ini, const char *section,
                       GError **error)
{
    struct scenario_guest *g = scenario_guest_new(section + strlen("guest "));

    bool ok =
        keytable_read(ini, section, guest_keys, G_N_ELEMENTS(guest_keys), "phase.", g, error) &&
        read_phases(s, ini, section, false, g->phases, error) &&
        check_guest(ini, section, g, error) && add_guests(s, ini, section, g, error);

    scenario_guest_free(g);
    return ok;
}

/* "policy.period = 2s" becomes [policy] period=2s; the daemon itself judges the rest. */
static bool read_settings(struct scenario *s, const struct inifile *ini, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(inifile_keys(ini), "daemon", NULL, NULL);

    for (char **key = keys; key && *key; key++) {
        const char *dot = strchr(*key, '.');

        if (!dot || dot == *key || dot[1] == '\0')
            return inifile_fail(ini, "daemon", *key, error,
                                "allowed is SECTION.KEY of aerostat.conf, as policy.period");

        struct scenario_setting *setting = g_new0(struct scenario_setting, 1);

        setting->section = g_strndup(*key, (gsize)(dot - *key));
        setting->key = g_strdup(dot + 1);
        setting->value = g_key_file_get_value(inifile_keys(ini), "daemon", *key, NULL);
        g_ptr_array_add(s->settings, setting);
    }
    return true;
}

static bool read_goals(struct scenario *s, const struct inifile *ini, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(inifile_keys(ini), "expect", NULL, NULL);

    for (char **key = keys; key && *key; key++) {
        g_autofree char *value = g_key_file_get_string(inifile_keys(ini), "expect", *key, NULL);
        g_autoptr(GError) why = NULL;
        struct goal goal;

        if (!goal_parse(*key, value ? value : "", &goal, &why))
            return inifile_fail(ini, "expect", *key, error, "%s", why->message);
        g_array_append_val(s->goals, goal);
        if (goal.guest && scenario_find(s, goal.guest) < 0)
            return inifile_fail(ini, "expect", *key, error, "there is no guest %s", goal.guest);
        if (goal.other && scenario_find(s, goal.other) < 0)
            return inifile_fail(ini, "expect", *key, error, "there is no guest %s", goal.other);
        if (goal.kind == GOAL_RELATIVE && !s->alone)
            return inifile_fail(ini, "expect", *key, error,
                                "it needs [scenario] alone=yes to compare with");
    }
    return true;
}

static bool read_section(struct scenario *s, const struct inifile *ini, const char *section,
                         GError **error)
{
    if (g_str_has_prefix(section, "guest "))
        return read_guest(s, ini, section, error);
    if (strcmp(section, "scenario") == 0)
        return keytable_read(ini, section, scenario_keys, G_N_ELEMENTS(scenario_keys), "phase.", s,
                             error) &&
               read_phases(s, ini, section, true, s->phases, error);
    if (strcmp(section, "daemon") == 0)
        return read_settings(s, ini, error);
    if (strcmp(section, "expect") == 0)
        return true; /* once all guests are known */
    return inifile_fail(
        ini, section, NULL, error,
        "unknown section; allowed are [scenario], [daemon], [guest NAME], [expect]");
}

/* When the phase happens at the latest, whatever was drawn. */
static double latest(const GArray *phases, unsigned i)
{
    const struct phase *p = &g_array_index(phases, struct phase, i);

    return p->drawn_from + p->within;
}

static double last_phase(const struct scenario *s)
{
    double last = 0;

    for (unsigned i = 0; i < s->phases->len; i++)
        last = MAX(last, latest(s->phases, i));
    for (unsigned g = 0; g < s->guests->len; g++) {
        const GArray *phases = scenario_guest(s, g)->phases;

        for (unsigned i = 0; i < phases->len; i++)
            last = MAX(last, latest(phases, i));
    }
    return last;
}

static bool check_scenario(struct scenario *s, const struct inifile *ini, GError **error)
{
    if (s->capacity == 0)
        return inifile_fail(ini, "scenario", "capacity", error,
                            "it is missing; allowed is a size, as 900M");
    if (strcmp(s->mode, "manage") != 0 && strcmp(s->mode, "observe") != 0)
        return inifile_fail(ini, "scenario", "mode", error, "\"%s\"; allowed are manage, observe",
                            s->mode);
    if (s->guests->len == 0 && !s->trace)
        return inifile_fail(ini, "scenario", NULL, error, "there is no [guest NAME] section");
    if (s->length <= 0 && !s->trace)
        s->length = last_phase(s) + TAIL_SECONDS;
    if (s->interval < INTERVAL_MIN)
        return inifile_fail(ini, "scenario", "interval", error, "at least 100ms is allowed");
    if (s->length > 0 && s->length < last_phase(s))
        return inifile_fail(ini, "scenario", "length", error,
                            "the last phase is at %.1f s; at least that is allowed", last_phase(s));
    return check_pagers(s, ini, error);
}

static bool read_all(struct scenario *s, const struct inifile *ini, GError **error)
{
    g_auto(GStrv) sections = g_key_file_get_groups(inifile_keys(ini), NULL);

    for (char **section = sections; *section; section++)
        if (!read_section(s, ini, *section, error))
            return false;
    if (!s->title)
        s->title = g_path_get_basename(s->path);
    return check_scenario(s, ini, error) && read_goals(s, ini, error);
}

struct scenario *scenario_load(const char *path, GError **error)
{
    const char *seed = g_getenv("AEROSTAT_SEED");

    return scenario_load_seeded(
        path, seed ? (unsigned)g_ascii_strtoull(seed, NULL, 10) : g_random_int(), error);
}

struct scenario *scenario_load_seeded(const char *path, unsigned seed, GError **error)
{
    struct inifile *ini = inifile_load(path, error);

    if (!ini)
        return NULL;

    struct scenario *s = scenario_new(path, seed);

    if (!read_all(s, ini, error))
        g_clear_pointer(&s, scenario_free);
    inifile_free(ini);
    return s;
}
