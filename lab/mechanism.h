/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms of reclamation as who looks from outside tells them apart: the policy's swapping is
 * two, by whether it costs I/O. */
#pragma once

#include <stddef.h>

enum lab_mechanism {
    LAB_BALLOON,  /* bytes by which balloons grew */
    LAB_SHARE,    /* bytes merged */
    LAB_COMPRESS, /* bytes that pagers put out without I/O: zero and compressed pages */
    LAB_SWAP,     /* bytes put out to disk, by pagers and by the kernel */
    LAB_BLOCK,    /* seconds that guests were held */
    LAB_MECHANISM_MAX,
};

const char *lab_mechanism_name(enum lab_mechanism m);

/* Of the first @len bytes of @name; LAB_MECHANISM_MAX: there is none. */
enum lab_mechanism lab_mechanism_parse(const char *name, size_t len);
