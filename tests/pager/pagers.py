# SPDX-License-Identifier: Apache-2.0
"""Real pagers on a process that verifies its memory: starting both, orders and notices, the page map."""

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("AEROSTAT_BUILD", "build"))
PAGER = BUILD / "src/pager/aerostat-pager"
PUNCH_ZEROES = BUILD / "tests/pager/libpunch-zeroes.so"
PROGRAM = BUILD / "tests/pager/memory-program"
PAGE = 4096
MIB = 1 << 20
ANY = (1 << 64) - 1

# As in order.h.
PROTOCOL = 2
VERBS = {name: i for i, name in enumerate(("allow", "cache", "sample", "park", "unpark", "detach", "evicting",
                                          "cpus", "note-stop"))}
NOTICES = ("ready", "refused", "done", "failed", "held", "healed", "gone")
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_BUSY = range(5)

# As in map.h.
STATES = ("absent", "resident", "zero", "compressed", "swapped")
HEADER = 16384
IDENTITY = struct.Struct("=256sqQQQQQ")
FIGURES_AT = 16 + IDENTITY.size + 16
LATENCIES = 5 * 96
FIGURES = ("absent", "resident", "zero", "compressed", "swapped", "cache_payload", "cache_bytes", "cache_limit",
           "slots", "slots_used", "allowed", "phase", "parked",
           "evicted_absent", "evicted_resident", "evicted_zero", "evicted_compressed", "evicted_swapped",
           "loaded_absent", "loaded_resident", "loaded_zero", "loaded_compressed", "loaded_swapped",
           "read_ahead", "discarded", "bytes_written", "bytes_read",
           "faults_absent", "faults_zero", "faults_compressed", "faults_swapped", "faults_protected")
MORE_FIGURES = ("eviction_races", "waited_usec", "cpus", "paged_by_guest", "io_errors", "held_pages", "held_page", "held_errno", "guest_stopped", "sample_windows", "sampled",
                "touched", "window_permille", "current_permille", "window_usec", "ws1", "ws10", "ws60", "ws600",
                "sampling_cpu_usec", "rounds", "takeovers", "memory_bytes")


def wait_for(what, condition, timeout=60):
    end = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.005)
    return result


def time_over(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def cpu_seconds(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        main = int(f.read().split()[0])
    return (main + sum(int(pathlib.Path(t.path, "schedstat").read_text().split()[0])
                       for t in os.scandir(f"/proc/{pid}/task") if t.name != str(pid))) / 1e9


class Program:
    """A memory-program."""

    def __init__(self, mib, threads=2, kind=None):
        self.mib = mib
        self.pages = mib * MIB // PAGE
        self.child = subprocess.Popen([PROGRAM, str(mib), str(threads)] + ([kind] if kind else []),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.child.pid
        assert self.child.stdout.readline().startswith("ready")

    def send(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def answer(self):
        line = self.child.stdout.readline().strip()
        if not line or line.startswith("wrong"):
            raise AssertionError(f"the program's memory: {line or 'it has ended'}")
        return line

    def do(self, line):
        self.send(line)
        return self.answer()

    def stats(self):
        return tuple(int(n) for n in self.do("stats").split())

    def resident(self):
        """Bytes of the memfd in memory: the host's truth, not the pager's."""
        for fd in os.scandir(f"/proc/{self.pid}/fd"):
            if "memory-backend-memfd" in os.readlink(fd.path):
                return os.stat(fd.path).st_blocks * 512
        raise AssertionError("no memfd")

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class Map:
    """The page map as a reader sees it."""

    def __init__(self, path):
        self.path = path

    def figures(self):
        with open(self.path, "rb") as f:
            header = f.read(HEADER)
        words = struct.unpack_from(f"={len(FIGURES) + LATENCIES + len(MORE_FIGURES)}Q", header, FIGURES_AT)
        figures = dict(zip(FIGURES, words))
        figures.update(zip(MORE_FIGURES, words[len(FIGURES) + LATENCIES:]))
        return figures

    def uffd(self):
        with open(self.path, "rb") as f:
            return struct.unpack_from("=q", f.read(HEADER), 16 + IDENTITY.size)[0]

    def entries(self):
        with open(self.path, "rb") as f:
            f.seek(HEADER)
            data = f.read()
        return struct.unpack(f"={len(data) // 8}Q", data)


class Pager:
    """One aerostat-pager."""

    def __init__(self, house, program, swap=None, cache=None, name="guest", args=(), env=None):
        self.house = house
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket = ours
        self.socket.settimeout(60)
        size = program.mib * MIB
        self.child = subprocess.Popen(
            [PAGER, "--name", name, "--pid", str(program.pid), "--ram-size", str(size),
             "--memory-dir", house.memory, "--swap-dir", house.swap,
             "--swap-size", str(size if swap is None else swap), "--cache", str(size // 10 if cache is None else cache),
             "--control-fd", str(theirs.fileno()), *args],
            pass_fds=[theirs.fileno()], env=dict(os.environ, **(env or {})), stderr=None if os.environ.get("AEROSTAT_TEST_LOG") else subprocess.DEVNULL)
        theirs.close()
        self.map = Map(f"{house.memory}/{name}.map")

    def notice(self):
        """(kind, verb, text); None: it has hung up."""
        data = self.socket.recv(4096)
        if not data:
            return None
        _, kind, verb, _ = struct.unpack_from("=4I", data)
        return NOTICES[kind], verb, data[16:].split(b"\0")[0].decode()

    def expect(self, *kinds):
        notice = self.notice()
        if notice is None or notice[0] not in kinds:
            raise AssertionError(f"{notice} instead of {kinds}; exit status {self.child.poll()}")
        return notice

    def ready(self):
        self.expect("ready")
        return self

    def order(self, verb, value=0, value2=0):
        self.socket.send(struct.pack("=IIQQ", PROTOCOL, VERBS[verb], value, value2))

    def know_cpus(self, *threads):
        self.socket.send(struct.pack(f"=IIQQ{len(threads)}I", PROTOCOL, VERBS["cpus"], len(threads), 0, *threads))
        wait_for("the processors are known", lambda: self.figures()["cpus"] == len(threads))

    def figures(self):
        return self.map.figures()

    def do(self, verb):
        """An order that is answered."""
        self.order(verb)
        while (notice := self.expect("done", "failed"))[1] != VERBS[verb]:
            pass
        return notice

    def allow(self, size):
        """... and until it is so; the floor of 256 pages and what is being claimed aside."""
        self.order("allow", size)
        wait_for(f"down to {size}", lambda: self.occupied() <= max(size, 256 * PAGE))

    def occupied(self):
        figures = self.figures()
        return figures["resident"] * PAGE + figures["cache_bytes"]

    def kill(self):
        self.child.kill()
        self.child.wait()
        self.socket.close()

    def wait(self, timeout=60):
        return self.child.wait(timeout)

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.socket.close()


class House:
    """Directories for one test."""

    def __init__(self):
        self.memory = tempfile.mkdtemp(prefix="aerostat-", dir="/dev/shm")
        self.swap = tempfile.mkdtemp(prefix="aerostat-", dir=os.environ.get("AEROSTAT_TEST_DISK", "/var/tmp"))
        self.things = []

    def program(self, *args, **more):
        return self.keep(Program(*args, **more))

    def pager(self, *args, **more):
        return self.keep(Pager(self, *args, **more))

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def end(self):
        for thing in reversed(self.things):
            thing.end()
        shutil.rmtree(self.memory)
        shutil.rmtree(self.swap)


def may_attach():
    return os.geteuid() == 0 and os.path.exists("/dev/userfaultfd")
