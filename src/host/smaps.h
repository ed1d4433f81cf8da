/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's address space as /proc/PID/maps and /proc/PID/smaps show it. Reading maps costs
 * microseconds per mapping; reading smaps walks the page tables, 9-14 ms per GiB of 4 KiB pages.
 * Both wait for the process's mmap lock, so neither is read where waiting is not allowed.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* As many mappings as the kernel lets a process have by default (vm.max_map_count), rounded up. */
#define SMAPS_VMAS_MAX 65536

struct smaps_vma {
    uint64_t start, end;
    dev_t device;           /* of the mapped file; 0 with inode 0: anonymous */
    uint64_t inode, offset; /* bytes into the file */
    bool writable, executable, shared;
    bool named; /* a file, [heap], [stack], ... */
    bool memfd; /* "/memfd:..." */
    /* only in smaps, else 0: */
    uint64_t rss, swap, hugetlb; /* bytes */
    bool dontcopy;               /* VmFlags dc: guest RAM is not given to children */
    bool hugepage;               /* VmFlags hg: QEMU advises it for guest RAM */
    bool locked;                 /* VmFlags lo: mlock(2) */
    bool hugetlbfs;              /* VmFlags ht, whether a page is there or not */
    bool userfaultfd;            /* VmFlags um, uw or ui: registered with some userfaultfd */
};

/* Appends the mappings in @file, maps or smaps, to @vmas (elements struct smaps_vma). Returns 0, or
 * -EBADMSG, -E2BIG or the read error. */
int smaps_read(FILE *file, GArray *vmas);
