/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory behind a guest's RAM, by the lab's own count: the daemon's figures are under test. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Bytes. */
struct resident {
    uint64_t bytes;   /* resident, where a page that n mappings share counts an nth (KSM) */
    uint64_t saved;   /* what that is less than without sharing */
    uint64_t swapped; /* private memory that the kernel has put out */
};

/* Of the mapping of @size bytes that is the RAM of the QEMU process @pid, a memfd or private; all 0
 * where there is none (yet). Walks page tables: some milliseconds. */
struct resident resident_look(pid_t pid, uint64_t size);

/* Where that mapping begins; 0 where there is none. */
uint64_t resident_start(pid_t pid, uint64_t size);
