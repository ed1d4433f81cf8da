/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the host's processors from sleeping deeply while faults come in series. A fault on the swap
 * file hands over three times (guest to pager, disk to pager, pager to guest), and each time the
 * processor that is handed to has just gone idle; waking it takes longer than the handler's work,
 * above all in a virtual machine. The kernel's word for it is a CPU latency request
 * (Documentation/power/pm_qos_interface.rst). It costs power, so it is held for milliseconds after
 * a fault and not longer; the kernel drops it with the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct awake {
    int fd;       /* of /dev/cpu_dma_latency; -1: not to be had, then nothing is done */
    int32_t usec; /* what is asked for */
    bool held;
};

/* @root: "" on a real host. */
void awake_open(struct awake *a, const char *root);
void awake_close(struct awake *a);

void awake_hold(struct awake *a);
void awake_let_go(struct awake *a);
