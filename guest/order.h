/* SPDX-License-Identifier: Apache-2.0 */
/* An order of the lab, as PROTOCOL.md has it, checked in all its parts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guest/content.h"

#define ORDER_LINE_MAX    4096
#define ORDER_REPORT_MIN  50    /* ms */
#define ORDER_REPORT_MAX  60000 /* ms */
#define ORDER_THREADS_MAX 16
#define ORDER_COMMAND_MAX                                                                          \
    1024 /* bytes with the last '\0'; an order is written to a pipe in one piece */

enum order_verb {
    ORDER_FILL,
    ORDER_TOUCH,
    ORDER_STREAM,
    ORDER_RUN,
    ORDER_VERIFY,
    ORDER_FREE,
    ORDER_DROP_CACHES,
    ORDER_IDLE,
    ORDER_REPORT, /* changes report_ms; the only one that replaces nothing */
};

struct order {
    uint64_t number; /* counted by the reporter, from 1 */
    enum order_verb verb;
    uint64_t bytes;
    struct content content;
    double rate; /* bytes/s of fill, touches/s of touch; 0: as fast as it goes */
    double skew;
    double writes;
    bool repeat;
    unsigned threads;
    unsigned report_ms;
    char command[ORDER_COMMAND_MAX]; /* run */
};

/* NULL and @ret, or what is wrong with the line (static). */
const char *order_parse(const char *line, size_t len, struct order *ret);
