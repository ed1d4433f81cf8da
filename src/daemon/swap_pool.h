/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's swap space, as far as guests with private memory need it: a pool of swap files that
 * grows so that size less reservation of all of them always fits, and shrinks where a file is empty
 * or nearly so. With it zswap, where the kernel has it and it pays. See swap_pool.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/units.h"
#include "daemon/config.h"

struct swap_pool;

struct swap_pool_calls {
    void (*record)(char *text, void *data); /* an event of the host; takes @text */
    void (*changed)(void *data);            /* it has grown, or can't: guests wait for it */
};

/* Finds the files of its directory that a daemon before has left in use, and removes those that it
 * has left over. @host_root is borrowed, and @config until the next swap_pool_configure. */
struct swap_pool *swap_pool_new(const struct config *config, const char *host_root,
                                const struct swap_pool_calls *calls, void *data);

/* Takes out of use what is cheap to (next to nothing in it), and puts zswap's settings back; what
 * holds guests' pages stays, and the next daemon finds it. */
void swap_pool_free(struct swap_pool *pool);
void swap_pool_configure(struct swap_pool *pool, const struct config *config);

/* What all guests that are to have host swap need together, bytes. Grows in the background. */
void swap_pool_need(struct swap_pool *pool, uint64_t bytes);

struct swap_pool_view {
    uint64_t size, used; /* bytes of the host's swap space, all of it */
    uint64_t own_size;   /* of these, in files of the pool */
    uint64_t counted;    /* of these, what guests can count on: what is not others' */
    uint64_t needed;     /* as last asked for */
    uint64_t could_grow; /* bytes by which the file system and the configured bound let it grow */
    unsigned files;
    bool growing;
    const char *error;        /* why it does not have what is needed; NULL. Owned by the pool */
    bool zswap;               /* is on, by whomever */
    const char *zswap_reason; /* one sentence; owned by the pool, until the next look */
    uint64_t zswap_payload, zswap_pool; /* bytes of pages in it, bytes that it occupies; 0: none */
};

/* As of the last look, at most a second ago. */
void swap_pool_view(const struct swap_pool *pool, struct swap_pool_view *ret);

/* Bytes of the swap space that are free. */
uint64_t swap_pool_room(const struct swap_pool *pool);

/* What of a guest of so many bytes is put into it is freed at once (zswap, zram), or stays in
 * memory as swap cache until it is dropped (a swap file): facts/linux-mechanisms.md, 1.1. */
bool swap_pool_frees_at_once(const struct swap_pool *pool);
