/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that the guest program owns, page by page, and what each page must hold. */
#pragma once

#include "guest/content.h"

/* Address space set aside for owned memory. Occupies nothing until it is filled. */
#define PAGES_MAX ((uint64_t)1 << 26) /* 256 GiB */

struct pages {
    uint64_t *words;         /* PAGES_MAX pages */
    struct page_note *notes; /* version and content of each page owned */
    uint64_t count;          /* pages owned: 0 ... count-1 */
    uint64_t seed;
};

/* -errno, or 0. @seed makes content that no other guest has. */
int pages_init(struct pages *pages, uint64_t seed);
void pages_deinit(struct pages *pages);

/* Owns one page more, of this content. The caller keeps count below PAGES_MAX. */
void pages_add(struct pages *pages, struct content content);

/* Gives all but @count pages back to the kernel. */
void pages_shrink(struct pages *pages, uint64_t count);

/* False where the page does not hold what was written last; it is made right then, so that a page
 * that was lost once counts once. The first few are described on standard error. */
bool pages_check(struct pages *pages, uint64_t number);

/* Writes the next version. */
void pages_rewrite(struct pages *pages, uint64_t number);
