# SPDX-License-Identifier: Apache-2.0
"""tools/check counts sub-tests, and no way of failing escapes it. It is run on small Meson projects."""

import pathlib
import subprocess
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "check"

PASSES = 'echo 1..3; echo ok 1 - a; echo "ok 2 b # SKIP no device"; echo ok 3 c'
FAILS = 'echo 1..2; echo ok 1; echo not ok 2 bad; exit 1'


class ToolsCheck(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="aerostat-check-")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def check(self, tests, *arguments):
        """(exit status, closing line, all output) for tests as {name: (shell, suite, protocol)}."""
        lines = ["project('p')", "sh = find_program('sh')"]
        for name, (script, suite, protocol) in tests.items():
            (self.root / f"{name}.sh").write_text(script + "\n", encoding="utf-8")
            lines.append(f"test('{name}', sh, args: files('{name}.sh'), suite: '{suite}',"
                         f" protocol: '{protocol}', timeout: 5)")
        (self.root / "meson.build").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if not (self.root / "build").exists():
            subprocess.run(["meson", "setup", self.root / "build", self.root], check=True, capture_output=True)
        run = subprocess.run([CHECK, self.root / "build", *arguments], capture_output=True, text=True,
                             check=False)
        return run.returncode, run.stdout.splitlines()[-1] if run.stdout else "", run.stdout + run.stderr

    def test_counts_sub_tests(self):
        status, last, output = self.check({"t": (PASSES, "unit", "tap"), "e": ("exit 0", "program", "exitcode"),
                                           "s": ("exit 77", "scenario", "exitcode")})
        self.assertEqual((status, last), (0, "3 passed, 0 failed, 2 skipped"))
        self.assertLess(output.index("== unit"), output.index("== program"))
        self.assertLess(output.index("== program"), output.index("== scenario"))

    def test_chosen_suites(self):
        status, last, _ = self.check({"t": (PASSES, "anything", "tap"), "e": (FAILS, "program", "tap")}, "unit")
        self.assertEqual((status, last), (0, "2 passed, 0 failed, 1 skipped"))

    def test_full_is_asked_for(self):
        tests = {"t": (PASSES, "unit", "tap"), "f": ("exit 1", "full", "exitcode")}
        self.assertEqual(self.check(tests)[:2], (0, "2 passed, 0 failed, 1 skipped"))
        self.assertEqual(self.check(tests, "unit", "full")[:2], (1, "2 passed, 1 failed, 1 skipped"))

    def test_skipped_program(self):
        status, last, _ = self.check({"t": ("echo '1..0 # SKIP no guest'", "unit", "tap"),
                                      "e": ("exit 0", "unit", "exitcode")})
        self.assertEqual((status, last), (0, "1 passed, 0 failed, 1 skipped"))

    def test_failed_sub_test(self):
        status, last, output = self.check({"t": (FAILS, "unit", "tap"), "u": (PASSES, "unit", "tap")})
        self.assertEqual((status, last), (1, "3 passed, 1 failed, 1 skipped"))
        self.assertIn("FAILED: t: bad", output)

    def test_ends_early(self):
        status, last, _ = self.check({"t": ("echo 1..9; echo ok 1; kill -SEGV $$", "unit", "tap")})
        self.assertEqual((status, last), (1, "1 passed, 1 failed, 0 skipped"))

    def test_fewer_than_planned(self):
        status, last, _ = self.check({"t": ("echo 1..3; echo ok 1", "unit", "tap")})
        self.assertEqual((status, last), (1, "1 passed, 1 failed, 0 skipped"))

    def test_bad_status_after_good_tap(self):
        status, last, _ = self.check({"t": (PASSES + "; exit 1", "unit", "tap")})
        self.assertEqual((status, last), (1, "2 passed, 1 failed, 1 skipped"))

    def test_nothing_passed(self):
        status, last, _ = self.check({"e": ("exit 77", "unit", "exitcode")})
        self.assertEqual((status, last), (1, "0 passed, 0 failed, 1 skipped"))

    def test_meson_does_not_get_there(self):
        """Meson dies before it has run anything: each test counts as failed."""
        tests = {"t": (PASSES, "unit", "tap"), "e": ("kill -KILL $PPID", "unit", "exitcode")}
        status, last, output = self.check(tests)
        self.assertEqual(status, 1)
        self.assertIn("(not in Meson's log)", output)
        self.assertRegex(last, r"^[02] passed, [12] failed, [01] skipped$")

    def test_no_build_directory(self):
        run = subprocess.run([CHECK, self.root / "nothing"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("run make build", run.stderr)
