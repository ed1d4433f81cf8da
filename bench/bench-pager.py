#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the pager costs and achieves, against the same disk and the kernel's own swap, in one run.

    bench-pager [--directory DIR] [--size MIB] [--rounds N] [--only FIGURE]... [--markdown]

A plain process with a memfd is served by aerostat-pager; an equal one with private memory is paged
out to a swap file by the kernel. Both files and those of the disk's own speed lie in DIR. What is
compared is measured one right after the other, in every round anew, so that what disturbs the
machine disturbs both; a ratio is the median of the rounds' ratios, a figure that of its values.
Needs root.

Nothing stays behind, however it ends: a process of its own (see janitor) waits for the end of this
one, then takes the swap file out of use and removes the files.
"""

import argparse
import mmap
import os
import pathlib
import platform
import random
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(__file__).resolve().parent.parent
TARGET = BUILD / "bench" / "pager-target"
MIB = 1 << 20
PAGE = 4096
BLOCKS = 4  # that a round's random touches are split into, in turn with those compared with
BLOCK_TOUCHES = 1000
FLOOR = 2 * MIB  # however little is allowed, eviction leaves a guest a few pages
TIMEOUT = 60  # s, of anything one waits for

# src/pager/order.h
PROTOCOL = 2
ALLOW, CACHE, SAMPLE, PARK, UNPARK, DETACH = range(6)
READY, REFUSED, DONE, FAILED = range(4)
ORDER = struct.Struct("=IIQQ")
NOTICE = struct.Struct("=IIII400s")
ANY = 2**64 - 1

# src/pager/map.h
ABSENT, RESIDENT, ZERO, COMPRESSED, SWAPPED = range(5)


class Problem(Exception):
    """The bench can't go on; one line why."""


