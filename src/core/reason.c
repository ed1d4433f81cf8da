/* SPDX-License-Identifier: Apache-2.0 */
/* Why the policy did what it did, in one sentence with the figures that decided. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/policy_guest.h"

static const char *const reason_names[] = {
    [REASON_NONE] = "none",
    [REASON_PLENTY] = "plenty",
    [REASON_SHORTAGE] = "shortage",
    [REASON_LIMIT] = "limit",
    [REASON_GIVE_BACK] = "give-back",
    [REASON_DISTRESS] = "distress",
    [REASON_RELEASED] = "released",
    [REASON_STALLED] = "stalled",
    [REASON_GUEST_RESERVE] = "guest-reserve",
    [REASON_BALLOON_MAX] = "balloon-max",
    [REASON_RESERVATION] = "reservation",
    [REASON_BACKOFF] = "backoff",
    [REASON_NO_DRIVER] = "no-driver",
    [REASON_UNREACHABLE] = "unreachable",
    [REASON_NOT_RUNNING] = "not-running",
    [REASON_EXEMPT] = "exempt",
    [REASON_TOO_SMALL] = "too-small",
    [REASON_STALE_STATS] = "stale-stats",
    [REASON_UNBELIEVED] = "unbelieved",
    [REASON_RELIEVE_PAGER] = "relieve-pager",
    [REASON_NOTHING_FREE] = "nothing-free",
    [REASON_SWAP_INSTEAD] = "swap-instead",
    [REASON_SWAP_BESIDES] = "swap-besides",
    [REASON_SWAP_AHEAD] = "swap-ahead",
    [REASON_PACED] = "paced",
    [REASON_CAPPED] = "capped",
    [REASON_BLOCKED] = "blocked",
    [REASON_PARKED] = "parked",
};
static_assert(sizeof(reason_names) / sizeof(*reason_names) == REASON_MAX, "a name per reason");

const char *reason_name(enum reason reason)
{
    assert(reason < REASON_MAX);
    return reason_names[reason];
}

#define MIB_OF(bytes) ((bytes) / MIB)

#define HOST_FORMAT  "host %s, %" PRIu64 " MiB free of minfree %" PRIu64 " MiB"
#define HOST_ARGS(v) host_state_name((v)->state), MIB_OF((v)->host_free), MIB_OF((v)->host_minfree)

#define GUEST_FORMAT                                                                               \
    "resident %" PRIu64 " MiB, active %" PRIu64 " MiB, entitled to %" PRIu64                       \
    " MiB (between %" PRIu64 " and %" PRIu64 ")"
#define GUEST_ARGS(v)                                                                              \
    MIB_OF((v)->resident), MIB_OF((v)->active), MIB_OF((v)->entitled), MIB_OF((v)->lo),            \
        MIB_OF((v)->hi)

/* What decided, without the figures; NULL where the sentence needs figures of its own. */
static const char *plain_text(enum reason reason)
{
    switch (reason) {
    case REASON_NONE:
        return "nothing to do: holds no more than it is entitled to";
    case REASON_PLENTY:
        return "nothing to do: above its entitlement, but the host is not short of memory";
    case REASON_SHORTAGE:
        return "balloon inflates: the host is short and the guest is above its entitlement";
    case REASON_LIMIT:
        return "balloon inflates: the guest is above its limit";
    case REASON_GIVE_BACK:
        return "balloon deflates: there is room for more than the guest has";
    case REASON_RELEASED:
        return "balloon empties: the operator released it";
    case REASON_STALLED:
        return "balloon stopped short of its target: target is set back to what was reached";
    case REASON_GUEST_RESERVE:
        return "held: the guest has no more to spare";
    case REASON_BALLOON_MAX:
        return "held: the balloon is as large as it may get";
    case REASON_RESERVATION:
        return "held: at its reservation";
    case REASON_BACKOFF:
        return "held: pause after the balloon stalled";
    case REASON_NO_DRIVER:
        return "held: no balloon driver answers";
    case REASON_UNREACHABLE:
        return "held: its monitor (QMP) does not answer";
    case REASON_NOT_RUNNING:
        return "held: the guest is paused and its driver cannot run";
    case REASON_EXEMPT:
        return "left alone: exempt by the operator";
    case REASON_TOO_SMALL:
        return "nothing to do: the difference is not worth a change";
    case REASON_STALE_STATS:
        return "held: its statistics ceased, as they do in a guest under too much pressure";
    case REASON_UNBELIEVED:
        return "held: nothing that it says of its memory is believed; pages are put out instead";
    case REASON_RELIEVE_PAGER:
        return "balloon inflates: the guest gives what the host would have to keep out";
    case REASON_NOTHING_FREE:
        return "waits: entitled to more, but nothing is free until others have given";
    case REASON_SWAP_INSTEAD:
        return "pages are put out: the host is short and the balloon can't be asked";
    case REASON_SWAP_BESIDES:
        return "pages are put out: the host is very short and the balloon does not give in time";
    case REASON_SWAP_AHEAD:
        return "pages are put out: memory is used up faster than the balloons give";
    case REASON_PACED:
        return "nothing is put out as long as it grows no faster than memory is dealt out; little "
               "is free";
    case REASON_CAPPED:
        return "nothing is put out, but what is out may not come back beyond its entitlement";
    case REASON_PARKED:
        return "left alone: an operator parked it";
    case REASON_BLOCKED:
        return "held for a moment: the host has next to nothing left, and it is above its target";
    case REASON_DISTRESS:
    case REASON_MAX:
    default:
        return NULL;
    }
}

