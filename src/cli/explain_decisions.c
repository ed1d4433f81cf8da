/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "cli/explain.h"
#include "cli/explain_parts.h"

/* What a pager lets a guest occupy may be without a bound. */
static const char *bound(struct figures *f, const char *mechanism, uint64_t bytes)
{
    return bytes == UINT64_MAX && g_strcmp0(mechanism, "swap") == 0 ? "all" : f_size(f, bytes);
}

static void tell_decision(struct sentences *s, struct json_object *event)
{
    struct figures f = {.used = 0};
    char time[TEXT_FIGURE_MAX];
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
    tell(s, "", "%s  host %s: %s from %s to %s, %s%s", text_time(seconds, time),
         text_or_dash(state), text_or_dash(mechanism), bound(&f, mechanism, from),
         bound(&f, mechanism, to), text_or_dash(reason), enacted ? "" : " (not enacted)");
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
