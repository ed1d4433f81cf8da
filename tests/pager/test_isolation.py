# SPDX-License-Identifier: Apache-2.0
"""What was one guest's is never another's: host memory that a guest had, taken from it by each of the mechanisms
there are, is zero when another guest first sees it.

The guest that takes is a QEMU whose processors never ran, so that all it has in its RAM came from the host. What
it sees is looked at from outside, at the first touch: the guest's own kernel would zero what it hands out. That
it got the very memory which was taken is told by the numbers of the page frames."""

import ctypes
import fcntl
import itertools
import mmap
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from pagers import MIB, PAGE, STATES, House, may_attach, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab.real_guest import INITRD, KERNEL, Lines, RealGuest # pylint: disable=wrong-import-position

LOADED_AT = 16 * MIB
LOADED = 48 * MIB
GIVER, TAKER = 80, 128
FIRMWARE = 1 * MIB        # what lies below has been written by QEMU
TAKERS_MAX = 8            # until one has got what was taken
KSM = pathlib.Path("/sys/kernel/mm/ksm")
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.process_vm_readv.restype = LIBC.process_vm_writev.restype = ctypes.c_ssize_t
PROCESS_MADVISE, MADV_PAGEOUT = 440, 21
PR_SET_THP_DISABLE = 41
NUMBERS = itertools.count()
SWAP_CACHE = 1 << 13 # in /proc/kpageflags
PRESENT, FRAME = 1 << 63, (1 << 55) - 1


