/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what we set and why.
 * - advisor_mode none: the advisor sets pages_to_scan itself and refuses others (6.8).
 * - smart_scan 0: it passes over pages that were not merged for a while, up to eight rounds long
 *   (6.7). What a round has found would then say little of what there is, and that is what
 *   core/share.c decides by; where there is nothing it does not scan at all.
 * - use_zero_pages 1: a page of zeros is replaced by the kernel's own. It is the cheapest kind of
 *   merging, and what its timing gives away is that a page is empty.
 * - pages_to_scan, sleep_millisecs: the pace. run last, and put back first.
 *
 * Not every kernel has all of them. Others (max_page_sharing, merge_across_nodes) stay as they are.
 */
#include "host/ksm.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/knob.h"
#include "host/procfs.h"

#define KSM       "/sys/kernel/mm/ksm/"
#define KSM_RUN   KSM "run"
#define KSM_PAGES KSM "pages_to_scan"
#define KSM_SLEEP KSM "sleep_millisecs"

static const char *const paths[] = {
    KSM "advisor_mode", KSM "smart_scan", KSM "use_zero_pages", KSM_PAGES, KSM_SLEEP, KSM_RUN, NULL,
};

static const struct {
    const char *path, *value;
} fixed[] = {
    {KSM "advisor_mode", "none"},
    {KSM "smart_scan", "0"},
    {KSM "use_zero_pages", "1"},
};

struct ksm {
    const char *host_root;
    struct knobs *knobs;
    pid_t ksmd; /* 0: not looked for yet; -1: not to be found */
    /* As we have set them; "": we have not. */
    char run[KNOB_VALUE_MAX], pages[KNOB_VALUE_MAX];
};

struct ksm *ksm_new(const char *host_root, const char *record)
{
    struct ksm *k = g_new0(struct ksm, 1);

    k->host_root = host_root;
    k->knobs = knobs_new(host_root, record, paths);
    return k;
}

void ksm_free(struct ksm *k)
{
    if (!k)
        return;
    knobs_free(k->knobs);
    g_free(k);
}

int ksm_check(const struct ksm *k)
{
    g_autofree char *path = g_strconcat(k->host_root, KSM_RUN, NULL);

    return access(path, R_OK | W_OK) == 0 ? 0 : -errno;
}

static bool is(const struct ksm *k, const char *path, const char *value)
{
    char now[KNOB_VALUE_MAX];

    return knobs_get(k->knobs, path, now) == 0 && strcmp(now, value) == 0;
}

bool ksm_runs(const struct ksm *k)
{
    return is(k, KSM_RUN, "1");
}

/* Sets one that shows who else sets it, too: @ours is what it should read as from now on. */
static int set_watched(struct ksm *k, const char *path, const char *value,
                       char ours[static KNOB_VALUE_MAX])
{
    int r = knobs_set(k->knobs, path, value);

    g_strlcpy(ours, r == 0 ? value : "", KNOB_VALUE_MAX);
    return r;
}

static int set_pace(struct ksm *k, const struct ksm_pace *pace)
{
    char pages[32], sleep[32];
    int r;

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        r = knobs_have(k->knobs, fixed[i].path) ? knobs_set(k->knobs, fixed[i].path, fixed[i].value)
                                                : 0;
        if (r < 0)
            return r;
    }
    (void)snprintf(pages, sizeof(pages), "%" PRIu64, pace->pages_to_scan);
    (void)snprintf(sleep, sizeof(sleep), "%u", pace->sleep_msec);
    r = set_watched(k, KSM_PAGES, pages, k->pages);
    return r < 0 ? r : knobs_set(k->knobs, KSM_SLEEP, sleep);
}

int ksm_set(struct ksm *k, const struct ksm_pace *pace)
{
    int r;

    if ((*k->run && !is(k, KSM_RUN, k->run)) || (*k->pages && !is(k, KSM_PAGES, k->pages)))
        return -EBUSY;
    if (!pace->run)
        return ksm_runs(k) ? set_watched(k, KSM_RUN, "0", k->run) : 0;
    r = set_pace(k, pace);
    return r < 0 ? r : set_watched(k, KSM_RUN, "1", k->run);
}

/* Where it ran before us, what is merged is also somebody else's. */
int ksm_unmerge(struct ksm *k)
{
    const char *found = knobs_found(k->knobs, KSM_RUN);

    return *k->run && *found && strcmp(found, "1") != 0 ? set_watched(k, KSM_RUN, "2", k->run) : 0;
}

