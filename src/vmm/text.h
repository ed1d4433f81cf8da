/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside that people will read. */
#pragma once

#include <glib.h>

/* A copy of the UTF-8 string @text, cut after @max characters, without control characters. */
char *text_tidy(const char *text, glong max);
