/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading goes in three steps, so that a wrong file changes nothing: all lines of all files are
 * read, each is looked up in the table and its value taken over into a new struct config, and what
 * must hold between keys is checked at the end. The first error ends it; the caller keeps what it
 * had.
 */
#include "daemon/config.h"

#include <config.h>
#include <grp.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/config_table.h"

#define DEFAULT_PATH   AEROSTAT_SYSCONFDIR "/aerostat.conf"
#define DROPINS_MAX    256
#define API_SOCKET_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

struct config *config_new(void)
{
    struct config *config = g_new0(struct config, 1);

    config->policy = policy_params_default();
    config->share = share_params_default();
    config->vms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; i < config_keys_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (key->fallback && !config_value_parse(key, key->fallback, config, NULL))
            g_error("the default of [%s] %s is not allowed", key->section, key->name);
    }
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    g_free(config->qmp_directory);
    g_strfreev(config->qmp_sockets);
    g_free(config->pager_program);
    g_free(config->pager_memory_directory);
    g_free(config->pager_swap_directory);
    g_free(config->swap_directory);
    g_free(config->api_socket);
    g_free(config->api_group);
    g_hash_table_unref(config->vms);
    g_free(config);
}

const struct settings *config_vm(const struct config *config, const char *name)
{
    static const struct settings none;
    const struct settings *settings = g_hash_table_lookup(config->vms, name);

    return settings ? settings : &none;
}

char *config_run_directory(const struct config *config)
{
    return g_path_get_dirname(config->api_socket);
}

/* "capacity, mode, ..." of one section. */
static char *keys_of(const char *section)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < config_keys_count; i++) {
        if (strcmp(config_keys[i].section, section) == 0)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", config_keys[i].name);
    }
    return g_string_free(text, FALSE);
}

static bool apply_section(const struct config_entry *entry, GError **error)
{
    g_autofree char *keys = keys_of(entry->section);
    bool vm = strcmp(entry->section, "vm") == 0;

    if (!vm && *keys == '\0')
        config_entry_error(
            entry, error,
            "there is no section [%.*s]; allowed are [host], [policy], [pager], [swap], [share], "
            "[api], [log] and [vm \"name\"]",
            CONFIG_ECHO_MAX, entry->section);
    else if (vm && !entry->label)
        config_entry_error(entry, error, "[vm] needs the guest's name: [vm \"name\"]");
    else if (!vm && entry->label)
        config_entry_error(entry, error, "[%s] takes no name; write [%s]", entry->section,
                           entry->section);
    else
        return true;
    return false;
}

static bool apply_vm(struct config *config, const struct config_entry *entry, GError **error)
{
    struct settings *settings = g_hash_table_lookup(config->vms, entry->label);
    g_autoptr(GError) cause = NULL;

    if (!settings) {
        settings = g_new0(struct settings, 1);
        g_hash_table_insert(config->vms, g_strdup(entry->label), settings);
    }
    for (int i = 0; i < SETTING_MAX; i++) {
        if (strcmp(entry->key, setting_name((enum setting)i)) != 0)
            continue;
        if (settings_parse(settings, (enum setting)i, entry->value, &cause))
            return true;
        config_entry_error(entry, error, "%s", cause->message);
        return false;
    }
    config_entry_error(
        entry, error,
        "there is no key '%.*s' in [vm]; allowed are shares, reservation, limit, exempt, "
        "guest-swap, pager, share",
        CONFIG_ECHO_MAX, entry->key);
    return false;
}

static bool apply(struct config *config, const struct config_entry *entry, GError **error)
{
    const struct config_key *key;
    g_autoptr(GError) cause = NULL;
    g_autofree char *keys = NULL;

    if (!entry->key)
        return apply_section(entry, error);
    if (strcmp(entry->section, "vm") == 0)
        return apply_vm(config, entry, error);
    key = config_key_find(entry->section, entry->key);
    if (!key) {
        keys = keys_of(entry->section);
        config_entry_error(entry, error, "there is no key '%.*s' in [%s]; allowed are %s",
                           CONFIG_ECHO_MAX, entry->key, entry->section, keys);
        return false;
    }
    if (config_value_parse(key, entry->value, config, &cause))
        return true;
    config_entry_error(entry, error, "%s", cause->message);
    return false;
}

/* Blames the last line that sets @a or @b in that section. Defaults do not clash, so there is one.
 */
static bool clash(GPtrArray *entries, const char *section, const char *label, const char *a,
                  const char *b, const char *message, GError **error)
{
    for (guint i = entries->len; i-- > 0;) {
        const struct config_entry *entry = entries->pdata[i];

        if (!entry->key || strcmp(entry->section, section) != 0 ||
            g_strcmp0(entry->label, label) != 0)
            continue;
        if (strcmp(entry->key, a) == 0 || strcmp(entry->key, b) == 0) {
            config_entry_error(entry, error, "%s", message);
            return false;
        }
    }
    g_assert_not_reached();
}

