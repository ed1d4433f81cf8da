/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userfaultfd(2) as the pager uses it, on another process's memory: each function is one ioctl on
 * the descriptor that was made in QEMU (attach.h). Addresses are QEMU's. Sources:
 * Documentation/admin-guide/mm/ userfaultfd.rst, fs/userfaultfd.c.
 *
 * -EAGAIN: QEMU's address space is changing: an event (discard) waits to be read first, so the
 * thread that reads events must never just repeat the call; the others may, after sched_yield.
 * -ESRCH: QEMU has ended. -ENOENT: the mapping is gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uffd {
    int fd;
    uint64_t start, size; /* of the registered range */
};

/* UFFD_API handshake with the features the pager needs. 0, -EOPNOTSUPP: a feature is missing. */
int uffd_handshake(int fd);
int uffd_register(const struct uffd *u);   /* missing and write-protect; -EBUSY: another has it */
int uffd_unregister(const struct uffd *u); /* wakes everybody */

int uffd_protect(const struct uffd *u, uint64_t address, uint64_t bytes);
int uffd_unprotect(const struct uffd *u, uint64_t address, uint64_t bytes); /* and wakes */
int uffd_wake(const struct uffd *u, uint64_t address, uint64_t bytes);

/*
 * Puts @bytes from @source at @address and wakes. Returns the bytes that were put (less than @bytes
 * where a page in between was there already, or belongs to another mapping), or -EEXIST: the first
 * page is there, -EAGAIN, -ESRCH, -ENOENT, -ENOMEM.
 */
int64_t uffd_copy(const struct uffd *u, uint64_t address, const void *source, uint64_t bytes);
int64_t uffd_zero(const struct uffd *u, uint64_t address, uint64_t bytes);

enum uffd_event_kind {
    UFFD_MISSING,
    UFFD_PROTECTED,
    UFFD_DISCARDED
};

struct uffd_event {
    enum uffd_event_kind kind;
    uint64_t address, bytes; /* page-aligned; bytes of a discard */
    bool write;
    uint32_t thread; /* of a fault: whose it is, as QEMU numbers it (its pid namespace) */
};

/* Reads up to @max events without waiting: the number, 0: none, or -errno. */
int uffd_read(const struct uffd *u, struct uffd_event *events, size_t max);
