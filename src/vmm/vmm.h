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
#include "host/ramfind.h"

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

/* Of a guest with more virtual CPUs none is known. */
#define VMM_CPUS_MAX 1024

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
    bool backends_known;    /* QEMU has told its memory back ends: the two that follow count */
    guint private_backends; /* how many are private: only their pages could be merged (KSM) */
    guint backends_changed; /* how often they were found changed */
    const struct ram_range *ranges; /* where it is in the process; NULL: not known */
    size_t n_ranges;
    uint64_t other_anon;      /* bytes of the VMM's anonymous memory that are no guest RAM, as last
                                 measured; where the RAM is private */
    uint64_t size;            /* bytes; 0: not known yet */
    uint64_t actual;          /* bytes, guest-visible (query-balloon); = size without a device */
    uint64_t resident;        /* bytes of guest RAM that occupy host memory; = actual if unknown */
    uint64_t overhead;        /* bytes of the VMM process that are no guest RAM */
    const uint32_t *cpus;     /* threads that are its virtual CPUs, numbered as the VMM itself does
                                 (its own pid namespace), ascending; with the set-up */
    size_t n_cpus;            /* 0: not known */
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

/* An address of the guest: virtual, through the page tables of one of its CPUs, or physical. */
struct vmm_address {
    bool is_virtual;
    unsigned cpu; /* virtual ones: whose page tables */
    uint64_t address;
};

/* How far an address could be followed. */
enum vmm_reach {
    VMM_REACH_UNMAPPED, /* the guest's page tables have no such virtual address */
    VMM_REACH_NOTHING,  /* nothing is at this guest-physical address */
    VMM_REACH_DEVICE,   /* a device is there, no memory */
    VMM_REACH_MEMORY,   /* RAM or ROM: @hva is known */
    VMM_REACH_MAX,
};

const char *vmm_reach_name(enum vmm_reach reach);

#define VMM_REGION_MAX 128

struct vmm_translation {
    enum vmm_reach reach;
    uint64_t gpa;                /* guest-physical; meaningless where UNMAPPED */
    uint64_t hva;                /* in the VMM's process; of MEMORY only */
    char region[VMM_REGION_MAX]; /* the VMM's name of the memory ("pc.ram"), of MEMORY only */
};

/* @translation is NULL with an @error. Always called once. */
typedef void (*vmm_translated_fn)(struct vmm_guest *guest,
                                  const struct vmm_translation *translation, const GError *error,
                                  void *data);

struct vmm_ops {
    const char *name; /* "qemu" */
    void (*poll)(struct vmm_guest *guest);
    bool (*measure)(struct vmm_guest *guest);
    void (*set_balloon)(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data);
    void (*set_running)(struct vmm_guest *guest, bool running, vmm_done_fn done, void *data);
    void (*set_mergeable)(struct vmm_guest *guest, bool mergeable, vmm_done_fn done, void *data);
    void (*hold)(struct vmm_guest *guest, bool hold, vmm_done_fn done, void *data);
    void (*translate)(struct vmm_guest *guest, const struct vmm_address *address,
                      vmm_translated_fn done, void *data);
    void (*free)(struct vmm_guest *guest);
};

/* Asks for fresh facts; VMM_EVENT_UPDATED follows. A poll still under way makes this a no-op. */
void vmm_guest_poll(struct vmm_guest *guest);

/*
 * Renews facts.resident and .overhead alone, at once and without asking the VMM; no event follows.
 * False: its process has ended, or its size is not known yet.
 */
bool vmm_guest_measure(struct vmm_guest *guest);

/* Sets the guest-visible size. Returns at once; @done tells whether the VMM accepted it. */
void vmm_guest_set_balloon(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data);

/*
 * Stops the virtual CPUs, lets them run again. Returns at once; @done tells whether the VMM did it.
 * Stopping twice is no error; an operator who has stopped the guest himself is not told apart.
 */
void vmm_guest_stop(struct vmm_guest *guest, vmm_done_fn done, void *data);
void vmm_guest_cont(struct vmm_guest *guest, vmm_done_fn done, void *data);

/* Where nothing was done, because the guest is in no state for it: it need not be tried again, nor
 * undone. */
#define VMM_ERROR (vmm_error_quark())
GQuark vmm_error_quark(void);

enum vmm_error {
    VMM_ERROR_STATE,
};

/*
 * Holds a guest that runs, for a moment, and lets it go on. Refused with VMM_ERROR_STATE: holding
 * what stands still already or is being migrated; letting go what stands still for a reason of its
 * own by now. With any other error the order may have been carried out or not. Letting go what runs
 * is no error.
 */
void vmm_guest_hold(struct vmm_guest *guest, vmm_done_fn done, void *data);
void vmm_guest_let_go(struct vmm_guest *guest, vmm_done_fn done, void *data);

/*
 * Lets the kernel merge pages of the guest's private memory with identical ones of others (KSM), or
 * has it undo that and do it no more. Returns at once; @done tells whether the VMM did it, an error
 * that it is not known to hold. To undo takes the VMM about a second per GiB that was merged, in
 * which it answers nothing, and the memory that merging had saved. Memory that is plugged in later
 * has to be told again (backends_changed).
 */
void vmm_guest_set_mergeable(struct vmm_guest *guest, bool mergeable, vmm_done_fn done, void *data);

/*
 * Where an address of the guest is. Returns at once. The VMM walks the guest's page tables for it,
 * and so brings them into memory where they were not.
 */
void vmm_guest_translate(struct vmm_guest *guest, const struct vmm_address *address,
                         vmm_translated_fn done, void *data);

const struct vmm_facts *vmm_guest_facts(const struct vmm_guest *guest);
const struct vmm_ops *vmm_guest_ops(const struct vmm_guest *guest);

/* The caller's own pointer, carried along. */
void vmm_guest_set_owner(struct vmm_guest *guest, void *owner);
void *vmm_guest_owner(const struct vmm_guest *guest);
