/* SPDX-License-Identifier: Apache-2.0 */
/* The words for the policy's enums, as the API, the command line and the metrics show them. */
#include <assert.h>
#include <stdio.h>

#include "core/policy.h"

static const char *const swap_names[] = {
    [GUEST_SWAP_UNKNOWN] = "unknown",
    [GUEST_SWAP_PRESENT] = "present",
    [GUEST_SWAP_ABSENT] = "absent",
    [GUEST_SWAP_SHORT] = "short",
};
static_assert(sizeof(swap_names) / sizeof(*swap_names) == GUEST_SWAP_MAX, "a name per value");

static const char *const driver_names[] = {
    [DRIVER_UNKNOWN] = "unknown", [DRIVER_NO_DEVICE] = "no-device", [DRIVER_ABSENT] = "absent",
    [DRIVER_WORKING] = "working", [DRIVER_STALLED] = "stalled",
};
static_assert(sizeof(driver_names) / sizeof(*driver_names) == DRIVER_MAX, "a name per value");

static const char *const mechanism_names[] = {
    [MECHANISM_NONE] = "none", [MECHANISM_BALLOON] = "balloon", [MECHANISM_SHARE] = "share",
    [MECHANISM_SWAP] = "swap", [MECHANISM_BLOCK] = "block",
};
static_assert(sizeof(mechanism_names) / sizeof(*mechanism_names) == MECHANISM_MAX,
              "a name per value");

static const char *const distress_words[] = {"swap-in",        "major-faults", "low-available",
                                             "direct-reclaim", "pressure",     "paging"};

static const char *const lost_names[] = {
    [LOST_GUEST_SWAP] = "guest-swap",
    [LOST_HOST_SWAP] = "host-swap",
    [LOST_BLOCKED] = "blocked",
};
static_assert(sizeof(lost_names) / sizeof(*lost_names) == LOST_BY_MAX, "a name per value");

const char *lost_by_name(enum lost_by by)
{
    assert(by < LOST_BY_MAX);
    return lost_names[by];
}

const char *guest_swap_name(enum guest_swap swap)
{
    assert(swap < GUEST_SWAP_MAX);
    return swap_names[swap];
}

const char *balloon_driver_name(enum balloon_driver driver)
{
    assert(driver < DRIVER_MAX);
    return driver_names[driver];
}

const char *mechanism_name(enum mechanism mechanism)
{
    assert(mechanism < MECHANISM_MAX);
    return mechanism_names[mechanism];
}

const char *distress_names(unsigned distress, char *buf, size_t size)
{
    size_t used = 0;

    (void)snprintf(buf, size, "none");
    for (unsigned i = 0; i < sizeof(distress_words) / sizeof(*distress_words); i++) {
        if (!(distress & (1u << i)) || used >= size)
            continue;
        int n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "", distress_words[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return buf;
}
