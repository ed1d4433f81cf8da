/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process to attach to: memory like a guest's in a memfd, threads that use and verify it, and a
 * main thread that does what an injected call must not disturb.
 *
 *   target-program MAIN [OPTION...]
 * MAIN, what the main thread does until its standard input ends:
 *   calls      system calls without a pause; each must return what it should
 *   nanosleep  sleeps of 5 ms; none may be short or cut
 *   ppoll      waits of 5 ms for nothing; the same
 *   epoll      the same with epoll_wait
 *   read       reads from a pipe what another thread writes to it
 *   signals    waits (sigsuspend, ppoll, read) that a timer's signals must end: each EINTR must
 *              come from a signal, and each signal must be seen
 *   pause      the same with pause, and one signal for each, sent when it waits: a wait that goes
 *              on after its signal never ends
 *   futex      waits for another thread
 *   vfork      waits, unstoppable, for children that live 3 s
 * OPTION:
 *   size=MIB     of the memfd (default 8)
 *   touch=N      threads that write and verify it (default 2; 0 leaves it untouched)
 *   user=UID     gives up root for it
 *   private, locked, twice, shared-with-child, direct=FILE, device=PATH, offset:  what is refused
 *   seccomp=errno, seccomp=trap, seccomp=strict  for userfaultfd(2)
 *   no-leader    the main thread ends, the others go on
 *
 * Says "ready" on standard output, and "good COUNT" at its end, or one line that says what was
 * wrong, and exit status 1. COUNT: rounds of the main thread. For each further line on standard
 * input it says "rounds COUNT TOUCHED". A line "discard" gives the first 4 pages back as QEMU does
 * (only with touch=0).
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE        4096
#define MIB         (UINT64_C(1) << 20)
#define THREADS_MAX 16
#define WAIT_MSEC   5

static struct {
    const char *main;
    uint64_t size;
    unsigned threads;
    uid_t user;
    const char *direct, *device, *seccomp;
    bool private, locked, twice, child, offset, no_leader;
} options = {.main = "calls", .size = 8 * MIB, .threads = 2};

static uint8_t *ram;
static atomic_bool end;
static _Atomic uint64_t rounds, touched, signals;

#define check(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            wrong(#condition, __VA_ARGS__);                                                        \
    } while (0)

static void wrong(const char *condition, const char *what) __attribute__((noreturn));

static void wrong(const char *condition, const char *what)
{
    int err = errno;

    (void)printf("%s: not %s (%s, round %lu)\n", what, condition, strerror(err),
                 (unsigned long)rounds);
    (void)fflush(stdout);
    _exit(1);
}

/* Each page holds its number and how often it was written, all over it. */
static void touch_page(uint64_t page, uint64_t *version)
{
    uint64_t *words = (uint64_t *)(void *)(ram + page * PAGE);

    for (size_t i = 0; i < PAGE / sizeof(*words); i += 2) {
        check(words[i] == (*version ? page + 1 : 0), "page number");
        check(words[i + 1] == *version, "page version");
    }
    (*version)++;
    for (size_t i = 0; i < PAGE / sizeof(*words); i += 2) {
        words[i] = page + 1;
        words[i + 1] = *version;
    }
}

/* Thread t owns the pages t, t + threads, ... and visits them in random order. */
static void *toucher(void *data)
{
    uint64_t t = (uintptr_t)data, own = options.size / PAGE / options.threads;
    g_autofree uint64_t *versions = g_new0(uint64_t, own);
    uint64_t random = t + 1;

    while (!end && own) {
        uint64_t n;

        random = random * 6364136223846793005u + 1442695040888963407u;
        n = (random >> 33) % own;
        touch_page(t + n * options.threads, &versions[n]);
        touched++;
    }
    return NULL;
}

