/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One easy handle of libcurl per client: requests are made one after the other, and the connection
 * is kept between them. Everything an environment can add to a request (proxies, redirects, other
 * protocols) is switched off: the peer is a socket file and nothing else.
 *
 * Two things can be told about a failure: what the daemon says itself (its error object, whose
 * message is passed on as it is), and that it could not be asked. Bytes of an answer are never
 * trusted: more than CLIENT_ANSWER_MAX is refused while it arrives.
 */
#include "client/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/json.h"

#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

struct client {
    CURL *curl;
    char *socket;
    atomic_bool cancelled;
};

/* One answer as it arrives. */
struct answer {
    GString *body;
    long status;
    bool too_large;
};

G_DEFINE_QUARK(aerostat_client_error, client_error)

static size_t answer_write(char *data, size_t size, size_t count, void *user_data)
{
    struct answer *answer = user_data;
    size_t len = size * count;

    if (len > CLIENT_ANSWER_MAX - answer->body->len) {
        answer->too_large = true;
        return 0;
    }
    g_string_append_len(answer->body, data, (gssize)len);
    return len;
}

static int progress(void *user_data, curl_off_t dltotal G_GNUC_UNUSED,
                    curl_off_t dlnow G_GNUC_UNUSED, curl_off_t ultotal G_GNUC_UNUSED,
                    curl_off_t ulnow G_GNUC_UNUSED)
{
    struct client *client = user_data;

    return atomic_load(&client->cancelled);
}

struct client *client_new(const char *socket)
{
    static gsize ready = 0;
    struct client *client;

    if (g_once_init_enter(&ready)) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            g_error("libcurl cannot be initialised");
        g_once_init_leave(&ready, 1);
    }
    client = g_new0(struct client, 1);
    client->socket = g_strdup(socket ? socket : CLIENT_DEFAULT_SOCKET);
    client->curl = curl_easy_init();
    if (!client->curl)
        g_error("libcurl is out of memory");
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    g_free(client->socket);
    g_free(client);
}

void client_cancel(struct client *client)
{
    atomic_store(&client->cancelled, true);
}

/* The handle's connection survives the reset, its options do not. */
static void prepare(struct client *client, const char *method, const char *url, const char *body,
                    struct curl_slist *headers, struct answer *answer)
{
    CURL *curl = client->curl;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CLIENT_TIMEOUT_MSEC);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? strlen(body) : 0));
    }
}

static void connect_error(struct client *client, GError **error)
{
    long os_errno = 0;

    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_errno);
    if (os_errno == EACCES || os_errno == EPERM)
        g_set_error(error, CLIENT_ERROR, CLIENT_ERROR_FORBIDDEN,
                    "no permission to open %s: be root or in the socket's group", client->socket);
    else
        g_set_error(error, CLIENT_ERROR, CLIENT_ERROR_NOT_RUNNING,
                    "no daemon at %s (%s): is aerostatd running?", client->socket,
                    os_errno ? g_strerror((int)os_errno) : "cannot connect");
}

static void transfer_error(struct client *client, CURLcode result, const struct answer *answer,
                           const char *what, GError **error)
{
    const char *why = curl_easy_strerror(result);
    g_autofree char *text = NULL;

    if (result == CURLE_COULDNT_CONNECT) {
        connect_error(client, error);
        return;
    }
    if (answer->too_large)
        why = text = g_strdup_printf("more than %u MiB", CLIENT_ANSWER_MAX >> 20);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        why = text = g_strdup_printf("none within %d s", CLIENT_TIMEOUT_MSEC / 1000);
    else if (result == CURLE_GOT_NOTHING || result == CURLE_RECV_ERROR)
        why = "the connection was closed";
    else if (result == CURLE_ABORTED_BY_CALLBACK)
        why = "cancelled";
    g_set_error(error, CLIENT_ERROR, CLIENT_ERROR_FAILED, "no usable answer of %s to %s: %s",
                client->socket, what, why);
}

/* The daemon refused: its own message where there is one. */
static void status_error(const struct answer *answer, const char *what, GError **error)
{
    autojson object = json_parse(answer->body->str, answer->body->len, NULL);
    const char *message = NULL;
    enum client_error code = CLIENT_ERROR_FAILED;

    if (answer->status == 403)
        code = CLIENT_ERROR_FORBIDDEN;
    else if (answer->status == 404)
        code = CLIENT_ERROR_NOT_FOUND;
    else if (answer->status >= 400 && answer->status < 500)
        code = CLIENT_ERROR_BAD_REQUEST;

    if (json_get_string(json_get_object(object, "error"), "message", &message) && *message)
        g_set_error_literal(error, CLIENT_ERROR, code, message);
    else
        g_set_error(error, CLIENT_ERROR, code, "the daemon answered %s with HTTP status %ld", what,
                    answer->status);
}

/* Asks and waits. False and @error without a usable answer. @what names the request in messages. */
static bool perform(struct client *client, const char *method, const char *url, const char *body,
                    struct answer *answer, const char *what, GError **error)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode result;

    prepare(client, method, url, body, headers, answer);
    result = curl_easy_perform(client->curl);
    curl_slist_free_all(headers);
    if (result != CURLE_OK) {
        transfer_error(client, result, answer, what, error);
        return false;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (answer->status < 200 || answer->status > 299) {
        status_error(answer, what, error);
        return false;
    }
    return true;
}

/* The body of a successful answer, owned by the caller, or NULL and @error. */
static GString *request(struct client *client, const char *method, const char *path,
                        const char *body, GError **error)
{
    struct answer answer = {.status = 0};
    g_autofree char *url = g_strconcat("http://aerostat", path, NULL);
    g_autofree char *what = g_strdup_printf("%s %s", method, path);

    if (strlen(client->socket) >= SOCKET_PATH_SIZE) {
        g_set_error(error, CLIENT_ERROR, CLIENT_ERROR_FAILED,
                    "%s: a socket's path has at most %zu bytes", client->socket,
                    SOCKET_PATH_SIZE - 1);
        return NULL;
    }
    answer.body = g_string_new(NULL);
    if (perform(client, method, url, body, &answer, what, error))
        return answer.body;
    g_string_free(answer.body, TRUE);
    return NULL;
}

struct json_object *client_request(struct client *client, const char *method, const char *path,
                                   struct json_object *body, GError **error)
{
    const char *text = body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN) : NULL;
    g_autoptr(GString) answer = request(client, method, path, text, error);
    const char *why = "it is no object";
    struct json_object *object;

    if (!answer)
        return NULL;
    object = json_parse(answer->str, answer->len, &why);
    if (object && json_object_is_type(object, json_type_object))
        return object;
    json_put_ref(&object);
    g_set_error(error, CLIENT_ERROR, CLIENT_ERROR_FAILED,
                "the answer of %s to %s %s cannot be read: %s", client->socket, method, path, why);
    return NULL;
}

char *client_request_text(struct client *client, const char *path, GError **error)
{
    GString *answer = request(client, "GET", path, NULL, error);

    return answer ? g_string_free(answer, FALSE) : NULL;
}

char *client_escape(const char *segment)
{
    return g_uri_escape_string(segment, NULL, FALSE);
}
