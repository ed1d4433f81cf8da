/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admission.h"

struct admission {
    GHashTable *tickets; /* name -> struct entry */
    void (*expired)(const char *name, void *data);
    void *data;
};

struct entry {
    struct admission *all;
    char *name;
    struct ticket ticket;
    guint timer; /* source id */
};

static void entry_free(void *data)
{
    struct entry *entry = data;

    g_clear_handle_id(&entry->timer, g_source_remove);
    g_free(entry->name);
    g_free(entry);
}

struct admission *admission_new(void (*expired)(const char *name, void *data), void *data)
{
    struct admission *a = g_new(struct admission, 1);

    *a = (struct admission){
        .tickets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free),
        .expired = expired,
        .data = data,
    };
    return a;
}

void admission_free(struct admission *a)
{
    if (!a)
        return;
    g_hash_table_unref(a->tickets);
    g_free(a);
}

static gboolean on_time(void *data)
{
    struct entry *entry = data;
    struct admission *a = entry->all;

    entry->timer = 0;
    a->expired(entry->name, a->data);
    g_hash_table_remove(a->tickets, entry->name);
    return G_SOURCE_REMOVE;
}

bool admission_keep(struct admission *a, const char *name, const struct ticket *ticket, usec_t hold)
{
    struct entry *entry;

    if (!g_hash_table_contains(a->tickets, name) &&
        g_hash_table_size(a->tickets) >= ADMISSION_TICKETS_MAX)
        return false;
    entry = g_new(struct entry, 1);
    *entry = (struct entry){.all = a, .name = g_strdup(name), .ticket = *ticket};
    entry->timer = g_timeout_add((guint)(hold / USEC_PER_MSEC), on_time, entry);
    (void)g_hash_table_replace(a->tickets, entry->name, entry);
    return true;
}

bool admission_redeem(struct admission *a, const char *name, struct ticket *ret)
{
    const struct entry *entry = g_hash_table_lookup(a->tickets, name);

    if (!entry)
        return false;
    *ret = entry->ticket;
    g_hash_table_remove(a->tickets, name);
    return true;
}

void admission_promised(const struct admission *a, const char *except,
                        struct admission_promised *ret)
{
    GHashTableIter iter;
    void *value;

    *ret = (struct admission_promised){0};
    g_hash_table_iter_init(&iter, a->tickets);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct entry *entry = value;
        const struct ticket *ticket = &entry->ticket;

        if (g_strcmp0(entry->name, except) == 0)
            continue;
        ret->reserved += ticket->request.reservation;
        ret->overhead += ticket->request.overhead;
        *(ticket->ram == VMM_RAM_MEMFD ? &ret->swap_memfd : &ret->swap_private) +=
            admit_swap(&ticket->request);
    }
}
