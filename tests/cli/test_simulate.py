# SPDX-License-Identifier: Apache-2.0
"""`aerostat simulate`: every scenario of the lab, traces, and what it says of wrong ones."""

import csv
import json
import pathlib
import re
import tempfile
import unittest
import xml.etree.ElementTree

from fake_api import SOURCE
from program import assert_harmless, run

SCENARIOS = sorted((SOURCE / "lab/scenarios").glob("*.ini"))

TINY = """[scenario]
capacity = 512M
length = 10s
phase.1 = at 5s capacity 256M
[guest web]
size = 256M
phase.1 = at 0 fill 100M
phase.2 = at 3s touch 100M ops=1000
[expect]
oom-kills = 0
wrong-pages = 0
"""

TRACE = """time,guest,size,owned,used_60s
0,web,512M,300M,100M
20,db,512M,400M,400M
40,web,0,,
60,db,,,
"""


def simulate(*arguments):
    return run("simulate", *map(str, arguments))


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="aerostat-simulate-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path


class Scenarios(Case):
    def test_each_of_the_lab(self):
        """As they are: whatever the goals come to, all of them are judged, and guests' work is a part of 1."""
        self.assertGreater(len(SCENARIOS), 15)
        for path in SCENARIOS:
            with self.subTest(path.name):
                process = simulate("--json", path)
                self.assertIn(process.returncode, (0, 1), process.stderr)
                summary = json.loads(process.stdout)
                stated = re.findall(r"(?m)^[\w.-]+(?:/\w+)? = ",
                                    path.read_text(encoding="utf-8").split("[expect]")[1])
                self.assertEqual(len(summary["goals"]), len(stated))
                for one in summary["guests"]:
                    if one["relative"] is not None:
                        self.assertTrue(0 <= one["relative"] <= 1.001, one)
                self.assertAlmostEqual(sum(summary["host"]["state_seconds"].values()), summary["length"], delta=1)

    def test_table(self):
        process = simulate(self.file("tiny.ini", TINY))
        self.assertEqual(process.returncode, 0, process.stderr)
        text = process.stdout.decode()
        self.assertIn("tiny.ini: 1 guests on 512M under aerostat, 10 s simulated, seed 1", text)
        self.assertRegex(text, r"(?m)^web +256M +100%")
        self.assertIn("goal oom-kills: 0 (limit 0) met", text)
        self.assertIn("goal wrong-pages: not simulated", text)
        assert_harmless(self, process.stdout)

    def test_missed_goal(self):
        path = self.file("tiny.ini", TINY.replace("oom-kills = 0", "reached.web = 200M by 9s"))
        self.assertEqual(simulate(path).returncode, 1)
        self.assertEqual(simulate("--json", path).returncode, 1)

    def test_managers(self):
        path = SOURCE / "lab/scenarios/alternate.ini"
        managed, alone = (json.loads(simulate("--json", "--manager", name, path).stdout) for name in ("aerostat", "none"))
        self.assertEqual((managed["manager"], alone["manager"]), ("aerostat", "none"))
        balloons = [sum(one["largest_balloon"] for one in summary["guests"]) for summary in (managed, alone)]
        self.assertGreater(balloons[0], 0)
        self.assertEqual(balloons[1], 0)
        self.assertEqual(simulate("--no-manager", "--json", path).stdout, simulate("--manager", "none", "--json", path).stdout)

    def test_same_seed_same_output(self):
        path = SOURCE / "lab/scenarios/pager-storm.ini"
        first, again, other = (simulate("--seed", seed, "--json", path).stdout for seed in (7, 7, 8))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_seeds(self):
        lines = simulate("--seeds", 3, "--json", SOURCE / "lab/scenarios/pager-storm.ini").stdout.splitlines()
        self.assertEqual([json.loads(line)["seed"] for line in lines], [1, 2, 3])
        text = simulate("--seeds", 2, self.file("tiny.ini", TINY)).stdout.decode()
        self.assertRegex(text, r"All 2 runs:\n +web +work 100.0 % \(100.0 to 100.0 %\)")

    def test_files(self):
        csv_file, svg, record = (self.directory / name for name in ("out.csv", "out.svg", "out.json"))
        simulate("--csv", csv_file, "--svg", svg, "--record", record, self.file("tiny.ini", TINY))
        with csv_file.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual([float(rows[0]["t"]), float(rows[-1]["t"])], [0, 10])
        self.assertEqual(int(rows[-1]["capacity"]), 256 << 20)
        self.assertEqual(int(rows[-1]["owned"]), 100 << 20)
        self.assertTrue(xml.etree.ElementTree.parse(svg).getroot().tag.endswith("svg"))
        recorded = json.loads(record.read_text(encoding="utf-8"))
        self.assertEqual(len(recorded["samples"]), len(rows))
        self.assertEqual(recorded["work"][0]["phase"], "touch 100M")
        self.assertAlmostEqual(recorded["work"][0]["operations"], 7000, delta=150)

    def test_settings(self):
        path = self.file("tiny.ini", TINY.replace("[expect]", "[daemon]\npolicy.period = 1s\nswap.zswap = no\n[expect]"))
        process = simulate("--set", "policy.idle-tax=0.5", path)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"[daemon] swap.zswap means nothing in a simulation", process.stderr)
        self.assertNotIn(b"policy.period", process.stderr)

    def test_settings_that_change(self):
        """A tax that is raised in the middle: the host's minfree is easier to see."""
        path = self.file("tiny.ini", TINY.replace("phase.1 = at 5s capacity 256M", "phase.1 = at 5s set host.minfree=100M", 1))
        record = self.directory / "record.json"
        self.assertEqual(simulate("--record", record, path).returncode, 0)
        minfree = [one["minfree"] >> 20 for one in json.loads(record.read_text(encoding="utf-8"))["samples"]]
        self.assertEqual((minfree[0], minfree[-1]), (30, 100))
        self.file("tiny.ini", TINY.replace("phase.1 = at 5s capacity 256M", "phase.1 = at 5s set swap.zswap=no", 1))
        self.assertIn(b"at 5.0 s set: swap.zswap", simulate(path).stderr)

    def test_capacity(self):
        summary = json.loads(simulate("--json", "--capacity", "1G", self.file("tiny.ini", TINY)).stdout)
        self.assertEqual(summary["capacity"], 1 << 30)

    def test_wrong(self):
        tiny = self.file("tiny.ini", TINY)
        for arguments, message in [
                ([], "something is missing"),
                ([tiny, tiny], "one word too many"),
                (["--manager", "esx", tiny], "there are aerostat, none"),
                (["--seeds", "0", tiny], "one run at least"),
                (["--seed", "x", tiny], "--seed x"),
                (["--capacity", "lots", tiny], "--capacity lots"),
                (["--tick", "1us", tiny], "--tick 1us"),
                (["--set", "policy.idle-tax=2", tiny], 'policy.idle-tax: "2"; allowed is a number from 0'),
                (["--set", "policy.nonsense=2", tiny], "no setting of that name"),
                (["--set", "nonsense", tiny], "allowed is SECTION.KEY=VALUE"),
                (["--costs", "/nonexistent", tiny], "/nonexistent"),
                (["/nonexistent.ini"], "/nonexistent.ini"),
                ([self.file("a.ini", TINY.replace("size = 256M", "size = 1"))], "a.ini:6: [guest web] size"),
                ([self.file("b.ini", TINY.replace("size = 256M", "size = 256M\nshares = many"))], "[guest web] shares"),
                ([self.file("c.ini", TINY.replace("[expect]", "[daemon]\npolicy.period = soon\n[expect]"))],
                 "[daemon] policy.period"),
        ]:
            with self.subTest(message):
                process = simulate(*arguments)
                self.assertEqual(process.returncode, 2, process.stderr)
                self.assertIn(message, process.stderr.decode())
                self.assertEqual(process.stderr.count(b"\n"), 1)
                self.assertEqual(process.stdout, b"")

    def test_unwritable(self):
        process = simulate("--csv", "/nonexistent/x.csv", self.file("tiny.ini", TINY))
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"/nonexistent/x.csv", process.stderr)


