/* SPDX-License-Identifier: Apache-2.0 */
/* One look at the host and its guests, with the rates that two looks give. */
#pragma once

#include "cli/info.h"

struct top_sample {
    struct json_object *host_json, *guests_json; /* owned: the strings below are in them */
    struct host_info host;
    struct guest_info *guests;
    size_t count;
    int64_t monotonic; /* microseconds */
    double time;       /* seconds since 1970 */
};

/* Takes the two answers. @before: the sample that rates are taken against, or NULL. */
struct top_sample *top_sample_new(struct json_object *host, struct json_object *guests,
                                  const struct top_sample *before, int64_t monotonic, double time);
void top_sample_free(struct top_sample *sample);

/* Indexes of guests ordered by a column: figures from large to small, text from A to Z. */
struct top_order {
    int column;
    bool reverse;
    const char *filter; /* only guests whose name holds this, whatever the case; NULL: all */
};

/* uint32_t indexes into sample->guests; owned by the caller. */
GArray *top_sample_order(const struct top_sample *sample, const struct top_order *order);
