/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* To be called first in main(): where standard input, output or error is closed, puts something in
 * its place that fails to be read or written, so that no socket gets its number and our messages.
 */
void stdio_open(void);
