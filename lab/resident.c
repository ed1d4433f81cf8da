/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/resident.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

/* Of one mapping, in KiB, as smaps has it. */
struct mapping {
    unsigned long start;
    bool shared; /* a memfd: others that map it do not make it any smaller */
    unsigned long rss, pss, swap;
};

/* "START-END PERMS ..." of /proc/PID/smaps: is it writable memory of @size bytes? */
static bool is_ram(const char *line, uint64_t size, struct mapping *ret)
{
    unsigned long start, end;
    char perms[5];

    if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3 || end - start != size ||
        perms[1] != 'w' || perms[2] == 'x')
        return false;
    ret->start = start;
    ret->shared = perms[3] == 's';
    return true;
}

/* False at the mapping's last line. */
static bool take_line(const char *line, struct mapping *m)
{
    (void)sscanf(line, "Rss: %lu kB", &m->rss);
    (void)sscanf(line, "Pss: %lu kB", &m->pss);
    (void)sscanf(line, "Swap: %lu kB", &m->swap);
    return strncmp(line, "VmFlags:", strlen("VmFlags:")) != 0;
}

/* From @name of /proc/PID: "maps" has less to say than "smaps", and costs nothing. */
static struct mapping find_ram(pid_t pid, const char *name, uint64_t size)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    struct mapping m = {0};
    bool in_ram = false;
    char line[512];

    if (!file)
        return m;
    while (fgets(line, sizeof(line), file)) {
        if (!in_ram)
            in_ram = is_ram(line, size, &m);
        else if (!take_line(line, &m))
            break;
    }
    (void)fclose(file);
    return m;
}

uint64_t resident_start(pid_t pid, uint64_t size)
{
    return find_ram(pid, "maps", size).start;
}

struct resident resident_look(pid_t pid, uint64_t size)
{
    struct mapping m = find_ram(pid, "smaps", size);
    uint64_t counted = m.shared ? m.rss : m.pss;
    return (struct resident){.bytes = counted << 10,
                             .saved = (uint64_t)(m.rss - counted) << 10,
                             .swapped = m.shared ? 0 : (uint64_t)m.swap << 10};
}
