/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of the thread that serves faults: events of the userfaultfd and completions of reads, in
 * one place. Discards of a batch of events go before its faults (discard.c); what could not be done
 * is tried again after the next events were read (uffd.h: EAGAIN).
 *
 * After something happened it spins for a while instead of sleeping: the wakeup would be a
 * considerable part of a fault's latency, and faults come in series. How long is learnt: a sleep
 * that ended sooner than SPIN_MAX would have been better spent spinning; a spin that found nothing
 * was not worth it. Where others want the processor, too, it does not spin: who sleeps gets the
 * processor at once, and cheaply, for it is awake; who spins is set aside for milliseconds when his
 * share is used up, and a round that took much too long for what it did shows that.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "pager/faults_impl.h"

#define EVENTS_MAX 64
#define DONE_MAX   32
#define RUN_BYTES  (STREAM_RUN_MAX * PAGE_BYTES)

/* The processors may sleep deeply again when nothing has happened for so long. */
#define AWAKE_USEC (5 * USEC_PER_MSEC)

/* A round without events takes a few microseconds; in one this long somebody else had the
 * processor, for a slice. (What a hypervisor takes away is shorter, as a rule.) */
#define CROWDED_ROUND USEC_PER_MSEC
#define CROWDED_USEC  (100 * USEC_PER_MSEC) /* no spinning for so long then */

/* How long the thread may sleep without a look at whether it is to stop, and without a sign of life
 * (figures.rounds). */
#define LOOK_USEC USEC_PER_SEC

/* All that happened in one round. */
static unsigned read_events(struct faults *f)
{
    struct engine *e = f->e;
    struct uffd_event events[EVENTS_MAX];
    int n = uffd_read(&e->uffd, events, EVENTS_MAX);
    usec_t now = n > 0 ? engine_now() : 0;

    for (int i = 0; i < n; i++) {
        if (events[i].kind == UFFD_DISCARDED)
            discard_begin(f, engine_page(e, events[i].address), events[i].bytes / PAGE_BYTES);
    }
    for (int i = 0; i < n; i++) {
        if (events[i].kind != UFFD_DISCARDED)
            press_fault(
                f, (struct fault){.page = engine_page(e, events[i].address),
                                  .missing = events[i].kind == UFFD_MISSING,
                                  .io = !events[i].write && cpus_lack(&e->cpus, events[i].thread),
                                  .since = now});
    }
    return n > 0 ? (unsigned)n : 0;
}

static void try_again(struct faults *f)
{
    struct fault again[RETRY_MAX];
    unsigned n = f->retries;

    f->retry_after = 0;
    for (unsigned i = 0; i < n; i++)
        again[i] = f->retry[i];
    f->retries = 0;
    load_retry(f);
    for (unsigned i = 0; i < n; i++)
        serve_fault(f, again[i]);
    if (f->wake_all) {
        f->wake_all = false;
        if (uffd_wake(&f->e->uffd, f->e->uffd.start, f->e->uffd.size) == -ESRCH)
            engine_gone(f->e);
    }
}

static uint64_t sleep_for(const struct faults *f, usec_t now)
{
    uint64_t t = LOOK_USEC;

    if (f->discard_next < f->discard_end)
        return 0;
    if (f->press.n > 0)
        t = u64_min(t, u64_sub(f->press.next, now)); /* the mover needs the processor */
    else if (now < f->spin_until)
        return 0;
    if (f->awake.held)
        t = u64_min(t, AWAKE_USEC);
    if (f->held.n > 0)
        t = u64_min(t, u64_sub(f->held.next, now));
    if (f->retries > 0 || f->waiting > 0 || f->wake_all)
        t = u64_min(t, f->retry_after);
    return t;
}

static void learn_to_spin(struct faults *f, usec_t slept, bool woken)
{
    if (woken && slept <= SPIN_MAX)
        f->spin = SPIN_MAX;
    else
        f->spin /= 2;
}

/* @now: a round begins, after which the thread does not sleep if @spinning. */
static void look_for_crowd(struct faults *f, usec_t now, bool spinning)
{
    if (f->spun_at > 0 && now > f->spun_at + CROWDED_ROUND)
        f->spin_after = now + CROWDED_USEC;
    f->spun_at = spinning ? now : 0;
}

