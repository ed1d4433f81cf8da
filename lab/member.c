/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/member.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "core/units.h"
#include "lab/loop.h"
#include "lab/monitor.h"
#include "lab/pagerview.h"
#include "lab/resident.h"
#include "scenario/error.h"
#include "scenario/starved.h"

void member_init(struct member *m, const struct scenario_guest *spec)
{
    *m = (struct member){.spec = spec};
}

/* The link goes first: it would try to connect again. */
static void end(struct member *m)
{
    g_clear_pointer(&m->agent, agent_free);
    g_clear_pointer(&m->vm, lab_vm_free);
    g_clear_pointer(&m->liar, liar_free);
    if (m->pager)
        pagerview_end(m->pager);
    m->state = MEMBER_ENDED;
}

void member_deinit(struct member *m)
{
    end(m);
    g_clear_pointer(&m->pager, pagerview_free);
    g_clear_pointer(&m->monitor, g_free);
    g_clear_pointer(&m->spare, g_free);
}

static bool is_honest(const struct scenario_guest *g)
{
    return g->lie == LIE_NONE && g->balloon != BALLOON_IGNORES;
}

bool member_boot(struct member *m, const struct member_places *places, GError **error)
{
    const struct scenario_guest *g = m->spec;
    g_autofree char *seen = g_strdup_printf("%s/%s.sock", places->sockets, g->name);
    g_autofree char *hidden = g_strdup_printf("%s/%s.qmp", places->directory, g->name);
    struct lab_vm_config config = {
        .name = g->name,
        .size = g->size,
        .ram = g->ram,
        .vcpus = g->vcpus,
        .balloon_device = g->balloon != BALLOON_NO_DEVICE,
        .balloon_driver = g->balloon == BALLOON_WORKS || g->balloon == BALLOON_IGNORES,
        .deflate_on_oom = g->deflate_on_oom,
        .free_page_reporting = g->free_page_reporting,
        .swap = g->swap,
        .disk = g->disk,
        .programs = g->programs,
        .directory = places->directory,
        .keep_logs = places->keep_logs,
    };

    if (places->memory && g->pager)
        m->pager = pagerview_new(places->memory, g->name);
    m->monitor = g_strdup_printf("%s/%s.monitor", places->directory, g->name);
    config.monitor_path = m->monitor;
    m->spare = g_strdup_printf("%s/%s.spare", places->sockets, g->name);
    config.spare_path = m->spare;
    config.qmp_path = is_honest(g) ? seen : hidden;
    if (!is_honest(g)) {
        m->liar = liar_new(seen, hidden, g->lie, g->balloon == BALLOON_IGNORES, error);
        if (!m->liar)
            return false;
        config.listen_fd = liar_socket(m->liar);
    }
    m->vm = lab_vm_start(&config, error);
    if (!m->vm)
        return false;
    if (m->liar)
        liar_begin(m->liar);
    m->agent = agent_new(lab_vm_agent_path(m->vm), NULL, NULL);
    m->booted = g_get_monotonic_time();
    m->state = MEMBER_BOOTING;
    return true;
}

static bool boot_failed(struct member *m, const char *what, GError **error)
{
    g_autofree char *complaint = lab_vm_complaint(m->vm);

    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "guest %s %s%s%s", m->spec->name,
                what, complaint ? ": " : "", complaint ? complaint : "");
    return false;
}

static bool check_boot(struct member *m, struct guest_outcome *outcome, GError **error)
{
    const struct agent_report *report = agent_last(m->agent);

    if (lab_vm_ended(m->vm, NULL))
        return boot_failed(m, "ended while it booted", error);
    if (loop_since(m->booted) > MEMBER_BOOT_SECONDS)
        return boot_failed(m, "did not boot in time", error);
    if (agent_ready(m->agent) && report->received > 0) {
        outcome->base = u64_sub(m->spec->size, report->mem_available);
        m->state = MEMBER_READY;
    }
    return true;
}

bool member_check(struct member *m, struct guest_outcome *outcome, GError **error)
{
    if (m->state == MEMBER_BOOTING)
        return check_boot(m, outcome, error);
    if (m->state != MEMBER_READY)
        return true;
    if (lab_vm_panicked(m->vm) && !outcome->panicked) {
        outcome->panicked = true;
        log_warning("guest %s: kernel panic", m->spec->name);
    }
    if (lab_vm_ended(m->vm, NULL)) {
        outcome->died = !outcome->asked_to_end;
        if (outcome->died)
            log_warning("guest %s: QEMU has ended", m->spec->name);
        m->sampled = *agent_last(m->agent);
        end(m);
    }
    return true;
}

