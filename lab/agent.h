/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders to the guest program and its reports: one JSON object per line over virtio-serial, as
 * guest/PROTOCOL.md describes. Asynchronous on the default GLib main context.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "scenario/seen.h"

struct agent;

typedef void (*agent_report_fn)(struct agent *agent, const struct agent_report *report, void *data);

/* Connects to @path, retrying until the guest is up and whenever the link is lost. @report (may be
 * NULL) is called for each report; it must not free the agent. */
struct agent *agent_new(const char *path, agent_report_fn report, void *data);
void agent_free(struct agent *agent);

/* True once the guest program has said hello. */
bool agent_ready(const struct agent *agent);

/* From a new order on it is busy until a report made after the order's arrival says otherwise. */
const struct agent_report *agent_last(const struct agent *agent);

/* Sends an order: one JSON object without the newline. False where the guest is not ready or does
 * not take what was sent before. */
bool agent_order(struct agent *agent, const char *json);
