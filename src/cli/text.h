/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal: made harmless, measured in columns, cut and padded; and figures as people
 * read them, with "-" for what is not known.
 */
#pragma once

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* g_utf8_next_char() that keeps the const. */
static inline const char *text_next(const char *at)
{
    return at + g_utf8_skip[(unsigned char)*at];
}

/*
 * Valid UTF-8 in one line that no terminal takes for more than text: control characters (C0, C1,
 * DEL), formatting characters (right-to-left overrides) and bytes that are no UTF-8 become \xNN or
 * \u{NNNN}.
 * @ascii: so does everything else that is not ASCII. Owned by the caller.
 */
char *text_clean(const char *text, bool ascii);

/* Columns of clean text on a terminal: wide characters take two, combining ones none. */
size_t text_width(const char *text);

/* Bytes of the longest beginning of clean text that fits in @width columns. */
size_t text_prefix(const char *text, size_t width);

/*
 * Clean text in exactly @width columns, padded on its right or, if @right, on its left. What does
 * not fit is cut and ends in @ellipsis (one column, or ""). Owned by the caller.
 */
char *text_fit(const char *text, size_t width, bool right, const char *ellipsis);

#define ELLIPSIS "\342\200\246" /* U+2026 */

/* What a figure is that the daemon did not give: null in the API, "-" on a screen. */
#define UNKNOWN_U64    UINT64_MAX
#define UNKNOWN_DOUBLE ((double)NAN)

#define TEXT_FIGURE_MAX 32

/* "512M". Each of these returns @buf. */
const char *text_size(uint64_t bytes, char buf[static TEXT_FIGURE_MAX]);
/* Bytes per second: "1.5M"; less than one is "0". Negative ones keep their sign. */
const char *text_size_rate(double bytes, char buf[static TEXT_FIGURE_MAX]);
/* At most four significant characters: "0", "0.25", "12.5", "1234", "12k". */
const char *text_number(double value, char buf[static TEXT_FIGURE_MAX]);
/* "0 s", "1.5 s", "12 min", "3 h", "5 d". */
const char *text_age(double seconds, char buf[static TEXT_FIGURE_MAX]);
/* Short times, seconds: "45us", "1.2ms", "3.4s". */
const char *text_latency(double seconds, char buf[static TEXT_FIGURE_MAX]);
/* Seconds since 1970 as local time: "2026-11-21 18:02:11". */
const char *text_time(double seconds, char buf[static TEXT_FIGURE_MAX]);

/* A part of something, 1 is all of it: "0%", "2.5%", "37%". */
const char *text_part(double part, char buf[static TEXT_FIGURE_MAX]);

/* What is named as it is; "-" for NULL. */
const char *text_or_dash(const char *text);
