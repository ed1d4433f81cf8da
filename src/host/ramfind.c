/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU maps a RAM block as one mapping of exactly its size: unnamed, private and writable, or a
 * shared memfd. It is never merged with a neighbour (QEMU leaves a guard page behind it and sets
 * flags that others lack), but it can be split into several adjacent mappings, by advice that was
 * given for a part of it.
 *
 * Among several mappings of the right size, QEMU's flags for RAM decide (DONTFORK, HUGEPAGE; only
 * in smaps), and then the higher address: RAM is the first large thing that QEMU maps, and the
 * kernel hands out addresses downwards. The code buffer of TCG is told from RAM by being
 * executable.
 */
#include "host/ramfind.h"

#include <errno.h>

static enum ram_kind vma_kind(const struct smaps_vma *v)
{
    if (!v->writable || v->executable)
        return RAM_UNKNOWN;
    if (!v->shared && !v->named)
        return v->hugetlb || v->hugetlbfs ? RAM_OTHER : RAM_PRIVATE;
    if (v->shared && v->memfd)
        return v->hugetlb || v->hugetlbfs ? RAM_OTHER : RAM_MEMFD;
    return v->inode ? RAM_OTHER : RAM_UNKNOWN;
}

/* The length of the run of like, adjacent mappings from @i on that is exactly @size; 0: none. */
static size_t run_length(const GArray *vmas, size_t i, uint64_t size)
{
    const struct smaps_vma *first = &g_array_index(vmas, struct smaps_vma, i);

    for (size_t k = i; k < vmas->len; k++) {
        const struct smaps_vma *v = &g_array_index(vmas, struct smaps_vma, k);

        if (vma_kind(v) != vma_kind(first) || v->inode != first->inode ||
            v->device != first->device || (k > i && v->start != (v - 1)->end))
            return 0;
        if (v->end - first->start >= size)
            return v->end - first->start == size ? k - i + 1 : 0;
    }
    return 0;
}

static bool taken(const struct ram_range *ranges, size_t n, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < n; i++) {
        if (start < ranges[i].end && end > ranges[i].start)
            return true;
    }
    return false;
}

/* How much a mapping looks like the block; 0: it can't be it. */
static unsigned likeness(const struct smaps_vma *v, const struct ram_block *block, size_t run)
{
    enum ram_kind kind = vma_kind(v);

    if (kind == RAM_UNKNOWN || run == 0)
        return 0;
    return 1 + 8 * (v->shared == block->shared) + 4 * (kind != RAM_OTHER) + 2 * (run == 1) +
           2 * v->dontcopy + v->hugepage;
}

int ram_find(const GArray *vmas, const struct ram_block *blocks, size_t n, struct ram_range *ret)
{
    for (size_t b = 0; b < n; b++) {
        unsigned best = 0;

        for (size_t i = 0; i < vmas->len; i++) {
            const struct smaps_vma *v = &g_array_index(vmas, struct smaps_vma, i);
            unsigned like = likeness(v, &blocks[b], run_length(vmas, i, blocks[b].size));

            if (like < best || like == 0 || taken(ret, b, v->start, v->start + blocks[b].size))
                continue;
            best = like;
            ret[b] = (struct ram_range){
                .start = v->start,
                .end = v->start + blocks[b].size,
                .kind = vma_kind(v),
                .device = v->device,
                .inode = v->inode,
            };
        }
        if (!best)
            return -ENOENT;
    }
    return 0;
}

enum ram_kind ram_kind_of(const struct ram_range *ranges, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (ranges[i].kind != ranges[0].kind)
            return RAM_OTHER;
    }
    return n ? ranges[0].kind : RAM_UNKNOWN;
}
