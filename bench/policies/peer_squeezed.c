/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Xen's squeezed, its rules. No demand and no shares: all domains stand at the same place between
 * their minimum and their maximum, wherever memory puts that. Nothing is handed out before it is
 * free: those that give are set first. Who has not moved for five seconds counts as stuck, and
 * keeps what it has. What feeds the rules is in squeezed_host.c; the hard cap that Xen has is left
 * out.
 */
#include "policies/peer_squeezed.h"

#include <glib.h>

#define TOLERANCE  (512 * KIB)
#define INACCURACY (4 * KIB)
#define STUCK_USEC (5 * USEC_PER_SEC)

static bool near(uint64_t a, uint64_t b)
{
    return u64_max(a, b) - u64_min(a, b) <= INACCURACY;
}

void squeezed_domain_init(struct squeezed_domain *d, usec_t now)
{
    d->before = d->actual;
    d->stamp = now;
    d->stuck = false;
}

static bool progressed(const struct squeezed_domain *d)
{
    return d->target >= d->before ? d->actual > d->before : d->actual < d->before;
}

void squeezed_observe(struct squeezed_domain *domains, size_t n, usec_t now)
{
    for (size_t i = 0; i < n; i++) {
        struct squeezed_domain *d = &domains[i];

        if (progressed(d) || near(d->target, d->actual)) {
            d->stamp = now;
            d->stuck = false;
        } else if (now - d->stamp > STUCK_USEC) {
            d->stuck = true;
        }
        d->before = d->actual;
    }
}

static bool active(const struct squeezed_domain *d)
{
    return d->can_balloon && !d->stuck;
}

void squeezed_ideals(const struct squeezed_domain *domains, size_t n, uint64_t host_free,
                     uint64_t want, uint64_t *ret_ideals)
{
    uint64_t supply = host_free;
    double range = 0, gamma = 0;

    for (size_t i = 0; i < n; i++) {
        if (!active(&domains[i]))
            continue;
        supply += u64_sub(domains[i].actual, domains[i].dmin + 2 * INACCURACY);
        range += (double)(domains[i].dmax - domains[i].dmin);
    }
    if (range > 0)
        gamma = CLAMP((double)u64_sub(supply, want) / range, 0, 1);
    for (size_t i = 0; i < n; i++)
        ret_ideals[i] =
            domains[i].dmin + (uint64_t)(gamma * (double)(domains[i].dmax - domains[i].dmin));
}

/* Sets those that are to give while there are any, else the others. */
static bool set_targets(struct squeezed_domain *domains, size_t n, const uint64_t *ideals)
{
    bool any_gives = false, changed = false;

    for (size_t i = 0; i < n; i++)
        any_gives = any_gives || (active(&domains[i]) && ideals[i] < domains[i].actual &&
                                  !near(ideals[i], domains[i].actual));
    for (size_t i = 0; i < n; i++) {
        struct squeezed_domain *d = &domains[i];
        bool gives = ideals[i] < d->actual && !near(ideals[i], d->actual);

        if (!active(d) || gives != any_gives || d->target == ideals[i])
            continue;
        d->target = ideals[i];
        changed = true;
    }
    return changed;
}

static bool all_there(const struct squeezed_domain *domains, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (active(&domains[i]) && !near(domains[i].target, domains[i].actual))
            return false;
    return true;
}

static enum squeezed_answer failed(const struct squeezed_domain *domains, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (domains[i].can_balloon && domains[i].stuck)
            return SQUEEZED_REFUSED;
    return SQUEEZED_CANNOT;
}

enum squeezed_answer squeezed_step(struct squeezed_domain *domains, size_t n, uint64_t host_free,
                                   bool balance, uint64_t free, bool *ret_changed)
{
    g_autofree uint64_t *ideals = g_new0(uint64_t, n + 1);
    uint64_t want = SQUEEZED_HOST_TARGET + (balance ? 0 : free);

    *ret_changed = false;
    if (!balance && host_free >= want && all_there(domains, n))
        return SQUEEZED_DONE;
    squeezed_ideals(domains, n, host_free, want, ideals);
    *ret_changed = set_targets(domains, n, ideals);
    if (*ret_changed || !all_there(domains, n))
        return SQUEEZED_WAIT;
    if (balance ? u64_sub(host_free, SQUEEZED_HOST_TARGET) < TOLERANCE : host_free >= want)
        return SQUEEZED_DONE;
    return failed(domains, n);
}
