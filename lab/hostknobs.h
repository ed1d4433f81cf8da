/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the host's kernel that the daemon may change (KSM, zswap): as they were before a run
 * they must be after it, whatever became of the daemon.
 */
#pragma once

struct hostknobs;

/* All that can be written in these directories (NULL at the end). */
struct hostknobs *hostknobs_save(const char *const *directories);

/* KSM and zswap. */
extern const char *const hostknobs_kernel[];

/* Puts back what differs, with a warning for each; how many did. */
unsigned hostknobs_restore(const struct hostknobs *k);
void hostknobs_free(struct hostknobs *k);

/* Takes swap files below @directory out of use: they could not be removed else. */
void hostswap_off(const char *directory);
