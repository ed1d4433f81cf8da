/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"

static const char *present_directory; /* a failing test has no other chance to clean up */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clean_up(int signal_number)
{
    if (present_directory)
        (void)nftw(present_directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    present_directory = NULL;
    if (signal_number) {
        (void)signal(signal_number, SIG_DFL);
        (void)raise(signal_number);
    }
}

static void on_event(struct vmm_guest *guest, enum vmm_event event, void *data)
{
    struct bench *b = data;
    size_t i = 0;

    b->ready += event == VMM_EVENT_READY;
    b->updated += event == VMM_EVENT_UPDATED;
    b->link += event == VMM_EVENT_LINK;
    b->gone += event == VMM_EVENT_GONE;
    while (i < BENCH_GUESTS_MAX && b->guests[i] != guest && b->guests[i])
        i++;
    g_assert_cmpuint(i, <, BENCH_GUESTS_MAX);
    b->guests[i] = guest;
    if (event == VMM_EVENT_GONE) {
        memmove(&b->guests[i], &b->guests[i + 1],
                (BENCH_GUESTS_MAX - i - 1) * sizeof(b->guests[0]));
        b->guests[BENCH_GUESTS_MAX - 1] = NULL;
    }
}

struct discovery_config bench_config(const struct bench *b)
{
    return (struct discovery_config){
        .directory = b->directory,
        .host_root = "",
        .timeout_msec = b->timeout_msec,
        .stats_period_sec = 2,
    };
}

void bench_start_with(struct bench *b, const struct discovery_config *config)
{
    b->discovery = discovery_new(config, on_event, b);
}

void bench_start(struct bench *b)
{
    struct discovery_config config = bench_config(b);

    bench_start_with(b, &config);
}

void bench_init(struct bench *b)
{
    g_autoptr(GError) error = NULL;

    *b = (struct bench){.directory = g_dir_make_tmp("aerostat-test-XXXXXX", &error)};
    g_assert_no_error(error);
    b->timeout_msec = BENCH_TIMEOUT_MSEC;
    present_directory = b->directory;
    (void)signal(SIGABRT, clean_up);
    (void)signal(SIGTRAP, clean_up);
    (void)signal(SIGTERM, clean_up);
}

void bench_deinit(struct bench *b)
{
    discovery_free(b->discovery);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    clean_up(0);
    g_free(b->directory);
    g_free(b->order_error);
    g_free(b->translation_error);
}

char *bench_path(const struct bench *b, const char *name)
{
    return g_build_filename(b->directory, name, NULL);
}

int bench_connect(const struct bench *b, const char *name)
{
    g_autofree char *path = bench_path(b, name);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return -1;
    return fd_take(&fd);
}

struct vmm_guest *bench_guest(const struct bench *b, const char *name)
{
    g_autofree char *path = bench_path(b, name);

    for (size_t i = 0; i < BENCH_GUESTS_MAX && b->guests[i]; i++) {
        if (!strcmp(vmm_guest_facts(b->guests[i])->socket_path, path))
            return b->guests[i];
    }
    return NULL;
}

const struct vmm_facts *bench_facts(const struct bench *b, const char *name)
{
    static const struct vmm_facts nothing = {.name = ""};
    struct vmm_guest *guest = bench_guest(b, name);

    return guest ? vmm_guest_facts(guest) : &nothing;
}

static gboolean nothing_happened(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

void bench_turn(struct bench *b)
{
    bool elapsed = false;
    guint timer = g_timeout_add(10, nothing_happened, &elapsed);

    for (size_t i = 0; i < BENCH_GUESTS_MAX && b->guests[i]; i++) {
        unsigned before = b->ready + b->updated + b->link + b->gone;

        vmm_guest_poll(b->guests[i]);
        g_assert_cmpuint(b->ready + b->updated + b->link + b->gone, ==, before);
    }
    g_main_context_iteration(NULL, TRUE);
    if (!elapsed)
        g_source_remove(timer);
}

void bench_order_done(struct vmm_guest *guest, const GError *error, void *data)
{
    struct bench *b = data;

    g_assert_nonnull(vmm_guest_facts(guest));
    if (!error) {
        b->orders_ok++;
        return;
    }
    b->orders_failed++;
    g_free(b->order_error);
    b->order_error = g_strdup(error->message);
}

void bench_order(struct bench *b, struct vmm_guest *guest, uint64_t bytes)
{
    unsigned before = b->orders_ok + b->orders_failed;

    vmm_guest_set_balloon(guest, bytes, bench_order_done, b);
    g_assert_cmpuint(b->orders_ok + b->orders_failed, ==, before); /* later */
}

static void translated(struct vmm_guest *guest, const struct vmm_translation *translation,
                       const GError *error, void *data)
{
    struct bench *b = data;

    g_assert_nonnull(vmm_guest_facts(guest));
    g_assert_true(!translation == !!error);
    b->translated++;
    if (translation)
        b->translation = *translation;
    g_free(b->translation_error);
    b->translation_error = error ? g_strdup(error->message) : NULL;
}

void bench_translate(struct bench *b, struct vmm_guest *guest, struct vmm_address address)
{
    unsigned before = b->translated;

    vmm_guest_translate(guest, &address, translated, b);
    g_assert_cmpuint(b->translated, ==, before); /* later */
    bench_wait(b, b->translated == before + 1);
}
