/* SPDX-License-Identifier: Apache-2.0 */
/* The host's swap space as it is found. */
#include "daemon/swap_pool.h"

#include "host/meminfo.h"

struct swap_pool {
    const char *host_root;
    uint64_t needed;
};

struct swap_pool *swap_pool_new(const struct config *config, const char *host_root,
                                const struct swap_pool_calls *calls, void *data)
{
    struct swap_pool *pool = g_new0(struct swap_pool, 1);

    (void)config;
    (void)calls;
    (void)data;
    pool->host_root = host_root;
    return pool;
}

void swap_pool_free(struct swap_pool *pool)
{
    g_free(pool);
}

void swap_pool_configure(struct swap_pool *pool, const struct config *config)
{
    (void)pool;
    (void)config;
}

void swap_pool_need(struct swap_pool *pool, uint64_t bytes)
{
    pool->needed = bytes;
}

void swap_pool_view(const struct swap_pool *pool, struct swap_pool_view *ret)
{
    struct meminfo mem = {0};

    (void)meminfo_read(pool->host_root, &mem);
    *ret = (struct swap_pool_view){
        .size = mem.swap_total,
        .used = u64_sub(mem.swap_total, mem.swap_free),
        .needed = pool->needed,
        .error = mem.swap_total < pool->needed ? "the host has too little swap space" : NULL,
    };
}

uint64_t swap_pool_room(const struct swap_pool *pool)
{
    struct swap_pool_view view;

    swap_pool_view(pool, &view);
    return view.size - view.used;
}

bool swap_pool_frees_at_once(const struct swap_pool *pool)
{
    (void)pool;
    return false;
}
