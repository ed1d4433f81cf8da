/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/goal.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "scenario/error.h"

enum whom {
    NOBODY, /* no ".GUEST" */
    ANYBODY,
    SOMEBODY,  /* must have one */
    MECHANISM, /* ".MECHANISM", and may have a ".GUEST" after it */
};

enum tail {
    TAIL_NONE,
    TAIL_BY,    /* "by TIME" or "from TIME to TIME" */
    TAIL_AFTER, /* "after TIME" */
    TAIL_SPAN,  /* "from TIME to TIME" */
    TAIL_TO,    /* "to GUEST" */
};

static const char *const tail_texts[] = {
    [TAIL_NONE] = "",
    [TAIL_BY] = " by TIME, or from TIME to TIME",
    [TAIL_AFTER] = " after TIME",
    [TAIL_SPAN] = " from TIME to TIME",
    [TAIL_TO] = " to GUEST",
};

static const struct kind {
    const char *name;
    enum goal_unit unit;
    enum goal_sense sense;
    enum whom whom;
    enum tail tail;
} kinds[GOAL_KIND_MAX] = {
    [GOAL_WRONG_PAGES] = {"wrong-pages", UNIT_COUNT, AT_MOST, ANYBODY, TAIL_NONE},
    [GOAL_OOM_KILLS] = {"oom-kills", UNIT_COUNT, AT_MOST, ANYBODY, TAIL_NONE},
    [GOAL_PANICS] = {"panics", UNIT_COUNT, AT_MOST, NOBODY, TAIL_NONE},
    [GOAL_GUESTS_ALIVE] = {"guests-alive", UNIT_COUNT, AT_LEAST, NOBODY, TAIL_NONE},
    [GOAL_REACHED] = {"reached", UNIT_BYTES, AT_LEAST, SOMEBODY, TAIL_BY},
    [GOAL_GRANTED] = {"granted", UNIT_BYTES, AT_LEAST, SOMEBODY, TAIL_SPAN},
    [GOAL_RELATIVE] = {"relative", UNIT_RATIO, AT_LEAST, SOMEBODY, TAIL_NONE},
    [GOAL_RELIEF] = {"relief", UNIT_PERIODS, AT_MOST, SOMEBODY, TAIL_NONE},
    [GOAL_MOVED_RATIO] = {"moved-ratio", UNIT_RATIO, AT_MOST, NOBODY, TAIL_NONE},
    [GOAL_OVER_CAPACITY] = {"over-capacity", UNIT_BYTES, AT_MOST, NOBODY, TAIL_NONE},
    [GOAL_OVER_CAPACITY_SECONDS] = {"over-capacity-seconds", UNIT_SECONDS, AT_MOST, NOBODY,
                                    TAIL_NONE},
    [GOAL_BACK_AT_FULL] = {"back-at-full", UNIT_SECONDS, AT_MOST, SOMEBODY, TAIL_AFTER},
    [GOAL_SPLIT_BY_SHARES] = {"split-by-shares", UNIT_RATIO, AT_MOST, NOBODY, TAIL_SPAN},
    [GOAL_TARGET_RESENDS] = {"target-resends", UNIT_COUNT, AT_MOST, ANYBODY, TAIL_NONE},
    [GOAL_NO_INFLATE] = {"no-inflate", UNIT_BYTES, AT_MOST, SOMEBODY, TAIL_NONE},
    [GOAL_DRIVER] = {"driver", UNIT_WORD, EQUALS, SOMEBODY, TAIL_NONE},
    [GOAL_TRUST] = {"trust", UNIT_WORD, EQUALS, SOMEBODY, TAIL_NONE},
    [GOAL_DISTRUSTED] = {"distrusted", UNIT_SECONDS, AT_LEAST, SOMEBODY, TAIL_NONE},
    [GOAL_STATE] = {"state.final", UNIT_WORD, EQUALS, NOBODY, TAIL_NONE},
    [GOAL_YIELDS] = {"yields", UNIT_BYTES, AT_LEAST, SOMEBODY, TAIL_TO},
    [GOAL_TOUCHES] = {"touches", UNIT_COUNT, AT_LEAST, ANYBODY, TAIL_NONE},
    [GOAL_TAKEOVERS] = {"takeovers", UNIT_COUNT, AT_LEAST, ANYBODY, TAIL_NONE},
    [GOAL_EVICTED] = {"evicted", UNIT_BYTES, AT_LEAST, ANYBODY, TAIL_NONE},
    [GOAL_OUT] = {"out", UNIT_BYTES, AT_LEAST, SOMEBODY, TAIL_BY},
    [GOAL_SQUEEZED] = {"squeezed", UNIT_BYTES, AT_MOST, SOMEBODY, TAIL_BY},
    [GOAL_RESIDENT] = {"resident", UNIT_BYTES, AT_LEAST, SOMEBODY, TAIL_BY},
    [GOAL_HELD_PAGES] = {"held-pages", UNIT_COUNT, AT_MOST, ANYBODY, TAIL_NONE},
    [GOAL_VISITS] = {"visits", UNIT_STATES, EQUALS, NOBODY, TAIL_NONE},
    [GOAL_ONLY_IN] = {"only-in", UNIT_STATES, EQUALS, MECHANISM, TAIL_NONE},
    [GOAL_ACTS] = {"acts", UNIT_STATES, EQUALS, MECHANISM, TAIL_NONE},
    [GOAL_PROGRESS] = {"progress", UNIT_SECONDS, AT_MOST, ANYBODY, TAIL_NONE},
    [GOAL_RECOVERY] = {"recovery", UNIT_SECONDS, AT_MOST, NOBODY, TAIL_AFTER},
    [GOAL_BACK_BELOW] = {"back-below", UNIT_SECONDS, AT_MOST, NOBODY, TAIL_AFTER},
    [GOAL_ENTITLED] = {"entitled", UNIT_RATIO, AT_MOST, ANYBODY, TAIL_SPAN},
    [GOAL_BLOCKED_FAIR] = {"blocked-fair", UNIT_RATIO, AT_MOST, NOBODY, TAIL_NONE},
    [GOAL_MERGED_PART] = {"merged-part", UNIT_RATIO, AT_LEAST, NOBODY, TAIL_BY},
    [GOAL_SHARE_RATE] = {"share-rate.final", UNIT_COUNT, AT_MOST, NOBODY, TAIL_NONE},
};

