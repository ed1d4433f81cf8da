# SPDX-License-Identifier: Apache-2.0
"""A pager serves a process that verifies its memory: nothing of it may ever be wrong."""

import os
import random
import unittest

from pagers import ANY, EXIT_BUSY, EXIT_OK, MIB, PAGE, House, STATES, may_attach, wait_for


class Case(unittest.TestCase):
    def setUp(self):
        if not may_attach():
            self.skipTest("needs root and userfaultfd")
        self.house = House()
        self.addCleanup(self.house.end)

    def both(self, mib=32, threads=2, kind=None, **more):
        program = self.house.program(mib, threads, kind)
        program.do("fill")
        return program, self.house.pager(program, **more).ready()

    def check_counts(self, program, pager):
        """What is counted is what the entries say, and what is resident is in the memfd. (The program goes on a
        moment before its page is entered.)"""
        def agree():
            entries = pager.map.entries()
            figures = pager.figures()
            return (all(sum(e & 7 == i for e in entries) == figures[state] for i, state in enumerate(STATES)) and
                    figures["resident"] * PAGE == program.resident())
        wait_for("counts agree", agree, 10)


class Basics(Case):
    def test_evict_and_touch(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        self.assertLessEqual(program.resident(), 4 * MIB)
        self.check_counts(program, pager)
        figures = pager.figures()
        for state in ("zero", "compressed", "swapped"):
            self.assertGreater(figures[state], 0, state)
        program.do("check")
        pager.order("allow", ANY)
        program.do("check")
        program.do("fill")
        program.do("check")
        self.check_counts(program, pager)

    def test_park_and_unpark(self):
        program, pager = self.both()
        self.assertEqual(pager.do("park")[0], "done")
        self.assertEqual(program.resident(), 0)
        figures = pager.figures()
        self.assertEqual((figures["compressed"], figures["parked"]), (0, 1))
        self.check_counts(program, pager)
        self.assertEqual(pager.do("unpark")[0], "done")
        figures = pager.figures()
        self.assertEqual((figures["compressed"], figures["swapped"], figures["parked"]), (0, 0, 0))
        program.do("check")
        self.check_counts(program, pager)

    def test_wakes_by_itself(self):
        program, pager = self.both()
        pager.do("park")
        program.do("check")
        self.assertEqual(pager.figures()["parked"], 1)

    def test_detach(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        pager.child.terminate()
        self.assertEqual(pager.wait(), EXIT_OK)
        program.do("check")
        program.do("fill")

    def test_second_pager_refuses(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        second = self.house.pager(program)
        self.assertEqual(second.wait(), EXIT_BUSY)
        program.do("check")

    def test_program_is_killed(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        program.do("run")
        program.child.kill()
        self.assertEqual(pager.expect("gone")[0], "gone")
        self.assertEqual(pager.wait(), EXIT_OK)

    def test_discard(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        out = pager.figures()
        program.do(f"discard 0 {program.pages // 2}")
        program.do(f"discard {program.pages // 2} {program.pages // 2}")
        wait_for("forgotten", lambda: pager.figures()["absent"] == program.pages)
        figures = wait_for("slots free", lambda: (f := pager.figures())["slots_used"] == 0 and f)
        self.assertEqual(figures["cache_payload"], 0)
        self.assertGreater(out["swapped"], 0)
        program.do("check")
        self.assertEqual(program.stats()[2], 0, "pages that came back")


class Takeover(Case):
    def test_killed_at_random(self):
        seed = int(os.environ.get("AEROSTAT_SEED", random.randrange(1 << 32)))
        print(f"AEROSTAT_SEED={seed}")
        chance = random.Random(seed)
        program, pager = self.both(mib=64, threads=3)
        program.do("run")
        for _ in range(int(os.environ.get("AEROSTAT_KILLS", 100))):
            for _ in range(chance.randrange(6)):
                self.order_anything(chance, program, pager)
                wait_for("a while", lambda: chance.random() < 0.5)
            pager.kill()
            self.house.things.remove(pager)
            pager = self.house.pager(program).ready()
        program.do("stop")
        program.do("check")
        pager.order("allow", ANY)
        self.assertEqual(pager.do("unpark")[0], "done")
        self.check_counts(program, pager)
        self.assertEqual(pager.do("detach")[0], "done")
        self.assertEqual(pager.wait(), EXIT_OK)
        program.do("check")

    @staticmethod
    def order_anything(chance, program, pager):
        what = chance.choice(("allow", "allow", "allow", "any", "park", "unpark", "cache", "sample", "discard"))
        if what == "allow":
            pager.order("allow", chance.randrange(program.mib) * MIB)
        elif what == "any":
            pager.order("allow", ANY)
        elif what == "cache":
            pager.order("cache", chance.randrange(program.mib // 4) * MIB)
        elif what == "sample":
            pager.order("sample", 100, 100000)
        elif what == "discard":
            n = chance.choice((1, 7, 64, 512, 5000))
            program.do(f"discard {chance.randrange(program.pages - n)} {n}")
        else:
            pager.order(what)
