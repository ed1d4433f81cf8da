/* SPDX-License-Identifier: Apache-2.0 */
/* Owned descriptors and json-c objects that are let go at the end of their scope. */
#pragma once

#include <json-c/json.h>
#include <unistd.h>

/* Closes *fd if it is one and sets it to -1; a close error on our descriptors loses nothing. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Hands the descriptor over to the caller and forgets it. */
static inline int fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

static inline void json_put_ref(struct json_object **obj)
{
    if (*obj)
        json_object_put(*obj);
    *obj = NULL;
}

#define autofd   __attribute__((cleanup(fd_close))) int
#define autojson __attribute__((cleanup(json_put_ref))) struct json_object *
