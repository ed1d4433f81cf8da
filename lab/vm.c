/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM is one QEMU process and a few files named after it: NAME.sock (QMP, for the daemon),
 * NAME.agent (the guest program), NAME.console and NAME.qemu (what guest and QEMU had to say).
 * Disks are files without a name that QEMU gets as descriptors: whatever ends the lab, they are
 * gone with the last process that has them open. QEMU itself dies with the lab by PR_SET_PDEATHSIG.
 */
#include "lab/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/accel.h"

/* Descriptors of the disks in QEMU. */
#define DISKS_MAX     3
#define DISK_FD_FIRST 10

/* Connections that wait at listen_fd. */
#define LISTEN_BACKLOG 4

/* The end of the console that is looked at for a panic, in one go. */
#define CONSOLE_CHUNK 4096

struct lab_vm {
    struct lab_vm_config config; /* its strings are owned by the members below */
    char *name, *directory, *qmp_path, *agent_path, *console_path, *qemu_path, *monitor_path,
        *spare_path;
    GPid pid;   /* 0: not started, or ended and waited for */
    int status; /* wait status, once it has ended */
    off_t console_seen;
    bool panicked;
};

/* A comma in the value of a QEMU option is written twice. */
static char *option_value(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    return g_strjoinv(",,", parts);
}

__attribute__((format(printf, 3, 4))) static void add(GPtrArray *argv, const char *option,
                                                      const char *format, ...)
{
    va_list arguments;

    g_ptr_array_add(argv, g_strdup(option));
    va_start(arguments, format);
    g_ptr_array_add(argv, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static void add_machine(GPtrArray *argv, const struct lab_vm_config *config)
{
    const char *accel = lab_vm_accelerator();
    g_autofree char *name = option_value(config->name);

    g_ptr_array_add(argv, g_strdup("qemu-system-x86_64"));
    g_ptr_array_add(argv, g_strdup("-nodefaults"));
    g_ptr_array_add(argv, g_strdup("-no-user-config"));
    g_ptr_array_add(argv, g_strdup("-no-reboot"));
    add(argv, "-display", "none");
    add(argv, "-name", "guest=%s", name);
    add(argv, "-accel", "%s", accel_option(accel));
    add(argv, "-cpu", "%s", accel_cpu(accel));
    add(argv, "-smp", "%u", config->vcpus);
    add(argv, "-m", "%" G_GUINT64_FORMAT "K", config->size / 1024);
    if (config->ram == GUEST_RAM_MEMFD) {
        add(argv, "-object", "memory-backend-memfd,id=ram,size=%" G_GUINT64_FORMAT ",share=on",
            config->size / 1024 * 1024);
        add(argv, "-machine", "pc,memory-backend=ram");
    } else {
        add(argv, "-machine", "pc");
    }
}

/* Quiet, without self-tests: what a boot needs time for. A panic ends QEMU (-no-reboot). */
static void add_kernel(GPtrArray *argv, const struct lab_vm_config *config)
{
    add(argv, "-kernel", "%s", lab_kernel());
    add(argv, "-initrd", "%s", lab_initrd());
    add(argv, "-append",
        "console=ttyS0 loglevel=4 panic=-1 tsc=reliable mitigations=off cryptomgr.notests "
        "aerostat_balloon=%s",
        config->balloon_driver ? "yes" : "no");
}

static void add_qmp(GPtrArray *argv, const char *path)
{
    g_autofree char *value = path ? option_value(path) : NULL;

    if (value)
        add(argv, "-qmp", "unix:%s,server=on,wait=off", value);
}

static void add_channels(GPtrArray *argv, const struct lab_vm *vm)
{
    g_autofree char *agent = option_value(vm->agent_path),
                    *console = option_value(vm->console_path);

    add(argv, "-chardev", "file,id=console,path=%s", console);
    add(argv, "-serial", "chardev:console");
    add_qmp(argv, vm->qmp_path);
    add_qmp(argv, vm->monitor_path);
    add_qmp(argv, vm->spare_path);
    add(argv, "-chardev", "socket,id=agent,path=%s,server=on,wait=off", agent);
    add(argv, "-device", "virtio-serial-pci");
    add(argv, "-device", "virtserialport,chardev=agent,name=org.aerostat.agent");
    if (vm->config.balloon_device)
        add(argv, "-device",
            "virtio-balloon-pci,id=balloon,deflate-on-oom=%s,free-page-reporting=%s",
            vm->config.deflate_on_oom ? "on" : "off",
            vm->config.free_page_reporting ? "on" : "off");
}

struct disks {
    int fds[DISKS_MAX];
    unsigned count;
};

/* Takes over @file, unless it is -1: then false. The init script knows the disk by its serial
 * number. */
static bool add_disk(GPtrArray *argv, struct disks *disks, const char *serial, bool read_only,
                     int file)
{
    int fd = DISK_FD_FIRST + (int)disks->count;

    if (file < 0)
        return false;
    disks->fds[disks->count++] = file;
    add(argv, "-add-fd", "fd=%d,set=%d", fd, fd);
    add(argv, "-blockdev",
        "driver=raw,node-name=%s,read-only=%s,file.driver=file,file.filename=/dev/fdset/%d,"
        "file.locking=off",
        serial, read_only ? "on" : "off", fd);
    add(argv, "-device", "virtio-blk-pci,drive=%s,serial=%s", serial, serial);
    return true;
}

/* A sparse file that has no name any more; -1 and @error. */
static int open_disk(const char *directory, uint64_t bytes, GError **error)
{
    g_autofree char *path = g_build_filename(directory, "disk-XXXXXX", NULL);
    autofd fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0 && unlink(path) == 0 && ftruncate(fd, (off_t)bytes) == 0)
        return fd_take(&fd);
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: no disk image: %s",
                directory, g_strerror(errno));
    return -1;
}

