/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/livetable.h"

#include <stdio.h>
#include <unistd.h>

#include "base/size.h"

void livetable_init(struct livetable *t)
{
    *t = (struct livetable){.terminal = isatty(STDOUT_FILENO) == 1,
                            .printed = -LIVETABLE_LINE_SECONDS};
}

/* Goes back over the block, so that what follows is written in its place. */
static void erase(struct livetable *t)
{
    if (t->terminal && t->lines > 0)
        printf("\033[%uA\033[J", t->lines);
    t->lines = 0;
}

/* What there is to say about the guest now. */
static const char *remark(const struct guest_sample *s)
{
    if (!s->alive)
        return s->report.received > 0 ? "ended" : "not there yet";
    return s->starving ? "starving" : s->reason;
}

/* With @pagers, what is out of memory stands beside what is resident. */
static void print_guest(const struct scenario_guest *spec, const struct guest_sample *s,
                        bool pagers)
{
    char out[SIZE_TEXT_MAX], resident[SIZE_TEXT_MAX], active[SIZE_TEXT_MAX], granted[SIZE_TEXT_MAX];
    char target[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX], owned[SIZE_TEXT_MAX];

    printf("  %-12s %6s %8s ", spec->name, size_format(s->size, size),
           size_format(s->resident, resident));
    if (pagers)
        printf("%8s ", guest_sample_out(s) > 0 || s->pager.known
                           ? size_format(guest_sample_out(s), out)
                           : "-");
    printf("%8s %8s %8s %8s %9.0f  %s\n", size_format(s->active, active),
           size_format(s->granted, granted), size_format(s->target, target),
           size_format(s->report.owned, owned), s->rate, remark(s));
}

static void draw_block(struct livetable *t, const struct record *r)
{
    unsigned i = r->hosts->len - 1;
    const struct host_sample *h = record_host(r, i);
    char capacity[SIZE_TEXT_MAX], resident[SIZE_TEXT_MAX], spare[SIZE_TEXT_MAX];

    erase(t);
    printf("%5.0f s of %.0f  host %-5s capacity %s, resident %s, free %s\n", h->t,
           r->scenario->length, h->state, size_format(h->capacity, capacity),
           size_format(h->resident, resident),
           size_format(h->capacity > h->resident ? h->capacity - h->resident : 0, spare));
    printf("  %-12s %6s %8s %s%8s %8s %8s %8s %9s  reason\n", "guest", "size", "resident",
           r->scenario->pager ? "     out " : "", "active", "granted", "target", "owned", "ops/s");
    for (unsigned g = 0; g < r->guests; g++)
        print_guest(scenario_guest(r->scenario, g), record_guest(r, i, g), r->scenario->pager);
    t->lines = 2 + r->guests;
    (void)fflush(stdout);
}

/* "12 s high free 100M | web 300M/512M 12000/s | ..." : resident of granted. */
static void print_line(const struct record *r)
{
    unsigned i = r->hosts->len - 1;
    const struct host_sample *h = record_host(r, i);
    char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

    printf("%4.0f s %-5s free %s", h->t, h->state,
           size_format(h->capacity > h->resident ? h->capacity - h->resident : 0, a));
    for (unsigned g = 0; g < r->guests; g++) {
        const struct guest_sample *s = record_guest(r, i, g);

        printf(" | %s %s/%s", scenario_guest(r->scenario, g)->name, size_format(s->resident, a),
               size_format(s->granted, b));
        if (s->pager.known || s->kernel.swapped > 0)
            printf(" out %s", size_format(guest_sample_out(s), a));
        printf(" owns %s %.0f ops/s %s", size_format(s->report.owned, a), s->rate,
               s->alive && !s->starving ? "" : remark(s));
    }
    printf("\n");
    (void)fflush(stdout);
}

void livetable_show(struct livetable *t, const struct record *r)
{
    double now = r->hosts->len > 0 ? record_host(r, r->hosts->len - 1)->t : 0;

    if (r->hosts->len == 0)
        return;
    if (t->terminal) {
        draw_block(t, r);
    } else if (now >= t->printed + LIVETABLE_LINE_SECONDS) {
        print_line(r);
        t->printed = now;
    }
}

void livetable_say(struct livetable *t, double clock, const char *text)
{
    erase(t);
    printf("%4.0f s -- %s\n", clock, text);
    (void)fflush(stdout);
}
