# SPDX-License-Identifier: Apache-2.0
"""The kernel's own KSM on real QEMUs with the same bytes in their memory. Everything else about sharing is in
test_sharing.py. KSM is put back as it was found, however the test ends."""

import fcntl
import os
import pathlib
import signal
import unittest

from harness import MIB, QEMU, DaemonTest, Qemu, wait_for

KSM = pathlib.Path("/sys/kernel/mm/ksm")
KNOBS = ("advisor_mode", "smart_scan", "use_zero_pages", "pages_to_scan", "sleep_millisecs", "run")
SAME = 24 * MIB # of each guest's memory
PAGE = 4096


def knobs():
    """As they would be written."""
    values = {}
    for name in KNOBS:
        if (KSM / name).exists():
            value = (KSM / name).read_text().strip()
            values[name] = value[value.index("[") + 1:value.index("]")] if "[" in value else value
    return values


def why_not():
    if not QEMU:
        return "qemu-system-x86_64 is not installed"
    if not os.access(KSM / "run", os.W_OK):
        return "this kernel has no KSM, or we may not set it"
    return None


@unittest.skipIf(why_not(), why_not())
class Ksm(DaemonTest):
    def setUp(self):
        super().setUp()
        # Whoever uses it, in whatever test, holds this lock.
        directory = os.open(KSM, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, directory)
        fcntl.flock(directory, fcntl.LOCK_EX)
        self.before = knobs()
        if self.before["run"] != "0":
            self.skipTest("somebody else uses KSM on this host")
        self.addCleanup(self.put_back)
        self.same = self.dir / "same"
        self.same.write_bytes(os.urandom(SAME))
        # So short of memory that it looks as fast as it may.
        self.rest = '[share]\nmax-cpu = 1\n[vm "a"]\nshare = web\n[vm "b"]\nshare = web\n'
        self.configure(capacity="64M", rest=self.rest)

    def put_back(self):
        """Last of all: daemon and QEMUs have ended."""
        self.kill()
        for name in ("run", *KNOBS): # before its pace, and as it was
            if knobs().get(name) != self.before.get(name):
                (KSM / name).write_text(self.before[name])

    def qemu(self, name, *extra):
        qemu = Qemu(self.guests_dir, name, size="64M", balloon=False, private=True, extra=(
            "-S", "-device", f"loader,file={self.same},addr=0x1000000,force-raw=on", *extra))
        self.addCleanup(qemu.close)
        return qemu

    def merged(self, qemu):
        """Bytes, by the kernel's count."""
        return int(pathlib.Path(f"/proc/{qemu.pid}/ksm_merging_pages").read_text()) * PAGE

    def test_merges_those_that_are_in(self):
        a, b, out = self.qemu("a"), self.qemu("b"), self.qemu("out")
        closed = self.qemu("closed", "-machine", "mem-merge=off")
        self.start()
        wait_for("nine tenths to be merged", lambda: self.merged(a) >= SAME * 9 / 10)
        wait_for("the same of the other", lambda: self.merged(b) >= SAME * 9 / 10)

        guest = self.guest_is("a", shared=lambda shared: shared["merged"] >= SAME * 9 / 10)
        self.assertEqual(guest["shared"]["standing"], "in")
        # One page stands for two: each saves half of what it shares.
        self.assertAlmostEqual(guest["shared"]["saved"] / guest["shared"]["merged"], 0.5, delta=0.1)
        wait_for("resident memory to count a shared page once",
                 lambda: self.guest("a")["resident"] + self.guest("b")["resident"] < SAME * 1.5)
        sharing = self.get("/v1/host")["sharing"]
        self.assertGreaterEqual(sharing["saved"], SAME * 9 / 10)
        self.assertEqual(sharing["domain"], "web")
        self.assertGreater(self.metric("aerostat_sharing_cpu_seconds_total"), 0)

        # Those that are not in have the same bytes. Of the one, QEMU's own memory (firmware) may be merged.
        self.assertLess(self.merged(out), 4 * MIB)
        self.assertEqual(self.merged(closed), 0)
        self.assertEqual(self.guest("out")["shared"]["standing"], "out")

        # Everything that can be found was found: it stops.
        wait_for("scanning to stop", lambda: not self.get("/v1/host")["sharing"]["run"])
        self.assertGreaterEqual(self.merged(a), SAME * 9 / 10)

        # Out again: its pages are its own.
        self.assertEqual(self.ask("PATCH", "/v1/guests/a", {"share": "none"})[0], 200)
        wait_for("a to be unshared", lambda: self.merged(a) < 4 * MIB)
        self.guest_is("a", shared=lambda shared: shared["merged"] < 4 * MIB)

        self.assertNotEqual(knobs(), self.before)
        self.stop()
        self.assertEqual(knobs(), self.before)

    def test_put_back_after_a_kill(self):
        self.qemu("a")
        self.start()
        wait_for("KSM to run", lambda: knobs()["run"] == "1")
        self.stop(signal.SIGKILL)
        self.assertEqual(knobs()["run"], "1")
        self.configure()
        self.start()
        self.assertEqual(knobs(), self.before)
