/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text with a label before them, for `explain`: one subject per label, one or more lines.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/text.h"

struct sentences {
    GPtrArray *lines; /* char *, clean */
    bool ascii;
};

/* "LABEL       TEXT"; @label "": a further line about the same. */
void tell(struct sentences *s, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "; one more clause" where it holds. */
const char *also(bool holds, const char *clause);

/* Is it this word? False for NULL. */
bool is_word(const char *text, const char *word);

/* The sentence that belongs to a word of the API; the word itself, or "-", where it is a new one.
 */
struct meaning {
    const char *word, *sentence;
};
const char *meaning_of(const char *word, const struct meaning *meanings, size_t count);

/* A buffer for each figure of one sentence: up to eight of them. */
struct figures {
    char buf[8][TEXT_FIGURE_MAX];
    unsigned used;
};

const char *f_size(struct figures *f, uint64_t bytes);
const char *f_rate(struct figures *f, double bytes);
const char *f_number(struct figures *f, double value);
const char *f_age(struct figures *f, double seconds);
const char *f_part(struct figures *f, double part);
const char *f_count(struct figures *f, uint64_t value);
