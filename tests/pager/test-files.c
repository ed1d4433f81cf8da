/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's files: what they are called, that they are there in full, and which may go. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pager/files.h"
#include "pager/map.h"
#include "scratch.h"

struct fixture {
    char *memory, *swap;
};

static void setup(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->memory = scratch_new("/dev/shm");
    f->swap = scratch_new(NULL);
}

static void teardown(struct fixture *f, gconstpointer data)
{
    (void)data;
    scratch_remove(f->memory);
    scratch_remove(f->swap);
}

static char *stem(const char *guest)
{
    struct pager_files files = pager_files_of("/m", "/s", guest);
    char *name = g_strndup(files.map + strlen("/m/"), strlen(files.map) - strlen("/m/.map"));
    g_autofree char *swap = g_strdup_printf("/s/%s.swap", name);

    g_assert_cmpstr(files.swap, ==, swap);
    g_assert_cmpuint(strlen(name), <=, PAGER_STEM_MAX);
    g_assert_null(strchr(name, '/'));
    pager_files_clear(&files);
    return name;
}

static void test_stems(void)
{
    static const char *const plain[] = {"vm1", "a b", "web-01.example", "Müller", "x.map"};
    static const struct {
        const char *guest, *stem;
    } odd[] = {{"../x", "%2E.%2Fx"}, {"a/b", "a%2Fb"}, {"a%2Fb", "a%252Fb"}, {"", "%"},
               {".", "%2E"},         {"\n", "%0A"},    {"%", "%25"}};

    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
        g_autofree char *s = stem(plain[i]);

        g_assert_cmpstr(s, ==, plain[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_autofree char *s = stem(odd[i].guest);

        g_assert_cmpstr(s, ==, odd[i].stem);
    }
}

/* Names of all lengths around the limit, and ones that differ at the end alone. */
static void test_long_stems(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const char *const units[] = {"a", "/", "ü"};

    for (size_t u = 0; u < G_N_ELEMENTS(units); u++) {
        g_autoptr(GString) name = g_string_new(NULL);

        for (unsigned i = 0; i < 300; i++) {
            char *s;

            g_string_append(name, units[u]);
            s = stem(name->str);
            g_assert_true(g_utf8_validate(s, -1, NULL));
            g_assert_true(g_hash_table_add(seen, s));
        }
    }
}

static void test_start_time(void)
{
    g_autofree char *root = scratch_new(NULL);
    g_autofree char *proc = scratch_path(root, "proc");
    g_autofree char *dir = scratch_path(proc, "12");
    g_autofree char *stat = scratch_path(dir, "stat");

    g_assert_cmpuint(process_start_time("", getpid()), >, 0);
    g_assert_cmpuint(process_start_time("", 0), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(stat,
                                      "12 (a) b) 1) S 1 2 3 4 -1 6 7 8 9 10 11 12 13 14 15 16 17 "
                                      "18 314159 20 21\n",
                                      -1, NULL));
    g_assert_cmpuint(process_start_time(root, 12), ==, 314159);
    g_assert_true(g_file_set_contents(stat, "12 (a) S 1 2\n", -1, NULL));
    g_assert_cmpuint(process_start_time(root, 12), ==, 0);
    (void)g_remove(stat);
    (void)g_rmdir(dir);
    (void)g_rmdir(proc);
    (void)g_rmdir(root);
}

static void assert_refused(bool ok, GError **error, const char *word)
{
    g_assert_false(ok);
    g_assert_nonnull(*error);
    g_test_message("%s", (*error)->message);
    g_assert_nonnull(strstr((*error)->message, word));
    g_assert_null(strchr((*error)->message, '\n'));
    g_clear_error(error);
}

static void test_directories(struct fixture *f, gconstpointer data)
{
    g_autofree char *made = scratch_path(f->memory, "made");
    g_autofree char *deep = g_build_filename(f->memory, "made", "deep", NULL);
    g_autofree char *link = scratch_path(f->memory, "link");
    GError *error = NULL;
    struct stat st;

    (void)data;
    g_assert_true(memory_directory_check(made, &error));
    g_assert_cmpint(stat(made, &st), ==, 0);
    g_assert_cmpuint(st.st_mode, ==, S_IFDIR | 0700);
    g_assert_true(swap_directory_check(deep, &error));
    g_assert_cmpint(chmod(made, 0770), ==, 0);
    assert_refused(memory_directory_check(made, &error), &error, "chmod");
    g_assert_cmpint(chmod(made, 0755), ==, 0);
    g_assert_true(memory_directory_check(made, &error));
    g_assert_cmpint(symlink(made, link), ==, 0);
    assert_refused(memory_directory_check(link, &error), &error, "link");
    assert_refused(memory_directory_check("/proc/self", &error), &error, "/proc/self");
    g_assert_cmpint(g_rmdir(deep), ==, 0);
}

/* Is @directory where a swap file can be? ($TMPDIR may be on tmpfs.) */
static bool on_disk(const char *directory)
{
    struct statfs fs;

    g_assert_cmpint(statfs(directory, &fs), ==, 0);
    return fs.f_type != 0x01021994;
}

static void test_swap_file(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = scratch_path(f->swap, "guest.swap");
    GError *error = NULL;
    struct stat st;
    bool direct;
    int fd;

    (void)data;
    if (!on_disk(f->swap)) {
        g_test_skip("no disk below TMPDIR");
        return;
    }
    g_assert_true(swap_file_create(path, 0, &error));
    g_assert_true(swap_file_create(path, 8 * MIB, &error));
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode, ==, S_IFREG | 0600);
    g_assert_cmpint(st.st_size, ==, 8 * MIB);
    g_assert_cmpint(st.st_blocks * 512, >=, 8 * MIB);

    fd = swap_file_open(path, &direct);
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(direct == ((fcntl(fd, F_GETFL) & O_DIRECT) != 0));
    g_assert_cmpint(swap_file_open(path, &direct), ==, -1);
    g_assert_cmpint(errno, ==, EWOULDBLOCK);
    assert_refused(swap_file_create(path, 8 * MIB, &error), &error, "is using it");
    g_assert_cmpint(access(path, F_OK), ==, 0);
    (void)close(fd);
    g_assert_true(swap_file_create(path, 4 * MIB, &error));
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(swap_file_open(path, &direct), ==, -1);
    g_assert_cmpint(errno, ==, ENOENT);
}

