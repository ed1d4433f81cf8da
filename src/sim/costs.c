/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/costs.h"

#include "core/units.h"

struct sim_costs sim_costs_default(void)
{
    return (struct sim_costs){
        .fill_rate = 300 * MIB,
        .inflate_rate = 80 * MIB,
        .deflate_rate = 400 * MIB,
        .touch_usec = 1,
        .first_touch_usec = 4,
        .guest_swap_in_usec = 150,
        .guest_swap_out_rate = 60 * MIB,
        .file_read_usec = 60,
        .file_reread_usec = 12,
        .load_compressed_usec = 60,
        .load_swapped_usec = 150,
        .evict_compressed_rate = 300 * MIB,
        .evict_swapped_rate = 250 * MIB,
        .kernel_swap_in_usec = 120,
        .kernel_swap_out_rate = 300 * MIB,
        .ksm_scan_rate = 600 * MIB,
        .ksm_break_usec = 6,
        .guest_base = 0.03,
        .guest_base_bytes = 24 * MIB,
    };
}
