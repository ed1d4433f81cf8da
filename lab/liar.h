/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands between the daemon and a guest's QMP socket and falsifies what a real driver would not:
 * the guest's statistics, and obedience to the balloon's target. All else passes as it is.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "scenario/scenario.h"

struct liar;

/* One message of QMP is never longer than this here. */
#define LIAR_MESSAGE_MAX (1u << 20)

/* Binds @path, where the daemon looks; QEMU's own socket is (or will be) at @qemu_path. */
struct liar *liar_new(const char *path, const char *qemu_path, enum guest_lie lie, bool ignores,
                      GError **error);

/* Closes everything and removes @path. */
void liar_free(struct liar *liar);

/*
 * The bound socket. Whoever calls listen() on it is who the daemon takes for the guest's process,
 * by the peer's credentials: QEMU's process does so before it becomes QEMU (struct lab_vm_config).
 */
int liar_socket(const struct liar *liar);

/* From now on the daemon is served; after listen(). */
void liar_begin(struct liar *liar);
