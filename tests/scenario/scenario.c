/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <glib/gstdio.h>

#include "scenario/error.h"
#include "scenario/scenario.h"

#define HEAD "[scenario]\ncapacity=900M\n"

static struct scenario *load(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("scenario-XXXXXX.ini", &path, NULL);
    struct scenario *s;

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    s = scenario_load(path, error);
    g_assert_cmpint(g_unlink(path), ==, 0);
    return s;
}

static void test_whole(void)
{
    g_autoptr(GError) error = NULL;
    struct scenario *s = load("[scenario]\n"
                              "title = A title\n"
                              "capacity = 900M\n"
                              "mode = observe\n"
                              "alone = yes\n"
                              "phase.1 = at 12s capacity 700M\n"
                              "[daemon]\n"
                              "policy.period = 1s\n"
                              "[guest web]\n"
                              "size = 512M\n"
                              "ram = private\n"
                              "vcpus = 2\n"
                              "count = 2\n"
                              "balloon = ignores\n"
                              "stats = frozen\n"
                              "swap = 256M\n"
                              "disk = 1G\n"
                              "programs = yes\n"
                              "shares = high\n"
                              "start = 3s\n"
                              "phase.1 = at 20s idle\n"
                              "phase.2 = at 4s fill 10M\n"
                              "phase.3 = at 5s run once compile 9\n"
                              "[expect]\n"
                              "reached.web2 = 10M by 10s\n",
                              &error);

    g_assert_no_error(error);
    g_assert_cmpstr(s->title, ==, "A title");
    g_assert_cmpuint(s->capacity, ==, 900u << 20);
    g_assert_true(s->alone);
    g_assert_cmpfloat_with_epsilon(s->length, 30, 1e-9);
    g_assert_cmpuint(s->guests->len, ==, 2);
    g_assert_cmpstr(scenario_guest(s, 1)->name, ==, "web2");
    g_assert_cmpint(scenario_guest(s, 1)->ram, ==, GUEST_RAM_PRIVATE);
    g_assert_cmpint(scenario_guest(s, 1)->balloon, ==, BALLOON_IGNORES);
    g_assert_cmpint(scenario_guest(s, 1)->lie, ==, LIE_FROZEN);
    g_assert_true(scenario_guest(s, 1)->programs);
    g_assert_cmpint(g_array_index(scenario_guest(s, 0)->phases, struct phase, 0).kind, ==,
                    PHASE_FILL);
    g_assert_cmpuint(s->settings->len, ==, 1);
    g_assert_cmpstr(((struct scenario_setting *)g_ptr_array_index(s->settings, 0))->section, ==,
                    "policy");
    g_assert_cmpuint(s->goals->len, ==, 1);
    scenario_free(s);
}

/* Each repetition is a phase of its own, at a time within its bounds; the same seed draws the same.
 */
static void test_again(void)
{
    static const char text[] = "[scenario]\ncapacity=900M\npager=yes\n"
                               "[guest a]\nsize=512M\n"
                               "phase.1 = at 2s every 3s until 12s pager-kill within=2s\n"
                               "phase.2 = at 4s idle\n";
    double drawn[2][4];

    g_assert_true(g_setenv("AEROSTAT_SEED", "5", true));
    for (int run = 0; run < 2; run++) {
        g_autoptr(GError) error = NULL;
        struct scenario *s = load(text, &error);
        const GArray *phases;
        unsigned kills = 0;

        g_assert_no_error(error);
        g_assert_true(s->pager);
        g_assert_true(s->random);
        g_assert_cmpuint(s->seed, ==, 5);
        phases = scenario_guest(s, 0)->phases;
        for (unsigned i = 0; i < phases->len; i++) {
            const struct phase *p = &g_array_index(phases, struct phase, i);

            if (p->kind != PHASE_PAGER_KILL)
                continue;
            g_assert_cmpuint(kills, <, 3);
            g_assert_cmpfloat(p->at, >=, 2 + 3 * kills);
            g_assert_cmpfloat(p->at, <, 4 + 3 * kills);
            drawn[run][kills++] = p->at;
        }
        g_assert_cmpuint(kills, ==, 3);
        g_assert_cmpfloat_with_epsilon(s->length, 2 + 3 * 2 + 2 + 10, 1e-9);
        scenario_free(s);
    }
    g_assert_cmpmem(drawn[0], 3 * sizeof(double), drawn[1], 3 * sizeof(double));
    g_unsetenv("AEROSTAT_SEED");
}

/* What the simulator alone can make of a guest is read, and told apart. */
static void test_only_simulated(void)
{
    static const char *const keys[] = {"balloon = slow", "balloon = stuck", "stats = none",
                                       "stats = late", "stats = windows"};

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf(HEAD "[guest a]\nsize=512M\n"
                                                     "[guest b]\nsize=512M\nmin=128M\n%s\n",
                                                keys[i]);
        struct scenario *s = load(text, &error);

        g_assert_no_error(error);
        g_assert_true(scenario_only_simulated(s) == scenario_guest(s, 1));
        g_assert_cmpuint(scenario_guest(s, 1)->min, ==, 128u << 20);
        scenario_guest(s, 1)->balloon = BALLOON_IGNORES;
        scenario_guest(s, 1)->lie = LIE_ABSURD;
        g_assert_null(scenario_only_simulated(s));
        scenario_free(s);
    }
}

