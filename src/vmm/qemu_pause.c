/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU counts no stops: one cont undoes them all, whoever they came from, and it also starts again
 * what has been moved to another host or has failed on its disk. So only the two states that a stop
 * of ours can have led to are ended: paused, and prelaunch, which is what a paused guest is in
 * after a reset (system/runstate.c, main_loop_should_exit).
 */
#include "vmm/qemu_pause.h"

#include <string.h>

#include "base/json.h"

static bool among(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

enum qemu_pause qemu_pause_of(struct json_object *status, const char **name)
{
    static const char *const ours[] = {"paused", "prelaunch", NULL};
    static const char *const passing[] = {"finish-migrate", "inmigrate", "save-vm", "restore-vm",
                                          NULL};
    bool running = false;

    *name = "unknown";
    (void)json_get_string(status, "status", name);
    (void)json_get_bool(status, "running", &running);
    if (running)
        return QEMU_RUNS;
    if (among(*name, ours))
        return QEMU_PAUSED;
    return among(*name, passing) ? QEMU_IN_PASSING : QEMU_OTHER_PAUSE;
}

bool qemu_migrates(struct json_object *migrate)
{
    static const char *const at_rest[] = {"none", "completed", "failed", "cancelled", NULL};
    const char *status;

    return migrate && json_get_string(migrate, "status", &status) && !among(status, at_rest);
}
