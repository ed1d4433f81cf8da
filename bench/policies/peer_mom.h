/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of oVirt's MOM for one guest and for KSM, pure; all sizes in KiB. */
#pragma once

#include <stdbool.h>

enum mom_rules {
    MOM_DOC,  /* doc/balloon.rules: as MOM ships them */
    MOM_VDSM, /* 02-balloon.policy: as oVirt runs them */
};

struct mom_host {
    double total;
    double free; /* on average */
};

struct mom_guest {
    double cur, min, max;       /* of the balloon, now */
    double avg_cur, avg_unused; /* of the last samples */
};

struct mom_ksm {
    bool run;
    double sleep_ms, pages;
};

/* False: nothing is set. The target is not rounded. */
bool mom_balloon(enum mom_rules rules, const struct mom_host *host, const struct mom_guest *g,
                 double *ret_target);

/* @ksm is as it was before, and is set. @committed: all that the guests' processes may use. */
void mom_ksm(enum mom_rules rules, const struct mom_host *host, double committed,
             struct mom_ksm *ksm);
