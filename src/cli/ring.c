/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ring.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "client/client.h"

static void append(GString *path, const char *key, const char *value)
{
    g_string_append_printf(path, "%c%s=%s", strchr(path->str, '?') ? '&' : '?', key, value);
}

static void append_number(GString *path, const char *key, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, value);

    if (value > 0)
        append(path, key, text);
}

char *ring_path(const char *ring, const struct ring_query *query)
{
    GString *path = g_string_new(ring);
    g_autofree char *guest = query->guest ? client_escape(query->guest) : NULL;

    /* Without "since" nothing counts as lost: nobody asked for it. */
    append_number(path, "since", query->since);
    append_number(path, "limit", query->last);
    if (guest)
        append(path, "guest", guest);
    return g_string_free(path, FALSE);
}
