# SPDX-License-Identifier: Apache-2.0
"""aerostat on a guest with a real pager: a real QEMU, whose memory the test fills and reads back."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import unittest

from daemon.harness import BUILD, MIB, QEMU, DaemonTest, Qemu, assert_prometheus, wait_for
from fake_api import documented
from program import run

PAGE = 4096
SIZE = 64 * MIB
# Where nothing of the firmware is: pages that can't be compressed, pages that can, and zeros.
START = 16 * MIB
PART = 4 * MIB
RANDOM, TEXT, ZERO = START, START + PART, START + 2 * PART


def content():
    noise = random.Random(1).randbytes(PART)
    text = b"".join(b"page %8d " % i * (PAGE // 14 + 1) for i in range(PART // PAGE))[:PART]
    return noise + text + bytes(PART)


def qemu(directory, files):
    """The firmware never looks at what QEMU's loader has put into its memory."""
    data = files / "content"
    data.write_bytes(content())
    return Qemu(directory, "web", size="64M",
                extra=["-device", f"loader,file={data},addr={START},force-raw=on"])


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
class Pager(DaemonTest):
    def setUp(self):
        super().setUp()
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.memory)
        self.swap = self.dir / "swap"
        self.PAGER = (f"[pager]\nprogram = {BUILD}/src/pager/aerostat-pager\nmemory-directory = {self.memory}\n"
                      f"swap-directory = {self.swap}\nsample-pages = 0\n")
        self.qemu = qemu(self.guests_dir, self.dir)
        self.addCleanup(self.end)
        self.start()
        self.guest_is("web", pager=lambda p: p and p["standing"] == "serves" and p["phase"] == "serving")

    def end(self):
        """The guest goes first, and its pager with it."""
        self.qemu.close()
        if self.daemon and self.daemon.poll() is None:
            wait_for("the pager's files to be gone", lambda: not list(self.memory.glob("web.*")))

    def aerostat(self, *words, code=0, says=""):
        process = run("--socket", str(self.socket), *words)
        self.assertEqual(process.returncode, code, process.stderr)
        self.assertIn(says, process.stderr.decode())
        return process.stdout.decode()

    def json(self, *words):
        return json.loads(self.aerostat("--json", *words))

    def pager(self):
        return self.guest("web")["pager"]

    def read_guest(self, address, size):
        """The guest's memory as QEMU sees it."""
        path = self.dir / "read"
        self.qemu.command("pmemsave", val=address, size=size, filename=str(path))
        return path.read_bytes()

    def swapped(self, address):
        answer = self.json("translate", "web", hex(address))
        self.assertEqual((answer["memory"]["source"], answer["memory"]["state"]), ("pager", "swapped"))
        with open(self.swap / "web.swap", "rb") as file:
            file.seek(answer["memory"]["swap_offset"])
            return file.read(PAGE)

    def test_members(self):
        """What the API documents is what it says."""
        def shape(value):
            return {key: shape(value[key]) for key in sorted(value)} if isinstance(value, dict) else None
        example = documented("Guest")["pager"]
        self.assertEqual(shape({**self.pager(), "held": None}), shape(example))
        self.assertEqual(sum(self.pager()["bytes"].values()), SIZE)

    def test_park_and_back(self):
        self.assertRegex(self.aerostat("park", "web", "--wait"), r"^web: parked: \S+ resident, \S+ zero, ")
        pager = self.pager()
        self.assertTrue(pager["parked"])
        self.assertEqual(pager["cache"]["occupied"], 0)
        self.assertGreaterEqual(pager["bytes"]["swapped"], 2 * PART)
        self.assertGreaterEqual(pager["bytes"]["zero"], PART)
        self.assertEqual(sum(pager["bytes"].values()), SIZE)
        self.assertLess(pager["bytes"]["resident"], 4 * MIB) # what the firmware goes on with
        self.event("guest-pager", "web", "park")

        # Each page is where translate says it is.
        data = content()
        for offset in (0, PART // 2, PART - PAGE, PART, 2 * PART - PAGE):
            self.assertEqual(self.swapped(START + offset), data[offset:offset + PAGE])
        text = self.aerostat("translate", "web", hex(ZERO + 100))
        self.assertIn("zero: was all zeros", text)
        self.assertIn("no page is mapped there now", text)

        # It wakes by itself, page by page.
        self.assertEqual(self.read_guest(RANDOM, PAGE), data[:PAGE])
        memory = self.json("translate", "web", hex(RANDOM))
        self.assertEqual(memory["memory"]["state"], "resident")
        self.assertTrue(memory["host"]["present"])
        self.assertGreater(memory["host"]["frame"], 0)
        self.assertTrue(self.pager()["parked"])

        self.assertRegex(self.aerostat("unpark", "web", "--wait"), "^web: unparked: ")
        pager = self.pager()
        self.assertFalse(pager["parked"])
        # Pages of zeros need no memory, and stay out.
        self.assertEqual([pager["bytes"][state] for state in ("compressed", "swapped")], [0, 0])
        self.assertEqual(self.read_guest(START, 3 * PART), data)
        self.event("guest-pager", "web", "unpark")

    def test_figures(self):
        """What status, top, explain and the metrics say after the guest has waited for pages."""
        self.aerostat("park", "web", "--wait")
        self.assertEqual(self.read_guest(START, 3 * PART), content())
        pager = self.pager()
        waited = pager["faults"]["swapped"]
        self.assertGreater(waited["count"], 0)
        self.assertLess(0, waited["p50"])
        self.assertLessEqual(waited["p50"], waited["p99"])
        self.assertRegex(self.aerostat("status"), r"(?m)^NAME +PAGER .*\nweb +parked ")
        text = self.aerostat("explain", "web")
        self.assertIn("; parked: all that the guest has not touched since is out\n", text)
        self.assertIn("waits       the swap file: ", text)
        row = self.aerostat("top", "-n1", "--csv", "--columns", "name,pager,swapped,fault-p50").splitlines()[1]
        self.assertRegex(row, r",web,parked,\d+,\d")
        self.check_metrics(pager)

    def check_metrics(self, pager):
        def metric(name, *labels):
            label = ",".join(('domain="web"', *labels))
            lines = [line for line in self.get("/metrics").splitlines() if line.startswith(f"aerostat_{name}{{{label}}} ")]
            self.assertEqual(len(lines), 1, name)
            return float(lines[0].rsplit(" ", 1)[1])
        assert_prometheus(self, self.get("/metrics"))
        self.assertEqual(metric("guest_pager_serving"), 1)
        self.assertEqual(metric("guest_pager_parked"), 1)
        self.assertEqual(metric("guest_pager_swap_size_bytes"), pager["swap"]["size"])
        self.assertGreaterEqual(metric("guest_pager_evicted_bytes_total", 'state="swapped"'), 2 * PART)
        kind = 'kind="swapped"'
        count = metric("guest_pager_fault_seconds_count", kind)
        self.assertGreaterEqual(count, pager["faults"]["swapped"]["count"])
        self.assertEqual(metric("guest_pager_fault_seconds_bucket", kind, 'le="+Inf"'), count)
        buckets = [float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").splitlines()
                   if line.startswith('aerostat_guest_pager_fault_seconds_bucket{domain="web",kind="swapped"')]
        self.assertEqual(buckets, sorted(buckets))
        self.assertGreater(metric("guest_pager_fault_seconds_sum", kind), 0)

    def test_limit(self):
        """A limit puts out what is above it: into the cache what compresses well, and it says so of a page."""
        self.aerostat("set", "web", "limit=4M", "reservation=0")
        def compressed():
            answer = self.json("translate", "web", hex(TEXT + PAGE * random.randrange(PART // PAGE)))
            return answer["memory"]["state"] == "compressed" and answer
        answer = wait_for("a compressed page", compressed)
        self.assertLess(0, answer["memory"]["length"])
        self.assertLessEqual(answer["memory"]["length"], PAGE // 2)
        self.assertFalse(answer["host"]["present"])
        self.assertIn("compressed: ", self.aerostat("translate", "web", hex(answer["physical"]["address"])))
        self.assertEqual(self.pager()["reason"], "limit")
        self.assertIn("the guest may occupy 4M; what is above is put out", self.aerostat("explain", "web"))
        self.assertEqual(self.read_guest(START, 3 * PART), content())

    def test_takeover(self):
        """The pager dies while pages are out: the guest's memory is right, and it is told."""
        self.aerostat("park", "web", "--wait")
        os.kill(self.pager()["pid"], signal.SIGKILL)
        self.assertEqual(self.read_guest(START, 3 * PART), content())
        self.guest_is("web", pager=lambda p: p["standing"] == "serves" and p["takeovers"] == 1)
        self.assertRegex(self.aerostat("explain", "web"), r"(?m)^takeovers   1: ")

    def test_let_go(self):
        """The guest keeps its memory, and the kernel's tables tell where it is."""
        self.aerostat("park", "web", "--wait")
        self.aerostat("set", "web", "pager=no")
        self.guest_is("web", pager=None)
        self.assertEqual(self.read_guest(START, 3 * PART), content())
        self.assertEqual(self.json("translate", "web", hex(RANDOM))["memory"]["source"], "kernel")
        self.aerostat("park", "web", code=1, says="pager")
        self.assertIn("host swap   none", self.aerostat("explain", "web"))

    def test_refused(self):
        """A guest that can't have one says why, and park does too."""
        plain = subprocess.Popen([
            QEMU, "-name", "plain", "-m", "32M", "-nodefaults", "-display", "none", "-accel", "tcg",
            "-qmp", f"unix:{self.guests_dir}/plain.sock,server=on,wait=off"], stdin=subprocess.DEVNULL)
        self.addCleanup(plain.wait)
        self.addCleanup(plain.kill)
        self.managed("plain")
        self.aerostat("park", "plain", code=1, says="plain")
        self.assertRegex(self.aerostat("explain", "plain"), r"(?m)^(pager|host swap) +\w")

    def test_parks_while_it_runs_short_of_patience(self):
        """Without --wait it returns at once; a second park does no harm."""
        self.assertIn("web: parking: ", self.aerostat("park", "web"))
        self.aerostat("park", "web", "--wait")
        self.aerostat("park", "web", "--wait")
        self.assertEqual(self.read_guest(START, 3 * PART), content())


if __name__ == "__main__":
    unittest.main()