static bool check_policy(const struct config *c, GPtrArray *entries, GError **error)
{
    const struct policy_params *p = &c->policy;

    if (p->activity.fast_usec > p->activity.slow_usec)
        return clash(entries, "policy", NULL, "activity-fast", "activity-slow",
                     "activity-fast is more than activity-slow; it must be at most as long", error);
    if (p->stall_backoff_usec > p->stall_backoff_max_usec)
        return clash(entries, "policy", NULL, "stall-backoff", "stall-backoff-max",
                     "stall-backoff is more than stall-backoff-max; it must be at most as long",
                     error);
    if (c->stats_period_usec % USEC_PER_SEC)
        return clash(entries, "policy", NULL, "stats-period", "stats-period",
                     "stats-period must be whole seconds, because QEMU counts it so", error);
    if (p->stats_stale_usec < 2 * c->stats_period_usec)
        return clash(entries, "policy", NULL, "stats-period", "stats-stale",
                     "stats-stale must be at least twice stats-period, or no statistics are ever "
                     "believed",
                     error);
    if (c->capacity != SIZE_AUTO && p->minfree >= c->capacity)
        return clash(entries, "host", NULL, "minfree", "capacity",
                     "minfree must be less than capacity", error);
    if (c->policy.sampled.fast_usec > c->policy.sampled.slow_usec)
        return clash(entries, "policy", NULL, "sampled-fast", "sampled-slow",
                     "sampled-fast is more than sampled-slow; it must be at most as long", error);
    return true;
}

static bool check_pager(const struct config *c, GPtrArray *entries, GError **error)
{
    static const struct {
        const char *key;
        size_t offset;
    } paths[] = {
        {"program", offsetof(struct config, pager_program)},
        {"memory-directory", offsetof(struct config, pager_memory_directory)},
        {"swap-directory", offsetof(struct config, pager_swap_directory)},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *message = NULL;

        if (*(char *const *)((const char *)c + paths[i].offset))
            continue;
        message =
            g_strdup_printf("%s must be a path; enable = no switches pagers off", paths[i].key);
        return clash(entries, "pager", NULL, paths[i].key, paths[i].key, message, error);
    }
    return true;
}

static bool check_share(const struct config *c, GPtrArray *entries, GError **error)
{
    if (c->share.cpu_rest > c->share.cpu_max)
        return clash(entries, "share", NULL, "rest-cpu", "max-cpu",
                     "rest-cpu is more than max-cpu; it must be at most as much", error);
    return true;
}

static bool check_swap(const struct config *c, GPtrArray *entries, GError **error)
{
    if (!c->swap_directory)
        return clash(entries, "swap", NULL, "directory", "directory",
                     "directory must be a path; max = 0 switches making swap files off", error);
    return true;
}

static bool check_api(const struct config *c, GPtrArray *entries, GError **error)
{
    if (!c->api_socket)
        return clash(entries, "api", NULL, "socket", "socket", "socket must be a path", error);
    if (strlen(c->api_socket) > API_SOCKET_MAX)
        return clash(entries, "api", NULL, "socket", "socket",
                     "socket is longer than the 107 bytes that a socket's path may have", error);
    return true;
}

static bool check_vms(const struct config *c, GPtrArray *entries, GError **error)
{
    GHashTableIter iter;
    void *name, *settings;

    g_hash_table_iter_init(&iter, c->vms);
    while (g_hash_table_iter_next(&iter, &name, &settings)) {
        g_autoptr(GError) cause = NULL;

        if (!settings_check(settings, 0, &cause))
            return clash(entries, "vm", name, "reservation", "limit", cause->message, error);
    }
    return true;
}

/* The name service may block: this is why it is asked here, at start and reload, and not for a
 * request. */
