# SPDX-License-Identifier: Apache-2.0
"""Sampling by a whole pager: it sees an idle program as idle, brings all back, and survives its sandbox."""

import unittest

from pagers import EXIT_OK, House, may_attach, wait_for


class Sampling(unittest.TestCase):
    def setUp(self):
        if not may_attach():
            self.skipTest("needs root and userfaultfd")
        house = House()
        self.addCleanup(house.end)
        self.program = house.program(32, 2)
        self.program.do("fill")
        self.pager = house.pager(self.program).ready()

    def in_place(self):
        """Pages in RAM, or zero: a sample of zeros takes no room, and is left as it is."""
        figures = self.pager.figures()
        return figures["resident"] + figures["zero"]

    def test_idle(self):
        # More samples than their table has room for at first: it grows, and old memory is given back.
        self.pager.order("sample", 300, 100_000)
        wait_for("windows", lambda: self.pager.figures()["sample_windows"] >= 4)
        figures = self.pager.figures()
        self.assertEqual((figures["window_permille"], figures["touched"]), (0, 0))
        self.assertGreaterEqual(figures["sampled"], 1200)
        self.assertLess(figures["resident"], self.program.pages - 600)
        # A busy machine needs longer than those windows to touch all.
        self.pager.order("sample", 300, 1_000_000)
        wait_for("the touches are seen",
                 lambda: self.program.do("check") and self.pager.figures()["window_permille"] > 900)
        self.pager.order("sample", 0, 0)
        wait_for("samples are back", lambda: self.in_place() == self.program.pages)
        self.program.do("check")
        self.assertEqual(self.pager.do("detach")[0], "done")
        self.assertEqual(self.pager.wait(), EXIT_OK)
        self.program.do("check")


if __name__ == "__main__":
    unittest.main()
