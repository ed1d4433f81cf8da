/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/awake.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/procfs.h"

/* A shallow sleep is left to the processor: it ends within a microsecond or two... */
#define SHALLOW 2
/* ...where there is one. A virtual processor that halts is given away. */
#define NONE 0
/* PM_QOS_CPU_LATENCY_DEFAULT_VALUE of the kernel: no request. */
#define ANY 2000000000

static bool is_virtual(const char *root)
{
    char text[PROCFS_TEXT_MAX];

    return procfs_read_root(root, "/sys/devices/system/cpu/cpuidle/current_driver", text) >= 0 &&
           strncmp(text, "haltpoll", strlen("haltpoll")) == 0;
}

void awake_open(struct awake *a, const char *root)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/dev/cpu_dma_latency", root);
    *a = (struct awake){.fd = open(path, O_WRONLY | O_CLOEXEC),
                        .usec = is_virtual(root) ? NONE : SHALLOW};
}

void awake_close(struct awake *a)
{
    fd_close(&a->fd);
    a->held = false;
}

static void ask(const struct awake *a, int32_t usec)
{
    /* Refused, it is slower, and nothing else. */
    if (a->fd >= 0 && write(a->fd, &usec, sizeof(usec)) < 0)
        return;
}

void awake_hold(struct awake *a)
{
    if (a->held)
        return;
    ask(a, a->usec);
    a->held = true;
}

void awake_let_go(struct awake *a)
{
    if (!a->held)
        return;
    ask(a, ANY);
    a->held = false;
}
