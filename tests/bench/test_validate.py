# SPDX-License-Identifier: Apache-2.0
"""What bench/validate makes of two records."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE.parents[1] / "bench/validate"), str(HERE.parents[1] / "bench/paper")]

import compare  # noqa: E402
from frame.record import Record  # noqa: E402

MIB = 1 << 20
GUEST = {"alive": True, "size": 512 * MIB, "granted": 512 * MIB, "zero": 0, "compressed": 0, "swapped": 0,
         "kernel_swapped": 0, "evicted": 0, "kernel_out": 0, "owned": 0}


def sample(t, state="high", resident=100, **guest):
    return {"t": t, "state": state, "capacity": 1000 * MIB, "host_resident": resident * MIB,
            "guests": {"a": {**GUEST, **{key: value * MIB for key, value in guest.items()}}}}


def record(*samples, work=(), goals=()):
    return Record({"samples": list(samples), "events": [], "work": list(work), "goals": list(goals)})


def work(begin, end, operations, alone, phase="touch 1M"):
    return {"guest": "a", "phase": phase, "begin": begin, "end": end, "operations": operations, "alone_rate": alone}


class Figures(unittest.TestCase):
    def test_averages_are_over_time(self):
        # 100 MiB for a second, 200 MiB for three.
        run = record(sample(0, granted=412), sample(1, granted=312), sample(4, granted=512))
        self.assertAlmostEqual(compare.figures(run)["ballooned"], 175 * MIB)
        self.assertAlmostEqual(compare.figures(run)["reclaimed"], 175 * MIB)

    def test_reclaimed_is_by_all_means(self):
        run = record(sample(0, granted=500, zero=1, compressed=2, swapped=3, kernel_swapped=4), sample(1))
        self.assertAlmostEqual(compare.figures(run)["reclaimed"], 22 * MIB)

    def test_moved_counts_only_one_way(self):
        run = record(sample(0), sample(1, granted=412), sample(2, granted=452), sample(3, granted=402))
        self.assertEqual(compare.figures(run)["balloons moved"], 150 * MIB)

    def test_states_and_capacity(self):
        run = record(sample(0), sample(2, state="low", resident=1100), sample(5))
        self.assertEqual(compare.figures(run)["state high"], 2)
        self.assertEqual(compare.figures(run)["state low"], 3)
        self.assertEqual(compare.figures(run)["over capacity"], 3)

    def test_give_back_that_was_reached(self):
        goals = [{"name": "back-at-full.a", "value": "2.5 s, its driver alone 1.0 s"}, {"name": "back-at-full.b", "value": "never"}]
        self.assertEqual(compare.give_back(record(sample(0), goals=goals)), {"back-at-full.a": 2.5})

    def test_throughput_is_relative_and_by_length(self):
        run = record(sample(0), work=[work(0, 10, 1000, 100), work(10, 40, 900, 100, "touch 2M"), work(40, 50, 5, 0)])
        self.assertEqual(len(compare.throughput(run)), 2)
        self.assertAlmostEqual(compare.mean_throughput(run), 0.475)

    def test_work_done_again_is_relative_to_its_first_time(self):
        run = record(sample(0), work=[work(0, 10, 2000, 100), work(10, 20, 1000, 100), work(20, 30, 500, 100)])
        self.assertEqual([part for part, _ in compare.throughput(run).values()], [0.5, 0.25])

    def test_misses_are_of_an_operation_and_by_all_means(self):
        def at(t, operations, **counted):
            taken = sample(t)
            taken["guests"]["a"].update({"operations": operations, "loaded": 0, "kernel_in": 0, "pgmajfault": 0}, **counted)
            return taken
        run = record(at(0, 0), at(2, 100), at(4, 300, loaded=40960, kernel_in=20480, pgmajfault=5), at(6, 900),
                     work=[work(1, 5, 200, 100)])
        self.assertEqual(list(compare.misses(run).values()), [20 / 200])

    def test_resident(self):
        real = record(sample(0, resident=100), sample(10, resident=300), sample(20, resident=300))
        simulated = record(sample(0, resident=200), sample(10, resident=250))
        self.assertAlmostEqual(compare.resident_difference(real, simulated), 0.075)


class Agreement(unittest.TestCase):
    def test_difference_is_of_the_median(self):
        figure = compare.Compared([90, 100, 500], 114, 0)
        self.assertAlmostEqual(figure.difference, 0.14)
        self.assertTrue(figure.agrees(0.1))  # the real runs differ more
        self.assertFalse(compare.Compared([100], 114, 0).agrees(0.1))
        self.assertTrue(compare.Compared([100], 114, 0).agrees(0.15))

    def test_what_is_little_does_not_count(self):
        self.assertTrue(compare.Compared([1], 5, 10).agrees(0.15))
        self.assertFalse(compare.Compared([1], 50, 10).agrees(0.15))

    def test_only_what_all_records_have(self):
        both = record(sample(0), sample(1), work=[work(0, 1, 50, 100)])
        without = record(sample(0), sample(1))
        self.assertIn("throughput", compare.compare([both], both))
        self.assertNotIn("throughput", compare.compare([both, without], both))


if __name__ == "__main__":
    unittest.main()
