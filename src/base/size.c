/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers with a unit, in integer arithmetic: a double would lose bytes above 2^53, and strtod
 * reads signs, hexadecimal, "inf" and the locale's decimal comma.
 */
#include "base/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 10^6 times the largest unit (T, or an hour in microseconds) still fits into 64 bits. */
#define FRACTION_DIGITS_MAX 6

struct decimal {
    uint64_t whole;
    uint64_t fraction; /* of scale */
    uint64_t scale;    /* 10^digits after the point; 1: there was no point */
};

struct unit {
    const char *name;
    uint64_t value;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns what follows the number, or NULL where there is none. */
static const char *decimal_parse(const char *text, struct decimal *ret)
{
    struct decimal d = {.scale = 1};
    unsigned digits = 0;

    if (!is_digit(*text))
        return NULL;
    for (; is_digit(*text); text++) {
        if (__builtin_mul_overflow(d.whole, 10u, &d.whole) ||
            __builtin_add_overflow(d.whole, (uint64_t)(*text - '0'), &d.whole))
            return NULL;
    }
    if (*text != '.') {
        *ret = d;
        return text;
    }
    for (text++; is_digit(*text); text++) {
        if (++digits > FRACTION_DIGITS_MAX)
            return NULL;
        d.fraction = d.fraction * 10 + (uint64_t)(*text - '0');
        d.scale *= 10;
    }
    if (!digits)
        return NULL;
    *ret = d;
    return text;
}

static bool decimal_scale(const struct decimal *d, uint64_t unit, uint64_t *ret)
{
    uint64_t value;

    if (__builtin_mul_overflow(d->whole, unit, &value) ||
        __builtin_add_overflow(value, d->fraction * unit / d->scale, &value))
        return false;
    *ret = value;
    return true;
}

/* 0: no such unit. */
static uint64_t size_unit(const char *text)
{
    static const char letters[] = "KMGT";
    const char *letter;

    if (!*text || !strcmp(text, "B"))
        return 1;
    letter = strchr(letters, *text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
    if (!letter || (text[1] && strcmp(text + 1, "B") != 0 && strcmp(text + 1, "iB") != 0))
        return 0;
    return UINT64_C(1) << (10 * (letter - letters + 1));
}

bool size_parse(const char *text, uint64_t *ret)
{
    struct decimal d;
    uint64_t unit;

    text = decimal_parse(text, &d);
    if (!text)
        return false;
    if (*text == ' ' && text[1])
        text++;
    unit = size_unit(text);
    if (!unit || (unit == 1 && d.scale != 1)) /* there is no half byte */
        return false;
    return decimal_scale(&d, unit, ret);
}

bool duration_parse(const char *text, uint64_t *ret_usec)
{
    static const struct unit units[] = {
        {"", 1000000},     {"ms", 1000},      {"s", 1000000},
        {"min", 60000000}, {"h", 3600000000}, {"d", 86400000000},
    };
    struct decimal d;

    text = decimal_parse(text, &d);
    if (!text)
        return false;
    if (*text == ' ' && text[1])
        text++;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!strcmp(text, units[i].name))
            return decimal_scale(&d, units[i].value, ret_usec);
    }
    return false;
}

const char *size_format(uint64_t bytes, char buf[static SIZE_TEXT_MAX])
{
    static const char letters[] = "KMGT";
    unsigned shift = 10;
    uint64_t tenths;

    if (bytes < 1024) {
        (void)snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64, bytes);
        return buf;
    }
    for (;;) { /* rounding can carry a value into the next unit: 1023.97M is 1G */
        uint64_t unit = UINT64_C(1) << shift, rest = bytes % unit;

        tenths = bytes / unit * 10 + (rest * 10 + unit / 2) / unit;
        if (tenths < 10240 - 5 || shift == 40)
            break;
        shift += 10;
    }
    if (tenths < 1000 && tenths % 10)
        (void)snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 ".%u%c", tenths / 10, (unsigned)(tenths % 10),
                       letters[shift / 10 - 1]);
    else
        (void)snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 "%c", (tenths + 5) / 10,
                       letters[shift / 10 - 1]);
    return buf;
}
