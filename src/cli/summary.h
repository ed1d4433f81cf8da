/* SPDX-License-Identifier: Apache-2.0 */
/* The host's memory in a few lines, the same in `status` and `top`. */
#pragma once

#include <glib.h>

#include "cli/info.h"

#define SUMMARY_LINES       7
#define SUMMARY_STATE_LINES 2 /* of these, the first: the state, and all states */

/* One of SUMMARY_LINES lines, those that matter most first; clean text, owned by the caller. */
char *summary_line(const struct host_info *host, unsigned line, bool ascii);

/* All of them, each ended by a newline. */
void summary_append(GString *out, const struct host_info *host);
