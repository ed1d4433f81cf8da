/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run is a plain sequence: daemon, boots, clock, end. Between any two steps events are served for
 * TICK_MSEC (loop.h); what is due is done, late rather than never: an order to a guest that does
 * not take it now is tried again at the next tick, and those after it wait.
 */
#include "lab/run.h"

#include <glib/gstdio.h>
#include <stdio.h>

#include "base/log.h"
#include "lab/apiview.h"
#include "lab/driverspeed.h"
#include "lab/hostmem.h"
#include "lab/hostuse.h"
#include "lab/livetable.h"
#include "lab/looks.h"
#include "lab/loop.h"
#include "lab/member.h"
#include "lab/peer.h"
#include "scenario/error.h"

#define TICK_MSEC 50
/* How long the daemon may take to know the guests that are up. */
#define KNOWN_SECONDS 60

struct run {
    struct record *record;
    const struct scenario *scenario;
    const struct run_config *config;
    char *sockets, *directory;
    struct member_places places; /* the two above */
    struct member *members;      /* as many as the scenario has guests */
    struct daemonproc *daemon;   /* NULL: without it */
    struct peer *peer;           /* another manager; NULL: none, or not yet */
    struct apiview view;
    struct livetable table;
    gint64 start;        /* g_get_monotonic_time() where the clock is 0 */
    uint64_t capacity;   /* now */
    unsigned next_phase; /* of the host */
    struct hostuse use;
    GError *error; /* why it can't go on */
};

static double now(const struct run *run)
{
    return run->start > 0 ? loop_since(run->start) : 0;
}

/* Boots those whose time has come, a few at a time, in the order of the file. */
static bool boot_due(struct run *run)
{
    unsigned booting = 0;

    for (unsigned g = 0; g < run->record->guests; g++)
        booting += run->members[g].state == MEMBER_BOOTING;
    for (unsigned g = 0; g < run->record->guests && booting < RUN_BOOTS_MAX; g++) {
        struct member *m = &run->members[g];

        if (m->state != MEMBER_WAITING || m->spec->start > now(run))
            continue;
        if (!member_boot(m, &run->places, &run->error))
            return false;
        booting++;
    }
    return true;
}

static bool check_all(struct run *run)
{
    for (unsigned g = 0; g < run->record->guests; g++)
        if (!member_check(&run->members[g], &run->record->outcomes[g], &run->error))
            return false;
    if (run->daemon && !daemonproc_healthy(run->daemon)) {
        g_set_error(&run->error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                    "the daemon has ended by itself; run with --keep and look at %s",
                    daemonproc_log(run->daemon));
        return false;
    }
    return (!run->peer || peer_healthy(run->peer, &run->error)) && boot_due(run);
}

/* Are all guests up that are there from the beginning, and does the daemon know them? */
static bool all_up(struct run *run)
{
    for (unsigned g = 0; g < run->record->guests; g++) {
        struct member *m = &run->members[g];

        if (m->spec->start > 0)
            continue;
        if (m->state != MEMBER_READY || (run->daemon && !apiview_is_up(&run->view, m->spec->name)))
            return false;
    }
    return true;
}

static bool boot_all(struct run *run)
{
    gint64 begin = g_get_monotonic_time();
    double limit = MEMBER_BOOT_SECONDS * (double)run->record->guests + KNOWN_SECONDS;

    do {
        if (!check_all(run))
            return false;
        if (loop_since(begin) > limit) {
            g_set_error(&run->error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                        "the daemon does not find the guests");
            return false;
        }
        if (!loop_serve(TICK_MSEC))
            return false;
    } while (!all_up(run));
    return true;
}

/* The guest's work up to now ends at @t. */
static void close_work(struct run *run, unsigned guest, double t)
{
    struct member *m = &run->members[guest];
    uint64_t operations = m->agent ? agent_last(m->agent)->operations : m->sampled.operations;

    for (unsigned i = 0; i < run->record->work->len; i++) {
        struct work_phase *w = &g_array_index(run->record->work, struct work_phase, i);

        if (w->guest == guest && w->end <= 0) {
            w->end = t;
            w->operations_after = operations;
        }
    }
}

static void open_work(struct run *run, unsigned guest, unsigned phase, double t)
{
    struct member *m = &run->members[guest];
    struct work_phase w = {.guest = guest,
                           .phase = phase,
                           .begin = t,
                           .operations_before = agent_last(m->agent)->operations};

    g_array_append_val(run->record->work, w);
}

