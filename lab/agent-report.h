/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a line of the guest program. It comes from a guest: nothing in it is taken on trust. */
#pragma once

#include <stddef.h>

#include "lab/agent.h"

enum report_line {
    REPORT_LINE_HELLO,
    REPORT_LINE_REPORT,
    REPORT_LINE_INVALID,
};

/* @ret and @ret_orders (lines that the program has received) are set where it is a report; @ret
 * without `received`. */
enum report_line report_parse(const char *line, size_t len, struct agent_report *ret,
                              uint64_t *ret_orders);
