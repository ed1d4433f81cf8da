/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: with zswap a page that is put out is freed within the call, and comes back in
 * microseconds; it pays as far as pages shrink. The kernel (seen on 6.18) keeps what does not
 * shrink in its pool as well, page for page, so that with such data zswap is memory moved from one
 * pocket to the other, and the disk stays unused. So the yield is looked at: what has come in since
 * zswap was switched on, and what the pool has grown by. Switched off, it keeps what it has, and
 * takes nothing new.
 *
 * The pool is the host's memory, and bounded in percent of the whole machine. It gets POOL_PART of
 * what guests may occupy, which is less than one percent where the capacity is a small part of the
 * machine; then there is no zswap. That an operator has switched it on is respected, with all
 * settings.
 */
#include "daemon/zswap.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/size.h"
#include "host/knob.h"

#define ENABLED "/sys/module/zswap/parameters/enabled"
#define PERCENT "/sys/module/zswap/parameters/max_pool_percent"

#define POOL_PART 10 /* one in... */

/* So much must have come in before it is judged. */
#define JUDGED_BYTES (16 * MIB)

/* It pays where the pool grows by at most 7 of 10 bytes of pages: pages and their tables cost, too.
 */
#define PAYS(payload, pool) ((pool) / 7 <= (payload) / 10)

#define PAUSE_USEC (600 * USEC_PER_SEC)

enum zswap_standing {
    ZSWAP_OFF,
    ZSWAP_ON,      /* by us */
    ZSWAP_FOREIGN, /* was on before us */
    ZSWAP_PAUSING, /* did not pay */
};

/* The pool's at first, as it is set before zswap is switched on, and put back after it was switched
 * off. */
static const char *const settings[] = {PERCENT, ENABLED, NULL};

struct zswap {
    struct knobs *knobs;
    enum zswap_standing standing;
    char *reason;
    bool on;
    uint64_t payload, pool; /* when it was switched on */
    usec_t until;           /* PAUSING */
};

struct zswap *zswap_new(const char *host_root, const char *record)
{
    struct zswap *z = g_new0(struct zswap, 1);

    z->knobs = knobs_new(host_root, record, settings);
    /* Left on by somebody who was killed: settings as they were found, and from the beginning. */
    (void)knobs_restore(z->knobs);
    z->reason = g_strdup("it was not needed yet");
    return z;
}

void zswap_free(struct zswap *z)
{
    if (!z)
        return;
    (void)knobs_restore(z->knobs);
    knobs_free(z->knobs);
    g_free(z->reason);
    g_free(z);
}

static void explain(struct zswap *z, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void explain(struct zswap *z, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_free(z->reason);
    z->reason = g_strdup_vprintf(format, args);
    va_end(args);
}

static void look(struct zswap *z)
{
    char value[KNOB_VALUE_MAX];

    z->on = knobs_get(z->knobs, ENABLED, value) == 0 && strcmp(value, "Y") == 0;
    if (!z->on && (z->standing == ZSWAP_ON || z->standing == ZSWAP_FOREIGN))
        z->standing = ZSWAP_OFF; /* somebody else did it */
    if (z->on && z->standing != ZSWAP_ON)
        z->standing = ZSWAP_FOREIGN;
}

static void switch_off(struct zswap *z)
{
    (void)knobs_restore(z->knobs);
    z->standing = ZSWAP_OFF;
    look(z);
}

static void switch_on(struct zswap *z, uint64_t percent, const struct meminfo *mem)
{
    char value[KNOB_VALUE_MAX];
    int r;

    g_snprintf(value, sizeof(value), "%" G_GUINT64_FORMAT, percent);
    r = knobs_set(z->knobs, PERCENT, value);
    if (r == 0)
        r = knobs_set(z->knobs, ENABLED, "Y");
    if (r < 0) {
        explain(z, "it can't be switched on: %s", g_strerror(-r));
        (void)knobs_restore(z->knobs);
        return;
    }
    z->standing = ZSWAP_ON;
    z->on = true;
    z->payload = mem->zswapped;
    z->pool = mem->zswap;
    explain(z, "what is swapped is compressed into at most %s %% of this host's memory first",
            value);
}

/* Ends it where it does not pay. */
static void judge(struct zswap *z, const struct meminfo *mem, usec_t now)
{
    uint64_t payload, pool;
    char pages[SIZE_TEXT_MAX], took[SIZE_TEXT_MAX];

    /* What was there before goes first, or some of it: what is left counts as come in since. */
    z->payload = u64_min(z->payload, mem->zswapped);
    z->pool = u64_min(z->pool, mem->zswap);
    payload = mem->zswapped - z->payload;
    pool = mem->zswap - z->pool;
    if (payload < JUDGED_BYTES || PAYS(payload, pool))
        return;
    switch_off(z);
    z->standing = ZSWAP_PAUSING;
    z->until = now + PAUSE_USEC;
    explain(z, "it does not pay: %s of pages took %s of memory; it is tried again in %u minutes",
            size_format(payload, pages), size_format(pool, took),
            (unsigned)(PAUSE_USEC / USEC_PER_SEC / 60));
}

static void consider(struct zswap *z, const struct zswap_wish *wish, const struct meminfo *mem)
{
    double part = (double)wish->capacity / POOL_PART;
    uint64_t percent = mem->total ? (uint64_t)(100 * part / (double)mem->total) : 0;

    if (!knobs_have(z->knobs, ENABLED))
        explain(z, "this kernel has none");
    else if (!wish->allowed)
        explain(z, "it is not allowed: [swap] zswap = no, or mode = observe");
    else if (!wish->wanted)
        explain(z, "no guest needs swap space of the kernel");
    else if (mem->zswap == MEMINFO_UNKNOWN)
        explain(z, "this kernel does not say what it yields");
    else if (percent == 0)
        explain(z, "a tenth of the capacity is less than 1 %% of this host's memory, which is the "
                   "least that its pool can have");
    else
        switch_on(z, percent, mem);
}

bool zswap_see(struct zswap *z, const struct zswap_wish *wish, const struct meminfo *mem,
               usec_t now)
{
    enum zswap_standing before = z->standing;

    look(z);
    if (z->standing == ZSWAP_ON && (!wish->allowed || !wish->wanted))
        switch_off(z);
    if (z->standing == ZSWAP_PAUSING && (now >= z->until || !wish->allowed || !wish->wanted))
        z->standing = ZSWAP_OFF;
    if (z->standing == ZSWAP_OFF)
        consider(z, wish, mem);
    else if (z->standing == ZSWAP_ON)
        judge(z, mem, now);
    else if (z->standing == ZSWAP_FOREIGN)
        explain(z, "it was switched on by somebody else, and stays as it is");
    return (before == ZSWAP_ON) != (z->standing == ZSWAP_ON);
}

bool zswap_is_on(const struct zswap *z)
{
    return z->on;
}

const char *zswap_reason(const struct zswap *z)
{
    return z->reason;
}