static const char *const unit_texts[] = {
    [UNIT_COUNT] = "a number",
    [UNIT_BYTES] = "a size",
    [UNIT_RATIO] = "a number",
    [UNIT_SECONDS] = "a time",
    [UNIT_PERIODS] = "a number of decision periods",
    [UNIT_WORD] = "a word",
    [UNIT_STATES] = "states of the host, as \"hard low\"",
};

enum goal_unit goal_unit(enum goal_kind kind)
{
    return kinds[kind].unit;
}

enum goal_sense goal_sense(enum goal_kind kind)
{
    return kinds[kind].sense;
}

/* How the key goes on after its name, for a message. */
static const char *const whom_texts[] = {
    [NOBODY] = "",
    [ANYBODY] = "[.GUEST]",
    [SOMEBODY] = ".GUEST",
    [MECHANISM] = ".MECHANISM[.GUEST]",
};

/* What follows the kind's name: ".web", ".swap.web", or nothing. */
static bool parse_whom(const char *rest, enum whom whom, struct goal *g)
{
    size_t len;

    if (*rest == '\0')
        return whom == NOBODY || whom == ANYBODY;
    if (*rest != '.' || rest[1] == '\0' || whom == NOBODY)
        return false;
    rest++;
    if (whom == MECHANISM) {
        len = strcspn(rest, ".");
        g->mechanism = means_parse(rest, len);
        rest += len;
        if (g->mechanism == MEANS_MAX || (*rest == '.' && rest[1] == '\0'))
            return false;
        if (*rest == '\0')
            return true;
        rest++;
    }
    g->guest = g_strdup(rest);
    return true;
}

/* Splits "reached.web" into its kind and its guest. */
static bool parse_key(const char *key, struct goal *g, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);

    for (int k = 0; k < GOAL_KIND_MAX; k++) {
        size_t len = strlen(kinds[k].name);

        g->kind = k;
        if (strncmp(key, kinds[k].name, len) == 0 && parse_whom(key + len, kinds[k].whom, g))
            return true;
        g_string_append_printf(known, "%s%s%s", k > 0 ? ", " : "", kinds[k].name,
                               whom_texts[kinds[k].whom]);
    }
    return scenario_fail(error, "no such goal; allowed are %s", known->str);
}

static bool parse_time(const char *text, double *ret)
{
    uint64_t usec;

    if (!duration_parse(text, &usec))
        return false;
    *ret = (double)usec / 1e6;
    return true;
}

