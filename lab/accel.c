/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev/kvm alone says nothing: inside a virtual machine without nested virtualisation it may be
 * there, open, and never run a guest. So KVM must be in the processor's flags, open, and boot a
 * guest once.
 */
#include "lab/accel.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "lab/vm.h"

#define PROBE_MAX_USEC  (20L * G_USEC_PER_SEC) /* KVM takes one second, TCG three */
#define PROBE_STEP_USEC 20000

const char *lab_kernel(void)
{
    const char *chosen = g_getenv("AEROSTAT_LAB_KERNEL");

    return chosen ? chosen : LAB_KERNEL;
}

const char *lab_initrd(void)
{
    const char *chosen = g_getenv("AEROSTAT_LAB_INITRD");

    return chosen ? chosen : LAB_INITRD;
}

const char *lab_programs(void)
{
    const char *chosen = g_getenv("AEROSTAT_LAB_PROGRAMS");

    return chosen ? chosen : LAB_PROGRAMS;
}

const char *accel_option(const char *accel)
{
    /* Its default code buffer, 1 GiB for each guest, would drown what the lab measures. */
    return strcmp(accel, "kvm") ? "tcg,thread=multi,tb-size=64" : "kvm";
}

const char *accel_cpu(const char *accel)
{
    return strcmp(accel, "kvm") ? "qemu64" : "host";
}

/* True where the process ends with status 0 in time; else it is killed. */
static bool ends_well(GPid pid)
{
    gint64 deadline = g_get_monotonic_time() + PROBE_MAX_USEC;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (g_get_monotonic_time() > deadline) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            return false;
        }
        g_usleep(PROBE_STEP_USEC);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool accel_boots(const char *accel)
{
    const char *argv[] = {"qemu-system-x86_64",
                          "-nodefaults",
                          "-no-user-config",
                          "-display",
                          "none",
                          "-no-reboot",
                          "-machine",
                          "pc",
                          "-accel",
                          accel_option(accel),
                          "-cpu",
                          accel_cpu(accel),
                          "-m",
                          "128",
                          "-kernel",
                          lab_kernel(),
                          "-initrd",
                          lab_initrd(),
                          "-append",
                          "quiet panic=-1 aerostat_probe=yes",
                          NULL};
    GPid pid;

    if (!g_spawn_async_with_pipes_and_fds(
            NULL, argv, NULL,
            G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                G_SPAWN_STDERR_TO_DEV_NULL,
            NULL, NULL, -1, -1, -1, NULL, NULL, 0, &pid, NULL, NULL, NULL, NULL))
        return false;
    return ends_well(pid);
}

static bool kvm_works(void)
{
    g_autofree char *cpuinfo = NULL;
    autofd fd = -1;

    if (!g_file_get_contents("/proc/cpuinfo", &cpuinfo, NULL, NULL) ||
        !g_regex_match_simple("^flags\\s*:.*\\b(vmx|svm)\\b", cpuinfo, G_REGEX_MULTILINE, 0))
        return false;
    fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (accel_boots("kvm"))
        return true;
    log_notice("/dev/kvm is there but boots no guest: guests run under emulation (TCG)");
    return false;
}

const char *lab_vm_accelerator(void)
{
    static const char *found;
    const char *chosen = g_getenv("AEROSTAT_ACCEL");

    if (found)
        return found;
    if (chosen && strcmp(chosen, "kvm") != 0 && strcmp(chosen, "tcg") != 0)
        log_warning("AEROSTAT_ACCEL=%s is neither kvm nor tcg; ignored", chosen);
    else if (chosen)
        found = !strcmp(chosen, "kvm") ? "kvm" : "tcg";
    if (!found)
        found = kvm_works() ? "kvm" : "tcg";
    return found;
}
