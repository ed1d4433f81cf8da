/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of guests follows the set of sockets: what is in the directory or named in the
 * configuration, and is a socket, gets a guest; a guest ends by itself (qemu.c) and is then
 * forgotten. If its socket is still there, the next look finds it again and the guest starts anew:
 * a new QEMU may have taken its place. A socket that a dead QEMU left behind becomes a guest whose
 * link is down; it never becomes ready, and ends when the socket is removed. A socket that can be
 * reached by several paths is one guest, under the path that was found first.
 *
 * The directory is watched, so a guest is found at once, and read now and then, since a watch may
 * be impossible (directory not there yet, no inotify watches left) and can miss things.
 */
#include "vmm/discovery.h"

#include <dirent.h>
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "vmm/guest.h"
#include "vmm/qemu.h"

struct discovery {
    vmm_event_fn event;
    void *data;
    struct procscan *scan;
    GHashTable *guests;   /* path -> struct entry, owned by the table */
    GHashTable *by_inode; /* the same by their sockets */
    GQueue ended;         /* struct vmm_guest after GONE, to be freed */
    guint ended_source;
    char *directory;
    char **paths;
    char *host_root;
    guint timeout_msec, stats_period_sec;
    GFileMonitor *monitor;
    guint rescan_source, soon_source;
    int directory_error; /* last one reported */
    bool overflow;       /* DISCOVERY_GUESTS_MAX was reported */
};

struct entry {
    struct discovery *discovery;
    char *path;
    guint64 inode; /* of the socket */
    struct vmm_guest *guest;
};

/* --- the table --- */

static void entry_free(gpointer data)
{
    struct entry *e = data;

    if (e->guest)
        vmm_guest_free(e->guest);
    g_free(e->path);
    g_free(e);
}

static gboolean free_ended(gpointer data)
{
    struct discovery *d = data;
    struct vmm_guest *guest;

    d->ended_source = 0;
    while ((guest = g_queue_pop_head(&d->ended)))
        vmm_guest_free(guest);
    return G_SOURCE_REMOVE;
}

/* The guest is still on the stack somewhere below: it is freed from the main loop. */
static void entry_end(struct entry *e)
{
    struct discovery *d = e->discovery;

    g_queue_push_tail(&d->ended, g_steal_pointer(&e->guest));
    if (!d->ended_source)
        d->ended_source = g_idle_add_full(G_PRIORITY_DEFAULT, free_ended, d, NULL);
    if (g_hash_table_lookup(d->by_inode, &e->inode) == e)
        g_hash_table_remove(d->by_inode, &e->inode);
    g_hash_table_remove(d->guests, e->path);
}

static void on_guest_event(struct vmm_guest *guest, enum vmm_event event, void *data)
{
    struct entry *e = data;

    e->discovery->event(guest, event, e->discovery->data);
    if (event == VMM_EVENT_GONE)
        entry_end(e);
}

static struct qemu_config qemu_config(const struct discovery *d)
{
    return (struct qemu_config){
        .host_root = d->host_root,
        .scan = d->scan,
        .timeout_msec = d->timeout_msec,
        .stats_period_sec = d->stats_period_sec,
    };
}

/* By another path: through a link, or ".." in the configuration. It is one guest all the same. The
 * inode of a socket that was removed may be another's meanwhile. */
static bool is_known(const struct discovery *d, const struct stat *st)
{
    guint64 inode = st->st_ino;
    const struct entry *e = g_hash_table_lookup(d->by_inode, &inode);
    struct stat now;

    return e && stat(e->path, &now) == 0 && now.st_ino == st->st_ino && now.st_dev == st->st_dev;
}

static void add_socket(struct discovery *d, const char *path)
{
    struct qemu_config config = qemu_config(d);
    struct entry *e;
    struct stat st;

    if (g_hash_table_contains(d->guests, path) || stat(path, &st) != 0 || !S_ISSOCK(st.st_mode) ||
        is_known(d, &st))
        return;
    if (g_hash_table_size(d->guests) >= DISCOVERY_GUESTS_MAX) {
        if (!d->overflow)
            log_warning("more than %d guests: %s and further sockets are left alone",
                        DISCOVERY_GUESTS_MAX, path);
        d->overflow = true;
        return;
    }
    e = g_new0(struct entry, 1);
    e->discovery = d;
    e->path = g_strdup(path);
    e->inode = st.st_ino;
    e->guest = qemu_guest_new(path, &config, on_guest_event, e);
    g_hash_table_insert(d->guests, e->path, e);
    g_hash_table_replace(d->by_inode, &e->inode, e);
}

/* --- looking --- */

static bool is_candidate(const char *name)
{
    return g_str_has_suffix(name, ".sock") || g_str_has_suffix(name, ".qmp");
}

