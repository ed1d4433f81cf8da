/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/json.h"
#include "cli/info.h"
#include "cli/members.h"

const char *const STATE_NAMES[STATES] = {"high", "clear", "soft", "hard", "low"};

int host_info_state(const struct host_info *host)
{
    for (int i = 0; i < STATES; i++) {
        if (g_strcmp0(host->state, STATE_NAMES[i]) == 0)
            return i;
    }
    return -1;
}

static struct host_sharing_info read_sharing(struct json_object *sharing)
{
    return (struct host_sharing_info){
        .supported = member_yes_no(sharing, "supported"),
        .run = member_yes_no(sharing, "run"),
        .reason = member_string(sharing, "reason"),
        .explain = member_string(sharing, "explain"),
        .domain = member_string(sharing, "domain"),
        .blocker = member_string(sharing, "blocker"),
        .rate = member_double(sharing, "rate"),
        .cpu = member_double(sharing, "cpu"),
        .shared = member_u64(sharing, "shared"),
        .saved = member_u64(sharing, "saved"),
        .unshared = member_u64(sharing, "unshared"),
    };
}

static struct swap_pool_info read_swap_pool(struct json_object *pool)
{
    struct json_object *zswap = json_get_object(pool, "zswap");

    return (struct swap_pool_info){
        .managed = pool,
        .size = member_u64(pool, "size"),
        .used = member_u64(pool, "used"),
        .own = member_u64(pool, "own"),
        .needed = member_u64(pool, "needed"),
        .counted = member_u64(pool, "counted"),
        .could_grow = member_u64(pool, "could_grow"),
        .files = member_u64(pool, "files"),
        .growing = member_yes_no(pool, "growing"),
        .error = member_string(pool, "error"),
        .zswap = member_yes_no(zswap, "on"),
        .zswap_explain = member_string(zswap, "explain"),
        .zswap_payload = member_u64(zswap, "payload"),
        .zswap_pool = member_u64(zswap, "pool"),
    };
}

void host_info_read(struct host_info *host, struct json_object *object)
{
    struct json_object *average = json_get_object(object, "overcommit_avg");
    struct json_object *pagers = json_get_object(object, "pagers");
    struct json_object *seconds = json_get_object(object, "state_seconds");
    struct json_object *marks = json_get_object(object, "marks");

    *host = (struct host_info){
        .version = member_string(object, "version"),
        .mode = member_string(object, "mode"),
        .state = member_string(object, "state"),
        .uptime = member_double(object, "uptime"),
        .period = member_double(object, "period"),
        .state_age = member_double(object, "state_age"),
        .capacity = member_u64(object, "capacity"),
        .configured = member_u64(object, "configured"),
        .resident = member_u64(object, "resident"),
        .free = member_u64(object, "free"),
        .minfree = member_u64(object, "minfree"),
        .available = member_u64(object, "available"),
        .ballooned = member_u64(object, "ballooned"),
        .overhead = member_u64(object, "overhead"),
        .overcommit = member_double(object, "overcommit"),
        .overcommit_1m = member_double(average, "1m"),
        .overcommit_5m = member_double(average, "5m"),
        .overcommit_15m = member_double(average, "15m"),
        .guests = member_u64(object, "guests"),
        .guests_up = member_u64(object, "guests_up"),
        .blocked = member_u64(object, "blocked"),
        .pagers = member_u64(pagers, "serving"),
        .zero = member_u64(pagers, "zero"),
        .compressed = member_u64(pagers, "compressed"),
        .swapped = member_u64(pagers, "swapped"),
        .cache = member_u64(pagers, "cache"),
        .out_rate = member_double(pagers, "out_rate"),
        .in_rate = member_double(pagers, "in_rate"),
        .sharing = read_sharing(json_get_object(object, "sharing")),
        .swap_pool = read_swap_pool(json_get_object(object, "swap_pool")),
    };
    for (int i = 0; i < STATES; i++) {
        host->state_seconds[i] = member_double(seconds, STATE_NAMES[i]);
        host->marks[i] = member_u64(marks, STATE_NAMES[i]);
    }
}
