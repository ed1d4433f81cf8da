/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's files are called, and whose they are. files.h has the rules. */
#include "pager/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "host/procfs.h"
#include "pager/map.h"

/* What is left of a name that is cut: room for "%+" and the hash. */
#define STEM_HASH_DIGITS 16
#define STEM_CUT_MAX     (PAGER_STEM_MAX - 2 - STEM_HASH_DIGITS)

static bool needs_escape(unsigned char c, bool first)
{
    return c < 0x20 || c == 0x7f || c == '/' || c == '%' || (first && c == '.');
}

/* Up to @max bytes of the escaped @name; whole escapes and whole UTF-8 sequences. */
static char *stem_escape(const char *name, size_t max)
{
    GString *stem = g_string_new(NULL);
    size_t whole = 0;

    for (const char *c = name; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if ((byte & 0xc0) != 0x80)
            whole = stem->len;
        if (needs_escape(byte, c == name))
            g_string_append_printf(stem, "%%%02X", byte);
        else
            g_string_append_c(stem, *c);
        if (stem->len > max) {
            g_string_truncate(stem, whole);
            break;
        }
    }
    return g_string_free(stem, FALSE);
}

/* An escape is '%' and two digits, so neither "%" nor "%+" ever comes from a name. */
static char *stem_of(const char *name)
{
    g_autofree char *whole = stem_escape(name, SIZE_MAX);
    g_autofree char *cut = NULL;
    g_autofree char *hash = NULL;

    if (*whole == '\0')
        return g_strdup("%");
    if (strlen(whole) <= PAGER_STEM_MAX)
        return g_steal_pointer(&whole);
    cut = stem_escape(name, STEM_CUT_MAX);
    hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
    return g_strdup_printf("%s%%+%.*s", cut, STEM_HASH_DIGITS, hash);
}

struct pager_files pager_files_of_stem(const char *memory_directory, const char *swap_directory,
                                       const char *stem)
{
    return (struct pager_files){
        .map = g_strdup_printf("%s/%s.map", memory_directory, stem),
        .cache = g_strdup_printf("%s/%s.cache", memory_directory, stem),
        .socket = g_strdup_printf("%s/%s.sock", memory_directory, stem),
        .swap = g_strdup_printf("%s/%s.swap", swap_directory, stem),
    };
}

struct pager_files pager_files_of(const char *memory_directory, const char *swap_directory,
                                  const char *guest)
{
    g_autofree char *stem = stem_of(guest);

    return pager_files_of_stem(memory_directory, swap_directory, stem);
}

void pager_files_clear(struct pager_files *files)
{
    g_free(files->map);
    g_free(files->cache);
    g_free(files->socket);
    g_free(files->swap);
    *files = (struct pager_files){0};
}

void pager_files_remove(const struct pager_files *files)
{
    (void)unlink(files->socket);
    (void)unlink(files->cache);
    (void)unlink(files->swap);
    (void)unlink(files->map);
}

int process_started(const char *host_root, pid_t pid, uint64_t *start)
{
    char path[sizeof("/proc//stat") + 3 * sizeof(pid)];
    char text[PROCFS_TEXT_MAX];
    unsigned long long ticks;
    const char *fields;
    int r;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    r = procfs_read_root(host_root, path, text);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    /* Field 2, the program's name in parentheses, may hold anything. */
    fields = strrchr(text, ')');
    if (!fields || sscanf(fields,
                          ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                          "%*s %*s %llu",
                          &ticks) != 1)
        return -EBADMSG;
    *start = ticks;
    return 0;
}

uint64_t process_start_time(const char *host_root, pid_t pid)
{
    uint64_t start;

    return process_started(host_root, pid, &start) == 0 ? start : 0;
}

/* Files are removed on this word: where it can't be told (no descriptors, no memory), it lives. */
static bool process_lives(const struct pagemap_identity *id, const char *host_root)
{
    uint64_t start;
    int r;

    if (id->pid <= 0 || id->pid > INT32_MAX)
        return false;
    r = process_started(host_root, (pid_t)id->pid, &start);
    return r == 0 ? start == id->start_time : r != -ESRCH;
}

/* Reads the header by read(2): the file may be anything, and may be cut while we look. *valid: it
 * is of this version. */
static bool header_read(int fd, struct pagemap_header *header, bool *valid)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        pread(fd, header, sizeof(*header), 0) != sizeof(*header))
        return false;
    *valid = pagemap_header_valid(header, (uint64_t)st.st_size);
    return pagemap_header_names(header);
}

enum pager_files_owner pager_files_owner(const struct pager_files *files, const char *host_root)
{
    autofd fd = open(files->map, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    g_autofree struct pagemap_header *header = NULL;
    bool valid;

    if (fd < 0)
        return errno == ENOENT ? PAGER_FILES_NONE : PAGER_FILES_STRANGE;
    header = g_new(struct pagemap_header, 1);
    if (!header_read(fd, header, &valid))
        return PAGER_FILES_STRANGE;
    if (process_lives(&header->identity, host_root))
        return valid ? PAGER_FILES_LIVE : PAGER_FILES_STRANGE;
    /* Only now: a pager that starts for a process that lives must not meet our lock. */
    return flock(fd, LOCK_EX | LOCK_NB) < 0 ? PAGER_FILES_LIVE : PAGER_FILES_STALE;
}

static bool G_GNUC_PRINTF(3, 4) refuse(GError **error, int code, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(code), text);
    return false;
}

/* An open directory that nobody but us (or root) can have put files into; -1 and @error. */
static int directory_open(const char *directory, GError **error)
{
    autofd fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        refuse(error, errno, "%s: %s; it must be a directory, not a link to one", directory,
               g_strerror(errno));
        return -1;
    }
    if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022) != 0) {
        refuse(error, EPERM, "%s: others can write to it; chown it to root and chmod it to 0700",
               directory);
        return -1;
    }
    return fd_take(&fd);
}

bool memory_directory_check(const char *directory, GError **error)
{
    autofd fd = -1;
    struct statfs fs;

    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        return refuse(error, errno, "%s: can't be made: %s", directory, g_strerror(errno));
    fd = directory_open(directory, error);
    if (fd < 0)
        return false;
    if (fstatfs(fd, &fs) < 0)
        return refuse(error, errno, "%s: %s", directory, g_strerror(errno));
    if (fs.f_type != TMPFS_MAGIC)
        return refuse(
            error, EINVAL,
            "%s: is not on tmpfs; set memory-directory to a directory in /dev/shm or /run",
            directory);
    return true;
}

bool swap_directory_check(const char *directory, GError **error)
{
    autofd fd = -1;

    if (g_mkdir_with_parents(directory, 0700) < 0)
        return refuse(error, errno, "%s: can't be made: %s", directory, g_strerror(errno));
    fd = directory_open(directory, error);
    return fd >= 0;
}

int pager_directory_lock(const char *memory_directory)
{
    autofd fd = open(memory_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return fd_take(&fd);
}
