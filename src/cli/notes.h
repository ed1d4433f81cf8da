/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator should know of some guests, said once for all that it is true of: for `status`.
 */
#pragma once

#include "cli/info.h"

/* Rule of thumb: so much swap a guest should have of its own. */
#define GUEST_SWAP_RULE      0.65
#define GUEST_SWAP_RULE_TEXT "65 %"

uint64_t guest_swap_rule(uint64_t size);

#define NOTES_NAMES_MAX 12 /* names in one note; of the others it says how many they are */

/* One line per note that is true of any of the guests, each ended by a newline. */
void notes_append(GString *out, const struct guest_info *guests, size_t count);
