/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's pager in sentences, for `explain`. */
#pragma once

#include "cli/info.h"

/* Takes one line; @label stands before it, "" for a further line of the same. */
typedef void (*explain_fn)(void *data, const char *label, const char *text);

void explain_pager(const struct guest_info *guest, explain_fn add, void *data);
