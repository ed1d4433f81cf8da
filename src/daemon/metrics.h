/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon in the Prometheus text format 0.0.4. Guests carry the label `domain`, as those of the
 * libvirt exporters do, so that the two can be joined.
 */
#pragma once

#include "daemon/api_stats.h"
#include "daemon/view_json.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Owned by the caller. */
char *metrics_text(const struct host_status *host, const struct config *config,
                   const struct daemon_status *daemon, const struct api_stats *api,
                   const struct guests *guests);
