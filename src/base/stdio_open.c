/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stdio_open.h"

#include <fcntl.h>
#include <unistd.h>

void stdio_open(void)
{
    int fd;

    /* The lowest free number is given, so this fills 0, 1 and 2 in turn. */
    do
        fd = open("/dev/null", O_PATH | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}
