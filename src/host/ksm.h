/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel samepage merging: its settings and counters (Documentation/admin-guide/mm/ksm.rst). There
 * is one of it for the whole host, and it merges whatever memory any process has marked. See ksm.c.
 *
 * A struct ksm may be used by any thread, one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ksm;

/* Below @host_root ("" on a real host; borrowed). @record: where found settings are noted (knob.h).
 */
struct ksm *ksm_new(const char *host_root, const char *record);

/* Puts nothing back: ksm_restore does. */
void ksm_free(struct ksm *k);

/* The kernel has it, and we may set it: 0, -ENOENT or another -errno. */
int ksm_check(const struct ksm *k);

/* It runs, whoever has switched it on. */
bool ksm_runs(const struct ksm *k);

struct ksm_pace {
    bool run;
    uint64_t pages_to_scan; /* per wake-up */
    unsigned sleep_msec;    /* between wake-ups */
};

/*
 * Sets it as sharing wants it; what was found is noted down first. Switching it on or off waits for
 * the batch under way, and that for whatever the kernel has locked: not for the main loop. 0 or
 * -errno; -EBUSY: somebody else has changed it since we did, and it is left to him.
 */
int ksm_set(struct ksm *k, const struct ksm_pace *pace);

/*
 * Unmerges everything, and frees what the kernel has noted down of it, where it was us who have
 * switched KSM on. Takes as long as that takes. 0 or -errno.
 */
int ksm_unmerge(struct ksm *k);

/* Something was set, by us or by one who was killed, and not put back yet. */
bool ksm_changed(const struct ksm *k);

/* Puts back what was found, but for what somebody else has changed since. Waits as ksm_set does. 0
 * or -errno. */
int ksm_restore(struct ksm *k);

struct ksm_counters {
    uint64_t shared, sharing, unshared, volatile_pages, zero; /* pages */
    uint64_t broken; /* since boot: merged pages that were written to; 0: it does not say */
    uint64_t full_scans;
    uint64_t scanned;  /* pages since boot; 0: this kernel does not say */
    uint64_t cpu_usec; /* of ksmd since boot; 0: can't be told */
};

int ksm_read(struct ksm *k, struct ksm_counters *ret); /* 0 or -errno */

struct ksm_process {
    uint64_t merging; /* pages that are merged with others */
    uint64_t zero; /* pages that the kernel's page of zeros stands for; 0 where it does not say */
};

/* May wait for the process's memory lock: not for the main loop. 0, -ESRCH, -EOPNOTSUPP (before
 * Linux 6.1), or another -errno. */
int ksm_read_process(const struct ksm *k, pid_t pid, struct ksm_process *ret);
