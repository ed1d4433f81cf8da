# SPDX-License-Identifier: Apache-2.0
"""`aerostat record`: guests come and go, the daemon does too, and what is written is a trace."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

from fake_api import FakeApi, error, guest
from program import AEROSTAT, environment, run

SECONDS = 60  # for what happens within one or two


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.05)


class Recording:
    """`with Recording(api, path) as r`: runs until the end of the block, or until stop()."""

    def __init__(self, api, path, *options):
        self.command = [AEROSTAT, "--socket", api.socket, "record", "--interval", "1s", *options, str(path)]
        self.path = path

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def rows(self):
        with self.path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    def wait_rows(self, condition):
        wait_until(lambda: self.process.poll() is not None or (self.path.exists() and condition(self.rows())))
        assert self.process.poll() is None, self.process.communicate()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out.decode(), err.decode()


def named(rows, name):
    return [row for row in rows if row["guest"] == name]


class Record(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="aerostat-record-")
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "trace.csv"

    def simulated(self):
        """The names of the guests, as `simulate` reads the trace."""
        process = run("simulate", "--json", "--capacity", "8G", str(self.path))
        self.assertEqual(process.returncode, 0, process.stderr)
        return [one["name"] for one in json.loads(process.stdout)["guests"]]

    def test_guests_come_and_go(self):
        with FakeApi(guests=[guest("web"), guest('odd, "name"')]) as api, Recording(api, self.path) as r:
            r.wait_rows(lambda rows: len(named(rows, "web")) >= 2)
            api.guests = [guest("web"), guest("late")]
            r.wait_rows(lambda rows: named(rows, "late"))
            api.guests = [guest("web", pid=99), guest("late")]
            r.wait_rows(lambda rows: len([row for row in named(rows, "web") if row["ram"]]) == 2)
            r.wait_rows(lambda rows: named(rows, "web")[-1]["ram"] == "")
            code, out, err = r.stop()
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, r"^\d+ looks, 4 guests, \d+ lines\n$")
            rows = r.rows()
        self.assertEqual(named(rows, 'odd, "name"')[-1]["size"], "0")
        self.assertEqual(sum(row["size"] == "0" for row in named(rows, "web")), 1)
        self.assertEqual(self.simulated(), ["web", 'odd, "name"', "late", "web.2"])

    def test_figures(self):
        with FakeApi() as api:
            self.assertEqual(run("record", "--for", "1s", "--interval", "1s", str(self.path), api=api).returncode, 0)
        with self.path.open(encoding="utf-8") as lines:
            row = next(csv.DictReader(lines))
        # As docs/api.md has it: granted 384M, 30 MB of it free, 150 MB page cache.
        self.assertEqual((row["size"], row["cache"], row["ram"], row["balloon"]), ("536870912", "150000000", "memfd", "yes"))
        self.assertTrue(100e6 < int(row["owned"]) < 402653184 - 30000000 - 150000000, row)
        # Sampling saw 20, 60 and 140 MiB in use within a second, ten, and a minute; beyond what is owned it is cache.
        self.assertEqual((row["used_1s"], row["used_10s"]), ("20971520", "62914560"))
        self.assertEqual(int(row["used_60s"]) + int(row["cache_used_60s"]), 146800640)
        self.assertEqual(row["used_600s"], row["used_60s"])
        self.assertEqual(row["out"], str(41943040 + 25165824 + 46137344))
        self.assertAlmostEqual(float(row["zero"]), 41943040 / (41943040 + 25165824 + 46137344), delta=1e-3)
        self.assertAlmostEqual(float(row["ratio"]), 1 / 2.91, delta=1e-3)

    def test_guests_that_are_not_known_well(self):
        """No statistics: what is resident counts. Nothing at all: no line."""
        mute = guest("mute", stats={"trust": "absent"}, pager=None)
        with FakeApi(guests=[mute, guest("new", size=None, granted=None)]) as api:
            self.assertEqual(run("record", "--for", "1s", "--interval", "1s", str(self.path), api=api).returncode, 0)
        with self.path.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual({row["guest"] for row in rows}, {"mute"})
        self.assertTrue(300e6 < int(rows[0]["owned"]) < 390e6)
        self.assertEqual(int(rows[0]["used_60s"]), min(210000000, int(rows[0]["owned"])))

    def test_daemon_restart(self):
        with FakeApi(guests=[guest("web")]) as api, Recording(api, self.path) as r:
            r.wait_rows(lambda rows: rows)
            api.stop()
            asked = len(r.rows())
            time.sleep(1.5)  # at least one look in vain
            api.start()
            r.wait_rows(lambda rows: len(rows) > asked + 1)
            code, _, err = r.stop(signal.SIGINT)
        self.assertEqual(code, 0)
        self.assertEqual(err.count("trying again every 1 s"), 1)
        self.assertEqual(err.count("the daemon answers again"), 1)
        self.assertEqual(self.simulated(), ["web"])

    def test_appends(self):
        """A second recording ends the guests of the first one, and removes a part of a line."""
        for _ in range(2):
            with FakeApi(guests=[guest("web")]) as api:
                process = run("record", "--for", "2s", "--interval", "1s", str(self.path), api=api)
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(self.path.read_bytes()[-1:], b"\n")
            with self.path.open("a", encoding="utf-8") as out:
                out.write("1763745600.123,web,5368")
        self.assertIn(b"its last line is not whole", process.stderr)
        with FakeApi(guests=[guest("db")]) as api:
            run("record", "--for", "1s", "--interval", "1s", str(self.path), api=api)
        self.assertEqual(self.simulated(), ["web", "web.2", "db"])

    def test_refused(self):
        with FakeApi() as api:
            self.path.write_text("time,guest,size\n0,web,1G\n", encoding="utf-8")
            process = run("record", str(self.path), api=api)
            self.assertEqual(process.returncode, 1)
            self.assertIn(b"it has other columns", process.stderr)
            self.assertEqual(self.path.read_text(encoding="utf-8"), "time,guest,size\n0,web,1G\n")
            self.assertEqual(run("record", "/nonexistent/x.csv", api=api).returncode, 1)
            for wrong in (["--interval", "10ms", "x"], ["--for", "soon", "x"], []):
                self.assertEqual(run("record", *wrong, api=api).returncode, 2)

    def test_only_one(self):
        with FakeApi() as api, Recording(api, self.path) as r:
            r.wait_rows(lambda rows: rows)
            process = run("record", str(self.path), api=api)
            self.assertEqual(process.returncode, 1)
            self.assertIn(b"another recording", process.stderr)

    def test_no_daemon(self):
        with FakeApi() as api:
            api.stop()
            self.assertEqual(run("record", str(self.path), api=api).returncode, 7)
            api.start()
            api.answers["GET /v1/guests"] = error(403, "forbidden", "not you")
            self.assertEqual(run("record", str(self.path), api=api).returncode, 4)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_no_space(self):
        with FakeApi() as api:
            process = run("record", "/dev/full", api=api)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"/dev/full", process.stderr)


if __name__ == "__main__":
    unittest.main()
