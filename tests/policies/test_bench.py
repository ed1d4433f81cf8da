# SPDX-License-Identifier: Apache-2.0
"""bench-policies as a program: a few scenes, what it prints and writes."""

import csv
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["AEROSTAT_BUILD"])
PROGRAM = BUILD / "bench" / "bench-policies"
GOAL = re.compile(r"^goal (\S+): \S+ \(limit .*\) (met|missed)$", re.MULTILINE)


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120)


class Bench(unittest.TestCase):
    def test_one_scene(self):
        with tempfile.TemporaryDirectory() as directory:
            files = {kind: pathlib.Path(directory) / f"out.{kind}" for kind in ("csv", "json", "svg")}
            result = run("--scene", "09-start-16g", "--seeds", "1",
                         *(f"--{kind}={path}" for kind, path in files.items()))
            self.assertIn(result.returncode, (0, 1), result.stderr)
            self.assertIn("class 9: a guest starts on a full host (2 runs of each)", result.stdout)
            goals = dict(GOAL.findall(result.stdout))
            self.assertEqual(set(goals), {"class-9/mean", "class-9/worst-guest", "class-9/near-oracle", "killed"})
            self.assertEqual(result.returncode == 0, "missed" not in goals.values())
            rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
            self.assertEqual(len(rows), 2 * 10)
            self.assertEqual({row["scene"] for row in rows}, {"09-start-16g", "09-start-16g+noswap"})
            for row, entry in zip(rows, json.loads(files["json"].read_text())):
                self.assertEqual(row["policy"], entry["policy"])
                self.assertAlmostEqual(float(row["mean"]), entry["mean"], places=4)
                self.assertLessEqual(float(row["worst"]), float(row["mean"]) + 1e-6)
            self.assertIn("class=\"w\"", files["svg"].read_text())

    def test_same_again(self):
        """A run is the same again, whatever else runs beside it."""
        arguments = ("--scene", "fleet-1000", "--seeds", "1", "--csv", "/dev/stdout")
        cpu = re.compile(r",[^,\n]*$", re.MULTILINE)
        first, again = (cpu.sub("", run(*arguments).stdout.partition("class,scene")[2]) for _ in range(2))
        self.assertIn("aerostat", first)
        self.assertEqual(first, again)

    def test_explain(self):
        result = run("--scene", "02-starved-16g", "--seeds", "1", "--policy", "aerostat",
                     "--explain", "small@400-402")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^40[012] s: speed ")
        self.assertIn("entitled to", result.stdout)

    def test_list(self):
        result = run("--list", "--seeds", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        for number in range(1, 14):
            self.assertRegex(result.stdout, rf"(?m)^scene \S+ +class +{number},")

    def test_wrong(self):
        for arguments, message in ((("--class", "14"), "--class 1 to 13"),
                                   (("--policy", "esx"), "no such policy"),
                                   (("--scene", "nowhere"), "no such class or scene"),
                                   (("--scene", "02", "--policy", "mom", "--explain", "nobody@3"), "GUEST@FROM-TO")):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
