# SPDX-License-Identifier: Apache-2.0
"""Guests that are broken, hostile or unlucky: each is dealt with, and the one beside it is served."""

import signal
import socket
import time
from urllib.parse import quote

from harness import MIB, DaemonTest, wait_for


class Bad(DaemonTest):
    """A host on which `good` can spare memory, and is needed to: it must be ballooned, come what may."""

    def setUp(self):
        super().setUp()
        self.configure(capacity="400M", host="qmp-timeout = 1s")

    def good(self):
        return self.fake("good.sock", used=240 * MIB, needs=60 * MIB)

    def good_is_served(self, fake):
        """It is looked at, decided upon, and what is decided reaches it."""
        self.served("good")
        status, answer = self.ask("PATCH", "/v1/guests/good", {"limit": "150M"})
        self.assertEqual(status, 200, answer)
        wait_for("the good guest at its limit", lambda: fake.get()["actual"] <= 150 * MIB)


class NoQmp(Bad):
    def broken(self, talk, file="bad.sock"):
        """A socket that talks so from the start, beside the good guest."""
        bad = self.fake(file, used=100 * MIB, talk=talk)
        good = self.good()
        self.start()
        self.managed("good")
        return bad, good

    def test_garbage(self):
        _, good = self.broken("garbage")
        guest = self.guest_is("bad", error=lambda error: error is not None)
        self.assertIn(guest["link"], ("down", "connecting", "silent"))
        self.assertIsNone(guest["reason"])
        self.good_is_served(good)

    def test_closes_within_a_document(self):
        _, good = self.broken("half")
        self.guest_is("bad", link="down")
        self.good_is_served(good)

    def test_no_greeting(self):
        _, good = self.broken("deaf")
        self.guest_is("bad", link=lambda link: link in ("silent", "down"))
        self.good_is_served(good)

    def test_wrong_id(self):
        _, good = self.broken("wrong-id")
        self.guest_is("bad", error=lambda error: error is not None)
        self.good_is_served(good)
        self.assertIsNone(self.guest("bad")["reason"])

    def test_never_answers(self):
        _, good = self.broken("mute")
        self.guest_is("bad", link=lambda link: link in ("silent", "down"))
        self.good_is_served(good)

    def test_flood(self):
        """100 MB without an end do not end up in the daemon's memory."""
        _, good = self.broken("flood")
        self.guest_is("bad", error=lambda error: error is not None)
        self.good_is_served(good)
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        self.assertLess(int(peak.split()[1]), 100 * 1024, peak)

    def test_recovers(self):
        """What was no QMP becomes one (QEMU was still starting): it is found by itself."""
        bad, good = self.broken("half")
        self.guest_is("bad", link="down")
        bad.set(talk="qmp")
        self.managed("bad")
        self.good_is_served(good)

    def test_no_listener(self):
        """A socket file that nobody listens on, and a file that is no socket."""
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.guests_dir / "dead.sock"))
        dead.close()
        (self.guests_dir / "file.sock").write_text("no socket")
        good = self.good()
        self.start()
        self.managed("good")
        self.good_is_served(good)


