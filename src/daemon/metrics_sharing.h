/* SPDX-License-Identifier: Apache-2.0 */
/* What sharing of pages brings and costs, for Prometheus. */
#pragma once

#include "daemon/sharing.h"

void metrics_put_sharing(GString *text, const struct sharing_view *host,
                         const struct guests *guests);
