/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's kernel says of memory that belongs to no single guest: the lab's own look. */
#pragma once

#include "scenario/seen.h"

/* @directory: where the run's swap files are. Where there are others too, the run's part of the
 * swap cache is its part of what is used. */
void hostmem_look(const char *directory, struct hostmem *ret);
