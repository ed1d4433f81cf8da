/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, durations and numbers as people write them in the configuration and on the command line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "1536", "512M", "1.5G", "2 GiB": bytes; K, M, G, T (either case) are binary, and "B" or "iB" may
 * follow. False on anything else (sign, overflow, trailing text), and @ret is unchanged.
 */
bool size_parse(const char *text, uint64_t *ret);

/* "500ms", "2s", "5min", "1h", "7d"; a bare number is seconds. Microseconds; errors as size_parse.
 */
bool duration_parse(const char *text, uint64_t *ret_usec);

#define SIZE_TEXT_MAX 24

/* "512M", "1.5G", "17K", "0": at most four characters and the unit (beyond 9999T more). Returns
 * @buf. */
const char *size_format(uint64_t bytes, char buf[static SIZE_TEXT_MAX]);
