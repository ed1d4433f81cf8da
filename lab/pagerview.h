/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's pager has counted, as its page map says (pager/map.h): the lab's own look, which
 * needs neither the daemon nor the pager to answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "scenario/seen.h"

struct pagerview;

/* Of the guest called @name; nothing need be there yet. */
struct pagerview *pagerview_new(const char *memory_directory, const char *name);
void pagerview_free(struct pagerview *v);

/* Looks now. Where the map is gone (the guest has ended) what was last seen stays. */
void pagerview_look(struct pagerview *v, struct pager_sample *ret);

/* The process that serves now; 0: none. */
pid_t pagerview_pid(struct pagerview *v);

/* The guest has ended: so does its pager, or it is killed and a warning logged. */
void pagerview_end(struct pagerview *v);
