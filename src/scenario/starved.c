/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/starved.h"

#include "core/units.h"

bool starved(const struct agent_report *before, const struct agent_report *now, uint64_t size,
             bool squeezed)
{
    double seconds = (double)(now->received - before->received) / 1e6;

    if (now->received == 0)
        return false;
    if ((double)now->mem_available < STARVED_AVAILABLE_PART * (double)size)
        return true;
    if (before->received == 0 || seconds <= 0)
        return false;
    return (double)u64_sub(now->pswpin, before->pswpin) > STARVED_SWAP_IN_PAGES * seconds ||
           (double)u64_sub(now->pgmajfault, before->pgmajfault) > STARVED_MAJOR_FAULTS * seconds ||
           (!squeezed &&
            (double)u64_sub(now->allocstall, before->allocstall) > STARVED_ALLOC_STALLS * seconds);
}
