/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding a guest for a moment and letting it go on. Unlike stop and cont alone, it asks first: a
 * guest that somebody else has stopped, or that is on its way to another host (it would arrive
 * stopped), is not held; and let go is only what a stop of ours can have stopped (qemu_pause.c).
 * Where an answer is overdue, a new connection is made at once: the guest may stand still
 * meanwhile.
 */
#include "base/json.h"
#include "vmm/qemu_guest.h"
#include "vmm/qemu_pause.h"

struct request {
    struct qemu_guest *guest;
    vmm_done_fn done;
    void *data;
};

static void finish(struct request *r, const GError *error)
{
    r->done(&r->guest->base, error, r->data);
    g_free(r);
}

/* Nothing was done, and need not be undone. */
static void finish_unfit(struct request *r, const char *why, const char *state)
{
    g_autoptr(GError) error = g_error_new(VMM_ERROR, VMM_ERROR_STATE, "%s%s", why, state);

    finish(r, error);
}

static void finish_unanswered(struct request *r, const GError *error)
{
    struct qemu_guest *g = r->guest;

    finish(r, error);
    if (error->code == QMP_ERROR_TIMEOUT)
        qemu_link_renew(g);
}

/* The answer to stop or cont. */
static void order_answered(struct json_object *ret, const GError *error, void *data)
{
    (void)ret;
    if (error)
        finish_unanswered(data, error);
    else
        finish(data, NULL);
}

/* What a question was answered with; false, and the request has ended, where it was not. Then
 * nothing was done. */
static bool answered(struct request *r, const GError *error)
{
    if (!error)
        return true;
    finish_unfit(r, error->message, "");
    return false;
}

static void migrate_answered(struct json_object *ret, const GError *error, void *data)
{
    struct request *r = data;
    const char *status = "";

    if (error && error->code != QMP_ERROR_UNKNOWN && !answered(r, error))
        return;
    if (!error && qemu_migrates(ret)) {
        (void)json_get_string(ret, "status", &status);
        finish_unfit(r, "it is being migrated: ", status);
        return;
    }
    qemu_execute(r->guest, "stop", NULL, order_answered, r);
}

static void status_before_stop(struct json_object *ret, const GError *error, void *data)
{
    struct request *r = data;
    const char *name;

    if (!answered(r, error))
        return;
    if (qemu_pause_of(ret, &name) == QEMU_RUNS)
        qemu_execute(r->guest, "query-migrate", NULL, migrate_answered, r);
    else
        finish_unfit(r, "it does not run: ", name);
}

static void status_before_cont(struct json_object *ret, const GError *error, void *data)
{
    struct request *r = data;
    g_autoptr(GError) passing = NULL;
    const char *name;

    if (error) { /* it may stand still: the caller tries again */
        finish_unanswered(r, error);
        return;
    }
    switch (qemu_pause_of(ret, &name)) {
    case QEMU_RUNS:
        finish(r, NULL);
        break;
    case QEMU_PAUSED:
        qemu_execute(r->guest, "cont", NULL, order_answered, r);
        break;
    case QEMU_IN_PASSING:
        passing = g_error_new(QMP_ERROR, QMP_ERROR_COMMAND, "QEMU is in state %s now", name);
        finish(r, passing);
        break;
    case QEMU_OTHER_PAUSE:
        finish_unfit(r, "QEMU is in state ", name);
        break;
    }
}

void qemu_hold(struct vmm_guest *guest, bool hold, vmm_done_fn done, void *data)
{
    struct request *r = g_new(struct request, 1);

    *r = (struct request){
        .guest = (struct qemu_guest *)guest /* it begins with it */, .done = done, .data = data};
    qemu_execute(r->guest, "query-status", NULL, hold ? status_before_stop : status_before_cont, r);
}
