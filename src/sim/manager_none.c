/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/manager.h"

static void *none_create(struct sim *s, const void *config, uint64_t capacity)
{
    (void)config;
    (void)capacity;
    return s; /* anything but NULL */
}

static void none_destroy(void *m)
{
    (void)m;
}

static usec_t none_wake(void *m, usec_t now)
{
    (void)m;
    (void)now;
    return USEC_NEVER;
}

const struct manager_ops MANAGER_NONE = {
    .name = "none",
    .title = "no manager",
    .create = none_create,
    .destroy = none_destroy,
    .wake = none_wake,
};
