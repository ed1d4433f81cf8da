/* SPDX-License-Identifier: Apache-2.0 */
/* What is out of memory, by pagers and by the kernel. */
#include "core/units.h"
#include "scenario/measure.h"

static bool in_window(const struct record *r, unsigned i, double from, double to)
{
    return record_host(r, i)->t >= from && record_host(r, i)->t <= to;
}

uint64_t measure_out(const struct record *r, unsigned guest, double from, double to)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < r->hosts->len; i++)
        if (in_window(r, i, from, to))
            most = u64_max(most, guest_sample_out(record_guest(r, i, guest)));
    return most;
}

uint64_t measure_least_resident(const struct record *r, unsigned guest, double from, double to)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < r->hosts->len; i++)
        if (in_window(r, i, from, to) && record_guest(r, i, guest)->alive)
            least = u64_min(least, record_guest(r, i, guest)->resident);
    return least;
}

uint64_t measure_most_resident(const struct record *r, unsigned guest, double from, double to)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < r->hosts->len; i++)
        if (in_window(r, i, from, to))
            most = u64_max(most, record_guest(r, i, guest)->resident);
    return most;
}

uint64_t measure_held_pages(const struct record *r, unsigned guest)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < r->hosts->len; i++)
        most = u64_max(most, record_guest(r, i, guest)->pager.held_pages);
    return most;
}

struct pager_sample measure_pager(const struct record *r, unsigned guest)
{
    for (unsigned i = r->hosts->len; i-- > 0;)
        if (record_guest(r, i, guest)->pager.known)
            return record_guest(r, i, guest)->pager;
    return (struct pager_sample){0};
}
