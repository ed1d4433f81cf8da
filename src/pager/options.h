/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of aerostat-pager. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    const char *name, *memory_directory, *swap_directory;
    pid_t pid;
    uint64_t ram_size, swap_size, cache; /* bytes */
    int control_fd;                      /* -1: none */
    bool release;
    int fd; /* to release */
};

/* False: said on standard error what is wrong. */
bool options_parse(struct options *o, int argc, char **argv);