/* What only the daemon can do. False where it does not now: it is tried again, and said once. */
static bool ask_daemon(struct run *run, struct member *m, enum phase_kind kind)
{
    g_autofree char *path =
        g_strdup_printf("/v1/guests/%s/%s", m->spec->name, phase_kind_name(kind));
    g_autoptr(GError) why = NULL;

    if (!run->daemon || daemonproc_post(run->daemon, path, &why))
        return true;
    if (m->refused != m->next_phase + 1)
        log_warning("guest %s: %s: %s", m->spec->name, phase_kind_name(kind), why->message);
    m->refused = m->next_phase + 1;
    return false;
}

static bool perform(struct run *run, unsigned guest, const struct phase *phase)
{
    struct member *m = &run->members[guest];

    if (phase->kind == PHASE_PARK || phase->kind == PHASE_UNPARK)
        return m->state == MEMBER_ENDED || ask_daemon(run, m, phase->kind);
    return member_perform(m, phase, &run->record->outcomes[guest], &run->error);
}

/* False: an error. */
static bool perform_guest(struct run *run, unsigned guest)
{
    struct member *m = &run->members[guest];
    const struct phase *phase;

    while ((phase = member_due(m, now(run)))) {
        if (!perform(run, guest, phase))
            return run->error == NULL;

        g_autofree char *what = phase_describe(phase);
        g_autofree char *line = g_strdup_printf("%s: %s", m->spec->name, what);

        if (run->config->live)
            livetable_say(&run->table, now(run), line);
        if (phase_is_order(phase->kind) || phase->kind == PHASE_KILL || phase->kind == PHASE_QUIT)
            close_work(run, guest, now(run));
        if (phase_is_work(phase->kind) && m->state == MEMBER_READY)
            open_work(run, guest, m->next_phase, now(run));
        m->next_phase++;
    }
    return true;
}

static bool restart_daemon(struct run *run)
{
    run->view.events_next = 0;
    return !run->daemon || daemonproc_start(run->daemon, &run->error);
}

static bool perform_host(struct run *run)
{
    const GArray *phases = run->scenario->phases;

    for (; run->next_phase < phases->len; run->next_phase++) {
        const struct phase *phase = &g_array_index(phases, struct phase, run->next_phase);
        g_autofree char *what = phase_describe(phase);
        bool ok = true;

        if (phase->at > now(run))
            break;
        if (run->config->live)
            livetable_say(&run->table, now(run), what);
        if (phase->kind == PHASE_CAPACITY) {
            run->capacity = phase->bytes;
            ok = !run->daemon || daemonproc_set_capacity(run->daemon, phase->bytes, &run->error);
        } else if (phase->kind == PHASE_SET) {
            ok = !run->daemon || daemonproc_set(run->daemon, phase->text, &run->error);
        } else if (phase->kind == PHASE_DAEMON_KILL && run->daemon) {
            apiview_collect(&run->view);
            daemonproc_kill(run->daemon);
        } else if (phase->kind == PHASE_DAEMON_START) {
            ok = restart_daemon(run);
        }
        if (!ok)
            return false;
    }
    return true;
}

static void take_sample(struct run *run)
{
    g_autofree struct guest_sample *guests = g_new0(struct guest_sample, run->record->guests);
    struct host_sample host = {.t = now(run), .capacity = run->capacity};

    apiview_poll(&run->view, &host, guests);
    for (unsigned g = 0; g < run->record->guests; g++) {
        if (run->peer)
            member_look_granted(&run->members[g], &guests[g]);
        member_sample(&run->members[g], &guests[g]);
        host.resident += guests[g].resident + guests[g].pager.cache;
    }
    hostmem_look(run->config->directory, &host.memory);
    host.resident += host.memory.swap_cache + host.overhead;
    if (!run->config->managed)
        host.free = host.capacity > host.resident ? host.capacity - host.resident : 0;
    (void)record_add(run->record, &host, guests);
    apiview_collect(&run->view);
    if (run->config->live)
        livetable_show(&run->table, run->record);
}

/* The guests are up: it finds all that are there from the beginning. */
static bool start_peer(struct run *run)
{
    if (!run->config->peer)
        return true;
    run->peer = peer_start(run->config->peer, run->config->directory, run->sockets, run->capacity,
                           &run->error);
    return run->peer != NULL;
}

