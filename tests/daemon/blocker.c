/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's blocking without its policy: holds the guests of a directory when it is told to.
 *
 *     test-daemon-blocker RUN-DIRECTORY GUESTS-DIRECTORY
 *
 * Lines in: "hold NAME MSEC", "release NAME", "pager NAME no|stops|stopped" (what its pager has
 * done to it), "look NAME", "watch GUESTS-DIRECTORY" (another one), "end". Lines out: JSON, an
 * answer to each, and
 * {"event": TEXT, "guest": NAME} as they come. It is its own guardian, as aerostatd is.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "daemon/blocking.h"
#include "daemon/guardian.h"
#include "daemon/pagers_impl.h"
#include "vmm/discovery.h"

#define TIMEOUT_MSEC 500
#define POLL_MSEC    200

struct blocker {
    GMainLoop *loop;
    struct guests *guests;
    struct blocking *blocking;
    struct discovery *discovery;
};

static void print(struct json_object *obj)
{
    (void)puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN));
    (void)fflush(stdout);
    json_object_put(obj);
}

static void on_record(struct guest *guest, char *text, void *data)
{
    struct json_object *obj = json_object_new_object();

    (void)data;
    json_put_string(obj, "event", text);
    json_put_string(obj, "guest", guest->key);
    print(obj);
    g_free(text);
}

static void on_changed(struct guest *guest, void *data)
{
    (void)guest;
    (void)data;
}

static void on_event(struct vmm_guest *vmm, enum vmm_event event, void *data)
{
    struct blocker *b = data;
    struct guest *guest = vmm_guest_owner(vmm);

    if (!guest) {
        guest = guests_add(b->guests, vmm);
        vmm_guest_set_owner(vmm, guest);
    }
    if (event == VMM_EVENT_GONE) {
        vmm_guest_set_owner(vmm, NULL);
        blocking_forget(b->blocking, guest);
        guests_remove(b->guests, guest);
        return;
    }
    if (event == VMM_EVENT_READY)
        guests_name(b->guests, guest);
    blocking_see(b->blocking, guest);
}

static void look(const struct blocker *b, const struct guest *guest)
{
    struct json_object *obj = json_object_new_object();

    json_put_bool(obj, "known", guest && guest->ready);
    if (guest) {
        const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

        json_put_bool(obj, "running", facts->running);
        json_put_string(obj, "link", vmm_link_name(facts->link));
        json_put_bool(obj, "holds", blocking_holds(guest));
        json_put_u64(obj, "total", blocking_total(guest));
        json_put_u64(obj, "times", blocking_times(guest));
    }
    json_put_u64(obj, "count", blocking_count(b->blocking));
    print(obj);
}

static void set_pager(struct guest *guest, const char *does)
{
    static struct pager pager; /* one guest of a test has one */

    pager.stopping = strcmp(does, "stops") == 0;
    pager.stopped = strcmp(does, "stopped") == 0;
    guest->pager = &pager;
}

static struct discovery_config watched(const char *directory)
{
    return (struct discovery_config){.directory = directory,
                                     .host_root = "",
                                     .timeout_msec = TIMEOUT_MSEC,
                                     .stats_period_sec = 1};
}

static gboolean on_end(void *data)
{
    g_main_loop_quit(((struct blocker *)data)->loop);
    return G_SOURCE_REMOVE;
}

static void order(struct blocker *b, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    struct guest *guest = words[0] && words[1] ? guests_find(b->guests, words[1]) : NULL;

    if (g_strcmp0(words[0], "end") == 0) {
        blocking_end(b->blocking, on_end, b);
    } else if (g_strcmp0(words[0], "hold") == 0 && guest && words[2]) {
        struct json_object *obj = json_object_new_object();
        usec_t usec = g_ascii_strtoull(words[2], NULL, 10) * USEC_PER_MSEC;

        json_put_bool(obj, "held", blocking_hold(b->blocking, guest, usec));
        print(obj);
    } else {
        if (g_strcmp0(words[0], "pager") == 0 && guest && words[2])
            set_pager(guest, words[2]);
        if (g_strcmp0(words[0], "release") == 0 && guest)
            blocking_release(guest);
        if (g_strcmp0(words[0], "watch") == 0) {
            const struct discovery_config config = watched(words[1]);

            discovery_reconfigure(b->discovery, &config);
            guest = NULL;
        }
        look(b, guest);
    }
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer data)
{
    char buf[4096];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);
    g_auto(GStrv) lines = NULL;

    (void)condition;
    if (n <= 0) {
        g_main_loop_quit(((struct blocker *)data)->loop);
        return G_SOURCE_REMOVE;
    }
    buf[n] = '\0';
    lines = g_strsplit(g_strchomp(buf), "\n", -1); /* a test sends whole lines, and waits */
    for (char **line = lines; *line; line++)
        order(data, *line);
    return G_SOURCE_CONTINUE;
}

static gboolean on_poll(void *data)
{
    const struct blocker *b = data;

    for (guint i = 0; i < guests_count(b->guests); i++)
        vmm_guest_poll(guests_at(b->guests, i)->vmm);
    return G_SOURCE_CONTINUE;
}

static void run(const char *directory, const char *guests_directory)
{
    static const struct blocking_calls calls = {.record = on_record, .changed = on_changed};
    const struct discovery_config config = watched(guests_directory);
    struct blocker b = {.loop = g_main_loop_new(NULL, FALSE), .guests = guests_new()};

    b.blocking = blocking_new(directory, "", &calls, &b);
    b.discovery = discovery_new(&config, on_event, &b);
    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, &b);
    g_timeout_add(POLL_MSEC, on_poll, &b);
    g_main_loop_run(b.loop);
    for (guint i = 0; i < guests_count(b.guests); i++)
        blocking_forget(b.blocking, guests_at(b.guests, i));
    discovery_free(b.discovery);
    blocking_free(b.blocking);
    guests_free(b.guests);
    g_main_loop_unref(b.loop);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "--guardian") == 0)
        return guardian_run(argv[2], "");
    if (argc != 3)
        return 2;
    run(argv[1], argv[2]);
    return 0;
}
