/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by inject.c and inject_look.c alone. */
#pragma once

#include <sys/user.h>

#include "host/procfs.h"
#include "pager/attach.h"
#include "pager/inject.h"

struct injection {
    pid_t pid;
    int pidfd;
    uint64_t syscall_address; /* of the instruction in the vdso */
    struct user_regs_struct regs;
    uint64_t mask;
    unsigned stop_signal; /* came meanwhile: sent again at the end */
    uint64_t scratch;     /* address, 0: not used */
    size_t scratch_bytes;
    uint8_t scratch_saved[INJECT_SCRATCH_MAX];
};

/* One line for people; the last two return false. */
void injection_error(GError **error, enum attach_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool injection_gone(const struct injection *i, GError **error);
bool injection_failed(const struct injection *i, const char *what, int err, GError **error);

/* The process's memory; false sets errno. */
bool injection_peek(const struct injection *i, uint64_t address, void *buf, size_t n);
bool injection_poke(const struct injection *i, uint64_t address, void *buf, size_t n);

/* /proc/PID/status; false: the process has ended. */
bool injection_status(const struct injection *i, char text[static PROCFS_TEXT_MAX]);

/* Its field @key ("\nThreads:"), as a number in @base; 0 without it. */
uint64_t injection_status_number(const char *status, const char *key, int base);

/* Before anything is touched: can it be stopped, and where is a syscall instruction? */
bool injection_look(struct injection *i, GError **error);

/* Stopped, with its registers in @i: corrects in these what the kernel does not restart itself. */
void injection_fix(struct injection *i);
