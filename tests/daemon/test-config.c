/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: what is taken, what is refused, and that every refusal names its place and the
 * cure. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "core/units.h"
#include "daemon/config.h"
#include "daemon/config_table.h"

/* A directory with a configuration file in it. */
struct fixture {
    char *directory, *file, *dropins;
};

static void set_up(struct fixture *f, const void *data)
{
    (void)data;
    f->directory = g_dir_make_tmp("aerostat-config-XXXXXX", NULL);
    g_assert_nonnull(f->directory);
    f->file = g_build_filename(f->directory, "test.conf", NULL);
    f->dropins = g_build_filename(f->directory, "test.conf.d", NULL);
}

static void remove_all(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        (void)g_remove(path);
    }
    (void)g_rmdir(directory);
}

static void tear_down(struct fixture *f, const void *data)
{
    (void)data;
    remove_all(f->dropins);
    remove_all(f->directory);
    g_assert_false(g_file_test(f->directory, G_FILE_TEST_EXISTS));
    g_free(f->directory);
    g_free(f->file);
    g_free(f->dropins);
}

static void write_text(const char *path, const char *text)
{
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void write_dropin(const struct fixture *f, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(f->dropins, name, NULL);

    g_assert_cmpint(g_mkdir_with_parents(f->dropins, 0700), ==, 0);
    write_text(path, text);
}

static void test_defaults(struct fixture *f, const void *data)
{
    struct policy_params params = policy_params_default();
    autoconfig config = NULL;

    (void)data;
    write_text(f->file, "");
    config = config_load(f->file, NULL);
    g_assert_nonnull(config);
    g_assert_cmpuint(config->mode, ==, MODE_MANAGE);
    g_assert_cmpuint(config->capacity, ==, SIZE_AUTO);
    g_assert_cmpuint(config->period_usec, ==, 2 * USEC_PER_SEC);
    g_assert_cmpstr(config->api_socket, ==, "/run/aerostat/api.sock");
    g_assert_null(config->api_group);
    g_assert_cmpuint(config->api_access, ==, 0660);
    g_assert_cmpuint(config->log_level, ==, LOG_LEVEL_INFO);
    g_assert_false(config->release_on_exit);
    g_assert_true(config->pager_enable);
    g_assert_cmpstr(config->pager_memory_directory, ==, "/dev/shm/aerostat");
    /* In two parts: what is between the members is not compared. */
    g_assert_cmpmem(&config->policy, offsetof(struct policy_params, block), &params,
                    offsetof(struct policy_params, block));
    g_assert_true(config->policy.block == params.block);
    g_assert_cmpmem(&config->policy.block_slice_usec,
                    sizeof(params) - offsetof(struct policy_params, block_slice_usec),
                    &params.block_slice_usec,
                    sizeof(params) - offsetof(struct policy_params, block_slice_usec));
}

static void test_values(struct fixture *f, const void *data)
{
    const struct settings *vm;
    autoconfig config = NULL;
    GError *error = NULL;

    (void)data;
    write_text(f->file,
               "# comment\n; another\n\n[host]\n"
               "mode = observe\n capacity=2G \nreserve = 1.5 GiB\nminfree = 64M\n"
               "qmp-directory =\nqmp-sockets = /a b;; /c ;\nrelease-on-exit = true\n"
               "[policy]\nperiod = 500ms\nidle-tax = 0\nstall = 1min\ndistress-faults = 7\n"
               "[api]\naccess = 0666\n[log]\nlevel = debug\n"
               "[pager]\nenable = no\ncache = 0.25\nsample-pages = 0\nswap-directory = /swap\n"
               "[vm \"a \"b\"]\nshares = high\nreservation = 0\nlimit = 2G\n"
               "exempt = yes\nguest-swap = no\npager = yes\nshare = web\n"
               "[share]\nmax-cpu = 0.25\nrest-cpu = 0.05\ntake-over = yes\n");
    config = config_load(f->file, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(config->mode, ==, MODE_OBSERVE);
    g_assert_cmpuint(config->capacity, ==, 2 * GIB);
    g_assert_cmpuint(config->reserve, ==, 3 * GIB / 2);
    g_assert_cmpuint(config->policy.minfree, ==, 64 * MIB);
    g_assert_null(config->qmp_directory);
    g_assert_cmpuint(g_strv_length(config->qmp_sockets), ==, 2);
    g_assert_cmpstr(config->qmp_sockets[0], ==, "/a b");
    g_assert_cmpstr(config->qmp_sockets[1], ==, "/c");
    g_assert_true(config->release_on_exit);
    g_assert_cmpuint(config->period_usec, ==, USEC_PER_SEC / 2);
    g_assert_cmpfloat(config->policy.idle_tax, ==, 0);
    g_assert_cmpuint(config->policy.stall_usec, ==, 60 * USEC_PER_SEC);
    g_assert_cmpuint(config->policy.distress_faults, ==, 7);
    g_assert_cmpuint(config->api_access, ==, 0666);
    g_assert_cmpuint(config->log_level, ==, LOG_LEVEL_DEBUG);
    g_assert_false(config->pager_enable);
    g_assert_cmpfloat(config->pager_cache, ==, 0.25);
    g_assert_cmpuint(config->pager_sample_pages, ==, 0);
    g_assert_cmpstr(config->pager_swap_directory, ==, "/swap");
    g_assert_cmpfloat(config->share.cpu_max, ==, 0.25);
    g_assert_cmpfloat(config->share.cpu_rest, ==, 0.05);
    g_assert_true(config->share_take_over);

    vm = config_vm(config, "a \"b");
    g_assert_cmpuint(vm->given, ==, (1u << SETTING_MAX) - 1);
    g_assert_cmpuint(vm->shares_per_mib, ==, SHARES_PER_MIB_HIGH);
    g_assert_cmpuint(vm->limit, ==, 2 * GIB);
    g_assert_true(vm->exempt);
    g_assert_cmpint(vm->swap, ==, GUEST_SWAP_ABSENT);
    g_assert_true(vm->pager);
    g_assert_cmpstr(vm->share, ==, "web");
    g_assert_cmpuint(config_vm(config, "other")->given, ==, 0);
}

/* Later files win, in the order of their names; what is no *.conf is not read. */
static void test_dropins(struct fixture *f, const void *data)
{
    autoconfig config = NULL;
    GError *error = NULL;

    (void)data;
    write_text(f->file,
               "[host]\ncapacity = 1G\nreserve = 1G\nminfree = 1M\n[vm \"a\"]\nshares = 1\n");
    write_dropin(f, "20-b.conf", "[host]\ncapacity = 3G\n");
    write_dropin(f, "10-a.conf", "[host]\ncapacity = 2G\nreserve = 2G\n[vm \"a\"]\nlimit = 1G\n");
    write_dropin(f, "30.conf.bak", "[nonsense\n");
    write_dropin(f, ".hidden.conf", "[nonsense\n");
    config = config_load(f->file, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(config->capacity, ==, 3 * GIB);
    g_assert_cmpuint(config->reserve, ==, 2 * GIB);
    g_assert_cmpuint(config->policy.minfree, ==, MIB);
    g_assert_cmpuint(config_vm(config, "a")->shares, ==, 1);
    g_assert_cmpuint(config_vm(config, "a")->limit, ==, GIB);
}

static void test_dropin_error(struct fixture *f, const void *data)
{
    GError *error = NULL;

    (void)data;
    write_text(f->file, "[host]\ncapacity = 1G\n");
    write_dropin(f, "10-a.conf", "[host]\n\ncapacity = much\n");
    g_assert_null(config_load(f->file, &error));
    g_assert_nonnull(strstr(error->message, "test.conf.d/10-a.conf:3: "));
    g_clear_error(&error);
}

/* A clash between a file and a drop-in is blamed on the drop-in, which came later. */
static void test_dropin_clash(struct fixture *f, const void *data)
{
    GError *error = NULL;

    (void)data;
    write_text(f->file, "\n\n\n\n[vm \"a\"]\nreservation = 2G\n");
    write_dropin(f, "10-a.conf", "[vm \"a\"]\nlimit = 1G\n");
    g_assert_null(config_load(f->file, &error));
    g_assert_nonnull(strstr(error->message, "10-a.conf:2: reservation 2G is more than limit 1G"));
    g_clear_error(&error);
}

struct wrong {
    const char *name;
    const char *text;
    unsigned line;
    const char *says[3]; /* each is in the message */
};

static const struct wrong wrongs[] = {
    {"no-section", "capacity = 1G\n", 1, {"before the first [section]"}},
    {"no-value", "[host]\ncapacity\n", 2, {"key = value"}},
    {"no-key", "[host]\n= 5\n", 2, {"no key before the '='"}},
    {"open-section", "[host\n", 1, {"']' is missing"}},
    {"unquoted-vm", "[vm web]\n", 1, {"in quotes", "[vm \"name\"]"}},
    {"unnamed-vm", "\n[vm]\nshares = 1\n", 2, {"guest's name"}},
    {"empty-vm", "[vm \"\"]\n", 1, {"in quotes"}},
    {"named-host", "[host \"a\"]\n", 1, {"takes no name", "[host]"}},
    {"unknown-section",
     "[hots]\n",
     1,
     {"no section [hots]", "[host], [policy], [pager], [swap], [share], [api], [log]"}},
    {"empty-section", "[]\n", 1, {"no section []"}},
    {"unknown-key",
     "[host]\n\ncapcity = 1G\n",
     3,
     {"no key 'capcity' in [host]", "capacity, reserve"}},
    {"key-of-other", "[api]\ncapacity = 1G\n", 2, {"no key 'capacity' in [api]", "socket, group"}},
    {"unknown-vm-key",
     "[vm \"a\"]\nweight = 1\n",
     2,
     {"no key 'weight'", "shares, reservation, limit"}},
    {"twice",
     "[host]\ncapacity = 1G\n[log]\n[host]\ncapacity = 2G\n",
     5,
     {"already set in line 2"}},
    {"size",
     "[host]\ncapacity = 1 gallon\n",
     2,
     {"1 gallon is not allowed", "sizes from 16M", "auto"}},
    {"size-negative", "[host]\ncapacity = -1G\n", 2, {"not allowed"}},
    {"size-small", "[host]\ncapacity = 1M\n", 2, {"sizes from 16M"}},
    {"size-empty", "[host]\ncapacity =\n", 2, {"capacity =  is not allowed"}},
    {"size-huge", "[host]\ncapacity = 99999999999999999999T\n", 2, {"not allowed"}},
    {"inline-comment", "[host]\ncapacity = 1G # big\n", 2, {"1G # big is not allowed"}},
    {"duration", "[policy]\nperiod = fast\n", 2, {"times from 100ms to 1min"}},
    {"duration-short", "[policy]\nperiod = 1ms\n", 2, {"times from 100ms to 1min"}},
    {"ratio", "[policy]\nidle-tax = 1\n", 2, {"numbers from 0 to 0.99"}},
    {"ratio-comma", "[policy]\nidle-tax = 0,5\n", 2, {"numbers from 0 to 0.99"}},
    {"ratio-nan", "[policy]\nidle-tax = nan\n", 2, {"numbers from 0 to 0.99"}},
    {"count", "[policy]\ndistress-faults = 1.5\n", 2, {"whole numbers from 1"}},
    {"bool", "[host]\nrelease-on-exit = maybe\n", 2, {"yes, no, true, false"}},
    {"choice", "[host]\nmode = manege\n", 2, {"manage, observe"}},
    {"choice-empty", "[log]\nlevel =\n", 2, {"error, warning, notice, info, debug"}},
    {"path", "[api]\nsocket = run/x\n", 2, {"an absolute path"}},
    {"paths", "[host]\nqmp-sockets = /a;b\n", 2, {"absolute paths, separated by ';'"}},
    {"access", "[api]\naccess = 0888\n", 2, {"octal from 0600"}},
    {"access-self", "[api]\naccess = 0700\n[api]\ngroup = no such group\n", 4, {"groupadd"}},
    {"long-socket",
     "[api]\nsocket = /run/0123456789012345678901234567890123456789012345678901234567890123456789"
     "012345678901234567890123456789012345678\n",
     2,
     {"longer than the 107 bytes"}},
    {"no-socket", "[api]\nsocket =\n", 2, {"socket must be a path"}},
    {"shares", "[vm \"a\"]\nshares = 0\n", 2, {"high, normal, low", "from 1"}},
    {"reservation", "[vm \"a\"]\nreservation = all\n", 2, {"'all' is no size", "256M"}},
    {"limit", "[vm \"a\"]\nlimit = 0\n", 2, {"less than 1M", "none"}},
    {"exempt", "[vm \"a\"]\nexempt = 1\n", 2, {"yes, no, true nor false"}},
    {"guest-swap", "[vm \"a\"]\nguest-swap = some\n", 2, {"auto, yes nor no"}},
    {"pager", "[vm \"a\"]\npager = some\n", 2, {"yes, no, true nor false"}},
    {"share", "[vm \"a\"]\nshare = a,b\n", 2, {"share: 'a,b' is neither none nor"}},
    {"share-cpu", "[share]\nmax-cpu = 0.05\n", 2, {"rest-cpu is more than max-cpu"}},
    {"pager-cache", "[pager]\ncache = 10%\n", 2, {"numbers from 0 to 1"}},
    {"pager-path", "[pager]\nenable = no\nswap-directory =\n", 3, {"must be a path", "enable"}},
    {"sampled", "[policy]\nsampled-fast = 1h\n", 2, {"sampled-fast is more than sampled-slow"}},
    {"reservation-limit",
     "[vm \"a\"]\nlimit = 1G\nreservation = 2G\nshares = 1\n",
     3,
     {"reservation 2G is more than limit 1G"}},
    {"averages", "[policy]\nactivity-fast = 1h\n", 2, {"activity-fast is more than activity-slow"}},
    {"backoff", "[policy]\nstall-backoff-max = 1s\nstall-backoff = 2s\n", 3, {"at most as long"}},
    {"stale", "[policy]\nstats-period = 60s\n", 2, {"stats-stale must be at least twice"}},
    {"stats-period", "[policy]\nstats-period = 1500ms\n", 2, {"whole seconds"}},
    {"minfree", "[host]\nminfree = 2G\ncapacity = 1G\n", 3, {"minfree must be less than capacity"}},
    {"utf-8", "[host]\n# fine\n\xff = 1\n", 3, {"not UTF-8"}},
};

static void test_wrong(struct fixture *f, const void *data)
{
    const struct wrong *wrong = data;
    g_autofree char *place = g_strdup_printf("%s:%u: ", f->file, wrong->line);
    GError *error = NULL;

    write_text(f->file, wrong->text);
    g_assert_null(config_load(f->file, &error));
    g_assert_error(error, CONFIG_ERROR, 0);
    g_test_message("%s", error->message);
    g_assert_true(g_str_has_prefix(error->message, place));
    g_assert_null(strchr(error->message, '\n'));
    for (size_t i = 0; i < G_N_ELEMENTS(wrong->says) && wrong->says[i]; i++)
        g_assert_nonnull(strstr(error->message, wrong->says[i]));
    g_clear_error(&error);
}

static void test_nul(struct fixture *f, const void *data)
{
    GError *error = NULL;

    (void)data;
    g_assert_true(g_file_set_contents(f->file, "[host]\ncap\0acity = 1G\n", 22, NULL));
    g_assert_null(config_load(f->file, &error));
    g_assert_nonnull(strstr(error->message, "test.conf:2: a NUL byte"));
    g_clear_error(&error);
}

/* Messages stay in the ring of events: what they repeat is cut, and never within a character. */
static void test_long_words(struct fixture *f, const void *data)
{
    static const char *const before[] = {"[log]\nlevel=", "[host]\n",
                                         "[vm \"a\"]\nlimit=", "[api]\ngroup="};
    GString *word = g_string_new("x"); /* so that it is not cut at an even place */

    (void)data;
    while (word->len < 100000)
        g_string_append(word, "\xc3\xa9");
    for (size_t i = 0; i < G_N_ELEMENTS(before); i++) {
        g_autofree char *text = g_strconcat(before[i], word->str, "=\n", NULL);
        g_autoptr(GError) error = NULL;

        write_text(f->file, text);
        g_assert_null(config_load(f->file, &error));
        g_assert_cmpuint(strlen(error->message), <, 600);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
    }
    g_string_free(word, TRUE);
}

/* As editors on other systems leave it. */
static void test_byte_order_mark(struct fixture *f, const void *data)
{
    autoconfig config = NULL;
    g_autoptr(GError) error = NULL;

    (void)data;
    write_text(f->file, "\xef\xbb\xbf[host]\r\ncapacity = 2G\r\n");
    config = config_load(f->file, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(config->capacity, ==, 2 * GIB);
}

static void test_too_large(struct fixture *f, const void *data)
{
    g_autofree char *text = g_strnfill(CONFIG_FILE_MAX + 1, '\n');
    GError *error = NULL;

    (void)data;
    write_text(f->file, text);
    g_assert_null(config_load(f->file, &error));
    g_assert_nonnull(strstr(error->message, "larger than"));
    g_clear_error(&error);
}

static void test_missing(struct fixture *f, const void *data)
{
    GError *error = NULL;

    (void)data;
    g_assert_null(config_load(f->file, &error));
    g_assert_nonnull(strstr(error->message, f->file));
    g_clear_error(&error);
}

/* What --dump-config prints is a configuration with the same meaning, and has every key. */
static void test_dump(struct fixture *f, const void *data)
{
    g_autofree char *first = NULL, *second = NULL;
    autoconfig config = NULL;
    autoconfig again = NULL;
    GError *error = NULL;

    (void)data;
    write_text(f->file,
               "[host]\ncapacity = 1536M\nqmp-sockets = /a;/b c\n[policy]\nperiod = 250ms\n"
               "idle-tax = 0.625\n[vm \"x\"]\nshares = low\nlimit = none\n"
               "[vm \"y\"]\nshares = 12\nguest-swap = yes\npager = no\nreservation = 1000\n"
               "share = b\n[vm \"z\"]\nshare = none\n");
    config = config_load(f->file, &error);
    g_assert_no_error(error);
    first = config_dump(config);
    write_text(f->file, first);
    again = config_load(f->file, &error);
    g_assert_no_error(error);
    second = config_dump(again);
    g_assert_cmpstr(first, ==, second);
    g_assert_nonnull(strstr(first, "capacity = 1536M\n"));
    for (size_t i = 0; i < config_keys_count; i++) {
        g_autofree char *line = g_strdup_printf("\n%s = ", config_keys[i].name);

        g_assert_nonnull(strstr(first, line));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add(path, struct fixture, NULL, set_up, test, tear_down)
    ADD("/config/defaults", test_defaults);
    ADD("/config/values", test_values);
    ADD("/config/dropins", test_dropins);
    ADD("/config/long-words", test_long_words);
    ADD("/config/byte-order-mark", test_byte_order_mark);
    ADD("/config/dropin-error", test_dropin_error);
    ADD("/config/dropin-clash", test_dropin_clash);
    ADD("/config/wrong/nul", test_nul);
    ADD("/config/wrong/too-large", test_too_large);
    ADD("/config/wrong/missing", test_missing);
    ADD("/config/dump", test_dump);
    for (size_t i = 0; i < G_N_ELEMENTS(wrongs); i++) {
        g_autofree char *path = g_strconcat("/config/wrong/", wrongs[i].name, NULL);

        g_test_add(path, struct fixture, &wrongs[i], set_up, test_wrong, tear_down);
    }
    return g_test_run();
}
