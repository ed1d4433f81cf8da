/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phase line is a list of words: "at TIME", perhaps "every TIME until TIME", the verb, then its
 * size if it takes one, then its options in any order. The table below says which verb takes what;
 * the parser knows no verb.
 */
#include "scenario/phase.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/number.h"
#include "base/size.h"
#include "scenario/error.h"

#define THREADS_MAX 16

enum takes {
    TAKES_SIZE = 1 << 0,     /* must have a size */
    TAKES_MAY_SIZE = 1 << 1, /* may have one */
    TAKES_CONTENT = 1 << 2,
    TAKES_RATE = 1 << 3,
    TAKES_TOUCH = 1 << 4, /* skew=, writes=, ops=, threads= */
    TAKES_ONCE = 1 << 5,
    TAKES_TEXT = 1 << 6, /* the rest of the line */
    TAKES_WITHIN = 1 << 7,
    TAKES_COMMAND = 1 << 8, /* perhaps "once", and the rest of the line */
    TAKES_SETTING = 1 << 9, /* the rest of the line is SECTION.KEY=VALUE */
};

enum audience {
    FOR_AGENT,
    FOR_QEMU,
    FOR_PAGER, /* it stands in the guest's section, too */
    FOR_HOST
};

static const struct verb {
    const char *name;
    enum audience audience;
    unsigned takes;
} verbs[PHASE_KIND_MAX] = {
    [PHASE_FILL] = {"fill", FOR_AGENT, TAKES_SIZE | TAKES_CONTENT | TAKES_RATE},
    [PHASE_TOUCH] = {"touch", FOR_AGENT, TAKES_SIZE | TAKES_TOUCH},
    [PHASE_STREAM] = {"stream", FOR_AGENT, TAKES_SIZE | TAKES_ONCE},
    [PHASE_RUN] = {"run", FOR_AGENT, TAKES_COMMAND},
    [PHASE_VERIFY] = {"verify", FOR_AGENT, 0},
    [PHASE_FREE] = {"free", FOR_AGENT, TAKES_MAY_SIZE},
    [PHASE_DROP_CACHES] = {"drop-caches", FOR_AGENT, 0},
    [PHASE_IDLE] = {"idle", FOR_AGENT, 0},
    [PHASE_FREEZE] = {"freeze", FOR_QEMU, 0},
    [PHASE_THAW] = {"thaw", FOR_QEMU, 0},
    [PHASE_PAUSE] = {"pause", FOR_QEMU, 0},
    [PHASE_RESUME] = {"resume", FOR_QEMU, 0},
    [PHASE_BALLOON] = {"balloon", FOR_QEMU, TAKES_SIZE | TAKES_WITHIN},
    [PHASE_KILL] = {"kill", FOR_QEMU, 0},
    [PHASE_QUIT] = {"quit", FOR_QEMU, 0},
    [PHASE_PAGER_KILL] = {"pager-kill", FOR_PAGER, TAKES_WITHIN},
    [PHASE_PARK] = {"park", FOR_PAGER, TAKES_WITHIN},
    [PHASE_UNPARK] = {"unpark", FOR_PAGER, TAKES_WITHIN},
    [PHASE_CAPACITY] = {"capacity", FOR_HOST, TAKES_SIZE},
    [PHASE_SET] = {"set", FOR_HOST, TAKES_SETTING},
    [PHASE_DAEMON_KILL] = {"daemon-kill", FOR_HOST, 0},
    [PHASE_DAEMON_START] = {"daemon-start", FOR_HOST, 0},
    [PHASE_SAY] = {"say", FOR_HOST, TAKES_TEXT},
};

const char *phase_kind_name(enum phase_kind kind)
{
    return verbs[kind].name;
}

bool phase_is_order(enum phase_kind kind)
{
    return verbs[kind].audience == FOR_AGENT;
}

/* The host, not a guest: [scenario]. */
static bool is_host(enum phase_kind kind)
{
    return verbs[kind].audience == FOR_HOST;
}

