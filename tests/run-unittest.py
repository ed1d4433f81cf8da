#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one Python unittest file and prints TAP for Meson (protocol: 'tap').

    run-unittest.py FILE [NAME...]

NAME is a test as unittest names it (Class or Class.method); without one all of FILE run. The test reads
where the programs are from AEROSTAT_BUILD (the build directory) and may import what lies in tests/.
Everything that the tests print themselves goes to standard error, so that it can't be taken for TAP.
"""

import importlib.util
import os
import pathlib
import sys
import unittest


class TapResult(unittest.TestResult):
    """One TAP line per test, diagnostics as comments below it."""

    def __init__(self, out):
        super().__init__()
        self.out = out
        self.count = 0
        self.failed_parts = {}

    def line(self, verdict, test, note=""):
        self.count += 1
        # "module.Class.method"; a failed setUpClass stands for its class: "setUpClass (module.Class)".
        name = test.id()
        name = (name if "(" in name else name.split(".", 1)[-1]).replace("#", "")
        print(f"{verdict} {self.count} {name}{note}", file=self.out, flush=True)

    def comment(self, text):
        for line in text.rstrip("\n").split("\n"):
            print(f"# {line}", file=self.out, flush=True)

    def fail(self, test, error):
        self.line("not ok", test)
        self.comment(self._exc_info_to_string(error, test))

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.failed_parts.setdefault(test.id(), []).append(
                f"{subtest.id()}\n{self._exc_info_to_string(error, test)}")

    def addSuccess(self, test):
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.line("ok", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line("not ok", test, " (was expected to fail)")

    def stopTest(self, test):
        # unittest calls no add* function for a test of which only parts (subTest) failed.
        parts = self.failed_parts.pop(test.id(), None)
        if parts:
            self.line("not ok", test)
            for part in parts:
                self.comment(part)
        super().stopTest(test)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main():
    if len(sys.argv) < 2:
        print("usage: run-unittest.py FILE [NAME...]", file=sys.stderr)
        return 2
    path = pathlib.Path(sys.argv[1]).resolve()
    sys.path[:0] = [str(path.parent), str(pathlib.Path(__file__).resolve().parent)]
    sys.dont_write_bytecode = True

    # A private copy of standard output for TAP; what tests and their children print goes to stderr.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    module = load(path)
    loader = unittest.TestLoader()
    names = sys.argv[2:]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = TapResult(out)
    suite.run(result)
    # Last, because a class that is skipped as a whole reports once for all its tests.
    print(f"1..{result.count}", file=out, flush=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
