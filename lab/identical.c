/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each page becomes a number of 64 bits; as many pages as there are numbers that occur again could
 * be saved. Of a million pages two differ and have the same number with a chance of 1 in 30
 * million.
 */
#include "lab/identical.h"

#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/resident.h"

#define PAGE_BYTES UINT64_C(4096)
/* Read in one go. */
#define RUN_PAGES 256
/* Of an entry of /proc/PID/pagemap: the page is in memory, and in which frame. */
#define PRESENT (UINT64_C(1) << 63)
#define FRAME   ((UINT64_C(1) << 55) - 1)
/* Odd, with bits all over: the golden ratio. */
#define MIXER UINT64_C(0x9e3779b97f4a7c15)

struct identical {
    GArray *numbers, *frames; /* uint64_t, an entry of each for each page */
};

struct identical *identical_new(void)
{
    struct identical *all = g_new0(struct identical, 1);

    all->numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    all->frames = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    return all;
}

void identical_free(struct identical *all)
{
    if (!all)
        return;
    g_array_unref(all->numbers);
    g_array_unref(all->frames);
    g_free(all);
}

/* 0: a page of zeros. */
static uint64_t number_of(const uint64_t *page)
{
    uint64_t number = MIXER, bits = 0;

    for (size_t i = 0; i < PAGE_BYTES / sizeof(*page); i++) {
        bits |= page[i];
        number = (number ^ page[i]) * MIXER;
        number ^= number >> 29;
    }
    return bits ? number | 1 : 0;
}

static void add_page(struct identical *all, const uint64_t *page, uint64_t entry)
{
    uint64_t number = number_of(page), frame = entry & FRAME;

    if (number == 0)
        return;
    g_array_append_val(all->numbers, number);
    g_array_append_val(all->frames, frame);
}

/* @pages pages from @address on. */
static void add_run(struct identical *all, int pagemap, int memory, uint64_t address, size_t pages)
{
    static uint64_t content[RUN_PAGES][PAGE_BYTES / sizeof(uint64_t)];
    uint64_t entries[RUN_PAGES];
    off_t at = (off_t)(address / PAGE_BYTES * sizeof(*entries));

    if (pread(pagemap, entries, pages * sizeof(*entries), at) !=
        (ssize_t)(pages * sizeof(*entries)))
        return;
    for (size_t first = 0, n; first < pages; first += n) {
        size_t bytes;

        for (n = 0; first + n < pages && entries[first + n] & PRESENT; n++)
            continue;
        bytes = n * PAGE_BYTES;
        if (n > 0 &&
            pread(memory, content, bytes, (off_t)(address + first * PAGE_BYTES)) == (ssize_t)bytes)
            for (size_t i = 0; i < n; i++)
                add_page(all, content[i], entries[first + i]);
        n = n > 0 ? n : 1; /* past the one that is not there */
    }
}

void identical_add(struct identical *all, pid_t pid, uint64_t size)
{
    g_autofree char *map = g_strdup_printf("/proc/%d/pagemap", (int)pid);
    g_autofree char *mem = g_strdup_printf("/proc/%d/mem", (int)pid);
    autofd pagemap = open(map, O_RDONLY | O_CLOEXEC);
    autofd memory = open(mem, O_RDONLY | O_CLOEXEC);
    uint64_t start = resident_start(pid, size);

    if (pagemap < 0 || memory < 0 || start == 0)
        return;
    for (uint64_t done = 0; done < size; done += RUN_PAGES * PAGE_BYTES)
        add_run(all, pagemap, memory, start + done,
                MIN(RUN_PAGES, (size_t)((size - done) / PAGE_BYTES)));
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Bytes of the entries that are there again. */
static uint64_t bytes_again(GArray *pages)
{
    const uint64_t *page = (const void *)pages->data;
    uint64_t again = 0;

    g_array_sort(pages, compare);
    for (size_t i = 1; i < pages->len; i++)
        again += page[i] == page[i - 1];
    return again * PAGE_BYTES;
}

struct identical_bytes identical_count(struct identical *all)
{
    return (struct identical_bytes){.possible = bytes_again(all->numbers),
                                    .saved = bytes_again(all->frames)};
}