static int open_programs(GError **error)
{
    const char *path = lab_programs();
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "%s: %s; `tools/programs` makes the guests' image of programs", path,
                    g_strerror(errno));
    return fd_take(&fd);
}

static bool add_disks(GPtrArray *argv, const struct lab_vm *vm, struct disks *disks, GError **error)
{
    const struct lab_vm_config *config = &vm->config;

    return (!config->swap ||
            add_disk(argv, disks, "swap", false, open_disk(vm->directory, config->swap, error))) &&
           (!config->disk || add_disk(argv, disks, "scratch", false,
                                      open_disk(vm->directory, config->disk, error))) &&
           (!config->programs || add_disk(argv, disks, "programs", true, open_programs(error)));
}

struct child {
    pid_t parent;
    int listen_fd; /* -1: none */
};

/* In the child, before QEMU: must not outlive the lab, not even one that is killed right now. */
static void prepare_child(gpointer data)
{
    const struct child *child = data;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != child->parent)
        _exit(127);
    if (child->listen_fd >= 0 && listen(child->listen_fd, LISTEN_BACKLOG) < 0)
        _exit(127);
}

static bool spawn(struct lab_vm *vm, GPtrArray *argv, const struct disks *disks, GError **error)
{
    int targets[DISKS_MAX] = {DISK_FD_FIRST, DISK_FD_FIRST + 1, DISK_FD_FIRST + 2};
    /* Out of the way of the targets, which would be put over it. */
    autofd listener = vm->config.listen_fd > 0
                          ? fcntl(vm->config.listen_fd, F_DUPFD_CLOEXEC, DISK_FD_FIRST + DISKS_MAX)
                          : -1;
    struct child child = {.parent = getpid(), .listen_fd = listener};
    autofd log = open(vm->qemu_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (log < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", vm->qemu_path,
                    g_strerror(errno));
        return false;
    }
    return g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv->pdata, NULL,
                                            G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                            prepare_child, &child,
                                            /* stdin_fd= */ -1, log, log, disks->fds, targets,
                                            disks->count, &vm->pid, NULL, NULL, NULL, error);
}

static bool start(struct lab_vm *vm, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    struct disks disks = {0};
    bool ok;

    add_machine(argv, &vm->config);
    add_kernel(argv, &vm->config);
    add_channels(argv, vm);
    ok = add_disks(argv, vm, &disks, error);
    g_ptr_array_add(argv, NULL);
    ok = ok && spawn(vm, argv, &disks, error);
    for (unsigned i = 0; i < disks.count; i++)
        fd_close(&disks.fds[i]);
    return ok;
}

