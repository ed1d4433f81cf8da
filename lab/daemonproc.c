/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/daemonproc.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "client/client.h"
#include "lab/child.h"
#include "scenario/error.h"

#define START_TRIES     500
#define START_TRY_USEC  20000
#define LOG_TAIL_LENGTH 2000
#define SWAP_CHUNK      "64M"

struct daemonproc {
    const struct scenario *scenario;
    char *mode, *sockets;
    char *program, *config, *log, *api;
    char *pager, *memory, *swap; /* its program and directories; memory NULL: no pagers */
    char *host_swap;             /* directory of the kernel's swap files */
    GKeyFile *settings;          /* the scenario's, as they are now */
    uint64_t capacity;
    pid_t pid; /* 0: does not run */
    struct client *client;
};

char *daemonproc_find(const char *room, const char *name, const char *installed)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *here = g_path_get_dirname(self ? self : "");
    g_autofree char *above = g_path_get_dirname(here);
    char *built = g_build_filename(above, "src", room, name, NULL);

    if (g_file_test(built, G_FILE_TEST_IS_EXECUTABLE))
        return built;
    g_free(built);
    return g_build_filename(above, installed, name, NULL);
}

struct daemonproc *daemonproc_new(const struct scenario *scenario, const char *mode,
                                  const char *directory, const char *sockets, const char *memory)
{
    struct daemonproc *d = g_new0(struct daemonproc, 1);

    d->scenario = scenario;
    d->settings = g_key_file_new();
    for (unsigned i = 0; i < scenario->settings->len; i++) {
        const struct scenario_setting *s = g_ptr_array_index(scenario->settings, i);

        g_key_file_set_value(d->settings, s->section, s->key, s->value);
    }
    d->mode = g_strdup(mode);
    d->sockets = g_strdup(sockets);
    d->program = daemonproc_find("daemon", "aerostatd", "sbin");
    d->config = g_build_filename(directory, "aerostat.conf", NULL);
    d->log = g_build_filename(directory, "aerostatd.log", NULL);
    d->api = g_build_filename(directory, "api.sock", NULL);
    d->pager = daemonproc_find("pager", "aerostat-pager", "libexec");
    d->memory = g_strdup(memory);
    d->swap = g_build_filename(directory, "swap", NULL);
    d->host_swap = g_build_filename(directory, "host-swap", NULL);
    d->capacity = scenario->capacity;
    d->client = client_new(d->api);
    return d;
}

void daemonproc_free(struct daemonproc *d)
{
    if (d->pid > 0)
        child_end(d->pid);
    client_free(d->client);
    g_key_file_unref(d->settings);
    g_free(d->mode);
    g_free(d->sockets);
    g_free(d->program);
    g_free(d->config);
    g_free(d->log);
    g_free(d->api);
    g_free(d->pager);
    g_free(d->memory);
    g_free(d->swap);
    g_free(d->host_swap);
    g_free(d);
}

static void put_guest(GKeyFile *keys, const struct scenario_guest *g)
{
    g_autofree char *section = g_strdup_printf("vm \"%s\"", g->name);

    if (g->shares)
        g_key_file_set_string(keys, section, "shares", g->shares);
    if (g->reservation > 0)
        g_key_file_set_uint64(keys, section, "reservation", g->reservation);
    if (g->limit > 0)
        g_key_file_set_uint64(keys, section, "limit", g->limit);
    if (g->exempt)
        g_key_file_set_string(keys, section, "exempt", "yes");
    if (g->share)
        g_key_file_set_string(keys, section, "share", g->share);
    if (!g->pager)
        g_key_file_set_string(keys, section, "pager", "no");
}

static void put_pager(const struct daemonproc *d, GKeyFile *keys)
{
    g_key_file_set_string(keys, "pager", "enable", d->memory ? "yes" : "no");
    if (!d->memory)
        return;
    g_key_file_set_string(keys, "pager", "program", d->pager);
    g_key_file_set_string(keys, "pager", "memory-directory", d->memory);
    g_key_file_set_string(keys, "pager", "swap-directory", d->swap);
}

/* A lab's guests are small: so are the files. */
static void put_swap(const struct daemonproc *d, GKeyFile *keys)
{
    g_key_file_set_string(keys, "swap", "directory", d->host_swap);
    if (!g_key_file_has_key(keys, "swap", "chunk", NULL))
        g_key_file_set_string(keys, "swap", "chunk", SWAP_CHUNK);
}

