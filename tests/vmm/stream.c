/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a byte stream into documents: any split gives the same documents. */
#include "vmm/qmp_stream.h"

#include <glib.h>
#include <string.h>

#include "tests/random.h"

static const char *const documents[] = {
    "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}",
    "{}",
    "{\"return\": [1, 2, {\"a\": [[]]}], \"id\": 7}",
    "{\"s\": \"}]{[\\\"\\\\\"}",
    "{\n    \"pretty\": {\n        \"x\": 1\n    }\n}",
    "{\"u\": \"\\u007b\xc3\xa4\"}",
};

/* Feeds @len bytes in pieces that @next_size gives, and appends the documents to @found. */
static enum qmp_stream_result feed_all(const char *data, size_t len, GRand *rand, GPtrArray *found)
{
    enum qmp_stream_result r = QMP_STREAM_MORE;
    struct qmp_stream s;

    qmp_stream_init(&s);
    while (len && r <= QMP_STREAM_DOCUMENT) {
        size_t piece = rand ? (size_t)g_rand_int_range(rand, 1, (gint32)MIN(len, 40) + 1) : len;
        g_autofree char *copy = g_memdup2(data, piece); /* a sanitizer sees a read beyond */
        size_t used = 0;

        r = qmp_stream_feed(&s, copy, piece, &used);
        if (r > QMP_STREAM_DOCUMENT)
            break;
        g_assert_cmpuint(used, <=, piece);
        g_assert_cmpuint(used, >, 0);
        if (r == QMP_STREAM_MORE)
            g_assert_cmpuint(used, ==, piece);
        if (r == QMP_STREAM_DOCUMENT) {
            g_assert_cmpint(s.buf[0], ==, '{');
            g_assert_true(s.buf[s.len - 1] == '}' || s.buf[s.len - 1] == ']');
            g_ptr_array_add(found, g_strndup(s.buf, s.len));
        }
        data += used;
        len -= used;
    }
    qmp_stream_deinit(&s);
    return r;
}

static void test_splits(void)
{
    g_autoptr(GRand) rand = random_seeded();
    static const char *const between[] = {"", "\r\n", " ", "\n\n\t"};

    for (int round = 0; round < 3000; round++) {
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GString) text = g_string_new(NULL);
        size_t sent[20], n = (size_t)g_rand_int_range(rand, 1, G_N_ELEMENTS(sent) + 1);

        for (size_t i = 0; i < n; i++) {
            sent[i] = (size_t)g_rand_int_range(rand, 0, G_N_ELEMENTS(documents));
            g_string_append(text, between[g_rand_int_range(rand, 0, G_N_ELEMENTS(between))]);
            g_string_append(text, documents[sent[i]]);
        }
        g_assert_cmpint(feed_all(text->str, text->len, round % 10 ? rand : NULL, found), ==,
                        QMP_STREAM_DOCUMENT);
        g_assert_cmpuint(found->len, ==, n);
        for (size_t i = 0; i < n; i++)
            g_assert_cmpstr(found->pdata[i], ==, documents[sent[i]]);
    }
}

static void test_no_object(void)
{
    static const char *const bad[] = {"HTTP/1.1 400", "[1]", "\"x\"", "}", " \n1", "\x01", "{}x"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

        g_assert_cmpint(feed_all(bad[i], strlen(bad[i]), NULL, found), ==, QMP_STREAM_NO_OBJECT);
    }
}

/* A document of exactly the largest size passes, one byte more does not; in any pieces. */
static void test_limit(void)
{
    for (size_t over = 0; over < 2; over++) {
        for (size_t piece = 1000; piece < 4000000; piece *= 60) {
            size_t len = QMP_DOCUMENT_MAX + over, used = 0;
            g_autofree char *text = g_malloc(len);
            enum qmp_stream_result r = QMP_STREAM_MORE;
            struct qmp_stream s;

            memset(text, ' ', len);
            text[0] = '{';
            text[len - 1] = '}';
            qmp_stream_init(&s);
            for (size_t at = 0; at < len && r == QMP_STREAM_MORE; at += used)
                r = qmp_stream_feed(&s, text + at, MIN(piece, len - at), &used);
            g_assert_cmpint(r, ==, over ? QMP_STREAM_TOO_LARGE : QMP_STREAM_DOCUMENT);
            g_assert_cmpuint(s.size, <=, QMP_DOCUMENT_MAX);
            qmp_stream_deinit(&s);
        }
    }
}

/* 100 MB without an end need no more memory than one document. */
static void test_endless(void)
{
    g_autofree char *piece = g_strnfill(65536, '[');
    enum qmp_stream_result r = QMP_STREAM_MORE;
    struct qmp_stream s;
    size_t fed = 0, used;

    qmp_stream_init(&s);
    piece[0] = '{';
    while (r == QMP_STREAM_MORE && fed < 100000000) {
        r = qmp_stream_feed(&s, piece, 65536, &used);
        fed += 65536;
    }
    g_assert_cmpint(r, ==, QMP_STREAM_TOO_LARGE);
    g_assert_cmpuint(fed, <=, QMP_DOCUMENT_MAX + 65536);
    qmp_stream_deinit(&s);
}

/* Random bytes never crash it, and what it takes for a document begins and ends as one. */
static void test_random(void)
{
    static const char alphabet[] = "{}[]\"\\:, \r\nax1\xff";
    g_autoptr(GRand) rand = random_seeded();

    for (int round = 0; round < 20000; round++) {
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
        char text[64];
        size_t len = (size_t)g_rand_int_range(rand, 0, sizeof(text) + 1);

        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[g_rand_int_range(rand, 0, sizeof(alphabet))]; /* with the NUL */
        text[0] = '{';
        (void)feed_all(text, len, rand, found);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream/splits", test_splits);
    g_test_add_func("/stream/no-object", test_no_object);
    g_test_add_func("/stream/limit", test_limit);
    g_test_add_func("/stream/endless", test_endless);
    g_test_add_func("/stream/random", test_random);
    return g_test_run();
}
