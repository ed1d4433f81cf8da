/* SPDX-License-Identifier: Apache-2.0 */
/* Getting hold of a guest: its files, its memory, its userfaultfd; new, or from a pager before us.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "pager/attach.h"
#include "pager/engine.h"
#include "pager/files.h"
#include "pager/options.h"

/* The code is an enum pager_exit. Errors are of this domain or of ATTACH_ERROR. */
#define HOLD_ERROR (hold_error_quark())
GQuark hold_error_quark(void);

struct hold {
    const struct options *options;
    struct engine *engine; /* its map, descriptors and stores are opened here */
    struct pager_files files;
    struct target target;
    bool again;          /* taken over */
    bool made, attached; /* by us, so ours to undo: the files; the userfaultfd in QEMU */
};

/* False: what was got so far is still open. */
bool hold_take(struct hold *h, GError **error);

/* Lets a guest go that was just attached (it has all its pages), and removes the files that were
 * made. One that was taken over is left to the next pager. */
void hold_undo(struct hold *h);
