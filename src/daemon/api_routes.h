/* SPDX-License-Identifier: Apache-2.0 */
/* What the API's requests mean: docs/api.md. */
#pragma once

#include "daemon/api.h"
#include "daemon/daemon.h"

/* An api_handler_fn; @daemon is a struct daemon. */
void api_routes_handle(const struct api_request *request, struct api_answer *ret, void *daemon);
