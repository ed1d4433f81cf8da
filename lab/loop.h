/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's waiting: events are served meanwhile, and a signal to end is noticed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* SIGINT, SIGTERM and SIGHUP end the lab in order from now on. */
void loop_init(void);

/* Serves events of the default main context for @msec. False once the lab is to end. */
bool loop_serve(unsigned msec);

/* A signal said that the lab is to end. */
bool loop_interrupted(void);

/* Seconds since the g_get_monotonic_time() @start. */
static inline double loop_since(gint64 start)
{
    return (double)(g_get_monotonic_time() - start) / 1e6;
}
