/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bit per slot, and a bit per word of those that says that the word is full, so that a search
 * passes 4096 taken slots at a glance. The search goes on from where the last run ended and begins
 * anew at the end of the file.
 */
#include "pager/slots.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define WORD_BITS 64

/* Free runs that are looked at for one that is long enough, before the longest one is taken. */
#define RUNS_MAX 16

struct slots {
    pthread_mutex_t mutex;
    uint64_t count, used;
    uint64_t cursor; /* where the last run ended */
    uint64_t *taken; /* a bit per slot; those beyond count are set */
    uint64_t *full;  /* a bit per word of taken; those beyond it are set */
};

static uint64_t words_for(uint64_t bits)
{
    return (bits + WORD_BITS - 1) / WORD_BITS;
}

/* A bitmap of @bits zeros; what its last word has beyond them is set. */
static uint64_t *bitmap_new(uint64_t bits)
{
    uint64_t words = words_for(bits);
    uint64_t *map = calloc(words + 1, sizeof(*map));

    if (map && bits % WORD_BITS != 0)
        map[words - 1] = ~UINT64_C(0) << bits % WORD_BITS;
    return map;
}

/* The first bit of @map at or after @from that is @wanted; @bits if there is none. */
static uint64_t bitmap_find(const uint64_t *map, uint64_t bits, uint64_t from, bool wanted)
{
    uint64_t flip = wanted ? 0 : ~UINT64_C(0);
    uint64_t word = from / WORD_BITS;
    uint64_t found;

    if (from >= bits)
        return bits;
    found = (map[word] ^ flip) & ~UINT64_C(0) << from % WORD_BITS;
    while (found == 0) {
        if (++word >= words_for(bits))
            return bits;
        found = map[word] ^ flip;
    }
    word = word * WORD_BITS + (uint64_t)__builtin_ctzll(found);
    return word < bits ? word : bits;
}

struct slots *slots_new(uint64_t count)
{
    struct slots *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->count = count;
    s->taken = bitmap_new(count);
    s->full = bitmap_new(words_for(count));
    if (!s->taken || !s->full || pthread_mutex_init(&s->mutex, NULL) != 0) {
        free(s->taken);
        free(s->full);
        free(s);
        return NULL;
    }
    return s;
}

void slots_free(struct slots *s)
{
    if (!s)
        return;
    (void)pthread_mutex_destroy(&s->mutex);
    free(s->taken);
    free(s->full);
    free(s);
}

/* Sets or clears @n bits from @first on, which are the opposite, and keeps the summary. */
static void change(struct slots *s, uint64_t first, uint64_t n, bool take)
{
    while (n > 0) {
        uint64_t word = first / WORD_BITS, bit = first % WORD_BITS;
        uint64_t here = n < WORD_BITS - bit ? n : WORD_BITS - bit;
        uint64_t mask = (~UINT64_C(0) >> (WORD_BITS - here)) << bit;
        uint64_t summary = UINT64_C(1) << word % WORD_BITS;

        assert((s->taken[word] & mask) == (take ? 0 : mask));
        s->taken[word] ^= mask;
        if (s->taken[word] == ~UINT64_C(0))
            s->full[word / WORD_BITS] |= summary;
        else
            s->full[word / WORD_BITS] &= ~summary;
        s->used += take ? here : -here;
        first += here;
        n -= here;
    }
}

/* The first free slot at or after @from; count if there is none. */
static uint64_t next_free(const struct slots *s, uint64_t from)
{
    uint64_t word = from / WORD_BITS;

    if (from < s->count && (~s->taken[word] & ~UINT64_C(0) << from % WORD_BITS) == 0) {
        word = bitmap_find(s->full, words_for(s->count), word + 1, false);
        from = word * WORD_BITS;
    }
    return bitmap_find(s->taken, s->count, from, false);
}

/* The number of free slots from @first on, up to @max. */
static uint64_t run_length(const struct slots *s, uint64_t first, uint64_t max)
{
    uint64_t limit = max < s->count - first ? first + max : s->count;

    return bitmap_find(s->taken, limit, first, true) - first;
}

/* The longest of the next few free runs, or the first one of @wanted. @from: not 0 but the end. */
static uint64_t best_run(const struct slots *s, uint64_t wanted, uint64_t *first)
{
    uint64_t best = 0, from = s->cursor;

    for (unsigned i = 0; i < RUNS_MAX && best < wanted; i++) {
        uint64_t start = next_free(s, from), length;

        if (start == s->count)
            start = next_free(s, 0);
        length = run_length(s, start, wanted);
        if (length > best) {
            best = length;
            *first = start;
        }
        from = start + length;
    }
    return best;
}

bool slots_mark(struct slots *s, uint64_t slot)
{
    bool marked = false;

    (void)pthread_mutex_lock(&s->mutex);
    if (slot < s->count && !(s->taken[slot / WORD_BITS] >> slot % WORD_BITS & 1)) {
        change(s, slot, 1, true);
        marked = true;
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return marked;
}

uint64_t slots_take(struct slots *s, uint64_t wanted, uint64_t *first)
{
    uint64_t n = 0;

    (void)pthread_mutex_lock(&s->mutex);
    if (s->used < s->count && wanted > 0) {
        n = best_run(s, wanted, first);
        change(s, *first, n, true);
        s->cursor = *first + n;
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return n;
}

void slots_give(struct slots *s, uint64_t first, uint64_t n)
{
    assert(first <= s->count && n <= s->count - first);
    (void)pthread_mutex_lock(&s->mutex);
    change(s, first, n, false);
    (void)pthread_mutex_unlock(&s->mutex);
}

uint64_t slots_used(struct slots *s)
{
    uint64_t used;

    (void)pthread_mutex_lock(&s->mutex);
    used = s->used;
    (void)pthread_mutex_unlock(&s->mutex);
    return used;
}