class Falls(Bad):
    """Guests that were well at first."""

    def setUp(self):
        super().setUp()
        self.victim = self.fake("victim.sock", used=120 * MIB)
        self.good_fake = self.good()
        self.start()
        self.managed("victim")
        self.managed("good")

    def test_stopped_process(self):
        self.victim.signal(signal.SIGSTOP)
        guest = self.guest_is("victim", link="silent", reason="unreachable")
        # What it holds is still counted.
        self.assertGreaterEqual(guest["resident"], 100 * MIB)
        self.event("guest-link", "victim", "silent")
        self.good_is_served(self.good_fake)
        self.assertGreaterEqual(self.get("/v1/host")["resident"], 100 * MIB)
        self.victim.signal(signal.SIGCONT)
        self.guest_is("victim", link="up", reason=lambda reason: reason != "unreachable")

    def test_killed(self):
        self.victim.signal(signal.SIGKILL)
        wait_for("the victim to be gone", lambda: self.ask("GET", "/v1/guests/victim")[0] == 404)
        self.event("guest-gone", "victim")
        self.good_is_served(self.good_fake)

    def test_killed_and_started_again(self):
        self.victim.close()
        wait_for("the victim to be gone", lambda: self.ask("GET", "/v1/guests/victim")[0] == 404)
        self.fake("victim.sock", used=10 * MIB)
        self.managed("victim")
        self.good_is_served(self.good_fake)

    def test_paused(self):
        self.victim.set(running=False, needs=20 * MIB)
        self.guest_is("victim", running=False)
        self.assertEqual(self.ask("PATCH", "/v1/guests/victim", {"limit": "80M"})[0], 200)
        guest = self.guest_is("victim", reason="not-running")
        self.assertEqual(guest["link"], "up")
        self.assertEqual(self.victim.get()["targets"], [])
        self.good_is_served(self.good_fake)

    def test_mute_within_a_decision(self):
        """The balloon command is not answered: the order is recorded as not done, and others go on."""
        self.victim.set(talk="mute-balloon", needs=20 * MIB)
        self.ask("PATCH", "/v1/guests/victim", {"limit": "80M"})
        event = self.event("decision", "victim", "not done")
        self.assertIs(event["enacted"], False)
        self.good_is_served(self.good_fake)

    def test_gone_within_a_decision(self):
        """It ends after it was sent a target and before it answers."""
        self.victim.set(talk="mute-balloon", needs=20 * MIB)
        self.ask("PATCH", "/v1/guests/victim", {"limit": "80M"})
        wait_for("the target to be sent", lambda: self.victim.get()["targets"])
        self.victim.close()
        self.event("decision", "victim", "not done")
        wait_for("the victim to be gone", lambda: self.ask("GET", "/v1/guests/victim")[0] == 404)
        self.good_is_served(self.good_fake)

    def test_refuses(self):
        """QEMU refuses the target each time: it is asked again less and less often."""
        self.victim.set(balloon="refuse", needs=20 * MIB)
        self.ask("PATCH", "/v1/guests/victim", {"limit": "80M"})
        begun = time.monotonic()
        event = self.event("decision", "victim", "does not want to")
        self.assertIs(event["enacted"], False)
        wait_for("a second attempt", lambda: len(self.victim.get()["targets"]) >= 2)
        self.good_is_served(self.good_fake)
        # A decision every 200 ms, and yet: pauses of 1 s, 2 s, 4 s...
        passed = time.monotonic() - begun
        self.assertLessEqual(len(self.victim.get()["targets"]), 2 + passed)

    def test_balloon_unplugged(self):
        self.victim.set(device=False)
        self.guest_is("victim", balloon=lambda b: b["driver"] == "no-device")
        self.good_is_served(self.good_fake)


class Drivers(Bad):
    CONFIG = ("[policy]\nperiod = 200ms\nstats-period = 1s\nstall = 1s\nstall-backoff = 30s\n")

    def test_no_device(self):
        bad = self.fake("bad.sock", used=200 * MIB, device=False, stats="none")
        good = self.good()
        self.start()
        guest = self.guest_is("bad", reason="no-driver")
        self.assertEqual(guest["balloon"]["driver"], "no-device")
        self.good_is_served(good)
        self.assertEqual(bad.get()["targets"], [])

    def test_no_driver(self):
        """A device that nobody in the guest drives: it is found out, and not asked again and again."""
        bad = self.fake("bad.sock", used=200 * MIB, balloon="ignore", stats="none")
        good = self.good()
        self.start()
        self.managed("bad")
        self.good_is_served(good)
        self.guest_is("bad", balloon=lambda b: b["driver"] in ("absent", "stalled", "unknown"))
        self.calm(bad)

    def test_ignores_the_target(self):
        bad = self.fake("bad.sock", used=200 * MIB, needs=40 * MIB, balloon="ignore")
        good = self.good()
        self.start()
        self.guest_is("bad", balloon=lambda b: b["driver"] == "stalled")
        self.event("guest-driver", "bad", "stalled")
        self.good_is_served(good)
        # Its target was set back to what it is.
        self.assertEqual(bad.get()["target"], 256 * MIB)
        self.calm(bad)

    def test_stops_short(self):
        """The balloon ends at what the guest can't give: the target is set back to it."""
        bad = self.fake("bad.sock", used=230 * MIB, needs=20 * MIB, balloon="floor", floor=200 * MIB)
        good = self.good()
        self.start()
        self.guest_is("bad", balloon=lambda b: b["driver"] == "stalled")
        wait_for("the target at what was reached",
                 lambda: bad.get()["target"] == bad.get()["actual"] == 200 * MIB)
        self.good_is_served(good)
        self.calm(bad, reached=200 * MIB)

    def calm(self, fake, reached=256 * MIB):
        """What it could not reach is not asked of it again while a dozen decisions are made."""
        sent = len(fake.get()["targets"])
        before = self.get("/v1/host")["decisions_total"]
        wait_for("a dozen decisions", lambda: self.get("/v1/host")["decisions_total"] > before + 12)
        self.assertEqual([t for t in fake.get()["targets"][sent:] if t < reached], [])


