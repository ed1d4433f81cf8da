/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls in another process's main thread, made from outside with ptrace(2). inject.c says
 * what the process can notice of it. x86-64 only. Errors are ATTACH_ERROR (attach.h).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A thread that stands still, with its own registers, while the body runs. */
struct injection;

typedef bool (*inject_fn)(struct injection *i, void *data, GError **error);

/*
 * Stops the main thread of @pid, calls @body, lets the thread go on as if nothing had been. False:
 * @body failed, or the process could not be stopped, or has ended. *stopped_usec (may be NULL): for
 * how long.
 */
bool inject(pid_t pid, inject_fn body, void *data, uint64_t *stopped_usec, GError **error);

/* One system call; *result as the kernel returns it (-errno). False: it was not made or its result
 * is not known. */
bool inject_call(struct injection *i, long number, uint64_t a, uint64_t b, uint64_t c,
                 int64_t *result, GError **error);

#define INJECT_SCRATCH_MAX 64

/*
 * Writes @bytes (at most INJECT_SCRATCH_MAX, once in an injection) below the thread's stack, at
 * *address; what was there is put back at the end.
 */
bool inject_scratch(struct injection *i, const void *bytes, size_t n, uint64_t *address,
                    GError **error);
