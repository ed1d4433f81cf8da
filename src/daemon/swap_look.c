/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/swap_look.h"

#include <glib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "daemon/config.h"
#include "daemon/swap_files.h"
#include "host/swap.h"

/* With max = auto one in so many blocks of the file system is left alone. */
#define LEFT_PART 10

void swap_look_clear(struct swap_look *look)
{
    for (size_t i = 0; i < look->n; i++)
        g_free(look->paths[i]);
    *look = (struct swap_look){0};
}

static void count_area(struct swap_look *look, const struct swap_area *area, const char *directory)
{
    look->size += area->size;
    look->used += area->used;
    if (look->n == SWAP_FILES_MAX || !swap_files_own(directory, area->path)) {
        look->others_size += area->size;
        look->others_used += area->used;
        return;
    }
    look->own_size += area->size;
    look->paths[look->n] = g_strdup(area->path);
    look->files[look->n++] = (struct swap_plan_file){.size = area->size, .used = area->used};
}

/* The kernel fills areas in the order of their priorities. */
static bool first_is_zram(const GPtrArray *areas)
{
    const struct swap_area *first = NULL;

    for (guint i = 0; i < areas->len; i++) {
        const struct swap_area *area = areas->pdata[i];

        if (area->used < area->size && (!first || area->priority > first->priority))
            first = area;
    }
    return first && first->zram;
}

int swap_look(struct swap_look *ret, const char *host_root, const char *directory)
{
    g_autoptr(GPtrArray) areas = NULL;
    struct meminfo mem;
    int r = swap_read(host_root, &areas);

    if (r == 0)
        r = meminfo_read(host_root, &mem);
    if (r < 0)
        return r;
    swap_look_clear(ret);
    for (guint i = 0; i < areas->len; i++)
        count_area(ret, areas->pdata[i], directory);
    ret->first_is_zram = first_is_zram(areas);
    ret->mem = mem;
    return 0;
}

/* The nearest directory above that exists. */
static bool stat_file_system(const char *directory, struct statvfs *ret)
{
    g_autofree char *path = g_strdup(directory);

    while (statvfs(path, ret) < 0) {
        char *parent = g_path_get_dirname(path);

        if (strcmp(parent, path) == 0) {
            g_free(parent);
            return false;
        }
        g_free(path);
        path = parent;
    }
    return true;
}

uint64_t swap_room(const char *directory, uint64_t max, uint64_t own_size)
{
    struct statvfs fs;
    uint64_t available;

    if (!stat_file_system(directory, &fs))
        return 0;
    available = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (max == SIZE_AUTO)
        return u64_sub(available, (uint64_t)fs.f_blocks / LEFT_PART * fs.f_frsize);
    return u64_min(available, u64_sub(max, own_size));
}