static void test_swap_refusals(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = scratch_path(f->swap, "guest.swap");
    g_autofree char *memory = scratch_path(f->memory, "guest.swap");
    g_autofree char *nowhere = g_build_filename(f->swap, "nowhere", "guest.swap", NULL);
    GError *error = NULL;
    struct statvfs fs;
    bool direct;

    (void)data;
    assert_refused(swap_file_create(memory, MIB, &error), &error, "tmpfs");
    g_assert_cmpint(access(memory, F_OK), ==, -1);
    g_assert_true(swap_file_create(memory, 0, &error));
    assert_refused(swap_file_create(nowhere, MIB, &error), &error, "can't be made");
    g_assert_cmpint(symlink("/etc/passwd", path), ==, 0);
    assert_refused(swap_file_create(path, MIB, &error), &error, "something else");
    g_assert_cmpint(swap_file_open(path, &direct), ==, -1);
    g_assert_cmpint(g_remove(path), ==, 0);
    if (!on_disk(f->swap)) {
        g_test_skip("no disk below TMPDIR");
        return;
    }
    g_assert_cmpint(statvfs(f->swap, &fs), ==, 0);
    assert_refused(swap_file_create(path, UINT64_MAX - 4095, &error), &error, "more than a file");
    g_assert_cmpint(access(path, F_OK), ==, -1);
}

/* On a disk of its own that is too small; exits 0, or 77 where there can be none. */
static void fill_disk(struct fixture *f)
{
    g_autofree char *image = scratch_path(f->memory, "image");
    g_autofree char *path = scratch_path(f->swap, "guest.swap");
    g_autofree char *command = g_strdup_printf(
        "truncate -s 16M %s && mkfs.ext4 -q -O ^has_journal %s && mount -o loop %s %s", image,
        image, image, f->swap);
    GError *error = NULL;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        system(command) != 0)
        _exit(77);
    assert_refused(swap_file_create(path, 32 * MIB, &error), &error, "are free there");
    g_assert_cmpint(access(path, F_OK), ==, -1);
    g_assert_true(swap_file_create(path, 8 * MIB, &error));
    assert_refused(swap_file_create(path, 32 * MIB, &error), &error, "make room");
    g_assert_cmpint(access(path, F_OK), ==, -1);
    _exit(0);
}

static void test_full_disk(struct fixture *f, gconstpointer data)
{
    int status;
    pid_t pid = fork();

    (void)data;
    if (pid == 0)
        fill_disk(f);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("no right to mount, no loop device or no mkfs.ext4");
    else
        g_assert_cmpint(status, ==, 0);
}

