/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: /proc/PID/cgroup names the process's place in the hierarchy ("0::/PATH"). Controllers
 * need not be enabled all the way down: the memory of what is below a directory without
 * memory.current is counted in the nearest one above that has it. libvirt splits a guest's threads
 * into directories (libvirt/emulator, libvirt/vcpuN) below the one that counts their memory, so
 * "alone" is asked of the whole subtree. Threaded directories can't list processes (EOPNOTSUPP);
 * theirs are listed by the directory that they belong to.
 *
 * What we write to a cgroup lasts longer than we do. So what was found there is kept as an extended
 * attribute of its directory: it lives exactly as long as that, and the next one to find it reads
 * it. Where the kernel has none (before 5.7), what a killed one has written counts as found. What
 * differs from what we left there was set by somebody else (virsh memtune, systemctl set-property)
 * meanwhile, and counts as found from then on.
 */
#include "host/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/procfs.h"
#include "host/psi.h"

/* Directories below a guest's, which has one for each virtual processor. */
#define DIRECTORIES_MAX 4096

#define PAGE_REST UINT64_C(4095)
#define TEXT_MAX  32 /* of a number, or "max" */

enum limit {
    LIMIT_MIN,
    LIMIT_LOW,
    LIMIT_SWAP_MAX,
    LIMITS,
};

static const struct {
    const char *file, *attribute;
    bool protects; /* a guest is better off with more of it, and the operator's is the least */
} limit_files[LIMITS] = {
    [LIMIT_MIN] = {"memory.min", "user.aerostat.min", true},
    [LIMIT_LOW] = {"memory.low", "user.aerostat.low", true},
    [LIMIT_SWAP_MAX] = {"memory.swap.max", "user.aerostat.swap.max", false},
};

/* What memory.reclaim understands besides the bytes: "max" is anonymous memory alone (6.18), 200
 * nearly so (6.7), and older kernels take nothing. What was refused is not tried again. */
static const char *const reclaim_words[] = {" swappiness=max", " swappiness=200", ""};
static atomic_uint reclaim_word;

struct cgroup {
    pid_t pid;
    int dir;
    char *path;
    uint64_t found[LIMITS];
    bool known[LIMITS];       /* found[] is */
    uint64_t written[LIMITS]; /* what it read as after a write of ours... */
    bool ours[LIMITS];        /* ...if there was one, by us or by who was killed */
};

/* The path of @pid in the v2 hierarchy. 0 or -errno; -ENOENT: it has none. */
static int path_of(const char *host_root, pid_t pid, char **ret)
{
    char file[64], text[PROCFS_TEXT_MAX];
    const char *line;
    int r;

    (void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
    r = procfs_read_root(host_root, file, text);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    line = g_str_has_prefix(text, "0::/") ? text : strstr(text, "\n0::/");
    if (!line)
        return -ENOENT;
    line = strchr(line, '/');
    *ret = g_strndup(line, strcspn(line, "\n"));
    /* Outside of our own namespace: not to be reached. */
    if (strstr(*ret, "/..")) {
        g_clear_pointer(ret, g_free);
        return -ENOENT;
    }
    return 0;
}

/* Where cgroup v2 is mounted: beside v1 where both are in use. NULL: nowhere. */
static char *mount_point(const char *host_root)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *directory = g_strconcat(host_root, places[i], NULL);
        g_autofree char *mark = g_strconcat(directory, "/cgroup.controllers", NULL);

        if (access(mark, F_OK) == 0)
            return g_steal_pointer(&directory);
    }
    return NULL;
}

/* Why nothing governs it: its memory is counted with the root's, or not at all. */
static int nothing_governs(const char *mount)
{
    g_autofree char *file = g_strconcat(mount, "/cgroup.controllers", NULL);
    char text[PROCFS_TEXT_MAX];

    if (procfs_read(AT_FDCWD, file, text) < 0)
        return -ENOENT;
    return strstr(text, "memory") ? -EBUSY : -ENOENT;
}

/* Shortens @path to the nearest one that counts memory, and opens it: a descriptor or -errno. */
static int open_governing(const char *mount, char *path)
{
    while (strlen(path) > 1) {
        g_autofree char *directory = g_strconcat(mount, path, NULL);
        g_autofree char *mark = g_strconcat(directory, "/memory.current", NULL);

        if (access(mark, F_OK) == 0) {
            int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

            return fd < 0 ? -errno : fd;
        }
        *strrchr(path, '/') = '\0';
    }
    return nothing_governs(mount);
}

