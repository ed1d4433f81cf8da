/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both areas are reserved in one piece and populated by writing to them, so that growing never
 * moves anything and giving back is one madvise. MAP_NORESERVE: the guest may be far smaller.
 */
#include "guest/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Wrong pages that are described; all are counted. */
#define DESCRIBED_MAX 16

struct page_note {
    uint32_t version;
    struct content content;
};
_Static_assert(PAGE_BYTES % sizeof(struct page_note) == 0, "pages of notes are given back whole");

static void *reserve(size_t bytes)
{
    void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return area == MAP_FAILED ? NULL : area;
}

int pages_init(struct pages *pages, uint64_t seed)
{
    *pages = (struct pages){.seed = seed};
    pages->words = reserve(PAGES_MAX * PAGE_BYTES);
    pages->notes = reserve(PAGES_MAX * sizeof(*pages->notes));
    if (pages->words && pages->notes)
        return 0;
    pages_deinit(pages);
    return -ENOMEM;
}

void pages_deinit(struct pages *pages)
{
    if (pages->words)
        (void)munmap(pages->words, PAGES_MAX * PAGE_BYTES);
    if (pages->notes)
        (void)munmap(pages->notes, PAGES_MAX * sizeof(*pages->notes));
    *pages = (struct pages){0};
}

static uint64_t *page_at(const struct pages *pages, uint64_t number)
{
    return pages->words + number * PAGE_WORDS;
}

static void write_page(struct pages *pages, uint64_t number)
{
    const struct page_note *note = &pages->notes[number];

    content_write(page_at(pages, number), note->content, pages->seed, number, note->version);
}

void pages_add(struct pages *pages, struct content content)
{
    pages->notes[pages->count] = (struct page_note){.content = content};
    write_page(pages, pages->count);
    pages->count++;
}

/*
 * Notes go with their pages: they lie among them, and one left behind in every 2 MiB would leave
 * the guest's kernel no free block of the size that free page reporting reports. They go first,
 * because what is freed last stays in the kernel's per-CPU lists for a while.
 */
void pages_shrink(struct pages *pages, uint64_t count)
{
    const uint64_t notes_per_page = PAGE_BYTES / sizeof(*pages->notes);
    uint64_t first_note = (count + notes_per_page - 1) / notes_per_page * notes_per_page;

    if (count >= pages->count)
        return;
    if (first_note < pages->count)
        (void)madvise(&pages->notes[first_note],
                      (pages->count - first_note) * sizeof(*pages->notes), MADV_DONTNEED);
    (void)madvise(page_at(pages, count), (pages->count - count) * PAGE_BYTES, MADV_DONTNEED);
    pages->count = count;
}

static void describe(const struct pages *pages, uint64_t number)
{
    static _Atomic unsigned described; /* by any thread */
    const uint64_t *page = page_at(pages, number);

    if (atomic_fetch_add(&described, 1) >= DESCRIBED_MAX)
        return;
    fprintf(stderr,
            "aerostat-guest: page %" PRIu64 " version %" PRIu32
            " is wrong: it begins with %#" PRIx64 " %#" PRIx64 " %#" PRIx64 "\n",
            number, pages->notes[number].version, page[0], page[1], page[2]);
}

bool pages_check(struct pages *pages, uint64_t number)
{
    const struct page_note *note = &pages->notes[number];

    if (content_matches(page_at(pages, number), note->content, pages->seed, number, note->version))
        return true;
    describe(pages, number);
    pages_rewrite(pages, number);
    return false;
}

void pages_rewrite(struct pages *pages, uint64_t number)
{
    pages->notes[number].version++;
    write_page(pages, number);
}
