/* SPDX-License-Identifier: Apache-2.0 */
/* A request is a row of the table `routes`; its handler makes the answer's JSON or an error. */
#include "daemon/api_routes.h"

#include <config.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/access.h"
#include "daemon/api_call.h"
#include "daemon/metrics.h"
#include "daemon/pagers.h"

struct route {
    const char *method;
    const char *path; /* a segment "*" is any */
    bool writes;      /* or tells what is not for everybody's eyes */
    void (*handle)(struct call *c);
};

void call_reply(struct call *c, struct json_object *obj)
{
    g_autofree char *text =
        g_strconcat(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE),
                    "\n", NULL);

    /* libmicrohttpd frees it, with free(). */
    c->answer->text = strdup(text);
    c->answer->content_type = "application/json";
    if (!c->answer->status)
        c->answer->status = 200;
    json_object_put(obj);
}

void call_reply_error(struct call *c, unsigned status, const char *code, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    c->answer->status = status;
    call_reply(c, view_error(code, message));
}

struct guest *call_find_guest(struct call *c)
{
    const char *name = c->segments[2];
    struct guest *guest = guests_find(reconcile_guests(daemon_reconcile(c->daemon)), name);

    if (!guest)
        call_reply_error(c, 404, "not-found",
                         "there is no guest '%.*s'; GET /v1/guests lists those there are",
                         CALL_ECHO_MAX, name);
    return guest;
}

static void get_version(struct call *c)
{
    struct json_object *obj = json_object_new_object();

    json_put_string(obj, "version", AEROSTAT_VERSION);
    json_put_u64(obj, "api", 1);
    call_reply(c, obj);
}

static void get_host(struct call *c)
{
    struct host_status host;
    struct daemon_status status;

    reconcile_host(daemon_reconcile(c->daemon), &host);
    daemon_status(c->daemon, &status);
    call_reply(c, view_host(&host, daemon_config(c->daemon), &status));
}

static void get_guests(struct call *c)
{
    g_autoptr(GPtrArray) sorted = guests_sorted(reconcile_guests(daemon_reconcile(c->daemon)));
    struct json_object *obj = json_object_new_object();
    struct json_object *array = json_object_new_array();

    for (guint i = 0; i < sorted->len; i++)
        json_object_array_add(array, view_guest(sorted->pdata[i], daemon_config(c->daemon)));
    json_put_object(obj, "guests", array);
    call_reply(c, obj);
}

static void get_guest(struct call *c)
{
    struct guest *guest = call_find_guest(c);

    if (guest)
        call_reply(c, view_guest(guest, daemon_config(c->daemon)));
}

static void patch_guest(struct call *c)
{
    struct guest *guest = call_find_guest(c);
    const char *why = NULL;
    autojson body = NULL;
    g_autoptr(GError) error = NULL;

    if (!guest)
        return;
    body = json_parse(c->body, c->body_size, &why);
    if (!body)
        call_reply_error(c, 400, "bad-request", "the body is no JSON document: %s", why);
    else if (!reconcile_patch(daemon_reconcile(c->daemon), guest, body, &error))
        call_reply_error(c, 400, "bad-request", "%s", error->message);
    else
        call_reply(c, view_guest(guest, daemon_config(c->daemon)));
}

/* False, and the error is replied, where nothing may be sent to guests. */
static bool may_release(struct call *c)
{
    if (daemon_config(c->daemon)->mode == MODE_MANAGE)
        return true;
    call_reply_error(c, 409, "conflict",
                     "in mode observe nothing is sent to guests; set [host] mode = manage");
    return false;
}

static void post_release_guest(struct call *c)
{
    struct guest *guest = call_find_guest(c);

    if (!guest || !may_release(c))
        return;
    if (reconcile_release(daemon_reconcile(c->daemon), guest))
        call_reply(c, view_guest(guest, daemon_config(c->daemon)));
    else
        call_reply_error(c, 409, "conflict", "guest %s has not answered yet; try again later",
                         guest->key);
}

static void park(struct call *c, bool (*order)(struct guest *guest, GError **error))
{
    struct guest *guest = call_find_guest(c);
    g_autoptr(GError) error = NULL;

    if (!guest)
        return;
    if (order(guest, &error))
        call_reply(c, view_guest(guest, daemon_config(c->daemon)));
    else
        call_reply_error(c, 409, "conflict", "%s", error->message);
}

static void post_park(struct call *c)
{
    park(c, pagers_park);
}

static void post_unpark(struct call *c)
{
    park(c, pagers_unpark);
}

static void post_release(struct call *c)
{
    struct guests *guests = reconcile_guests(daemon_reconcile(c->daemon));
    struct json_object *obj;
    uint64_t released = 0;

    if (!may_release(c))
        return;
    for (guint i = 0; i < guests_count(guests); i++)
        released += reconcile_release(daemon_reconcile(c->daemon), guests_at(guests, i));
    obj = json_object_new_object();
    json_put_u64(obj, "released", released);
    call_reply(c, obj);
}

static void post_reload(struct call *c)
{
    g_autoptr(GError) error = NULL;
    struct json_object *obj;

    if (!daemon_reload(c->daemon, &error)) {
        call_reply_error(c, 409, "conflict", "%s; the configuration before stays in force",
                         error->message);
        return;
    }
    obj = json_object_new_object();
    json_put_bool(obj, "reloaded", true);
    call_reply(c, obj);
}

