/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/movement.h"

#include "base/size.h"
#include "core/units.h"

/* Within one sample: sampling of activity puts out some hundred pages at a time, a balloon and a
 * size differ by rounding. */
#define LEAST_BYTES   ((double)MIB)
#define LEAST_SECONDS 0.02

static double of_guest(enum means m, const struct guest_sample *was, const struct guest_sample *is)
{
    bool pagers = was->pager.known && is->pager.known;

    switch (m) {
    case MEANS_BALLOON:
        return was->known && is->known ? (double)u64_sub(was->granted, is->granted) : 0;
    case MEANS_SHARE:
        return (double)u64_sub(is->saved, was->saved);
    case MEANS_COMPRESS:
        return pagers ? (double)u64_sub(is->pager.compressed_out, was->pager.compressed_out) : 0;
    case MEANS_SWAP:
        return (pagers ? (double)u64_sub(is->pager.swapped_out, was->pager.swapped_out) : 0) +
               (double)u64_sub(is->kernel.out, was->kernel.out);
    case MEANS_BLOCK:
        return MAX(is->blocked.seconds - was->blocked.seconds, 0);
    case MEANS_MAX:
        break;
    }
    return 0;
}

double movement_between(const struct record *r, enum means m, unsigned i, unsigned guest)
{
    double sum = 0;

    for (unsigned g = 0; i > 0 && g < r->guests; g++)
        if (guest == EVERY_GUEST || guest == g)
            sum += of_guest(m, record_guest(r, i - 1, g), record_guest(r, i, g));
    return sum;
}

bool movement_counts(enum means m, double amount)
{
    return amount > (m == MEANS_BLOCK ? LEAST_SECONDS : LEAST_BYTES);
}

char *movement_format(enum means m, double amount)
{
    char size[SIZE_TEXT_MAX];

    return m == MEANS_BLOCK ? g_strdup_printf("%.1f s", amount)
                            : g_strdup(size_format((uint64_t)amount, size));
}

GArray *movement_stretches(const struct record *r, enum means m)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(struct movement_stretch));

    for (unsigned i = 1; i < r->hosts->len; i++) {
        struct movement_stretch s = {.from = record_host(r, i - 1)->t,
                                     .to = record_host(r, i)->t,
                                     .amount = movement_between(r, m, i, EVERY_GUEST)};
        struct movement_stretch *last =
            all->len > 0 ? &g_array_index(all, struct movement_stretch, all->len - 1) : NULL;

        if (!movement_counts(m, s.amount))
            continue;
        if (last && s.from - last->to < MOVEMENT_PAUSE) {
            last->to = s.to;
            last->amount += s.amount;
        } else {
            g_array_append_val(all, s);
        }
    }
    return all;
}
