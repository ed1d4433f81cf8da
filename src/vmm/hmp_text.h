/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of QEMU's human monitor (QMP human-monitor-command) to the two commands that have no QMP
 * of their own. They are texts for people; what is accepted are exactly those of QEMU 2.12 to 10.x
 * (hmp_gva2gpa, hmp_gpa2hva in monitor/misc.c, later monitor/hmp-cmds-target.c), and everything
 * else is a misunderstanding that is told as such.
 */
#pragma once

#include "vmm/vmm.h"

/* "gpa: 0x1000": sets ret->gpa and reach to MEMORY, for now. "Unmapped": reach is UNMAPPED. False:
 * another text. */
bool hmp_text_gva2gpa(const char *text, struct vmm_translation *ret);

/*
 * "Host virtual address for 0x1000 (pc.ram) is 0x7f0000001000": sets ret->hva, region and reach.
 * "No memory is mapped at address 0x1000", "Memory at address 0x1000 is not RAM": reach alone.
 * False: another text, or one about another address than @gpa.
 */
bool hmp_text_gpa2hva(const char *text, uint64_t gpa, struct vmm_translation *ret);
