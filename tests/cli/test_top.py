# SPDX-License-Identifier: Apache-2.0
"""aerostat top: in batch, and on a real terminal (tmux). How keys change the screen is in test-top.c."""

import csv
import io
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from fake_api import HOSTILE, FakeApi, guest, host, older, swapped, unknown_guest
from program import AEROSTAT, assert_harmless, environment, golden, run

GUESTS = [guest("db", resident=(3 << 30) + 1), guest("a,\"b"), unknown_guest("new"), guest(HOSTILE)]

WAIT_SECONDS = 30


def without_times(text):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss", text)


class Batch(unittest.TestCase):
    def output(self, *words, guests=None, code=0, **answers):
        with FakeApi(guests=GUESTS if guests is None else guests) as api:
            api.answers.update(answers)
            process = run("top", *words, api=api)
        self.assertEqual((process.returncode, process.stderr), (code, b""))
        assert_harmless(self, process.stdout)
        return process.stdout.decode()

    def test_text(self):
        golden(self, "top-batch.txt", without_times(self.output("-b", "-n", "2", "-d", "0.2")))

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.output("--csv", "-n2", "-d0.2"))))
        self.assertEqual([row["name"] for row in rows[:4]], [row["name"] for row in rows[4:]])
        self.assertEqual(len(rows), 8)
        row = next(row for row in rows if row["name"] == "db")
        self.assertEqual((row["resident"], row["host-free"], row["host-state"]), (str((3 << 30) + 1), "431718400", "high"))
        self.assertEqual(row["oom-kills"], "")
        self.assertIn("a,\"b", [row["name"] for row in rows])
        # The growth between two looks is not known with the first.
        self.assertEqual(row["resident-rate"], "")
        self.assertEqual([row["resident-rate"] for row in rows[4:] if row["name"] == "db"], ["0"])

    def test_views(self):
        """Text and CSV have the columns of the view, and no others; figures as the API has them."""
        text = self.output("--view", "paging", "-n1")
        self.assertRegex(text, r"^TIME +STATE +FREE +NAME +LOST +PAGER +RESIDENT ")
        for view, column in (("memory", "entitled"), ("health", "lost-host-swap"), ("sharing", "saved"), ("guest", "guest-swap-seen")):
            header = self.output("--view", view, "--csv", "-n1").splitlines()[0].split(",")
            self.assertIn(column, header)
            self.assertLess(len(header), 30)
        rows = list(csv.DictReader(io.StringIO(self.output("--view=paging", "--csv", "-n1"))))
        row = next(row for row in rows if row["name"] == "db")
        pager = guest()["pager"]
        self.assertEqual((row["pager"], row["swapped"], row["zero"], row["ratio"], row["fault-p99"], row["ws-10min"]),
                         ("serving", str(pager["bytes"]["swapped"]), str(pager["bytes"]["zero"]), "2.91", "0.00012", ""))
        self.assertNotIn("balloon", row)
        unknown = next(row for row in rows if row["name"] == "new")
        self.assertEqual({unknown[key] for key in ("pager", "swapped", "ratio", "fault-p50", "ws-1s")}, {""})

    def test_new_figures(self):
        """Those of the guest's health, of sharing and blocking, and of either kind of host swap, exact."""
        guests = [swapped("db", kernel_swap={"zswapped": 1}, blocked={"now": True, "seconds": 1.25, "owed": 2.5}), guest("web"),
                  older(guest("old", pager=None))]
        rows = {row["name"]: row for row in csv.DictReader(io.StringIO(self.output("--csv", "-n1", guests=guests)))}
        wanted = {"lost": "0.02", "lost-guest-swap": "0.4", "lost-host-swap": "1.25", "blocked": "1.25", "owed": "2.5",
                  "blocked-now": "yes", "shared": "41943040", "saved": "33554432", "sharing": "in", "domain": "web",
                  "admitted": "yes", "compressed": "1", "swapped": "104857599", "pager-out": "1048576", "pager-in": "262144",
                  "pager": "kernel", "method": "pageout", "balloon-speed": "83000000", "swap-speed": "600000000", "double": "0"}
        self.assertEqual({key: rows["db"][key] for key in wanted}, wanted)
        self.assertEqual((rows["web"]["swapped"], rows["web"]["method"]), ("46137344", ""))
        self.assertEqual({rows["old"][key] for key in wanted}, {""})

    def test_no_guests(self):
        lines = self.output("--csv", "-n1", guests=[]).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn(",high,431718400,,,", lines[1])

    def test_json(self):
        lines = self.output("-b", "--json", "-n2", "-d0.2").splitlines()
        self.assertEqual(len(lines), 2)
        for line in lines:
            look = json.loads(line)
            self.assertEqual((look["host"], look["guests"]), (host(), GUESTS))
            self.assertLess(abs(look["time"] - time.time()), 600)

    def test_columns_and_sorting(self):
        options = ["-n1", "--columns", "resident,name", "--sort", "resident"]
        lines = self.output(*options, guests=[guest(f"g{i}", resident=i << 20) for i in range(3)]).splitlines()
        self.assertEqual([line.split()[-2:] for line in lines],
                         [["RESIDENT", "NAME"], ["2M", "g2"], ["1M", "g1"], ["0", "g0"]])
        lines = self.output(*options, "--reverse", guests=[guest(f"g{i}", resident=i << 20) for i in range(3)])
        self.assertEqual([line.split()[-1] for line in lines.splitlines()], ["NAME", "g0", "g1", "g2"])

    def test_daemon_goes_away_and_comes_back(self):
        with FakeApi() as api:
            looks = []
            api.answers["GET /v1/host"] = lambda: looks.append(1) or host()
            with subprocess.Popen([AEROSTAT, "-s", api.socket, "top", "--csv", "-d0.2", "-n1000"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
                try:
                    self.assertIn(b"time,host-state,", process.stdout.readline())
                    process.stdout.readline()
                    api.stop()
                    self.assertIn(b"aerostat: ", process.stderr.readline())
                    before = len(looks)
                    api.start()
                    deadline = time.monotonic() + WAIT_SECONDS
                    while len(looks) == before and time.monotonic() < deadline:
                        time.sleep(0.02)
                    self.assertGreater(len(looks), before)
                finally:
                    process.kill()
                    process.communicate()

    def test_legend_names_every_column(self):
        process = run("top", "--legend")
        lines = process.stdout.decode().splitlines()
        header = self.output("--csv", "-n1").splitlines()[0].split(",")
        self.assertEqual([line.split()[0] for line in lines[1:]], header[3:])
        self.assertIn("MCTLSZ", process.stdout.decode())

    def test_no_terminal(self):
        with FakeApi() as api:
            process = run("top", api=api)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"top: this is no terminal to draw on", process.stderr)


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class Terminal(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="aerostat-tmux-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.addCleanup(self.tmux, "kill-server")
        env = {**environment(), "XDG_CONFIG_HOME": self.directory, "ENV": "", "PS1": "$ "}
        subprocess.run([*self.command(), "new-session", "-d", "-x", "140", "-y", "24", "exec sh"], env=env, check=True)

    def command(self):
        return ["tmux", "-S", f"{self.directory}/tmux", "-f", "/dev/null"]

    def tmux(self, *arguments):
        return subprocess.run([*self.command(), *arguments], stdout=subprocess.PIPE, check=True, text=True,
                              env=environment()).stdout

    def wait_for(self, found, what):
        """The screen as soon as @found is true of it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            screen = self.tmux("capture-pane", "-p")
            if found(screen):
                return screen
            if time.monotonic() > deadline:
                self.fail(f"no {what} on the screen:\n{screen}")
            time.sleep(0.05)

    def keys(self, keys, text, gone=False):
        """Presses @keys and waits until @text is there, or is gone."""
        self.tmux("send-keys", *keys)
        return self.wait_for(lambda screen: (text in screen) != gone, text)

    def start(self, api, *options):
        self.keys([f"stty -a >{self.directory}/before; {AEROSTAT} -s {api.socket} top {' '.join(options)};"
                   f" echo status=$?; stty -a >{self.directory}/after; echo all''done", "Enter"], "NAME ")

    def assert_sane(self, status):
        """The program has ended, and the terminal is as it was."""
        screen = self.wait_for(lambda screen: "alldone" in screen, "end")
        self.assertIn(f"status={status}", screen)
        self.assertNotIn("RESIDENT", screen)
        # The first line has the size of the window, which a test may have changed.
        before, after = (pathlib.Path(self.directory, name).read_text(encoding="utf-8").splitlines()[1:]
                         for name in ("before", "after"))
        self.assertGreater(len(before), 3)
        self.assertEqual(before, after)
        self.assertEqual(self.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").strip(), "1 0")

    def test_keys_resize_quit(self):
        with FakeApi(guests=[guest(f"vm{i:02}") for i in range(50)] + [guest("データ"), guest(HOSTILE)]) as api:
            self.start(api, "-d", "0.2")
            self.keys(["N"], "by NAME")
            self.keys(["/", "vm1", "Enter"], "vm00", gone=True)
            self.keys(["Down", "Enter"], "guest       vm11")
            self.keys(["Escape"], "guest       vm11", gone=True)
            self.keys(["h"], "Keys and columns")
            self.keys(["q"], "Keys and columns", gone=True)
            self.keys(["/", "BSpace", "BSpace", "BSpace", "Enter"], "vm00")
            self.assertIn("データ", self.keys(["End"], "データ"))
            self.tmux("resize-window", "-x", "60", "-y", "12")
            screen = self.wait_for(lambda screen: len(screen.splitlines()) <= 12 and "データ" in screen, "small screen")
            self.assertTrue(all(len(line) <= 60 for line in screen.splitlines()))
            self.keys(["W"], "settings are kept in")
            self.assertIn("sort = name", pathlib.Path(self.directory, "aerostat", "toprc").read_text(encoding="utf-8"))
            self.keys(["q"], "alldone")
            self.assert_sane(0)

    def test_daemon_goes_away_and_comes_back(self):
        with FakeApi() as api:
            self.start(api, "-d", "0.2", "--no-color", "--ascii")
            api.stop()
            screen = self.wait_for(lambda screen: f"no daemon at {api.socket}" in screen, "message")
            self.assertIn("web ", screen)
            api.start()
            self.wait_for(lambda screen: "no daemon" not in screen, "end of the message")
            self.keys(["q"], "alldone")
            self.assert_sane(0)

    def test_keys_work_while_the_daemon_does_not_answer(self):
        with FakeApi() as api:
            self.start(api, "-d", "0.2")
            self.wait_for(lambda screen: "web " in screen, "guest")
            api.answers["GET /v1/host"] = lambda: time.sleep(WAIT_SECONDS / 3) or host()
            self.keys(["h"], "Keys and columns")
            self.keys(["q"], "Keys and columns", gone=True)
            self.keys(["q"], "alldone")
            self.assert_sane(0)

    def test_signal(self):
        with FakeApi() as api:
            self.start(api)
            self.keys(["C-c"], "alldone")
            self.assert_sane(0)

    def test_unknown_terminal(self):
        with FakeApi() as api:
            self.keys([f"TERM=nothing {AEROSTAT} -s {api.socket} top; echo status''=$?", "Enter"], "status=1")


if __name__ == "__main__":
    unittest.main()