class Traces(Case):
    def summary(self, *arguments):
        process = simulate("--json", *arguments)
        self.assertEqual(process.returncode, 0, process.stderr)
        return json.loads(process.stdout)

    def test_alone(self):
        summary = self.summary("--capacity", "2G", self.file("t.csv", TRACE))
        self.assertEqual([one["name"] for one in summary["guests"]], ["web", "db"])
        self.assertEqual(summary["length"], 60)
        for one in summary["guests"]:
            self.assertAlmostEqual(one["relative"], 1, delta=0.01)
        # The first one wants to work for the 40 seconds that it lives.
        self.assertAlmostEqual(summary["guests"][0]["work_wanted"], 40, delta=0.5)

    def test_short_of_memory(self):
        summary = self.summary("--capacity", "300M", self.file("t.csv", TRACE))
        self.assertGreater(sum(one["put_out"] for one in summary["guests"]), 0)

    def test_in_a_scenario(self):
        self.file("t.csv", TRACE)
        path = self.file("s.ini", "[scenario]\ncapacity = 2G\ntrace = t.csv\n[guest db]\nreservation = 300M\n"
                                  "[guest other]\nsize = 128M\n[expect]\nreached.db = 400M by 59s\n")
        summary = self.summary(path)
        self.assertEqual([one["name"] for one in summary["guests"]], ["db", "other", "web"])
        self.assertEqual(summary["guests"][0]["size"], 512 << 20)

    def test_wrong(self):
        trace = self.file("t.csv", TRACE)
        head = "[scenario]\ncapacity = 2G\ntrace = t.csv\n"
        for arguments, message in [
                ([trace], "its capacity is missing"),
                (["--capacity", "2G", self.file("w.csv", TRACE.replace("300M", "300X"))], "w.csv:2: owned"),
                ([self.file("s.ini", head + "[guest new]\n")], "neither a size nor rows"),
                ([self.file("p.ini", head + "[guest db]\nphase.1 = at 0 idle\n")], "phases here and rows in the trace"),
        ]:
            with self.subTest(message):
                process = simulate(*arguments)
                self.assertEqual(process.returncode, 2)
                self.assertIn(message, process.stderr.decode())

    def test_example_of_the_page(self):
        page = (SOURCE / "docs/aerostat-trace.5.scd").read_text(encoding="utf-8")
        summary = self.summary("--capacity", "12G", self.file("night.csv", page.split("```")[1].lstrip("\n")))
        self.assertEqual(len(summary["guests"]), 2)
        self.assertEqual(summary["length"], 3600)


if __name__ == "__main__":
    unittest.main()
