/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's guests and daemon use of the host beyond their own files, and that it is put back.
 */
#pragma once

#include "lab/hostknobs.h"
#include "scenario/scenario.h"

struct hostuse {
    struct hostknobs *zswap, *ksm; /* as they were; NULL: nobody touches them */
};

/* Before the daemon starts. Waits until nobody else uses the same; false: interrupted. */
bool hostuse_begin(struct hostuse *u, const struct scenario *scenario);

/* Once guests and daemon are gone. @directory: where the swap files are. @killed: the daemon could
 * not put anything back itself. */
void hostuse_end(struct hostuse *u, const char *directory, bool killed);
