# SPDX-License-Identifier: Apache-2.0
"""The experiments with real programs: what of them needs no guests."""

import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["AEROSTAT_BUILD"])
sys.path.insert(0, str(ROOT / "bench/paper"))

import ballooning  # noqa: E402
import overhead  # noqa: E402
from frame import programs  # noqa: E402
from frame.bench import Bench  # noqa: E402
from frame.problem import Problem  # noqa: E402
from frame.record import Record  # noqa: E402

MIB = 1 << 20


def record(length, guests):
    """@guests: {name: (rate at t, visible MiB at t)}; a sample each second."""
    samples, done = [], dict.fromkeys(guests, 0)
    for t in range(length + 1):
        seen = {}
        for name, (rate, visible) in guests.items():
            done[name] += rate(t)
            seen[name] = {"operations": done[name], "cpu_s": t / 2, "lost_s": 0, "granted": visible(t) * MIB,
                          "resident": 144 * MIB, "zero": 0, "compressed": 3 * MIB, "swapped": 4 * MIB}
        samples.append({"t": t, "guests": seen})
    return Record({"samples": samples, "events": [], "work": [], "goals": []})


class Made(unittest.TestCase):
    """A bench whose lab is @self.lab()."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="aerostat-paper-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.bench = Bench("made", BUILD, self.directory, self.directory, 1)

    def measure(self, module, lab):
        """What it prints."""
        said = io.StringIO()
        with mock.patch.object(self.bench, "lab", lab), mock.patch.object(self.bench, "plot"), \
                mock.patch.object(programs, "prepare"), contextlib.redirect_stdout(said):
            module.measure(self.bench)
        return said.getvalue()

    def check(self, scenario):
        """The real lab reads it."""
        path = self.directory / "scenario.ini"
        path.write_text(scenario)
        done = subprocess.run([BUILD / "lab/aerostat-lab", "--check", path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Ballooning(Made):
    def steps(self, scenario):
        """Half as fast from the third limit on, and ballooned by 100 MiB."""
        half = ballooning.step_begin(2)
        names = [line.split()[1].rstrip("]") for line in scenario.splitlines() if line.startswith("[guest ")]
        return record(ballooning.step_begin(len(ballooning.LIMITS)), {name: (
            lambda t: 10 if t <= half else 5, lambda t: ballooning.SIZE - (0 if t <= half else 100)) for name in names})

    def test_scenarios_are_read(self):
        for mechanism in ballooning.MECHANISMS:
            self.check(ballooning.scenario([("compile", mechanism), ("touch", mechanism)]))

    def test_throughput_is_relative_to_the_first_limit(self):
        text = self.measure(ballooning, self.steps)
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()
                 if line.startswith("| database, both")]
        self.assertEqual(lines, [["database, both", "100 %", "100 %", "50 %", "50 %", "100", "7"]])
        self.assertIn("goal made-compile-flat: 0.667 (limit >= 0.7) missed", text)
        self.assertIn("goal made-limit-kept: 1 (limit <= 1.1) met", text)
        self.assertIn("goal made-both-by-better: 1 (limit >= 0.4) met", text)

    def test_set_up_that_takes_too_long_is_no_measurement(self):
        with self.assertRaisesRegex(Problem, "nothing done after"):
            self.measure(ballooning, lambda scenario: record(200, {
                name: (lambda t: 0, lambda t: 1) for name in ("compile-balloon", "database-balloon")}))


class Overhead(Made):
    def lab(self, ballooned, visible):
        def run(scenario):
            small = int(re.search(r"balloon (\d+)M$", scenario, re.MULTILINE).group(1))
            return record(overhead.END, {"ballooned": (lambda t: ballooned, lambda t: visible or small),
                                         "small": (lambda t: 100, lambda t: small)})
        return run

    def test_scenario_is_read(self):
        self.check(overhead.scenario(overhead.BALLOONED[0]))

    def test_cost_is_what_the_balloon_makes_slower(self):
        text = self.measure(overhead, self.lab(96, None))
        self.assertEqual(len(re.findall(r"\| +4\.0 % \| +4\.0 %, 4\.0 % \|", text)), len(overhead.BALLOONED))
        self.assertIn("goal made-cost: 0.04 (limit <= 0.3) met", text)

    def test_balloon_that_is_not_there_is_no_measurement(self):
        with self.assertRaisesRegex(Problem, "its balloon is not there yet"):
            self.measure(overhead, self.lab(96, 250))


if __name__ == "__main__":
    unittest.main()
