# SPDX-License-Identifier: Apache-2.0
"""The frame of the papers' experiments: what of it needs no guests."""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/paper"))

from frame import lab, plot, table  # noqa: E402
from frame.bench import Bench  # noqa: E402
from frame.problem import Problem  # noqa: E402
from frame.record import Record  # noqa: E402


def record(operations, step=1.0):
    samples = [{"t": i * step, "free": 10 * i, "guests": {"a": {"operations": value, "resident": 100}}}
               for i, value in enumerate(operations)]
    return Record({"samples": samples, "events": [], "work": [], "goals": [{"name": "wrong-pages", "met": True}]})


class Table(unittest.TestCase):
    def test_columns_are_aligned(self):
        lines = table.render(["what", "paper", "here"], [["gain", "30 %", "41.5 %"], ["moved", None, "7 MiB"]]).split("\n")
        self.assertEqual(lines[0], "| what  | paper |   here |")
        self.assertEqual(lines[1], "|-------|------:|-------:|")
        self.assertEqual(lines[2], "| gain  |  30 % | 41.5 % |")
        self.assertEqual(lines[3], "| moved |     - |  7 MiB |")

    def test_row_of_another_width_is_refused(self):
        with self.assertRaisesRegex(ValueError, "a row of 1 cells in a table of 2 columns"):
            table.render(["a", "b"], [["c"]])

    def test_units(self):
        self.assertEqual((table.percent(0.305, 1), table.mib(3 << 20)), ("30.5 %", "3 MiB"))


class Records(unittest.TestCase):
    def test_rate_within_window(self):
        self.assertEqual(record([0, 10, 20, 120, 220]).rate("a", 2, 4), 100)

    def test_rate_of_too_little_is_none(self):
        self.assertEqual(record([0, 10]).rate("a", 0, 0.5), 0)

    def own(self, operations):
        """It computes for an eighth of the time and waits for another."""
        samples = [{"t": t, "guests": {"a": {"operations": done, "cpu_s": t / 8, "lost_s": t / 8}}}
                   for t, done in enumerate(operations)]
        return Record({"samples": samples, "events": [], "work": [], "goals": []})

    def test_own_rate_is_by_what_it_computes_and_waits(self):
        self.assertEqual(self.own([0, 100, 200, 300]).own_rate("a", 1, 3), 400)

    def test_own_rate_spreads_an_operation_over_its_time(self):
        self.assertEqual(self.own([0, 0, 0, 0, 1, 1]).own_rate("a", 1, 3), 1)

    def test_own_rate_of_what_stopped_is_none(self):
        self.assertEqual(self.own([0, 9, 9, 9, 9]).own_rate("a", 2, 4), 0)

    def test_rates_look_back_by_the_window(self):
        self.assertEqual(record([0, 10, 20, 120]).rates("a", 2), [(1, 10), (2, 10), (3, 55)])

    def test_series_and_mean(self):
        seen = record([0, 10, 20])
        self.assertEqual(seen.host("free", 1), [(1, 10), (2, 20)])
        self.assertEqual(seen.mean("a", "operations", 1, 2), 15)
        self.assertEqual((seen.guests, seen.goals["wrong-pages"]["met"]), (["a"], True))


