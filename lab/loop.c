/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/loop.h"

#include <glib-unix.h>
#include <signal.h>

static bool interrupted;

static gboolean on_signal(gpointer data)
{
    (void)data;
    interrupted = true;
    return G_SOURCE_CONTINUE;
}

void loop_init(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_unix_signal_add(signals[i], on_signal, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static gboolean on_timeout(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

bool loop_serve(unsigned msec)
{
    bool over = false;
    guint timer = g_timeout_add(msec, on_timeout, &over);

    while (!over && !interrupted)
        g_main_context_iteration(NULL, TRUE);
    if (!over)
        g_source_remove(timer);
    return !interrupted;
}

bool loop_interrupted(void)
{
    return interrupted;
}
