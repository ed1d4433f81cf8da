# SPDX-License-Identifier: Apache-2.0
"""The guest program as a whole, run on this host with a socket for its port."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(os.environ["AEROSTAT_BUILD"]) / "guest" / "aerostat-guest"
MIB = 1 << 20
PAGE = 4096
RESERVED = (1 << 26) * PAGE  # the address space of owned memory: PAGES_MAX
WAIT_MAX = 30


class GuestTestBase(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="aerostat-guest-")
        self.addCleanup(self.directory.cleanup)
        path = os.path.join(self.directory.name, "port")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(WAIT_MAX)
            self.program = subprocess.Popen([PROGRAM, path, self.directory.name, *self.programs()], stderr=subprocess.PIPE)
            self.addCleanup(self.end)
            self.port, _ = listener.accept()
        self.port.settimeout(WAIT_MAX)
        self.lines = self.port.makefile("r")
        self.sent = 0
        self.assertEqual(self.read(), {"hello": 1})
        self.send({"report_ms": 50})

    def programs(self):
        return []

    def end(self):
        self.lines.close()
        self.port.close()
        if self.program.poll() is None:
            self.program.kill()
        self.program.communicate()

    def read(self):
        return json.loads(self.lines.readline())

    def send(self, order):
        text = order if isinstance(order, str) else json.dumps(order)
        self.port.sendall(text.encode() + b"\n")
        self.sent += 1

    def report(self, condition=lambda report: True):
        """The first report after the last order of which @condition is true."""
        deadline = time.monotonic() + WAIT_MAX
        while time.monotonic() < deadline:
            report = self.read()
            if report.get("orders") == self.sent and condition(report):
                return report
        self.fail("the awaited report does not come")

    def order(self, **order):
        """Sends it and waits until it is done."""
        self.send(order)
        return self.report(lambda report: not report["busy"])

    @staticmethod
    def lives(pid):
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return False
        return stat.rpartition(")")[2].split()[0] not in "ZX"  # whoever is to reap it

    def worker(self):
        children = pathlib.Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text()
        return int(children.split()[0])


class GuestTest(GuestTestBase):
    def change_memory(self, page, offset, change):
        """Writes change(byte) over one byte of an owned page, behind the worker's back."""
        pid = self.worker()
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        ranges = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"^(\w+)-(\w+) rw", maps, re.MULTILINE)]
        # The kernel may have joined it with the mapping made after it, which lies below it.
        start = next(end - RESERVED for start, end in ranges if end - start >= RESERVED)
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(start + page * PAGE + offset)
            byte = memory.read(1)[0]
            memory.seek(start + page * PAGE + offset)
            memory.write(bytes([change(byte)]))

    def test_fills_touches_and_verifies(self):
        report = self.order(do="fill", bytes=8 * MIB)
        self.assertEqual(report["owned"], 8 * MIB)
        self.assertEqual(report["operations"], 0)
        self.assertEqual(self.order(do="verify")["operations"], 2048)
        self.send({"do": "touch", "bytes": 8 * MIB, "skew": 0.8, "writes": 0.5})
        report = self.report(lambda r: r["operations"] > 20000)
        self.assertTrue(report["busy"])
        self.assertGreater(report["latency_us"]["max"], 0)
        self.assertGreaterEqual(report["latency_us"]["p99"], report["latency_us"]["p50"])
        before = self.order(do="idle")["operations"]
        report = self.order(do="verify")
        self.assertEqual(report["operations"], before + 2048)
        self.assertEqual(report["wrong"], 0)
        self.assertEqual(self.order(do="free", bytes=MIB)["owned"], MIB)
        self.assertEqual(self.order(do="free")["owned"], 0)

    def test_every_content_stays_right(self):
        size = 0
        for content in ("random", "zero", "same", {"compressible": 0.4}, "mixed"):
            size += MIB
            self.assertEqual(self.order(do="fill", bytes=size, content=content)["owned"], size)
        self.send({"do": "touch", "bytes": size, "writes": 0.2})
        self.report(lambda r: r["operations"] > 5000)
        self.assertEqual(self.order(do="verify")["wrong"], 0)

    def test_threads_touch_side_by_side(self):
        self.order(do="fill", bytes=2 * MIB, content="mixed")
        self.send({"do": "touch", "bytes": 2 * MIB, "writes": 0.5, "threads": 4})
        self.report(lambda r: r["operations"] > 20000)
        threads = pathlib.Path(f"/proc/{self.worker()}/task")
        self.assertEqual(len(list(threads.iterdir())), 4)
        self.assertEqual(self.order(do="verify")["wrong"], 0)
        self.assertEqual(len(list(threads.iterdir())), 1)

    def test_every_page_has_a_thread(self):
        """Seven threads on ten pages: each page is touched, and no other."""
        self.order(do="fill", bytes=11 * PAGE)
        for page in range(11):
            self.change_memory(page=page, offset=100, change=lambda byte: byte ^ 1)
        self.send({"do": "touch", "bytes": 10 * PAGE, "threads": 7})
        self.report(lambda r: r["wrong"] == 10)
        self.assertEqual(self.order(do="verify")["wrong"], 11)

    def test_touch_fills_what_is_missing(self):
        self.send({"do": "touch", "bytes": 2 * MIB})
        self.assertEqual(self.report(lambda r: r["operations"] > 0)["owned"], 2 * MIB)

    def test_fill_shrinks_nothing(self):
        self.order(do="fill", bytes=2 * MIB)
        self.assertEqual(self.order(do="fill", bytes=MIB)["owned"], 2 * MIB)

    def test_wrong_page_is_seen_once(self):
        self.order(do="fill", bytes=MIB)
        self.change_memory(page=17, offset=4095, change=lambda byte: byte ^ 1)
        self.assertEqual(self.order(do="verify")["wrong"], 1)
        self.assertEqual(self.order(do="verify")["wrong"], 1)

    def test_wrong_page_is_seen_by_touching(self):
        self.order(do="fill", bytes=MIB, content="zero")
        self.change_memory(page=200, offset=5, change=lambda byte: byte + 1)
        self.send({"do": "touch", "bytes": MIB})
        self.assertEqual(self.report(lambda r: r["wrong"] > 0)["wrong"], 1)

    def test_rates_are_kept(self):
        self.send({"do": "fill", "bytes": 1024 * MIB, "rate": 4 * MIB})
        first = self.report(lambda r: r["owned"] > 0)
        second = self.report(lambda r: r["t"] > first["t"] + 1)
        rate = (second["owned"] - first["owned"]) / (second["t"] - first["t"])
        self.assertLess(rate, 5 * MIB)
        self.send({"do": "touch", "bytes": MIB, "ops": 1000})
        first = self.report(lambda r: r["operations"] > 0)
        second = self.report(lambda r: r["t"] > first["t"] + 1)
        rate = (second["operations"] - first["operations"]) / (second["t"] - first["t"])
        self.assertLess(rate, 1250)
        self.assertGreater(rate, 0)

    def test_new_order_replaces_a_slow_one_at_once(self):
        self.send({"do": "fill", "bytes": 1024 * MIB, "rate": 1})
        self.report(lambda r: r["busy"] and r["owned"] > 0)
        self.assertLess(self.order(do="idle")["owned"], MIB)

    def test_killed_worker_is_reported_and_replaced(self):
        self.order(do="fill", bytes=MIB)
        os.kill(self.worker(), signal.SIGKILL)
        report = self.report(lambda r: r["error"])
        self.assertEqual((report["error"], report["owned"], report["busy"]), ("worker killed", 0, False))
        report = self.order(do="fill", bytes=2 * MIB)
        self.assertEqual((report["error"], report["owned"]), ("", 2 * MIB))
        self.assertEqual(self.order(do="verify")["wrong"], 0)

    def test_worker_is_the_one_to_kill(self):
        self.order(do="idle")
        score = pathlib.Path(f"/proc/{self.worker()}/oom_score_adj").read_text()
        self.assertEqual(score.strip(), "1000")

    def test_bad_orders_are_named_and_change_nothing(self):
        self.order(do="fill", bytes=MIB)
        for order in ("nonsense", {"do": "fly"}, {"do": "fill", "bytes": -1}, "x" * 10000):
            self.send(order)
            report = self.report()
            self.assertTrue(report["error"].startswith("order: "), report)
            self.assertEqual(report["owned"], MIB)
        self.assertEqual(self.order(do="idle")["error"], "")

    def test_stream(self):
        self.assertEqual(self.order(do="stream", bytes=2 * MIB)["operations"], 512)
        self.assertEqual(self.order(do="stream", bytes=2 * MIB)["operations"], 1024)
        with open(os.path.join(self.directory.name, "stream"), "r+b") as stream:
            self.assertEqual(os.path.getsize(stream.name), 2 * MIB)
            stream.seek(MIB + 77)
            stream.write(b"?!")
        self.assertEqual(self.order(do="stream", bytes=2 * MIB)["wrong"], 1)
        self.send({"do": "stream", "bytes": 3 * MIB, "repeat": True})
        self.assertTrue(self.report(lambda r: r["operations"] > 5000)["busy"])
        os.truncate(os.path.join(self.directory.name, "stream"), 0)
        self.assertIn("cannot read", self.report(lambda r: r["error"])["error"])

    def test_run_needs_programs(self):
        self.assertEqual(self.order(do="run", command="true")["error"], "run: this guest has no programs")

    def test_ends_with_its_connection(self):
        self.order(do="fill", bytes=MIB)
        worker = self.worker()
        self.lines.close()
        self.port.close()
        self.assertEqual(self.program.wait(WAIT_MAX), 0)
        deadline = time.monotonic() + WAIT_MAX
        while self.lives(worker):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)


