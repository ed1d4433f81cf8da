/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access to /dev/userfaultfd for a group, for a while. Another process holds the way back: it gives
 * the device its owner and mode again when told, or when the test is gone, however it ended.
 */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICE "/dev/userfaultfd"

/* Keeps other tests that do the same off, until it is closed. -1: there is no such device. */
static inline int device_lock(void)
{
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

    if (fd >= 0)
        g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
    return fd;
}

struct device_access {
    pid_t guardian;
    int held; /* its end is the sign */
};

/* There is one, and it is root's alone. */
static inline bool device_is_closed(void)
{
    struct stat st;

    return stat(DEVICE, &st) == 0 && st.st_uid == 0 && !(st.st_mode & S_IRWXO);
}

static inline struct device_access device_open_for(gid_t group)
{
    struct device_access access;
    int wait[2], ready[2];
    struct stat st;
    char c;

    g_assert_cmpint(stat(DEVICE, &st), ==, 0);
    g_assert_cmpint(pipe2(wait, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
    access = (struct device_access){.guardian = fork(), .held = wait[1]};
    g_assert_cmpint(access.guardian, >=, 0);
    if (access.guardian == 0) {
        (void)setsid();
        (void)close(wait[1]);
        if (chown(DEVICE, 0, group) != 0 || chmod(DEVICE, 0660) != 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        (void)read(wait[0], &c, 1);
        _exit(chown(DEVICE, st.st_uid, st.st_gid) != 0 || chmod(DEVICE, st.st_mode & 07777) != 0);
    }
    (void)close(wait[0]);
    (void)close(ready[1]);
    g_assert_cmpint(read(ready[0], &c, 1), ==, 1);
    (void)close(ready[0]);
    return access;
}

static inline void device_close(struct device_access *access)
{
    int status;

    (void)close(access->held);
    g_assert_cmpint(waitpid(access->guardian, &status, 0), ==, access->guardian);
    g_assert_cmpint(status, ==, 0);
    g_assert_true(device_is_closed());
}
