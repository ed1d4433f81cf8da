/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/agent-report.h"

#include "base/cleanup.h"
#include "base/json.h"

static bool parse_work(struct json_object *obj, struct agent_report *report, uint64_t *orders)
{
    const char *error;

    if (!json_get_u64(obj, "orders", orders) || !json_get_bool(obj, "busy", &report->busy) ||
        !json_get_u64(obj, "operations", &report->operations) ||
        !json_get_u64(obj, "wrong", &report->wrong_pages) ||
        !json_get_u64(obj, "owned", &report->owned) || !json_get_string(obj, "error", &error))
        return false;
    (void)g_strlcpy(report->error, error, sizeof(report->error));
    return true;
}

static bool parse_latency(struct json_object *obj, struct agent_report *report)
{
    return json_get_double(obj, "p50", &report->latency_p50_usec) &&
           json_get_double(obj, "p99", &report->latency_p99_usec) &&
           json_get_double(obj, "max", &report->latency_max_usec);
}

static bool parse_mem(struct json_object *obj, struct agent_report *report)
{
    return json_get_u64(obj, "total", &report->mem_total) &&
           json_get_u64(obj, "free", &report->mem_free) &&
           json_get_u64(obj, "available", &report->mem_available) &&
           json_get_u64(obj, "cached", &report->mem_cached) &&
           json_get_u64(obj, "swap_total", &report->swap_total) &&
           json_get_u64(obj, "swap_free", &report->swap_free);
}

static bool parse_vmstat(struct json_object *obj, struct agent_report *report)
{
    return json_get_u64(obj, "pswpin", &report->pswpin) &&
           json_get_u64(obj, "pswpout", &report->pswpout) &&
           json_get_u64(obj, "pgmajfault", &report->pgmajfault) &&
           json_get_u64(obj, "oom_kill", &report->oom_kill) &&
           json_get_u64(obj, "allocstall", &report->allocstall);
}

enum report_line report_parse(const char *line, size_t len, struct agent_report *ret,
                              uint64_t *ret_orders)
{
    autojson obj = json_parse(line, len, NULL);
    struct agent_report report = {0};
    uint64_t orders, version;

    if (json_get_u64(obj, "hello", &version))
        return version == 1 ? REPORT_LINE_HELLO : REPORT_LINE_INVALID;
    if (!parse_work(obj, &report, &orders) ||
        !parse_latency(json_get_object(obj, "latency_us"), &report) ||
        !parse_mem(json_get_object(obj, "mem"), &report) ||
        !parse_vmstat(json_get_object(obj, "vmstat"), &report))
        return REPORT_LINE_INVALID;
    *ret = report;
    *ret_orders = orders;
    return REPORT_LINE_REPORT;
}
