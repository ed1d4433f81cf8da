/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "pager/streams.h"

static unsigned fault(struct streams *s, uint64_t page)
{
    struct stream *stream;
    unsigned run = streams_fault(s, page, &stream);

    streams_brought(stream, page + run);
    return run;
}

static void test_sequence(void)
{
    struct streams s = {0};
    uint64_t page = 100;

    for (unsigned expected = 1; expected <= STREAM_RUN_MAX; expected *= 2) {
        unsigned run = fault(&s, page);

        g_assert_cmpuint(run, ==, expected);
        page += run;
    }
    g_assert_cmpuint(fault(&s, page), ==, STREAM_RUN_MAX);
}

static void test_random(void)
{
    struct streams s = {0};

    for (uint64_t i = 0; i < 1000; i++)
        g_assert_cmpuint(fault(&s, i * 7919 % 100003), ==, 1);
}

/* What came with a page is not asked for, so a fault amid it is no continuation. */
static void test_within(void)
{
    struct streams s = {0};

    g_assert_cmpuint(fault(&s, 0), ==, 1);
    g_assert_cmpuint(fault(&s, 1), ==, 2);
    g_assert_cmpuint(fault(&s, 2), ==, 1);
    g_assert_cmpuint(fault(&s, 3), >, 1);
}

static void test_several(void)
{
    uint64_t page[STREAMS];
    struct streams s = {0};

    for (unsigned i = 0; i < STREAMS; i++)
        page[i] = i * 100000;
    for (unsigned expected = 1; expected <= STREAM_RUN_MAX; expected *= 2) {
        for (unsigned i = 0; i < STREAMS; i++) {
            unsigned run = fault(&s, page[i]);

            g_assert_cmpuint(run, ==, expected);
            page[i] += run;
        }
    }
}

/* A stream that rests does not survive many others; the one in use does. */
static void test_oldest_goes(void)
{
    struct streams s = {0};

    (void)fault(&s, 10);
    (void)fault(&s, 500);
    for (uint64_t i = 1; i < STREAMS; i++) {
        (void)fault(&s, i * 100000);
        (void)fault(&s, i == 1 ? 501 : 503 + i * 1000);
    }
    g_assert_cmpuint(fault(&s, 11), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/streams/sequence", test_sequence);
    g_test_add_func("/streams/random", test_random);
    g_test_add_func("/streams/within", test_within);
    g_test_add_func("/streams/several", test_several);
    g_test_add_func("/streams/oldest-goes", test_oldest_goes);
    return g_test_run();
}
