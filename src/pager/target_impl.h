/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that look at a QEMU process from outside. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define REFUSED ATTACH_ERROR, ATTACH_ERROR_REFUSED

/* Why /proc/PID/@what can't be read, by @err. Returns false. */
bool target_unreadable(pid_t pid, const char *what, int err, GError **error);

typedef bool (*descriptor_fn)(int process, const char *number, void *data, GError **error);

/*
 * Calls @fn for each open descriptor of @pid, with its /proc directory, until it returns false;
 * then, or where there are no rights to look, false.
 */
bool target_each_descriptor(pid_t pid, descriptor_fn fn, void *data, GError **error);
