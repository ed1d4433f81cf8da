/* SPDX-License-Identifier: Apache-2.0 */
/* A guest of QEMU (2.12 or later), reached over one of its QMP sockets. */
#pragma once

#include "host/procscan.h"
#include "vmm/vmm.h"

/* Name, size and devices are asked for again this often: not every change comes with an event. */
#define QEMU_SETUP_INTERVAL_USEC (60 * G_USEC_PER_SEC)
/* A connection on which an answer is overdue for so long is made anew: the answer may be lost. */
#define QEMU_SILENT_MAX_USEC (30 * G_USEC_PER_SEC)
/* A longer name is cut; characters. */
#define QEMU_NAME_MAX 128
/* A larger guest is a lie; bytes. */
#define QEMU_SIZE_MAX (UINT64_C(1) << 52)
/* Requests that could not be sent and whose failure is still to be told. */
#define QEMU_REFUSED_MAX 64

struct qemu_config {
    const char *host_root;
    struct procscan *scan; /* outlives the guest */
    guint timeout_msec;
    guint stats_period_sec;
};

/*
 * The guest whose QMP socket is @path. It connects by itself, and again whenever the connection is
 * lost, until the process has ended or the socket is gone (VMM_EVENT_GONE; the owner then frees it,
 * but not from within the event).
 *
 * The process is the one that listens on @path, unless a regular file PATH.pid ("web.sock.pid")
 * with a process id names another: for a monitor that is reached through a proxy. The file must
 * belong to root or to our own user and be writable for nobody else.
 */
struct vmm_guest *qemu_guest_new(const char *path, const struct qemu_config *config,
                                 vmm_event_fn event, void *data);

/* The period from the next poll on, the time-out from the next connection on. */
void qemu_guest_configure(struct vmm_guest *guest, const struct qemu_config *config);
