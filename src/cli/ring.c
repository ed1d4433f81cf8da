/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ring.h"

#include <glib.h>
#include <inttypes.h>

#include "client/client.h"

char *ring_path(const char *ring, uint64_t since, const char *guest)
{
    g_autofree char *escaped = guest ? client_escape(guest) : NULL;

    return g_strdup_printf("%s?since=%" PRIu64 "%s%s", ring, since, guest ? "&guest=" : "",
                           guest ? escaped : "");
}
