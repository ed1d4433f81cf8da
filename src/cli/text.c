/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of guests, messages of the daemon and everything a guest's process says come from people
 * one has no reason to trust with one's terminal. text_clean() is the one gate; what it lets pass
 * has no character that moves the cursor, changes a colour or turns the direction of reading.
 */
#include "cli/text.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/size.h"

static bool is_harmless(gunichar c, bool ascii)
{
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    if (ascii)
        return false;
    switch ((int)g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_UNASSIGNED:
        return false;
    default:
        return true;
    }
}

char *text_clean(const char *text, bool ascii)
{
    GString *out = g_string_new(NULL);

    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_printf(out, "\\x%02x", (unsigned char)*text++);
            continue;
        }
        if (is_harmless(c, ascii))
            g_string_append_unichar(out, c);
        else if (c < 0x80)
            g_string_append_printf(out, "\\x%02x", c);
        else
            g_string_append_printf(out, "\\u{%04x}", c);
        text = text_next(text);
    }
    return g_string_free(out, FALSE);
}

static size_t char_width(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    return g_unichar_iswide(c) ? 2 : 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text; text = text_next(text))
        width += char_width(g_utf8_get_char(text));
    return width;
}

size_t text_prefix(const char *text, size_t width)
{
    const char *at = text;

    while (*at) {
        size_t next = char_width(g_utf8_get_char(at));

        if (next > width)
            break;
        width -= next;
        at = text_next(at);
    }
    return (size_t)(at - text);
}

char *text_fit(const char *text, size_t width, bool right, const char *ellipsis)
{
    GString *out = g_string_new(NULL);

    if (text_width(text) <= width) {
        g_string_append(out, text);
    } else if (width > 0) {
        g_string_append_len(out, text, (gssize)text_prefix(text, width - 1));
        g_string_append(out, ellipsis);
    }
    /* A wide character that did not fit leaves room too. */
    for (size_t used = text_width(out->str); used < width; used++)
        g_string_insert_c(out, right ? 0 : -1, ' ');
    return g_string_free(out, FALSE);
}

static const char *unknown(char buf[static TEXT_FIGURE_MAX])
{
    g_strlcpy(buf, "-", TEXT_FIGURE_MAX);
    return buf;
}

const char *text_size(uint64_t bytes, char buf[static TEXT_FIGURE_MAX])
{
    if (bytes == UNKNOWN_U64)
        return unknown(buf);
    return size_format(bytes, buf);
}

const char *text_size_rate(double bytes, char buf[static TEXT_FIGURE_MAX])
{
    char *at = buf;

    if (isnan(bytes))
        return unknown(buf);
    if (bytes <= -1)
        *at++ = '-';
    /* Beyond 2^63 a figure says only "absurd"; this keeps the conversion defined. */
    size_format((uint64_t)fmin(fabs(bytes), 9e18), at);
    return buf;
}

const char *text_number(double value, char buf[static TEXT_FIGURE_MAX])
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    double size = fabs(value);

    if (isnan(value))
        return unknown(buf);
    for (; size >= 9999.5 && unit < sizeof(units) - 2; unit++)
        size /= 1000;
    if (size >= 9999.5) /* no counter of a machine: infinity, or garbage */
        g_snprintf(buf, TEXT_FIGURE_MAX, "%.0e", value);
    else if (unit > 0)
        g_snprintf(buf, TEXT_FIGURE_MAX, "%s%.0f%c", value < 0 ? "-" : "", size, units[unit]);
    else if (size == floor(size) || size >= 100)
        g_snprintf(buf, TEXT_FIGURE_MAX, "%.0f", value);
    else
        g_snprintf(buf, TEXT_FIGURE_MAX, size >= 10 ? "%.1f" : "%.2f", value);
    return buf;
}

const char *text_age(double seconds, char buf[static TEXT_FIGURE_MAX])
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};

    if (isnan(seconds))
        return unknown(buf);
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (seconds >= 2 * units[i].seconds) {
            g_snprintf(buf, TEXT_FIGURE_MAX, "%.0f %s",
                       fmin(floor(seconds / units[i].seconds), 1e9), units[i].unit);
            return buf;
        }
    }
    g_snprintf(buf, TEXT_FIGURE_MAX, seconds != 0 && seconds < 10 ? "%.1f s" : "%.0f s", seconds);
    return buf;
}

const char *text_latency(double seconds, char buf[static TEXT_FIGURE_MAX])
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}};
    size_t unit = 0;
    double value;

    if (isnan(seconds))
        return unknown(buf);
    /* What would be shown as 1000 of a unit is 1 of the next larger. */
    while (unit + 1 < G_N_ELEMENTS(units) && seconds < 0.9995 * units[unit].seconds)
        unit++;
    value = fmin(fmax(seconds / units[unit].seconds, 0), 1e9);
    g_snprintf(buf, TEXT_FIGURE_MAX, value < 9.95 && value != floor(value) ? "%.1f%s" : "%.0f%s",
               value, units[unit].unit);
    return buf;
}

const char *text_time(double seconds, char buf[static TEXT_FIGURE_MAX])
{
    struct tm tm;
    time_t t;

    if (!(seconds >= 0 && seconds < 1e11))
        return unknown(buf);
    t = (time_t)seconds;
    if (!localtime_r(&t, &tm) || strftime(buf, TEXT_FIGURE_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        return unknown(buf);
    return buf;
}

const char *text_part(double part, char buf[static TEXT_FIGURE_MAX])
{
    double percent = fmin(fmax(100 * part, 0), 1e6);

    if (isnan(part))
        return unknown(buf);
    /* A little is not nothing. */
    if (percent > 0 && percent < 0.1)
        g_strlcpy(buf, "<0.1%", TEXT_FIGURE_MAX);
    else
        g_snprintf(buf, TEXT_FIGURE_MAX, percent > 0 && percent < 9.95 ? "%.1f%%" : "%.0f%%",
                   percent);
    return buf;
}

const char *text_or_dash(const char *text)
{
    return text ? text : "-";
}
