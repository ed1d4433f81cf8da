/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: truncate_inode_partial_folio in mm/truncate.c. The part is zeroed first, then the kernel
 * tries to split the page, which fails while anybody holds a reference to it; it is then neither
 * data nor hole, and the guest would read zeros instead of what was put out. Pages that the pager
 * puts in are small ones (shmem_mfill_atomic_pte), so what was there before it, and the kernel's
 * settings, are all there is to look at. QEMU asks for huge pages (madvise), so "advise" gives it
 * some.
 */
#include "pager/hugepages.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "host/procfs.h"
#include "pager/attach.h"

#define SETTINGS "/sys/kernel/mm/transparent_hugepage"

/* The file's chosen word, "[never]", is one of @harmless. A file that is not there is of a kernel
 * without. */
static bool harmless(const char *path, const char *const *harmless_words, GError **error)
{
    char text[PROCFS_TEXT_MAX], word[32];

    if (procfs_read_root("", path, text) < 0)
        return true;
    for (; *harmless_words; harmless_words++) {
        (void)snprintf(word, sizeof(word), "[%s]", *harmless_words);
        if (strstr(text, word))
            return true;
    }
    g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED,
                "the host gives shared memory huge pages, which can't be taken in parts: write "
                "never to %s and start the guest anew",
                path);
    return false;
}

static bool check_settings(const char *sys_root, GError **error)
{
    static const char *const whole[] = {"never", "deny", NULL};
    static const char *const size[] = {"never", "inherit", NULL};
    g_autofree char *path = g_strconcat(sys_root, SETTINGS "/shmem_enabled", NULL);
    g_autofree char *pattern = g_strconcat(sys_root, SETTINGS "/hugepages-*/shmem_enabled", NULL);
    bool ok = harmless(path, whole, error);
    glob_t sizes = {0};

    if (ok && glob(pattern, 0, NULL, &sizes) == 0) {
        for (size_t i = 0; ok && i < sizes.gl_pathc; i++)
            ok = harmless(sizes.gl_pathv[i], size, error);
    }
    globfree(&sizes);
    return ok;
}

bool hugepages_check(const char *sys_root, pid_t pid, GError **error)
{
    char path[64], text[PROCFS_TEXT_MAX];
    uint64_t mapped;

    if (!check_settings(sys_root, error))
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    if (procfs_read_root("", path, text) < 0 || !procfs_get_kib(text, "ShmemPmdMapped", &mapped) ||
        mapped == 0)
        return true;
    g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED,
                "guest RAM has huge pages, which can't be taken in parts: start the guest anew");
    return false;
}
