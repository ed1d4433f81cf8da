/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an explanation (explain.c) that have a file of their own. */
#pragma once

#include <json-c/json.h>

#include "cli/info.h"
#include "cli/sentences.h"

/* Of a guest that has a pager: pager.standing is known. */
void explain_pager(struct sentences *s, const struct pager_info *pager);

/* Of one for which the kernel swaps: kernel_swap.standing is known. */
void explain_kernel_swap(struct sentences *s, const struct kernel_swap_info *swap);

/* The time that it lost waiting for memory. */
void explain_lost(struct sentences *s, const struct guest_info *guest);

/* Sharing, blocking, the guest's own swap, and how it came here. */
void explain_sharing(struct sentences *s, const struct guest_info *guest,
                     const struct host_info *host);
void explain_blocking(struct sentences *s, const struct guest_info *guest);
void explain_guest_swap(struct sentences *s, const struct guest_info *guest);
void explain_admission(struct sentences *s, const struct guest_info *guest);

/* The answer of /v1/decisions; NULL: it could not be had. */
void explain_decisions(struct sentences *s, struct json_object *decisions);
