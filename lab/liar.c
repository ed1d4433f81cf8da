/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QMP is a stream of JSON documents in both directions. Each is parsed, changed if it is one of
 * those that are lied about, and written on. One connection at a time is served, as QEMU does; the
 * next one waits in the socket's queue. When either side closes, or does not read, the connection
 * ends.
 */
#include "lab/liar.h"

#include <errno.h>
#include <glib-unix.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "core/units.h"
#include "scenario/error.h"

#define CHUNK 16384
/* What a starving guest pretends between two readings. */
#define STARVED_SWAP_IN (64 * MIB)
#define STARVED_FAULTS  UINT64_C(20000)

struct pump {
    struct liar *liar;
    int fd; /* read here */
    guint watch;
    struct json_tokener *tokener;
    size_t pending; /* bytes of a document that has not ended */
};

struct liar {
    char *path, *qemu_path;
    enum guest_lie lie;
    bool ignores;
    int listener;
    guint watch;
    struct pump from_daemon, from_qemu; /* fd -1: no connection */
    struct json_object *first_stats;    /* LIE_FROZEN: the whole answer */
    uint64_t readings;
};

static bool address_of(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    return g_strlcpy(ret->sun_path, path, sizeof(ret->sun_path)) < sizeof(ret->sun_path);
}

struct liar *liar_new(const char *path, const char *qemu_path, enum guest_lie lie, bool ignores,
                      GError **error)
{
    autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;

    if (fd < 0 || !address_of(path, &address) ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                    "%s: no socket could be made here: %s", path, g_strerror(errno));
        return NULL;
    }

    struct liar *liar = g_new0(struct liar, 1);

    liar->path = g_strdup(path);
    liar->qemu_path = g_strdup(qemu_path);
    liar->lie = lie;
    liar->ignores = ignores;
    liar->listener = fd_take(&fd);
    liar->from_daemon = (struct pump){.liar = liar, .fd = -1};
    liar->from_qemu = (struct pump){.liar = liar, .fd = -1};
    return liar;
}

static void pump_stop(struct pump *pump)
{
    if (pump->watch > 0)
        g_source_remove(pump->watch);
    if (pump->tokener)
        json_tokener_free(pump->tokener);
    fd_close(&pump->fd);
    *pump = (struct pump){.liar = pump->liar, .fd = -1};
}

void liar_free(struct liar *liar)
{
    pump_stop(&liar->from_daemon);
    pump_stop(&liar->from_qemu);
    if (liar->watch > 0)
        g_source_remove(liar->watch);
    fd_close(&liar->listener);
    (void)unlink(liar->path);
    json_put_ref(&liar->first_stats);
    g_free(liar->path);
    g_free(liar->qemu_path);
    g_free(liar);
}

int liar_socket(const struct liar *liar)
{
    return liar->listener;
}

/* A reader that does not keep up is a lost connection: QMP messages are far smaller than its
 * buffer. */