def janitor(directories, swap_file):
    """Forks; the child cleans up when the parent has ended. Returns the end to close, and its pid."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reader)
        return writer, pid
    os.setsid()
    os.close(writer)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.read(reader, 1)  # the end of the parent: it never writes
    subprocess.run(["swapoff", swap_file], stderr=subprocess.DEVNULL, check=False)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)
    os._exit(0 if not any(os.path.exists(directory) for directory in directories) else 1)


class Target:
    """A process of pager-target."""

    def __init__(self, bench, kind, size):
        self.size, self.pages = size, size // PAGE
        self.process = bench.start([TARGET, kind, str(size)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.answer("start")

    def answer(self, line):
        words = self.process.stdout.readline().split(maxsplit=1)
        if not words or words[0] != "ok":
            raise Problem(f"target, {line}: {words[1].strip() if len(words) > 1 else 'no answer'}")
        return [int(word) for word in words[1].split()] if len(words) > 1 else []

    def ask(self, *words):
        line = " ".join(str(word) for word in words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer(line)

    def fill(self, kind):
        self.ask("fill", kind, 0, self.pages)

    def verify(self):
        self.ask("verify", 0, self.pages)

    def touch(self, pages):
        """Nanoseconds of touches in random places, some of @pages: p50, p99, mean."""
        if len(pages) < BLOCK_TOUCHES:
            raise Problem(f"only {len(pages)} pages are as they should be")
        return self.ask("touch", *random.sample(pages, BLOCK_TOUCHES))

    def resident_bytes(self):
        return status_kib(self.pid, "RssShmem") * 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait(TIMEOUT)


def status_kib(pid, key):
    for line in open(f"/proc/{pid}/status", encoding="ascii", errors="replace"):
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise Problem(f"/proc/{pid}/status has no {key}")


class Pager:
    """aerostat-pager, serving a target."""

    def __init__(self, bench, target, cache=0, swap=None):
        self.target, self.name = target, f"bench-{target.pid}"
        self.memory = bench.memory
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(TIMEOUT)
        self.socket = ours
        self.process = bench.start(
            [bench.pager, "--name", self.name, "--pid", str(target.pid), "--ram-size", str(target.size),
             "--memory-dir", bench.memory, "--swap-dir", bench.disk,
             "--swap-size", str(target.size if swap is None else swap), "--cache", str(cache),
             "--control-fd", str(theirs.fileno()), "--log-level", "4"],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self.wait_for(READY)
        with open(f"{self.memory}/{self.name}.map", "rb") as f:
            self.map = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        out = subprocess.run([TARGET, "layout"], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.layout = {name: (int(offset), int(n)) for name, offset, n in map(str.split, out.splitlines())}

    def wait_for(self, kind, verb=None):
        while True:
            data = self.socket.recv(NOTICE.size)
            if len(data) < NOTICE.size:
                raise Problem(f"the pager ended with status {self.process.wait(TIMEOUT)}")
            _, got, of, _, text = NOTICE.unpack(data)
            if got == kind and (verb is None or of == verb):
                return
            if got in (REFUSED, FAILED):
                raise Problem("pager: " + text.split(b"\0")[0].decode(errors="replace"))

    def order(self, verb, value=0, value2=0):
        self.socket.send(ORDER.pack(PROTOCOL, verb, value, value2))

    def do(self, verb):
        """Seconds from the order to its completion."""
        begin = time.monotonic()
        self.order(verb)
        self.wait_for(DONE, verb)
        return time.monotonic() - begin

    def figure(self, name, at=0):
        offset, _ = self.layout[name]
        return struct.unpack_from("=Q", self.map, offset + 8 * at)[0]

    def resident(self):
        return self.figure("pages", RESIDENT)

    def pages_in(self, state):
        """Numbers of the pages in that state."""
        offset, _ = self.layout["entries"]
        entries = struct.unpack_from(f"={self.target.pages}Q", self.map, offset)
        return [page for page, entry in enumerate(entries) if entry & 7 == state]

    def squeeze(self, allowed):
        """Evicts until the target occupies @allowed bytes, then lets it grow again: bytes a second
        of what went out."""
        before, begin = self.resident(), time.monotonic()
        allowed = max(allowed, FLOOR)
        self.order(ALLOW, allowed)
        while self.resident() * PAGE + self.figure("cache_bytes") > allowed + FLOOR:
            if time.monotonic() > begin + TIMEOUT:
                raise Problem(f"eviction ends with {self.resident()} pages in RAM")
            time.sleep(0.001)
        took = time.monotonic() - begin
        self.order(ALLOW, ANY)
        return (before - self.resident()) * PAGE / took

    def cpu_seconds(self):
        """Of all its threads; nanosecond clock of the scheduler."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            path = f"/proc/{self.process.pid}/task/{task}/schedstat"
            total += int(open(path, encoding="ascii").read().split()[0])
        return total / 1e9

    def own_bytes(self):
        """What it needs for itself: its share of what is mapped but for the cache's content, and
        all of the page map, mapped or not."""
        total, counted = 0, False
        for line in open(f"/proc/{self.process.pid}/smaps", encoding="ascii", errors="replace"):
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                counted = not words[-1].endswith((".map", ".cache"))
            elif words[0] == "Pss:" and counted:
                total += int(words[1]) * 1024
        return total + os.stat(f"{self.memory}/{self.name}.map").st_blocks * 512

    def close(self):
        self.do(DETACH)
        status = self.process.wait(TIMEOUT)
        if status != 0:
            raise Problem(f"the pager ended with status {status} after detaching")
        self.socket.close()


class Disk:
    """The disk's own speed: direct I/O of 1 MiB at a time, one after the other, as dd does it."""

    def __init__(self, path, size):
        self.size = size
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_CLOEXEC, 0o600)
        self.buffer = mmap.mmap(-1, MIB)
        os.posix_fallocate(self.fd, 0, size)
        self.write()

    def write(self):
        """Bytes per second."""
        self.buffer[:] = os.urandom(MIB)
        begin = time.monotonic()
        for offset in range(0, self.size, MIB):
            os.pwrite(self.fd, self.buffer, offset)
        return self.size / (time.monotonic() - begin)

    def read(self):
        begin = time.monotonic()
        for offset in range(0, self.size, MIB):
            os.preadv(self.fd, [self.buffer], offset)
        return self.size / (time.monotonic() - begin)


