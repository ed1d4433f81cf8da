/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pager may do once it has what it needs: no capability, no new privileges, no other file
 * than the ones it has open, and the system calls it serves with. In two steps, because
 * capabilities belong to a thread and a system call filter is for all of them:
 *   1. attach, open files and what else needs opening (/proc/self/statm);
 *   2. start the threads; each makes its io_uring (whose buffers are pinned memory: CAP_IPC_LOCK),
 *      then calls sandbox_drop_privileges, as the main thread does;
 *   3. sandbox_enter, when all threads have.
 * What is not allowed kills the process; its successor takes over. sandbox.c has the list. A
 * process in the sandbox ends by _exit(2): exit handlers (of a sanitizer) want more than it may.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* For the calling thread, no capabilities, in no set, and never again; for the process, no core
 * dumps, no debugger of equal rights. */
bool sandbox_drop_privileges(GError **error);

/*
 * @keep: descriptors that stay open, @n of them, besides 0-2. All else is closed. False where a
 * thread has a capability still.
 */
bool sandbox_enter(const int *keep, size_t n, GError **error);