static void copy_keys(GKeyFile *from, GKeyFile *to)
{
    g_auto(GStrv) sections = g_key_file_get_groups(from, NULL);

    for (char **section = sections; *section; section++) {
        g_auto(GStrv) keys = g_key_file_get_keys(from, *section, NULL, NULL);

        for (char **key = keys; *key; key++) {
            g_autofree char *value = g_key_file_get_value(from, *section, *key, NULL);

            g_key_file_set_value(to, *section, *key, value);
        }
    }
}

/* The scenario's own lines come first: where the lab's sockets are is not theirs to say. */
static bool write_config(struct daemonproc *d, GError **error)
{
    g_autoptr(GKeyFile) keys = g_key_file_new();
    g_autoptr(GError) why = NULL;

    copy_keys(d->settings, keys);
    g_key_file_set_string(keys, "host", "mode", d->mode);
    g_key_file_set_uint64(keys, "host", "capacity", d->capacity);
    g_key_file_set_string(keys, "host", "qmp-directory", d->sockets);
    g_key_file_set_string(keys, "api", "socket", d->api);
    put_pager(d, keys);
    put_swap(d, keys);
    for (unsigned i = 0; i < d->scenario->guests->len; i++)
        put_guest(keys, scenario_guest(d->scenario, i));
    if (g_key_file_save_to_file(keys, d->config, &why))
        return true;
    g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, why->message);
    return false;
}

/* The end of the daemon's log, for a message. */
static char *log_tail(const struct daemonproc *d)
{
    g_autofree char *text = NULL;
    gsize len = 0;

    if (!g_file_get_contents(d->log, &text, &len, NULL))
        return g_strdup("");
    return g_strstrip(g_strdup(len > LOG_TAIL_LENGTH ? text + len - LOG_TAIL_LENGTH : text));
}

static bool start_failed(const struct daemonproc *d, const char *what, GError **error)
{
    g_autofree char *tail = log_tail(d);

    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s %s: %s", d->program, what,
                tail[0] ? tail : "it said nothing");
    return false;
}

bool daemonproc_start(struct daemonproc *d, GError **error)
{
    char *argv[] = {d->program, (char[]){"--config"}, d->config, NULL};
    int status;

    g_return_val_if_fail(d->pid == 0, false);
    if (!write_config(d, error))
        return false;
    d->pid = child_start(argv, d->log, error);
    if (d->pid < 0) {
        d->pid = 0;
        return false;
    }
    for (int i = 0; i < START_TRIES; i++) {
        autojson answer = client_request(d->client, "GET", "/v1/version", NULL, NULL);

        if (answer)
            return true;
        if (child_ended(d->pid, &status)) {
            d->pid = 0;
            return start_failed(d, "ended at once", error);
        }
        g_usleep(START_TRY_USEC);
    }
    return start_failed(d, "does not answer on its API", error);
}

void daemonproc_kill(struct daemonproc *d)
{
    if (d->pid > 0)
        child_kill(d->pid);
    d->pid = 0;
}

bool daemonproc_runs(const struct daemonproc *d)
{
    return d->pid > 0;
}

bool daemonproc_set_capacity(struct daemonproc *d, uint64_t capacity, GError **error)
{
    d->capacity = capacity;
    if (!write_config(d, error))
        return false;
    if (d->pid > 0)
        (void)kill(d->pid, SIGHUP);
    return true;
}

bool daemonproc_set(struct daemonproc *d, const char *setting, GError **error)
{
    g_auto(GStrv) name_value = g_strsplit(setting, "=", 2);
    g_auto(GStrv) section_key = g_strsplit(g_strstrip(name_value[0]), ".", 2);

    g_key_file_set_value(d->settings, section_key[0], section_key[1], g_strstrip(name_value[1]));
    return write_config(d, error) && (d->pid == 0 || daemonproc_post(d, "/v1/reload", error));
}

bool daemonproc_healthy(struct daemonproc *d)
{
    int status;

    if (d->pid <= 0 || !child_ended(d->pid, &status))
        return true;
    d->pid = 0;
    return false;
}

struct json_object *daemonproc_get(struct daemonproc *d, const char *path)
{
    return d->pid > 0 ? client_request(d->client, "GET", path, NULL, NULL) : NULL;
}

bool daemonproc_post(struct daemonproc *d, const char *path, GError **error)
{
    autojson answer = NULL;

    if (d->pid <= 0) {
        g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                            "the daemon does not run");
        return false;
    }
    answer = client_request(d->client, "POST", path, NULL, error);
    return answer != NULL;
}

const char *daemonproc_api(const struct daemonproc *d)
{
    return d->api;
}

const char *daemonproc_log(const struct daemonproc *d)
{
    return d->log;
}
