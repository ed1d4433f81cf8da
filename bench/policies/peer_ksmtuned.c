/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/peer_ksmtuned.h"

#include <math.h>

#define PERIOD_USEC   (60 * USEC_PER_SEC)
#define THRESHOLD     0.20
#define THRESHOLD_MIN 2048.0 /* documented as MB, used as KiB */
#define BOOST         300
#define DECAY         (-50)
#define PAGES_MIN     64
#define PAGES_MAX     1250
#define SLEEP_MS      100 /* of Proxmox's variant */
#define SLEEP_MS_MIN  10
#define SLEEP_KIB     16777216.0

void ksmtuned_step(struct ksmtuned *k, double total, double free, double committed)
{
    double threshold = fmax(THRESHOLD * total, THRESHOLD_MIN);

    k->run = !(committed + threshold < total && free > threshold);
    if (!k->run)
        return;
    k->pages = fmin(fmax(k->pages + (free < threshold ? BOOST : DECAY), PAGES_MIN), PAGES_MAX);
    k->sleep_ms = fmax(SLEEP_MS_MIN, trunc(SLEEP_MS * SLEEP_KIB / total));
}

void ksmtuned_wake(struct ksmtuned *k, const struct peer_fleet *f, usec_t now)
{
    if (now < k->at)
        return;
    k->at = now + PERIOD_USEC;
    ksmtuned_step(k, (double)f->capacity / KIB, (double)f->free / KIB,
                  (double)u64_sub(f->capacity, f->free) / KIB);
    manager_scan(f->sim, k->run ? k->pages * 1000 / k->sleep_ms : 0);
}
