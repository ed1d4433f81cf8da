/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a request to the daemon's rings of events and decisions. */
#pragma once

#include <stdint.h>

/* @ring "/v1/events" or "/v1/decisions"; @guest NULL: of all. Owned by the caller. */
char *ring_path(const char *ring, uint64_t since, const char *guest);
