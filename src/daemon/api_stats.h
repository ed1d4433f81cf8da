/* SPDX-License-Identifier: Apache-2.0 */
/* What the API counts of itself. */
#pragma once

#include <stdint.h>

#define API_STATUS_CLASSES 6 /* 2xx is 2 */

struct api_stats {
    uint64_t answers[API_STATUS_CLASSES]; /* by class of status; 0 and 1 stay empty */
    unsigned connections;                 /* open now */
};
