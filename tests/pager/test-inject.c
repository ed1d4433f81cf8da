/* SPDX-License-Identifier: Apache-2.0 */
/* Injected system calls, against a process that notices whatever they disturb. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "pager/attach.h"
#include "pager/inject.h"
#include "target.h"

#define INJECTIONS 300

/* getppid tells from what it returns that it was made in the target. */
static bool ask_parent(struct injection *i, void *data, GError **error)
{
    return inject_call(i, SYS_getppid, 0, 0, 0, data, error);
}

static void inject_once(pid_t pid, uint64_t *stopped)
{
    g_autoptr(GError) error = NULL;
    int64_t parent = -1;

    inject(pid, ask_parent, &parent, stopped, &error);
    g_assert_no_error(error);
    g_assert_cmpint(parent, ==, getpid());
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void test_undisturbed(gconstpointer data)
{
    struct victim v = victim_start(data, NULL);
    uint64_t stopped[INJECTIONS];
    unsigned long before = victim_rounds(&v, NULL);

    for (unsigned n = 0; n < INJECTIONS; n++)
        inject_once(v.pid, &stopped[n]);
    qsort(stopped, INJECTIONS, sizeof(stopped[0]), compare);
    g_test_message("stopped for %u us (median), %u us (p99)", (unsigned)stopped[INJECTIONS / 2],
                   (unsigned)stopped[INJECTIONS * 99 / 100]);
    /* It goes on: none of its calls was lost. */
    before = victim_rounds(&v, NULL);
    while (victim_rounds(&v, NULL) < before + 3)
        (void)usleep(1000);
    victim_end(&v);
}

int main(int argc, char **argv)
{
    static const char *const mains[] = {"calls", "nanosleep", "ppoll", "epoll",
                                        "read",  "signals",   "futex"};

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(mains); i++) {
        g_autofree char *path = g_strdup_printf("/inject/%s", mains[i]);

        g_test_add_data_func(path, mains[i], test_undisturbed);
    }
    return g_test_run();
}
