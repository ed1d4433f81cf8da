/* SPDX-License-Identifier: Apache-2.0 */
/* What a QEMU is told to do. Each order is one command; its owner is told once how it went, from
 * the main loop, also where it could not even be sent. */
#include "base/json.h"
#include "vmm/qemu_guest.h"

/* A command that could not be sent. */
struct call {
    qmp_answer_fn done;
    void *data;
    GError *error;
};

/* An order whose owner waits for the outcome. */
struct order {
    struct qemu_guest *guest;
    vmm_done_fn done;
    void *data;
};

static void tell(struct qemu_guest *g)
{
    struct call *call;

    while ((call = g_queue_pop_head(&g->refused))) {
        call->done(NULL, call->error, call->data);
        g_error_free(call->error);
        g_free(call);
    }
}

static gboolean tell_later(gpointer data)
{
    struct qemu_guest *g = data;

    g->refused_source = 0;
    tell(g);
    return G_SOURCE_REMOVE;
}

void qemu_tell_refused(struct qemu_guest *g)
{
    tell(g);
    g_clear_handle_id(&g->refused_source, g_source_remove);
}

void qemu_execute(struct qemu_guest *g, const char *command, struct json_object *args,
                  qmp_answer_fn done, void *data)
{
    GError *error = NULL;
    struct call *call;

    if (g->qmp) {
        if (qmp_execute(g->qmp, command, args, done, data, &error))
            return;
    } else {
        json_object_put(args);
        error = g_error_new(QMP_ERROR, QMP_ERROR_CLOSED, "%s was not sent: QEMU is not connected",
                            command);
    }
    g_assert(g->refused.length < QEMU_REFUSED_MAX); /* a caller that never returns to the loop */
    call = g_new0(struct call, 1);
    *call = (struct call){.done = done, .data = data, .error = error};
    g_queue_push_tail(&g->refused, call);
    if (!g->refused_source)
        g->refused_source = g_idle_add_full(G_PRIORITY_DEFAULT, tell_later, g, NULL);
}

static void order_answered(struct json_object *ret, const GError *error, void *data)
{
    struct order *order = data;

    (void)ret;
    order->done(&order->guest->base, error, order->data);
    g_free(order);
}

static void give_order(struct vmm_guest *guest, const char *command, struct json_object *args,
                       vmm_done_fn done, void *data)
{
    struct qemu_guest *g = (struct qemu_guest *)guest; /* it begins with it */
    struct order *order = g_new0(struct order, 1);

    *order = (struct order){.guest = g, .done = done, .data = data};
    qemu_execute(g, command, args, order_answered, order);
}

void qemu_set_balloon(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data)
{
    struct json_object *args = json_object_new_object();

    json_put_u64(args, "value", bytes);
    give_order(guest, "balloon", args, done, data);
}

void qemu_set_running(struct vmm_guest *guest, bool running, vmm_done_fn done, void *data)
{
    give_order(guest, running ? "cont" : "stop", NULL, done, data);
}
