/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pager may do once it has what it needs: no capability, no new privileges, no other file
 * than the ones it has open, and the system calls it serves with. Called when all threads run.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* @keep: descriptors that stay open, @n of them, besides 0-2. All else is closed. */
bool sandbox_enter(const int *keep, size_t n, GError **error);
