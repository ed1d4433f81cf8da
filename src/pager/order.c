/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/order.h"

#include <assert.h>

static const char *const verb_names[] = {
    [PAGER_ALLOW] = "allow",       [PAGER_CACHE] = "cache",   [PAGER_SAMPLE] = "sample",
    [PAGER_PARK] = "park",         [PAGER_UNPARK] = "unpark", [PAGER_DETACH] = "detach",
    [PAGER_EVICTING] = "evicting", [PAGER_CPUS] = "cpus",     [PAGER_NOTE_STOP] = "note-stop",
};
static_assert(sizeof(verb_names) / sizeof(*verb_names) == PAGER_VERB_MAX, "a name per verb");

const char *pager_verb_name(enum pager_verb verb)
{
    assert(verb < PAGER_VERB_MAX);
    return verb_names[verb];
}