bool ksm_changed(const struct ksm *k)
{
    return knobs_changed(k->knobs);
}

int ksm_restore(struct ksm *k)
{
    k->run[0] = k->pages[0] = '\0';
    return knobs_restore(k->knobs);
}

static uint64_t read_counter(const struct ksm *k, const char *name, int *error)
{
    g_autofree char *path = g_strconcat(KSM, name, NULL);
    char text[KNOB_VALUE_MAX];
    guint64 value = 0;
    int r = knobs_get(k->knobs, path, text);

    if (r == 0 && !g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &value, NULL))
        r = -EBADMSG;
    if (r < 0 && *error == 0)
        *error = r;
    return r < 0 ? 0 : value;
}

/* /proc/vmstat: "NAME VALUE" lines. */
static uint64_t read_broken(const struct ksm *k)
{
    char text[PROCFS_TEXT_MAX];
    const char *line;

    if (procfs_read_root(k->host_root, "/proc/vmstat", text) < 0)
        return 0;
    line = strstr(text, "\ncow_ksm ");
    return line ? g_ascii_strtoull(line + strlen("\ncow_ksm "), NULL, 10) : 0;
}

static bool is_ksmd(const struct ksm *k, const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);
    char text[PROCFS_TEXT_MAX];

    return procfs_read_root(k->host_root, path, text) > 0 && strcmp(text, "ksmd\n") == 0;
}

/* Anybody may call himself ksmd; the kernel's own was there first. */
static pid_t find_ksmd(const struct ksm *k)
{
    g_autofree char *path = g_strconcat(k->host_root, "/proc", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    pid_t found = -1;

    while (dir && (name = g_dir_read_name(dir))) {
        long pid = g_ascii_isdigit(*name) ? strtol(name, NULL, 10) : 0;

        if (pid > 0 && pid <= INT_MAX && (found < 0 || pid < found) && is_ksmd(k, name))
            found = (pid_t)pid;
    }
    return found;
}

/* In a container of its own ksmd is not to be seen. */
static uint64_t read_cpu(struct ksm *k)
{
    g_autofree char *path = NULL;
    char text[PROCFS_TEXT_MAX];

    if (k->ksmd == 0)
        k->ksmd = find_ksmd(k);
    path = g_strdup_printf("/proc/%d/schedstat", (int)k->ksmd);
    if (k->ksmd < 0 || procfs_read_root(k->host_root, path, text) < 0)
        return 0;
    return g_ascii_strtoull(text, NULL, 10) / 1000;
}

int ksm_read(struct ksm *k, struct ksm_counters *ret)
{
    int error = 0, ignored = 0;

    *ret = (struct ksm_counters){
        .shared = read_counter(k, "pages_shared", &error),
        .sharing = read_counter(k, "pages_sharing", &error),
        .unshared = read_counter(k, "pages_unshared", &error),
        .volatile_pages = read_counter(k, "pages_volatile", &error),
        .full_scans = read_counter(k, "full_scans", &error),
        .zero = read_counter(k, "ksm_zero_pages", &ignored),   /* since 6.6 */
        .scanned = read_counter(k, "pages_scanned", &ignored), /* since 6.6 */
        .broken = read_broken(k),
        .cpu_usec = read_cpu(k),
    };
    return error;
}

int ksm_read_process(const struct ksm *k, pid_t pid, struct ksm_process *ret)
{
    g_autofree char *merging = g_strdup_printf("/proc/%d/ksm_merging_pages", (int)pid);
    g_autofree char *stat = g_strdup_printf("/proc/%d/ksm_stat", (int)pid);
    char text[PROCFS_TEXT_MAX];
    const char *zero;
    int r = procfs_read_root(k->host_root, merging, text);

    *ret = (struct ksm_process){0};
    if (r < 0)
        return r == -ENOENT ? -EOPNOTSUPP : r;
    ret->merging = g_ascii_strtoull(text, NULL, 10);
    if (procfs_read_root(k->host_root, stat, text) < 0)
        return 0;
    zero = strstr(text, "ksm_zero_pages ");
    if (zero)
        ret->zero = g_ascii_strtoull(zero + strlen("ksm_zero_pages "), NULL, 10);
    return 0;
}
