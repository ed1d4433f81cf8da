/* SPDX-License-Identifier: Apache-2.0 */
/* Starting target-program.c (AEROSTAT_TARGET names it) and talking to it. */
#pragma once

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct victim {
    pid_t pid;
    FILE *to, *from;
};

static inline void victim_expect(struct victim *v, const char *what)
{
    char line[512] = "";

    g_assert_nonnull(fgets(line, sizeof(line), v->from));
    if (!g_str_has_prefix(line, what))
        g_error("target program: \"%s\" instead of \"%s\"", g_strchomp(line), what);
}

/* @option may be NULL. Returns when it is ready. */
static inline struct victim victim_start(const char *main, const char *option)
{
    const char *args[] = {g_getenv("AEROSTAT_TARGET"), main, option, NULL};
    struct victim v = {0};
    int to[2], from[2];

    g_assert_nonnull(args[0]);
    g_assert_cmpint(pipe2(to, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(from, O_CLOEXEC), ==, 0);
    v.pid = fork();
    g_assert_cmpint(v.pid, >=, 0);
    if (v.pid == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        (void)execv(args[0], (char *const *)(gpointer)args);
        _exit(127);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    v.to = fdopen(to[1], "w");
    v.from = fdopen(from[0], "r");
    victim_expect(&v, "ready");
    return v;
}

/* Tells it something; the answer is for victim_rounds or victim_expect to read. */
static inline void victim_tell(struct victim *v, const char *line)
{
    g_assert_cmpint(fprintf(v->to, "%s\n", line), >, 0);
    g_assert_cmpint(fflush(v->to), ==, 0);
}

/* Rounds of its main thread so far, and pages touched. */
static inline unsigned long victim_rounds(struct victim *v, unsigned long *touched)
{
    unsigned long rounds = 0, pages = 0;
    char line[512] = "";

    victim_tell(v, "?");
    g_assert_nonnull(fgets(line, sizeof(line), v->from));
    if (sscanf(line, "rounds %lu %lu", &rounds, &pages) != 2)
        g_error("target program: %s", line);
    if (touched)
        *touched = pages;
    return rounds;
}

/* It goes on. */
static inline void victim_wait_rounds(struct victim *v, unsigned long more)
{
    unsigned long before = victim_rounds(v, NULL);

    while (victim_rounds(v, NULL) < before + more)
        (void)usleep(1000);
}

/* State of its main thread: R, S, D, T, t, Z. */
static inline char victim_state(const struct victim *v)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)v->pid);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return strrchr(text, ')')[2];
}

/* It must have seen nothing wrong. */
static inline void victim_end(struct victim *v)
{
    int status;

    (void)fclose(v->to);
    victim_expect(v, "good");
    (void)fclose(v->from);
    g_assert_cmpint(waitpid(v->pid, &status, 0), ==, v->pid);
    g_assert_cmpint(status, ==, 0);
}

static inline void victim_kill(struct victim *v)
{
    (void)kill(v->pid, SIGKILL);
    (void)waitpid(v->pid, NULL, 0);
    (void)fclose(v->to);
    (void)fclose(v->from);
}
