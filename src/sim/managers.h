/* SPDX-License-Identifier: Apache-2.0 */
/* Managers by name. Programs that know more of them (bench/policies) have a list of their own. */
#pragma once

#include "sim/manager.h"

/* Those that are always there; NULL at the end. */
extern const struct manager_ops *const MANAGERS[];

/* NULL: none in @list is called so. */
const struct manager_ops *manager_find(const struct manager_ops *const *list, const char *name);

/* "aerostat, none", for messages; owned by the caller. */
char *manager_names(const struct manager_ops *const *list);
