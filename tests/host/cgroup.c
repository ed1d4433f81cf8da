/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and using a process's cgroup, in a tree of plain files. The real thing: tests/rig. */
#include "host/cgroup.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define CGROUP "/sys/fs/cgroup"
#define SCOPE  "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"
#define PID    4711

static void write_at(struct fixture *f, const char *directory, const char *file, const char *text)
{
    g_autofree char *path = g_strconcat(CGROUP, directory, "/", file, NULL);

    fixture_write(f, path, text);
}

static void assert_at(const struct fixture *f, const char *directory, const char *file,
                      const char *text)
{
    g_autofree char *path = g_strconcat(f->root, CGROUP, directory, "/", file, NULL);
    g_autofree char *is = NULL;

    g_assert_true(g_file_get_contents(path, &is, NULL, NULL));
    g_assert_cmpstr(g_strstrip(is), ==, text);
}

static void remove_at(const struct fixture *f, const char *directory, const char *file)
{
    g_autofree char *path = g_strconcat(f->root, CGROUP, directory, "/", file, NULL);

    g_assert_cmpint(unlink(path), ==, 0);
}

/* A directory that counts memory, with these processes. */
static void write_cgroup(struct fixture *f, const char *directory, const char *processes)
{
    write_at(f, directory, "cgroup.procs", processes);
    write_at(f, directory, "memory.current", "104857600\n");
    write_at(f, directory, "memory.min", "0\n");
    write_at(f, directory, "memory.low", "0\n");
    write_at(f, directory, "memory.high", "max\n");
    write_at(f, directory, "memory.swap.max", "max\n");
    write_at(f, directory, "memory.reclaim", "");
    write_at(f, directory, "memory.pressure",
             "some avg10=1.50 avg60=0.25 avg300=0.00 total=777\n"
             "full avg10=0.75 avg60=0.00 avg300=12.00 total=42\n");
}

static void set_up(struct fixture *f, const char *place)
{
    g_autofree char *text = g_strdup_printf("0::%s\n", place);

    fixture_init(f);
    write_at(f, "", "cgroup.controllers", "cpu io memory pids\n");
    write_at(f, "", "cgroup.procs", "1\n");
    fixture_write(f, "/proc/4711/cgroup", text);
}

static struct cgroup *find(const struct fixture *f)
{
    struct cgroup *c = NULL;

    g_assert_cmpint(cgroup_find(f->root, PID, &c), ==, 0);
    return c;
}

static void test_plain(void)
{
    struct fixture f;
    struct cgroup *c;
    struct cgroup_figures seen;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    c = find(&f);
    g_assert_cmpstr(cgroup_path(c), ==, "/vm");
    g_assert_cmpint(cgroup_read(c, &seen), ==, 0);
    g_assert_cmpuint(seen.zswap, ==, CGROUP_UNKNOWN);
    g_assert_cmpuint(seen.pressure_usec, ==, 777);
    cgroup_free(c);
    fixture_deinit(&f);
}

/* libvirt's extra level, whose threaded directories count no memory and list no processes. */
static void test_libvirt(void)
{
    struct fixture f;
    struct cgroup *c;

    set_up(&f, SCOPE "/libvirt/emulator");
    write_cgroup(&f, SCOPE, "");
    write_at(&f, SCOPE "/libvirt", "cgroup.procs", "4711\n");
    write_at(&f, SCOPE "/libvirt/emulator", "cgroup.threads", "4711\n");
    write_at(&f, SCOPE "/libvirt/emulator", "cgroup.procs", "");
    write_at(&f, SCOPE "/libvirt/vcpu0", "cgroup.procs", "");
    c = find(&f);
    g_assert_cmpstr(cgroup_path(c), ==, SCOPE);
    g_assert_cmpint(cgroup_check(c), ==, 0);
    write_at(&f, SCOPE "/libvirt/vcpu0", "cgroup.procs", "4711\n4712\n");
    g_assert_cmpint(cgroup_check(c), ==, -EBUSY);
    g_assert_cmpint(cgroup_reclaim(c, 4096), ==, -EBUSY);
    assert_at(&f, SCOPE, "memory.reclaim", "");
    cgroup_free(c);
    fixture_deinit(&f);
}

static void assert_none(const struct fixture *f, int error)
{
    struct cgroup *c = NULL;

    g_assert_cmpint(cgroup_find(f->root, PID, &c), ==, error);
    g_assert_null(c);
}

static void test_not_ours(void)
{
    struct fixture f;

    set_up(&f, "/user.slice/session-1.scope");
    write_cgroup(&f, "/user.slice/session-1.scope", "4711\n");
    write_cgroup(&f, "/user.slice/session-1.scope", "1000\n4711\n");
    assert_none(&f, -EBUSY);
    fixture_write(&f, "/proc/4711/cgroup", "0::/\n");
    assert_none(&f, -EBUSY);
    fixture_write(&f, "/proc/4711/cgroup", "0::/nowhere (deleted)\n");
    assert_none(&f, -EBUSY);
    fixture_write(&f, "/proc/4711/cgroup", "0::/../../etc\n");
    assert_none(&f, -ENOENT);
    fixture_deinit(&f);
}

static void test_no_controller(void)
{
    struct fixture f;
    struct cgroup *c;

    fixture_init(&f);
    assert_none(&f, -ENOENT); /* not even mounted */
    fixture_write(&f, CGROUP "/unified/cgroup.controllers", "\n");
    assert_none(&f, -ESRCH);
    fixture_write(&f, "/proc/4711/cgroup", "4:memory:/vm\n1:name=systemd:/vm\n0::/vm\n");
    assert_none(&f, -ENOENT);
    fixture_write(&f, "/proc/4711/cgroup", "4:memory:/vm\n");
    assert_none(&f, -ENOENT);
    /* Beside v1, which has other controllers. */
    fixture_write(&f, "/proc/4711/cgroup", "4:cpu:/vm\n0::/vm\n");
    write_cgroup(&f, "/unified/vm", "4711\n");
    c = find(&f);
    g_assert_cmpstr(cgroup_path(c), ==, "/vm");
    cgroup_free(c);
    fixture_deinit(&f);
}

