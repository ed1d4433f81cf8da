/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QMP monitor that does what a real one can't be made to do. It lives in the test's own main
 * loop, serves one client at a time, as QEMU does, and answers like a small QEMU with a balloon
 * unless told otherwise.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct fake_qmp {
    /* Set before a client comes; may be changed at any time. */
    const char *greeting; /* sent at once; "" for none */
    size_t piece;         /* bytes sent at a time; 0: all */
    bool mute;            /* commands are read and not answered */
    bool hold;            /* answers are kept back, fake_qmp_flush() sends them */
    bool refuse;          /* every command but qmp_capabilities gets an error */
    int64_t id_offset;    /* added to each answer's id */
    const char *event;    /* sent together with, and before, each answer */
    uint64_t size, actual;
    const char *name; /* NULL: none */
    bool no_balloon;
    const char *override_command, *override_answer; /* whole "return" value for one command */
    const char *gva2gpa, *gpa2hva; /* what the human monitor says; NULL: it is refused */
    /* Results. */
    bool running;              /* by stop and cont */
    char *human;               /* last line for the human monitor */
    uint64_t cpu;              /* its cpu-index; UINT64_MAX: none was given */
    unsigned clients;          /* so far */
    unsigned commands;         /* of the present client */
    unsigned greatest_backlog; /* commands that waited for an answer at once */
    uint64_t balloon;          /* last value of the balloon command; 0: none */
    uint64_t interval;         /* last guest-stats-polling-interval */
    char *set;                 /* "PATH PROPERTY true", ...: switches that were set by qom-set */
    /* private */
    char *path;
    int listener, client;
    guint accept_source, read_source, write_source;
    GString *in, *out, *held;
    unsigned waiting;
};

struct fake_qmp *fake_qmp_new(const char *path);

/* Closes everything and removes the socket (unless it is gone already). */
void fake_qmp_free(struct fake_qmp *f);

/* Sends @text as it is. */
void fake_qmp_send(struct fake_qmp *f, const char *text);

/* Sends what was held back. */
void fake_qmp_flush(struct fake_qmp *f);

/* Ends the present connection, after what is still to be sent. */
void fake_qmp_hang_up(struct fake_qmp *f);
