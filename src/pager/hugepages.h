/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages of shared memory, that can't be given back in parts. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * False, and @error with the cure, where the kernel gives shared memory transparent huge pages, or
 * has given @pid some: a hole punched into one is only zeroed while the kernel can't split it.
 * @sys_root: "" on a real host.
 */
bool hugepages_check(const char *sys_root, pid_t pid, GError **error);
