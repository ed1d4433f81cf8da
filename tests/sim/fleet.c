/* SPDX-License-Identifier: Apache-2.0 */
/* Fleet descriptions: what is refused, and what is drawn. */
#include "sim/fleet.h"

#include <glib/gstdio.h>
#include <math.h>

#include "sim/trace.h"

#define HOST "[host]\nmemory = 16G\n"
#define KIND "[guests a]\nshare = 100%\nsize = 1G\nbusy = 300M\n"

static struct fleet *load(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("fleet-XXXXXX.ini", &path, NULL);
    struct fleet *f;

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    f = fleet_load(path, error);
    g_unlink(path);
    return f;
}

static void test_errors(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {KIND, "[host] memory is missing"},
        {HOST, "no guests: a section [guests NAME] is needed"},
        {"[host]\nmemory = 4G\nreserve = 4G\n" KIND, ":3: [host] reserve: it leaves nothing"},
        {HOST KIND "colour = red\n",
         ":7: [guests a] colour: unknown key; allowed are share, count"},
        {HOST KIND "size = 2G\n", ":7: [guests a] size: it stands in line 5 already"},
        {HOST "[hosts]\n" KIND, ":3: [hosts]: unknown section; allowed are host, guests NAME"},
        {HOST "[guests a]\nshare = 100%\nbusy = 1M\n", ":3: [guests a]: size is missing"},
        {HOST "[guests a]\nshare = 100%\nsize = 1G\n", ":3: [guests a]: busy is missing"},
        {HOST "[guests a]\nsize = 1G\nbusy = 1M\n", ":3: [guests a]: either share"},
        {HOST KIND "count = 3\n", ":3: [guests a]: either share"},
        {HOST "[guests a]\nshare = 60%\nsize = 1G\nbusy = 1M\n",
         "shares of all kinds are 60% together"},
        {HOST KIND "hot = 90% 1s\nwarm = 20% 1min\n", "hot, warm and cold are more than all"},
        {HOST KIND "zero = 60%\ncompressible = 60%\n", "zero, compressible and identical are more"},
        {HOST KIND "idle = lognormal 1G 99\n",
         "[guests a] idle: \"lognormal 1G 99\"; allowed is a size"},
        {HOST KIND "idle = uniform 2G 1G\n", "[guests a] idle: \"uniform 2G 1G\""},
        {HOST KIND "hours = 9-17\n", "[guests a] hours: \"9-17\"; allowed is hours of the day"},
        {HOST KIND "hours = 9:00-24:30\n", "[guests a] hours"},
        {HOST KIND "hot = 15%\n", "[guests a] hot: \"15%\"; allowed is a part and a time"},
        {HOST KIND "writes = 101%\n", "[guests a] writes"},
        {HOST KIND "spell = 1s\n", "[guests a] spell: 10 seconds or more"},
        {HOST KIND "balloon = red\n", "allowed is works, slow, stuck"},
        {HOST KIND "reservation = 60%\nlimit = 50%\n", "[guests a] limit"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(load(cases[i].text, &error));
        g_assert_nonnull(error);
        if (!strstr(error->message, cases[i].message))
            g_error("\"%s\" is not in: %s", cases[i].message, error->message);
        g_assert_null(strchr(error->message, '\n'));
    }
}

static struct fleet *fleet_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    struct fleet *f = load(text, &error);

    g_assert_no_error(error);
    return f;
}

static void assert_same_work(const struct work *a, const struct work *b)
{
    g_assert_cmpuint(a->n, ==, b->n);
    for (size_t i = 0; i < a->n; i++)
        g_assert_cmpmem(&a->steps[i], sizeof(a->steps[i]), &b->steps[i], sizeof(b->steps[i]));
}

#define MIXED                                                                                      \
    HOST "[guests fixed]\ncount = 2\nsize = 4G\nbusy = 1G\n"                                       \
         "[guests most]\nshare = 75%\nsize = uniform 1G 2G\nbusy = lognormal 500M 1.5\n"           \
         "bursts = 5\nburst-size = 100M\nhours = 9:00-17:00\ngrowth = 10M\n"                       \
         "[guests rest]\nshare = 25%\nsize = 2G\nbusy = 1G\n"

static void test_drawn_again(void)
{
    struct fleet *f = fleet_of(MIXED);

    for (unsigned i = 0; i < 20; i++) {
        struct sim_guest_spec a, b;

        fleet_guest(f, 7, i, 2, &a);
        fleet_guest(f, 7, i, 2, &b);
        g_assert_cmpstr(a.name, ==, b.name);
        g_assert_cmpuint(a.size, ==, b.size);
        g_assert_cmpuint(a.size, ==, fleet_guest_size(f, 7, i));
        g_assert_cmpuint(a.start, ==, b.start);
        assert_same_work(&a.work, &b.work);
        fleet_guest_clear(&a);
        fleet_guest_clear(&b);
    }
    fleet_free(f);
}

static void test_parts(void)
{
    struct fleet *f = fleet_of(MIXED);
    unsigned of[3] = {0};

    for (unsigned i = 0; i < 402; i++) {
        of[fleet_kind_of(f, 1, i)]++;
        /* However many there are, the parts are right to a guest or two. */
        if (i >= 2)
            g_assert_cmpfloat(fabs(of[1] - 0.75 * (i - 1)), <=, 2);
    }
    g_assert_cmpuint(of[0], ==, 2);
    g_assert_cmpuint(of[1], ==, 300);
    fleet_free(f);
}

