/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longest /proc file that is read; vmstat has about 4 KiB. */
#define PROC_TEXT_MAX 16384

/* "NAME 123" or "NAME: 123 kB": adds it up over all lines whose name begins with @name, which ends
 * in ' ' or ':' where it must match whole. */
static uint64_t sum_lines(const char *text, const char *name)
{
    uint64_t sum = 0;

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, strlen(name)))
            sum += strtoull(line + strcspn(line, " \n"), NULL, 10);
    }
    return sum;
}

void kernel_stats_parse(struct kernel_stats *ret, const char *meminfo, const char *vmstat)
{
    *ret = (struct kernel_stats){
        .total = sum_lines(meminfo, "MemTotal:") * 1024,
        .free = sum_lines(meminfo, "MemFree:") * 1024,
        .available = sum_lines(meminfo, "MemAvailable:") * 1024,
        .cached = sum_lines(meminfo, "Cached:") * 1024,
        .swap_total = sum_lines(meminfo, "SwapTotal:") * 1024,
        .swap_free = sum_lines(meminfo, "SwapFree:") * 1024,
        .pswpin = sum_lines(vmstat, "pswpin "),
        .pswpout = sum_lines(vmstat, "pswpout "),
        .pgmajfault = sum_lines(vmstat, "pgmajfault "),
        .oom_kill = sum_lines(vmstat, "oom_kill "),
        .allocstall = sum_lines(vmstat, "allocstall_"), /* one for each zone */
    };
}

int reporter_init(struct reporter *reporter, uint64_t now)
{
    *reporter = (struct reporter){
        .meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC),
        .vmstat = open("/proc/vmstat", O_RDONLY | O_CLOEXEC),
        .start = now,
    };
    return reporter->meminfo < 0 || reporter->vmstat < 0 ? -errno : 0;
}

static const char *read_text(int fd, char text[static PROC_TEXT_MAX])
{
    ssize_t got, length = 0;

    do {
        got = pread(fd, text + length, (size_t)(PROC_TEXT_MAX - 1 - length), length);
        length += got > 0 ? got : 0;
    } while (got > 0);
    text[length] = '\0';
    return text;
}

/* "what: why"; both are literals without anything that JSON would want escaped but the quotes. */
static void format_error(const char *what, int number, char *buf, size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    if (!what)
        return;
    for (; *what && used + 3 < size; what++) {
        if (*what == '"')
            buf[used++] = '\\';
        buf[used++] = *what;
    }
    buf[used] = '\0';
    if (number)
        (void)snprintf(buf + used, size - used, ": %s", strerrordesc_np(number));
}

size_t reporter_write(const struct reporter *reporter, struct shared *shared, const char *error,
                      uint64_t now, char *buf, size_t size)
{
    static char meminfo[PROC_TEXT_MAX], vmstat[PROC_TEXT_MAX];
    struct latencies latency = histogram_take(&shared->latencies);
    bool busy = atomic_load(&shared->finished) != atomic_load(&shared->ordered);
    struct kernel_stats k;
    char error_text[256];
    int length;

    kernel_stats_parse(&k, read_text(reporter->meminfo, meminfo),
                       read_text(reporter->vmstat, vmstat));
    if (!error && atomic_load(&shared->failed) == atomic_load(&shared->ordered))
        format_error(atomic_load(&shared->error), atomic_load(&shared->error_number), error_text,
                     sizeof(error_text));
    else
        format_error(error, 0, error_text, sizeof(error_text));
    length = snprintf(
        buf, size,
        "{\"t\": %.3f, \"orders\": %" PRIu64 ", \"busy\": %s, \"operations\": %" PRIu64
        ", \"wrong\": %" PRIu64 ", \"owned\": %" PRIu64 ", \"error\": \"%s\""
        ", \"latency_us\": {\"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}"
        ", \"mem\": {\"total\": %" PRIu64 ", \"free\": %" PRIu64 ", \"available\": %" PRIu64
        ", \"cached\": %" PRIu64 ", \"swap_total\": %" PRIu64 ", \"swap_free\": %" PRIu64 "}"
        ", \"vmstat\": {\"pswpin\": %" PRIu64 ", \"pswpout\": %" PRIu64 ", \"pgmajfault\": %" PRIu64
        ", \"oom_kill\": %" PRIu64 ", \"allocstall\": %" PRIu64 "}}\n",
        (double)(now - reporter->start) / 1e9, reporter->taken, busy ? "true" : "false",
        atomic_load(&shared->operations), atomic_load(&shared->wrong), atomic_load(&shared->owned),
        error_text, latency.p50_usec, latency.p99_usec, latency.max_usec, k.total, k.free,
        k.available, k.cached, k.swap_total, k.swap_free, k.pswpin, k.pswpout, k.pgmajfault,
        k.oom_kill, k.allocstall);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}