static void read_directory(struct discovery *d)
{
    DIR *dir = opendir(d->directory);
    struct dirent *entry;

    if (!dir) {
        if (errno != d->directory_error && errno != ENOENT)
            log_warning("can't look for guests in %s: %s", d->directory, g_strerror(errno));
        d->directory_error = errno;
        return;
    }
    d->directory_error = 0;
    while ((entry = readdir(dir))) {
        if (is_candidate(entry->d_name)) {
            g_autofree char *path = g_build_filename(d->directory, entry->d_name, NULL);

            add_socket(d, path);
        }
    }
    (void)closedir(dir);
}

static void look(struct discovery *d)
{
    for (char **path = d->paths; *path; path++)
        add_socket(d, *path);
    if (d->directory)
        read_directory(d);
}

static gboolean look_again(gpointer data)
{
    look(data);
    return G_SOURCE_CONTINUE;
}

static gboolean look_soon(gpointer data)
{
    struct discovery *d = data;

    d->soon_source = 0;
    look(d);
    return G_SOURCE_REMOVE;
}

/* Many changes at once are looked at once. */
static void on_directory_changed(GFileMonitor *monitor, GFile *file, GFile *other,
                                 GFileMonitorEvent event, gpointer data)
{
    struct discovery *d = data;

    (void)monitor;
    (void)file;
    (void)other;
    if (event == G_FILE_MONITOR_EVENT_CREATED && !d->soon_source)
        d->soon_source = g_timeout_add(DISCOVERY_SETTLE_MSEC, look_soon, d);
}

static void watch(struct discovery *d)
{
    g_autoptr(GFile) file = NULL;

    if (d->monitor)
        g_signal_handlers_disconnect_by_data(d->monitor, d);
    g_clear_object(&d->monitor);
    if (!d->directory)
        return;
    file = g_file_new_for_path(d->directory);
    d->monitor = g_file_monitor_directory(file, G_FILE_MONITOR_NONE, NULL, NULL);
    if (d->monitor) /* else there is the rescan */
        g_signal_connect(d->monitor, "changed", G_CALLBACK(on_directory_changed), d);
}

/* --- configuration --- */

static bool is_wanted(const struct discovery *d, const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *again = d->directory ? g_build_filename(d->directory, name, NULL) : NULL;

    if (g_strv_contains((const char *const *)d->paths, path))
        return true;
    return again && !strcmp(again, path) && is_candidate(name);
}

static char **strv_copy(const char *const *strings)
{
    GPtrArray *copy = g_ptr_array_new();

    while (strings && *strings)
        g_ptr_array_add(copy, g_strdup(*strings++));
    g_ptr_array_add(copy, NULL);
    return (char **)g_ptr_array_free(copy, FALSE);
}

static void configure(struct discovery *d, const struct discovery_config *config)
{
    g_free(d->directory);
    g_strfreev(d->paths);
    d->directory = g_strdup(config->directory);
    d->paths = strv_copy(config->paths);
    d->timeout_msec = config->timeout_msec;
    d->stats_period_sec = config->stats_period_sec;
    d->directory_error = 0;
    d->overflow = false;
}

void discovery_reconfigure(struct discovery *d, const struct discovery_config *config)
{
    g_autoptr(GList) entries = g_hash_table_get_values(d->guests);
    struct qemu_config guest_config;

    configure(d, config);
    guest_config = qemu_config(d);
    for (GList *item = entries; item; item = item->next) {
        struct entry *e = item->data;

        if (is_wanted(d, e->path))
            qemu_guest_configure(e->guest, &guest_config);
        else
            on_guest_event(e->guest, VMM_EVENT_GONE, e);
    }
    watch(d);
    look(d);
}

struct discovery *discovery_new(const struct discovery_config *config, vmm_event_fn event,
                                void *data)
{
    struct discovery *d = g_new0(struct discovery, 1);

    d->event = event;
    d->data = data;
    d->host_root = g_strdup(config->host_root);
    d->scan = procscan_new(d->host_root);
    d->guests = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    d->by_inode = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_queue_init(&d->ended);
    configure(d, config);
    watch(d);
    d->rescan_source = g_timeout_add_seconds(DISCOVERY_RESCAN_SEC, look_again, d);
    look(d);
    return d;
}

bool discovery_unknown(const struct discovery *d)
{
    GHashTableIter iter;
    void *entry;

    g_hash_table_iter_init(&iter, d->guests);
    while (g_hash_table_iter_next(&iter, NULL, &entry)) {
        if (vmm_guest_facts(((const struct entry *)entry)->guest)->link == VMM_LINK_CONNECTING)
            return true;
    }
    return false;
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    g_clear_handle_id(&d->rescan_source, g_source_remove);
    g_clear_handle_id(&d->soon_source, g_source_remove);
    g_clear_handle_id(&d->ended_source, g_source_remove);
    g_clear_pointer(&d->directory, g_free);
    watch(d);
    (void)free_ended(d);
    g_hash_table_destroy(d->by_inode);
    g_hash_table_destroy(d->guests);
    procscan_free(d->scan);
    g_strfreev(d->paths);
    g_free(d->host_root);
    g_free(d);
}
