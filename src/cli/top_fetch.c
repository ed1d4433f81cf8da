/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queues and an eventfd. A question is a guest's name, or "" for a sample; the thread ends with
 * a question that is the END pointer.
 */
#include "cli/top_fetch.h"

#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/ring.h"
#include "client/client.h"

static char END[] = "";

struct top_fetch {
    struct client *client;
    GThread *thread;
    GAsyncQueue *questions; /* char * */
    GAsyncQueue *answers;   /* struct top_answer * */
    int event;
};

void top_answer_free(struct top_answer *answer)
{
    if (!answer)
        return;
    g_free(answer->explained);
    json_put_ref(&answer->host);
    json_put_ref(&answer->guests);
    json_put_ref(&answer->guest);
    json_put_ref(&answer->decisions);
    g_clear_error(&answer->error);
    g_free(answer);
}

static void get_sample(struct client *client, struct top_answer *answer)
{
    answer->host = client_request(client, "GET", "/v1/host", NULL, &answer->error);
    if (answer->host)
        answer->guests = client_request(client, "GET", "/v1/guests", NULL, &answer->error);
}

static void get_explanation(struct client *client, const char *name, struct top_answer *answer)
{
    g_autofree char *guest = cli_guest_path(name, "");
    struct ring_query query = {.last = EXPLAIN_DECISIONS, .guest = name};
    g_autofree char *decisions = ring_path("/v1/decisions", &query);

    answer->explained = g_strdup(name);
    answer->guest = client_request(client, "GET", guest, NULL, &answer->error);
    if (answer->guest)
        answer->decisions = client_request(client, "GET", decisions, NULL, NULL);
    if (answer->guest)
        answer->host = client_request(client, "GET", "/v1/host", NULL, NULL);
}

static gpointer fetch_main(gpointer data)
{
    struct top_fetch *fetch = data;
    char *question;

    while ((question = g_async_queue_pop(fetch->questions)) != END) {
        struct top_answer *answer = g_new0(struct top_answer, 1);

        if (*question)
            get_explanation(fetch->client, question, answer);
        else
            get_sample(fetch->client, answer);
        g_free(question);
        g_async_queue_push(fetch->answers, answer);
        (void)eventfd_write(fetch->event, 1);
    }
    return NULL;
}

struct top_fetch *top_fetch_new(const char *socket)
{
    struct top_fetch *fetch = g_new0(struct top_fetch, 1);

    fetch->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fetch->event < 0)
        g_error("eventfd: no descriptor is left");
    fetch->client = client_new(socket);
    fetch->questions = g_async_queue_new();
    fetch->answers = g_async_queue_new_full((GDestroyNotify)top_answer_free);
    fetch->thread = g_thread_new("fetch", fetch_main, fetch);
    return fetch;
}

void top_fetch_free(struct top_fetch *fetch)
{
    char *question;

    if (!fetch)
        return;
    while ((question = g_async_queue_try_pop(fetch->questions)))
        g_free(question);
    g_async_queue_push(fetch->questions, END);
    client_cancel(fetch->client);
    g_thread_join(fetch->thread);
    g_async_queue_unref(fetch->questions);
    g_async_queue_unref(fetch->answers);
    client_free(fetch->client);
    fd_close(&fetch->event);
    g_free(fetch);
}

void top_fetch_ask(struct top_fetch *fetch, const char *guest)
{
    g_async_queue_push(fetch->questions, g_strdup(guest ? guest : ""));
}

int top_fetch_fd(const struct top_fetch *fetch)
{
    return fetch->event;
}

struct top_answer *top_fetch_take(struct top_fetch *fetch)
{
    struct top_answer *answer;
    eventfd_t count;

    /* Emptied first: an answer that comes in between makes it readable again. */
    (void)eventfd_read(fetch->event, &count);
    answer = g_async_queue_try_pop(fetch->answers);
    if (answer && g_async_queue_length(fetch->answers) > 0)
        (void)eventfd_write(fetch->event, 1);
    return answer;
}
