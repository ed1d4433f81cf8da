/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest process and its pager, for the files that share it: pagers.c (who gets one, and all of
 * them together), pager_adopt.c (guests found by their maps), pager_life.c (start, takeover, end),
 * pager_talk.c (orders and notices), pager_figures.c (what its map says), pager_jobs.c (what may
 * take long).
 */
#pragma once

#include "daemon/pager_link.h"
#include "daemon/pagers.h"
#include "pager/files.h"

/* What the map's header said when it was last read, and the time between. */
struct pager_figures {
    bool known;
    usec_t at, before; /* of the last reading, and the one that rates are taken from */
    struct pagemap_header now;
    uint64_t out, in, written, read;                 /* bytes, at @before */
    double out_rate, in_rate, write_rate, read_rate; /* per second */
};

/* What is wanted of the pager, and what it was told over the present connection. */
struct pager_orders {
    bool allowed_known, cache_known, sample_known, evicting_known;
    uint64_t allowed, cache, sample_pages, sample_window;
    bool evicting;
};

struct pager {
    struct pagers *all;
    int refs; /* by the table of all, and by jobs under way */

    /* The guest's process, for whose life this exists. */
    pid_t pid;
    uint64_t start_time;
    guint process_watch; /* source id */
    int pidfd;
    bool gone; /* the process has ended */

    struct guest *guest; /* NULL: the daemon does not know it (any more) by its monitor */
    char *name;          /* of the files, and in messages */
    struct pager_files files;
    uint64_t size;        /* bytes of RAM */
    uint64_t reservation; /* when its swap file was made */
    bool wanted;

    enum pager_standing standing;
    char *error; /* NULL: nothing is wrong */
    struct pager_link *link;
    guint timer; /* source id: the next try, or the end of patience with the present one */
    unsigned failures;
    usec_t served;  /* since when; meaningless while it does not */
    bool job;       /* its swap file is being made */
    bool detached;  /* it said so */
    bool releasing; /* the descriptor in the guest is being closed */

    struct pager_orders wish, told;
    GBytes *told_cpus; /* NULL: none yet */
    char *blocked;     /* what forbids eviction now; NULL */
    bool checking;     /* a look at the devices is under way */
    uint64_t fds;      /* descriptors of the guest at the last look */
    usec_t checked;

    bool stopped, stopping; /* the guest, by us */
    bool stop_failed;       /* at the last try, or the other way round */
    bool held_said;         /* that pages of it can't be read back */

    uint64_t rounds; /* of the pager, at the last look */
    unsigned silent; /* looks in a row that found no more */
    bool silence_said;

    struct pager_figures figures;
};

struct pagers {
    const struct config *config;
    const char *host_root;
    const struct pagers_calls *calls;
    void *data;
    char *memory_directory, *swap_directory; /* as they were at the start */
    GPtrArray *all;                          /* struct pager */
    guint tick;                              /* source id */
    usec_t clean_at;
};

static inline usec_t pager_now(void)
{
    return (usec_t)g_get_monotonic_time();
}

/* What the configuration gives its compression cache. */
static inline uint64_t pager_cache_bytes(const struct pager *p)
{
    return (uint64_t)(p->all->config->pager_cache * (double)p->size) & ~(PAGE_BYTES - 1);
}

/* An event of its guest; takes @text. */
void pager_record(struct pager *p, char *text);

/* The policy should look at its guest again. */
void pager_changed(struct pager *p);

void pager_set_error(struct pager *p, const char *format, ...) G_GNUC_PRINTF(2, 3);

struct pager *pager_ref(struct pager *p);
void pager_unref(struct pager *p);

/* Out of the table of all: its guest has none any more. */
void pager_drop(struct pager *p);

/* A new one in the table of all for that process, without a name yet; NULL: it has one, or is gone.
 */
struct pager *pager_new(struct pagers *pagers, pid_t pid, uint64_t start_time, uint64_t size);

/* Its name and its files; true where these say that they are this process's. */
bool pager_name(struct pager *p, const char *name);

/* pager_adopt.c: takes up the guests of the maps that are there at the daemon's start. */
void pagers_adopt(struct pagers *pagers);

/* pager_life.c */

/* Size of its swap file. */
uint64_t pager_swap_bytes(const struct pager *p);

/* Looks what there is for this guest, a pager, files or nothing, and goes on from there. */
void pager_look(struct pager *p);

/* It is (not) wanted any more, or its guest has ended, or may be tried again. */
void pager_reconsider(struct pager *p);

/* The swap file was made, or not. */
void pager_prepared(struct pager *p, const GError *error);

/* pager_talk.c */
void pager_on_ready(struct pager *p);
void pager_on_notice(const struct pager_notice *notice, void *data);

/* Tells the pager what it was not told yet. */
void pager_sync(struct pager *p);

/* Its connection has ended, or is new: it was told nothing. */
void pager_told_nothing(struct pager *p);

/* Is anything to be done, and not just seen? */
static inline bool pager_acts(const struct pager *p)
{
    return p->all->config->mode == MODE_MANAGE;
}

/* pager_held.c: stops the guest while pages of it can't be read back, and lets it go on after that.
 */
void pager_follow_held(struct pager *p);

/* pager_watch.c: a look once a second whether it lives, while it is to serve. */
void pager_watch(struct pager *p);

/* pager_figures.c */

/* The header of the page map @path, if it is one. */
bool pager_read_map(const char *path, struct pagemap_header *ret);

/* Reads the map's header unless that was just done. */
void pager_refresh(struct pager *p);
void pager_forget_figures(struct pager *p);

/* Bytes of its guest's RAM that are neither resident nor never touched. */
uint64_t pager_out(const struct pager *p);

/*
 * Was parked, or is being parked or unparked, and is still mostly out. One that has come back by
 * itself is a guest like any other.
 */
bool pager_is_parked(const struct pager *p);

/* Host memory that is the pager's own and no guest's. */
uint64_t pager_own_memory(const struct pager *p);

/* pager_jobs.c: in a thread; the answer comes in the main loop. */
void pager_make_swap_file(struct pager *p, uint64_t bytes);
void pager_check_devices(struct pager *p);
