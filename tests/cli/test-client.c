/* SPDX-License-Identifier: Apache-2.0 */
/* The API's client against a peer that answers one connection with given bytes. */
#include "client/client.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

#define REQUEST_MAX 65536

struct peer {
    char *directory;
    char *path;
    int listener;
    GThread *thread;
    const char *answer;
    size_t repeat; /* MiB of blanks that follow it */
    char request[REQUEST_MAX];
    struct client *client;
};

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

/* One request is one recv or a few: read until its body, whose length the header names, is there.
 */
static void read_request(struct peer *peer, int fd)
{
    size_t len = 0, wanted = 0;

    while (len + 1 < REQUEST_MAX && (wanted == 0 || len < wanted)) {
        ssize_t n = recv(fd, peer->request + len, REQUEST_MAX - 1 - len, 0);
        const char *end, *length;

        if (n <= 0)
            return;
        len += (size_t)n;
        peer->request[len] = '\0';
        end = strstr(peer->request, "\r\n\r\n");
        length = strstr(peer->request, "Content-Length: ");
        if (end)
            wanted = (size_t)(end + 4 - peer->request) +
                     (length ? (size_t)g_ascii_strtoull(length + 16, NULL, 10) : 0);
    }
}

static gpointer peer_main(gpointer data)
{
    struct peer *peer = data;
    autofd fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    g_autofree char *chunk = NULL;

    if (fd < 0)
        return NULL;
    read_request(peer, fd);
    send_all(fd, peer->answer, strlen(peer->answer));
    chunk = g_strnfill(1 << 20, ' ');
    for (size_t i = 0; i < peer->repeat; i++)
        send_all(fd, chunk, 1 << 20);
    return NULL;
}

static void peer_init(struct peer *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *peer = (struct peer){.listener = -1};
    peer->directory = g_dir_make_tmp("aerostat-client-XXXXXX", NULL);
    g_assert_nonnull(peer->directory);
    peer->path = g_build_filename(peer->directory, "api.sock", NULL);
    g_strlcpy(address.sun_path, peer->path, sizeof(address.sun_path));
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(peer->listener, 4), ==, 0);
    peer->client = client_new(peer->path);
}

static void peer_start(struct peer *peer, const char *answer)
{
    peer->answer = answer;
    peer->thread = g_thread_new("peer", peer_main, peer);
}

static void peer_deinit(struct peer *peer)
{
    client_free(peer->client);
    if (peer->thread)
        g_thread_join(peer->thread);
    fd_close(&peer->listener);
    g_unlink(peer->path);
    g_rmdir(peer->directory);
    g_free(peer->path);
    g_free(peer->directory);
}

/* Asks a peer that answers with @answer; the code of the expected error, and its message. */
static void assert_error(const char *answer, int code, const char *message_part)
{
    struct peer peer;
    g_autoptr(GError) error = NULL;

    peer_init(&peer);
    peer_start(&peer, answer);
    g_assert_null(client_request(peer.client, "GET", "/v1/host", NULL, &error));
    g_assert_error(error, CLIENT_ERROR, code);
    g_assert_nonnull(strstr(error->message, message_part));
    peer_deinit(&peer);
}

static void test_get(void)
{
    struct peer peer;
    g_autoptr(GError) error = NULL;
    autojson answer = NULL;
    uint64_t value = 0;

    peer_init(&peer);
    peer_start(&peer,
               "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"size\": 18446744073709551615}");
    answer = client_request(peer.client, "GET", "/v1/guests/a%2Fb?limit=1", NULL, &error);
    g_assert_no_error(error);
    g_assert_true(json_get_u64(answer, "size", &value));
    g_assert_cmpuint(value, ==, UINT64_MAX);
    g_assert_true(g_str_has_prefix(peer.request, "GET /v1/guests/a%2Fb?limit=1 HTTP/1.1\r\n"));
    peer_deinit(&peer);
}

