/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest as the host sees it, whatever runs it. To add a VMM, implement struct vmm_ops (qemu.c is
 * the model) and teach discovery.c where its guests are found.
 *
 * Single-threaded, on the default GLib main context. Nothing here ever blocks: commands are sent,
 * answers arrive later, and every wait has a time-out.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/stats.h"

enum vmm_link {
    VMM_LINK_CONNECTING, /* first connection is being made */
    VMM_LINK_UP,         /* answers */
    VMM_LINK_SILENT,     /* connected, but does not answer in time (stopped, hung) */
    VMM_LINK_DOWN,       /* connection lost or refused; being retried with back-off */
    VMM_LINK_MAX,
};

const char *vmm_link_name(enum vmm_link link);

enum vmm_ram {
    VMM_RAM_UNKNOWN,
    VMM_RAM_PRIVATE, /* private anonymous */
    VMM_RAM_MEMFD,   /* shared memfd */
    VMM_RAM_OTHER,   /* hugetlb, file, several blocks of different kinds */
    VMM_RAM_MAX,
};

const char *vmm_ram_name(enum vmm_ram ram);

/* What is known of a guest now. Strings are owned by the guest and change only between callbacks.
 */
struct vmm_facts {
    const char *name; /* the guest's own name (QMP query-name), else the socket's file name */
    const char *socket_path;
    const char *error; /* why the guest can't be managed now, one line; NULL where it can */
    pid_t pid;         /* of the VMM process; 0: not known */
    enum vmm_link link;
    bool running; /* virtual CPUs run */
    bool balloon_device;
    enum vmm_ram ram;
    uint64_t size;            /* bytes; 0: not known yet */
    uint64_t actual;          /* bytes, guest-visible (query-balloon); = size without a device */
    uint64_t resident;        /* bytes of guest RAM that occupy host memory; = actual if unknown */
    uint64_t overhead;        /* bytes of the VMM process that are no guest RAM */
    struct guest_stats stats; /* last reading, unjudged; GUEST_STATS_NONE if there is none */
    gint64 updated;           /* g_get_monotonic_time() of the last complete poll; 0: none yet */
};

struct vmm_guest;

enum vmm_event {
    VMM_EVENT_READY,   /* size and name are known: the guest can be managed */
    VMM_EVENT_UPDATED, /* facts were renewed by a poll or by an event of the VMM */
    VMM_EVENT_LINK,    /* facts.link changed */
    VMM_EVENT_GONE,    /* VMM process has ended, another took its place, or its socket was removed
                        * while there was no connection; last event, then freed. A guest that was
                        * never ready can go, too */
};

/* Called from the main loop, never from within a vmm_guest_* call. */
typedef void (*vmm_event_fn)(struct vmm_guest *guest, enum vmm_event event, void *data);

/* @error is NULL on success; a time-out or a lost link is an error too. Always called once. */
typedef void (*vmm_done_fn)(struct vmm_guest *guest, const GError *error, void *data);

struct vmm_ops {
    const char *name; /* "qemu" */
    void (*poll)(struct vmm_guest *guest);
    void (*set_balloon)(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data);
    void (*free)(struct vmm_guest *guest);
};

/* Asks for fresh facts; VMM_EVENT_UPDATED follows. A poll still under way makes this a no-op. */
void vmm_guest_poll(struct vmm_guest *guest);

/* Sets the guest-visible size. Returns at once; @done tells whether the VMM accepted it. */
void vmm_guest_set_balloon(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data);

const struct vmm_facts *vmm_guest_facts(const struct vmm_guest *guest);
const struct vmm_ops *vmm_guest_ops(const struct vmm_guest *guest);

/* The caller's own pointer, carried along. */
void vmm_guest_set_owner(struct vmm_guest *guest, void *owner);
void *vmm_guest_owner(const struct vmm_guest *guest);
