/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: a page has one holder, and a mark that was left is seen to by one. */
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "pager/claims.h"

static void test_one(void)
{
    struct claims *c = claims_new(100);

    for (uint64_t page = 0; page < 100; page++) {
        g_assert_true(claims_take(c, page));
        g_assert_false(claims_take(c, page));
    }
    for (uint64_t page = 0; page < 100; page += 2)
        g_assert_cmpuint(claims_give(c, page), ==, 0);
    for (uint64_t page = 0; page < 100; page++)
        g_assert_true(claims_take(c, page) == (page % 2 == 0));
    claims_free(c);
}

static void test_marks(void)
{
    struct claims *c = claims_new(17);

    g_assert_false(claims_mark(c, 16, MARK_WANTED));
    g_assert_true(claims_take(c, 16));
    g_assert_cmpuint(claims_peek(c, 16), ==, 0);
    g_assert_true(claims_mark(c, 16, MARK_WANTED));
    g_assert_true(claims_mark(c, 16, MARK_WANTED));
    g_assert_cmpuint(claims_peek(c, 16), ==, MARK_WANTED);
    g_assert_true(claims_mark(c, 16, MARK_DISCARDED));
    g_assert_cmpuint(claims_peek(c, 16), ==, MARK_WANTED | MARK_DISCARDED);
    g_assert_cmpuint(claims_peek(c, 15), ==, 0);

    g_assert_cmpuint(claims_give(c, 16), ==, MARK_WANTED | MARK_DISCARDED);
    g_assert_false(claims_take(c, 16));
    g_assert_cmpuint(claims_give(c, 16), ==, MARK_WANTED);
    g_assert_true(claims_take(c, 16));
    g_assert_cmpuint(claims_give(c, 16), ==, 0);
    claims_free(c);
}

/*
 * Threads fight for a few pages that share a word. Who gets a page touches a plain counter of it
 * (two holders would show as a sum that is wrong, and to the thread sanitizer). Who does not leaves
 * a mark with a request number, and waits until a holder has seen to that number: a mark that is
 * lost hangs the test.
 */
#define THREADS 4
#define ROUNDS  50000
#define CONTEST 5

struct contest_page {
    uint64_t held; /* by the holder alone */
    struct {
        _Atomic uint64_t asked, served; /* request numbers */
        _Atomic uint64_t left, taken;   /* marks */
    } marks[MARK_DISCARDED + 1];
};

static struct claims *contest;
static struct contest_page contest_pages[CONTEST];

static void see_to(struct contest_page *p, enum claim_mark mark)
{
    uint64_t asked = atomic_load(&p->marks[mark].asked);
    uint64_t served = atomic_load(&p->marks[mark].served);

    atomic_fetch_add(&p->marks[mark].taken, 1);
    while (served < asked && !atomic_compare_exchange_weak(&p->marks[mark].served, &served, asked))
        ;
}

static void hold_and_give(unsigned page)
{
    struct contest_page *p = &contest_pages[page];
    unsigned marks;

    p->held++;
    while ((marks = claims_give(contest, page)) & MARK_DISCARDED) {
        see_to(p, MARK_DISCARDED);
        p->held += 1000000; /* the claim is still ours */
    }
    if (marks & MARK_WANTED)
        see_to(p, MARK_WANTED);
}

/* False: the page is free now. */
static bool leave_mark(unsigned page, enum claim_mark mark)
{
    struct contest_page *p = &contest_pages[page];
    uint64_t number = atomic_fetch_add(&p->marks[mark].asked, 1) + 1;

    /* Counted before it is left, as it may be taken at once. */
    atomic_fetch_add(&p->marks[mark].left, 1);
    if (!claims_mark(contest, page, mark)) {
        atomic_fetch_sub(&p->marks[mark].left, 1);
        return false;
    }
    while (atomic_load(&p->marks[mark].served) < number)
        sched_yield();
    return true;
}

static void *contest_main(void *data)
{
    unsigned random = GPOINTER_TO_UINT(data);
    uint64_t *holds = g_new0(uint64_t, CONTEST);

    for (unsigned i = 0; i < ROUNDS; i++) {
        enum claim_mark mark;
        unsigned page;

        random = random * 1103515245 + 12345;
        page = (random >> 8) % CONTEST;
        mark = random >> 20 & 1 ? MARK_WANTED : MARK_DISCARDED;
        for (;;) {
            if (claims_take(contest, page)) {
                holds[page]++;
                if (random >> 24 & 1)
                    sched_yield(); /* so that others meet the claim */
                hold_and_give(page);
                break;
            }
            if (leave_mark(page, mark))
                break;
        }
    }
    return holds;
}

static void test_threads(void)
{
    uint64_t holds[CONTEST] = {0}, marks = 0;
    pthread_t threads[THREADS];

    contest = claims_new(CONTEST);
    for (size_t i = 0; i < THREADS; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, contest_main, GUINT_TO_POINTER(i + 1)),
                        ==, 0);
    for (size_t i = 0; i < THREADS; i++) {
        g_autofree uint64_t *theirs = NULL;
        void *result;

        g_assert_cmpint(pthread_join(threads[i], &result), ==, 0);
        theirs = result;
        for (unsigned page = 0; page < CONTEST; page++)
            holds[page] += theirs[page];
    }
    for (unsigned page = 0; page < CONTEST; page++) {
        struct contest_page *p = &contest_pages[page];
        uint64_t discarded = atomic_load(&p->marks[MARK_DISCARDED].taken);

        g_assert_cmpuint(p->held, ==, holds[page] + 1000000 * discarded);
        g_assert_cmpuint(discarded, <=, atomic_load(&p->marks[MARK_DISCARDED].left));
        g_assert_cmpuint(atomic_load(&p->marks[MARK_WANTED].taken), <=,
                         atomic_load(&p->marks[MARK_WANTED].left));
        marks += discarded + atomic_load(&p->marks[MARK_WANTED].taken);
        g_assert_true(claims_take(contest, page));
        g_assert_cmpuint(claims_peek(contest, page), ==, 0);
    }
    g_test_message("%" G_GUINT64_FORMAT " marks were taken", marks);
    claims_free(contest);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/claims/one", test_one);
    g_test_add_func("/claims/marks", test_marks);
    g_test_add_func("/claims/threads", test_threads);
    return g_test_run();
}
