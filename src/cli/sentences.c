/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sentences.h"

#include <inttypes.h>
#include <string.h>

#define LABEL_WIDTH 12

void tell(struct sentences *s, const char *label, const char *format, ...)
{
    g_autofree char *text = NULL, *line = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    line = g_strdup_printf("%-*s%s", LABEL_WIDTH, label, text);
    g_ptr_array_add(s->lines, text_clean(line, s->ascii));
}

const char *also(bool holds, const char *clause)
{
    return holds ? clause : "";
}

bool is_word(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

const char *meaning_of(const char *word, const struct meaning *meanings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_word(word, meanings[i].word))
            return meanings[i].sentence;
    }
    return text_or_dash(word);
}

static char *next(struct figures *f)
{
    return f->buf[f->used++ % G_N_ELEMENTS(f->buf)];
}

const char *f_size(struct figures *f, uint64_t bytes)
{
    return text_size(bytes, next(f));
}

const char *f_rate(struct figures *f, double bytes)
{
    return text_size_rate(bytes, next(f));
}

const char *f_number(struct figures *f, double value)
{
    return text_number(value, next(f));
}

const char *f_age(struct figures *f, double seconds)
{
    return text_age(seconds, next(f));
}

const char *f_part(struct figures *f, double part)
{
    char *buf = next(f);
    size_t len = strlen(text_part(part, buf));

    /* In a sentence with a blank: "2.5 %". */
    if (buf[len - 1] == '%')
        g_strlcpy(buf + len - 1, " %", TEXT_FIGURE_MAX - len + 1);
    return buf;
}

const char *f_count(struct figures *f, uint64_t value)
{
    char *buf = next(f);

    g_strlcpy(buf, "-", TEXT_FIGURE_MAX);
    if (value != UNKNOWN_U64)
        g_snprintf(buf, TEXT_FIGURE_MAX, "%" PRIu64, value);
    return buf;
}