static void test_patch_sends_body(void)
{
    struct peer peer;
    g_autoptr(GError) error = NULL;
    autojson body = json_object_new_object();
    autojson answer = NULL;

    json_put_string(body, "shares", "high");
    peer_init(&peer);
    peer_start(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    answer = client_request(peer.client, "PATCH", "/v1/guests/web", body, &error);
    g_assert_no_error(error);
    g_assert_nonnull(answer);
    g_assert_true(g_str_has_prefix(peer.request, "PATCH /v1/guests/web HTTP/1.1\r\n"));
    g_assert_true(g_str_has_suffix(peer.request, "\r\n\r\n{\"shares\":\"high\"}"));
    peer_deinit(&peer);
}

static void test_post_without_body(void)
{
    struct peer peer;
    autojson answer = NULL;

    peer_init(&peer);
    peer_start(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    answer = client_request(peer.client, "POST", "/v1/reload", NULL, NULL);
    g_assert_nonnull(answer);
    g_assert_nonnull(strstr(peer.request, "Content-Length: 0\r\n"));
    peer_deinit(&peer);
}

static void test_text(void)
{
    struct peer peer;
    g_autofree char *text = NULL;

    peer_init(&peer);
    peer_start(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na 1\nb");
    text = client_request_text(peer.client, "/metrics", NULL);
    g_assert_cmpstr(text, ==, "a 1\nb");
    peer_deinit(&peer);
}

static void test_statuses(void)
{
    static const struct {
        int status, code;
    } cases[] = {
        {301, CLIENT_ERROR_FAILED},      {400, CLIENT_ERROR_BAD_REQUEST},
        {403, CLIENT_ERROR_FORBIDDEN},   {404, CLIENT_ERROR_NOT_FOUND},
        {405, CLIENT_ERROR_BAD_REQUEST}, {409, CLIENT_ERROR_BAD_REQUEST},
        {413, CLIENT_ERROR_BAD_REQUEST}, {500, CLIENT_ERROR_FAILED},
        {503, CLIENT_ERROR_FAILED},
    };
    static const char body[] = "{\"error\": {\"code\": \"x\", \"message\": \"its own words\"}}";

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 %d Thing\r\nContent-Length: %zu\r\nLocation: http://example.com/\r\n\r\n%s",
            cases[i].status, strlen(body), body);
        g_autofree char *bare =
            g_strdup_printf("HTTP/1.1 %d Thing\r\nContent-Length: 4\r\n\r\noops", cases[i].status);
        g_autofree char *number = g_strdup_printf("HTTP status %d", cases[i].status);

        assert_error(answer, cases[i].code, "its own words");
        assert_error(bare, cases[i].code, number);
    }
}

static void test_bad_answers(void)
{
    assert_error("", CLIENT_ERROR_FAILED, "the connection was closed");
    assert_error("SSH-2.0-OpenSSH\r\n\r\n", CLIENT_ERROR_FAILED, "no usable answer");
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", CLIENT_ERROR_FAILED,
                 "no usable answer");
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}x", CLIENT_ERROR_FAILED,
                 "cannot be read");
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", CLIENT_ERROR_FAILED,
                 "it is no object");
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\"\xff\xff\"", CLIENT_ERROR_FAILED,
                 "cannot be read");
}

static void test_endless_answer(void)
{
    struct peer peer;
    g_autoptr(GError) error = NULL;

    peer_init(&peer);
    peer.repeat = (CLIENT_ANSWER_MAX >> 20) + 1;
    peer_start(&peer, "HTTP/1.1 200 OK\r\n\r\n{");
    g_assert_null(client_request(peer.client, "GET", "/v1/host", NULL, &error));
    g_assert_error(error, CLIENT_ERROR, CLIENT_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "more than 64 MiB"));
    peer_deinit(&peer);
}

static void test_not_running(void)
{
    struct peer peer;
    g_autoptr(GError) error = NULL;
    struct client *client;

    peer_init(&peer);
    fd_close(&peer.listener);
    g_assert_null(client_request(peer.client, "GET", "/v1/host", NULL, &error));
    g_assert_error(error, CLIENT_ERROR, CLIENT_ERROR_NOT_RUNNING);
    g_assert_nonnull(strstr(error->message, peer.path));
    g_clear_error(&error);

    client = client_new("/nonexistent/api.sock");
    g_assert_null(client_request(client, "GET", "/v1/host", NULL, &error));
    g_assert_error(error, CLIENT_ERROR, CLIENT_ERROR_NOT_RUNNING);
    client_free(client);
    peer_deinit(&peer);
}

static void test_long_path(void)
{
    g_autofree char *path = g_strnfill(200, 'x');
    g_autoptr(GError) error = NULL;
    struct client *client = client_new(path);

    g_assert_null(client_request(client, "GET", "/v1/host", NULL, &error));
    g_assert_error(error, CLIENT_ERROR, CLIENT_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "at most 107 bytes"));
    client_free(client);
}

static gpointer cancel_when_asked(gpointer data)
{
    struct peer *peer = data;
    autofd fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);

    read_request(peer, fd);
    client_cancel(peer->client);
    /* Until the client gives up: it closes its side. */
    (void)recv(fd, peer->request, 1, 0);
    return NULL;
}

static void test_cancel(void)
{
    struct peer peer;
    g_autoptr(GError) error = NULL;
    gint64 start = g_get_monotonic_time();

    peer_init(&peer);
    peer.thread = g_thread_new("peer", cancel_when_asked, &peer);
    g_assert_null(client_request(peer.client, "GET", "/v1/host", NULL, &error));
    g_assert_error(error, CLIENT_ERROR, CLIENT_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "cancelled"));
    g_assert_cmpint(g_get_monotonic_time() - start, <, (gint64)CLIENT_TIMEOUT_MSEC * 1000);
    peer_deinit(&peer);
}

static void test_escape(void)
{
    g_autofree char *text = client_escape("a/b c?d&e%\xc3\xa4..");

    g_assert_cmpstr(text, ==, "a%2Fb%20c%3Fd%26e%25%C3%A4..");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/get", test_get);
    g_test_add_func("/client/patch-sends-body", test_patch_sends_body);
    g_test_add_func("/client/post-without-body", test_post_without_body);
    g_test_add_func("/client/text", test_text);
    g_test_add_func("/client/statuses", test_statuses);
    g_test_add_func("/client/bad-answers", test_bad_answers);
    g_test_add_func("/client/endless-answer", test_endless_answer);
    g_test_add_func("/client/not-running", test_not_running);
    g_test_add_func("/client/long-path", test_long_path);
    g_test_add_func("/client/cancel", test_cancel);
    g_test_add_func("/client/escape", test_escape);
    return g_test_run();
}
