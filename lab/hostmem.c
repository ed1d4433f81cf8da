/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that PAGEOUT has written to a disk stay in memory as swap cache. The kernel counts all of
 * the swap cache, mapped or not; what is mapped is in some guest's resident size already. Mapped
 * anonymous pages (AnonPages), swap cache and shared memory are all that is on the anonymous lists,
 * so what is on them beyond the first and the last is swap cache that nobody maps.
 */
#include "lab/hostmem.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "core/units.h"

#define KSM       "/sys/kernel/mm/ksm/"
#define PAGE_SIZE UINT64_C(4096)

/* The value of "NAME: N kB", in bytes; 0 where it is not there. */
static uint64_t meminfo(const char *text, const char *name)
{
    g_autofree char *start = g_strdup_printf("\n%s:", name);
    const char *line = strstr(text, start);

    return line ? g_ascii_strtoull(line + strlen(start), NULL, 10) * KIB : 0;
}

static uint64_t unmapped_swap_cache(void)
{
    g_autofree char *text = NULL;
    uint64_t listed;

    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
        return 0;
    listed = meminfo(text, "Active(anon)") + meminfo(text, "Inactive(anon)") +
             meminfo(text, "Unevictable");
    return u64_min(meminfo(text, "SwapCached"),
                   u64_sub(listed, meminfo(text, "AnonPages") + meminfo(text, "Shmem")));
}

/* The part of all used swap space that is in files below @directory; 1 where none is used. */
static double own_part(const char *directory)
{
    g_autofree char *text = NULL;
    g_autofree char *below = g_strconcat(directory, "/", NULL);
    g_auto(GStrv) lines = NULL;
    double own = 0, all = 0;

    if (!g_file_get_contents("/proc/swaps", &text, NULL, NULL))
        return 1;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        unsigned long used;

        if (sscanf(*line, "%*s %*s %*s %lu", &used) != 1)
            continue;
        all += (double)used;
        own += g_str_has_prefix(*line, below) ? (double)used : 0;
    }
    return all > 0 ? own / all : 1;
}

static uint64_t read_number(const char *path)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoull(text, NULL, 10) : 0;
}

void hostmem_look(const char *directory, struct hostmem *ret)
{
    uint64_t pages = read_number(KSM "pages_to_scan");
    uint64_t sleep = read_number(KSM "sleep_millisecs");

    ret->swap_cache = (uint64_t)((double)unmapped_swap_cache() * own_part(directory));
    ret->ksm_runs = read_number(KSM "run") == 1;
    ret->ksm_rate = ret->ksm_runs ? (double)pages * 1000 / (double)u64_max(sleep, 1) : 0;
    ret->ksm_saved =
        (read_number(KSM "pages_sharing") + read_number(KSM "ksm_zero_pages")) * PAGE_SIZE;
}
