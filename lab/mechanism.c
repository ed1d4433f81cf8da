/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/mechanism.h"

#include <glib.h>
#include <string.h>

static const char *const names[] = {
    [LAB_BALLOON] = "balloon", [LAB_SHARE] = "share", [LAB_COMPRESS] = "compress",
    [LAB_SWAP] = "swap",       [LAB_BLOCK] = "block",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == LAB_MECHANISM_MAX);

const char *lab_mechanism_name(enum lab_mechanism m)
{
    return names[m];
}

enum lab_mechanism lab_mechanism_parse(const char *name, size_t len)
{
    int m = 0;

    while (m < LAB_MECHANISM_MAX && (strlen(names[m]) != len || strncmp(names[m], name, len) != 0))
        m++;
    return m;
}
