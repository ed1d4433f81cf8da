/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/recorder.h"

struct recorder {
    uint64_t next;
    struct event ring[RECORDER_EVENTS_MAX]; /* the event @seq is at seq % RECORDER_EVENTS_MAX */
};

static const char *const kind_names[] = {
    [EVENT_DECISION] = "decision",
    [EVENT_HOST_STATE] = "host-state",
    [EVENT_GUEST_ADDED] = "guest-added",
    [EVENT_GUEST_GONE] = "guest-gone",
    [EVENT_GUEST_LINK] = "guest-link",
    [EVENT_GUEST_STATS] = "guest-stats",
    [EVENT_GUEST_DRIVER] = "guest-driver",
    [EVENT_SETTINGS] = "settings",
    [EVENT_CONFIG] = "config",
    [EVENT_RELEASE] = "release",
    [EVENT_GUEST_PAGER] = "guest-pager",
    [EVENT_BLOCKING] = "blocking",
    [EVENT_SHARING] = "sharing",
    [EVENT_SWAP_POOL] = "swap-pool",
    [EVENT_ADMISSION] = "admission",
};
G_STATIC_ASSERT(G_N_ELEMENTS(kind_names) == EVENT_KIND_MAX);

const char *event_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

struct recorder *recorder_new(void)
{
    return g_new0(struct recorder, 1);
}

static void event_clear(struct event *event)
{
    g_free(event->guest);
    g_free(event->text);
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < RECORDER_EVENTS_MAX; i++)
        event_clear(&r->ring[i]);
    g_free(r);
}

void recorder_add(struct recorder *r, const struct event *event, const char *guest,
                  const char *text)
{
    struct event *slot = &r->ring[r->next % RECORDER_EVENTS_MAX];

    event_clear(slot);
    *slot = *event;
    slot->seq = r->next++;
    slot->time = g_get_real_time();
    slot->guest = g_strdup(guest);
    slot->text = g_strdup(text);
}

uint64_t recorder_next(const struct recorder *r)
{
    return r->next;
}

uint64_t recorder_oldest(const struct recorder *r)
{
    return r->next > RECORDER_EVENTS_MAX ? r->next - RECORDER_EVENTS_MAX : 0;
}

const struct event *recorder_get(const struct recorder *r, uint64_t seq)
{
    if (seq >= r->next || seq < recorder_oldest(r))
        return NULL;
    return &r->ring[seq % RECORDER_EVENTS_MAX];
}