static bool run_clock(struct run *run)
{
    double next_sample = 0;

    run->start = g_get_monotonic_time();
    run->view.wall_start = (double)g_get_real_time() / 1e6;
    while (now(run) < run->scenario->length) {
        bool ok = check_all(run) && perform_host(run);

        for (unsigned g = 0; ok && g < run->record->guests; g++)
            ok = perform_guest(run, g);
        if (!ok)
            return false;
        looks_take(run->record, run->members, now(run));
        if (now(run) >= next_sample) {
            take_sample(run);
            next_sample = MAX(next_sample + run->scenario->interval, now(run));
        }
        if (!loop_serve(TICK_MSEC))
            return false;
    }
    take_sample(run);
    for (unsigned g = 0; g < run->record->guests; g++)
        close_work(run, g, now(run));
    return true;
}

/* For each goal that is compared with what the driver can do, once the daemon no longer acts. */
static bool measure_drivers(struct run *run)
{
    g_clear_pointer(&run->daemon, daemonproc_free);
    for (unsigned i = 0; i < run->scenario->goals->len; i++) {
        const struct goal *goal = &g_array_index(run->scenario->goals, struct goal, i);
        int g = goal->kind == GOAL_BACK_AT_FULL ? scenario_find(run->scenario, goal->guest) : -1;

        if (g < 0 || run->members[g].state != MEMBER_READY)
            continue;

        uint64_t least = driverspeed_least(run->record, (unsigned)g, goal->from);

        if (!driverspeed_measure(&run->members[g], least, &run->record->outcomes[g].driver_seconds,
                                 &run->error))
            return false;
    }
    return true;
}

static bool prepare(struct run *run)
{
    const char *base = run->config->directory;

    run->sockets = g_build_filename(base, "guests", NULL);
    run->directory = g_build_filename(base, "vm", NULL);
    run->places =
        (struct member_places){.sockets = run->sockets,
                               .directory = run->directory,
                               .memory = run->config->managed ? run->config->memory : NULL,
                               .keep_logs = run->config->keep_logs};
    if (g_mkdir_with_parents(run->sockets, 0700) < 0 ||
        g_mkdir_with_parents(run->directory, 0700) < 0) {
        g_set_error(&run->error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                    "%s: no directory can be made", base);
        return false;
    }
    if (!run->config->managed) {
        printf("The guests' QMP sockets: %s/NAME.sock for a manager, NAME.spare for anybody.\n",
               run->sockets);
        (void)fflush(stdout);
        return true;
    }
    run->daemon =
        daemonproc_new(run->scenario, run->config->mode, base, run->sockets, run->config->memory);
    run->view.daemon = run->daemon;
    if (!daemonproc_start(run->daemon, &run->error))
        return false;
    if (run->config->live && run->table.terminal) {
        g_autofree char *program = daemonproc_find("cli", "aerostat", "bin");

        printf("To look inside, in another terminal: %s --socket %s top\n", program,
               daemonproc_api(run->daemon));
    }
    return true;
}

static void clean_up(struct run *run)
{
    bool killed = run->daemon && !daemonproc_runs(run->daemon);

    g_clear_pointer(&run->peer, peer_end);
    for (unsigned g = 0; g < run->record->guests; g++)
        member_deinit(&run->members[g]);
    g_free(run->members);
    g_clear_pointer(&run->daemon, daemonproc_free);
    hostuse_end(&run->use, run->config->directory, killed);
    g_free(run->sockets);
    g_free(run->directory);
}

bool run_scenario(struct record *record, const struct run_config *config, GError **error)
{
    struct run run = {
        .record = record,
        .scenario = record->scenario,
        .config = config,
        .members = g_new0(struct member, record->guests),
        .capacity = record->scenario->capacity,
        .view = {.record = record},
    };
    bool ok;

    livetable_init(&run.table);
    for (unsigned g = 0; g < record->guests; g++)
        member_init(&run.members[g], scenario_guest(record->scenario, g));
    ok = (!config->managed || hostuse_begin(&run.use, run.scenario)) && prepare(&run) &&
         boot_all(&run) && start_peer(&run) && run_clock(&run) && measure_drivers(&run);
    clean_up(&run);
    if (run.error)
        g_propagate_error(error, run.error);
    return ok;
}