class Samples:
    """Figures by name, one per round."""

    def __init__(self):
        self.values = {}

    def add(self, **values):
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.values[name])

    def ratio(self, name, other):
        """Of what was measured side by side."""
        return statistics.median(a / b for a, b in zip(self.values[name], self.values[other],
                                                       strict=True))


class Bench:
    def __init__(self, options):
        self.rounds, self.size, self.pager = options.rounds, options.size * MIB, options.pager
        self.rows, self.processes = [], []
        self.disk = tempfile.mkdtemp(prefix="bench-pager-", dir=options.directory)
        self.memory = tempfile.mkdtemp(prefix="bench-pager-", dir="/dev/shm")
        self.swap_file = f"{self.disk}/kernel.swap"
        self.end, self.janitor = janitor([self.disk, self.memory], self.swap_file)
        self.have_swap = False

    def kernel_swap(self):
        """A swap file, preferred to any other, of twice the size: beyond half the kernel gives
        slots up when it reads them."""
        if self.have_swap:
            return
        with open(self.swap_file, "xb") as f:
            os.fchmod(f.fileno(), 0o600)
            os.posix_fallocate(f.fileno(), 0, 2 * self.size + 16 * MIB)
        subprocess.run(["mkswap", self.swap_file], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["swapon", "--priority", "32767", self.swap_file], check=True)
        self.have_swap = True

    def row(self, name, ours, other, ratio, at_least=None, at_most=None):
        """One measured figure; ours and other are texts, the latter with what it is."""
        met = ratio >= at_least if at_least is not None else ratio <= at_most
        limit = f">= {at_least}" if at_least is not None else f"<= {at_most}"
        self.rows.append((name, ours, other, f"{ratio:.3g}", limit, "met" if met else "missed"))
        print(f"goal {name}: {ours}, {other}: {ratio:.3g} (limit {limit}) "
              f"{'met' if met else 'missed'}", flush=True)

    def start(self, command, **options):
        self.processes.append(subprocess.Popen(command, **options))
        return self.processes[-1]

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        os.close(self.end)
        if os.waitpid(self.janitor, 0)[1] != 0:
            print(f"bench-pager: files stay in {self.disk} and {self.memory}", file=sys.stderr)


def mbps(rate):
    return f"{rate / 1e6:.0f} MB/s"


def usec(nsec):
    return f"{nsec / 1e3:.1f} us"


def part(value):
    return f"{100 * value:.1f} %"


def swap(b):
    """Eviction, random and sequential return, unpark; incompressible pages."""
    b.kernel_swap()
    disk = Disk(f"{b.disk}/disk", b.size)
    kernel, ours = Target(b, "anon", b.size), Target(b, "memfd", b.size)
    kernel.fill("random")
    ours.fill("random")
    pager = Pager(b, ours)
    s = Samples()
    # A virtual disk is slower where nobody has written before, whoever is the first.
    pager.do(PARK)
    pager.do(UNPARK)
    kernel.ask("evict")
    kernel.fill("random")
    for _ in range(b.rounds):
        swap_round(b, s, disk, kernel, ours, pager)
    ours.verify()
    pager.close()
    ours.verify()
    kernel.close()
    ours.close()
    os.unlink(f"{b.disk}/disk")
    m = s.median
    for name, disk_name in (("evict", "write"), ("park", "write_park")):
        b.row(f"{name}, incompressible", mbps(m(name)),
              f"disk's direct write {mbps(m(disk_name))}", s.ratio(name, disk_name), at_least=0.7)
    b.row("RAM freed when park returns", part(m("freed")),
          f"MADV_PAGEOUT at {mbps(m('kernel_evict'))} freed {part(m('kernel_freed'))}",
          m("freed"), at_least=0.99)
    for name, limit in (("p50", 1.25), ("p99", 1.5)):
        b.row(f"fault from the swap file, {name}", usec(m(name)),
              f"kernel's swap-in {usec(m('kernel_' + name))}", s.ratio(name, f"kernel_{name}"),
              at_most=limit)
    b.row("return by touching in order", mbps(m("sweep")), f"kernel {mbps(m('kernel_sweep'))}",
          s.ratio("sweep", "kernel_sweep"), at_least=1.5)
    b.row("unpark", mbps(m("unpark")), f"disk's direct read {mbps(m('read'))}",
          s.ratio("unpark", "read"), at_least=0.7)


