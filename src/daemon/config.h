/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's configuration: built-in defaults, then the file, then its drop-ins in the order of
 * their names; later wins. Every key is one row of config_table.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/policy.h"
#include "core/share.h"
#include "daemon/config_file.h"
#include "daemon/settings.h"

enum daemon_mode {
    MODE_MANAGE,
    MODE_OBSERVE, /* everything but the acting */
    MODE_MAX,
};

const char *daemon_mode_name(enum daemon_mode mode);

#define SIZE_AUTO UINT64_MAX

struct config {
    /* [host] */
    unsigned mode;     /* enum daemon_mode */
    uint64_t capacity; /* bytes, or SIZE_AUTO */
    uint64_t reserve;  /* bytes, or SIZE_AUTO; for capacity SIZE_AUTO only */
    char *qmp_directory;
    char **qmp_sockets;
    usec_t qmp_timeout_usec;
    bool release_on_exit;

    /* [policy] */
    usec_t period_usec;
    usec_t stats_period_usec;
    struct policy_params policy; /* with [host] minfree */

    /* [pager] */
    bool pager_enable; /* for guests whose own setting says nothing */
    char *pager_program;
    char *pager_memory_directory;
    char *pager_swap_directory;
    double pager_cache; /* compression cache as a part of the guest's size */
    uint64_t pager_sample_pages;
    usec_t pager_sample_window_usec;
    usec_t pager_stuck_usec; /* 0: for ever */

    /* [share] */
    struct share_params share;
    bool share_take_over;

    /* [swap] */
    char *swap_directory;
    uint64_t swap_max; /* bytes, or SIZE_AUTO */
    uint64_t swap_chunk;
    usec_t swap_keep_usec;
    bool swap_zswap;
    bool swap_read_ahead; /* the kernel's is left as it is */

    /* [admission] */
    usec_t admission_hold_usec;

    /* [api] */
    char *api_socket;
    char *api_group;     /* NULL: root only */
    gid_t api_gid;       /* of api_group; meaningless without one */
    unsigned api_access; /* permission bits of the socket */

    /* [log] */
    unsigned log_level; /* enum log_level */

    /* [vm "name"]: name -> struct settings */
    GHashTable *vms;
};

/* The built-in defaults. */
struct config *config_new(void);
void config_free(struct config *config);

static inline void config_freep(struct config **config)
{
    config_free(*config);
}

#define autoconfig __attribute__((cleanup(config_freep))) struct config *

/*
 * Reads @path and the *.conf files of @path's directory of drop-ins: "PATH.d", or for the default
 * path (NULL: /etc/aerostat/aerostat.conf, which may be missing) aerostat.conf.d beside it. NULL on
 * error, with one line: "FILE:LINE: what is wrong and what is allowed".
 */
struct config *config_load(const char *path, GError **error);

/* Settings of the guest @name; never NULL. */
const struct settings *config_vm(const struct config *config, const char *name);

/* The directory of the API's socket (/run/aerostat): for what the next daemon must find, and the
 * next boot need not. Owned by the caller. */
char *config_run_directory(const struct config *config);

/* The whole configuration in force, as a file that config_load takes, with every key's meaning. */
char *config_dump(const struct config *config);
