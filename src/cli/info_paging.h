/* SPDX-License-Identifier: Apache-2.0 */
/* What guest_info_read() needs of the guest's pager and of the kernel's swap for it. */
#pragma once

#include "cli/info.h"

/* @pager, @swap: the member of the API's guest object, or NULL. */
void pager_info_read(struct pager_info *ret, struct json_object *pager);
void kernel_swap_info_read(struct kernel_swap_info *ret, struct json_object *swap);

/* What is the same of both: of the one that the guest has. */
struct paged_info paged_info_of(const struct pager_info *pager,
                                const struct kernel_swap_info *swap);
