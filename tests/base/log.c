/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <glib.h>

static void say(void)
{
    log_debug("not shown");
    log_info("guest %s: %d", "a\nb\x1b", 3);
    log_set_level(LOG_LEVEL_WARNING);
    log_notice("not shown either");
    log_error("bad");
}

static void test_plain(void)
{
    if (g_test_subprocess()) {
        g_unsetenv("JOURNAL_STREAM");
        say();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("guest a b : 3\nbad\n");
}

static void test_journal(void)
{
    if (g_test_subprocess()) {
        g_setenv("JOURNAL_STREAM", "1:2", TRUE);
        say();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("<6>guest a b : 3\n<3>bad\n");
}

static void test_long(void)
{
    if (g_test_subprocess()) {
        g_autofree char *text = g_strnfill(100000, 'x');

        log_error("%s", text);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*xxx\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/plain", test_plain);
    g_test_add_func("/log/journal", test_journal);
    g_test_add_func("/log/long", test_long);
    return g_test_run();
}
