/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a pager: of the guest's RAM (a file of PUNCH_BYTES bytes) a hole over each
 * PUNCH_EVERYth page is not made, but the page is zeroed and stays, as the kernel does with a part
 * of a huge page that it can't split.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

int fallocate(int fd, int mode, off_t offset, off_t bytes);

static off_t number(const char *name)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : 0;
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    static int (*real)(int, int, off_t, off_t);
    static const char zeros[PAGE];
    static off_t size, every;
    struct stat st;
    off_t at;

    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "fallocate64");

        real = *(int (**)(int, int, off_t, off_t))(void *)&symbol;
        size = number("PUNCH_BYTES");
        every = number("PUNCH_EVERY") * PAGE;
    }
    if (!(mode & FALLOC_FL_PUNCH_HOLE) || every == 0 || fstat(fd, &st) < 0 || st.st_size != size)
        return real(fd, mode, offset, bytes);
    for (off_t end = offset + bytes; offset < end; offset = at) {
        at = offset + PAGE;
        if (offset % every == 0 ? pwrite(fd, zeros, PAGE, offset) != PAGE
                                : real(fd, mode, offset, PAGE) < 0)
            return -1;
    }
    return 0;
}
