/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread while the guest is served: orders, notices, and the end (control.c). */
#pragma once

#include "pager/engine.h"

struct control {
    struct engine *e;
    int listen_fd;  /* of NAME.sock, or -1 */
    int client_fd;  /* who is connected now, or -1 */
    int pidfd;      /* of QEMU */
    int signal_fd;  /* SIGTERM, SIGINT: detach */
    int notices_fd; /* what the other threads say */
    int statm_fd;   /* our own /proc/self/statm */
};

/* Makes the listening socket @path. A descriptor or -errno. */
int control_listen(const char *path);

/* Says @text over @fd; -1: to nobody. */
void control_say(int fd, enum pager_notice_kind kind, const char *text);

/* Until the guest has ended, or was let go. */
enum pager_exit control_run(struct control *c);
