/* SPDX-License-Identifier: Apache-2.0 */
/* Proxmox VE's auto-ballooning, pure: one round over all guests. Bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxmox_vm {
    int64_t cur, min, max;
    int64_t shares; /* 0: it is left out */
    int64_t free;   /* neither used nor page cache; -1: it says nothing */
    int64_t target; /* set: to be sent, where it differs from cur; -1: unchanged */
};

/* What is to be handed out so that the host is used to @target_percent; less than 0: taken. */
int64_t proxmox_goal(int64_t total, int64_t used, unsigned target_percent);

/* The guests are served in the order in which they stand; in the original that is random. */
void proxmox_balance(struct proxmox_vm *vms, size_t n, int64_t goal, int64_t step);
