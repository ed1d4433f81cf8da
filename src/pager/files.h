/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's files: STEM.map, STEM.cache and STEM.sock in the memory directory (tmpfs: they must
 * outlive the pager and cost no I/O), STEM.swap in the swap directory. The stem is the guest's
 * name; what a file name should not have ('/', a leading '.', '%', control characters) is written
 * as %XX, and a long name is cut and ends in "%+" and a hash, so that no two guests share a stem.
 *
 * Who may make and remove them, and when:
 * - A pager makes its map and cache, and removes those of a dead guest of the same name, while it
 *   holds the directory's lock (pager_directory_lock). It opens and locks its swap file meanwhile;
 *   a missing one it makes. From then on the lock on the map (map.h) says that it lives.
 * - pager_files_remove_stale holds the directory's lock as well, so that a map without a lock, or a
 *   cache without a map, has no pager that is about to use it.
 * - The daemon makes a swap file before it starts the pager. For a while there is no map beside it;
 *   so a swap file without a map that is younger than PAGER_FILES_YOUNG is left alone. Should one
 *   be removed too early, the pager makes it anew.
 * - swap_file_create replaces a file that nobody has locked. A guest whose pager was killed and
 *   whose map is there (pager_files_owner: PAGER_FILES_LIVE) has its pages in that file: the daemon
 *   looks before it makes one.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/units.h"

/* Bytes of a stem at most. The socket's whole path must fit in 107 bytes (unix(7)), so the memory
 * directory's may have 53. */
#define PAGER_STEM_MAX 48

#define PAGER_FILES_YOUNG (10 * USEC_PER_SEC)

struct pager_files {
    char *map, *cache, *socket, *swap; /* absolute paths, owned */
};

struct pager_files pager_files_of(const char *memory_directory, const char *swap_directory,
                                  const char *guest);
struct pager_files pager_files_of_stem(const char *memory_directory, const char *swap_directory,
                                       const char *stem);
void pager_files_clear(struct pager_files *files);

/* Whose files these are, by the map. */
enum pager_files_owner {
    PAGER_FILES_NONE,    /* there is no map */
    PAGER_FILES_LIVE,    /* a pager has it, or the process that it names lives: hands off */
    PAGER_FILES_STALE,   /* neither: they may go */
    PAGER_FILES_STRANGE, /* can't be read, or is of another version and of a process that lives,
                            with pages that we can't find: hands off */
};

/* @host_root: as for process_start_time. */
enum pager_files_owner pager_files_owner(const struct pager_files *files, const char *host_root);

/*
 * Makes the swap file @path of @bytes (a multiple of PAGE_BYTES, 0 allowed), mode 0600, all blocks
 * allocated. False and @error, one line with the cure, where it can't be: then there is no file. An
 * existing file of ours is replaced, unless it is locked. A directory on tmpfs is refused, unless
 * @bytes is 0: what is swapped to memory frees none.
 */
bool swap_file_create(const char *path, uint64_t bytes, GError **error);

/*
 * Opens it for O_DIRECT, and without where the file system has none (*direct says which), and locks
 * it. -1 and errno; ENOENT also where it is being removed; EWOULDBLOCK: another pager has it.
 */
int swap_file_open(const char *path, bool *direct);

/* Is @directory on tmpfs, owned by us or root, and not writable for others? Makes it (0700) where
 * it is missing. */
bool memory_directory_check(const char *directory, GError **error);

/* The same for the swap directory, which may be on any file system. Its parents are made, too. */
bool swap_directory_check(const char *directory, GError **error);

/* Waits for the lock of the memory directory and returns the descriptor that holds it, or -errno.
 * For the fraction of a second in which a guest's files are made. */
int pager_directory_lock(const char *memory_directory);

/* *start: field 22 of /proc/PID/stat below @host_root ("" on a real host). 0, -ESRCH: no such
 * process, or another -errno: nobody can tell now. */
int process_started(const char *host_root, pid_t pid, uint64_t *start);

/* The same for who does not need to know: 0 in either case. */
uint64_t process_start_time(const char *host_root, pid_t pid);

/*
 * Removes the files of guests that have ended: maps whose process is gone (and whose lock nobody
 * holds), and what lies beside them without a map. Touches only files with our names, that belong
 * to us, in directories that are ours. @log is called with one line for each guest. Returns how
 * many guests' files were removed; 0 as well where a pager is just starting: call it again later.
 */
unsigned pager_files_remove_stale(const char *memory_directory, const char *swap_directory,
                                  const char *host_root, void (*log)(const char *line, void *data),
                                  void *data);

/* Removes one guest's files, the map last. What is not there is no error. */
void pager_files_remove(const struct pager_files *files);
