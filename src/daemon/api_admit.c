/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/admit: may a guest come? */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/size.h"
#include "daemon/api_call.h"

static void bad(struct call *c, const char *key, const char *allowed)
{
    call_reply_error(c, 400, "bad-request", "%s: %s", key, allowed);
}

/* A JSON integer, or a string as on the command line. */
static bool read_size(struct json_object *value, uint64_t *ret)
{
    if (json_object_is_type(value, json_type_string))
        return size_parse(json_object_get_string(value), ret);
    if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
        return false;
    *ret = json_object_get_uint64(value);
    return true;
}

static bool read_ram(struct json_object *value, enum vmm_ram *ret)
{
    const char *word =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";

    for (enum vmm_ram ram = VMM_RAM_PRIVATE; ram <= VMM_RAM_MEMFD; ram++) {
        if (strcmp(word, vmm_ram_name(ram)) == 0) {
            *ret = ram;
            return true;
        }
    }
    return false;
}

/* False, and the error is replied. @wish borrows from @value. */
static bool read_member(struct call *c, struct admission_wish *wish, const char *key,
                        struct json_object *value)
{
    if (strcmp(key, "name") == 0) {
        wish->name =
            json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
        if (*wish->name)
            return true;
        bad(c, key, "it takes the guest's name, as a string");
    } else if (strcmp(key, "size") == 0) {
        if (read_size(value, &wish->size))
            return true;
        bad(c, key, "it takes bytes, or a size such as \"768M\" or \"2G\"");
    } else if (strcmp(key, "reservation") == 0) {
        wish->reservation_given = true;
        if (read_size(value, &wish->reservation))
            return true;
        bad(c, key, "it takes bytes, or a size such as \"768M\" or \"2G\"");
    } else if (strcmp(key, "ram") == 0) {
        if (read_ram(value, &wish->ram))
            return true;
        bad(c, key, "it is \"memfd\" or \"private\"");
    } else {
        call_reply_error(c, 400, "bad-request", "'%.*s' is none of name, size, reservation and ram",
                         CALL_ECHO_MAX, key);
    }
    return false;
}

static bool read_wish(struct call *c, struct json_object *body, struct admission_wish *wish)
{
    if (!json_object_is_type(body, json_type_object)) {
        call_reply_error(c, 400, "bad-request",
                         "the body must be an object with \"size\" and, if need be, \"name\", "
                         "\"reservation\" and \"ram\"");
        return false;
    }
    json_object_object_foreach(body, key, value)
    {
        if (!read_member(c, wish, key, value))
            return false;
    }
    if (wish->size < SETTING_LIMIT_MIN)
        bad(c, "size", "it must be given, and be 1M at least");
    else if (wish->reservation > wish->size)
        bad(c, "reservation", "it is more than the size");
    else
        return true;
    return false;
}

void call_reply_admission(struct call *c)
{
    struct admission_wish wish = {.ram = VMM_RAM_MEMFD};
    struct admission_answer answer;
    g_autoptr(GError) error = NULL;
    struct json_object *obj;
    const char *why = NULL;
    autojson body = json_parse(c->body, c->body_size, &why);

    if (!body) {
        call_reply_error(c, 400, "bad-request", "the body is no JSON document: %s", why);
        return;
    }
    if (!read_wish(c, body, &wish))
        return;
    if (!reconcile_admit(daemon_reconcile(c->daemon), &wish, &answer, &error)) {
        call_reply_error(c, 503, "busy", "%s", error->message);
        return;
    }
    obj = json_object_new_object();
    json_put_bool(obj, "admitted", answer.verdict == ADMIT_YES);
    json_put_string(obj, "reason", admit_verdict_name(answer.verdict));
    json_put_string(obj, "text", answer.text);
    json_put_double(obj, "hold", (double)answer.hold / (double)USEC_PER_SEC);
    call_reply(c, obj);
}
