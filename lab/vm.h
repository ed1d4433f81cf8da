/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One real guest: a QEMU process that boots the lab's kernel and initrd, with the guest program
 * (guest/) reachable over a virtio-serial port. See agent.h for talking to it.
 *
 * Everything a VM makes (process, sockets, swap image) lives below its directory and ends with
 * lab_vm_free, and with the lab itself (PR_SET_PDEATHSIG).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "scenario/scenario.h"

struct lab_vm_config {
    const char *name;
    uint64_t size; /* bytes */
    enum guest_ram ram;
    unsigned vcpus;      /* >= 1 */
    bool balloon_device; /* virtio-balloon-pci on the command line */
    bool balloon_driver; /* load the in-tree virtio_balloon module in the guest */
    bool deflate_on_oom;
    bool free_page_reporting;
    uint64_t swap;            /* bytes of guest swap disk; 0: none */
    uint64_t disk;            /* bytes of scratch disk for streaming files; 0: none */
    bool programs;            /* attach the image of tools/programs, read-only */
    const char *directory;    /* where its sockets and images go; exists */
    const char *qmp_path;     /* QMP socket for the daemon; NULL: DIRECTORY/NAME.sock */
    bool keep_logs;           /* leave NAME.console and NAME.qemu in the directory */
    const char *monitor_path; /* a second QMP socket, for the lab itself; NULL: none */
    const char *spare_path;   /* a third one, for anybody; NULL: none */
    int listen_fd; /* > 0: a bound socket on which QEMU's process calls listen() before it becomes
                    * QEMU: who connects to it sees QEMU as its peer, though the lab accepts */
};

struct lab_vm;

/* How the guests are run here: "kvm" where it boots a guest, else "tcg"; AEROSTAT_ACCEL overrides.
 * Found out once; may take a second. */
const char *lab_vm_accelerator(void);

/* Starts QEMU; the guest boots on its own. NULL and @error where QEMU could not be started. That it
 * does not like its options shows later: lab_vm_ended(), lab_vm_complaint(). The calling thread
 * must live as long as the VM. */
struct lab_vm *lab_vm_start(const struct lab_vm_config *config, GError **error);

/* Ends QEMU (if it still runs), waits for it and removes what it left. */
void lab_vm_free(struct lab_vm *vm);

/* 0 once it has ended. */
pid_t lab_vm_pid(const struct lab_vm *vm);
const struct lab_vm_config *lab_vm_config(const struct lab_vm *vm);

/* Path of the UNIX socket of the virtio-serial port (for agent.h). */
const char *lab_vm_agent_path(const struct lab_vm *vm);

/* What the guest's kernel and init have printed. */
const char *lab_vm_console_path(const struct lab_vm *vm);

/* True once QEMU has ended; @ret_status (may be NULL) takes its wait status. */
bool lab_vm_ended(struct lab_vm *vm, int *ret_status);

/* The last line that QEMU printed, or NULL. The caller frees it. */
char *lab_vm_complaint(const struct lab_vm *vm);

/* True once the guest's console has shown a kernel panic. */
bool lab_vm_panicked(struct lab_vm *vm);
