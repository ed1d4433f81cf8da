/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder's ring over the API: which events are asked for, and what the reader has missed. */
#include "base/json.h"
#include "daemon/api_call.h"

/* A whole number of the query; @ret stays as it is where it is not given. */
static bool query_u64(struct call *c, const char *key, uint64_t *ret)
{
    const char *text = g_hash_table_lookup(c->query, key);
    guint64 value;

    if (!text)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &value, NULL)) {
        call_reply_error(c, 400, "bad-request", "%s=%.*s is no whole number from 0 on", key,
                         CALL_ECHO_MAX, text);
        return false;
    }
    *ret = value;
    return true;
}

/* Which events are asked for. */
struct selection {
    bool decisions;
    const char *guest; /* NULL: all */
    uint64_t since;    /* UINT64_MAX: the last ones */
    uint64_t limit;
};

static bool selected(const struct selection *s, const struct event *event)
{
    return (!s->decisions || event->kind == EVENT_DECISION) &&
           (!s->guest || g_strcmp0(s->guest, event->guest) == 0);
}

/* Sequence number from which on at most s->limit events are selected. */
static uint64_t first_of_last(const struct recorder *r, const struct selection *s)
{
    uint64_t seq = recorder_next(r);

    for (uint64_t n = 0; seq > recorder_oldest(r) && n < s->limit;)
        n += selected(s, recorder_get(r, --seq));
    return seq;
}

void call_reply_events(struct call *c, bool decisions)
{
    const struct recorder *r = daemon_recorder(c->daemon);
    struct selection s = {.decisions = decisions,
                          .guest = g_hash_table_lookup(c->query, "guest"),
                          .since = UINT64_MAX,
                          .limit = RECORDER_EVENTS_MAX};
    struct json_object *obj, *array;
    uint64_t seq, n = 0;

    if (!query_u64(c, "since", &s.since) || !query_u64(c, "limit", &s.limit))
        return;
    if (s.since == UINT64_MAX)
        s.since = first_of_last(r, &s);
    array = json_object_new_array();
    for (seq = u64_max(s.since, recorder_oldest(r)); seq < recorder_next(r) && n < s.limit; seq++) {
        const struct event *event = recorder_get(r, seq);

        if (!selected(&s, event))
            continue;
        json_object_array_add(array, view_event(event));
        n++;
    }
    obj = json_object_new_object();
    json_put_u64(obj, "next", u64_min(seq, recorder_next(r)));
    json_put_u64(obj, "lost", u64_sub(recorder_oldest(r), s.since));
    json_put_object(obj, "events", array);
    call_reply(c, obj);
}