/* Are all processes that @path, below @dirfd, lists @pid? 0, -EBUSY or -errno. */
static int check_processes(int dirfd, const char *path, pid_t pid)
{
    g_autofree char *file = g_build_filename(path, "cgroup.procs", NULL);
    char text[PROCFS_TEXT_MAX];
    int r = procfs_read(dirfd, file, text);

    if (r == -EOPNOTSUPP)
        return 0;
    if (r < 0)
        return r == -EFBIG ? -EBUSY : r;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strtol(line, NULL, 10) != (long)pid)
            return -EBUSY;
    }
    return 0;
}

/* Adds the directories in @path, below @dirfd, to @paths. 0 or -errno. */
static int add_children(int dirfd, const char *path, GPtrArray *paths)
{
    autofd fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir)
        return -errno;
    (void)fd_take(&fd); /* closed with @dir */
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        if (d->d_type == DT_DIR && d->d_name[0] != '.')
            g_ptr_array_add(paths, g_build_filename(path, d->d_name, NULL));
    }
    (void)closedir(dir);
    return 0;
}

int cgroup_check(const struct cgroup *c)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(paths, g_strdup("."));
    for (guint i = 0; i < paths->len; i++) {
        const char *path = paths->pdata[i];
        int r = check_processes(c->dir, path, c->pid);

        if (r == 0)
            r = add_children(c->dir, path, paths);
        if (r == 0 && paths->len > DIRECTORIES_MAX)
            r = -EBUSY;
        if (r == -ENODEV)
            r = -ENOENT;
        if (r < 0 && (r != -ENOENT || i == 0)) /* one below may have been removed just now */
            return r;
    }
    return 0;
}

/* "max", or bytes. */
static bool parse(const char *text, uint64_t *ret)
{
    guint64 value;

    if (g_str_has_prefix(text, "max")) {
        *ret = CGROUP_NO_LIMIT;
        return true;
    }
    if (!g_ascii_isdigit(*text))
        return false;
    value = g_ascii_strtoull(text, NULL, 10);
    *ret = value;
    return true;
}

static int read_number(const struct cgroup *c, const char *file, uint64_t *ret)
{
    char text[PROCFS_TEXT_MAX];
    int r = procfs_read(c->dir, file, text);

    if (r < 0)
        return r;
    return parse(text, ret) ? 0 : -EBADMSG;
}

/* What was there before anything of ours. */
static void find_limit(struct cgroup *c, enum limit which)
{
    char text[TEXT_MAX];
    ssize_t n = fgetxattr(c->dir, limit_files[which].attribute, text, sizeof(text) - 1);

    if (n > 0) {
        text[n] = '\0';
        c->known[which] = parse(text, &c->found[which]);
        c->ours[which] = read_number(c, limit_files[which].file, &c->written[which]) == 0;
    }
    if (!c->known[which])
        c->known[which] = read_number(c, limit_files[which].file, &c->found[which]) == 0;
}

int cgroup_find(const char *host_root, pid_t pid, struct cgroup **ret)
{
    g_autofree char *mount = mount_point(host_root);
    g_autofree char *path = NULL;
    struct cgroup *c;
    int r = mount ? path_of(host_root, pid, &path) : -ENOENT;

    if (r < 0)
        return r;
    r = open_governing(mount, path);
    if (r < 0)
        return r;
    c = g_new0(struct cgroup, 1);
    c->pid = pid;
    c->dir = r;
    c->path = g_steal_pointer(&path);
    r = cgroup_check(c);
    if (r < 0) {
        fd_close(&c->dir);
        g_free(c->path);
        g_free(c);
        return r;
    }
    for (int i = 0; i < LIMITS; i++)
        find_limit(c, (enum limit)i);
    *ret = c;
    return 0;
}

const char *cgroup_path(const struct cgroup *c)
{
    return c->path;
}