static uint64_t now_usec(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void main_calls(void)
{
    static int fds[2] = {-1, -1};
    pid_t pid = getpid();
    char c = (char)rounds, d = 0;
    struct stat st;

    if (fds[0] < 0)
        check(pipe2(fds, O_CLOEXEC) == 0, "pipe");
    check(syscall(SYS_getpid) == pid, "getpid");
    check(write(fds[1], &c, 1) == 1, "write");
    check(read(fds[0], &d, 1) == 1 && c == d, "read");
    check(fstat(fds[0], &st) == 0 && S_ISFIFO(st.st_mode), "fstat");
    check(lseek(fds[0], 0, SEEK_CUR) == -1 && errno == ESPIPE, "lseek");
}

static void main_nanosleep(void)
{
    struct timespec wait = {.tv_nsec = WAIT_MSEC * 1000000}, left = {0};
    uint64_t start = now_usec();

    check(nanosleep(&wait, &left) == 0, "nanosleep");
    check(now_usec() - start >= WAIT_MSEC * 1000, "nanosleep's time");
}

static void main_ppoll(void)
{
    struct timespec wait = {.tv_nsec = WAIT_MSEC * 1000000};
    uint64_t start = now_usec();

    check(ppoll(NULL, 0, &wait, NULL) == 0, "ppoll");
    check(now_usec() - start >= WAIT_MSEC * 1000, "ppoll's time");
    start = now_usec();
    check(poll(NULL, 0, WAIT_MSEC) == 0, "poll");
    check(now_usec() - start >= WAIT_MSEC * 1000, "poll's time");
}

static void main_epoll(void)
{
    static int fd = -1;
    struct epoll_event event;
    uint64_t start = now_usec();

    if (fd < 0)
        fd = epoll_create1(EPOLL_CLOEXEC);
    check(epoll_wait(fd, &event, 1, WAIT_MSEC) == 0, "epoll_wait");
    check(now_usec() - start >= WAIT_MSEC * 1000, "epoll_wait's time");
}

static int feed[2] = {-1, -1};

static void *feeder(void *data)
{
    (void)data;
    for (uint64_t n = 0;; n++) {
        check(write(feed[1], &n, sizeof(n)) == sizeof(n), "feeder");
        (void)usleep(1000);
    }
    return NULL;
}

static void main_read(void)
{
    static uint64_t expected;
    pthread_t thread;
    uint64_t n;

    if (feed[0] < 0) {
        check(pipe2(feed, O_CLOEXEC) == 0, "pipe");
        check(pthread_create(&thread, NULL, feeder, NULL) == 0, "thread");
    }
    check(read(feed[0], &n, sizeof(n)) == sizeof(n) && n == expected, "read");
    expected++;
}

static uint32_t futex_word;

static void *futex_waker(void *data)
{
    (void)data;
    for (;;) {
        (void)usleep(1000);
        __atomic_add_fetch(&futex_word, 1, __ATOMIC_SEQ_CST);
        (void)syscall(SYS_futex, &futex_word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
    return NULL;
}

static void main_futex(void)
{
    static bool started;
    uint32_t seen = __atomic_load_n(&futex_word, __ATOMIC_SEQ_CST);
    pthread_t thread;
    long r;

    if (!started)
        check(pthread_create(&thread, NULL, futex_waker, NULL) == 0, "thread");
    started = true;
    r = syscall(SYS_futex, &futex_word, FUTEX_WAIT, seen, NULL, NULL, 0);
    check(r == 0 || errno == EAGAIN, "futex");
}

static void on_alarm(int number)
{
    (void)number;
    signals++;
}

/* One wait of each kind that a signal must end, with the signal let through in it alone. */
static void main_signals(void)
{
    static int fds[2] = {-1, -1};
    sigset_t blocked, open;
    uint64_t before;
    char c;

    (void)sigemptyset(&open);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGALRM);
    if (fds[0] < 0) {
        const struct sigaction act = {.sa_handler = on_alarm};
        const struct itimerval every = {{0, 700}, {0, 700}};

        check(pipe2(fds, O_CLOEXEC) == 0, "pipe");
        check(sigaction(SIGALRM, &act, NULL) == 0, "sigaction");
        check(setitimer(ITIMER_REAL, &every, NULL) == 0, "setitimer");
    }
    check(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0, "mask");
    before = signals;
    check(sigsuspend(&open) == -1 && errno == EINTR && signals > before, "sigsuspend");
    before = signals;
    check(ppoll(NULL, 0, NULL, &open) == -1 && errno == EINTR && signals > before, "ppoll");
    before = signals;
    check(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL) == 0, "mask");
    /* The signal may come before the call, and the next one then ends it. */
    check(read(fds[0], &c, 1) == -1 && errno == EINTR && signals > before, "read");
    check(pause() == -1 && errno == EINTR, "pause");
}

/* Sends a signal to each wait of the main thread that is seen in /proc. */
static void *interrupter(void *data)
{
    char path[64], text[16] = "";

    (void)data;
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", getpid());
    for (;;) {
        uint64_t round = rounds;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool waits = read(fd, text, sizeof(text) - 1) > 0 && atoi(text) == SYS_pause;

        (void)close(fd);
        if (waits && text[0] != 'r' && round == rounds)
            (void)syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
        for (uint64_t start = now_usec(); waits && round == rounds; (void)sched_yield())
            check(now_usec() - start < 20000000, "a wait that ends with its signal");
    }
    return NULL;
}

static void main_pause(void)
{
    const struct sigaction act = {.sa_handler = on_alarm};
    static bool started;
    uint64_t before = signals;
    pthread_t thread;

    if (!started) {
        check(sigaction(SIGUSR1, &act, NULL) == 0, "sigaction");
        check(pthread_create(&thread, NULL, interrupter, NULL) == 0, "thread");
    }
    started = true;
    check(pause() == -1 && errno == EINTR && signals > before, "pause");
}

static void main_vfork(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        (void)sleep(3);
        _exit(0);
    }
    check(pid > 0, "vfork");
    (void)waitpid(pid, NULL, 0);
}

