/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "base/size.h"
#include "pager/map.h"

static const char usage[] =
    "usage: aerostat-pager --name NAME --pid PID --ram-size BYTES --memory-dir DIR --swap-dir DIR\n"
    "                      --swap-size BYTES --cache BYTES [--control-fd FD] [--log-level N]\n"
    "       aerostat-pager --release --pid PID --fd NUMBER\n";

enum flag {
    OPTION_NAME = 256,
    OPTION_PID,
    OPTION_RAM_SIZE,
    OPTION_MEMORY_DIR,
    OPTION_SWAP_DIR,
    OPTION_SWAP_SIZE,
    OPTION_CACHE,
    OPTION_CONTROL_FD,
    OPTION_LOG_LEVEL,
    OPTION_RELEASE,
    OPTION_FD,
};

static const struct option options[] = {
    {"name", required_argument, NULL, OPTION_NAME},
    {"pid", required_argument, NULL, OPTION_PID},
    {"ram-size", required_argument, NULL, OPTION_RAM_SIZE},
    {"memory-dir", required_argument, NULL, OPTION_MEMORY_DIR},
    {"swap-dir", required_argument, NULL, OPTION_SWAP_DIR},
    {"swap-size", required_argument, NULL, OPTION_SWAP_SIZE},
    {"cache", required_argument, NULL, OPTION_CACHE},
    {"control-fd", required_argument, NULL, OPTION_CONTROL_FD},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"release", no_argument, NULL, OPTION_RELEASE},
    {"fd", required_argument, NULL, OPTION_FD},
    {NULL, 0, NULL, 0},
};

/* A number that fits into an int. */
static bool number(const char *text, int *ret)
{
    uint64_t value;

    if (!size_parse(text, &value) || value > INT_MAX)
        return false;
    *ret = (int)value;
    return true;
}

static bool take(struct options *o, int flag, const char *text)
{
    int level = LOG_LEVEL_INFO;
    bool ok = true;

    switch (flag) {
    case OPTION_NAME:
        o->name = text;
        break;
    case OPTION_PID:
        ok = number(text, &o->pid);
        break;
    case OPTION_RAM_SIZE:
        ok = size_parse(text, &o->ram_size);
        break;
    case OPTION_MEMORY_DIR:
        o->memory_directory = text;
        break;
    case OPTION_SWAP_DIR:
        o->swap_directory = text;
        break;
    case OPTION_SWAP_SIZE:
        ok = size_parse(text, &o->swap_size) && o->swap_size % PAGE_BYTES == 0;
        break;
    case OPTION_CACHE:
        ok = size_parse(text, &o->cache);
        break;
    case OPTION_CONTROL_FD:
        ok = number(text, &o->control_fd);
        break;
    case OPTION_LOG_LEVEL:
        ok = number(text, &level) && level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG;
        if (ok)
            log_set_level((enum log_level)level);
        break;
    case OPTION_RELEASE:
        o->release = true;
        break;
    case OPTION_FD:
        ok = number(text, &o->fd);
        break;
    default:
        ok = false;
    }
    return ok;
}

bool options_parse(struct options *o, int argc, char **argv)
{
    int flag;
    bool ok = true;

    *o = (struct options){.control_fd = -1, .fd = -1, .swap_size = UINT64_MAX, .cache = UINT64_MAX};
    while (ok && (flag = getopt_long(argc, argv, "", options, NULL)) >= 0)
        ok = take(o, flag, optarg);
    ok = ok && optind == argc && o->pid > 0;
    if (ok && o->release)
        ok = o->fd >= 0;
    else if (ok)
        ok = o->name && o->memory_directory && o->swap_directory && o->swap_size != UINT64_MAX &&
             o->cache != UINT64_MAX;
    if (!ok)
        (void)fputs(usage, stderr);
    return ok;
}