class Plots(unittest.TestCase):
    CURVES = plot.Plot('Idle "memory" tax', "s", [
        plot.Panel("MiB", [plot.Curve("a_b", [(0, 1), (2, 3)]), plot.Curve("c", [(0, 2), (2, 1)], "dashed")], [(1, "75 %")]),
        plot.Panel("touches/s", [plot.Curve("busy", [(0, 5), (2, 6)], "steps")])])

    def test_script_quotes_and_places(self):
        text = plot.script(self.CURVES, "/tmp/x.svg")
        self.assertIn(r'title "Idle \"memory\" tax"', text)
        self.assertIn("set xrange [0:2]", text)
        self.assertIn("$p0c1 with lines lw 1.5 dashtype 2", text)
        self.assertIn("set arrow from 1, graph 0", text)

    def test_nothing_to_draw_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "nothing to draw: empty"):
            plot.script(plot.Plot("empty", "s", [plot.Panel("y", [plot.Curve("a", [])])]), "x.svg")

    def test_gnuplot_draws_it(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "x.svg"
            plot.draw(self.CURVES, path)
            root = xml.etree.ElementTree.parse(path).getroot()
        self.assertTrue(root.tag.endswith("svg"))


class Goals(unittest.TestCase):
    def lines(self, use):
        said = io.StringIO()
        bench = Bench("tax", pathlib.Path("/nowhere"), None, None, None)
        with contextlib.redirect_stdout(said):
            use(bench)
            met = bench.end()
        return said.getvalue().splitlines()[:-2], met

    def test_lines_are_those_that_tools_bench_reads(self):
        lines, met = self.lines(lambda bench: (bench.goal("gain", 0.414, ">=", 0.2), bench.goal("lag", 9, "<=", 5, " s")))
        self.assertEqual(lines, ["goal tax-gain: 0.414 (limit >= 0.2) met", "goal tax-lag: 9 s (limit <= 5 s) missed"])
        self.assertFalse(met)

    def test_all_met(self):
        self.assertTrue(self.lines(lambda bench: bench.goal("gain", 2, ">=", 2))[1])


class FakeLab(unittest.TestCase):
    """A lab that says what it is told to."""

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.directory / "lab").mkdir()

    def run_lab(self, script, **options):
        program = self.directory / "lab" / "aerostat-lab"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        return lab.run(self.directory, self.directory, "[scenario]\n", **options)

    RESULT = '''echo '{"samples": [], "events": [], "work": [], "goals": [{"name": "oom-kills", "value": "3", "limit": "0", "met": false}]}' >"$3"; exit 1\n'''

    def test_missed_goal_is_a_problem_or_tolerated(self):
        with self.assertRaisesRegex(Problem, r"oom-kills: 3 \(limit 0\)"):
            self.run_lab(self.RESULT)
        self.assertEqual(self.run_lab(self.RESULT, tolerant=True).goals["oom-kills"]["value"], "3")

    def test_options_reach_the_lab(self):
        with self.assertRaisesRegex(Problem, "--no-manager --keep"):
            self.run_lab('shift 3; echo "$@" >&2; exit 3', manager=False, options=["--keep"])

    def test_no_lab_says_what_to_do(self):
        with self.assertRaisesRegex(Problem, "run make build"):
            lab.run(self.directory, self.directory, "")

    def test_death_of_the_bench_ends_the_lab(self):
        self.run_until_killed("KILL")

    def test_end_of_the_bench_ends_the_lab(self):
        self.run_until_killed("TERM")

    def run_until_killed(self, signal):
        """A bench that kills itself while the lab runs: the lab notes down that it was asked to end."""
        program = self.directory / "lab" / "aerostat-lab"
        program.write_text(f'#!/bin/sh\ntrap "echo ended >{self.directory}/note; exit 3" TERM\nkill -{signal} $PPID\n'
                           "while :; do sleep 0.05; done\n")
        program.chmod(0o755)
        code = (f"import sys, pathlib, signal; sys.path.insert(0, {str(ROOT / 'bench/paper')!r})\n"
                "from frame import lab\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
                f"lab.run(pathlib.Path({str(self.directory)!r}), pathlib.Path({str(self.directory)!r}), '')\n")
        process = subprocess.run([sys.executable, "-B", "-c", code], check=False, timeout=60)
        self.assertNotEqual(process.returncode, 0)
        note = self.directory / "note"
        while not note.exists():  # Meson's time limit ends what never comes
            time.sleep(0.01)
        self.assertEqual(note.read_text(), "ended\n")


class Command(unittest.TestCase):
    def test_unknown_experiment_is_named(self):
        done = subprocess.run([ROOT / "bench/paper/paper", "nonsense"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no experiment 'nonsense'", done.stderr)


if __name__ == "__main__":
    unittest.main()
