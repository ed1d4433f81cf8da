# SPDX-License-Identifier: Apache-2.0
"""tests/check-includes.py finds each kind of wrong include, and nothing in a good tree."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parent.parent / "check-includes.py"


class CheckIncludes(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="aerostat-includes-")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def check(self, name, text):
        """Exit status and messages for a tree in which @name is @text."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        run = subprocess.run([sys.executable, CHECK, self.root], capture_output=True, text=True, check=False)
        return run.returncode, run.stderr

    def test_good_includes(self):
        for name, text in (
                ("src/core/policy.c", '#include "core/policy.h"\n#include <string.h>\n'),
                ("src/daemon/main.c", '#include "vmm/vmm.h"\n#include "base/log.h"\n#include "config.h"\n'),
                ("src/cli/main.c", '#include "client/client.h"\n/* #include "daemon/x.h" */\n// #include "lab/x.h"\n'),
                ("lab/vm.c", '#include "lab/vm.h"\n#include "client/client.h"\n'),
                ("tests/vmm/test.c", '#include "daemon/daemon.h"\n#include <gio/gio.h>\n')):
            with self.subTest(name):
                self.assertEqual(self.check(name, text), (0, ""))

    def test_wrong_includes(self):
        for name, text, message in (
                ("src/base/a.c", '#include "core/units.h"', "points upwards"),
                ("src/core/a.c", '#include "base/log.h"', "points upwards"),
                ("src/core/b.c", "#include <time.h>", "more than core may have"),
                ("src/core/c.c", "#include <glib.h>", "more than core may have"),
                ("src/core/d.c", '#include "config.h"', "is generated"),
                ("src/host/a.c", '#include "vmm/vmm.h"', "points upwards"),
                ("src/vmm/a.c", '#include "daemon/daemon.h"', "points upwards"),
                ("src/client/a.c", '#include "core/units.h"', "points upwards"),
                ("src/daemon/a.c", '#include "cli/table.h"', "points upwards"),
                ("src/cli/a.c", '#include "vmm/vmm.h"', "points upwards"),
                ("src/vmm/b.c", '#include "lab/vm.h"', "points upwards"),
                ("src/vmm/c.c", '  #  include "tests/fake.h"', "points from src/vmm into tests"),
                ("src/vmm/d.c", '#include "../core/units.h"', "relative"),
                ("src/vmm/e.c", '#include "core/../daemon/x.h"', "relative"),
                ("src/vmm/f.c", '#include "vmm.h"', "does not name its room"),
                ("lab/a.c", '#include "daemon/daemon.h"', "points upwards"),
                ("lab/b.c", '#include "bench/bench.h"', "points from lab into bench"),
                ("tests/a.c", '#include "../src/core/units.h"', "relative")):
            with self.subTest(name):
                path = self.root / name
                status, stderr = self.check(name, "\n" + text + "\n")
                self.assertEqual(status, 1)
                self.assertIn(f"{name}:2: ", stderr)
                self.assertIn(message, stderr)
                path.unlink()

    def test_system_brackets_around_our_header(self):
        self.check("src/base/log.h", "")
        status, stderr = self.check("src/vmm/a.c", "#include <base/log.h>\n")
        self.assertEqual(status, 1)
        self.assertIn("use quotes", stderr)

    def test_empty_tree(self):
        status, stderr = self.check("README", "")
        self.assertEqual(status, 1)
        self.assertIn("no source files", stderr)
