/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a stream of bytes into JSON objects, wherever it is split and whether or not they are on
 * lines of their own (QEMU's pretty=on). Pure: no I/O. Only braces and quotes are looked at; what
 * an object holds is json_parse's business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A larger document is an error. QEMU's largest answers here are a few KiB. */
#define QMP_DOCUMENT_MAX (1u << 20)

struct qmp_stream {
    char *buf; /* the document so far */
    size_t len, size;
    unsigned depth; /* of open braces and brackets */
    bool in_string; /* within quotes... */
    bool escaped;   /* ...and after a backslash */
};

enum qmp_stream_result {
    QMP_STREAM_MORE,      /* all bytes are taken, the document is not complete */
    QMP_STREAM_DOCUMENT,  /* a document is complete; there may be bytes left */
    QMP_STREAM_NO_OBJECT, /* something other than an object begins */
    QMP_STREAM_TOO_LARGE, /* QMP_DOCUMENT_MAX is passed */
};

void qmp_stream_init(struct qmp_stream *s);
void qmp_stream_deinit(struct qmp_stream *s);

/*
 * Takes bytes up to the end of a document. @ret_used is how many; after QMP_STREAM_DOCUMENT the
 * document is s->buf, s->len until the next call. After an error the stream is of no more use.
 */
enum qmp_stream_result qmp_stream_feed(struct qmp_stream *s, const char *data, size_t len,
                                       size_t *ret_used);
