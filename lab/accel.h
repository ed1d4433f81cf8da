/* SPDX-License-Identifier: Apache-2.0 */
/* What QEMU runs the guests with, and the files that it boots. */
#pragma once

#include <stdbool.h>

/* The guests' kernel and initrd: AEROSTAT_LAB_KERNEL and _INITRD, else what the build made. */
const char *lab_kernel(void);
const char *lab_initrd(void);

/* The image of programs for guests: AEROSTAT_LAB_PROGRAMS, else what tools/programs makes. */
const char *lab_programs(void);

/* True where a guest boots with this accelerator within a time that a working one keeps easily. */
bool accel_boots(const char *accel);

/* "kvm" or "tcg" with the options that bound it, for QEMU's -accel; likewise -cpu. */
const char *accel_option(const char *accel);
const char *accel_cpu(const char *accel);
