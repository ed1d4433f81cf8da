# SPDX-License-Identifier: Apache-2.0
"""The whole daemon in state low: who is held, what is said of it, and that everybody goes on. The guests are
fake, and their pagers put nothing out, so that nothing else helps."""

import signal
import time

from harness import MIB, assert_prometheus, wait_for
from test_pagers import PagerTest


class Low(PagerTest):
    def setUp(self):
        super().setUp()
        # More than there is, of 256 MiB.
        self.fakes_by_name = {name: self.fake(f"{name}.sock", device=False, single=True, used=148 * MIB)
                              for name in "ab"}
        for name in "ab":
            self.do(name, idle=True)
        self.start_with("slice = 200ms\n")

    def start_with(self, block, mode=""):
        self.configure(capacity="256M", host=mode, rest=f"[block]\n{block}")
        self.start()
        for name in "ab":
            self.guest_is(name, reason=lambda reason: reason)

    def held(self, name):
        return self.guest_is(name, blocked=lambda blocked: blocked["times"] > 1)

    def slices(self, name):
        """[(from, to)] of the holds that are over."""
        history = self.fakes_by_name[name].get()["history"]
        self.assertEqual([what for _, what in history][:-1:2], ["stop"] * (len(history) // 2))
        return [(stop[0], cont[0]) for stop, cont in zip(history[::2], history[1::2])]

    def test_slices(self):
        """Held, in slices that end, with the reason once and not for each; and it is over with the shortage."""
        guest = self.held("a")
        self.assertTrue(guest["running"]) # it is our doing
        self.assertGreater(guest["blocked"]["seconds"], 0.05)
        self.assertEqual(self.get("/v1/host")["state"], "low")
        wait_for("whole slices", lambda: len(self.slices("a")) > 1)
        for begin, end in self.slices("a"):
            self.assertLess(end - begin, 1.5) # on a machine that is very busy
        decisions = [e for e in self.events("decision", "a") if e["mechanism"] == "block"]
        self.assertEqual(len(decisions), 1, decisions)
        self.assertEqual((decisions[0]["reason"], decisions[0]["enacted"], decisions[0]["from"]), ("blocked", True, 0))
        self.assertLessEqual(decisions[0]["to"], 200_000)
        text = self.get("/metrics")
        assert_prometheus(self, text)
        self.assertGreater(self.metric("aerostat_guest_blocked_seconds_total", "a"), 0)
        self.assertGreater(self.metric("aerostat_guest_blocks_total", "a"), 1)
        self.configure(capacity="2G", rest="[block]\nslice = 200ms\n")
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.event("blocking", "a", "was blocked")
        for fake in self.fakes_by_name.values():
            self.assertTrue(fake.get()["running"])
        self.assertEqual(self.get("/v1/host")["blocked"], 0)

    def test_killed(self):
        self.held("a")
        self.stop(signal.SIGKILL)
        killed = time.monotonic()
        for fake in self.fakes_by_name.values():
            wait_for("it to run", lambda: fake.get()["running"])
        self.assertLess(time.monotonic() - killed, 2)

    def test_ends(self):
        self.held("a")
        self.assertEqual(self.stop(), 0)
        for fake in self.fakes_by_name.values():
            self.assertTrue(fake.get()["running"])
        self.assertEqual(list((self.dir / "held").iterdir()), [])

    def test_switched_off(self):
        self.stop()
        for fake in self.fakes_by_name.values():
            fake.set(used=148 * MIB)
        before = {name: len(fake.get()["history"]) for name, fake in self.fakes_by_name.items()}
        self.start_with("enable = no\n")
        wait_for("state low", lambda: self.get("/v1/host")["state"] == "low")
        self.served("a")
        for name, fake in self.fakes_by_name.items():
            self.assertEqual(len(fake.get()["history"]), before[name])

    def reload_with(self, block, mode=""):
        self.configure(capacity="256M", host=mode, rest=f"[block]\n{block}")
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)

    def goes_on_for_good(self):
        """Nobody is held, and nobody is again though decisions are made in state low."""
        wait_for("nobody to be held", lambda: self.get("/v1/host")["blocked"] == 0)
        before = {name: self.get(f"/v1/guests/{name}")["blocked"]["times"] for name in "ab"}
        decisions = self.get("/v1/host")["decisions_total"]
        wait_for("decisions", lambda: self.get("/v1/host")["decisions_total"] > decisions + 5)
        self.assertEqual(self.get("/v1/host")["state"], "low")
        for name in "ab":
            self.assertEqual(self.get(f"/v1/guests/{name}")["blocked"]["times"], before[name])
            self.assertTrue(self.fakes_by_name[name].get()["running"])

    def test_forbidden_in_the_midst(self):
        self.held("a")
        self.reload_with("enable = no\n")
        self.goes_on_for_good()

    def test_observed_in_the_midst(self):
        self.held("a")
        self.reload_with("slice = 200ms\n", mode="mode = observe")
        self.goes_on_for_good()

    def test_observed(self):
        """Only said."""
        self.stop()
        before = len(self.fakes_by_name["a"].get()["history"])
        self.start_with("slice = 200ms\n", mode="mode = observe")
        wait_for("decisions", lambda: self.get("/v1/host")["decisions_total"] > 5)
        self.assertEqual(len(self.fakes_by_name["a"].get()["history"]), before)
