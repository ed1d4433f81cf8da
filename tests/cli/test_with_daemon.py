# SPDX-License-Identifier: Apache-2.0
"""aerostat against the real aerostatd and fake guests: that both mean the same API."""

import csv
import io
import json
import signal

from daemon.harness import MIB, DaemonTest, wait_for
from program import run


class WithDaemon(DaemonTest):
    def aerostat(self, *words, code=0, says=""):
        """Standard output; what standard error has to say where something is expected to go wrong."""
        process = run("--socket", str(self.socket), *words)
        self.assertEqual(process.returncode, code, process.stderr)
        self.assertIn(says, process.stderr.decode())
        if code == 0:
            self.assertEqual(process.stderr, b"")
        return process.stdout.decode()

    def json(self, *words):
        return json.loads(self.aerostat("--json", *words))

    def test_no_guests(self):
        self.start()
        self.assertTrue(self.aerostat("status").endswith("\nno guests\n"))
        self.assertEqual(self.aerostat("release"), "0 guests released\n")
        self.aerostat("explain", "nobody", code=3, says="nobody")
        self.aerostat("set", "nobody", "shares=1", code=3, says="nobody")
        self.aerostat("release", "nobody", code=3, says="nobody")
        self.assertIn("aerostat_", self.aerostat("metrics"))
        self.assertEqual(self.json("version")["api"], 1)
        rows = list(csv.DictReader(io.StringIO(self.aerostat("top", "--csv", "-n1"))))
        self.assertEqual([(row["name"], row["host-state"]) for row in rows], [("", "high")])
        self.assertEqual(self.stop(signal.SIGTERM), 0)
        self.aerostat("status", code=7, says="no daemon at")

    def test_guest(self):
        self.fake("web.sock", used=100 * MIB, needs=40 * MIB)
        self.start()
        self.managed("web")
        self.assertRegex(self.aerostat("status"), r"(?m)^web +\S+ +256M .* working +up +\w")
        self.assertIn("guest       web\nreason ", self.aerostat("explain", "web"))
        self.assertEqual(self.json("explain", "web")["name"], "web")
        self.assertEqual(self.json("status")["guests"][0]["size"], 256 * MIB)
        self.assertRegex(self.aerostat("events"), r"guest-added +web ")
        self.assertEqual(self.json("events", "--guest", "web")["events"], self.events(guest="web"))
        self.assertIn("web", self.aerostat("release", "web"))
        look = json.loads(self.aerostat("top", "--json", "-n1"))
        self.assertEqual([guest["name"] for guest in look["guests"]], ["web"])

    def test_record(self):
        """What is recorded of a real daemon can be simulated."""
        self.fake("web.sock", used=200 * MIB, needs=160 * MIB) # more than a guest's kernel needs for itself
        self.start()
        self.managed("web")
        trace = str(self.socket) + ".csv"
        self.assertRegex(self.aerostat("record", "--interval", "1s", "--for", "2s", trace), r"^3 looks, 1 guests, 3 lines\n$")
        summary = self.json("simulate", "--capacity", "1G", trace)
        self.assertEqual([(one["name"], one["size"]) for one in summary["guests"]], [("web", 256 * MIB)])
        with open(trace, encoding="utf-8") as lines:
            self.assertGreater(int(list(csv.DictReader(lines))[-1]["owned"]), 0)

    def test_settings(self):
        """Each word that `set` knows is understood, is in force, and goes back to the configuration."""
        self.fake("web.sock", used=100 * MIB, needs=40 * MIB)
        self.configure(rest='[vm "web"]\nshares = 77\n')
        self.start()
        self.managed("web")
        text = self.aerostat("set", "web", "shares=high", "reservation=16M", "limit=200M", "exempt=yes", "guest-swap=no")
        self.assertEqual(text, "web: shares=5120 reservation=16M limit=200M exempt=yes guest-swap=absent share=none\n")
        for words, member, value in (
                ("shares=4000", "shares", 4000), ("shares=low", "shares", 1280), ("shares=normal", "shares", 2560),
                ("shares=default", "shares", 77), ("limit=none", "limit", 256 * MIB), ("limit=", "limit", 256 * MIB),
                ("reservation=0", "reservation", 0), ("exempt=no", "exempt", False), ("exempt=", "exempt", False),
                ("guest-swap=yes", "guest_swap", "present"), ("guest-swap=present", "guest_swap", "present"),
                ("guest-swap=absent", "guest_swap", "absent")):
            with self.subTest(words):
                self.assertEqual(self.json("set", "web", words)[member], value)
        self.aerostat("set", "web", "limit=64M", "reservation=128M", code=1, says="reservation")

    def test_reload(self):
        self.start()
        self.assertEqual(self.aerostat("reload"), "configuration reloaded\n")
        self.config.write_text("[host]\ncapacity = much\n", encoding="utf-8")
        self.aerostat("reload", code=1, says="aerostat.conf:2")

    def test_top_follows_a_capacity_that_shrinks(self):
        """What the daemon does to the guest is seen: its balloon, its target, the reason."""
        self.fake("web.sock", used=250 * MIB, needs=40 * MIB)
        self.configure(capacity="512M")
        self.start()
        self.managed("web")
        self.configure(capacity="200M")
        self.aerostat("reload")

        def ballooned():
            rows = list(csv.DictReader(io.StringIO(self.aerostat("top", "--csv", "-n1"))))
            return rows and rows[0]["balloon"] not in ("", "0") and rows[0]
        row = wait_for("a balloon", ballooned)
        self.assertLess(int(row["granted"]), 256 * MIB)
        self.assertRegex(self.aerostat("explain", "web"), r"balloon from 256M to \d")
