/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Its rule for one guest, in KiB. False: nothing is set. */
bool balloond_target(uint64_t cur, uint64_t max, uint64_t available, uint64_t *ret_target);