@unittest.skipUnless(os.geteuid() == 0, "another root directory needs root")
class RunTest(GuestTestBase):
    """A command in an image of programs, which here is a directory with a shell."""

    def programs(self):
        root = pathlib.Path(self.directory.name) / "programs"
        (root / "bin").mkdir(parents=True)
        (root / "scratch").mkdir()
        (root / "dev").mkdir()
        (root / "dev" / "null").touch()  # what runs in the background reads from it
        shutil.copy(shutil.which("busybox"), root / "bin" / "sh")
        self.scratch = root / "scratch"
        return [root]

    def alive(self):
        """Processes of the image."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and os.readlink(entry / "root") == str(self.scratch.parent):
                    found.append(int(entry.name))
        return found

    def test_progress_is_what_it_says(self):
        report = self.order(do="run", command="echo ops 5; echo nonsense; echo ops 7; echo ops -3; echo ops 2x")
        self.assertEqual((report["operations"], report["error"]), (12, ""))

    def test_who_says_nothing_counts_once(self):
        self.assertEqual(self.order(do="run", command="echo > made")["operations"], 1)
        self.assertTrue((self.scratch / "made").exists())

    def test_long_lines_are_no_progress(self):
        many = "0" * 200
        report = self.order(do="run", command=f"echo ops 1{many}; echo ops 3")
        self.assertEqual(report["operations"], 3)

    def test_repeats_until_the_next_order(self):
        self.send({"do": "run", "command": "echo ops 2", "repeat": True})
        self.report(lambda r: r["operations"] >= 10 and r["busy"])
        before = self.order(do="idle")["operations"]
        self.assertEqual(self.order(do="idle")["operations"], before)

    def test_next_order_ends_all_that_it_started(self):
        self.send({"do": "run", "command": "(while :; do :; done) & echo ops 1; while :; do :; done"})
        self.report(lambda r: r["operations"] == 1)
        self.assertEqual(len(self.alive()), 2)
        self.assertEqual(self.order(do="idle")["error"], "")
        self.assertEqual(self.alive(), [])

    def test_death_of_the_worker_ends_it(self):
        self.send({"do": "run", "command": "echo ops 1; while :; do :; done"})
        self.report(lambda r: r["operations"] == 1)
        os.kill(self.worker(), signal.SIGKILL)
        self.assertEqual(self.report(lambda r: r["error"])["error"], "worker killed")
        deadline = time.monotonic() + WAIT_MAX
        while self.alive():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_failures_are_named(self):
        for command, error in (("exit 3", "run: the command failed; the guest's console has its messages"),
                               ("exit 137", "run: the command was killed"),
                               ("no-such-thing", "run: there is no such command, or no shell to run it")):
            report = self.order(do="run", command=command, repeat=True)
            self.assertEqual((report["error"], report["operations"]), (error, 0))
        self.assertEqual(self.order(do="run", command="true")["error"], "")


if __name__ == "__main__":
    unittest.main()
