/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_qmp.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/json.h"

#define GREETING                                                                                   \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": " \
    "\"\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define STATS                                                                                      \
    "{\"stats\": {\"stat-total-memory\": 500000000, \"stat-free-memory\": 100000000, "             \
    "\"stat-available-memory\": 200000000, \"stat-disk-caches\": 18446744073709551615}, "          \
    "\"last-update\": 1763745600}"

static gboolean on_client(gint fd, GIOCondition condition, gpointer data);

static void client_end(struct fake_qmp *f)
{
    g_clear_handle_id(&f->read_source, g_source_remove);
    g_clear_handle_id(&f->write_source, g_source_remove);
    fd_close(&f->client);
    if (!f->accept_source && f->listener >= 0)
        f->accept_source = g_unix_fd_add(f->listener, G_IO_IN, on_client, f);
    g_string_truncate(f->in, 0);
    g_string_truncate(f->out, 0);
    g_string_truncate(f->held, 0);
    f->waiting = 0;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    struct fake_qmp *f = data;
    size_t len = f->piece ? MIN(f->piece, f->out->len) : f->out->len;
    ssize_t n = send(fd, f->out->str, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)condition;
    if (n < 0 && errno != EAGAIN) {
        f->write_source = 0;
        client_end(f);
        return G_SOURCE_REMOVE;
    }
    if (n > 0)
        g_string_erase(f->out, 0, n);
    if (f->out->len)
        return G_SOURCE_CONTINUE;
    f->write_source = 0;
    return G_SOURCE_REMOVE;
}

void fake_qmp_send(struct fake_qmp *f, const char *text)
{
    g_string_append(f->out, text);
    if (f->client >= 0 && !f->write_source && f->out->len)
        f->write_source = g_unix_fd_add(f->client, G_IO_OUT, on_writable, f);
}

void fake_qmp_flush(struct fake_qmp *f)
{
    fake_qmp_send(f, f->held->str);
    g_string_truncate(f->held, 0);
    f->waiting = 0;
}

void fake_qmp_hang_up(struct fake_qmp *f)
{
    while (f->out->len && f->client >= 0)
        (void)on_writable(f->client, G_IO_OUT, f);
    client_end(f);
}

/* The human monitor's text as a JSON string; NULL: refused. */
static char *human_answer(struct fake_qmp *f, struct json_object *args)
{
    const char *line = "", *text;
    struct json_object *string;
    char *ret;

    (void)json_get_string(args, "command-line", &line);
    f->cpu = UINT64_MAX;
    (void)json_get_u64(args, "cpu-index", &f->cpu);
    g_free(f->human);
    f->human = g_strdup(line);
    text = g_str_has_prefix(line, "gva2gpa ") ? f->gva2gpa : f->gpa2hva;
    if (!text)
        return NULL;
    string = json_object_new_string(text);
    ret = g_strdup(json_object_to_json_string(string));
    json_object_put(string);
    return ret;
}

static void property_set(struct fake_qmp *f, struct json_object *args)
{
    g_autofree char *before = f->set;
    const char *path = "", *property = "";
    bool on;

    (void)json_get_u64(args, "value", &f->interval);
    if (!json_get_bool(args, "value", &on) || !json_get_string(args, "path", &path) ||
        !json_get_string(args, "property", &property))
        f->set = g_steal_pointer(&before);
    else
        f->set = g_strdup_printf("%s%s%s %s %s", before ? before : "", before ? ", " : "", path,
                                 property, on ? "true" : "false");
}

/* The "return" of @command, owned by the caller; NULL: DeviceNotActive. */
static char *answer(struct fake_qmp *f, const char *command, struct json_object *args)
{
    const char *text = "";

    if (f->override_command && !strcmp(command, f->override_command))
        return g_strdup(f->override_answer);
    if (!strcmp(command, "query-name"))
        return f->name ? g_strdup_printf("{\"name\": \"%s\"}", f->name) : g_strdup("{}");
    if (!strcmp(command, "query-status"))
        return g_strdup_printf("{\"running\": %s, \"singlestep\": false, \"status\": \"x\"}",
                               f->running ? "true" : "false");
    if (!strcmp(command, "query-memory-size-summary"))
        return g_strdup_printf("{\"base-memory\": %" G_GUINT64_FORMAT ", \"plugged-memory\": 0}",
                               f->size);
    if (!strcmp(command, "query-cpus-fast"))
        return g_strdup("[{\"cpu-index\": 0, \"thread-id\": 78}, {\"cpu-index\": 1, "
                        "\"thread-id\": 77}]");
    if (!strcmp(command, "query-memory-devices"))
        return g_strdup("[]");
    if (!strcmp(command, "query-memdev"))
        return g_strdup_printf(
            "[{\"id\": \"pc.ram\", \"size\": %" G_GUINT64_FORMAT ", \"share\": false}]", f->size);
    if (!strcmp(command, "qom-list")) {
        (void)json_get_string(args, "path", &text);
        return g_strdup(
            f->no_balloon || strcmp(text, "/machine/peripheral-anon") != 0
                ? "[]"
                : "[{\"name\": \"type\", \"type\": \"string\"}, "
                  "{\"name\": \"device[0]\", \"type\": \"child<virtio-balloon-pci>\"}]");
    }
    if (!strcmp(command, "qom-get"))
        return g_strdup(STATS);
    if (!strcmp(command, "qom-set"))
        property_set(f, args);
    if (!strcmp(command, "human-monitor-command"))
        return human_answer(f, args);
    if (!strcmp(command, "stop") || !strcmp(command, "cont"))
        f->running = !strcmp(command, "cont");
    if (f->no_balloon && g_str_has_suffix(command, "balloon"))
        return NULL;
    if (!strcmp(command, "query-balloon"))
        return g_strdup_printf("{\"actual\": %" G_GUINT64_FORMAT "}", f->actual);
    if (!strcmp(command, "balloon"))
        (void)json_get_u64(args, "value", &f->balloon);
    return g_strdup("{}");
}

static void command_received(struct fake_qmp *f, const char *line, size_t len)
{
    autojson doc = json_parse(line, len, NULL);
    g_autofree char *ret = NULL, *text = NULL;
    const char *command = NULL;
    int64_t id = 0;

    g_assert_nonnull(doc); /* what we send is always sound */
    g_assert_true(json_get_string(doc, "execute", &command));
    g_assert_true(json_get_i64(doc, "id", &id));
    f->commands++;
    f->waiting++;
    f->greatest_backlog = MAX(f->greatest_backlog, f->waiting);
    if (f->mute)
        return;
    if (f->refuse && strcmp(command, "qmp_capabilities") != 0)
        text = g_strdup_printf("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, "
                               "\"id\": %" G_GINT64_FORMAT "}\r\n",
                               id + f->id_offset);
    else if ((ret = answer(f, command, json_get_object(doc, "arguments"))))
        text = g_strdup_printf("%s{\"return\": %s, \"id\": %" G_GINT64_FORMAT "}\r\n",
                               f->event ? f->event : "", ret, id + f->id_offset);
    else
        text = g_strdup_printf("{\"id\": %" G_GINT64_FORMAT ", \"error\": {\"class\": "
                               "\"DeviceNotActive\", \"desc\": \"No balloon device\"}}\r\n",
                               id + f->id_offset);
    if (f->hold) {
        g_string_append(f->held, text);
        return;
    }
    f->waiting--;
    fake_qmp_send(f, text);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct fake_qmp *f = data;
    char buf[4096];
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    char *end;

    (void)condition;
    if (n <= 0) {
        f->read_source = 0;
        client_end(f);
        return G_SOURCE_REMOVE;
    }
    g_string_append_len(f->in, buf, n);
    while ((end = strchr(f->in->str, '\n'))) {
        g_autofree char *line = g_strndup(f->in->str, (size_t)(end - f->in->str));

        g_string_erase(f->in, 0, end - f->in->str + 1);
        command_received(f, line, strlen(line));
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_client(gint fd, GIOCondition condition, gpointer data)
{
    struct fake_qmp *f = data;

    (void)condition;
    f->accept_source = 0; /* further clients wait, as with QEMU */
    f->client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    g_assert_cmpint(f->client, >=, 0);
    f->clients++;
    f->commands = 0;
    f->read_source = g_unix_fd_add(f->client, G_IO_IN | G_IO_HUP, on_readable, f);
    fake_qmp_send(f, f->greeting);
    return G_SOURCE_REMOVE;
}

struct fake_qmp *fake_qmp_new(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct fake_qmp *f = g_new0(struct fake_qmp, 1);

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    f->path = g_strdup(path);
    f->greeting = GREETING;
    f->size = f->actual = UINT64_C(512) << 20;
    f->in = g_string_new(NULL);
    f->out = g_string_new(NULL);
    f->held = g_string_new(NULL);
    f->running = true;
    f->client = -1;
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(f->listener, >=, 0);
    g_assert_cmpint(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(f->listener, 1), ==, 0);
    f->accept_source = g_unix_fd_add(f->listener, G_IO_IN, on_client, f);
    return f;
}

void fake_qmp_free(struct fake_qmp *f)
{
    g_clear_handle_id(&f->accept_source, g_source_remove);
    fd_close(&f->listener);
    client_end(f);
    (void)unlink(f->path);
    g_string_free(f->in, TRUE);
    g_string_free(f->out, TRUE);
    g_string_free(f->held, TRUE);
    g_free(f->path);
    g_free(f->human);
    g_free(f->set);
    g_free(f);
}
