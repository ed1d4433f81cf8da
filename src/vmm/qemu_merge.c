/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of QEMU's memory the kernel may merge (KSM). QEMU marks all its memory as mergeable unless
 * it was started with -machine mem-merge=off; afterwards the property "merge" of each memory back
 * end can be set. What is no back end (firmware, video memory) can't be reached so.
 */
#include <string.h>

#include "base/json.h"
#include "vmm/qemu_guest.h"

/* One order: back end after back end is told. */
struct merge {
    struct qemu_guest *guest;
    char **paths;
    guint next;
    bool mergeable;
    vmm_done_fn done;
    void *data;
};

/* Before QEMU 5.0 plain -m is no back end. What can't be named is told all the same, and QEMU
 * refuses it: it is not known whether it is mergeable. */
#define UNNAMED "/objects/(unnamed)"

static char *path_of(struct json_object *memdev)
{
    const char *id;

    return json_get_string(memdev, "id", &id) ? g_strconcat("/objects/", id, NULL)
                                              : g_strdup(UNNAMED);
}

static bool is_private(struct json_object *memdev)
{
    bool shared = false;

    (void)json_get_bool(memdev, "share", &shared);
    return !shared;
}

void qemu_merge_see(struct qemu_guest *g, struct json_object *memdevs)
{
    struct vmm_facts *f = &g->base.facts;
    GPtrArray *paths = g_ptr_array_new();
    size_t n =
        json_object_is_type(memdevs, json_type_array) ? json_object_array_length(memdevs) : 0;
    char **before = g->private_backends;

    for (size_t i = 0; i < n; i++) {
        struct json_object *memdev = json_object_array_get_idx(memdevs, i);

        if (is_private(memdev))
            g_ptr_array_add(paths, path_of(memdev));
    }
    if (n == 0)
        g_ptr_array_add(paths, g_strdup(UNNAMED));
    f->private_backends = paths->len;
    g_ptr_array_add(paths, NULL);
    g->private_backends = (char **)(void *)g_ptr_array_free(paths, FALSE);
    f->backends_known = true;
    f->backends_changed += before && !g_strv_equal((const char *const *)before,
                                                   (const char *const *)g->private_backends);
    g_strfreev(before);
}

static void end(struct merge *merge, const GError *error)
{
    merge->done(&merge->guest->base, error, merge->data);
    g_strfreev(merge->paths);
    g_free(merge);
}

static void tell_next(struct merge *merge);

static void told(struct json_object *ret, const GError *error, void *data)
{
    struct merge *merge = data;

    (void)ret;
    if (error || !merge->paths[merge->next])
        end(merge, error);
    else
        tell_next(merge);
}

static void set(struct merge *merge, const char *path, const char *property, qmp_answer_fn answered)
{
    struct json_object *args = json_object_new_object();

    json_put_string(args, "path", path);
    json_put_string(args, "property", property);
    json_put_bool(args, "value", merge->mergeable);
    qemu_execute(merge->guest, "qom-set", args, answered, merge);
}

static void tell_next(struct merge *merge)
{
    set(merge, merge->paths[merge->next++], "merge", told);
}

/* What is plugged in from now on is as the machine says. Where that can't be told, it is seen when
 * it is there. */
static void machine_told(struct json_object *ret, const GError *error, void *data)
{
    told(ret, error && error->code >= QMP_ERROR_COMMAND ? NULL : error, data);
}

void qemu_set_mergeable(struct vmm_guest *guest, bool mergeable, vmm_done_fn done, void *data)
{
    struct qemu_guest *g = (struct qemu_guest *)guest; /* it begins with it */
    struct merge *merge = g_new(struct merge, 1);

    *merge = (struct merge){.guest = g,
                            .paths = g->private_backends ? g_strdupv(g->private_backends)
                                                         : g_new0(char *, 1),
                            .mergeable = mergeable,
                            .done = done,
                            .data = data};
    if (mergeable && merge->paths[0])
        tell_next(merge);
    else
        set(merge, "/machine", "mem-merge", machine_told);
}
