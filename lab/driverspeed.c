/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/driverspeed.h"

#include "core/units.h"
#include "lab/loop.h"
#include "lab/monitor.h"
#include "scenario/measure.h"

#define POLL_MSEC       100
#define INFLATE_SECONDS 30.0
#define DEFLATE_SECONDS 30.0

uint64_t driverspeed_least(const struct record *r, unsigned guest, double t)
{
    uint64_t least = scenario_guest(r->scenario, guest)->size;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct guest_sample *s = record_guest(r, i, guest);

        if (record_host(r, i)->t <= t && s->known)
            least = s->granted; /* the last one before it stays */
    }
    return least;
}

/* Waits until the balloon is within MEASURE_FULL_BYTES of @bytes; @ret_seconds: how long, 0: never.
 */
static bool settle(struct monitor *monitor, uint64_t bytes, double limit, double *ret_seconds,
                   GError **error)
{
    gint64 begin = g_get_monotonic_time();
    uint64_t actual;

    *ret_seconds = 0;
    if (!monitor_set_balloon(monitor, bytes, error))
        return false;
    while (loop_since(begin) < limit) {
        if (!monitor_get_balloon(monitor, &actual, error))
            return false;
        if (u64_sub(actual, bytes) + u64_sub(bytes, actual) <= MEASURE_FULL_BYTES) {
            *ret_seconds = loop_since(begin);
            return true;
        }
        if (!loop_serve(POLL_MSEC))
            return false;
    }
    return true;
}

bool driverspeed_measure(struct member *m, uint64_t least, double *ret_seconds, GError **error)
{
    struct monitor *monitor = monitor_open(m->monitor, error);
    double inflated = 0;
    bool ok;

    if (!monitor)
        return false;
    ok = settle(monitor, least, INFLATE_SECONDS, &inflated, error);
    if (ok && inflated > 0)
        ok = settle(monitor, m->spec->size, DEFLATE_SECONDS, ret_seconds, error);
    monitor_close(monitor);
    return ok;
}