class Statistics(Bad):
    def lies(self, expected, **options):
        liar = self.fake("liar.sock", used=150 * MIB, **options)
        good = self.good()
        self.start()
        self.managed("liar")
        self.guest_is("liar", stats=lambda stats: stats["trust"] in expected)
        self.good_is_served(good)
        return liar

    def test_absurd(self):
        self.lies(("absurd",), stats={"stat-total-memory": 1 << 62})

    def test_contradictory(self):
        self.lies(("contradictory", "absurd"), stats={"stat-free-memory": 250 * MIB,
                                                      "stat-available-memory": 1 * MIB,
                                                      "stat-total-memory": 100 * MIB})

    def test_missing(self):
        self.lies(("absent",), stats="none")

    def test_frozen(self):
        self.CONFIG = "[policy]\nperiod = 200ms\nstats-period = 1s\nstats-stale = 2s\n"
        self.configure(capacity="400M")
        self.lies(("stale",), stats="frozen")

    def test_plays_rich(self):
        """It claims to have memory to spare that its balloon can't get: this is found out."""
        self.CONFIG = "[policy]\nperiod = 200ms\nstats-period = 1s\nstall = 1s\n"
        self.configure(capacity="300M")
        liar = self.lies(("refuted",), balloon="floor", floor=230 * MIB,
                         stats={"stat-available-memory": 200 * MIB, "stat-free-memory": 200 * MIB})
        self.assertGreaterEqual(liar.get()["actual"], 230 * MIB)

    def test_plays_poor(self):
        """It claims to starve for ever: nobody else is made to starve for it."""
        self.fake("poor.sock", used=256 * MIB, stats={
            "stat-available-memory": 0, "stat-free-memory": 0})
        good = self.fake("good.sock", used=240 * MIB, needs=120 * MIB)
        self.start()
        self.managed("poor")
        self.managed("good")
        wait_for("the host to be out of need",
                 lambda: self.get("/v1/host")["state"] not in ("hard", "low"))
        self.served("good")
        # The good guest gave what it could spare, and no more.
        self.assertLess(good.get()["actual"], 256 * MIB)
        self.assertGreaterEqual(min(good.get()["targets"]), 120 * MIB)
        wait_for("the good guest to be at ease", lambda: self.guest("good")["distress"] == [])


class Names(Bad):
    def test_two_of_one_name(self):
        first = self.fake("one.sock", name="twin", used=20 * MIB)
        self.start()
        self.managed("twin")
        second = self.fake("two.sock", name="twin", used=30 * MIB)
        other = f"twin@{second.pid}"
        self.managed(other)
        self.assertEqual(self.guest("twin")["pid"], first.pid)
        self.assertEqual(self.guest(other)["pid"], second.pid)
        self.event("guest-added", other, "already has its name")
        self.assertIn(f"guest {other}: another guest is already named 'twin'", self.log())
        # They are two: what is set for one does not concern the other.
        self.assertEqual(self.ask("PATCH", f"/v1/guests/{other}", {"shares": 7})[0], 200)
        self.assertEqual(self.guest(other)["shares"], 7)
        self.assertNotEqual(self.guest("twin")["shares"], 7)
        first.close()
        wait_for("the first to be gone", lambda: self.ask("GET", "/v1/guests/twin")[0] == 404)
        self.assertEqual(self.guest(other)["shares"], 7)

    def test_configuration_is_for_both(self):
        self.configure(rest='[vm "twin"]\nshares = 77\n')
        self.fake("one.sock", name="twin", used=20 * MIB)
        second = self.fake("two.sock", name="twin", used=30 * MIB)
        self.start()
        wait_for("both", lambda: self.get("/v1/host")["guests_up"] == 2
                 and all(g["reason"] for g in self.get("/v1/guests")["guests"]))
        self.assertEqual([g["shares"] for g in self.get("/v1/guests")["guests"]], [77, 77])
        self.assertTrue(second.pid)

    def test_strange_names(self):
        for number, name in enumerate(['a/b', 'quo"te\\', "sp ace", "ünï", "?x=1&y#z", "%41"]):
            self.fake(f"{number}.sock", name=name, used=MIB, size=32 * MIB)
        self.start()
        wait_for("all", lambda: self.get("/v1/host")["guests_up"] == 6)
        for name in ('a/b', 'quo"te\\', "sp ace", "ünï", "?x=1&y#z", "%41"):
            with self.subTest(name=name):
                self.assertEqual(self.guest(quote(name, safe=""))["name"], name)
        self.assertIn('domain="quo\\"te\\\\"', self.get("/metrics"))

    def test_newline_in_a_name(self):
        self.fake("x.sock", name="two\nlines", used=MIB)
        self.start()
        guest = wait_for("it", lambda: [g for g in self.get("/v1/guests")["guests"] if g["reason"]])
        self.assertNotIn("\n", guest[0]["name"])
        self.assertEqual([line for line in self.log().splitlines() if line.startswith("lines")], [])

    def test_no_name(self):
        self.fake("plain.sock", name=None, used=MIB)
        self.start()
        self.managed("plain")
