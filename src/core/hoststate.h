/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the host's memory, as ESX defines it (facts: Waldspurger, OSDI 2002, section 6.3;
 * the sliding minfree and its 64/32/16 % marks: ESXi since 4.1).
 */
#pragma once

#include <stdint.h>

enum host_state {
    HOST_HIGH,  /* free >= minfree: nothing is reclaimed, memory is given back */
    HOST_CLEAR, /* free < minfree: ballooning begins before soft is reached */
    HOST_SOFT,  /* free < 64 % of minfree */
    HOST_HARD,  /* free < 32 % of minfree */
    HOST_LOW,   /* free < 16 % of minfree */
    HOST_STATE_MAX,
};

const char *host_state_name(enum host_state state);

/* 6 % of the first 4 GiB, 4 % of 4-12 GiB, 2 % of 12-28 GiB, 1 % of the rest. */
uint64_t host_minfree(uint64_t capacity);

/* It begins when less than so much is free; 0 for state high. */
uint64_t host_state_mark(enum host_state state, uint64_t minfree);

/* Part of minfree by which a mark must be passed upwards. */
#define HOST_STATE_HYSTERESIS 16

/* As much must be free for @state, which is not high, to be left upwards. */
uint64_t host_state_way_out(enum host_state state, uint64_t minfree);

/*
 * The state after @free bytes were seen free in state @before. Downwards at once and as many steps
 * as it takes; upwards only where @free has passed the mark by minfree/HOST_STATE_HYSTERESIS.
 */
enum host_state host_state_next(enum host_state before, uint64_t free, uint64_t minfree);
