/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/qmp_wire.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "vmm/qmp.h"
#include "vmm/text.h"

/* Characters of the peer's error messages that are passed on. */
#define ERROR_TEXT_MAX 200

char *qmp_wire_command(const char *command, struct json_object *args, uint64_t id)
{
    autojson obj = json_object_new_object();

    json_put_string(obj, "execute", command);
    if (args)
        json_put_object(obj, "arguments", args);
    json_put_u64(obj, "id", id);
    return g_strconcat(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN), "\r\n", NULL);
}

GError *qmp_wire_error(struct json_object *answer)
{
    struct json_object *body = json_get_object(answer, "error");
    const char *class = "", *desc = "no description";
    enum qmp_error code = QMP_ERROR_COMMAND;
    g_autofree char *tidy = NULL;

    (void)json_get_string(body, "class", &class);
    (void)json_get_string(body, "desc", &desc);
    if (!strcmp(class, "DeviceNotActive") || !strcmp(class, "DeviceNotFound"))
        code = QMP_ERROR_NO_DEVICE;
    else if (!strcmp(class, "CommandNotFound"))
        code = QMP_ERROR_UNKNOWN;
    tidy = text_tidy(desc, ERROR_TEXT_MAX);
    return g_error_new_literal(QMP_ERROR, (int)code, tidy);
}