/* What is wrong, and what the message has to say about it. */
static const struct {
    const char *text, *message;
} refused[] = {
    {"[guest a]\nsize=512M\n", "[scenario] capacity: it is missing"},
    {HEAD, "there is no [guest NAME] section"},
    {HEAD "[guest a]\nsize=512M\nsizes=1M\n", ":5: [guest a] sizes: unknown key; allowed are size"},
    {HEAD "[host]\nx=1\n", ":3: [host]: unknown section; allowed are [scenario]"},
    {HEAD "[guest a]\nsize=big\n", ":4: [guest a] size: \"big\"; allowed is a size"},
    {HEAD "[guest a]\nsize=32M\n", "at least 96M"},
    {HEAD "[guest a]\nsize=512M\nmin=513M\n", "at most the guest's size"},
    {HEAD "[guest a b]\nsize=512M\n", "a guest's name has"},
    {HEAD "[guest a]\nsize=512M\nsize=256M\n", ":5: [guest a] size: it stands in line 4 already"},
    {HEAD "[guest a]\nsize=512M\n[guest a]\nram=memfd\n", ":5: [guest a]: it stands in line 3"},
    {HEAD "[guest a]\nsize=512M\ncount=2\n[guest a1]\nsize=512M\n", "there is a guest a1 already"},
    {HEAD "[guest a]\nsize=512M\nram=huge\n", "\"huge\"; allowed is memfd, private"},
    {HEAD "[guest a]\nsize=512M\nvcpus=0\n", "allowed is a number from 1"},
    {HEAD "[guest a]\nsize=512M\ndeflate-on-oom=true\n", "allowed is yes or no"},
    {HEAD "[guest a]\nsize=512M\nphase.1=at 0 dance\n", ":5: [guest a] phase.1: unknown order"},
    {HEAD "[guest a]\nsize=512M\nphase.1=at 0 stream 9M\n", "needs a scratch disk"},
    {HEAD "[guest a]\nsize=512M\nprograms=yes\n", "programs need a scratch disk"},
    {HEAD "[guest a]\nsize=512M\ndisk=1G\nphase.1=at 0 run compile\n", "needs programs=yes"},
    {HEAD "mode=rule\n[guest a]\nsize=512M\n", "allowed are manage, observe"},
    {HEAD "length=5s\nphase.1=at 6s say hi\n[guest a]\nsize=512M\n", "the last phase is at 6.0 s"},
    {HEAD "[daemon]\nperiod=2s\n[guest a]\nsize=512M\n", "allowed is SECTION.KEY"},
    {HEAD "[guest a]\nsize=512M\n[expect]\nhappiness=1\n", "no such goal; allowed are wrong-pages"},
    {HEAD "[guest a]\nsize=512M\n[expect]\nreached.b=1M by 3s\n", "there is no guest b"},
    {HEAD "[guest a]\nsize=512M\n[expect]\nreached.a=1M\n", "a size by TIME"},
    {HEAD "[guest a]\nsize=512M\n[expect]\nyields.a=1M to c\n", "there is no guest c"},
    {HEAD "[guest a]\nsize=512M\n[expect]\nrelative.a=0.5\n", "needs [scenario] alone=yes"},
    {HEAD "[guest a]\nsize=512M\n[expect]\nsplit-by-shares=0.1 from 9s to 3s\n", "from TIME to"},
    {HEAD "[guest a]\nsize=512M\n[expect]\noom-kills=-1\n", "allowed is a number"},
    {HEAD "[guest a]\nsize=512M\nphase.1=at 0 park\n", "park needs a pager"},
    {HEAD "pager=yes\n[guest a]\nsize=512M\npager=no\nphase.1=at 0 park\n", "park needs a pager"},
    {HEAD "[guest a]\nsize=512M\nphase.1=at 0 every 10ms until 20s idle\n", "too many phases"},
    {HEAD "what is this\n", "is not a key-value pair"},
};

/* A guest of a trace has its size there, and the scenario its length. */
static void test_traced(void)
{
    g_autoptr(GError) error = NULL;
    struct scenario *s =
        load(HEAD "trace = week.csv\nhost-swap = 2G\n[guest web]\nshares = high\n", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(s->trace, ==, "week.csv");
    g_assert_cmpuint(s->host_swap, ==, UINT64_C(2) << 30);
    g_assert_cmpuint(scenario_guest(s, 0)->size, ==, 0);
    g_assert_cmpfloat_with_epsilon(s->length, 0, 1e-9);
    scenario_free(s);

    g_assert_null(load(HEAD "[guest web]\nshares = high\n", &error));
    g_assert_nonnull(strstr(error->message, "at least 96M"));
}

static void test_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        struct scenario *s = load(refused[i].text, &error);

        g_assert_null(s);
        g_assert_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID);
        if (!strstr(error->message, refused[i].message))
            g_error("\"%s\" does not say \"%s\"", error->message, refused[i].message);
    }
}

static void test_missing(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(scenario_load("/nowhere/at/all.ini", &error));
    g_assert_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID);
}

static void test_too_many(void)
{
    g_autoptr(GString) text = g_string_new(HEAD "[guest a]\nsize=512M\n");
    g_autoptr(GError) error = NULL;

    for (int i = 0; i <= SCENARIO_PHASES_MAX; i++)
        g_string_append_printf(text, "phase.%d = at %d idle\n", i, i);
    g_assert_null(load(text->str, &error));
    g_assert_nonnull(strstr(error->message, "too many phases"));
    g_clear_error(&error);
    g_assert_null(load(HEAD "[guest a]\nsize=512M\ncount=64\n[guest b]\nsize=512M\n", &error));
    g_assert_nonnull(strstr(error->message, "too many guests"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scenario/whole", test_whole);
    g_test_add_func("/scenario/again", test_again);
    g_test_add_func("/scenario/only-simulated", test_only_simulated);
    g_test_add_func("/scenario/traced", test_traced);
    g_test_add_func("/scenario/refused", test_refused);
    g_test_add_func("/scenario/missing", test_missing);
    g_test_add_func("/scenario/too-many", test_too_many);
    return g_test_run();
}
