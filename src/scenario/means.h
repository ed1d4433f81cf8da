/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms of reclamation as who looks from outside tells them apart: the policy's swapping is
 * two, by whether it costs I/O. */
#pragma once

#include <stddef.h>

enum means {
    MEANS_BALLOON,  /* bytes by which balloons grew */
    MEANS_SHARE,    /* bytes merged */
    MEANS_COMPRESS, /* bytes that pagers put out without I/O: zero and compressed pages */
    MEANS_SWAP,     /* bytes put out to disk, by pagers and by the kernel */
    MEANS_BLOCK,    /* seconds that guests were held */
    MEANS_MAX,
};

const char *means_name(enum means m);

/* Of the first @len bytes of @name; MEANS_MAX: there is none. */
enum means means_parse(const char *name, size_t len);
