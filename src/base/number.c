/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <glib.h>
#include <string.h>

#include "base/size.h"

bool number_parse(const char *text, double least, double most, double *ret)
{
    char *end;
    double value = g_ascii_strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least && value <= most))
        return false;
    *ret = value;
    return true;
}

bool seconds_parse(const char *text, double *ret)
{
    uint64_t usec;

    if (!duration_parse(text, &usec))
        return false;
    *ret = (double)usec / 1e6;
    return true;
}

bool yes_no_parse(const char *text, bool *ret)
{
    static const char *const words[] = {"no", "yes", NULL};
    int word;

    if (!word_parse(text, words, &word))
        return false;
    *ret = word == 1;
    return true;
}

bool word_parse(const char *text, const char *const *words, int *ret)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret = i;
            return true;
        }
    return false;
}
