/* SPDX-License-Identifier: Apache-2.0 */
/* Swap space of a test's own, in a file on a disk, gone after the test however that ends. */
#pragma once

/*
 * Runs @tests in a process of its own with @mib of swap space in use; returns its exit status.
 * Where there can be none (no root), swapspace_missing() says why in there.
 */
int swapspace_run(unsigned mib, int (*tests)(void));
const char *swapspace_missing(void); /* NULL: there is some */