def swap_round(b, s, disk, kernel, ours, pager):
    s.add(write=disk.write())
    s.add(evict=pager.squeeze(0))
    s.add(read=disk.read())
    s.add(unpark=b.size / pager.do(UNPARK))

    resident = ours.resident_bytes()
    s.add(write_park=disk.write())
    s.add(park=b.size / pager.do(PARK), freed=1 - ours.resident_bytes() / resident)
    evict_nsec, freed = kernel.ask("evict")
    s.add(kernel_evict=b.size / evict_nsec * 1e9, kernel_freed=freed / b.size)

    for _ in range(BLOCKS):
        p50, p99, _ = kernel.touch(range(kernel.pages))
        s.add(kernel_p50=p50, kernel_p99=p99)
        p50, p99, _ = ours.touch(pager.pages_in(SWAPPED))
        s.add(p50=p50, p99=p99)

    pager.do(PARK)
    kernel.fill("random")
    kernel.ask("evict")
    s.add(sweep=b.size / ours.ask("sweep")[0] * 1e9)
    s.add(kernel_sweep=b.size / kernel.ask("sweep")[0] * 1e9)
    kernel.fill("random")
    ours.fill("random")


def memory(b):
    """Faults on compressed and zero pages, against the kernel's swap-in from the disk."""
    b.kernel_swap()
    kernel, ours = Target(b, "anon", b.size // 4), Target(b, "memfd", b.size // 4)
    kernel.fill("random")
    pager = Pager(b, ours, cache=ours.size // 2)
    s = Samples()
    for _ in range(b.rounds):
        kernel.ask("evict")
        ours.fill("compressible")
        pager.squeeze(ours.size // 3)
        for _ in range(BLOCKS):
            s.add(kernel=kernel.touch(range(kernel.pages))[0])
            s.add(compressed=ours.touch(pager.pages_in(COMPRESSED))[0])
        ours.fill("zero")
        pager.squeeze(0)
        for _ in range(BLOCKS):
            s.add(kernel_again=kernel.touch(range(kernel.pages))[0])
            s.add(zero=ours.touch(pager.pages_in(ZERO))[0])
        kernel.fill("random")
    ours.verify()
    pager.close()
    ours.verify()
    kernel.close()
    ours.close()
    for name, other, text, limit in (
            ("compressed", "kernel", "fault from the compression cache, p50", 0.5),
            ("zero", "kernel_again", "fault on a zero page, p50", 0.4)):
        b.row(text, usec(s.median(name)), f"kernel's swap-in {usec(s.median(other))}",
              s.ratio(name, other), at_most=limit)


def attached(b):
    """What a pager costs a process of which nothing is out but samples: in accesses per processor
    time, which others on the machine change little."""
    ours = Target(b, "memfd", b.size // 2)
    ours.fill("random")
    s = Samples()
    ours.ask("work", 500)
    for _ in range(4 * b.rounds):
        before = ours.ask("work", 200)[0]
        pager = Pager(b, ours)
        pager.order(SAMPLE, 100, 30_000_000)
        with_pager = ours.ask("work", 400)[0]
        pager.close()
        after = ours.ask("work", 200)[0]
        s.add(alone=(before + after) / 2, attached=with_pager)
    ours.close()
    b.row("throughput with a pager, nothing out", f"{s.median('attached') / 1e6:.1f} M/s",
          f"without {s.median('alone') / 1e6:.1f} M/s", s.ratio("attached", "alone"), at_least=0.98)


SAMPLES = 100  # the daemon's defaults
WINDOW = 30  # s
SHORT_WINDOW = 0.6  # s, what is measured with
ACCURACY_WINDOWS = 8
IDLE = 5  # s


def sampling(b):
    """Cost and truth of the activity estimate."""
    ours = Target(b, "memfd", b.size // 2)
    ours.fill("random")
    pager = Pager(b, ours, cache=ours.size // 10)
    time.sleep(1)  # what it has to do once, at its start, is no part of being idle
    idle = pager.cpu_seconds()
    time.sleep(IDLE)
    idle = (pager.cpu_seconds() - idle) / IDLE
    errors, biases = [], []
    cpu, windows = 0, 0
    for truth in (10, 30, 50, 70, 90):
        ours.ask("active", 0, ours.pages * truth // 100, int(SHORT_WINDOW * 1e6 * 0.8))
        pager.order(SAMPLE, 0, 0)  # forgets the last one's samples
        pager.order(SAMPLE, SAMPLES, int(SHORT_WINDOW * 1e6))
        cpu_before = pager.cpu_seconds()
        first = seen = pager.figure("sample_windows")
        estimates = []
        while len(estimates) < ACCURACY_WINDOWS:
            if pager.figure("sample_windows") != seen:
                seen = pager.figure("sample_windows")
                estimates.append(pager.figure("window_permille") / 10)
            time.sleep(SHORT_WINDOW / 20)
        cpu += pager.cpu_seconds() - cpu_before
        windows += seen - first
        errors += [abs(estimate - truth) for estimate in estimates]
        biases.append(f"{truth}: {statistics.mean(estimates):.1f}")
    ours.ask("active", 0, 0, 0)
    ours.verify()
    pager.close()
    ours.verify()
    ours.close()
    per_window = cpu / windows - idle * SHORT_WINDOW
    share = 100 * (per_window / WINDOW + idle)
    b.row(f"CPU of a pager that samples {SAMPLES} pages in {WINDOW} s", f"{share:.4f} %",
          f"{per_window * 1e3:.2f} ms a window, idle {100 * idle:.4f} %", share, at_most=0.1)
    b.row("active part, mean error", f"{statistics.mean(errors):.1f} points",
          "true % and mean estimate " + ", ".join(biases), statistics.mean(errors), at_most=5)


def own_memory(b):
    """Of a small guest after much eviction, and of a large one."""
    for size, limit in ((b.size // 4, 8 * MIB + b.size // 400), (4096 * MIB, 4096 * MIB // 100)):
        ours = Target(b, "memfd", size)
        n = min(ours.pages, b.size // PAGE)
        ours.ask("fill", "zero", 0, n)
        ours.ask("fill", "random", 0, n // 4)
        pager = Pager(b, ours, cache=b.size // 10, swap=b.size)
        pager.do(PARK)
        ours.touch(range(n))
        own = pager.own_bytes()
        pager.close()
        ours.close()
        b.row(f"pager's own memory, {size // MIB} MiB guest", f"{own / MIB:.1f} MiB",
              f"allowed {limit / MIB:.1f} MiB", own / limit, at_most=1)


PARTS = {"swap": swap, "memory": memory, "attached": attached, "sampling": sampling,
         "own-memory": own_memory}


def print_markdown(b):
    print("\n| what | pager | against | ratio | goal | |\n|---|---|---|---|---|---|")
    for row in b.rows:
        print("| " + " | ".join(row) + " |")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--directory", default="/var/tmp", help="on the disk to measure")
    parser.add_argument("--size", type=int, default=512, help="MiB of a process")
    parser.add_argument("--pager", default=BUILD / "src" / "pager" / "aerostat-pager", help="program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--markdown", action="store_true", help="the README's table as well")
    return parser.parse_args()


def stop(number, _):
    raise Problem(f"stopped by signal {number}")


def main():
    options = parse()
    if os.geteuid() != 0:
        print("bench-pager: only root can attach a pager and swap", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    bench = Bench(options)
    begin, load = time.monotonic(), os.getloadavg()[0]
    try:
        for name in options.only or PARTS:
            PARTS[name](bench)
        if options.markdown:
            print_markdown(bench)
        print(f"{machine()}, load {load:.1f} at the beginning; {time.monotonic() - begin:.0f} s")
    except (Problem, OSError, subprocess.SubprocessError) as problem:
        print(f"bench-pager: {problem}", file=sys.stderr)
        return 1
    finally:
        bench.close()
    return 1 if any(row[-1] == "missed" for row in bench.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