static bool find_group(struct config *c, GPtrArray *entries, GError **error)
{
    g_autofree char *message = NULL;
    const struct group *group;
    guint64 number;

    if (!c->api_group)
        return true;
    group = getgrnam(c->api_group);
    if (group) {
        c->api_gid = group->gr_gid;
        return true;
    }
    if (g_ascii_string_to_unsigned(c->api_group, 10, 0, UINT32_MAX - 1, &number, NULL)) {
        c->api_gid = (gid_t)number;
        return true;
    }
    message = g_strdup_printf(
        "there is no group '%.*s'; create it (groupadd --system NAME) or name another",
        CONFIG_ECHO_MAX, c->api_group);
    return clash(entries, "api", NULL, "group", "group", message, error);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_dropins(const char *directory, GPtrArray *entries, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &cause);
    const char *name;

    if (!dir) {
        if (g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return true;
        g_set_error(error, CONFIG_ERROR, 0, "%s: %s", directory, cause->message);
        return false;
    }
    while ((name = g_dir_read_name(dir))) {
        if (*name != '.' && g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_build_filename(directory, name, NULL));
    }
    if (names->len > DROPINS_MAX) {
        g_set_error(error, CONFIG_ERROR, 0, "%s: more than %d *.conf files; remove some", directory,
                    DROPINS_MAX);
        return false;
    }
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++) {
        if (!config_file_read(names->pdata[i], entries, error))
            return false;
    }
    return true;
}

static bool read_all(const char *path, GPtrArray *entries, GError **error)
{
    g_autofree char *dropins = g_strdup_printf("%s.d", path ? path : DEFAULT_PATH);

    if ((path || g_file_test(DEFAULT_PATH, G_FILE_TEST_EXISTS)) &&
        !config_file_read(path ? path : DEFAULT_PATH, entries, error))
        return false;
    return read_dropins(dropins, entries, error);
}

struct config *config_load(const char *path, GError **error)
{
    g_autoptr(GPtrArray) entries = config_entries_new();
    autoconfig config = NULL;

    if (!read_all(path, entries, error))
        return NULL;
    config = config_new();
    for (guint i = 0; i < entries->len; i++) {
        if (!apply(config, entries->pdata[i], error))
            return NULL;
    }
    if (!check_policy(config, entries, error) || !check_pager(config, entries, error) ||
        !check_share(config, entries, error) || !check_swap(config, entries, error) ||
        !check_api(config, entries, error) || !check_vms(config, entries, error) ||
        !find_group(config, entries, error))
        return NULL;
    return g_steal_pointer(&config);
}

static void dump_vm(GString *text, const char *name, const struct settings *s)
{
    g_string_append_printf(text, "\n[vm \"%s\"]\n", name);
    if (s->shares_per_mib)
        g_string_append_printf(text, "shares = %s\n",
                               s->shares_per_mib == SHARES_PER_MIB_HIGH  ? "high"
                               : s->shares_per_mib == SHARES_PER_MIB_LOW ? "low"
                                                                         : "normal");
    else if (s->given & 1u << SETTING_SHARES)
        g_string_append_printf(text, "shares = %" G_GUINT64_FORMAT "\n", s->shares);
    if (s->given & 1u << SETTING_RESERVATION)
        g_string_append_printf(text, "reservation = %" G_GUINT64_FORMAT "\n", s->reservation);
    if (s->given & 1u << SETTING_LIMIT && s->limit)
        g_string_append_printf(text, "limit = %" G_GUINT64_FORMAT "\n", s->limit);
    else if (s->given & 1u << SETTING_LIMIT)
        g_string_append(text, "limit = none\n");
    if (s->given & 1u << SETTING_EXEMPT)
        g_string_append_printf(text, "exempt = %s\n", s->exempt ? "yes" : "no");
    if (s->given & 1u << SETTING_GUEST_SWAP)
        g_string_append_printf(text, "guest-swap = %s\n", guest_swap_name(s->swap));
    if (s->given & 1u << SETTING_PAGER)
        g_string_append_printf(text, "pager = %s\n", s->pager ? "yes" : "no");
    if (s->given & 1u << SETTING_SHARE)
        g_string_append_printf(text, "share = %s\n", *s->share ? s->share : "none");
}

char *config_dump(const struct config *config)
{
    GString *text = g_string_new("# Every key with its value in force.\n");
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(config->vms), (GCompareFunc)strcmp);
    const char *section = "";

    for (size_t i = 0; i < config_keys_count; i++) {
        g_autofree char *value = config_value_format(&config_keys[i], config);
        g_autofree char *allowed = config_value_allowed(&config_keys[i]);

        if (strcmp(section, config_keys[i].section) != 0)
            g_string_append_printf(text, "\n[%s]\n", section = config_keys[i].section);
        g_string_append_printf(text, "# %s\n# Allowed: %s.\n%s = %s\n", config_keys[i].help,
                               allowed, config_keys[i].name, value);
    }
    g_string_append(text, "\n# [vm \"name\"], for the guest of that name:\n");
    for (int i = 0; i < SETTING_MAX; i++)
        g_string_append_printf(text, "#   %s: %s\n", setting_name((enum setting)i),
                               config_vm_help[i]);
    for (GList *name = names; name; name = name->next)
        dump_vm(text, name->data, g_hash_table_lookup(config->vms, name->data));
    return g_string_free(text, FALSE);
}
