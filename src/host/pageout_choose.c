/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random blocks, cold ones first, for the reasons that a pager has (pager/victims.c): the guest's
 * own LRU is about to choose what a host-side LRU would. A block is a huge page, of which nothing
 * is left that way: with smaller ones, each would split another huge page and leave the rest of it
 * in small ones. What is left when random places hardly ever have a page is found by a pass over
 * everything from a random block on.
 *
 * Samples must be single pages, or neighbours would be one observation.
 */
#include "host/pageout_choose.h"

#include <stdbool.h>

#define BLOCK_BYTES (PAGEOUT_BLOCK * PAGEOUT_PAGE)

/* Probes for each that should hit, before the search is done otherwise. */
#define PROBES 8

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(struct pageout_choice *c)
{
    uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t pageout_random(struct pageout_choice *c, uint64_t n)
{
    return random_next(c) % n;
}

static uint64_t total(const struct pageout_choice *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->n; i++)
        sum += c->ranges[i].end - c->ranges[i].start;
    return sum;
}

/* The address that is @offset bytes into all ranges together, and the range that it is in; @offset
 * is less than total(). */
static uint64_t address_at(const struct pageout_choice *c, uint64_t offset,
                           const struct ram_range **range)
{
    size_t i = 0;

    while (offset >= c->ranges[i].end - c->ranges[i].start) {
        offset -= c->ranges[i].end - c->ranges[i].start;
        i++;
    }
    *range = &c->ranges[i];
    return c->ranges[i].start + offset;
}

static const struct ram_range *range_of(const struct pageout_choice *c, uint64_t address)
{
    for (size_t i = 0; i < c->n; i++) {
        if (address >= c->ranges[i].start && address < c->ranges[i].end)
            return &c->ranges[i];
    }
    return NULL;
}

/* Adds what can go of the block around @address, inside @range. How many, or -errno. */
static ssize_t take_block(const struct pageout *p, const struct ram_range *range, uint64_t address,
                          uint64_t *pages, size_t max)
{
    uint64_t from = address & ~(BLOCK_BYTES - 1), to = from + BLOCK_BYTES;
    uint64_t entries[PAGEOUT_BLOCK];
    size_t n = 0;
    int r;

    from = from > range->start ? from : range->start;
    to = to < range->end ? to : range->end;
    r = pageout_look(p, from, entries, (to - from) / PAGEOUT_PAGE);
    if (r < 0)
        return r;
    for (size_t i = 0; from + i * PAGEOUT_PAGE < to && n < max; i++) {
        if (pageout_movable(entries[i]))
            pages[n++] = from + i * PAGEOUT_PAGE;
    }
    return (ssize_t)n;
}

/* Blocks that were taken are remembered, for none must be taken twice. */
#define TAKEN_MAX 256

struct taken {
    uint64_t blocks[TAKEN_MAX];
    size_t n;
};

static bool take_note(struct taken *taken, uint64_t address)
{
    uint64_t block = address / BLOCK_BYTES;

    for (size_t i = 0; i < taken->n; i++) {
        if (taken->blocks[i] == block)
            return false;
    }
    if (taken->n == TAKEN_MAX)
        return false;
    taken->blocks[taken->n++] = block;
    return true;
}

void pageout_cold(struct pageout_choice *c, uint64_t page)
{
    if (c->cold_end - c->cold_begin == PAGEOUT_COLD_MAX)
        c->cold_begin++;
    c->cold[c->cold_end++ % PAGEOUT_COLD_MAX] = page;
}

/* Cold blocks, then random ones, until there are enough or too many were empty. */
static ssize_t choose_at_random(const struct pageout *p, struct pageout_choice *c,
                                struct taken *taken, uint64_t *pages, size_t max)
{
    uint64_t bytes = total(c);
    size_t probes = PROBES * (max / PAGEOUT_BLOCK + 1), n = 0;

    while (n < max && taken->n < TAKEN_MAX && (c->cold_begin < c->cold_end || probes > 0)) {
        const struct ram_range *range;
        bool cold = c->cold_begin < c->cold_end;
        uint64_t address;
        ssize_t got;

        if (cold) {
            address = c->cold[c->cold_begin++ % PAGEOUT_COLD_MAX];
            range = range_of(c, address);
        } else {
            address = address_at(c, pageout_random(c, bytes), &range);
            probes--;
        }
        if (!range || !take_note(taken, address))
            continue;
        got = take_block(p, range, address, pages + n, max - n);
        if (got < 0)
            return got;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

/* The offset at which the block begins that @offset is in. */
static uint64_t block_start(const struct pageout_choice *c, uint64_t offset)
{
    const struct ram_range *range;
    uint64_t address = address_at(c, offset, &range), aligned = address & ~(BLOCK_BYTES - 1);

    return offset - (address - (aligned > range->start ? aligned : range->start));
}

/* All of it, from a random block on; for where most is out already. */
static ssize_t choose_by_scan(const struct pageout *p, struct pageout_choice *c, uint64_t *pages,
                              size_t max)
{
    uint64_t bytes = total(c), start = block_start(c, pageout_random(c, bytes)), passed = 0;
    size_t n = 0;

    while (n < max && passed < bytes) {
        const struct ram_range *range;
        uint64_t address = address_at(c, (start + passed) % bytes, &range);
        uint64_t end = (address & ~(BLOCK_BYTES - 1)) + BLOCK_BYTES;
        ssize_t got = take_block(p, range, address, pages + n, max - n);

        if (got < 0)
            return got;
        n += (size_t)got;
        passed += (end < range->end ? end : range->end) - address;
    }
    return (ssize_t)n;
}

ssize_t pageout_choose(const struct pageout *p, struct pageout_choice *c, uint64_t *pages,
                       size_t max)
{
    struct taken taken = {.n = 0};
    ssize_t n;

    if (total(c) == 0 || max == 0)
        return 0;
    n = choose_at_random(p, c, &taken, pages, max);
    if (n < 0 || (size_t)n >= max / 4)
        return n;
    return choose_by_scan(p, c, pages, max);
}

ssize_t pageout_choose_single(const struct pageout *p, struct pageout_choice *c, uint64_t *pages,
                              size_t max)
{
    uint64_t all = total(c) / PAGEOUT_PAGE;
    size_t n = 0;

    for (size_t probes = PROBES * max; n < max && probes > 0 && all > 0; probes--) {
        const struct ram_range *range;
        uint64_t page = address_at(c, pageout_random(c, all) * PAGEOUT_PAGE, &range);
        uint64_t entry;
        int r = pageout_look(p, page, &entry, 1);
        bool again = false;

        if (r < 0)
            return r;
        for (size_t i = 0; i < n; i++)
            again = again || pages[i] == page;
        if (!again && pageout_movable(entry))
            pages[n++] = page;
    }
    return (ssize_t)n;
}