/* The files of a guest as its pager would have made them. */
static struct pager_files make_files(struct fixture *f, const char *guest, pid_t pid,
                                     uint64_t start_time, struct pagemap *map)
{
    struct pager_files files = pager_files_of(f->memory, f->swap, guest);
    struct pagemap_identity id = scratch_identity(pid, start_time, 10);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_assert_cmpint(pagemap_create(map, files.map, &id), ==, 0);
    g_assert_true(g_file_set_contents(files.cache, "", 0, NULL));
    g_assert_true(swap_file_create(files.swap, 0, NULL));
    g_assert_cmpuint(g_strlcpy(address.sun_path, files.socket, sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return files;
}

static unsigned files_there(const struct pager_files *files)
{
    return (access(files->map, F_OK) == 0) + (access(files->cache, F_OK) == 0) +
           (access(files->socket, F_OK) == 0) + (access(files->swap, F_OK) == 0);
}

static void keep_line(const char *line, void *data)
{
    g_test_message("%s", line);
    (*(unsigned *)data)++;
}

static unsigned remove_stale(struct fixture *f)
{
    unsigned lines = 0;
    unsigned n = pager_files_remove_stale(f->memory, f->swap, "", keep_line, &lines);

    g_assert_cmpuint(lines, ==, n);
    return n;
}

static void test_stale(struct fixture *f, gconstpointer data)
{
    struct pagemap held, map;
    uint64_t now = process_start_time("", getpid());
    struct pager_files living = make_files(f, "living", getpid(), now, &map);
    struct pager_files locked, dead;

    (void)data;
    pagemap_close(&map);
    locked = make_files(f, "locked", getpid(), now + 1, &held);
    dead = make_files(f, "dead", getpid(), now + 1, &map);
    g_assert_cmpint(pager_files_owner(&dead, ""), ==, PAGER_FILES_LIVE);
    pagemap_close(&map);

    g_assert_cmpint(pager_files_owner(&living, ""), ==, PAGER_FILES_LIVE);
    g_assert_cmpint(pager_files_owner(&locked, ""), ==, PAGER_FILES_LIVE);
    g_assert_cmpint(pager_files_owner(&dead, ""), ==, PAGER_FILES_STALE);
    g_assert_cmpuint(remove_stale(f), ==, 1);
    g_assert_cmpuint(files_there(&living), ==, 4);
    g_assert_cmpuint(files_there(&locked), ==, 4);
    g_assert_cmpuint(files_there(&dead), ==, 0);
    g_assert_cmpint(pager_files_owner(&dead, ""), ==, PAGER_FILES_NONE);

    pagemap_close(&held);
    g_assert_cmpuint(remove_stale(f), ==, 1);
    g_assert_cmpuint(files_there(&locked), ==, 0);
    pager_files_remove(&living);
    g_assert_cmpuint(files_there(&living), ==, 0);
    pager_files_remove(&living);
    pager_files_clear(&living);
    pager_files_clear(&locked);
    pager_files_clear(&dead);
}

/* Where it can't be told whether the guest lives, it does. */
static void test_nobody_can_tell(struct fixture *f, gconstpointer data)
{
    g_autofree char *root = scratch_new(NULL);
    g_autofree char *proc = scratch_path(root, "proc");
    g_autofree char *dir = g_strdup_printf("%s/%d", proc, (int)getpid());
    g_autofree char *stat = scratch_path(dir, "stat"); /* a directory: EISDIR */
    struct pagemap map;
    struct pager_files files =
        make_files(f, "guest", getpid(), process_start_time("", getpid()), &map);

    (void)data;
    pagemap_close(&map);
    g_assert_cmpint(g_mkdir_with_parents(stat, 0700), ==, 0);
    g_assert_cmpint(pager_files_owner(&files, root), ==, PAGER_FILES_LIVE);
    g_assert_cmpuint(pager_files_remove_stale(f->memory, f->swap, root, NULL, NULL), ==, 0);
    g_assert_cmpuint(files_there(&files), ==, 4);
    (void)g_rmdir(stat);
    g_assert_cmpint(pager_files_owner(&files, root), ==, PAGER_FILES_STALE);
    (void)g_rmdir(dir);
    (void)g_rmdir(proc);
    (void)g_rmdir(root);
    pager_files_remove(&files);
    pager_files_clear(&files);
}

/* A map of another version may have pages of a guest that lives; of a dead one it goes. */
static void test_other_version(struct fixture *f, gconstpointer data)
{
    struct pagemap map;
    uint64_t now = process_start_time("", getpid());
    struct pager_files files = make_files(f, "old", getpid(), now, &map);

    (void)data;
    map.header->version++;
    map.header->header_bytes *= 2;
    pagemap_close(&map);
    g_assert_cmpint(pager_files_owner(&files, ""), ==, PAGER_FILES_STRANGE);
    g_assert_cmpuint(remove_stale(f), ==, 0);
    g_assert_cmpuint(files_there(&files), ==, 4);

    pager_files_remove(&files);
    pager_files_clear(&files);
    files = make_files(f, "old", getpid(), now + 1, &map);
    map.header->version++;
    pagemap_close(&map);
    g_assert_cmpint(pager_files_owner(&files, ""), ==, PAGER_FILES_STALE);
    g_assert_cmpuint(remove_stale(f), ==, 1);
    g_assert_cmpuint(files_there(&files), ==, 0);
    pager_files_clear(&files);
}

/* What is not a map, or not ours, stays with all that lies beside it. */
static void test_strange(struct fixture *f, gconstpointer data)
{
    struct pagemap map;
    struct pager_files files = make_files(f, "strange", getpid(), 1, &map);
    g_autofree char *other = scratch_path(f->memory, "other.file");
    g_autofree char *hidden = scratch_path(f->memory, ".hidden.map");
    g_autofree char *fifo = scratch_path(f->memory, "fifo.cache");

    (void)data;
    map.header->magic++;
    pagemap_close(&map);
    g_assert_true(g_file_set_contents(other, "", 0, NULL));
    g_assert_true(g_file_set_contents(hidden, "", 0, NULL));
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_cmpint(pager_files_owner(&files, ""), ==, PAGER_FILES_STRANGE);
    g_assert_cmpuint(remove_stale(f), ==, 0);
    g_assert_cmpuint(files_there(&files), ==, 4);
    g_assert_cmpint(access(other, F_OK) | access(hidden, F_OK) | access(fifo, F_OK), ==, 0);

    g_assert_cmpint(truncate(files.map, 100), ==, 0);
    g_assert_cmpint(pager_files_owner(&files, ""), ==, PAGER_FILES_STRANGE);
    g_assert_cmpuint(remove_stale(f), ==, 0);
    pager_files_clear(&files);
}

static void test_leftovers(struct fixture *f, gconstpointer data)
{
    struct pagemap map;
    struct pager_files files = make_files(f, "left", getpid(), 1, &map);
    int lock;

    (void)data;
    pagemap_close(&map);
    g_assert_cmpint(g_remove(files.map), ==, 0);

    lock = pager_directory_lock(f->memory);
    g_assert_cmpint(lock, >=, 0);
    g_assert_cmpuint(remove_stale(f), ==, 0);
    (void)close(lock);

    /* A swap file that has just been made may be waiting for its pager. */
    g_assert_cmpuint(remove_stale(f), ==, 1);
    g_assert_cmpuint(files_there(&files), ==, 1);
    g_assert_cmpint(access(files.swap, F_OK), ==, 0);
    g_assert_cmpuint(remove_stale(f), ==, 0);
    pager_files_clear(&files);
}

static void test_open_directory(struct fixture *f, gconstpointer data)
{
    struct pagemap map;
    struct pager_files files = make_files(f, "dead", getpid(), 1, &map);

    (void)data;
    pagemap_close(&map);
    g_assert_cmpint(chmod(f->memory, 01777), ==, 0);
    g_assert_cmpuint(remove_stale(f), ==, 0);
    g_assert_cmpint(chmod(f->memory, 0700), ==, 0);
    g_assert_cmpuint(remove_stale(f), ==, 1);
    pager_files_clear(&files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/files/stems", test_stems);
    g_test_add_func("/files/long-stems", test_long_stems);
    g_test_add_func("/files/start-time", test_start_time);
    g_test_add("/files/directories", struct fixture, NULL, setup, test_directories, teardown);
    g_test_add("/files/swap-file", struct fixture, NULL, setup, test_swap_file, teardown);
    g_test_add("/files/swap-refusals", struct fixture, NULL, setup, test_swap_refusals, teardown);
    g_test_add("/files/full-disk", struct fixture, NULL, setup, test_full_disk, teardown);
    g_test_add("/files/stale", struct fixture, NULL, setup, test_stale, teardown);
    g_test_add("/files/nobody-can-tell", struct fixture, NULL, setup, test_nobody_can_tell,
               teardown);
    g_test_add("/files/other-version", struct fixture, NULL, setup, test_other_version, teardown);
    g_test_add("/files/strange", struct fixture, NULL, setup, test_strange, teardown);
    g_test_add("/files/leftovers", struct fixture, NULL, setup, test_leftovers, teardown);
    g_test_add("/files/open-directory", struct fixture, NULL, setup, test_open_directory, teardown);
    return g_test_run();
}
