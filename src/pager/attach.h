/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting hold of a guest's memory from outside, and letting go of it. attach.c has the order of
 * operations and says what the guest can notice: one of its threads stops for well under a
 * millisecond.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pager/map.h"
#include "pager/uffd.h"

/* The message is one line for people: what forbids it and what the operator can do. */
#define ATTACH_ERROR (attach_error_quark())
GQuark attach_error_quark(void);

enum attach_error {
    ATTACH_ERROR_REFUSED, /* this guest can't be served: its memory or devices forbid it, or the
                             kernel or our rights */
    ATTACH_ERROR_BUSY,    /* another userfaultfd has its memory */
    ATTACH_ERROR_GONE,    /* the process has ended */
    ATTACH_ERROR_FAILED,  /* anything else; worth another try */
};

/* A QEMU process and the one block of RAM that it gives its guest. */
struct target {
    pid_t pid;
    int pidfd; /* close-on-exec */
    int memfd; /* its RAM, opened for reading and writing, close-on-exec */
    struct pagemap_identity identity;
};

/*
 * Finds guest RAM of @ram_size bytes (0: the largest memfd mapping) in process @pid and looks
 * whether it can be served: not private, hugetlb or locked; mapped once, by this process alone; no
 * vfio or vdpa device; no file open with O_DIRECT (its DMA would go to a page that is gone).
 * Touches nothing.
 */
bool target_find(struct target *t, pid_t pid, const char *name, uint64_t ram_size, GError **error);
void target_clear(struct target *t);

/* May go on evicting? False: a file was opened with O_DIRECT, a device added, or huge pages of
 * shared memory turned on, since; @error says which. */
bool target_check_devices(pid_t pid, GError **error);

/*
 * The same process and memfd again, for taking over: @identity is from the map. Nothing but that is
 * looked at: a guest whose pages are out must be served, whatever has been added to it since.
 */
bool target_find_again(struct target *t, const struct pagemap_identity *identity, GError **error);

/*
 * Makes a userfaultfd in the target (one injected system call), fetches it, registers the RAM. On
 * error the guest is as it was. *number is the descriptor's number in QEMU; it is stored (-1 again
 * on error) before anything is registered, so that it may be the word in the map's header: a pager
 * that is killed from there on is followed by one that calls attach_again.
 */
bool attach(struct uffd *u, const struct target *t, _Atomic int64_t *number, GError **error);

/*
 * Takes over: fetches descriptor @number, left by a pager that died, and registers the RAM if that
 * one had not come so far. Faults that it had read and not served wait for uffd_wake of the whole
 * range. ATTACH_ERROR_BUSY: @number is no userfaultfd of ours.
 */
bool attach_again(struct uffd *u, const struct target *t, int number, GError **error);

/* Is descriptor @number of @pid a userfaultfd? Not after attach_close. */
bool attach_left(pid_t pid, int number);

/*
 * Closes @number in the target (one more injected call), after uffd_unregister. A number that is
 * no userfaultfd is left alone: true.
 */
bool attach_close(pid_t pid, int number, GError **error);