static bool add_state(struct goal *g, const char *name)
{
    int state = 0;

    while (state < HOST_STATE_MAX && strcmp(host_state_name(state), name) != 0)
        state++;
    if (state == HOST_STATE_MAX || g->state_count >= GOAL_STATES_MAX)
        return false;
    g->states[g->state_count++] = state;
    return true;
}

/* Of UNIT_STATES, those after the first. */
static bool parse_more_states(char **words, const char *value, struct goal *g)
{
    for (; *words; words++)
        if (!add_state(g, *words))
            return false;
    g->word = g_strdup(value);
    return true;
}

static bool parse_limit(const char *text, struct goal *g)
{
    uint64_t bytes;
    char *end;

    switch (kinds[g->kind].unit) {
    case UNIT_WORD:
        g->word = g_strdup(text);
        return true;
    case UNIT_BYTES:
        if (!size_parse(text, &bytes))
            return false;
        g->limit = (double)bytes;
        return true;
    case UNIT_SECONDS:
        return parse_time(text, &g->limit);
    case UNIT_STATES:
        return add_state(g, text);
    case UNIT_COUNT:
    case UNIT_RATIO:
    case UNIT_PERIODS:
        break;
    }
    g->limit = g_ascii_strtod(text, &end);
    return end != text && *end == '\0' && isfinite(g->limit) && g->limit >= 0;
}

static bool word_is(char **words, unsigned n, unsigned i, const char *word)
{
    return i < n && strcmp(words[i], word) == 0;
}

static bool parse_span(char **words, unsigned n, struct goal *g)
{
    return n == 5 && word_is(words, n, 1, "from") && parse_time(words[2], &g->from) &&
           word_is(words, n, 3, "to") && parse_time(words[4], &g->to) && g->to > g->from;
}

/* What follows the limit: @words[1] on. */
static bool parse_tail(char **words, const char *value, struct goal *g)
{
    unsigned n = g_strv_length(words);

    if (kinds[g->kind].unit == UNIT_STATES)
        return parse_more_states(words + 1, value, g);
    switch (kinds[g->kind].tail) {
    case TAIL_NONE:
        return n == 1;
    case TAIL_BY:
        return parse_span(words, n, g) ||
               (n == 3 && word_is(words, n, 1, "by") && parse_time(words[2], &g->to));
    case TAIL_AFTER:
        return n == 3 && word_is(words, n, 1, "after") && parse_time(words[2], &g->from);
    case TAIL_SPAN:
        return parse_span(words, n, g);
    case TAIL_TO:
        if (n != 3 || !word_is(words, n, 1, "to"))
            return false;
        g->other = g_strdup(words[2]);
        return true;
    }
    return false;
}

bool goal_parse(const char *key, const char *value, struct goal *ret_goal, GError **error)
{
    struct goal g = {.name = g_strdup(key), .to = (double)INFINITY};
    g_auto(GStrv) words = g_strsplit(value, " ", -1);
    const char *label = strchr(key, '/');
    g_autofree char *plain = g_strndup(key, label ? (gsize)(label - key) : strlen(key));

    if (!parse_key(plain, &g, error))
        goto wrong;
    if (!words[0] || !parse_limit(words[0], &g) || !parse_tail(words, value, &g)) {
        scenario_fail(error, "\"%s\"; allowed is %s%s", value, unit_texts[kinds[g.kind].unit],
                      tail_texts[kinds[g.kind].tail]);
        goto wrong;
    }
    *ret_goal = g;
    return true;
wrong:
    goal_clear(&g);
    return false;
}

void goal_clear(struct goal *goal)
{
    g_clear_pointer(&goal->name, g_free);
    g_clear_pointer(&goal->guest, g_free);
    g_clear_pointer(&goal->word, g_free);
    g_clear_pointer(&goal->other, g_free);
}

char *goal_format(enum goal_unit unit, double value)
{
    char size[SIZE_TEXT_MAX];

    if (!isfinite(value))
        return g_strdup("never");
    switch (unit) {
    case UNIT_COUNT:
        return g_strdup_printf("%.0f", value);
    case UNIT_BYTES:
        return g_strdup(size_format(value > 0 ? (uint64_t)value : 0, size));
    case UNIT_RATIO:
        return g_strdup_printf("%.3f", value);
    case UNIT_SECONDS:
        return g_strdup_printf("%.1f s", value);
    case UNIT_PERIODS:
        return g_strdup_printf("%.2f periods", value);
    case UNIT_WORD:
    case UNIT_STATES:
        break;
    }
    return g_strdup("");
}
