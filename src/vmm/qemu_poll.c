/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a QEMU is asked, in order, one command at a time. The first steps set up: who it is, how
 * much memory it has in which blocks, where its balloon is, and which threads are its processors.
 * They are done after each connect, when an event says that something changed, and now and then.
 * The last three are every poll.
 *
 * A command that is refused means that QEMU lacks the thing, and the next step follows. A command
 * that is not answered ends the poll.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "vmm/qemu_guest.h"
#include "vmm/stats_json.h"

#define BALLOON_TYPE "child<virtio-balloon" /* -pci, -ccw, -device, -pci-transitional, ... */

struct step {
    bool always; /* with every poll; else only when setting up */
    const char *command;
    bool (*wanted)(const struct qemu_guest *g);              /* NULL: always */
    struct json_object *(*args)(const struct qemu_guest *g); /* NULL: none */
    /* @ret is NULL where the command was refused. */
    void (*answer)(struct qemu_guest *g, struct json_object *ret);
};

static void name_answer(struct qemu_guest *g, struct json_object *ret)
{
    const char *name;

    if (json_get_string(ret, "name", &name) && *name)
        qemu_set_name(g, name);
}

static void memory_answer(struct qemu_guest *g, struct json_object *ret)
{
    if (!json_get_u64(ret, "base-memory", &g->base_memory))
        g->base_memory = 0;
}

/* DIMMs are boot memory's equals. Other devices (NVDIMM, virtio-mem, virtio-pmem) are out of the
 * balloon's reach: they count as the VMM's own memory. */
static void memory_devices_answer(struct qemu_guest *g, struct json_object *ret)
{
    GPtrArray *not_ram = g_ptr_array_new();
    size_t n = json_object_is_type(ret, json_type_array) ? json_object_array_length(ret) : 0;

    g->dimm_memory = 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *device = json_object_array_get_idx(ret, i);
        struct json_object *data = json_get_object(device, "data");
        const char *type = "", *memdev;
        uint64_t size = 0;

        (void)json_get_string(device, "type", &type);
        if (!strcmp(type, "dimm") && json_get_u64(data, "size", &size) &&
            size <= UINT64_MAX - g->dimm_memory)
            g->dimm_memory += size;
        else if (json_get_string(data, "memdev", &memdev))
            g_ptr_array_add(not_ram, g_strdup(memdev));
    }
    g_ptr_array_add(not_ram, NULL);
    g_strfreev(g->not_ram);
    g->not_ram = (char **)(void *)g_ptr_array_free(not_ram, FALSE);
}

static bool is_ram(const struct qemu_guest *g, const char *id)
{
    g_autofree char *path = g_strconcat("/objects/", id, NULL);

    return !g->not_ram || !g_strv_contains((const char *const *)g->not_ram, path);
}

static void memdev_answer(struct qemu_guest *g, struct json_object *ret)
{
    size_t n = json_object_is_type(ret, json_type_array) ? json_object_array_length(ret) : 0;
    uint64_t size = g->base_memory + MIN(g->dimm_memory, UINT64_MAX - g->base_memory);

    g->n_blocks = 0;
    for (size_t i = 0; i < n && g->n_blocks < RAM_BLOCKS_MAX; i++) {
        struct json_object *memdev = json_object_array_get_idx(ret, i);
        struct ram_block *block = &g->blocks[g->n_blocks];
        const char *id = "";

        (void)json_get_string(memdev, "id", &id);
        if (!is_ram(g, id) || !json_get_u64(memdev, "size", &block->size) || block->size == 0)
            continue;
        block->shared = false;
        (void)json_get_bool(memdev, "share", &block->shared);
        g->n_blocks++;
    }
    qemu_merge_see(g, ret);
    if (g->n_blocks == 0 && size > 0) { /* before QEMU 5.0, plain -m is no memory back end */
        g->blocks[0] = (struct ram_block){.size = size};
        g->n_blocks = 1;
    }
    if (size > 0 && size <= QEMU_SIZE_MAX)
        g->base.facts.size = size;
    if (g->mem && g->n_blocks)
        procmem_set_blocks(g->mem, g->blocks, g->n_blocks);
}

static struct json_object *path_args(const char *path)
{
    struct json_object *args = json_object_new_object();

    json_put_string(args, "path", path);
    return args;
}

static struct json_object *peripheral_args(const struct qemu_guest *g)
{
    (void)g;
    return path_args("/machine/peripheral");
}

static struct json_object *anonymous_args(const struct qemu_guest *g)
{
    (void)g;
    return path_args("/machine/peripheral-anon");
}

static void find_balloon(struct qemu_guest *g, const char *parent, struct json_object *ret)
{
    size_t n = json_object_is_type(ret, json_type_array) ? json_object_array_length(ret) : 0;

    g_clear_pointer(&g->balloon_path, g_free);
    for (size_t i = 0; i < n && !g->balloon_path; i++) {
        struct json_object *child = json_object_array_get_idx(ret, i);
        const char *type, *name;

        if (json_get_string(child, "type", &type) && g_str_has_prefix(type, BALLOON_TYPE) &&
            json_get_string(child, "name", &name))
            g->balloon_path = g_strconcat(parent, "/", name, NULL);
    }
}

