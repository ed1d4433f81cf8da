/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/managers.h"

#include <string.h>

const struct manager_ops *const MANAGERS[] = {&MANAGER_AEROSTAT, &MANAGER_NONE, NULL};

const struct manager_ops *manager_find(const struct manager_ops *const *list, const char *name)
{
    while (*list && strcmp((*list)->name, name) != 0)
        list++;
    return *list;
}

char *manager_names(const struct manager_ops *const *list)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (; *list; list++)
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", (*list)->name);
    return g_strdup(names->str);
}