def content(seed):
    """A third incompressible, a third compressible, a third zero, by page."""
    chance = random.Random(seed)
    kinds = [chance.choice(("swapped", "compressed", "zero")) for _ in range(LOADED // PAGE)]
    make = {"swapped": lambda: chance.randbytes(PAGE), "compressed": lambda: chance.randbytes(16) * (PAGE // 16),
            "zero": lambda: bytes(PAGE)}
    return b"".join(make[kind]() for kind in kinds)


def small_pages():
    """What was taken page by page is not given as a huge one. (Inherited, and kept over exec.)"""
    LIBC.prctl(PR_SET_THP_DISABLE, *(ctypes.c_ulong(n) for n in (1, 0, 0, 0)))


class Machine:
    """A QEMU that stands still from its start on; its RAM from outside."""

    def __init__(self, directory, name, mib, private=False, image=None):
        self.mib, self.private, self.name = mib, private, name
        self.directory = directory
        ram = "memory-backend-ram" if private else "memory-backend-memfd,share=on"
        command = ["qemu-system-x86_64", "-S", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg",
                   "-m", f"{mib}M", "-object", f"{ram},id=ram,size={mib}M", "-machine", "pc,memory-backend=ram",
                   "-qmp", f"unix:{directory / name}.qmp,server=on,wait=off"]
        if image:
            command += ["-device", f"loader,file={image},addr={LOADED_AT:#x},force-raw=on"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=small_pages)
        self.pid = self.process.pid

    def up(self):
        """Once its memory is made and loaded: it answers then."""
        monitor = Lines(f"{self.directory / self.name}.qmp")
        monitor.read()
        for command in ("qmp_capabilities", "query-status"):
            monitor.send({"execute": command})
            monitor.read()
        monitor.close()
        self.start = find_ram(self.pid, self.mib * MIB)
        return self

    def first_view(self):
        """All that it sees of its RAM when it first touches it. Private memory gets a page frame of its own with the
        first write: of one byte, in turn at either end of a page."""
        view = bytearray(self.mib * MIB - FIRMWARE)
        if self.private:
            for at in range(0, len(view), PAGE):
                self.copy(LIBC.process_vm_writev, bytearray(1), FIRMWARE + at + (PAGE - 1 if at // PAGE % 2 else 0))
        self.copy(LIBC.process_vm_readv, view, FIRMWARE)
        return view

    def copy(self, call, local, at):
        """process_vm_readv or writev. (/proc/PID/mem knows no userfaultfd.)"""
        here = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.c_char.from_buffer(local)), len(local))
        there = (ctypes.c_size_t * 2)(self.start + at, len(local))
        done = call(self.pid, here, 1, there, 1, 0)
        if done != len(local):
            raise OSError(ctypes.get_errno(), f"{done} bytes of {len(local)} at {at:#x}")

    def page_out(self):
        """Has the kernel swap it."""
        fd = os.pidfd_open(self.pid)
        span = (ctypes.c_size_t * 2)(self.start, self.mib * MIB)
        if LIBC.syscall(PROCESS_MADVISE, fd, span, ctypes.c_size_t(1), MADV_PAGEOUT, 0) < 0:
            raise OSError(ctypes.get_errno(), "process_madvise")
        os.close(fd)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Stirrer:
    """Takes pages of its own while the giver gets its memory, a few at a time, and keeps them: what is taken from the
    giver lies between them then, and can't be put together to large blocks, which the kernel gives away last."""

    ROOM, STEP = 256 * MIB, 16 * PAGE

    def __init__(self):
        self.memory = mmap.mmap(-1, self.ROOM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.memory.madvise(mmap.MADV_NOHUGEPAGE)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        for at in range(0, self.ROOM, self.STEP):
            self.memory[at:at + self.STEP:PAGE] = b"x" * (self.STEP // PAGE)
            if self.done.wait(0.0003):
                break

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def find_ram(pid, size):
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        start, end = (int(n, 16) for n in line.split(" ", 1)[0].split("-"))
        if end - start == size and "rw" in line:
            return start
    raise AssertionError("its RAM is not found")


def frames(pid, start, size):
    """The page frame of each page; 0: none."""
    with open(f"/proc/{pid}/pagemap", "rb") as file:
        file.seek(start // PAGE * 8)
        words = struct.unpack(f"={size // PAGE}Q", file.read(size // PAGE * 8))
    return [word & FRAME if word & PRESENT else 0 for word in words]


def swap_cache_has(frame):
    with open("/proc/kpageflags", "rb", buffering=0) as file:
        return struct.unpack("=Q", os.pread(file.fileno(), 8, frame * 8))[0] & SWAP_CACHE


def frames_of(machine):
    return frames(machine.pid, machine.start, machine.mib * MIB)


@unittest.skipUnless(shutil.which("qemu-system-x86_64"), "qemu-system-x86_64 is not installed")
@unittest.skipUnless(may_attach(), "needs root and userfaultfd")
class Isolation(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.house = House()
        self.addCleanup(self.house.end)
        self.image = self.directory / "image"
        self.image.write_bytes(content(os.environ.get("AEROSTAT_SEED", "1")))

    def machine(self, name, mib, **more):
        machine = Machine(self.directory, name, mib, **more)
        self.addCleanup(machine.end)
        return machine.up()

    def giver(self, name="giver", **more):
        with self.stirred():
            return self.machine(name, GIVER, image=self.image, **more)

    def stirred(self):
        stirrer = Stirrer()
        self.addCleanup(stirrer.memory.close)
        return stirrer

    def give(self, *taken, pager=False, **more):
        """Until others have got some of each of the sets @taken; they must see zeros."""
        wanted = [set(frames) for frames in taken]
        self.assertTrue(all(wanted), "nothing was taken")
        takers = []
        for _ in range(TAKERS_MAX):
            taker = self.machine(f"taker-{next(NUMBERS)}", TAKER, **more)
            takers.append(taker)
            if pager:
                self.house.pager(taker, name=taker.name).ready()
            self.assert_zero(taker)
            got = set(frames_of(taker))
            wanted = [frames for frames in wanted if not frames & got]
            if not wanted:
                break
        for taker in takers:
            taker.end()
        if wanted:
            self.skipTest("what was taken has gone elsewhere")

    def swap_file(self, mib):
        path = self.directory / "swap"
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            os.posix_fallocate(file.fileno(), 0, mib * MIB)
        subprocess.run(["mkswap", path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["swapon", path], check=True)
        self.addCleanup(subprocess.run, ["swapoff", path], check=True)

    def test_pager(self):
        """Zero, compressed and swapped pages; to guests of each kind, with and without a pager."""
        for more in ({}, {"pager": True}, {"private": True}):
            giver = self.giver(f"giver-{sorted(more)}")
            pager = self.house.pager(giver, name=giver.name).ready()
            before = frames_of(giver)
            pager.order("allow", 0)
            wait_for("out", lambda: pager.figures()["resident"] < 1024)
            entries, after = pager.map.entries(), set(frames_of(giver))
            self.give(*({f for f, e in zip(before, entries) if f and f not in after and STATES[e & 7] == state}
                        for state in ("zero", "compressed", "swapped")), **more)
            giver.end()
            pager.wait()

    def test_places_used_again(self):
        """Slots and the cache's room, by other pages of the same guest; discarded ones are zero after that."""
        program = self.house.program(32, 2)
        pager = self.house.pager(program).ready()
        half = program.pages // 2
        for first in (0, half):
            program.do("fill")
            pager.allow(0)
            program.do(f"discard {first} {half}")
            wait_for("forgotten", lambda: pager.figures()["absent"] >= half)
            for page in range(half - first, half - first + half, 2):
                program.do(f"touch {page}")
            pager.allow(0)
            program.do("check")
        self.assertEqual(program.stats()[2], 0, "pages that came back")

    def test_guest_that_ended(self):
        """Its files are where the next guest of that name has its own."""
        giver = self.giver()
        pager = self.house.pager(giver).ready()
        self.assertEqual(pager.do("park")[0], "done")
        giver.end()
        pager.wait()
        self.assertTrue(os.path.exists(f"{self.house.swap}/guest.swap"))
        taker = self.machine("taker", GIVER)
        pager = self.house.pager(taker).ready()
        self.assert_zero(taker)
        self.assertEqual(pager.do("park")[0], "done")
        self.assert_zero(taker)
        self.assertEqual(pager.figures()["takeovers"], 0)

    def assert_zero(self, taker):
        view = taker.first_view()
        self.assertEqual(view.count(0), len(view), "somebody's memory")

    def test_kernel_swap(self):
        """A guest with private memory that the kernel pages out; and its place in the kernel's swap."""
        self.swap_file(256)
        giver = self.giver(private=True)
        view = bytearray(LOADED)
        for more in ({}, {"private": True}):
            giver.copy(LIBC.process_vm_readv, view, LOADED_AT)
            before = set(frames_of(giver))

            def out():
                giver.page_out()
                gone = {f for f in before - set(frames_of(giver)) if not swap_cache_has(f)} # pylint: disable=cell-var-from-loop
                if len(gone) > LOADED // 2 // PAGE:
                    return gone
                giver.copy(LIBC.process_vm_readv, view, LOADED_AT) # what is in the cache, and clean, is given up then
                return None
            self.give(wait_for("memory that the kernel has given up", out), **more)
        giver.copy(LIBC.process_vm_readv, view, LOADED_AT)
        self.assertEqual(view, self.image.read_bytes())
        giver.page_out()
        giver.end()
        taker = self.machine("taker", TAKER, private=True)
        self.assert_zero(taker)
        taker.page_out()
        self.assert_zero(taker)

    def test_merged(self):
        """What KSM frees goes to others as zeros; who writes to a merged page writes to a copy of his own."""
        lock = os.open(KSM, os.O_RDONLY) # as all do that switch it
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (KSM / "run").read_text().strip() != "0":
            self.skipTest("the host uses KSM")
        for name in ("pages_to_scan", "sleep_millisecs", "run"):
            self.addCleanup((KSM / name).write_text, (KSM / name).read_text())
        one, other = (self.giver(name, private=True) for name in ("one", "other"))
        before = set(frames_of(one)) | set(frames_of(other))
        for name, value in (("pages_to_scan", 20000), ("sleep_millisecs", 10), ("run", 1)):
            (KSM / name).write_text(str(value))
        at = slice(LOADED_AT // PAGE, (LOADED_AT + LOADED) // PAGE)
        merged = wait_for("merged pages", lambda: len(m := [
            i for i, (a, b) in enumerate(zip(frames_of(one)[at], frames_of(other)[at])) if a and a == b])
            > LOADED // 4 // PAGE and m)
        (KSM / "run").write_text("0")
        self.give(before - set(frames_of(one)) - set(frames_of(other)) - {0}, private=True)
        image, view = bytearray(self.image.read_bytes()), bytearray(LOADED)
        for i in merged[::2]:
            other.copy(LIBC.process_vm_writev, bytearray(b"mine"), LOADED_AT + i * PAGE)
        one.copy(LIBC.process_vm_readv, view, LOADED_AT)
        self.assertEqual(view, image)
        one.end()
        for i in merged[::2]:
            image[i * PAGE:i * PAGE + 4] = b"mine"
        other.copy(LIBC.process_vm_readv, view, LOADED_AT)
        self.assertEqual(view, image)

    @unittest.skipUnless(os.path.exists(KERNEL) and os.path.exists(INITRD), "no kernel for the lab's guests: make deps")
    def test_given_back(self):
        """By the balloon, and as free pages that are reported."""
        for way in ("off", "on"):
            guest = RealGuest(self.directory, self.directory, f"reporting-{way}", balloon=False, options=(
                "-device", f"virtio-balloon-pci,id=balloon,free-page-reporting={way}"))
            self.addCleanup(guest.close)
            guest.up()
            with self.stirred():
                guest.do(do="fill", bytes=80 * MIB, content="random")
            start = find_ram(guest.pid, guest.size)
            before = set(frames(guest.pid, start, guest.size))
            guest.do(do="free")
            if way == "off":
                guest.qmp("balloon", value=guest.size - 80 * MIB)
            gone = wait_for("memory", lambda: len(
                gone := before - set(frames(guest.pid, start, guest.size))) > 10 * MIB // PAGE and gone)
            self.give(gone)
            guest.close()


if __name__ == "__main__":
    unittest.main()
