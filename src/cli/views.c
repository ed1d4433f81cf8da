/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/views.h"

#include <glib.h>
#include <string.h>

const struct view VIEW_TABLE[VIEWS] = {
    [VIEW_MEMORY] = {"memory", NULL, "who has how much, and by which means the rest was taken"},
    [VIEW_PAGING] = {"paging",
                     "name,lost,pager,resident,zero,compressed,ratio,swapped,allowed,allowed-"
                     "reason,pager-out,"
                     "pager-in,double,fault-p50,fault-p99,unzip-p50,ws-1s,ws-10s,ws-1min,ws-10min",
                     "what the host has put out, how long guests wait for it, working sets"},
    [VIEW_HEALTH] =
        {"health",
         "name,lost,lost-guest-swap,lost-host-swap,blocked,blocked-times,owed,blocked-now,distress,"
         "faults,swap-in,swap-out,guest-available,oom-kills,resident,entitled",
         "what guests lost time by, and what they suffer from"},
    [VIEW_SHARING] = {"sharing", "name,lost,ram,sharing,domain,size,resident,shared,saved,pager",
                      "who shares identical pages with whom, and what it saves"},
    [VIEW_GUEST] = {"guest",
                    "name,size,granted,shares,reservation,limit,exempt,admitted,driver,balloon-max,"
                    "balloon-speed,swap-speed,stats,guest-free,guest-available,guest-caches,"
                    "guest-swap,guest-swap-seen,link,running",
                    "settings, and what the guest says of itself"},
};

int view_find(const char *name)
{
    for (int i = 0; i < VIEWS; i++) {
        if (strcmp(VIEW_TABLE[i].name, name) == 0)
            return i;
    }
    return -1;
}

size_t view_columns(int view, int ret_columns[static COLUMNS_MAX])
{
    g_autofree char *wrong = NULL;
    size_t count = columns_parse(VIEW_TABLE[view].columns, ret_columns, &wrong);

    g_assert(count > 0);
    return count;
}
