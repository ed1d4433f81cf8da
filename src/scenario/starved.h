/* SPDX-License-Identifier: Apache-2.0 */
/* Does a guest suffer for lack of memory? The lab's own judgement, from the guest program's
 * reports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "scenario/seen.h"

/* Rates above these are signs of it; a guest at rest shows none of them. */
#define STARVED_SWAP_IN_PAGES 128.0 /* per second */
#define STARVED_MAJOR_FAULTS  40.0  /* per second */
#define STARVED_ALLOC_STALLS  10.0  /* per second */
/* Less available memory than this part of the guest's size is one too. */
#define STARVED_AVAILABLE_PART 0.05

/*
 * @before, @now: two reports, the later received later. @squeezed: the balloon grew between them;
 * its own allocations stall too, and say nothing about the guest's.
 */
bool starved(const struct agent_report *before, const struct agent_report *now, uint64_t size,
             bool squeezed);
