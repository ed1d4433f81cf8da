/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private memory of another process that is put into the kernel's swap space: which pages are
 * there, and out with those (process_madvise(2), /proc/PID/pagemap). Blocks on the disk and on the
 * process's locks: not for a main loop. See pageout.c.
 *
 * Pages are named by their address in the process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGEOUT_PAGE UINT64_C(4096)

/* Pages of one call: the process can't map or unmap anything meanwhile. */
#define PAGEOUT_BATCH 256

/* One process, certainly: its descriptors stay with it when its id is given to another. */
struct pageout {
    int pidfd, directory, pagemap, mem; /* -1: closed */
    int flags; /* of page frames; -1: not to be had, and what is being written is guessed */
};

#define PAGEOUT_CLOSED ((struct pageout){-1, -1, -1, -1, -1})

/* Of the process that has the id @pid now, below @host_root ("" on a real host). 0, -ESRCH: has
 * ended, or another -errno: no right to. */
int pageout_open(struct pageout *p, const char *host_root, pid_t pid);
void pageout_close(struct pageout *p);

/* It has ended: what was found by its id just now may be another's. */
bool pageout_ended(const struct pageout *p);

/* --- looking --- */

/* What the kernel counts of it, at once and for nothing. */
struct pageout_figures {
    uint64_t anon;         /* bytes of anonymous memory in host memory */
    uint64_t swapped;      /* bytes in swap space */
    uint64_t major_faults; /* so far: touches that had to wait for a page to be brought in */
};

/* 0, -ESRCH: it has ended, or another -errno. */
int pageout_figures(const struct pageout *p, struct pageout_figures *ret);

/* The page tables' entries of @n pages from @address on. 0, -ESRCH: it has ended (or runs another
 * program), or another -errno. */
int pageout_look(const struct pageout *p, uint64_t address, uint64_t *entries, size_t n);

/* Is in memory, private, and no other process's or page's as well (as merged ones are). */
bool pageout_movable(uint64_t entry);

/* Is in swap space, whether memory still has a copy or not. */
bool pageout_is_out(uint64_t entry);
bool pageout_is_present(uint64_t entry);

/* Where in host memory it is; 0: hidden from us, or not present. */
uint64_t pageout_frame(uint64_t entry);

/* --- putting out --- */

struct pageout_result {
    size_t out;    /* pages of it that are in swap space, and not in memory as far as is known */
    size_t stayed; /* pinned, merged, locked, touched meanwhile, or swap space is full */
};

/*
 * Asks the kernel to put out these pages (in the order of their addresses). What has gone is for
 * the caller to look at: the kernel does not say. 0, -ESRCH, -EINVAL: this memory can't be paged
 * out (locked, hugetlb), or another -errno.
 */
int pageout_ask(const struct pageout *p, const uint64_t *pages, size_t n);

/*
 * The same and, @cached, sees to it that no copy of them stays in memory as swap cache: that is
 * where a swap file is written to. What its owner touches meanwhile is left to him. @pages is
 * changed: those that are out come first. 0 or -errno as above; @ret holds in any case.
 */
int pageout_free(const struct pageout *p, uint64_t *pages, size_t n, bool cached,
                 struct pageout_result *ret);

/* The second half of that alone, for pages that are out already. */
int pageout_drop_copies(const struct pageout *p, uint64_t *pages, size_t n,
                        struct pageout_result *ret);

/* Brings one page back by reading it, as a touch would. Microseconds that it took, or -errno. */
int64_t pageout_bring_back(const struct pageout *p, uint64_t page);