static const struct {
    const char *name;
    void (*round)(void);
} mains[] = {
    {"calls", main_calls}, {"nanosleep", main_nanosleep}, {"ppoll", main_ppoll},
    {"epoll", main_epoll}, {"read", main_read},           {"signals", main_signals},
    {"futex", main_futex}, {"vfork", main_vfork},         {"pause", main_pause},
};

static int ram_fd;

static void discard(void)
{
    check(fallocate(ram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE) == 0, "punch");
    check(madvise(ram, 4 * PAGE, MADV_DONTNEED) == 0, "madvise");
}

static void *answer(void *data)
{
    char line[64];

    (void)data;
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "discard\n") == 0)
            discard();
        (void)printf("rounds %lu %lu\n", (unsigned long)rounds, (unsigned long)touched);
        (void)fflush(stdout);
    }
    end = true;
    return NULL;
}

/* Returns when it is mapped there. */
static void map_in_child(int fd)
{
    int done[2];
    char c;

    check(pipe2(done, O_CLOEXEC) == 0, "pipe");
    if (fork() == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        check(mmap(NULL, options.size, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
        check(write(done[1], "", 1) == 1, "pipe");
        for (;;)
            (void)pause();
    }
    check(read(done[0], &c, 1) == 1, "child");
}

static void make_ram(void)
{
    int fd = memfd_create("memory-backend-memfd", MFD_CLOEXEC);
    int share = options.private ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    off_t offset = options.offset ? PAGE : 0;

    ram_fd = fd;
    check(fd >= 0 && ftruncate(fd, (off_t)options.size + offset) == 0, "memfd");
    ram = mmap(NULL, options.size, PROT_READ | PROT_WRITE, share, options.private ? -1 : fd,
               options.private ? 0 : offset);
    check(ram != MAP_FAILED, "mmap");
    check(madvise(ram, options.size, MADV_DONTFORK) == 0, "madvise");
    if (options.locked)
        /* Sanitizers make mlock(3) do nothing. */
        check(syscall(SYS_mlock, ram, options.size) == 0, "mlock");
    if (options.twice)
        check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
    if (options.child)
        map_in_child(fd);
}

static void open_files(void)
{
    if (options.direct) {
        int fd = open(options.direct, O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0600);

        check(fd >= 0 && unlink(options.direct) == 0, "open with O_DIRECT");
    }
    /* What refuses is the name, and no such device is here. */
    if (options.device) {
        int fd = open(options.device, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        check(fd >= 0 && unlink(options.device) == 0, "device");
    }
}

static void restrict_calls(void)
{
    bool trap = g_strcmp0(options.seccomp, "trap") == 0;
    scmp_filter_ctx filter;

    if (!options.seccomp)
        return;
    if (strcmp(options.seccomp, "strict") == 0) {
        check(prctl(PR_SET_SECCOMP, 1L, 0L, 0L, 0L) == 0, "strict seccomp");
        return;
    }
    filter = seccomp_init(SCMP_ACT_ALLOW);
    check(filter &&
              seccomp_rule_add(filter, trap ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EACCES),
                               SCMP_SYS(userfaultfd), 0) == 0 &&
              seccomp_load(filter) == 0,
          "seccomp");
    seccomp_release(filter);
}

static void become_user(void)
{
    if (!options.user)
        return;
    check(setgroups(0, NULL) == 0 && setgid(options.user) == 0 && setuid(options.user) == 0,
          "setuid");
    /* As a program that was started by this user. */
    check(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) == 0, "dumpable");
}

static void parse(int argc, char **argv)
{
    const struct {
        const char *name;
        bool *set;
    } flags[] = {
        {"private", &options.private}, {"locked", &options.locked},
        {"twice", &options.twice},     {"shared-with-child", &options.child},
        {"offset", &options.offset},   {"no-leader", &options.no_leader},
    };

    if (argc > 1)
        options.main = argv[1];
    for (int i = 2; i < argc; i++) {
        const char *value = strchr(argv[i], '=');

        for (size_t k = 0; k < G_N_ELEMENTS(flags); k++) {
            if (strcmp(argv[i], flags[k].name) == 0)
                *flags[k].set = true;
        }
        if (!value)
            continue;
        value++;
        if (g_str_has_prefix(argv[i], "size="))
            options.size = strtoull(value, NULL, 10) * MIB;
        else if (g_str_has_prefix(argv[i], "touch="))
            options.threads = (unsigned)MIN(atoi(value), THREADS_MAX);
        else if (g_str_has_prefix(argv[i], "user="))
            options.user = (uid_t)atoi(value);
        else if (g_str_has_prefix(argv[i], "direct="))
            options.direct = value;
        else if (g_str_has_prefix(argv[i], "device="))
            options.device = value;
        else if (g_str_has_prefix(argv[i], "seccomp="))
            options.seccomp = value;
    }
}

static void *run(void *data)
{
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(mains); i++) {
        while (strcmp(options.main, mains[i].name) == 0 && !end) {
            mains[i].round();
            rounds++;
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX], control, other;
    sigset_t alarm_only;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* In the group of a test that runs without a terminal's session, SIGTSTP would stop nobody. */
    (void)setpgid(0, 0);
    parse(argc, argv);
    make_ram();
    open_files();
    become_user();

    /* The timer's signals are the main thread's. */
    (void)sigemptyset(&alarm_only);
    (void)sigaddset(&alarm_only, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
    for (uintptr_t t = 0; t < options.threads; t++)
        check(pthread_create(&threads[t], NULL, toucher, (void *)t) == 0, "thread");
    check(pthread_create(&control, NULL, answer, NULL) == 0, "thread");
    (void)puts("ready");
    (void)fflush(stdout);
    if (options.no_leader) {
        check(pthread_create(&other, NULL, run, NULL) == 0, "thread");
        pthread_exit(NULL);
    }
    restrict_calls();
    (void)run(NULL);
    for (unsigned t = 0; t < options.threads; t++)
        (void)pthread_join(threads[t], NULL);
    (void)printf("good %lu\n", (unsigned long)rounds);
    (void)fflush(stdout);
    _exit(0);
}
