/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/peer.h"

#include <signal.h>
#include <string.h>

#include "lab/child.h"
#include "scenario/error.h"

#define LOG_TAIL_LENGTH 2000

struct peer {
    char *log;
    pid_t pid; /* and of its group; 0: it has ended */
};

struct peer *peer_start(const char *command, const char *directory, const char *sockets,
                        uint64_t capacity, GError **error)
{
    struct peer *p = g_new0(struct peer, 1);
    g_autofree char *where = g_strdup_printf("AEROSTAT_LAB_GUESTS=%s", sockets);
    g_autofree char *bytes = g_strdup_printf("AEROSTAT_LAB_CAPACITY=%" G_GUINT64_FORMAT, capacity);
    g_autofree char *text = g_strdup(command);
    char *argv[] = {(char[]){"/usr/bin/env"}, where, bytes, (char[]){"/bin/sh"},
                    (char[]){"-c"},           text,  NULL};

    p->log = g_build_filename(directory, "manager.log", NULL);
    p->pid = child_start(argv, p->log, error);
    if (p->pid > 0)
        return p;
    p->pid = 0;
    peer_end(p);
    return NULL;
}

/* The shell may have started others: they are in its group. */
void peer_end(struct peer *p)
{
    pid_t group = p->pid;

    if (group > 0) {
        (void)kill(-group, SIGTERM);
        child_end(group);
        (void)kill(-group, SIGKILL);
    }
    g_free(p->log);
    g_free(p);
}

bool peer_healthy(struct peer *p, GError **error)
{
    g_autofree char *text = NULL;
    size_t len;

    if (p->pid == 0 || !child_ended(p->pid, NULL))
        return true;
    (void)kill(-p->pid, SIGKILL);
    p->pid = 0;
    (void)g_file_get_contents(p->log, &text, &len, NULL);
    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                "the manager has ended by itself: %s",
                text && text[0] ? text + (len > LOG_TAIL_LENGTH ? len - LOG_TAIL_LENGTH : 0)
                                : "it said nothing");
    return false;
}