/* Why a guest has no more to spare, as far as its own swap is the cause. */
static const char *spare_text(enum guest_swap swap)
{
    if (swap == GUEST_SWAP_ABSENT)
        return "held: the guest has no more to spare, and no swap of its own; only the host "
               "could take more";
    if (swap == GUEST_SWAP_SHORT)
        return "held: the guest has no more to spare, and its own swap takes no more (65 % of its "
               "size is the rule); only the host could take more";
    return plain_text(REASON_GUEST_RESERVE);
}

const char *policy_reason_text(const struct verdict *v, char *buf, size_t size)
{
    char what[200], signs[80];

    if (v->reason == REASON_DISTRESS)
        (void)snprintf(what, sizeof(what), "balloon deflates at once: the guest suffers (%s)",
                       distress_names(v->distress, signs, sizeof(signs)));
    else if (v->reason == REASON_GUEST_RESERVE)
        (void)snprintf(what, sizeof(what), "%s", spare_text(v->swap));
    else
        (void)snprintf(what, sizeof(what), "%s", plain_text(v->reason));
    (void)snprintf(buf, size,
                   "%s; %s%" PRIu64 " -> %" PRIu64 " MiB; " GUEST_FORMAT "; " HOST_FORMAT, what,
                   v->mechanism == MECHANISM_NONE ? "stays: " : "visible size ", MIB_OF(v->from),
                   MIB_OF(v->to), GUEST_ARGS(v), HOST_ARGS(v));
    return buf;
}

static const char *allowed_what(const struct verdict *v)
{
    if (v->allowed_reason == REASON_NONE)
        return "everything may come back that it touches";
    if (v->allowed_reason == REASON_LIMIT)
        return "its limit: what is above is put out";
    return plain_text(v->allowed_reason);
}

static const char *allowed_bytes(uint64_t bytes, char *buf, size_t size)
{
    if (bytes == ALLOWED_ANY)
        (void)snprintf(buf, size, "any");
    else
        (void)snprintf(buf, size, "%" PRIu64 " MiB", MIB_OF(bytes));
    return buf;
}

const char *policy_allowed_text(const struct verdict *v, char *buf, size_t size)
{
    char before[32], now[32];

    (void)snprintf(buf, size,
                   "%s; may occupy %s -> %s; " GUEST_FORMAT ", put out %" PRIu64
                   " MiB, compressed in %" PRIu64 " MiB; " HOST_FORMAT,
                   allowed_what(v), allowed_bytes(v->allowed_before, before, sizeof(before)),
                   allowed_bytes(v->allowed, now, sizeof(now)), GUEST_ARGS(v), MIB_OF(v->out),
                   MIB_OF(v->cache), HOST_ARGS(v));
    return buf;
}

const char *policy_block_text(const struct verdict *v, char *buf, size_t size)
{
    (void)snprintf(buf, size,
                   "blocked for %" PRIu64 " ms: the host is very short and the guest is %" PRIu64
                   " MiB above its target; " GUEST_FORMAT "; " HOST_FORMAT,
                   v->block / USEC_PER_MSEC,
                   MIB_OF(u64_sub(v->resident + v->cache, verdict_target(v))), GUEST_ARGS(v),
                   HOST_ARGS(v));
    return buf;
}
