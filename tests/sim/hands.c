/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *hands_create(struct sim *s, const void *config, uint64_t capacity)
{
    (void)config;
    (void)capacity;
    return s; /* anything but NULL */
}

static void hands_destroy(void *m)
{
    (void)m;
}

static usec_t hands_wake(void *m, usec_t now)
{
    (void)m;
    (void)now;
    return USEC_NEVER;
}

const struct manager_ops MANAGER_HANDS = {
    .name = "hands",
    .title = "by hand",
    .pagers = true,
    .sharing = true,
    .create = hands_create,
    .destroy = hands_destroy,
    .wake = hands_wake,
};
