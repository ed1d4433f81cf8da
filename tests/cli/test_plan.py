# SPDX-License-Identifier: Apache-2.0
"""aerostat plan: its answer, and what it refuses. It asks no daemon."""

import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

from program import run

# All guests at work all the time, on a host so small that the simulation takes seconds.
FLEET = """
[host]
memory = 1G

[guests worker]
share = 100%
size = 512M
busy = lognormal 250M 1.1
busy-part = 100%
spell = 4h
"""


class Plan(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def plan(self, text, *options, name="fleet.ini"):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return run("plan", str(path), *options)

    def refused(self, message, text, *options, code=2, name="fleet.ini"):
        process = self.plan(text, *options, name=name)
        stderr = process.stderr.decode()
        self.assertEqual(process.returncode, code, stderr)
        self.assertIn(message, stderr)
        self.assertEqual(stderr.count("\n"), 1, stderr)

    def test_number(self):
        process = self.plan(FLEET, "--brief", "--seeds", "1")
        self.assertEqual(process.returncode, 0, process.stderr)
        text = process.stdout.decode()
        self.assertIn("fits: at most 1% of guest-minutes with work lose more than 2%", text)
        self.assertIn("2 fit with all their memory", text)
        self.assertRegex(text, r"(?m)^\d+ guests fit: median of 1 fleets drawn")
        self.assertIn("it takes 5", text)

    def test_json_and_jobs(self):
        answers = [json.loads(self.plan(FLEET, "--brief", "--seeds", "2", "--json", "--jobs", jobs).stdout)
                   for jobs in ("1", "3")]
        self.assertEqual(answers[0], answers[1])
        answer = answers[0]["answer"]
        self.assertEqual(answers[0]["without_overcommitment"], 2)
        self.assertGreaterEqual(answer["median"], 2)
        self.assertEqual(answer["guests"], sorted(answer["guests"]))
        self.assertEqual(len(answer["guests"]), 2)

    def test_whole_plan(self):
        svg = self.directory / "plan.svg"
        process = self.plan(FLEET, "--seeds", "1", "--svg", str(svg))
        self.assertEqual(process.returncode, 0, process.stderr)
        text = process.stdout.decode()
        for words in ("nothing: all their memory", "balloon + swapping + compression", "Where it breaks", "worker"):
            self.assertIn(words, text)
        self.assertTrue(xml.etree.ElementTree.parse(svg).getroot().tag.endswith("svg"))

    def test_refused(self):
        self.refused("fleet.ini:11: [guests worker] colour: unknown key", FLEET + "colour = red\n")
        self.refused("not even the first guest fits", FLEET, "--capacity", "100M")
        self.refused("--slowdown 100%: it takes a percentage", FLEET, "--slowdown", "100%", code=2)
        self.refused("--seeds 0: it takes a number from 1 to 64", FLEET, "--seeds", "0", code=2)
        self.refused("--shift week: it takes days or phase", FLEET, "--shift", "week", code=2)
        self.refused("--brief leaves out", FLEET, "--brief", "--svg", "x.svg", code=2)
        self.refused("fleet.csv", "no trace\n", name="fleet.csv")


if __name__ == "__main__":
    unittest.main()
