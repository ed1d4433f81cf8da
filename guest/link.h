/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to and from the lab, never waiting for it: a line that does not fit now is dropped, and a
 * line that is too long is skipped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guest/order.h"

#define LINK_OUT_MAX 2048 /* longest line to the lab */

struct link {
    int fd;
    bool socket;                  /* no virtio port: its end is the end */
    bool skipping;                /* in a line that is too long */
    size_t in_length, out_length; /* bytes held; of @out, those not yet written */
    char in[ORDER_LINE_MAX], out[LINK_OUT_MAX];
};

/* @path: a virtio port, or a UNIX socket to connect to (on a host). -errno, or 0. */
int link_open(struct link *link, const char *path);
void link_close(struct link *link);

/* Called for each line, without its end; @line is NULL for one that was too long. */
typedef void (*link_line_fn)(void *data, const char *line, size_t len);

/* Reads once what is there. False where the other end is gone: for good (socket), or for now
 * (port). */
bool link_read(struct link *link, link_line_fn take, void *data);

/* False where the line was dropped: nobody there, or the one before is still on its way. */
bool link_write(struct link *link, const char *line, size_t len);