static bool send_signal(struct member *m, int signal)
{
    pid_t pid = lab_vm_pid(m->vm);

    return pid <= 0 || kill(pid, signal) == 0;
}

static bool use_monitor(struct member *m, const char *command, GError **error)
{
    struct monitor *monitor = monitor_open(m->monitor, error);
    bool ok = monitor && monitor_execute(monitor, command, error);

    g_clear_pointer(&monitor, monitor_close);
    return ok;
}

/* False where QEMU does not answer just now: its own thread may wait for a page. */
static bool set_balloon(struct member *m, uint64_t visible)
{
    struct monitor *monitor = monitor_open(m->monitor, NULL);
    bool ok = monitor && monitor_set_balloon(monitor, visible, NULL);

    g_clear_pointer(&monitor, monitor_close);
    return ok;
}

/* False where none serves just now. */
static bool kill_pager(struct member *m, struct guest_outcome *outcome)
{
    pid_t pid = m->pager ? pagerview_pid(m->pager) : 0;

    if (pid <= 0 || kill(pid, SIGKILL) < 0)
        return false;
    outcome->pager_kills++;
    return true;
}

static bool act(struct member *m, const struct phase *phase, struct guest_outcome *outcome,
                GError **error)
{
    switch ((int)phase->kind) {
    case PHASE_FREEZE:
        return send_signal(m, SIGSTOP);
    case PHASE_THAW:
        return send_signal(m, SIGCONT);
    case PHASE_PAUSE:
        return use_monitor(m, "stop", error);
    case PHASE_RESUME:
        return use_monitor(m, "cont", error);
    case PHASE_BALLOON:
        return set_balloon(m, phase->bytes);
    case PHASE_PAGER_KILL:
        return kill_pager(m, outcome);
    case PHASE_KILL:
        outcome->asked_to_end = true;
        return send_signal(m, SIGKILL);
    case PHASE_QUIT:
        outcome->asked_to_end = true;
        return send_signal(m, SIGTERM);
    default:
        g_assert_not_reached();
    }
}

bool member_perform(struct member *m, const struct phase *phase, struct guest_outcome *outcome,
                    GError **error)
{
    if (m->state == MEMBER_ENDED)
        return true; /* nobody is left to do it */
    if (m->state != MEMBER_READY)
        return false;
    if (!phase_is_order(phase->kind))
        return act(m, phase, outcome, error);

    g_autofree char *order = phase_order(phase);

    return agent_order(m->agent, order);
}

const struct phase *member_due(const struct member *m, double t)
{
    const struct phase *phase;

    if (m->next_phase >= m->spec->phases->len)
        return NULL;
    phase = &g_array_index(m->spec->phases, struct phase, m->next_phase);
    return phase->at <= t ? phase : NULL;
}

static double rate(const struct agent_report *before, const struct agent_report *now)
{
    double seconds = (double)(now->received - before->received) / 1e6;

    if (before->received == 0 || seconds <= 0)
        return 0;
    return (double)u64_sub(now->operations, before->operations) / seconds;
}

void member_look_granted(const struct member *m, struct guest_sample *sample)
{
    struct monitor *monitor = m->state == MEMBER_READY ? monitor_open(m->monitor, NULL) : NULL;

    if (monitor && monitor_get_balloon(monitor, &sample->granted, NULL))
        sample->target = sample->granted;
    g_clear_pointer(&monitor, monitor_close);
}

/* Of all its threads; 0 where it has just ended. */
static double processor_seconds(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void member_sample(struct member *m, struct guest_sample *sample)
{
    struct agent_report now = m->agent ? *agent_last(m->agent) : m->sampled;
    struct resident look;

    sample->size = m->spec->size;
    sample->report = now;
    sample->alive = m->vm && lab_vm_pid(m->vm) > 0;
    if (!sample->alive)
        return;
    if (m->pager)
        pagerview_look(m->pager, &sample->pager);
    look = resident_look(lab_vm_pid(m->vm), m->spec->size);
    sample->resident = look.bytes;
    sample->saved = look.saved;
    sample->kernel.swapped = look.swapped;
    sample->cpu = processor_seconds(lab_vm_pid(m->vm));
    if (now.received > m->sampled.received) {
        m->rate = rate(&m->sampled, &now);
        if (now.error[0] && strcmp(now.error, m->sampled.error) != 0)
            log_warning("guest %s: %s", m->spec->name, now.error);
        m->starving =
            starved(&m->sampled, &now, m->spec->size, sample->granted < m->sampled_granted);
        m->sampled = now;
        m->sampled_granted = sample->granted;
    }
    sample->rate = m->rate;
    sample->starving = m->starving;
}