static bool send_document(int fd, struct json_object *document)
{
    g_autofree char *text =
        g_strdup_printf("%s\r\n", json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
    ssize_t len = (ssize_t)strlen(text);

    return send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

static void put_available(struct json_object *stats, uint64_t bytes)
{
    json_put_u64(stats, "stat-free-memory", bytes);
    json_put_u64(stats, "stat-available-memory", bytes);
}

static void put_paging(struct json_object *stats, uint64_t swap_in, uint64_t faults)
{
    json_put_u64(stats, "stat-swap-in", swap_in);
    json_put_u64(stats, "stat-major-faults", faults);
}

/* Changes the statistics in @answer, or gives another answer in its stead (owned by @liar). */
static struct json_object *lie(struct liar *liar, struct json_object *answer)
{
    struct json_object *result = json_get_object(answer, "return");
    struct json_object *stats = json_get_object(result, "stats");
    struct json_object *id = json_object_object_get(answer, "id");
    uint64_t total = 0;

    if (!stats || !json_get_u64(stats, "stat-total-memory", &total) || total > 1ull << 50)
        return answer; /* none yet */
    liar->readings++;
    switch (liar->lie) {
    case LIE_NONE:
    case LIE_NO_STATS: /* these are only simulated */
    case LIE_LATE:
    case LIE_WINDOWS:
        break;
    case LIE_IDLE:
        put_available(stats, total / 10 * 9);
        put_paging(stats, 0, 0);
        break;
    case LIE_STARVED:
        put_available(stats, MIB);
        put_paging(stats, liar->readings * STARVED_SWAP_IN, liar->readings * STARVED_FAULTS);
        break;
    case LIE_FROZEN:
        if (!liar->first_stats)
            liar->first_stats = json_object_get(answer);
        else if (id)
            json_object_object_add(liar->first_stats, "id", json_object_get(id));
        return liar->first_stats;
    case LIE_ABSURD:
        put_available(stats, total * 1024);
        break;
    }
    return answer;
}

/* Answers a balloon command in QEMU's place; false: it is another command. */
static bool swallow(struct liar *liar, struct json_object *command)
{
    const char *execute;
    struct json_object *id = json_object_object_get(command, "id");

    if (!liar->ignores || !json_get_string(command, "execute", &execute) ||
        strcmp(execute, "balloon") != 0)
        return false;

    autojson answer = json_object_new_object();

    json_put_object(answer, "return", json_object_new_object());
    if (id)
        json_object_object_add(answer, "id", json_object_get(id));
    return send_document(liar->from_daemon.fd, answer);
}

static bool pass_on(struct pump *pump, struct json_object *document)
{
    struct liar *liar = pump->liar;

    if (pump == &liar->from_qemu)
        return send_document(liar->from_daemon.fd, lie(liar, document));
    return swallow(liar, document) || send_document(liar->from_qemu.fd, document);
}

/* Passes on every document that ends in @text. */
static bool take(struct pump *pump, const char *text, size_t len)
{
    while (len > 0) {
        autojson document = json_tokener_parse_ex(pump->tokener, text, (int)len);
        enum json_tokener_error state = json_tokener_get_error(pump->tokener);
        size_t used = json_tokener_get_parse_end(pump->tokener);

        if (state == json_tokener_continue) {
            pump->pending += len;
            return pump->pending <= LIAR_MESSAGE_MAX;
        }
        if (state != json_tokener_success || !pass_on(pump, document))
            return false;
        pump->pending = 0;
        text += used;
        len -= used;
    }
    return true;
}

static gboolean on_readable(int fd, GIOCondition condition, void *data);

static void pump_start(struct pump *pump, int fd)
{
    pump->fd = fd;
    pump->tokener = json_tokener_new();
    pump->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, pump);
}

static gboolean on_connection(int fd, GIOCondition condition, void *data)
{
    struct liar *liar = data;
    autofd daemon = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    autofd qemu = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;

    (void)condition;
    if (daemon < 0 || qemu < 0 || !address_of(liar->qemu_path, &address) ||
        connect(qemu, (struct sockaddr *)&address, sizeof(address)) < 0)
        return G_SOURCE_CONTINUE;
    pump_start(&liar->from_daemon, fd_take(&daemon));
    pump_start(&liar->from_qemu, fd_take(&qemu));
    liar->watch = 0;
    return G_SOURCE_REMOVE;
}

void liar_begin(struct liar *liar)
{
    liar->watch = g_unix_fd_add(liar->listener, G_IO_IN, on_connection, liar);
}

static gboolean on_readable(int fd, GIOCondition condition, void *data)
{
    struct pump *pump = data;
    struct liar *liar = pump->liar;
    char text[CHUNK];
    ssize_t len = recv(fd, text, sizeof(text), MSG_DONTWAIT);

    (void)condition;
    if (len < 0 && errno == EAGAIN)
        return G_SOURCE_CONTINUE;
    if (len > 0 && take(pump, text, (size_t)len))
        return G_SOURCE_CONTINUE;
    pump->watch = 0; /* it goes with this return */
    pump_stop(&liar->from_daemon);
    pump_stop(&liar->from_qemu);
    liar_begin(liar);
    return G_SOURCE_REMOVE;
}
