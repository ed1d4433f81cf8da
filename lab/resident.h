/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory behind a guest's RAM, by the lab's own count: the daemon's figures are under test. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Bytes resident of the mapping of @size bytes that is the RAM of the QEMU process @pid, a memfd or
 * private; 0 where there is none (yet). Walks page tables: some milliseconds. */
uint64_t resident_bytes(pid_t pid, uint64_t size);
