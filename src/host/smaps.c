/* SPDX-License-Identifier: Apache-2.0 */
#include "host/smaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* "START-END PERMS OFFSET MAJOR:MINOR INODE   NAME" */
static bool header_parse(const char *line, struct smaps_vma *ret)
{
    struct smaps_vma v = {0};
    unsigned major_number, minor_number;
    char perms[5];
    int name = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &v.start,
               &v.end, perms, &v.offset, &major_number, &minor_number, &v.inode, &name) != 7 ||
        strlen(perms) != 4 || v.start >= v.end)
        return false;
    v.device = makedev(major_number, minor_number);
    v.writable = perms[1] == 'w';
    v.executable = perms[2] == 'x';
    v.shared = perms[3] == 's';
    v.named = name && line[name] && line[name] != '\n';
    v.memfd = v.named && g_str_has_prefix(line + name, "/memfd:");
    *ret = v;
    return true;
}

static void flags_parse(const char *flags, struct smaps_vma *v)
{
    v->dontcopy = strstr(flags, " dc");
    v->hugepage = strstr(flags, " hg");
    v->locked = strstr(flags, " lo");
    v->hugetlbfs = strstr(flags, " ht");
    v->userfaultfd = strstr(flags, " um") || strstr(flags, " uw") || strstr(flags, " ui");
}

/* "KEY:   N kB"; there are some twenty such lines a mapping, of which few are of interest. */
static bool kib_parse(const char *line, const char *key, uint64_t *ret_bytes)
{
    size_t len = strlen(key);

    if (strncmp(line, key, len) != 0)
        return false;
    *ret_bytes = g_ascii_strtoull(line + len, NULL, 10) * 1024;
    return true;
}

static void value_parse(const char *line, struct smaps_vma *v)
{
    uint64_t bytes;

    if (g_str_has_prefix(line, "VmFlags:"))
        flags_parse(line, v);
    else if (kib_parse(line, "Rss:", &v->rss) || kib_parse(line, "Swap:", &v->swap))
        return;
    else if (kib_parse(line, "Private_Hugetlb:", &bytes) ||
             kib_parse(line, "Shared_Hugetlb:", &bytes))
        v->hugetlb += bytes;
}

int smaps_read(FILE *file, GArray *vmas)
{
    char *line = NULL;
    size_t size = 0;
    int r = 0;

    while (r == 0 && getline(&line, &size, file) >= 0) {
        struct smaps_vma v;

        /* Headers begin with a hexadecimal digit in lower case, values with a capital letter. */
        if (!g_ascii_isupper(*line)) {
            if (!header_parse(line, &v))
                r = -EBADMSG;
            else if (vmas->len == SMAPS_VMAS_MAX)
                r = -E2BIG;
            else
                g_array_append_val(vmas, v);
        } else if (vmas->len) {
            value_parse(line, &g_array_index(vmas, struct smaps_vma, vmas->len - 1));
        }
    }
    if (r == 0 && ferror(file))
        r = -errno;
    free(line);
    return r;
}
