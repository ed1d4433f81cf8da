/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/guests.h"

#include <string.h>

struct guests {
    GPtrArray *all;     /* struct guest, owned */
    GHashTable *by_key; /* key (the guest's own) -> guest */
};

static void guest_free(void *data)
{
    struct guest *guest = data;

    g_free(guest->key);
    g_free(guest);
}

struct guests *guests_new(void)
{
    struct guests *guests = g_new0(struct guests, 1);

    guests->all = g_ptr_array_new_with_free_func(guest_free);
    guests->by_key = g_hash_table_new(g_str_hash, g_str_equal);
    return guests;
}

void guests_free(struct guests *guests)
{
    if (!guests)
        return;
    g_hash_table_unref(guests->by_key);
    g_ptr_array_unref(guests->all);
    g_free(guests);
}

char *guests_usable_name(const char *name)
{
    char *usable = g_utf8_make_valid(name && *name ? name : "unnamed", -1);

    if (strlen(usable) > GUEST_NAME_MAX)
        *g_utf8_find_prev_char(usable, usable + GUEST_NAME_MAX + 1) = '\0';
    for (char *c = usable; *c; c++) {
        if (g_ascii_iscntrl(*c))
            *c = '?';
    }
    return usable;
}

static void set_key(struct guests *guests, struct guest *guest, char *key)
{
    if (guest->key)
        g_hash_table_remove(guests->by_key, guest->key);
    g_free(guest->key);
    guest->key = key;
    g_hash_table_insert(guests->by_key, guest->key, guest);
}

/* NAME@PID, and where even that is taken (no pid known yet) NAME@PID.N. */
static char *second_key(const struct guests *guests, const char *name, pid_t pid)
{
    char *key = g_strdup_printf("%s@%d", name, (int)pid);

    for (unsigned n = 2; g_hash_table_contains(guests->by_key, key); n++) {
        g_free(key);
        key = g_strdup_printf("%s@%d.%u", name, (int)pid, n);
    }
    return key;
}

struct guest *guests_add(struct guests *guests, struct vmm_guest *vmm)
{
    const struct vmm_facts *facts = vmm_guest_facts(vmm);
    struct guest *guest = g_new0(struct guest, 1);
    g_autofree char *name = guests_usable_name(facts->name);

    guest->vmm = vmm;
    guest->link = facts->link;
    g_ptr_array_add(guests->all, guest);
    if (g_hash_table_contains(guests->by_key, name))
        set_key(guests, guest, second_key(guests, name, facts->pid));
    else
        set_key(guests, guest, g_steal_pointer(&name));
    return guest;
}

void guests_name(struct guests *guests, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    g_autofree char *name = guests_usable_name(facts->name);
    struct guest *holder = g_hash_table_lookup(guests->by_key, name);

    guest->ready = true;
    if (holder == guest)
        return;
    /* What it was called so far must not be in the way of what it will be called. */
    g_hash_table_remove(guests->by_key, guest->key);
    g_clear_pointer(&guest->key, g_free);
    if (holder && holder->ready) {
        guest->doubled = true;
        set_key(guests, guest, second_key(guests, name, facts->pid));
        return;
    }
    if (holder)
        set_key(guests, holder, second_key(guests, name, vmm_guest_facts(holder->vmm)->pid));
    set_key(guests, guest, g_steal_pointer(&name));
}

void guests_remove(struct guests *guests, struct guest *guest)
{
    g_hash_table_remove(guests->by_key, guest->key);
    g_ptr_array_remove_fast(guests->all, guest);
}

struct guest *guests_find(const struct guests *guests, const char *key)
{
    return g_hash_table_lookup(guests->by_key, key);
}

guint guests_count(const struct guests *guests)
{
    return guests->all->len;
}

struct guest *guests_at(const struct guests *guests, guint i)
{
    return guests->all->pdata[i];
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct guest *const *)a)->key, (*(struct guest *const *)b)->key);
}

GPtrArray *guests_sorted(const struct guests *guests)
{
    GPtrArray *sorted = g_ptr_array_copy(guests->all, NULL, NULL);

    g_ptr_array_set_free_func(sorted, NULL);
    g_ptr_array_sort(sorted, by_key);
    return sorted;
}
