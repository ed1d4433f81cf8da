/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and words as people write them, whatever the locale. False on anything else, and @ret is
 * unchanged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "0.25", "1e3": from @least to @most. No NaN is. */
bool number_parse(const char *text, double least, double most, double *ret);

/* As duration_parse(), but in seconds. */
bool seconds_parse(const char *text, double *ret);

/* "yes", "no" */
bool yes_no_parse(const char *text, bool *ret);

/* One of @words, which NULL ends: its index. */
bool word_parse(const char *text, const char *const *words, int *ret);
