/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the host's kernel that the daemon may change (KSM, zswap): as they were before a run
 * they must be after it, whatever became of the daemon. Whoever changes them on a machine where
 * others test too holds a lock (flock) on their directory meanwhile.
 */
#pragma once

#include <stdbool.h>

#define HOSTKNOBS_KSM   "/sys/kernel/mm/ksm"
#define HOSTKNOBS_ZSWAP "/sys/module/zswap/parameters"

struct hostknobs;

/* All that can be written in @directory, and a lock on it; NULL: somebody else has that now. Where
 * there is no such directory there is nothing to save. */
struct hostknobs *hostknobs_save(const char *directory);

/* A warning for each that differs; how many do. With @restore they are put back: not where it may
 * have been somebody else who changed them meanwhile. */
unsigned hostknobs_check(const struct hostknobs *k, bool restore);

/* The lock ends. */
void hostknobs_free(struct hostknobs *k);

/* Takes swap files below @directory out of use: they could not be removed else. */
void hostswap_off(const char *directory);
