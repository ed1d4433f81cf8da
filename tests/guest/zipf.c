/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/zipf.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define COUNT 10000
#define PICKS 2000000

static GRand *random_numbers;
static unsigned picked[COUNT];

static int more_first(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return (x < y) - (x > y);
}

/* Fills picked[], most often picked first: then the index is about the rank. */
static void pick_many(double skew)
{
    struct zipf z;

    for (unsigned i = 0; i < COUNT; i++)
        picked[i] = 0;
    zipf_init(&z, COUNT, skew);
    for (unsigned i = 0; i < PICKS; i++) {
        uint64_t numbers[2], number;

        for (unsigned j = 0; j < 2; j++)
            numbers[j] = (uint64_t)g_rand_int(random_numbers) << 32 | g_rand_int(random_numbers);
        number = zipf_pick(&z, numbers);
        g_assert_cmpuint(number, <, COUNT);
        picked[number]++;
    }
    qsort(picked, COUNT, sizeof(*picked), more_first);
}

static double share_of_first(unsigned count)
{
    double sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += picked[i];
    return sum / PICKS;
}

static double exact_share(unsigned count, double skew)
{
    double sum = 0, total = 0;

    for (unsigned r = 1; r <= COUNT; r++) {
        total += pow(r, -skew);
        sum += r <= count ? pow(r, -skew) : 0;
    }
    return sum / total;
}

static void test_uniform(void)
{
    pick_many(0);
    /* 200 expected each; 8 standard deviations */
    g_assert_cmpuint(picked[0], <, 320);
    g_assert_cmpuint(picked[COUNT - 1], >, 90);
}

static void test_skewed(gconstpointer data)
{
    double skew = GPOINTER_TO_INT(data) / 10.0;
    static const unsigned firsts[] = {1, 10, 100, 1000, 5000};

    pick_many(skew);
    for (unsigned i = 0; i < G_N_ELEMENTS(firsts); i++) {
        double exact = exact_share(firsts[i], skew), found = share_of_first(firsts[i]);

        g_test_message("skew %.1f, first %u: %.4f, exactly %.4f", skew, firsts[i], found, exact);
        g_assert_cmpfloat(fabs(found - exact), <, 0.02 + 0.02 * exact);
    }
}

static void test_every_page_has_its_rank(void)
{
    static const uint64_t counts[] = {1, 2, 3, 16, 17, 4096, 9973};

    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autofree bool *seen = g_new0(bool, counts[i]);
        struct zipf z;

        zipf_init(&z, counts[i], 1);
        for (unsigned step = 0; step < z.steps; step++)
            for (uint64_t r = 0; r < z.first[step + 1] - z.first[step]; r++) {
                uint64_t numbers[2] = {step ? z.below[step - 1] : 0, r};
                uint64_t number = zipf_pick(&z, numbers);

                g_assert_false(seen[number]);
                seen[number] = true;
            }
        for (uint64_t number = 0; number < counts[i]; number++)
            g_assert_true(seen[number]);
    }
}

int main(int argc, char **argv)
{
    const char *given = g_getenv("AEROSTAT_SEED");
    guint32 seed = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();

    g_test_init(&argc, &argv, NULL);
    g_test_message("AEROSTAT_SEED=%u", seed);
    random_numbers = g_rand_new_with_seed(seed);
    g_test_add_func("/zipf/uniform", test_uniform);
    g_test_add_data_func("/zipf/0.5", GINT_TO_POINTER(5), test_skewed);
    g_test_add_data_func("/zipf/1.0", GINT_TO_POINTER(10), test_skewed);
    g_test_add_data_func("/zipf/1.5", GINT_TO_POINTER(15), test_skewed);
    g_test_add_func("/zipf/every-page", test_every_page_has_its_rank);
    int result = g_test_run();
    g_rand_free(random_numbers);
    return result;
}
