/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/explain.h"
#include "cli/explain_parts.h"

/* What a guest may occupy may be without a bound. */
static const char *bound(struct figures *f, const char *mechanism, uint64_t bytes)
{
    return bytes == UINT64_MAX && is_word(mechanism, "swap") ? "all" : f_size(f, bytes);
}

/* "balloon from 512M to 384M", "block for 0.5 s". */
static char *act_text(const char *mechanism, uint64_t from, uint64_t to)
{
    struct figures f = {.used = 0};

    if (is_word(mechanism, "block") && to != UNKNOWN_U64)
        return g_strdup_printf("block for %s", f_age(&f, (double)to / G_USEC_PER_SEC));
    return g_strdup_printf("%s from %s to %s", text_or_dash(mechanism), bound(&f, mechanism, from),
                           bound(&f, mechanism, to));
}

static void tell_decision(struct sentences *s, struct json_object *event)
{
    char time[TEXT_FIGURE_MAX];
    g_autofree char *act = NULL;
    const char *state = NULL, *mechanism = NULL, *reason = NULL, *text = NULL;
    uint64_t from = UNKNOWN_U64, to = UNKNOWN_U64;
    double seconds = UNKNOWN_DOUBLE;
    bool enacted = true;

    json_get_double(event, "time", &seconds);
    json_get_string(event, "state", &state);
    json_get_string(event, "mechanism", &mechanism);
    json_get_string(event, "reason", &reason);
    json_get_string(event, "text", &text);
    json_get_u64(event, "from", &from);
    json_get_u64(event, "to", &to);
    json_get_bool(event, "enacted", &enacted);
    act = act_text(mechanism, from, to);
    tell(s, "", "%s  host %s: %s, %s%s", text_time(seconds, time), text_or_dash(state), act,
         text_or_dash(reason), also(!enacted, " (not enacted)"));
    if (text && *text)
        tell(s, "", "  %s", text);
}

void explain_decisions(struct sentences *s, struct json_object *decisions)
{
    struct json_object *events = json_get_array(decisions, "events");
    size_t all = events ? json_object_array_length(events) : 0;

    if (!decisions) {
        tell(s, "decisions", "not known");
        return;
    }
    if (all == 0) {
        tell(s, "decisions", "none so far");
        return;
    }
    tell(s, "decisions", "newest first");
    for (size_t i = 0; i < MIN(all, EXPLAIN_DECISIONS); i++)
        tell_decision(s, json_object_array_get_idx(events, all - 1 - i));
}