static void peripheral_answer(struct qemu_guest *g, struct json_object *ret)
{
    find_balloon(g, "/machine/peripheral", ret);
}

static void anonymous_answer(struct qemu_guest *g, struct json_object *ret)
{
    find_balloon(g, "/machine/peripheral-anon", ret);
}

static bool no_balloon_path(const struct qemu_guest *g)
{
    return !g->balloon_path;
}

static bool balloon_path(const struct qemu_guest *g)
{
    return g->balloon_path;
}

static struct json_object *interval_args(const struct qemu_guest *g)
{
    struct json_object *args = path_args(g->balloon_path);

    json_put_string(args, "property", "guest-stats-polling-interval");
    json_put_u64(args, "value", g->config.stats_period_sec);
    return args;
}

static void interval_answer(struct qemu_guest *g, struct json_object *ret)
{
    (void)g;
    (void)ret; /* where it was refused, the statistics never come: the policy sees that */
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void cpus_answer(struct qemu_guest *g, struct json_object *ret)
{
    struct vmm_facts *f = &g->base.facts;
    size_t n = json_object_is_type(ret, json_type_array) ? json_object_array_length(ret) : 0;

    f->n_cpus = 0;
    if (n > VMM_CPUS_MAX)
        return;
    f->cpus = g->cpus = g_renew(uint32_t, g->cpus, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t id;

        if (json_get_u64(json_object_array_get_idx(ret, i), "thread-id", &id) && id > 0 &&
            id <= UINT32_MAX)
            g->cpus[f->n_cpus++] = (uint32_t)id;
    }
    qsort(g->cpus, f->n_cpus, sizeof(*g->cpus), compare_ids);
}

static void status_answer(struct qemu_guest *g, struct json_object *ret)
{
    (void)json_get_bool(ret, "running", &g->base.facts.running);
}

static void balloon_answer(struct qemu_guest *g, struct json_object *ret)
{
    struct vmm_facts *f = &g->base.facts;
    uint64_t actual;

    f->balloon_device = json_get_u64(ret, "actual", &actual);
    f->actual = f->balloon_device ? MIN(actual, f->size) : f->size;
}

static struct json_object *stats_args(const struct qemu_guest *g)
{
    struct json_object *args = path_args(g->balloon_path);

    json_put_string(args, "property", "guest-stats");
    return args;
}

static void stats_answer(struct qemu_guest *g, struct json_object *ret)
{
    stats_from_json(ret, &g->base.facts.stats);
}

static const struct step steps[] = {
    {false, "query-name", NULL, NULL, name_answer},
    {false, "query-memory-size-summary", NULL, NULL, memory_answer},
    {false, "query-memory-devices", NULL, NULL, memory_devices_answer},
    {false, "query-memdev", NULL, NULL, memdev_answer},
    {false, "qom-list", NULL, peripheral_args, peripheral_answer},
    {false, "qom-list", no_balloon_path, anonymous_args, anonymous_answer},
    {false, "qom-set", balloon_path, interval_args, interval_answer},
    {false, "query-cpus-fast", NULL, NULL, cpus_answer},
    {true, "query-status", NULL, NULL, status_answer},
    {true, "query-balloon", NULL, NULL, balloon_answer},
    {true, "qom-get", balloon_path, stats_args, stats_answer},
};

static void poll_continue(struct qemu_guest *g);

static void step_answered(struct json_object *ret, const GError *error, void *data)
{
    struct qemu_guest *g = data;

    if (g->closing)
        return;
    if (error && error->code < QMP_ERROR_COMMAND) { /* no answer */
        qemu_poll_failed(g);
        return;
    }
    steps[g->step].answer(g, ret);
    g->step++;
    poll_continue(g);
}

static void poll_continue(struct qemu_guest *g)
{
    for (; g->step < G_N_ELEMENTS(steps); g->step++) {
        const struct step *s = &steps[g->step];

        if ((!s->always && !g->setting_up) || (s->wanted && !s->wanted(g)))
            continue;
        if (!qmp_execute(g->qmp, s->command, s->args ? s->args(g) : NULL, step_answered, g, NULL))
            qemu_poll_failed(g);
        return;
    }
    if (!g->balloon_path)
        g->base.facts.stats = GUEST_STATS_NONE;
    qemu_polled(g);
}

void qemu_poll_start(struct qemu_guest *g)
{
    gint64 now = g_get_monotonic_time();

    g->step = 0;
    g->setting_up = g->setup_due || now >= g->next_setup;
    if (g->setting_up) {
        g->setup_due = false;
        g->next_setup = now + QEMU_SETUP_INTERVAL_USEC;
    }
    poll_continue(g);
}
