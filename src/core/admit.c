/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what is reserved is never reclaimed, so all of it must fit at once, with what looking
 * after the guests costs, and with minfree, without which nothing can be moved any more. What is
 * not reserved may have to be put out entirely, so there must be swap space for all of it, not for
 * what is likely. Then every guest can have its reservation, and nobody must ever be killed.
 */
#include "core/admit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/units.h"

#define PAGE            4096
#define BYTES_PER_ENTRY 8 /* of the page tables */
#define BYTES_PER_SLOT  4

static const char *const verdict_names[] = {
    [ADMIT_YES] = "yes",
    [ADMIT_NO_MEMORY] = "no-memory",
    [ADMIT_NO_SWAP] = "no-swap",
};
static_assert(sizeof(verdict_names) / sizeof(*verdict_names) == ADMIT_VERDICT_MAX,
              "a name per verdict");

const char *admit_verdict_name(enum admit_verdict verdict)
{
    assert(verdict < ADMIT_VERDICT_MAX);
    return verdict_names[verdict];
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t admit_swap(const struct admit_request *request)
{
    return u64_sub(request->size, request->reservation);
}

uint64_t admit_kernel_overhead(const struct admit_request *request)
{
    return request->size / PAGE * BYTES_PER_ENTRY + admit_swap(request) / PAGE * BYTES_PER_SLOT;
}

static uint64_t reserved_with(const struct admit_host *host, const struct admit_request *request)
{
    return sum(host->reserved, u64_min(request->reservation, request->size));
}

static uint64_t overhead_with(const struct admit_host *host, const struct admit_request *request)
{
    return sum(host->overhead, request->overhead);
}

enum admit_verdict admit(const struct admit_host *host, const struct admit_request *request)
{
    if (sum(reserved_with(host, request), overhead_with(host, request)) >
        u64_sub(host->capacity, host->minfree))
        return ADMIT_NO_MEMORY;
    return admit_swap(request) > host->swap_free ? ADMIT_NO_SWAP : ADMIT_YES;
}

/* Rounded up: a refusal must not read as if it fitted. */
static uint64_t mib(uint64_t bytes)
{
    return bytes / MIB + (bytes % MIB != 0);
}

const char *admit_text(const struct admit_host *host, const struct admit_request *request,
                       char *buf, size_t size)
{
    uint64_t reserved = reserved_with(host, request), overhead = overhead_with(host, request);

    switch (admit(host, request)) {
    case ADMIT_YES:
        (void)snprintf(buf, size,
                       "admitted: with it %" PRIu64 " MiB are reserved and %" PRIu64
                       " MiB are overhead, of %" PRIu64 " MiB that may be; it may need %" PRIu64
                       " MiB of swap space",
                       mib(reserved), mib(overhead), u64_sub(host->capacity, host->minfree) / MIB,
                       mib(admit_swap(request)));
        break;
    case ADMIT_NO_MEMORY:
        (void)snprintf(buf, size,
                       "what is reserved (%" PRIu64 " MiB with it) and the overheads (%" PRIu64
                       " MiB) do not fit the capacity of %" PRIu64 " MiB less minfree of %" PRIu64
                       " MiB; lower a reservation, or end a guest",
                       mib(reserved), mib(overhead), host->capacity / MIB, mib(host->minfree));
        break;
    case ADMIT_NO_SWAP:
        (void)snprintf(buf, size,
                       "size less reservation, %" PRIu64
                       " MiB, can't be promised as swap space: %" PRIu64
                       " MiB are left; make room for swap files or raise the reservation",
                       mib(admit_swap(request)), host->swap_free / MIB);
        break;
    case ADMIT_VERDICT_MAX:
        break;
    }
    return buf;
}