bool phase_is_pager(enum phase_kind kind)
{
    return verbs[kind].audience == FOR_PAGER;
}

bool phase_is_work(enum phase_kind kind)
{
    return kind == PHASE_TOUCH || kind == PHASE_STREAM || kind == PHASE_RUN;
}

static bool find_verb(const char *word, bool host, enum phase_kind *ret, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);

    for (int k = 0; k < PHASE_KIND_MAX; k++) {
        if (is_host(k) != host)
            continue;
        if (strcmp(verbs[k].name, word) == 0) {
            *ret = k;
            return true;
        }
        g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", verbs[k].name);
    }
    return scenario_fail(error, "unknown order \"%s\"; allowed here: %s", word, known->str);
}

/* "KEY=" at the start of @word: the value behind it, else NULL. */
static const char *option_value(const char *word, const char *key)
{
    size_t len = strlen(key);

    return strncmp(word, key, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

enum outcome {
    NOT_MINE,
    TAKEN,
    WRONG
};

static enum outcome wrong(GError **error, const char *word, const char *allowed)
{
    scenario_fail(error, "\"%s\": %s", word, allowed);
    return WRONG;
}

static enum outcome parse_content(const char *word, struct phase *p, GError **error)
{
    const char *value = option_value(word, "compressible");

    if (value) {
        p->content = CONTENT_COMPRESSIBLE;
        if (!number_parse(value, 0.01, 1, &p->compressible))
            return wrong(error, word, "compressible takes a number from 0.01 to 1");
        return TAKEN;
    }
    if (strcmp(word, "random") == 0)
        p->content = CONTENT_RANDOM;
    else if (strcmp(word, "zero") == 0)
        p->content = CONTENT_ZERO;
    else if (strcmp(word, "same") == 0)
        p->content = CONTENT_SAME;
    else if (strcmp(word, "mixed") == 0)
        p->content = CONTENT_MIXED;
    else
        return NOT_MINE;
    return TAKEN;
}

static enum outcome parse_touch(const char *word, struct phase *p, GError **error)
{
    const char *value;
    double number;

    if ((value = option_value(word, "skew")))
        return number_parse(value, 0, 4, &p->skew)
                   ? TAKEN
                   : wrong(error, word, "skew takes a number from 0 (uniform) to 4");
    if ((value = option_value(word, "writes")))
        return number_parse(value, 0, 1, &p->writes)
                   ? TAKEN
                   : wrong(error, word, "writes takes a share from 0 to 1");
    if ((value = option_value(word, "threads"))) {
        if (!number_parse(value, 1, THREADS_MAX, &number) || floor(number) < number)
            return wrong(error, word, "threads takes a number from 1 to 16");
        p->threads = (unsigned)number;
        return TAKEN;
    }
    if (!(value = option_value(word, "ops")))
        return NOT_MINE;
    if (!number_parse(value, 1, 1e9, &number))
        return wrong(error, word, "ops takes touches per second from 1 to 1e9");
    p->ops = (uint64_t)number;
    return TAKEN;
}

static enum outcome parse_rate(const char *word, struct phase *p, GError **error)
{
    const char *value = option_value(word, "rate");

    if (!value)
        return NOT_MINE;
    if (!size_parse(value, &p->rate) || p->rate == 0)
        return wrong(error, word, "rate takes a size per second, as rate=20M");
    return TAKEN;
}

static enum outcome parse_once(const char *word, struct phase *p, GError **error)
{
    (void)error;
    if (strcmp(word, "once") != 0)
        return NOT_MINE;
    p->once = true;
    return TAKEN;
}

static bool parse_seconds(const char *text, double *ret)
{
    uint64_t usec;

    if (!text || !duration_parse(text, &usec))
        return false;
    *ret = (double)usec / 1e6;
    return true;
}

static enum outcome parse_within(const char *word, struct phase *p, GError **error)
{
    const char *value = option_value(word, "within");

    if (!value)
        return NOT_MINE;
    return parse_seconds(value, &p->within) ? TAKEN
                                            : wrong(error, word, "within takes a time, as 2s");
}

static bool parse_option(const char *word, unsigned takes, struct phase *p, GError **error)
{
    static const struct {
        enum takes takes;
        enum outcome (*parse)(const char *word, struct phase *p, GError **error);
    } parsers[] = {
        {TAKES_CONTENT, parse_content}, {TAKES_RATE, parse_rate},     {TAKES_TOUCH, parse_touch},
        {TAKES_ONCE, parse_once},       {TAKES_WITHIN, parse_within},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(parsers); i++) {
        enum outcome o = takes & parsers[i].takes ? parsers[i].parse(word, p, error) : NOT_MINE;

        if (o != NOT_MINE)
            return o == TAKEN;
    }
    return scenario_fail(error, "%s does not take \"%s\"", verbs[p->kind].name, word);
}

static bool parse_command(char **words, struct phase *p, GError **error)
{
    p->once = *words && strcmp(*words, "once") == 0;
    p->text = g_strjoinv(" ", words + (p->once ? 1 : 0));
    if (p->text[0] == '\0')
        return scenario_fail(error, "run needs a command, as \"run compile\"");
    if (strlen(p->text) > PHASE_COMMAND_MAX)
        return scenario_fail(error, "run takes a command of up to %d bytes", PHASE_COMMAND_MAX);
    return true;
}

static bool parse_setting(char **words, struct phase *p, GError **error)
{
    const char *dot, *equals;

    p->text = g_strjoinv(" ", words); /* [vm "NAME"] has a space */
    dot = strchr(p->text, '.');
    equals = strchr(p->text, '=');
    if (dot && equals && dot > p->text && equals > dot + 1 && equals[1])
        return true;
    return scenario_fail(error,
                         "%s takes SECTION.KEY=VALUE of aerostat.conf, as %s "
                         "policy.idle-tax=0.5",
                         verbs[p->kind].name, verbs[p->kind].name);
}

/* The words behind the verb. */
static bool parse_arguments(char **words, struct phase *p, GError **error)
{
    unsigned takes = verbs[p->kind].takes;

    if (takes & TAKES_TEXT) {
        p->text = g_strjoinv(" ", words);
        return p->text[0] ? true : scenario_fail(error, "%s needs a text", verbs[p->kind].name);
    }
    if (takes & TAKES_COMMAND)
        return parse_command(words, p, error);
    if (takes & TAKES_SETTING)
        return parse_setting(words, p, error);
    if (takes & (TAKES_SIZE | TAKES_MAY_SIZE)) {
        if (*words && size_parse(*words, &p->bytes))
            words++;
        else if (takes & TAKES_SIZE)
            return scenario_fail(error, "%s needs a size, as \"%s 400M\"", verbs[p->kind].name,
                                 verbs[p->kind].name);
    }
    for (; *words; words++)
        if (!parse_option(*words, takes, p, error))
            return false;
    return true;
}

/* The words of @line without the empty ones that repeated spaces make. */
static char **split_words(const char *line)
{
    g_auto(GStrv) raw = g_strsplit_set(line, " \t", -1);
    GStrvBuilder *words = g_strv_builder_new();

    for (char **w = raw; *w; w++)
        if (**w)
            g_strv_builder_add(words, *w);

    char **result = g_strv_builder_end(words);

    g_strv_builder_unref(words);
    return result;
}

/* "every TIME until TIME" and a word after it; *words moves on. */
static bool parse_repetition(char ***words, struct phase *p, GError **error)
{
    char **w = *words;

    if (g_strv_length(w) < 5 || strcmp(w[2], "until") != 0 || !parse_seconds(w[1], &p->every) ||
        !parse_seconds(w[3], &p->until) || !(p->every > 0) || p->until < p->at)
        return scenario_fail(
            error, "what is done again is written \"at TIME every TIME until TIME ORDER\"");
    *words += 4;
    return true;
}

bool phase_parse(const char *line, bool host, struct phase *ret_phase, GError **error)
{
    g_auto(GStrv) words = split_words(line);
    struct phase p = {.compressible = 1};
    char **rest = words + 2;

    if (g_strv_length(words) < 3 || strcmp(words[0], "at") != 0)
        return scenario_fail(error, "\"%s\" is no phase; it begins with \"at TIME ORDER\"", line);
    if (!parse_seconds(words[1], &p.at))
        return scenario_fail(error, "\"%s\" is no time; allowed are 20, 20s, 1.5s, 500ms, 2min",
                             words[1]);
    if (strcmp(*rest, "every") == 0 && !parse_repetition(&rest, &p, error))
        return false;
    if (!find_verb(*rest, host, &p.kind, error))
        return false;
    if (!parse_arguments(rest + 1, &p, error)) {
        phase_clear(&p);
        return false;
    }
    *ret_phase = p;
    return true;
}

struct phase phase_copy(const struct phase *phase)
{
    struct phase copy = *phase;

    copy.text = g_strdup(phase->text);
    return copy;
}

void phase_clear(struct phase *phase)
{
    g_clear_pointer(&phase->text, g_free);
}

static void put_content(struct json_object *order, const struct phase *p)
{
    static const char *const names[] = {
        [CONTENT_RANDOM] = "random",
        [CONTENT_ZERO] = "zero",
        [CONTENT_SAME] = "same",
        [CONTENT_MIXED] = "mixed",
    };

    if (p->content == CONTENT_COMPRESSIBLE) {
        struct json_object *ratio = json_object_new_object();

        json_put_double(ratio, "compressible", p->compressible);
        json_put_object(order, "content", ratio);
    } else {
        json_put_string(order, "content", names[p->content]);
    }
}

char *phase_order(const struct phase *phase)
{
    autojson order = json_object_new_object();
    unsigned takes = verbs[phase->kind].takes;

    g_assert(phase_is_order(phase->kind));
    json_put_string(order, "do", verbs[phase->kind].name);
    if (takes & (TAKES_SIZE | TAKES_MAY_SIZE))
        json_put_u64(order, "bytes", phase->bytes);
    if (takes & TAKES_CONTENT)
        put_content(order, phase);
    if (takes & TAKES_RATE)
        json_put_u64(order, "rate", phase->rate);
    if (takes & TAKES_TOUCH) {
        json_put_double(order, "skew", phase->skew);
        json_put_double(order, "writes", phase->writes);
        json_put_u64(order, "ops", phase->ops);
        if (phase->threads > 0)
            json_put_u64(order, "threads", phase->threads);
    }
    if (takes & TAKES_COMMAND)
        json_put_string(order, "command", phase->text);
    if (takes & (TAKES_ONCE | TAKES_COMMAND))
        json_put_bool(order, "repeat", !phase->once);
    return g_strdup(json_object_to_json_string_ext(order, JSON_C_TO_STRING_PLAIN));
}

char *phase_describe(const struct phase *phase)
{
    char size[SIZE_TEXT_MAX];

    if (phase->kind == PHASE_SAY)
        return g_strdup(phase->text);
    if (phase->kind == PHASE_RUN || phase->kind == PHASE_SET)
        return g_strdup_printf("%s %s", verbs[phase->kind].name, phase->text);
    if (phase->bytes == 0)
        return g_strdup(verbs[phase->kind].name);
    return g_strdup_printf("%s %s%s", verbs[phase->kind].name,
                           phase->kind == PHASE_FREE ? "all but " : "",
                           size_format(phase->bytes, size));
}

bool phase_same_work(const struct phase *a, const struct phase *b)
{
    return a->kind == b->kind && a->bytes == b->bytes && a->ops == b->ops && a->once == b->once &&
           a->threads == b->threads && g_strcmp0(a->text, b->text) == 0 &&
           !islessgreater(a->skew, b->skew) && !islessgreater(a->writes, b->writes);
}
