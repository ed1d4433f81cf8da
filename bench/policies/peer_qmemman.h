/* SPDX-License-Identifier: Apache-2.0 */
/* Qubes' qmemman, pure: what each domain is to have. Bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qmemman_domain {
    bool privileged;  /* dom0 */
    bool known;       /* it has said what it uses, */
    bool no_progress; /* and gave when it was asked: else it is left out */
    double used, actual, max;
    double last_target;
    /* set: */
    bool set;
    double target;
};

/* What it should have at least: its use and a third. */
double qmemman_pref(const struct qmemman_domain *d);

/* Divides @free (less than 0 where memory is short; what is kept in reserve is not in it). @order
 * is set to the domains' places in the order in which their targets are to be sent: those that
 * give, then those that take; returns how many. */
size_t qmemman_balance(struct qmemman_domain *domains, size_t n, double free, size_t *order);

/* Whether the change is worth the stir. @free as in qmemman_balance. */
bool qmemman_worth(const struct qmemman_domain *domains, size_t n, double free);

/* Targets of those that give for a domain that starts and needs @wanted more than is free. False:
 * they have not so much to give. */
bool qmemman_donate(struct qmemman_domain *domains, size_t n, double wanted);