static bool check(const struct lab_vm *vm, GError **error)
{
    const char *boot[] = {lab_kernel(), lab_initrd()};
    const char *sockets[] = {vm->qmp_path, vm->agent_path};

    for (size_t i = 0; i < G_N_ELEMENTS(boot); i++)
        if (access(boot[i], R_OK) < 0) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                        "%s: not there; `make build` fetches the kernel and makes the initrd",
                        boot[i]);
            return false;
        }
    for (size_t i = 0; i < G_N_ELEMENTS(sockets); i++)
        if (strlen(sockets[i]) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                        "%s: too long for a socket; choose a shorter directory", sockets[i]);
            return false;
        }
    return true;
}

struct lab_vm *lab_vm_start(const struct lab_vm_config *config, GError **error)
{
    struct lab_vm *vm = g_new0(struct lab_vm, 1);

    vm->config = *config;
    vm->config.name = vm->name = g_strdup(config->name);
    vm->config.directory = vm->directory = g_strdup(config->directory);
    vm->qmp_path = config->qmp_path
                       ? g_strdup(config->qmp_path)
                       : g_strdup_printf("%s/%s.sock", config->directory, config->name);
    vm->config.qmp_path = vm->qmp_path;
    vm->config.monitor_path = vm->monitor_path = g_strdup(config->monitor_path);
    vm->config.spare_path = vm->spare_path = g_strdup(config->spare_path);
    vm->agent_path = g_strdup_printf("%s/%s.agent", config->directory, config->name);
    vm->console_path = g_strdup_printf("%s/%s.console", config->directory, config->name);
    vm->qemu_path = g_strdup_printf("%s/%s.qemu", config->directory, config->name);
    if (check(vm, error) && start(vm, error))
        return vm;
    lab_vm_free(vm);
    return NULL;
}

void lab_vm_free(struct lab_vm *vm)
{
    if (!vm)
        return;
    if (vm->pid) {
        (void)kill(vm->pid, SIGKILL);
        while (waitpid(vm->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    (void)g_unlink(vm->qmp_path);
    (void)g_unlink(vm->agent_path);
    if (vm->monitor_path)
        (void)g_unlink(vm->monitor_path);
    if (vm->spare_path)
        (void)g_unlink(vm->spare_path);
    if (!vm->config.keep_logs) {
        (void)g_unlink(vm->console_path);
        (void)g_unlink(vm->qemu_path);
    }
    g_free(vm->name);
    g_free(vm->directory);
    g_free(vm->qmp_path);
    g_free(vm->agent_path);
    g_free(vm->monitor_path);
    g_free(vm->spare_path);
    g_free(vm->console_path);
    g_free(vm->qemu_path);
    g_free(vm);
}

pid_t lab_vm_pid(const struct lab_vm *vm)
{
    return vm->pid;
}

const struct lab_vm_config *lab_vm_config(const struct lab_vm *vm)
{
    return &vm->config;
}

const char *lab_vm_agent_path(const struct lab_vm *vm)
{
    return vm->agent_path;
}

const char *lab_vm_console_path(const struct lab_vm *vm)
{
    return vm->console_path;
}

bool lab_vm_ended(struct lab_vm *vm, int *ret_status)
{
    if (vm->pid && waitpid(vm->pid, &vm->status, WNOHANG) == vm->pid)
        vm->pid = 0;
    if (vm->pid)
        return false;
    if (ret_status)
        *ret_status = vm->status;
    return true;
}

char *lab_vm_complaint(const struct lab_vm *vm)
{
    g_autofree char *text = NULL;
    char *line;

    if (!g_file_get_contents(vm->qemu_path, &text, NULL, NULL))
        return NULL;
    g_strchomp(text);
    line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    return *line ? g_strdup(line) : NULL;
}

bool lab_vm_panicked(struct lab_vm *vm)
{
    static const char sign[] = "Kernel panic";
    char text[CONSOLE_CHUNK];
    autofd fd = open(vm->console_path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0 || vm->panicked)
        return vm->panicked;
    while ((got = pread(fd, text, sizeof(text), vm->console_seen)) > 0) {
        vm->panicked = vm->panicked || memmem(text, (size_t)got, sign, strlen(sign));
        /* Less than a whole sign is looked at again: the rest of it may follow. */
        if ((size_t)got < strlen(sign))
            break;
        vm->console_seen += got - (ssize_t)strlen(sign) + 1;
    }
    return vm->panicked;
}