static void test_reclaim(void)
{
    struct fixture f;
    struct cgroup *c;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    c = find(&f);
    g_assert_cmpint(cgroup_reclaim(c, 1048576), ==, 0);
    assert_at(&f, "/vm", "memory.reclaim", "1048576 swappiness=max");
    remove_at(&f, "/vm", "memory.reclaim");
    g_assert_cmpint(cgroup_reclaim(c, 1048576), ==, -EOPNOTSUPP);
    cgroup_free(c);
    fixture_deinit(&f);
}

static void assert_limits(const struct fixture *f, const char *min, const char *low,
                          const char *high, const char *swap)
{
    assert_at(f, "/vm", "memory.min", min);
    assert_at(f, "/vm", "memory.low", low);
    assert_at(f, "/vm", "memory.high", high);
    assert_at(f, "/vm", "memory.swap.max", swap);
}

static const struct cgroup_limits some_limits = {.min = 8192, .low = 1048577, .swap_max = 65536};

static void test_limits(void)
{
    struct fixture f;
    struct cgroup *c;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    c = find(&f);
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    assert_limits(&f, "8192", "1048576", "max", "65536");
    cgroup_free(c);
    assert_limits(&f, "0", "0", "max", "max");
    fixture_deinit(&f);
}

/* What the operator had set is the least, or the most. */
static void test_limits_of_others(void)
{
    struct fixture f;
    struct cgroup *c;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    write_at(&f, "/vm", "memory.min", "16384\n");
    write_at(&f, "/vm", "memory.swap.max", "32768\n");
    c = find(&f);
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    assert_limits(&f, "16384", "1048576", "max", "32768");
    cgroup_free(c);
    assert_limits(&f, "16384", "0", "max", "32768");
    fixture_deinit(&f);
}

/* What somebody else sets while we are there is his: kept to, and not taken back at the end. */
static void test_limits_set_meanwhile(void)
{
    struct fixture f;
    struct cgroup *c;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    c = find(&f);
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    write_at(&f, "/vm", "memory.min", "16384\n");
    write_at(&f, "/vm", "memory.high", "1073741824\n");
    write_at(&f, "/vm", "memory.swap.max", "32768\n");
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    assert_limits(&f, "16384", "1048576", "1073741824", "32768");
    write_at(&f, "/vm", "memory.min", "4096\n");
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    assert_limits(&f, "8192", "1048576", "1073741824", "32768");
    write_at(&f, "/vm", "memory.low", "12288\n"); /* the last word is his */
    cgroup_free(c);
    assert_limits(&f, "4096", "12288", "1073741824", "32768");
    fixture_deinit(&f);
}

static void test_limits_after_kill(void)
{
    struct fixture f;
    struct cgroup *killed, *c;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    killed = find(&f);
    g_assert_cmpint(cgroup_limit(killed, &some_limits), ==, 0);
    c = find(&f);
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    assert_limits(&f, "8192", "1048576", "max", "65536");
    cgroup_free(c);
    assert_limits(&f, "0", "0", "max", "max");
    cgroup_free(killed); /* finds nothing to put back */
    assert_limits(&f, "0", "0", "max", "max");
    fixture_deinit(&f);
}

static void test_old_kernel(void)
{
    struct fixture f;
    struct cgroup *c;
    struct cgroup_figures seen;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    remove_at(&f, "/vm", "memory.swap.max");
    remove_at(&f, "/vm", "memory.pressure");
    c = find(&f);
    g_assert_cmpint(cgroup_limit(c, &some_limits), ==, 0);
    assert_at(&f, "/vm", "memory.min", "8192");
    g_assert_cmpint(cgroup_read(c, &seen), ==, 0);
    g_assert_cmpuint(seen.pressure_usec, ==, CGROUP_UNKNOWN);
    cgroup_free(c);
    fixture_deinit(&f);
}

/* Its process has ended, and the directory with it. */
static void test_gone(void)
{
    struct fixture f;
    struct cgroup *c;
    struct cgroup_figures seen;

    set_up(&f, "/vm");
    write_cgroup(&f, "/vm", "4711\n");
    c = find(&f);
    remove_at(&f, "/vm", "memory.current");
    remove_at(&f, "/vm", "cgroup.procs");
    g_assert_cmpint(cgroup_read(c, &seen), ==, -ENOENT);
    g_assert_cmpint(cgroup_check(c), ==, -ENOENT);
    g_assert_cmpint(cgroup_reclaim(c, 4096), ==, -ENOENT);
    cgroup_free(c);
    fixture_deinit(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cgroup/plain", test_plain);
    g_test_add_func("/cgroup/libvirt", test_libvirt);
    g_test_add_func("/cgroup/not-ours", test_not_ours);
    g_test_add_func("/cgroup/no-controller", test_no_controller);
    g_test_add_func("/cgroup/reclaim", test_reclaim);
    g_test_add_func("/cgroup/limits", test_limits);
    g_test_add_func("/cgroup/limits-of-others", test_limits_of_others);
    g_test_add_func("/cgroup/limits-set-meanwhile", test_limits_set_meanwhile);
    g_test_add_func("/cgroup/limits-after-kill", test_limits_after_kill);
    g_test_add_func("/cgroup/old-kernel", test_old_kernel);
    g_test_add_func("/cgroup/gone", test_gone);
    return g_test_run();
}