static void test_work_is_sound(void)
{
    struct fleet *f = fleet_of(MIXED);

    for (unsigned i = 0; i < 50; i++) {
        struct sim_guest_spec spec;
        usec_t before = 0;

        fleet_guest(f, i, i, 1, &spec);
        g_assert_cmpuint(spec.work.n, >, 0);
        g_assert_cmpuint(spec.work.steps[0].at, ==, spec.start);
        for (size_t k = 0; k < spec.work.n; k++) {
            const struct work_step *s = &spec.work.steps[k];

            g_assert_true(k == 0 || s->at > before);
            g_assert_cmpuint(s->own, <=, spec.size);
            before = s->at;
        }
        fleet_guest_clear(&spec);
    }
    fleet_free(f);
}

/* At work within its hours only, and then for the part of the time that is said. */
static void test_hours(void)
{
    struct fleet *f = fleet_of(HOST KIND "idle = 100M\nhours = 9:00-17:00\nbusy-part = 50%\n"
                                         "peak = 10:00-11:00\npeak-part = 100%\nspell = 1min\n");
    double at_work[24] = {0};

    for (unsigned i = 0; i < 100; i++) {
        struct sim_guest_spec spec;

        fleet_guest(f, 1, i, 1, &spec);
        for (size_t k = 0; k < spec.work.n; k++) {
            const struct work_step *s = &spec.work.steps[k];
            usec_t end = k + 1 < spec.work.n ? s[1].at : FLEET_WARM_UP + FLEET_DAY;

            if (s->own > 200 * MIB)
                at_work[(s->at + 23 * FLEET_WARM_UP) % FLEET_DAY / FLEET_WARM_UP] +=
                    (double)(end - s->at) / (double)FLEET_WARM_UP / 100;
        }
        fleet_guest_clear(&spec);
    }
    for (unsigned h = 0; h < 24; h++) {
        double expected = h < 9 || h >= 17 ? 0 : h == 10 ? 1 : 0.5;

        g_assert_cmpfloat(fabs(at_work[h] - expected), <=, expected > 0 ? 0.1 : 0);
    }
    fleet_free(f);
}

/* Two recorded guests over three days, each with a mark of its own at noon of each day. */
static struct trace *recording(void)
{
    struct trace *t = g_new0(struct trace, 1);

    t->n = 2;
    t->length = 3 * FLEET_DAY;
    t->guests = g_new0(struct sim_guest_spec, 2);
    for (unsigned g = 0; g < 2; g++) {
        t->guests[g] = (struct sim_guest_spec){
            .name = g ? "two" : "one", .size = (g + 1) * GIB, .end = USEC_NEVER};
        for (unsigned d = 0; d < 3; d++) {
            struct work_step noon = {.at = d * FLEET_DAY + FLEET_DAY / 2, .own = (d + 1) * MIB};

            work_append(&t->guests[g].work, &noon);
        }
    }
    return t;
}

static void recording_free(struct trace *t)
{
    for (unsigned g = 0; g < t->n; g++)
        work_clear(&t->guests[g].work);
    g_free(t->guests);
    g_free(t);
}

static unsigned noons(const struct work *w)
{
    unsigned n = 0;

    for (size_t i = 1; i < w->n; i++)
        n += (w->steps[i].at - FLEET_WARM_UP) % FLEET_DAY == FLEET_DAY / 2;
    return n;
}

static void test_recorded(void)
{
    struct trace *t = recording();
    struct fleet *days = fleet_of_trace(t, FLEET_SHIFT_DAYS);
    struct fleet *phase = fleet_of_trace(t, FLEET_SHIFT_PHASE);
    unsigned of[2] = {0}, by_phase = 0, first[4] = {0};

    g_assert_cmpuint(fleet_length(days, 2), ==, 2 * FLEET_DAY);
    g_assert_cmpuint(fleet_length(days, 9), ==, 3 * FLEET_DAY);
    for (unsigned i = 0; i < 100; i++) {
        struct sim_guest_spec spec;

        of[fleet_kind_of(days, 1, i)]++;
        fleet_guest(days, 1, i, 2, &spec);
        g_assert_cmpuint(spec.size, ==, fleet_guest_size(days, 1, i));
        g_assert_cmpuint(noons(&spec.work), ==, 2);
        first[spec.work.steps[0].own / MIB]++;
        fleet_guest_clear(&spec);
        fleet_guest(phase, 1, i, 2, &spec);
        by_phase += noons(&spec.work);
        fleet_guest_clear(&spec);
    }
    g_assert_cmpuint(of[0], >, 20);
    g_assert_cmpuint(of[1], >, 20);
    /* Each of the three days is somebody's first; the evening before is another day's. */
    for (unsigned d = 1; d <= 3; d++)
        g_assert_cmpuint(first[d] + (d == 3 ? first[0] : 0), >, 10);
    g_assert_cmpuint(by_phase, <, 10);
    fleet_free(days);
    fleet_free(phase);
    recording_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fleet/errors", test_errors);
    g_test_add_func("/fleet/drawn-again", test_drawn_again);
    g_test_add_func("/fleet/parts", test_parts);
    g_test_add_func("/fleet/work-is-sound", test_work_is_sound);
    g_test_add_func("/fleet/hours", test_hours);
    g_test_add_func("/fleet/recorded", test_recorded);
    return g_test_run();
}