static void get_events(struct call *c)
{
    call_reply_events(c, false);
}

static void get_decisions(struct call *c)
{
    call_reply_events(c, true);
}

static void get_metrics(struct call *c)
{
    struct host_status host;
    struct daemon_status status;
    g_autofree char *text = NULL;

    reconcile_host(daemon_reconcile(c->daemon), &host);
    daemon_status(c->daemon, &status);
    text = metrics_text(&host, daemon_config(c->daemon), &status, daemon_api_stats(c->daemon),
                        reconcile_guests(daemon_reconcile(c->daemon)));
    c->answer->status = 200;
    c->answer->content_type = METRICS_CONTENT_TYPE;
    c->answer->text = strdup(text);
}

static const struct route routes[] = {
    {"GET", "/v1/version", false, get_version},
    {"GET", "/v1/host", false, get_host},
    {"GET", "/v1/guests", false, get_guests},
    {"GET", "/v1/guests/*", false, get_guest},
    {"PATCH", "/v1/guests/*", true, patch_guest},
    {"POST", "/v1/guests/*/release", true, post_release_guest},
    {"POST", "/v1/guests/*/park", true, post_park},
    {"POST", "/v1/guests/*/unpark", true, post_unpark},
    {"GET", "/v1/guests/*/translate", true, call_reply_translation},
    {"POST", "/v1/release", true, post_release},
    {"POST", "/v1/admit", true, call_reply_admission},
    {"GET", "/v1/events", false, get_events},
    {"GET", "/v1/decisions", false, get_decisions},
    {"POST", "/v1/reload", true, post_reload},
    {"GET", "/metrics", false, get_metrics},
};

static bool matches(const struct route *route, const struct call *c)
{
    g_auto(GStrv) pattern = g_strsplit(route->path + 1, "/", CALL_SEGMENTS_MAX);

    if (g_strv_length(pattern) != c->n_segments)
        return false;
    for (unsigned i = 0; i < c->n_segments; i++) {
        if (strcmp(pattern[i], "*") != 0 && strcmp(pattern[i], c->segments[i]) != 0)
            return false;
    }
    return true;
}

static void call_route(struct call *c, const struct route *route, const struct api_request *request)
{
    const struct config *config = daemon_config(c->daemon);

    if (route->writes &&
        !access_may_write(request->fd, config->api_group ? &config->api_gid : NULL))
        call_reply_error(
            c, 403, "forbidden", "only root%s%s may %s; %s",
            config->api_group ? " and the group " : "", config->api_group ? config->api_group : "",
            strcmp(route->method, "GET") == 0 ? "see addresses" : "change anything",
            config->api_group ? "become a member of it" : "[api] group names a group that may too");
    else
        route->handle(c);
}

static void dispatch(struct call *c, const struct api_request *request)
{
    /* Who answers GET answers HEAD: libmicrohttpd leaves the body out. */
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    const char *allowed = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        if (!matches(&routes[i], c))
            continue;
        if (strcmp(routes[i].method, method) == 0) {
            call_route(c, &routes[i], request);
            return;
        }
        allowed = allowed && strcmp(allowed, "GET") == 0 ? "GET and PATCH" : routes[i].method;
    }
    if (allowed)
        call_reply_error(c, 405, "method", "%.*s is not possible here; allowed: %s", CALL_ECHO_MAX,
                         request->method, allowed);
    else
        call_reply_error(
            c, 404, "not-found",
            "there is nothing at this path; the paths begin with /v1/ or are /metrics");
}

/* False where it is no path or query that could mean anything. */
static bool parse_uri(struct call *c, const char *uri)
{
    const char *mark = strchr(uri, '?');
    g_autofree char *path = mark ? g_strndup(uri, (gsize)(mark - uri)) : g_strdup(uri);
    g_auto(GStrv) parts = NULL;

    c->query = g_uri_parse_params(mark ? mark + 1 : "", -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
    if (!c->query || *path != '/')
        return false;
    parts = g_strsplit(path + 1, "/", CALL_SEGMENTS_MAX + 1);
    if (g_strv_length(parts) > CALL_SEGMENTS_MAX)
        return false;
    for (char **part = parts; *part; part++) {
        char *segment = g_uri_unescape_string(*part, NULL);

        if (!segment || !g_utf8_validate(segment, -1, NULL)) {
            g_free(segment);
            return false;
        }
        c->segments[c->n_segments++] = segment;
    }
    return true;
}

void api_routes_handle(const struct api_request *request, struct api_answer *ret, void *daemon)
{
    struct call c = {.daemon = daemon,
                     .request = request,
                     .answer = ret,
                     .body = request->body,
                     .body_size = request->body_size};

    if (parse_uri(&c, request->uri))
        dispatch(&c, request);
    else
        call_reply_error(
            &c, 400, "bad-request",
            "the path or its query is malformed; escape names with %%XX of their UTF-8");
    for (unsigned i = 0; i < c.n_segments; i++)
        g_free(c.segments[i]);
    g_clear_pointer(&c.query, g_hash_table_unref);
}
