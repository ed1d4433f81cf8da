/* SPDX-License-Identifier: Apache-2.0 */
/* What is going on, for who watches: one block that is redrawn on a terminal, else lines now and
 * then. */
#pragma once

#include "scenario/record.h"

struct livetable {
    bool terminal;
    unsigned lines; /* of the block as it was last drawn */
    double printed; /* not on a terminal: the clock when a line was last printed */
};

/* Seconds between two lines where the output is no terminal. */
#define LIVETABLE_LINE_SECONDS 5.0

void livetable_init(struct livetable *t);

/* The newest sample of the record. */
void livetable_show(struct livetable *t, const struct record *r);

/* A line of text that stays. */
void livetable_say(struct livetable *t, double clock, const char *text);
