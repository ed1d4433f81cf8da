/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/samples.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256

void samples_init(struct samples *s, uint32_t max)
{
    *s = (struct samples){
        .max = max, .oldest = SAMPLE_NONE, .newest = SAMPLE_NONE, .unused = SAMPLE_NONE};
}

void samples_deinit(struct samples *s)
{
    free(s->slots);
    free(s->buckets);
    samples_init(s, 0);
}

/* Neighbouring pages must not fill neighbouring buckets: a multiplication spreads them. */
static uint32_t home_of(const struct samples *s, uint64_t page)
{
    return (uint32_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (2 * s->capacity - 1);
}

/* The bucket that has the page, or the empty one where it belongs. */
static uint32_t bucket_of(const struct samples *s, uint64_t page)
{
    uint32_t b = home_of(s, page);

    while (s->buckets[b] && s->slots[s->buckets[b] - 1].page != page)
        b = (b + 1) & (2 * s->capacity - 1);
    return b;
}

static bool grow(struct samples *s)
{
    uint32_t capacity = s->capacity ? 2 * s->capacity : CAPACITY_MIN;
    struct sample *slots = calloc(capacity, sizeof(*slots));
    uint32_t *buckets = calloc(2 * (size_t)capacity, sizeof(*buckets));

    if (!slots || !buckets) {
        free(slots);
        free(buckets);
        return false;
    }
    if (s->slots)
        memcpy(slots, s->slots, s->capacity * sizeof(*slots));
    free(s->slots);
    free(s->buckets);
    s->slots = slots;
    s->buckets = buckets;
    for (uint32_t i = s->capacity; i < capacity; i++) {
        s->slots[i].newer = s->unused;
        s->unused = i;
    }
    s->capacity = capacity;
    for (uint32_t i = s->oldest; i != SAMPLE_NONE; i = s->slots[i].newer)
        s->buckets[bucket_of(s, s->slots[i].page)] = i + 1;
    return true;
}

struct sample *samples_add(struct samples *s, uint64_t page)
{
    struct sample *sample;
    uint32_t i;

    if (s->count >= s->max || samples_find(s, page))
        return NULL;
    if (s->count == s->capacity && !grow(s))
        return NULL;
    assert(s->slots);
    i = s->unused;
    sample = &s->slots[i];
    s->unused = sample->newer;
    *sample = (struct sample){.page = page, .older = s->newest, .newer = SAMPLE_NONE};
    if (s->newest == SAMPLE_NONE)
        s->oldest = i;
    else
        s->slots[s->newest].newer = i;
    s->newest = i;
    s->buckets[bucket_of(s, page)] = i + 1;
    s->count++;
    return sample;
}

struct sample *samples_find(const struct samples *s, uint64_t page)
{
    uint32_t b;

    if (s->count == 0)
        return NULL;
    b = s->buckets[bucket_of(s, page)];
    return b ? &s->slots[b - 1] : NULL;
}

struct sample *samples_oldest(const struct samples *s)
{
    return s->oldest == SAMPLE_NONE ? NULL : &s->slots[s->oldest];
}

/* Empties a bucket and moves up what was pushed past it, so that no search ends at the gap. */
static void bucket_empty(struct samples *s, uint32_t gap)
{
    uint32_t mask = 2 * s->capacity - 1, b = gap;

    for (;;) {
        b = (b + 1) & mask;
        if (!s->buckets[b])
            break;
        uint32_t home = home_of(s, s->slots[s->buckets[b] - 1].page);

        if (((b - home) & mask) < ((b - gap) & mask))
            continue; /* it is between its home and the gap's far side: stays */
        s->buckets[gap] = s->buckets[b];
        gap = b;
    }
    s->buckets[gap] = 0;
}

void samples_remove(struct samples *s, struct sample *sample)
{
    uint32_t i = (uint32_t)(sample - s->slots);

    bucket_empty(s, bucket_of(s, sample->page));
    if (sample->older == SAMPLE_NONE)
        s->oldest = sample->newer;
    else
        s->slots[sample->older].newer = sample->newer;
    if (sample->newer == SAMPLE_NONE)
        s->newest = sample->older;
    else
        s->slots[sample->newer].older = sample->older;
    sample->newer = s->unused;
    s->unused = i;
    s->count--;
}
