/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/api_routes.h"
#include "daemon/listen.h"

struct daemon {
    const struct daemon_options *options;
    struct config *config;
    struct recorder *recorder;
    struct reconcile *reconcile;
    struct api *api;
    char *socket; /* that was bound here and is removed at the end; NULL: handed in by systemd */
    gint64 started;
};

static struct config *load_config(const struct daemon_options *options, GError **error)
{
    struct config *config = config_load(options->config_path, error);

    if (config && options->mode_given)
        config->mode = options->mode;
    return config;
}

static const gid_t *writers_of(const struct config *config)
{
    return config->api_group ? &config->api_gid : NULL;
}

/* The listening socket: systemd's, or one of our own. -1 and @error. */
static int open_socket(struct daemon *d, GError **error)
{
    int n = sd_listen_fds(/* unset_environment= */ 1);
    int fd;

    if (n == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) > 0)
        return SD_LISTEN_FDS_START;
    if (n != 0) {
        g_set_error(error, LISTEN_ERROR, LISTEN_ERROR_FAILED,
                    "systemd must hand over one listening UNIX stream socket and no more");
        return -1;
    }
    fd = listen_open(d->config->api_socket, d->config->api_access, writers_of(d->config), error);
    if (fd >= 0)
        d->socket = g_strdup(d->config->api_socket);
    return fd;
}

static bool start_api(struct daemon *d, GError **error)
{
    int fd = open_socket(d, error);

    if (fd < 0)
        return false;
    d->api = api_new(fd, api_routes_handle, d);
    if (!d->api) {
        g_set_error(error, LISTEN_ERROR, LISTEN_ERROR_FAILED, "the API's server can't be started");
        fd_close(&fd);
        return false;
    }
    return true;
}

struct daemon *daemon_new(const struct daemon_options *options, GError **error)
{
    struct daemon *d = g_new0(struct daemon, 1);

    d->options = options;
    d->started = g_get_monotonic_time();
    d->recorder = recorder_new();
    d->config = load_config(options, error);
    /* The API's socket comes first: it is what tells a second daemon to stay out. */
    if (d->config && start_api(d, error)) {
        log_set_level(d->config->log_level);
        d->reconcile = reconcile_new(d->config, options->host_root, d->recorder, error);
    }
    if (!d->reconcile) {
        daemon_free(d);
        return NULL;
    }
    return d;
}

void daemon_free(struct daemon *d)
{
    if (!d)
        return;
    api_free(d->api);
    if (d->socket)
        (void)unlink(d->socket);
    g_free(d->socket);
    reconcile_free(d->reconcile);
    recorder_free(d->recorder);
    config_free(d->config);
    g_free(d);
}

static void record(struct daemon *d, char *text)
{
    struct event event = {.kind = EVENT_CONFIG};
    struct host_status host;

    reconcile_host(d->reconcile, &host);
    event.state = host.policy.state;
    recorder_add(d->recorder, &event, NULL, text);
    g_free(text);
}

/* The socket of a daemon that runs stays where it is; who may open it may change. */
static void adopt_socket(struct daemon *d, const struct config *config)
{
    g_autoptr(GError) error = NULL;

    if (!d->socket)
        return;
    if (g_strcmp0(d->socket, config->api_socket) != 0)
        log_warning("[api] socket = %s takes effect with the next start; the API stays at %s",
                    config->api_socket, d->socket);
    if (!listen_set_access(d->socket, config->api_access, writers_of(config), &error))
        log_warning("%s", error->message);
}

bool daemon_reload(struct daemon *d, GError **error)
{
    g_autoptr(GError) cause = NULL;
    autoconfig config = load_config(d->options, &cause);

    if (config && reconcile_configure(d->reconcile, config, &cause)) {
        config_free(d->config);
        d->config = g_steal_pointer(&config);
        adopt_socket(d, d->config);
        log_set_level(d->config->log_level);
        log_notice("the configuration was read again and is in force");
        record(d, g_strdup("the configuration was read again and is in force"));
        return true;
    }
    log_error("%s; the configuration before stays in force", cause->message);
    record(d, g_strdup_printf("%s; the configuration before stays in force", cause->message));
    g_propagate_error(error, g_steal_pointer(&cause));
    return false;
}

void daemon_stop(struct daemon *d, GSourceFunc done, void *data)
{
    reconcile_end(d->reconcile, d->config->release_on_exit && d->config->mode == MODE_MANAGE, done,
                  data);
}

const struct config *daemon_config(const struct daemon *d)
{
    return d->config;
}

struct reconcile *daemon_reconcile(const struct daemon *d)
{
    return d->reconcile;
}

struct recorder *daemon_recorder(const struct daemon *d)
{
    return d->recorder;
}

const struct api_stats *daemon_api_stats(const struct daemon *d)
{
    return api_stats(d->api);
}

void daemon_status(const struct daemon *d, struct daemon_status *ret)
{
    *ret = (struct daemon_status){
        .uptime = (double)(g_get_monotonic_time() - d->started) / (double)USEC_PER_SEC,
        .events_next = recorder_next(d->recorder),
        .host_root = d->options->host_root,
    };
}
