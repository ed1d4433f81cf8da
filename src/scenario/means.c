/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/means.h"

#include <glib.h>
#include <string.h>

static const char *const names[] = {
    [MEANS_BALLOON] = "balloon", [MEANS_SHARE] = "share", [MEANS_COMPRESS] = "compress",
    [MEANS_SWAP] = "swap",       [MEANS_BLOCK] = "block",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == MEANS_MAX);

const char *means_name(enum means m)
{
    return names[m];
}

enum means means_parse(const char *name, size_t len)
{
    int m = 0;

    while (m < MEANS_MAX && (strlen(names[m]) != len || strncmp(names[m], name, len) != 0))
        m++;
    return m;
}
