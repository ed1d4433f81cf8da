/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pagers of all guests: who gets one, that it lives, what it is told, what it says.
 *
 * A guest's pager needs nobody to serve its faults; what happens here may be late, and may end with
 * the daemon. The next daemon finds the pagers that run, and starts one anew where a guest's pages
 * are out and nobody serves them. See pagers.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/admit.h"
#include "daemon/config.h"
#include "daemon/guests.h"
#include "pager/map.h"

struct pagers;

struct pagers_calls {
    /* Something happened to the guest's pager; takes @text. */
    void (*record)(struct guest *guest, char *text, void *data);
    /* The policy should look at the guest now. */
    void (*changed)(struct guest *guest, void *data);
    /* What all guests but @except need of the host, for admission; false: not known yet. */
    bool (*host)(struct admit_host *ret, const struct guest *except, void *data);
};

/* Begins to look after pagers. All but @data's are borrowed for good, @config until the next
 * pagers_configure. */
struct pagers *pagers_new(const struct config *config, const char *host_root,
                          const struct pagers_calls *calls, void *data);

/* Leaves the pagers themselves alone. */
void pagers_free(struct pagers *pagers);

void pagers_configure(struct pagers *pagers, const struct config *config);

/* What is wished for a guest; a guest that was refused is tried again when it changes. */
struct pager_wish {
    bool wanted;
    uint64_t reservation; /* bytes */
};

/* Again and again, with each look at the guest: it gets a pager, keeps or loses it. */
void pagers_see(struct pagers *pagers, struct guest *guest, const struct pager_wish *wish);

/* The guest is not known any more. Its process may live: then its pager is still looked after. */
void pagers_forget(struct guest *guest);

/* What the policy is told; *resident is changed where the map knows it. */
struct pager_observation pagers_observe(struct guest *guest, uint64_t *resident);

/* Host memory that all pagers occupy for themselves, and not for guests. */
uint64_t pagers_memory(const struct pagers *pagers);

/* What a pager needs for itself, of a guest of @size bytes; and what all need, but @except's (NULL:
 * none). Bounds, not what they have now. */
uint64_t pagers_overhead(uint64_t size);
uint64_t pagers_expected_memory(const struct pagers *pagers, const struct guest *except);

/* Bytes of swap files that are being made. */
uint64_t pagers_promised(const struct pagers *pagers);

/* What the guest may occupy from now on. False: nothing is new about that. */
bool pagers_allow(struct guest *guest, uint64_t bytes);

/* The guest's pager had it stopped, because pages of it can't be read back, or is about to stop it
 * or to let it go on. */
enum pager_stop {
    PAGER_STOPS_NOT,
    PAGER_STOP_UNDER_WAY, /* the VMM has yet to answer */
    PAGER_STOPPED,
};

enum pager_stop pagers_stop(const struct guest *guest);

/* How a guest stands to its pager. */
enum pager_standing {
    PAGER_NONE,      /* it is to have none: switched off, or not known well enough yet */
    PAGER_PREPARING, /* its swap file is being allocated */
    PAGER_BEGINNING, /* started, does not serve yet */
    PAGER_SERVES,
    PAGER_ENDING,  /* told to load everything back and to go */
    PAGER_MISSING, /* ended though it is needed; a new one follows, after a pause if it ends again
                      and again */
    PAGER_REFUSED, /* this guest can't have one: the view's error says why */
    PAGER_STANDING_MAX,
};

const char *pager_standing_name(enum pager_standing standing);

struct pager_faults {
    uint64_t count;
    double p50, p90, p99; /* microseconds */
};

/*
 * All that is shown of a guest's pager. Sizes in bytes. What comes from the page map is a
 * stranger's word, cut to what is possible; it counts where @known.
 */
struct pager_view {
    enum pager_standing standing;
    const char *error; /* one line: why there is none, or what is wrong with it; NULL: nothing is.
                          Owned by the guest, changes only between callbacks */
    pid_t pid;         /* 0: none runs */

    bool known; /* its map is being read; all that follows */
    enum pager_phase phase;
    bool parked;
    bool evicting; /* false: evicts nothing, because of a device or file of QEMU's; @error says
                      which */

    uint64_t bytes[PAGE_STATE_MAX]; /* of guest RAM, by state; they add up to its size */
    uint64_t cache_payload, cache_bytes,
        cache_limit;    /* compressed pages; memory they occupy; most */
    double cache_ratio; /* size of the pages in the cache by what they take there; 0: none is */
    uint64_t swap_size, swap_used;
    uint64_t allowed; /* what the guest may occupy; UINT64_MAX: anything */
    uint64_t memory;  /* the pager's own, with its map and without its cache */

    double out_rate, in_rate;     /* bytes of guest RAM per second, over the last second or so */
    double write_rate, read_rate; /* bytes of its swap file per second */
    uint64_t evicted[PAGE_STATE_MAX], loaded[PAGE_STATE_MAX]; /* so far, by where to and from */
    uint64_t read_ahead, discarded;
    uint64_t bytes_written, bytes_read;
    uint64_t eviction_races; /* count */
    struct pager_faults faults[FAULT_KIND_MAX];

    uint64_t io_errors; /* count */
    uint64_t held;      /* that can't be read back now */
    uint64_t held_at;   /* guest-physical offset in its RAM of one of them; meaningless without */
    int held_errno;
    bool stopped; /* the guest was stopped for that, and is not yet continued */

    uint64_t sample_windows, sampled, touched; /* counts */
    uint64_t active_permille;                  /* of resident, last window; UINT64_MAX: none yet */
    uint64_t working_set[WORKING_SET_MAX];     /* bytes; UINT64_MAX: not known yet */
    usec_t sampling_cpu;
    uint64_t takeovers;
};

/* False: nothing is to be shown, the guest is to have no pager. */
bool pagers_view(const struct guest *guest, struct pager_view *ret);

/*
 * What its map says of the page of the guest's RAM that is at @address of QEMU, and its number.
 * False: it has no pager, or that looks after something else than this address.
 */
bool pagers_page(const struct guest *guest, uint64_t address, uint64_t *number,
                 struct page_place *ret);

/*
 * How often the guest has waited for a page, by how long (map.h: LATENCY_BUCKETS). NULL: not known.
 * Borrowed, until the main loop runs again.
 */
const COUNTER *pagers_latency(const struct guest *guest, enum fault_kind kind);

/* For a person to read; always a conflict with what the guest is or does now. */
#define PAGERS_ERROR (pagers_error_quark())
GQuark pagers_error_quark(void);

/*
 * Puts a whole guest out of RAM, or brings it back. Returns at once: the view's phase is PARKING
 * (UNPARKING) until it is done, then SERVING with parked (not) set; an event says so as well.
 * Parking what is parked, and unparking what is not, is done again and does no harm.
 */
bool pagers_park(struct guest *guest, GError **error);
bool pagers_unpark(struct guest *guest, GError **error);