int cgroup_read(const struct cgroup *c, struct cgroup_figures *ret)
{
    struct psi psi;
    int r = faccessat(c->dir, "memory.current", F_OK, 0) == 0 ? 0 : -errno;

    *ret = (struct cgroup_figures){.zswap = CGROUP_UNKNOWN, .pressure_usec = CGROUP_UNKNOWN};
    if (r < 0)
        return r == -ENODEV ? -ENOENT : r;
    (void)read_number(c, "memory.zswap.current", &ret->zswap);
    if (psi_read(c->dir, "memory.pressure", &psi) == 0)
        ret->pressure_usec = psi.some.total_usec;
    return 0;
}

static int write_file(const struct cgroup *c, const char *file, const char *text)
{
    autofd fd = openat(c->dir, file, O_WRONLY | O_TRUNC | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -errno;
    return 0;
}

int cgroup_reclaim(const struct cgroup *c, uint64_t bytes)
{
    int r = cgroup_check(c);

    if (r < 0)
        return r;
    for (unsigned word = atomic_load(&reclaim_word); word < G_N_ELEMENTS(reclaim_words); word++) {
        char text[2 * TEXT_MAX];

        (void)snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT "%s", bytes, reclaim_words[word]);
        r = write_file(c, "memory.reclaim", text);
        if (r != -EINVAL) {
            atomic_store(&reclaim_word, word);
            break;
        }
    }
    return r == -ENOENT ? -EOPNOTSUPP : r;
}

/* Writes it, and before that what is there now, for who comes after us. */
static int write_limit(struct cgroup *c, enum limit which, uint64_t value)
{
    char text[TEXT_MAX], found[TEXT_MAX];

    (void)snprintf(found, sizeof(found), "%" G_GUINT64_FORMAT, c->found[which]);
    (void)snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, value);
    (void)fsetxattr(c->dir, limit_files[which].attribute,
                    c->found[which] == CGROUP_NO_LIMIT ? "max" : found,
                    c->found[which] == CGROUP_NO_LIMIT ? 3 : strlen(found), XATTR_CREATE);
    return write_file(c, limit_files[which].file, value == CGROUP_NO_LIMIT ? "max" : text);
}

/* Somebody else has set it since we did, or since we found it. */
static void notice_others(struct cgroup *c, enum limit which, uint64_t now)
{
    if (now == (c->ours[which] ? c->written[which] : c->found[which]))
        return;
    c->found[which] = now;
    c->ours[which] = false;
    (void)fremovexattr(c->dir, limit_files[which].attribute);
}

static int set_limit(struct cgroup *c, enum limit which, uint64_t value)
{
    uint64_t now;
    int r;

    if (!c->known[which])
        return 0;
    r = read_number(c, limit_files[which].file, &now);
    if (r < 0)
        return r;
    notice_others(c, which, now);
    value = limit_files[which].protects ? MAX(value, c->found[which]) : MIN(value, c->found[which]);
    if (value != CGROUP_NO_LIMIT)
        value &= ~PAGE_REST; /* the kernel's own rounding */
    if (now == value)
        return 0;
    r = write_limit(c, which, value);
    if (r == 0)
        c->ours[which] = read_number(c, limit_files[which].file, &c->written[which]) == 0;
    return r;
}

int cgroup_limit(struct cgroup *c, const struct cgroup_limits *limits)
{
    const uint64_t values[LIMITS] = {
        [LIMIT_MIN] = limits->min,
        [LIMIT_LOW] = limits->low,
        [LIMIT_SWAP_MAX] = limits->swap_max,
    };
    int error = 0;

    for (int i = 0; i < LIMITS; i++) {
        int r = set_limit(c, (enum limit)i, values[i]);

        if (r < 0 && error == 0)
            error = r == -ENODEV ? -ENOENT : r;
    }
    return error;
}

static void put_back_one(struct cgroup *c, enum limit which)
{
    uint64_t now;

    if (!c->ours[which])
        return;
    if (read_number(c, limit_files[which].file, &now) == 0 && now == c->written[which] &&
        now != c->found[which])
        (void)write_limit(c, which, c->found[which]);
    (void)fremovexattr(c->dir, limit_files[which].attribute);
    c->ours[which] = false;
}

void cgroup_put_back(struct cgroup *c)
{
    for (int i = 0; i < LIMITS; i++)
        put_back_one(c, (enum limit)i);
}

void cgroup_free(struct cgroup *c)
{
    if (!c)
        return;
    cgroup_put_back(c);
    fd_close(&c->dir);
    g_free(c->path);
    g_free(c);
}
