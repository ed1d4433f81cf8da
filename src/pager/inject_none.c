/* SPDX-License-Identifier: Apache-2.0 */
/* Other processors than x86-64: refused, until somebody writes what inject.c does for them. */
#include <errno.h>

#include "pager/attach.h"
#include "pager/inject.h"

bool inject(pid_t pid, inject_fn body, void *data, uint64_t *stopped_usec, GError **error)
{
    (void)pid, (void)body, (void)data;
    if (stopped_usec)
        *stopped_usec = 0;
    g_set_error_literal(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED,
                        "attaching to a guest is built for x86-64 only");
    return false;
}

/* There is never an injection to make them in. */
bool inject_call(struct injection *i, long number, uint64_t a, uint64_t b, uint64_t c,
                 int64_t *result, GError **error)
{
    (void)i, (void)number, (void)a, (void)b, (void)c, (void)error;
    *result = -ENOSYS;
    return false;
}

bool inject_scratch(struct injection *i, const void *bytes, size_t n, uint64_t *address,
                    GError **error)
{
    (void)i, (void)bytes, (void)n, (void)error;
    *address = 0;
    return false;
}
