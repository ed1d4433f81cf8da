/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of the interactive `top`. It waits for keys, answers, signals and the next look, in one
 * poll(), and draws after each. Everything that takes time is in the fetching thread.
 */
#include "cli/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"

struct loop {
    struct top *top;
    struct screen *screen;
    struct top_fetch *fetch;
    int signals;
    bool asked;      /* a sample is under way */
    bool explaining; /* an explanation is under way */
    gint64 due;      /* of the next sample, monotonic microseconds */
};

static void ask(struct loop *loop)
{
    struct top *top = loop->top;
    gint64 now = g_get_monotonic_time();

    if (!top->paused && now >= loop->due)
        top->wants.sample = true;
    if (top->wants.sample && !loop->asked) {
        top_fetch_ask(loop->fetch, NULL);
        top->wants.sample = false;
        loop->asked = true;
        loop->due = now + (gint64)(top->settings.delay * G_USEC_PER_SEC);
    }
    if (top->wants.explanation && !loop->explaining) {
        top_fetch_ask(loop->fetch, top->explained);
        top->wants.explanation = false;
        loop->explaining = true;
    }
}

static void take_answers(struct loop *loop)
{
    struct top_answer *answer;

    while ((answer = top_fetch_take(loop->fetch))) {
        if (answer->explained)
            loop->explaining = false;
        else
            loop->asked = false;
        top_take_answer(loop->top, answer, g_get_monotonic_time(),
                        (double)g_get_real_time() / G_USEC_PER_SEC);
    }
}

static void take_keys(struct loop *loop)
{
    int key;

    while ((key = screen_curses_key(loop->screen)) != SCREEN_KEY_NONE)
        top_key(loop->top, key);
    if (loop->top->wants.redraw)
        screen_curses_redraw(loop->screen);
    loop->top->wants.redraw = false;
}

/* Milliseconds until something is to be asked; -1: nothing is. */
static int wait_msec(const struct loop *loop)
{
    gint64 left = loop->due - g_get_monotonic_time();

    if (loop->asked || loop->top->paused)
        return -1;
    return (int)(MAX(left, 0) / 1000) + 1;
}

/* Taken off the queue, so that it does not arrive once signals are let through again. */
static bool take_signal(struct loop *loop)
{
    struct signalfd_siginfo info;

    return read(loop->signals, &info, sizeof(info)) > 0;
}

static void wait_and_take(struct loop *loop)
{
    struct pollfd fds[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = top_fetch_fd(loop->fetch), .events = POLLIN},
        {.fd = loop->signals, .events = POLLIN},
    };

    /* EINTR: the window changed its size, which comes as a key. */
    if (poll(fds, G_N_ELEMENTS(fds), wait_msec(loop)) < 0 && errno != EINTR)
        loop->top->wants.quit = true;
    take_keys(loop);
    if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL) || take_signal(loop))
        loop->top->wants.quit = true;
    take_answers(loop);
}

/* Blocked before the thread begins, so that they come here and nowhere else. */
static int take_signals(sigset_t *ret_before)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, ret_before);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

void top_run(struct top *top, struct screen *screen, const char *socket)
{
    struct loop loop = {.top = top, .screen = screen};
    sigset_t before;

    loop.signals = take_signals(&before);
    loop.fetch = top_fetch_new(socket);
    while (!top->wants.quit) {
        ask(&loop);
        top_draw(top, screen);
        wait_and_take(&loop);
    }
    top_fetch_free(loop.fetch);
    fd_close(&loop.signals);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
