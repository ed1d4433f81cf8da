/* SPDX-License-Identifier: Apache-2.0 */
/* Where an address of the guest is: up to two commands of QEMU's human monitor, one after the
 * other. QMP has none of its own for it. */
#include "base/json.h"
#include "vmm/hmp_text.h"
#include "vmm/qemu_guest.h"
#include "vmm/text.h"

#define ECHO_MAX 80 /* characters of an answer that is not understood, in the message */

struct request {
    struct qemu_guest *guest;
    struct vmm_address wanted;
    struct vmm_translation found;
    vmm_translated_fn done;
    void *data;
};

static void finish(struct request *r, const GError *error)
{
    r->done(&r->guest->base, error ? NULL : &r->found, error, r->data);
    g_free(r);
}

static void ask(struct request *r, const char *command, uint64_t address, qmp_answer_fn answered)
{
    struct json_object *args = json_object_new_object();
    g_autofree char *line = g_strdup_printf("%s 0x%" G_GINT64_MODIFIER "x", command, address);

    json_put_string(args, "command-line", line);
    if (r->wanted.is_virtual)
        json_put_u64(args, "cpu-index", r->wanted.cpu);
    qemu_execute(r->guest, "human-monitor-command", args, answered, r);
}

/* NULL, and the request has ended, where there was no text. */
static const char *text_of(struct request *r, struct json_object *ret, const GError *error)
{
    g_autoptr(GError) own = NULL;

    if (!error && json_object_is_type(ret, json_type_string))
        return json_object_get_string(ret);
    if (!error)
        own = g_error_new_literal(QMP_ERROR, QMP_ERROR_PROTOCOL,
                                  "QEMU's human monitor answered with something that is no text");
    else if (error->code == QMP_ERROR_UNKNOWN)
        own = g_error_new_literal(QMP_ERROR, QMP_ERROR_UNKNOWN,
                                  "this QEMU has no human monitor, which alone knows addresses");
    finish(r, own ? own : error);
    return NULL;
}

static void not_understood(struct request *r, const char *command, const char *text)
{
    g_autofree char *tidy = text_tidy(text, ECHO_MAX);
    g_autoptr(GError) error =
        g_error_new(QMP_ERROR, QMP_ERROR_PROTOCOL, "QEMU's answer to %s is not understood: '%s'",
                    command, tidy);

    finish(r, error);
}

static void gpa2hva_answered(struct json_object *ret, const GError *error, void *data)
{
    struct request *r = data;
    const char *text = text_of(r, ret, error);

    if (!text)
        return;
    if (hmp_text_gpa2hva(text, r->found.gpa, &r->found))
        finish(r, NULL);
    else
        not_understood(r, "gpa2hva", text);
}

static void gva2gpa_answered(struct json_object *ret, const GError *error, void *data)
{
    struct request *r = data;
    const char *text = text_of(r, ret, error);

    if (!text)
        return;
    if (!hmp_text_gva2gpa(text, &r->found))
        not_understood(r, "gva2gpa", text);
    else if (r->found.reach == VMM_REACH_UNMAPPED)
        finish(r, NULL);
    else
        ask(r, "gpa2hva", r->found.gpa, gpa2hva_answered);
}

void qemu_translate(struct vmm_guest *guest, const struct vmm_address *address,
                    vmm_translated_fn done, void *data)
{
    struct request *r = g_new0(struct request, 1);

    r->guest = (struct qemu_guest *)guest; /* it begins with it */
    r->wanted = *address;
    r->done = done;
    r->data = data;
    r->found.gpa = address->address;
    if (address->is_virtual)
        ask(r, "gva2gpa", address->address, gva2gpa_answered);
    else
        ask(r, "gpa2hva", address->address, gpa2hva_answered);
}
