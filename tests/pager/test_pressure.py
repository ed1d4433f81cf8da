# SPDX-License-Identifier: Apache-2.0
"""A guest that takes memory faster than its pager puts it out is held back, and only then."""

import os
import pathlib
import select
import subprocess
import sys
import unittest

from pagers import MIB, PAGE, House, may_attach, wait_for

ALLOWED = 16 * MIB
# As in press.c: ALLOWANCE, and as much more until each fault takes longest.
BOUND = 4 * MIB + 4 * MIB


def thread_of(pid, name):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


class BusyProcessor:
    """Others want the one processor that @thread may use, and come before it."""

    def __init__(self, thread):
        processor = min(os.sched_getaffinity(0))
        os.sched_setaffinity(thread, {processor})
        os.setpriority(os.PRIO_PROCESS, thread, 5)
        self.children = [subprocess.Popen([sys.executable, "-c", "import os; parent = os.getppid()\n"
                                           f"os.sched_setaffinity(0, {{{processor}}})\n"
                                           "while os.getppid() == parent: pass"]) for _ in range(2)]

    def end(self):
        for child in self.children:
            child.kill()
            child.wait()


class Pressure(unittest.TestCase):
    def setUp(self):
        if not may_attach():
            self.skipTest("needs root and userfaultfd")
        self.house = House()
        self.addCleanup(self.house.end)

    def test_priority(self):
        """Both that a guest waits for come before guests, who serves it and who makes room."""
        pager = self.house.pager(self.house.program(16, 1)).ready()
        for name in ("faults", "mover"):
            self.assertEqual(os.getpriority(os.PRIO_PROCESS, thread_of(pager.child.pid, name)), -10, name)

    def peak_while(self, program, pager, line):
        """Bytes that the guest occupied at most."""
        program.send(line)
        peak = 0
        while not select.select([program.child.stdout], [], [], 0.0005)[0]:
            peak = max(peak, pager.occupied())
        program.answer()
        return peak

    def test_first_touches_outrun_nobody(self):
        program = self.house.program(96, 1)
        pager = self.house.pager(program).ready()
        pager.allow(ALLOWED)
        self.house.keep(BusyProcessor(thread_of(pager.child.pid, "mover")))
        peak = self.peak_while(program, pager, f"time 0 {program.pages}")
        self.assertGreater(peak, ALLOWED, "nothing to hold back")
        self.assertLessEqual(peak, ALLOWED + BOUND)
        self.assertGreater(pager.figures()["waited_usec"], 0, "what it was held back for counts as waited")
        program.do("check")

    def test_less_allowed(self):
        """Who is told to occupy less, and does not gain, is not held back while it shrinks."""
        program = self.house.program(64, 1)
        program.do("fill")
        pager = self.house.pager(program).ready()
        busy = self.house.keep(BusyProcessor(thread_of(pager.child.pid, "mover")))
        program.do(f"discard 0 {MIB // PAGE}")
        wait_for("forgotten", lambda: pager.figures()["absent"] == MIB // PAGE)
        pager.order("allow", ALLOWED)
        wait_for("it shrinks", lambda: pager.occupied() < 62 * MIB)
        before = pager.figures()["faults_absent"]
        program.do(f"time 0 {MIB // PAGE}")
        self.assertGreater(pager.figures()["faults_absent"], before)
        self.assertEqual(pager.figures()["waited_usec"], 0)
        busy.end()
        program.do("check")

    def test_nothing_can_be_put_out(self):
        """It would not help to hold back: everything comes in."""
        program = self.house.program(64, 1, "random")
        pager = self.house.pager(program, swap=0, cache=0).ready()
        pager.order("allow", ALLOWED)
        program.do("fill")
        self.assertGreater(pager.figures()["resident"] * PAGE, ALLOWED + BOUND)
        program.do("check")


if __name__ == "__main__":
    unittest.main()
