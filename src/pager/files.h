/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's files: STEM.map, STEM.cache and STEM.sock in the memory directory (tmpfs: they must
 * outlive the pager and cost no I/O), STEM.swap in the swap directory. The stem is the guest's name
 * with what a file name can't have replaced ('/', a leading '.', control characters).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pager_files {
    char *map, *cache, *socket, *swap; /* absolute paths, owned */
};

struct pager_files pager_files_of(const char *memory_directory, const char *swap_directory,
                                  const char *guest);
void pager_files_clear(struct pager_files *files);

/*
 * Makes the swap file @path of @bytes (a multiple of PAGE_BYTES), mode 0600, all blocks allocated.
 * False and
 * @error, one line with the cure, where it can't be: then there is no file. An existing file of
 * the right owner is replaced.
 */
bool swap_file_create(const char *path, uint64_t bytes, GError **error);

/* Opens it for O_DIRECT, and without where the file system has none (*direct says which). -1 and
 * errno. */
int swap_file_open(const char *path, bool *direct);

/* Is @directory on tmpfs, owned by us or root, and not writable for others? Makes it (0700) where
 * it is missing. */
bool memory_directory_check(const char *directory, GError **error);

/* field 22 of /proc/PID/stat below @host_root ("" on a real host); 0: no such process. */
uint64_t process_start_time(const char *host_root, pid_t pid);

/*
 * Removes the files of guests that have ended: maps whose process is gone (and whose lock nobody
 * holds), and what lies beside them without a map. @log is called with one line for each. Returns
 * how many guests' files were removed.
 */
unsigned pager_files_remove_stale(const char *memory_directory, const char *swap_directory,
                                  const char *host_root, void (*log)(const char *line, void *data),
                                  void *data);

/* Removes one guest's files. What is not there is no error. */
void pager_files_remove(const struct pager_files *files);
