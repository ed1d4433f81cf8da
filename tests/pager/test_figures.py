# SPDX-License-Identifier: Apache-2.0
"""What a pager counts for the policy: how long its guest waits, and what is brought back only to be written out."""

import unittest

from pagers import ANY, MIB, PAGE, House, may_attach, wait_for


class Figures(unittest.TestCase):
    def setUp(self):
        if not may_attach():
            self.skipTest("needs root and userfaultfd")
        self.house = House()
        self.addCleanup(self.house.end)
        self.program = self.house.program(32, 4)
        self.program.do("fill")
        self.pager = self.house.pager(self.program).ready()

    def put_out(self):
        """All but the least; what is allowed then is anything, so that what comes back stays."""
        self.pager.allow(0)
        self.pager.order("allow", ANY)
        return self.pager.figures()

    def loaded(self, before):
        now = self.pager.figures()
        return sum(now[f"loaded_{state}"] - before[f"loaded_{state}"] for state in ("zero", "compressed", "swapped"))

    def test_double_paging(self):
        """What QEMU's other threads read that was out, they read for the guest's I/O."""
        before = self.put_out()
        self.program.do(f"send 0 {self.program.pages}")
        self.assertGreater(self.loaded(before), self.program.pages - 300)
        self.assertEqual(self.pager.figures()["paged_by_guest"], 0, "nobody said which are processors")

        self.pager.know_cpus(1, self.program.pid)
        before = self.put_out()
        self.program.do(f"send 0 {self.program.pages // 2}")
        half = wait_for("counted", lambda: self.pager.figures()["paged_by_guest"])
        self.assertGreater(half, self.program.pages // 2 - 300)
        self.assertLessEqual(half, self.loaded(before))
        before = self.put_out()
        at = self.pager.figures()["paged_by_guest"]
        self.program.do("check")
        self.assertGreater(self.loaded(before), self.program.pages - 300)
        self.assertEqual(self.pager.figures()["paged_by_guest"], at, "processors count as such")

        self.pager.kill()
        self.pager = self.house.pager(self.program).ready()
        figures = self.pager.figures()
        self.assertEqual((figures["cpus"], figures["paged_by_guest"]), (0, at), "over a takeover")

    def test_note(self):
        """What the daemon has noted is there for the next one, whoever dies meanwhile."""
        for noted in (1, 0):
            self.pager.order("note-stop", noted)
            wait_for("the note", lambda: self.pager.figures()["guest_stopped"] == noted)
            self.pager.kill()
            self.pager = self.house.pager(self.program).ready()
            self.assertEqual(self.pager.figures()["guest_stopped"], noted)

    def test_first_touches_are_no_wait(self):
        self.program.do(f"discard 0 {self.program.pages}")
        wait_for("forgotten", lambda: self.pager.figures()["absent"] == self.program.pages)
        before = self.pager.figures()
        self.program.do("fill")
        after = self.pager.figures()
        self.assertGreater(after["faults_absent"], before["faults_absent"])
        self.assertEqual(after["waited_usec"], before["waited_usec"])

    def test_waited(self):
        """Not more than there was time for, and no less than what is known of each fault."""
        self.put_out()
        before = self.pager.figures()["waited_usec"]
        took = [int(n) for n in self.program.do(f"time 0 {self.program.pages}").split()]
        waited = self.pager.figures()["waited_usec"] - before
        self.assertGreater(waited, 0)
        # One thread: the median of its touches is most of each wait, and all of them are in the sum.
        self.assertLess(waited, self.program.pages * max(took[2], 1000) / 1000)

    def test_waited_for_what_is_on_its_way(self):
        """Several threads read the same pages one after the other: also who comes second waits."""
        self.put_out()
        self.program.do("run")
        wait_for("time was lost", lambda: self.pager.figures()["waited_usec"] > 100_000)
        self.program.do("stop")
        waited = self.pager.figures()["waited_usec"]
        self.assertLess(waited, 4 * 60_000_000)


if __name__ == "__main__":
    unittest.main()
