/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config_table.h"

#include <config.h>
#include <string.h>

#include "base/log.h"

#define AT(member) offsetof(struct config, member)
#define SEC(x)     ((x)*1e6)
#define ANY_SIZE   0x1p60

static const char *const mode_words[] = {"manage", "observe", NULL};

/* Indexed by enum log_level, which begins where syslog's "err" is. */
static const char *const level_words[] = {"",       "",     "",      "error", "warning",
                                          "notice", "info", "debug", NULL};
G_STATIC_ASSERT(LOG_LEVEL_ERROR == 3 && LOG_LEVEL_DEBUG == 7);

/* clang-format off */
const struct config_key config_keys[] = {
    {"host", "mode", CONFIG_CHOICE, AT(mode), "manage", .choices = mode_words,
     .help = "manage: decide and act. observe: decide, record what would be done, send nothing to any guest."},
    {"host", "capacity", CONFIG_SIZE, AT(capacity), "auto", 16.0 * MIB, ANY_SIZE, "auto", SIZE_AUTO,
     .help = "What all guests together may occupy. auto: the host's memory less the reserve; what is free is then "
             "also bounded by what the host itself says is available."},
    {"host", "reserve", CONFIG_SIZE, AT(reserve), "auto", 0, ANY_SIZE, "auto", SIZE_AUTO,
     .help = "What capacity = auto leaves to the host and to the QEMU processes themselves. auto: 512M and 5 % of the "
             "host's memory, at most a quarter of it."},
    {"host", "minfree", CONFIG_SIZE, AT(policy.minfree), NULL, 1.0 * MIB, ANY_SIZE, "auto", 0,
     .help = "What is kept free of the capacity: below it guests are ballooned. auto: 6 % of its first 4 GiB, 4 % up "
             "to 12 GiB, 2 % up to 28 GiB, 1 % of the rest."},
    {"host", "qmp-directory", CONFIG_PATH, AT(qmp_directory), "/run/aerostat/guests",
     .help = "Every *.sock and *.qmp in this directory is taken for a guest's QMP socket. It need not exist yet. "
             "Empty: none is watched."},
    {"host", "qmp-sockets", CONFIG_PATHS, AT(qmp_sockets), "",
     .help = "Further QMP sockets, separated by ';'."},
    {"host", "qmp-timeout", CONFIG_DURATION, AT(qmp_timeout_usec), "3s", SEC(0.1), SEC(60),
     .help = "A guest that does not answer a QMP command for this long counts as silent."},
    {"host", "release-on-exit", CONFIG_BOOL, AT(release_on_exit), "no",
     .help = "When the daemon ends, empty all balloons. no: they stay as they are, and the next daemon adopts them."},

    {"policy", "period", CONFIG_DURATION, AT(period_usec), "2s", SEC(0.1), SEC(60),
     .help = "Time between decisions. Distress, a new guest and a change of settings are decided upon at once."},
    {"policy", "stats-period", CONFIG_DURATION, AT(stats_period_usec), "1s", SEC(1), SEC(60),
     .help = "How often guests are looked at and send their statistics; whole seconds."},
    {"policy", "idle-tax", CONFIG_RATIO, AT(policy.idle_tax), NULL, 0, 0.99,
     .help = "At most this part of a guest's idle memory is taken from it for others. 0: shares alone decide."},
    {"policy", "balloon-max", CONFIG_RATIO, AT(policy.balloon_max), NULL, 0.01, 0.95,
     .help = "Largest balloon as a part of the guest's size."},
    {"policy", "activity-fast", CONFIG_DURATION, AT(policy.activity.fast_usec), NULL, SEC(0.1), SEC(3600),
     .help = "Time constant of the fast average of a guest's active memory."},
    {"policy", "activity-slow", CONFIG_DURATION, AT(policy.activity.slow_usec), NULL, SEC(0.1), SEC(86400),
     .help = "Time constant of the slow average; at least activity-fast."},
    {"policy", "stats-stale", CONFIG_DURATION, AT(policy.stats_stale_usec), NULL, SEC(2), SEC(3600),
     .help = "Guest statistics older than this are not believed; at least twice stats-period."},
    {"policy", "stall", CONFIG_DURATION, AT(policy.stall_usec), NULL, SEC(0.5), SEC(600),
     .help = "A balloon that has not moved towards its target for this long has stalled: its target is set back to "
             "what it reached."},
    {"policy", "stall-backoff", CONFIG_DURATION, AT(policy.stall_backoff_usec), NULL, SEC(0.1), SEC(3600),
     .help = "First pause after a stall; it doubles with each further one."},
    {"policy", "stall-backoff-max", CONFIG_DURATION, AT(policy.stall_backoff_max_usec), NULL, SEC(0.1), SEC(86400),
     .help = "Longest pause after a stall; at least stall-backoff."},
    {"policy", "growth-floor", CONFIG_SIZE, AT(policy.growth_floor), NULL, 0, ANY_SIZE,
     .help = "Every guest is left at least this much room to grow until the next decision."},
    {"policy", "guest-reserve", CONFIG_SIZE, AT(policy.guest_reserve), NULL, 0, ANY_SIZE,
     .help = "Memory that a guest keeps available to itself, by its own account..."},
    {"policy", "guest-reserve-part", CONFIG_RATIO, AT(policy.guest_reserve_part), NULL, 0, 0.9,
     .help = "...or this part of its size, whichever is more."},
    {"policy", "distress-swap-in", CONFIG_SIZE, AT(policy.distress_swap_in), NULL, 1, ANY_SIZE,
     .help = "A guest that reads more than this a second back from its swap is in distress."},
    {"policy", "distress-faults", CONFIG_COUNT, AT(policy.distress_faults), NULL, 1, 1e9,
     .help = "A guest with more major faults a second than this is in distress."},
    {"policy", "distress-lost", CONFIG_RATIO, AT(policy.distress_lost), NULL, 0.01, 64,
     .help = "A guest that loses more than this part of one processor's time waiting for memory that the host put out "
             "is in distress."},

    {"policy", "sampled-fast", CONFIG_DURATION, AT(policy.sampled.fast_usec), NULL, SEC(0.1), SEC(86400),
     .help = "Time constant of the fast average where a pager samples the guest's memory."},
    {"policy", "sampled-slow", CONFIG_DURATION, AT(policy.sampled.slow_usec), NULL, SEC(0.1), SEC(86400),
     .help = "Time constant of the slow average there; at least sampled-fast."},

    {"pager", "enable", CONFIG_BOOL, AT(pager_enable), "yes",
     .help = "Guests whose memory is a shared memfd get a pager, unless their own setting says otherwise: what their "
             "balloon does not give is compressed or put into a swap file of the guest's own. Of guests with private "
             "memory the kernel is asked to put it into its own swap space (see [swap])."},
    {"pager", "program", CONFIG_PATH, AT(pager_program), AEROSTAT_LIBEXECDIR "/aerostat-pager",
     .help = "The pager, one process per guest. A change takes effect for pagers that are started after it."},
    {"pager", "memory-directory", CONFIG_PATH, AT(pager_memory_directory), "/dev/shm/aerostat",
     .help = "Page maps and compression caches; on a tmpfs. A change takes effect with the next start."},
    {"pager", "swap-directory", CONFIG_PATH, AT(pager_swap_directory), "/var/lib/aerostat/swap",
     .help = "Swap files, each as large as its guest less its reservation. A change takes effect with the next start."},
    {"pager", "cache", CONFIG_RATIO, AT(pager_cache), "0.1", 0, 1,
     .help = "Largest compression cache as a part of the guest's size. 0: none."},
    {"pager", "sample-pages", CONFIG_COUNT, AT(pager_sample_pages), "100", 0, 10000,
     .help = "Pages that are sampled in each window to see what part of a guest's memory is in use. 0: none."},
    {"pager", "sample-window", CONFIG_DURATION, AT(pager_sample_window_usec), "30s", SEC(1), SEC(3600),
     .help = "Length of a window."},
    {"pager", "stuck-limit", CONFIG_DURATION, AT(pager_stuck_usec), "30s", 0, SEC(3600),
     .help = "A pager that has not answered for so long is killed, and another one takes over. 0: never."},

    {"share", "max-cpu", CONFIG_RATIO, AT(share.cpu_max), NULL, 0.01, 1,
     .help = "Most of one processor that looking for identical pages (KSM) may use: for new memory, and while the host is "
             "short."},
    {"share", "rest-cpu", CONFIG_RATIO, AT(share.cpu_rest), NULL, 0.001, 1,
     .help = "The same in state high for memory that was looked at before; at most max-cpu."},
    {"share", "take-over", CONFIG_BOOL, AT(share_take_over), "no",
     .help = "Use KSM also where somebody else has switched it on. no: it is left to him, and nothing is shared by us."},

    {"swap", "directory", CONFIG_PATH, AT(swap_directory), "/var/lib/aerostat/swap",
     .help = "Where files are made for the kernel's swap space, as guests with private memory need it; on ext4 or XFS. "
             "A change takes effect with the next start."},
    {"swap", "max", CONFIG_SIZE, AT(swap_max), "auto", 0, ANY_SIZE, "auto", SIZE_AUTO,
     .help = "What these files may occupy together; 0: none are made. auto: all but a tenth of the file system."},
    {"swap", "chunk", CONFIG_SIZE, AT(swap_chunk), "1G", 16.0 * MIB, 0x1p40,
     .help = "A file is this large, or a multiple of it."},
    {"swap", "keep", CONFIG_DURATION, AT(swap_keep_usec), "10min", SEC(1), SEC(86400),
     .help = "A file with nothing in it is taken out of use when it was not needed for this long."},
    {"swap", "zswap", CONFIG_BOOL, AT(swap_zswap), "yes",
     .help = "Compress in memory what the kernel swaps, where it can and as long as that pays: into a tenth of the capacity "
             "at most."},
    {"swap", "read-ahead", CONFIG_BOOL, AT(swap_read_ahead), "no",
     .help = "Leave the kernel's read-ahead from swap space (vm.page-cluster) as it is while guests with private memory "
             "may be swapped. no: it is switched off."},

    {"block", "enable", CONFIG_BOOL, AT(policy.block), "yes",
     .help = "Hold guests above their target for moments while the host is in state low and everything else is too "
             "slow."},
    {"block", "slice", CONFIG_DURATION, AT(policy.block_slice_usec), NULL, SEC(0.05), SEC(10),
     .help = "Longest time that a guest is held at a stretch."},
    {"block", "part", CONFIG_RATIO, AT(policy.block_part), NULL, 0.01, 0.9,
     .help = "Largest part of the time that a guest is held."},

    {"admission", "hold", CONFIG_DURATION, AT(admission_hold_usec), "1min", SEC(1), SEC(86400),
     .help = "How long the place of a guest that was admitted is kept for it."},

    {"api", "socket", CONFIG_PATH, AT(api_socket), "/run/aerostat/api.sock",
     .help = "The API's UNIX socket. A change takes effect with the next start."},
    {"api", "group", CONFIG_TEXT, AT(api_group), "",
     .help = "Name or number of the group that may change things over the API, as root may. The socket is given to it. "
             "Empty: root alone."},
    {"api", "access", CONFIG_ACCESS, AT(api_access), "0660",
     .help = "Permission bits of the socket: who can open it may read. 0666: everybody."},

    {"log", "level", CONFIG_CHOICE, AT(log_level), "info", .choices = level_words,
     .help = "Least urgent messages that are logged."},
};
/* clang-format on */
const size_t config_keys_count = G_N_ELEMENTS(config_keys);

const char *const config_vm_help[SETTING_MAX] = {
    [SETTING_SHARES] =
        "high, normal, low (20, 10, 5 per MiB of the guest's size), or a whole number.",
    [SETTING_RESERVATION] = "A size that is never reclaimed from the guest.",
    [SETTING_LIMIT] = "The most the guest may occupy, whatever is free; none: its size.",
    [SETTING_EXEMPT] = "yes: the guest is counted but never acted upon.",
    [SETTING_GUEST_SWAP] = "Whether the guest has swap space: yes, no, or auto: found out.",
    [SETTING_SHARE] =
        "The trust domain within which the guest's pages are shared; none: they are not.",
    [SETTING_PAGER] = "A pager, or the kernel's swap: yes or no, whatever [pager] enable says.",
};

const char *daemon_mode_name(enum daemon_mode mode)
{
    return mode_words[mode];
}

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < config_keys_count; i++) {
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}
