/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which threads of QEMU are virtual CPUs: the kernel tells with each fault whose it is (THREAD_ID).
 * What another thread reads that was out, QEMU reads for the guest's own I/O: a disk write, as when
 * the guest pages it out, and then the host has brought it back for nothing (double paging).
 *
 * Such a page looks like the best of victims, for the guest has written it out; it is not. The
 * guest does so because it needs the frame, and uses it anew at once: put out first, these pages
 * came back at once (measured: a guest that pages got on 5 to 50 times slower). So they are victims
 * like any other.
 *
 * The numbers are those of QEMU's own pid namespace, in the fault as in the monitor's answer. Under
 * KVM a processor's fault may be another thread's: a worker of the kernel that brings the page
 * while the processor does something else. Such a one asks for the page to write to it, whatever
 * the processor wanted, and so is not taken for I/O, which only reads.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pager/order.h"

/* One thread sets it, another asks. Asked while it is being set it may be wrong: the answer is for
 * statistics. */
struct cpus {
    _Atomic uint32_t n; /* 0: not known */
    _Atomic uint32_t ids[PAGER_CPUS_MAX];
};

/* @n at most PAGER_CPUS_MAX. */
void cpus_set(struct cpus *c, const uint32_t *ids, size_t n);

/* Is @thread known to be none? Not where nothing is known. */
bool cpus_lack(const struct cpus *c, uint32_t thread);