/* Takes what was read of the swap file; sleeps where there is nothing else to do. */
static unsigned take_done(struct faults *f, bool busy)
{
    struct swapio_done done[DONE_MAX];
    usec_t before = engine_now();
    uint64_t t = busy ? 0 : sleep_for(f, before);
    int n;

    look_for_crowd(f, before, !busy && t == 0);
    if (t > 0 && !f->poll_armed)
        f->poll_armed = swapio_poll(f->io, f) == 0;
    n = swapio_wait(f->io, done, DONE_MAX, t);
    if (t > 0)
        learn_to_spin(f, engine_now() - before, n > 0);
    if (t > 0 && n == 0)
        awake_let_go(&f->awake);
    if (n < 0 && n != -EINTR)
        log_error("guest %s: the ring of the swap file: %s", f->e->map.header->identity.name,
                  g_strerror(-n));
    for (int i = 0; i < n; i++) {
        if (done[i].tag == f)
            f->poll_armed = false;
        else
            load_done(f, done[i].tag, done[i].result);
    }
    return n > 0 ? (unsigned)n : 0;
}

/* For engine_events: the number is odd from before a read of events until all of them are seen to.
 */
static void begin_reading(struct faults *f)
{
    if (!(atomic_load_explicit(&f->e->faults_seq, memory_order_relaxed) & 1))
        atomic_fetch_add(&f->e->faults_seq, 1);
}

static void end_reading(struct faults *f)
{
    if (f->discard_next >= f->discard_end)
        atomic_fetch_add(&f->e->faults_seq, 1);
}

static void spin_from(struct faults *f, usec_t now)
{
    f->spin_until = now < f->spin_after ? 0 : now + f->spin;
}

static void serve(struct faults *f)
{
    bool busy = false;

    while (!atomic_load(&f->e->stopping)) {
        unsigned events, done = take_done(f, busy);

        count(&pagemap_figures(&f->e->map)->rounds, 1);
        begin_reading(f);
        if (f->discard_next < f->discard_end)
            discard_slice(f);
        events = read_events(f);
        if (f->retries > 0 || f->waiting > 0 || f->wake_all)
            try_again(f);
        if (f->press.n > 0)
            press_tick(f);
        end_reading(f);
        if (f->held.n > 0)
            held_tick(f, engine_now());
        busy = events > 0 || done > 0;
        if (busy)
            spin_from(f, engine_now());
        if (atomic_load(&f->e->mover_waits) && engine_excess(f->e) > 0)
            engine_poke(f->e);
    }
    /* A discard that began before the range was unregistered waits for its event to be read. */
    (void)read_events(f);
}

static void set_buffers(struct faults *f)
{
    /* The first buffer is cut into single pages. */
    for (unsigned i = 0; i < LOADS_SINGLE; i++)
        f->single[i] = (struct load){.buffer = 0, .offset = i * PAGE_BYTES};
    for (unsigned i = 0; i < LOADS_RUN; i++)
        f->run[i] = (struct load){.buffer = i + 1};
}

static void *thread_main(void *data)
{
    struct faults *f = data;
    int r;

    worker_hurry(f->e->map.header->identity.name);
    awake_open(&f->awake, "");
    set_buffers(f);
    r = swapio_new(&f->io, f->e->swap_fd, f->e->uffd.fd, LOADS_SINGLE + LOADS_RUN, LOADS_RUN + 1,
                   RUN_BYTES);
    if (worker_ready(&f->worker, r))
        serve(f);
    swapio_free(f->io);
    awake_close(&f->awake);
    return NULL;
}

static void faults_free(struct faults *f)
{
    free(f->pages);
    free(f);
}

int faults_start(struct faults **ret, struct engine *e)
{
    struct faults *f = calloc(1, sizeof(*f));
    int r;

    if (!f)
        return -ENOMEM;
    f->e = e;
    f->press.low = UINT64_MAX;
    f->pages = aligned_alloc(PAGE_BYTES, COMPRESSED_RUN_MAX * PAGE_BYTES);
    r = f->pages ? worker_start(&f->worker, "faults", thread_main, f) : -ENOMEM;
    if (r < 0)
        faults_free(f);
    else
        *ret = f;
    return r;
}

void faults_join(struct faults *f)
{
    worker_join(&f->worker);
    faults_free(f);
}
