/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a fleet description. */
#pragma once

#include "scenario/keytable.h"

extern const struct key_spec FLEET_HOST_KEYS[], FLEET_KIND_KEYS[];
extern const size_t FLEET_HOST_KEYS_N, FLEET_KIND_KEYS_N;
