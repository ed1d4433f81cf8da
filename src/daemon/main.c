/* SPDX-License-Identifier: Apache-2.0 */
/* aerostatd: command line, signals, and what systemd is told. */
#include <config.h>
#include <glib-unix.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/stdio_open.h"
#include "daemon/capacity.h"
#include "daemon/daemon.h"
#include "daemon/guardian.h"

/* As the LSB and systemd have them. */
enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_CONFIGURED = 6,
};

struct arguments {
    char *config, *host_root, *mode, *guardian;
    gboolean dry_run, check_config, dump_config, version;
};

struct program {
    struct daemon *daemon;
    GMainLoop *loop;
    bool stopping;
};

/* -1: go on; else an exit status. */
static int parse_arguments(int *argc, char ***argv, struct arguments *a)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &a->config,
         "Read FILE and FILE.d/*.conf instead of " AEROSTAT_SYSCONFDIR "/aerostat.conf", "FILE"},
        {"mode", 'm', 0, G_OPTION_ARG_STRING, &a->mode,
         "manage, or observe: decide and record, but send nothing to any guest", "MODE"},
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &a->dry_run, "The same as --mode observe", NULL},
        {"check-config", 0, 0, G_OPTION_ARG_NONE, &a->check_config,
         "Say whether the configuration is right, and end", NULL},
        {"dump-config", 0, 0, G_OPTION_ARG_NONE, &a->dump_config,
         "Print every key with its meaning and its value in force, and end", NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &a->version, "Print the version, and end", NULL},
        {"host-root", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &a->host_root,
         "Prefix of /proc, for tests", "DIR"},
        {"guardian", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &a->guardian,
         "Be the guardian of the guests whose records are in DIR; started by aerostatd", "DIR"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- memory manager for QEMU guests");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error)) {
        (void)fprintf(stderr, "aerostatd: %s; see aerostatd --help\n", error->message);
        return EXIT_USAGE;
    }
    if (*argc > 1) {
        (void)fprintf(stderr, "aerostatd: unexpected argument '%s'; see aerostatd --help\n",
                      (*argv)[1]);
        return EXIT_USAGE;
    }
    if (a->mode && strcmp(a->mode, "manage") != 0 && strcmp(a->mode, "observe") != 0) {
        (void)fprintf(stderr, "aerostatd: --mode %s: allowed are manage and observe\n", a->mode);
        return EXIT_USAGE;
    }
    return -1;
}

/* --check-config and --dump-config. */
static int show_config(const struct arguments *a, const struct daemon_options *options)
{
    g_autoptr(GError) error = NULL;
    autoconfig config = config_load(a->config, &error);

    if (!config || !capacity_check(config, options->host_root, &error)) {
        (void)fprintf(stderr, "aerostatd: %s\n", error->message);
        return EXIT_NOT_CONFIGURED;
    }
    if (options->mode_given)
        config->mode = options->mode;
    if (a->dump_config) {
        g_autofree char *text = config_dump(config);

        (void)fputs(text, stdout);
    } else {
        (void)puts("the configuration is right");
    }
    return 0;
}

/* Every guest takes a socket and, for a moment, a file of its process. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static gboolean on_reload(void *data)
{
    struct program *p = data;

    if (p->stopping)
        return G_SOURCE_CONTINUE;
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIi64, g_get_monotonic_time());
    /* What is wrong is logged and recorded there. */
    (void)daemon_reload(p->daemon, NULL);
    (void)sd_notify(0, "READY=1");
    return G_SOURCE_CONTINUE;
}

static gboolean on_stopped(void *data)
{
    g_main_loop_quit(((struct program *)data)->loop);
    return G_SOURCE_REMOVE;
}

static gboolean on_stop(void *data)
{
    struct program *p = data;

    if (p->stopping) {
        /* Asked twice: without waiting for guests. */
        g_main_loop_quit(p->loop);
        return G_SOURCE_CONTINUE;
    }
    p->stopping = true;
    log_notice("stopping");
    (void)sd_notify(0, "STOPPING=1");
    daemon_stop(p->daemon, on_stopped, p);
    return G_SOURCE_CONTINUE;
}

static gboolean on_watchdog(void *data)
{
    (void)data;
    (void)sd_notify(0, "WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

static void start_watchdog(void)
{
    uint64_t usec;

    /* From the main loop and from nowhere else: a loop that hangs is what it is to find. */
    if (sd_watchdog_enabled(0, &usec) > 0)
        g_timeout_add((guint)MAX(usec / USEC_PER_MSEC / 2, 1), on_watchdog, NULL);
}

static int run(const struct daemon_options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct program p = {.loop = loop, .daemon = daemon_new(options, &error)};

    if (!p.daemon) {
        log_error("%s", error->message);
        return error->domain == CONFIG_ERROR ? EXIT_NOT_CONFIGURED : EXIT_FAILED;
    }
    g_unix_signal_add(SIGTERM, on_stop, &p);
    g_unix_signal_add(SIGINT, on_stop, &p);
    g_unix_signal_add(SIGHUP, on_reload, &p);
    start_watchdog();
    log_notice("aerostatd " AEROSTAT_VERSION " is ready: mode %s, API at %s",
               daemon_mode_name(daemon_config(p.daemon)->mode),
               daemon_config(p.daemon)->api_socket);
    (void)sd_notifyf(0, "READY=1\nSTATUS=Mode %s", daemon_mode_name(daemon_config(p.daemon)->mode));
    g_main_loop_run(loop);
    daemon_free(p.daemon);
    return 0;
}

static void arguments_clear(struct arguments *a)
{
    g_free(a->config);
    g_free(a->host_root);
    g_free(a->mode);
    g_free(a->guardian);
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct daemon_options options;
    int status;

    stdio_open();
    status = parse_arguments(&argc, &argv, &a);
    options = (struct daemon_options){
        .config_path = a.config,
        .host_root = a.host_root ? a.host_root : "",
        .mode_given = a.dry_run || a.mode,
        .mode = a.dry_run || g_strcmp0(a.mode, "observe") == 0 ? MODE_OBSERVE : MODE_MANAGE,
    };
    if (status < 0 && a.version) {
        (void)puts("aerostatd " AEROSTAT_VERSION);
        status = 0;
    } else if (status < 0 && (a.check_config || a.dump_config)) {
        status = show_config(&a, &options);
    } else if (status < 0 && a.guardian) {
        (void)signal(SIGPIPE, SIG_IGN);
        status = guardian_run(a.guardian, options.host_root);
    } else if (status < 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        raise_descriptor_limit();
        status = run(&options);
    }
    arguments_clear(&a);
    if (fflush(stdout) == EOF || ferror(stdout)) {
        perror("aerostatd: standard output");
        return EXIT_FAILED;
    }
    return status;
}
