/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/qmp_stream.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

void qmp_stream_init(struct qmp_stream *s)
{
    *s = (struct qmp_stream){0};
}

void qmp_stream_deinit(struct qmp_stream *s)
{
    g_clear_pointer(&s->buf, g_free);
}

/* True where @c ends the document. */
static bool step(struct qmp_stream *s, char c)
{
    if (s->escaped) {
        s->escaped = false;
    } else if (s->in_string) {
        s->escaped = c == '\\';
        s->in_string = c != '"';
    } else if (c == '"') {
        s->in_string = true;
    } else if (c == '{' || c == '[') {
        s->depth++;
    } else if (c == '}' || c == ']') {
        s->depth--; /* never below 0: a document begins with an opening brace and ends at 0 */
        return s->depth == 0;
    }
    return false;
}

static void append(struct qmp_stream *s, const char *data, size_t len)
{
    if (s->len + len > s->size) {
        s->size = MIN(MAX(2 * s->size, s->len + len), QMP_DOCUMENT_MAX);
        s->buf = g_realloc(s->buf, s->size);
    }
    memcpy(s->buf + s->len, data, len);
    s->len += len;
}

enum qmp_stream_result qmp_stream_feed(struct qmp_stream *s, const char *data, size_t len,
                                       size_t *ret_used)
{
    size_t begin = 0, at;

    if (s->depth == 0) {
        s->len = 0;
        while (begin < len && strchr(" \t\r\n", data[begin]) && data[begin])
            begin++;
        if (begin < len && data[begin] != '{')
            return QMP_STREAM_NO_OBJECT;
    }
    for (at = begin; at < len; at++) {
        bool end = step(s, data[at]);

        if (s->len + (at - begin) == QMP_DOCUMENT_MAX)
            return QMP_STREAM_TOO_LARGE;
        if (!end)
            continue;
        append(s, data + begin, at + 1 - begin);
        *ret_used = at + 1;
        return QMP_STREAM_DOCUMENT;
    }
    if (at > begin)
        append(s, data + begin, at - begin);
    *ret_used = len;
    return QMP_STREAM_MORE;
}
