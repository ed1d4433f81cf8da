/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/hostuse.h"

#include "base/log.h"
#include "lab/loop.h"

#define WAIT_MSEC 200

static bool take(const char *directory, struct hostknobs **ret)
{
    bool said = false;

    while (!(*ret = hostknobs_save(directory))) {
        if (!said)
            log_notice("waiting until nobody else uses %s", directory);
        said = true;
        if (!loop_serve(WAIT_MSEC))
            return false;
    }
    return true;
}

bool hostuse_begin(struct hostuse *u, const struct scenario *scenario)
{
    bool private = false, share = false;

    for (unsigned g = 0; g < scenario->guests->len; g++) {
        private = private || scenario_guest(scenario, g)->ram == GUEST_RAM_PRIVATE;
        share = share || scenario_guest(scenario, g)->share;
    }
    return (!private || take(HOSTKNOBS_ZSWAP, &u->zswap)) &&
           (!share || take(HOSTKNOBS_KSM, &u->ksm));
}

static void check(struct hostknobs **k, bool killed)
{
    if (*k)
        (void)hostknobs_check(*k, killed);
    g_clear_pointer(k, hostknobs_free);
}

void hostuse_end(struct hostuse *u, const char *directory, bool killed)
{
    hostswap_off(directory);
    check(&u->ksm, killed);
    check(&u->zswap, killed);
}
