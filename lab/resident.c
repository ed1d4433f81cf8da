/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/resident.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

/* "START-END PERMS ..." of /proc/PID/smaps: is it writable memory of @size bytes? */
static bool is_ram(const char *line, uint64_t size)
{
    unsigned long start, end;
    char perms[5];

    return sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 && end - start == size &&
           perms[1] == 'w' && perms[2] != 'x';
}

uint64_t resident_bytes(pid_t pid, uint64_t size)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", (int)pid);
    FILE *file = fopen(path, "re");
    bool in_ram = false;
    unsigned long kib = 0;
    char line[512];

    if (!file)
        return 0;
    while (fgets(line, sizeof(line), file)) {
        if (!in_ram)
            in_ram = is_ram(line, size);
        else if (sscanf(line, "Rss: %lu kB", &kib) == 1)
            break;
    }
    (void)fclose(file);
    return (uint64_t)kib << 10;
}
