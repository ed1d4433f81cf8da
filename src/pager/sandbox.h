/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pager may do once it has what it needs: no capability, no new privileges, no other file
 * than the ones it has open, and the system calls it serves with. In two steps, because
 * capabilities belong to a thread and a system call filter is for all of them:
 *   1. attach, open files, make the io_urings (their buffers are pinned memory: CAP_IPC_LOCK);
 *   2. sandbox_drop_privileges, while there is one thread: those to come inherit what is left;
 *   3. start all threads, and what else needs opening (/proc/self/statm);
 *   4. sandbox_enter.
 * What is not allowed kills the process; its successor takes over. sandbox.c has the list. A
 * process in the sandbox ends by _exit(2): exit handlers (of a sanitizer) want more than it may.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* No capabilities, in no set, and never again; no core dumps, no debugger of equal rights. */
bool sandbox_drop_privileges(GError **error);

/*
 * @keep: descriptors that stay open, @n of them, besides 0-2. All else is closed. False where a
 * thread has a capability still.
 */
bool sandbox_enter(const int *keep, size_t n, GError **error);
