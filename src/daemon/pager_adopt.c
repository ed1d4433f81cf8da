/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that a daemon finds by their page maps. Where the pager died together with the daemon
 * before this one, QEMU's own main thread may wait for a page: its monitor says nothing until
 * somebody serves the guest, and so nobody may wait for the monitor.
 *
 * What a map says is a stranger's word. It is taken only for the process that it names, by pid and
 * start time, and in the files that belong to the name in it; whether that process has such memory
 * is for the pager to see.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/pagers_impl.h"

/* Are these the files that its name leads to? */
static bool named_rightly(const struct pagers *pagers, const struct pagemap_identity *id,
                          const char *map)
{
    struct pager_files files;
    bool right;

    if (id->name[0] == '\0' || !memchr(id->name, '\0', sizeof(id->name)) ||
        !g_utf8_validate(id->name, -1, NULL))
        return false;
    files = pager_files_of(pagers->memory_directory, pagers->swap_directory, id->name);
    right = strcmp(files.map, map) == 0;
    pager_files_clear(&files);
    return right;
}

static void adopt(struct pagers *pagers, const char *path)
{
    struct pagemap_header header;
    const struct pagemap_identity *id = &header.identity;
    struct pager *p;

    if (!pager_read_map(path, &header) || !named_rightly(pagers, id, path) || id->pid <= 0 ||
        id->pid > G_MAXINT32 || id->start_time == 0 ||
        process_start_time(pagers->host_root, (pid_t)id->pid) != id->start_time)
        return;
    p = pager_new(pagers, (pid_t)id->pid, id->start_time, id->ram_size);
    if (!p)
        return;
    pager_name(p, id->name);
    p->wanted = true; /* until its guest is known, and with it what is wanted */
    log_notice("guest %s: process %d has pages out by its page map", p->name, (int)p->pid);
    pager_look(p);
}

void pagers_adopt(struct pagers *pagers)
{
    g_autoptr(GDir) directory = g_dir_open(pagers->memory_directory, 0, NULL);
    const char *name;

    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *path = g_build_filename(pagers->memory_directory, name, NULL);

        if (g_str_has_suffix(name, ".map"))
            adopt(pagers, path);
    }
}
