# SPDX-License-Identifier: Apache-2.0
"""Each verb of aerostat: its text, its JSON, its exit codes. Against canned answers (fake_api.py)."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from fake_api import (HOSTILE, FakeApi, Raw, documented, error, event, guest, host, older, paged, silent_listener,
                      swapped, unknown_guest)
from program import AEROSTAT, assert_harmless, environment, golden, run

G = 1 << 30

ODD_GUESTS = [
    guest("db", distress=["swap-in", "low-available"], size=4 * G, resident=3 * G + 1),
    unknown_guest("new"),
    guest("データ", size=512 << 20),
    guest("zoë\u0301", reason="nothing-free", pager=None),
    guest(HOSTILE),
    guest("x" * 300),
    guest("types", size="12", resident=-1, active=1.5, balloon=[], distress="no list", driver=7, reason={},
          pager={"standing": 7, "bytes": [], "rates": {"out": "x"}, "faults": {"swapped": 3}, "held": 1},
          lost={"part": "much", "seconds": 3}, blocked=7, shared=[], kernel_swap={"standing": 1, "rates": []},
          admitted="perhaps", guest_swap_seen=-1),
    guest("huge", size=2**64 - 2, resident=2**64 - 1, active=2**63),
]


class Case(unittest.TestCase):
    def check(self, process, code=0, message=None):
        """Exit code, and a message in one line where one is expected, else none."""
        stderr = process.stderr.decode()
        self.assertEqual(process.returncode, code, stderr)
        if message is None:
            self.assertEqual(stderr, "")
        else:
            self.assertIn(message, stderr)
            self.assertEqual(stderr.count("\n"), 1, stderr)
            self.assertTrue(stderr.startswith("aerostat: "), stderr)
        return process.stdout.decode() if process.stdout is not None else None


class Status(Case):
    def test_text(self):
        with FakeApi() as api:
            golden(self, "status.txt", self.check(run("status", api=api)))

    def test_no_guests(self):
        with FakeApi(guests=[], guests_up=0, psi=None) as api:
            self.assertTrue(self.check(run("status", api=api)).endswith("\n\nno guests\n"))

    def test_odd_guests(self):
        with FakeApi(guests=ODD_GUESTS, state=None, capacity=None, overcommit=1e300) as api:
            process = run("status", api=api)
            assert_harmless(self, process.stdout)
            golden(self, "status-odd.txt", self.check(process))

    def status(self, guests, **host_changes):
        with FakeApi(guests=guests, **host_changes) as api:
            return self.check(run("status", api=api))

    def test_state_and_marks(self):
        """How far it is to the next state and to the best one, and the time spent in each."""
        M = 1 << 20
        marks = {"high": 60 * M, "clear": 50 * M, "soft": 32 * M, "hard": 16 * M, "low": 8 * M}
        spent = {"high": 100, "clear": 20.5, "soft": 3, "hard": 0, "low": 0}
        for state, free, words in (("high", 70 * M, "20M above clear   mode"), ("clear", 40 * M, "8M above soft   20M below high"),
                                   ("hard", 10 * M, "2M above low   50M below high"), ("low", 5 * M, "s   55M below high"),
                                   # Free memory has fallen below the mark, and nothing was decided since.
                                   ("high", 40 * M, "0 above clear"), ("clear", 70 * M, "38M above soft   0 below high")):
            with self.subTest(state, free=free):
                lines = self.status([], state=state, free=free, marks=marks, state_seconds=spent).splitlines()
                self.assertIn(words, lines[0])
        self.assertEqual(lines[1], "high 100 s   [clear <50M 20 s]   soft <32M 3.0 s   hard <16M 0 s   low <8M 0 s")

    def test_sharing_line(self):
        sharing = documented("Host")["sharing"]
        for changes, words in (({"run": False, "reason": "nothing", "explain": "looks again in 60 s"},
                                r"sharing off   saved 32M .* cpu 12%   nothing: looks again in 60 s"),
                               ({"run": False, "reason": "off", "blocker": "batch could be merged too"},
                                r"sharing off .*   off: batch could be merged too"),
                               ({"supported": False, "run": False, "explain": "no KSM"}, r"sharing impossible .*: no KSM")):
            with self.subTest(words):
                self.assertRegex(self.status([], sharing={**sharing, **changes}).splitlines()[5], words)

    def test_swap_pool_line(self):
        pool = documented("Host")["swap_pool"]
        for changes, words in (({"growing": True}, "zswap off   growing"), ({"error": "the disk is full"}, "zswap off   the disk is full"),
                               ({"zswap": {"on": True, "payload": 30 << 20, "pool": 10 << 20}}, "used 100M of 1G   zswap 30M in 10M")):
            with self.subTest(words):
                self.assertTrue(self.status([], swap_pool={**pool, **changes}).splitlines()[6].endswith(words))
        self.assertEqual(self.status([], swap_pool=None).splitlines()[6], "swap pool none")

    def test_private_guest(self):
        """The pages that the kernel swaps stand where those of pagers do; zswap's are compressed ones."""
        text = self.status([swapped(), swapped("z", kernel_swap={"zswapped": 60 << 20}), guest("p")])
        table = text.split("\n\n")[2].splitlines()
        rows = {line.split()[0]: dict(zip(table[0].split(), line.split())) for line in table[1:]}
        self.assertEqual([rows[name]["PAGER"] for name in "db z p".split()], ["kernel", "kernel", "serving"])
        self.assertEqual([rows[name]["SWAPPED"] for name in "db z p".split()], ["100M", "40M", "44M"])
        self.assertEqual([rows[name]["ZIPPED"] for name in "db z p".split()], ["-", "60M", "24M"])

    def test_notes(self):
        """What is true of several guests is said once; nothing is said that is not known."""
        self.assertEqual(self.status([guest(), unknown_guest("new")]).count("\n\n"), 2)
        text = self.status([guest("a", guest_swap="absent"), guest("b", guest_swap="short"),
                            swapped("c", kernel_swap={"standing": "waiting"}, guest_swap="absent"),
                            guest("d", blocked={"now": True, "seconds": 1, "owed": 1}, admitted=False),
                            guest("e", shared={"standing": "refused"})])
        notes = text.split("\n\n")[3].splitlines()
        self.assertEqual([note.split(": ")[0] for note in notes], ["d", "a, c", "b", "c", "e", "d"])
        for note, words in zip(notes, ("blocked", "no swap of its own", "too little swap", "put nothing", "sharing", "admit")):
            self.assertIn(words, note)
        text = self.status([guest(f"vm{i}", admitted=False) for i in range(100)] + [guest(HOSTILE, admitted=False)])
        self.assertRegex(text.splitlines()[-1], "^vm0, vm1, .*vm11 and 89 more: not admitted")
        assert_harmless(self, self.status([guest(HOSTILE, admitted=False)]).encode())

    def test_older_daemon(self):
        """What the first release did not say is unknown, and nothing else is lost by that."""
        with FakeApi(guests=[older(guest())]) as api:
            api.answers["GET /v1/host"] = older(host())
            golden(self, "status-older.txt", self.check(run("status", api=api)))
            golden(self, "explain-older.txt", self.check(run("explain", "web", api=api)))

    def test_json_is_the_apis(self):
        with FakeApi(guests=ODD_GUESTS) as api:
            process = run("--json", "status", api=api)
            assert_harmless(self, process.stdout)
            output = self.check(process)
            self.assertEqual(output.count("\n"), 1)
            self.assertEqual(json.loads(output)["host"], host())
            self.assertEqual(json.loads(output)["guests"], ODD_GUESTS)

    def test_ten_thousand_guests(self):
        with FakeApi(guests=[guest(f"vm{i:05}", pager=None) for i in range(10000)]) as api:
            lines = self.check(run("status", api=api)).splitlines()
            self.assertEqual(len(lines), 7 + 1 + 1 + 10000)
            self.assertTrue(lines[-1].startswith("vm09999 "))


class Explain(Case):
    def test_text(self):
        with FakeApi() as api:
            golden(self, "explain.txt", self.check(run("explain", "web", api=api)))
            self.assertIn(("GET", "/v1/decisions?limit=8&guest=web", None), api.requests)

    def test_nothing_known(self):
        with FakeApi(guests=[unknown_guest("new")]) as api:
            api.answers["GET /v1/decisions"] = {"next": 0, "lost": 0, "events": []}
            golden(self, "explain-unknown.txt", self.check(run("explain", "new", api=api)))

    def test_distress_and_observe(self):
        with FakeApi(guests=[guest(distress=["swap-in"], distress_age=3.25, exempt=True, reason="exempt",
                                   running=False, balloon={"driver": "working", "current": G, "target": 2 * G,
                                                           "max": 3 * G})]) as api:
            many = [event(seq=i, enacted=False, to=i << 20) for i in range(100)]
            api.answers["GET /v1/decisions"] = {"next": 100, "lost": 0, "events": many}
            text = self.check(run("explain", "web", api=api))
        self.assertIn("distress    swap-in, for 3.2 s\n", text)
        self.assertIn("1G, target 2G (inflating), at most 3G", text)
        self.assertIn("; exempt\n", text)
        self.assertIn(", not running\n", text)
        self.assertEqual(text.count("(not enacted)"), 8)
        self.assertLess(text.index("to 99M"), text.index("to 98M"))

    def pager_lines(self, **changes):
        """What is said of the pager."""
        with FakeApi(guests=[paged(**changes)]) as api:
            text = self.check(run("explain", "web", api=api))
        return text[text.index("\npager ") + 1:text.index("\nblocked ") + 1]

    def test_pager_standings(self):
        """One that does not serve is said to, with the reason, and nothing is made up about its map."""
        unknown = {key: None for key in documented("Guest")["pager"]}
        for standing, words in (("preparing", "swap file is being allocated"), ("missing", "another takes over"),
                                ("beginning", "is starting"), ("ending", "ends after that"),
                                ("refused", "can't have one"), ("none", "none yet"), ("new", "new")):
            with self.subTest(standing):
                text = self.pager_lines(**{**unknown, "standing": standing, "error": "because of\x1b[2J reasons"})
                self.assertRegex(text, rf"\Apager       .*{words}.*\n            because of\\x1b\[2J reasons\n\Z")
        with FakeApi(guests=[guest(pager=None)]) as api:
            self.assertIn("host swap   none: the guest has its balloon alone\n",
                          self.check(run("explain", "web", api=api)))

    def test_pager_decision(self):
        with FakeApi() as api:
            api.answers["GET /v1/decisions"] = {"next": 1, "lost": 0, "events": [
                event(mechanism="swap", reason="swap-instead", **{"from": 2**64 - 1, "to": 384 << 20})]}
            self.assertIn("host clear: swap from all to 384M, swap-instead\n",
                          self.check(run("explain", "web", api=api)))
            api.answers["GET /v1/decisions"] = {"next": 1, "lost": 0, "events": [
                event(mechanism="block", reason="blocked", state="low", **{"from": 0, "to": 500000})]}
            self.assertIn("host low: block for 0.5 s, blocked\n", self.check(run("explain", "web", api=api)))

    def test_pager_troubles(self):
        golden(self, "explain-held.txt", self.pager_lines(
            phase="parking", evicting=False, error="/dev/sda is open with O_DIRECT", allowed=None, takeovers=2,
            io_errors=9, stopped=True, held={"pages": 3, "offset": 8192, "error": "Input/output error"},
            faults={}, sampling={"active": None}))
        self.assertIn("; parked: all that", self.pager_lines(parked=True))
        self.assertIn("; unparking: ", self.pager_lines(phase="unparking", parked=True))

    def explain(self, one, **host_changes):
        with FakeApi(guests=[one], **host_changes) as api:
            return self.check(run("explain", one["name"], api=api))

    def test_kernel_swap(self):
        golden(self, "explain-kernel.txt", self.explain(swapped(
            kernel_swap={"method": "memory.reclaim", "method_reason": None, "cgroup": "/machine/db", "source": "idle-pages",
                         "zswapped": 60 << 20}, paged_by_guest=5 << 20, admitted=False, guest_swap="short",
            guest_swap_seen=100 << 20, blocked={"now": True, "seconds": 1.5, "times": 3, "owed": 1.25})))
        self.assertIn("by pageout: the daemon chooses pages, and has the kernel put these out\n"
                      "            not by a better means: no cgroup of its own\n", self.explain(swapped()))
        unknown = {key: None for key in documented("Guest", 1)}
        for standing, words in (("waiting", "waits for swap space"), ("refused", "refused"), ("none", "not yet"), ("new", "new")):
            with self.subTest(standing):
                text = self.explain(swapped(kernel_swap={**unknown, "standing": standing, "error": "because"}))
                self.assertRegex(text, rf"\nhost swap   {words}.*\n            because\nblocked")

    def test_sharing(self):
        for standing, words in (("out", "none: it has not opted in"), ("asked", "its VMM is being told, of domain d: 2M merged"),
                                ("in", "may be merged, of domain d: 2M merged, which saves 1M"), ("waiting", "waits, since"),
                                ("refused", "can't be merged, of domain d"), ("new", "new, of domain d")):
            with self.subTest(standing):
                text = self.explain(swapped(shared={"standing": standing, "domain": "d", "error": "because", "merged": 2 << 20,
                                                    "saved": 1 << 20}))
                self.assertRegex(text, rf"\nsharing     {words}.*\n            because\n")
                self.assertEqual("the host looks for identical pages now: one sentence\n" in text, standing != "out")
        self.assertIn("no private memory, which alone", self.explain(guest(shared={"standing": "out"})))
        off = {**documented("Host")["sharing"], "run": False, "blocker": "vm3 could be merged as well"}
        self.assertIn("the host does not look for identical pages now: vm3 could be", self.explain(swapped(), sharing=off))

    def test_guest_swap(self):
        for swap, seen, words in (("unknown", 0, "not known: it has never paged out, and is treated as one without\n"),
                                  ("present", 3 << 20, "it has swap of its own\n            most that was seen in it: 3M\n"),
                                  ("absent", 0, "none: the balloon takes no more than .*\n            a good rule is 333M, 65 %"),
                                  ("short", 3 << 20, "too little: .*\n            most that was seen in it: 3M\n            a good rule is 333M"),
                                  (None, None, "not known\n"), ("new", None, "new\n")):
            with self.subTest(swap):
                self.assertRegex(self.explain(guest(guest_swap=swap, guest_swap_seen=seen)), rf"\nguest swap  {words}")

    def test_double_paging(self):
        """Nothing is said of a share of nothing."""
        out = {"zero": 0, "compressed": 80 << 20, "swapped": 40 << 20}
        self.assertIn("twice       of 120M that the host put out, the guest later paged out 3M itself, at most (2.5 %)\n",
                      self.explain(paged(evicted=out) | {"paged_by_guest": 3 << 20}))
        for nothing in (guest(pager=None), paged(evicted=dict.fromkeys(out, 0)), paged(evicted={"zero": 1}),
                        guest(paged_by_guest=None)):
            self.assertNotIn("twice ", self.explain(nothing))

    def test_json(self):
        with FakeApi() as api:
            answer = json.loads(self.check(run("explain", "--json", "web", api=api)))
            self.assertEqual(answer.pop("decisions"), [event()])
            self.assertEqual(answer, guest())

    def test_names_are_escaped(self):
        for name in ("a/b", "..", "ü?x=1&y#", "%41", HOSTILE):
            with self.subTest(name), FakeApi(guests=[guest(name)]) as api:
                process = run("explain", name, api=api)
                self.check(process)
                assert_harmless(self, process.stdout)

    def test_hostile_texts(self):
        bad = guest(HOSTILE, explain=HOSTILE, reason=HOSTILE, error=HOSTILE, vmm=HOSTILE, socket=HOSTILE,
                    distress=[HOSTILE])
        with FakeApi(guests=[bad]) as api:
            api.answers["GET /v1/decisions"] = {"next": 1, "events": [event(text=HOSTILE, state=HOSTILE)]}
            for flags in ([], ["--json"]):
                process = run("explain", HOSTILE, *flags, api=api)
                self.check(process)
                assert_harmless(self, process.stdout)

    def test_not_found(self):
        with FakeApi() as api:
            process = run("explain", "nobody", api=api)
            self.assertEqual(self.check(process, 3, "there is no /v1/guests/nobody"), "")


class Set(Case):
    def test_values(self):
        for words, body in (
                (["shares=high"], {"shares": "high"}),
                (["shares=4000", "limit=1.5G"], {"shares": 4000, "limit": 3 * G // 2}),
                (["reservation=256M", "exempt=yes"], {"reservation": 256 << 20, "exempt": True}),
                (["reservation=0", "exempt=off", "limit=none"], {"reservation": 0, "exempt": False, "limit": "none"}),
                (["guest-swap=no"], {"guest_swap": "no"}),
                (["guest-swap=present"], {"guest_swap": "present"}),
                (["pager=no"], {"pager": False}),
                (["share=web servers"], {"share": "web servers"}),
                (["share=none"], {"share": "none"}),
                (["shares=", "limit=default", "exempt=", "share="],
                 {"shares": None, "limit": None, "exempt": None, "share": None})):
            with self.subTest(words), FakeApi() as api:
                text = self.check(run("set", "web", *words, api=api))
                self.assertEqual(api.requests, [("PATCH", "/v1/guests/web", body)])
                self.assertEqual(text, "web: shares=5120 reservation=0 limit=512M exempt=no guest-swap=unknown share=web\n")

    def test_json(self):
        with FakeApi() as api:
            self.assertEqual(json.loads(self.check(run("set", "web", "shares=low", "--json", api=api))), guest())

    def test_mistakes_are_found_here(self):
        for words, message in (
                ([], "something is missing"),
                (["shares"], "'shares' is no key=value"),
                (["=5"], "unknown setting ''"),
                (["colour=red"], "unknown setting 'colour': there are shares, reservation, limit, exempt, "),
                (["shares=0"], "shares=0: it takes high, normal, low or a number from 1"),
                (["shares=-1"], "shares=-1"),
                (["shares=lots"], "shares=lots"),
                (["limit=2X"], "limit=2X: it takes none or a size like 1G"),
                (["reservation=-1"], "reservation=-1"),
                (["exempt=maybe"], "exempt=maybe: it takes yes or no"),
                (["guest-swap=2"], "guest-swap=2"),
                (["limit=1G", "limit=2G"], "'limit' is given twice"),
                (["limit=1G", "colour=red"], "unknown setting 'colour'")):
            with self.subTest(words), FakeApi() as api:
                self.assertEqual(self.check(run("set", "web", *words, api=api), 2, message), "")
                self.assertEqual(api.requests, [])

    def test_refused(self):
        for status, code, exit_code in ((400, "bad-request", 1), (403, "forbidden", 4), (404, "not-found", 3),
                                        (409, "conflict", 1), (413, "too-large", 1), (503, "busy", 1)):
            with self.subTest(status), FakeApi() as api:
                api.answers["PATCH /v1/guests/web"] = error(status, code, "reservation is above limit")
                self.check(run("set", "web", "reservation=1G", api=api), exit_code, "reservation is above limit")


class Admit(Case):
    def test_admitted(self):
        with FakeApi() as api:
            self.assertEqual(self.check(run("admit", "--size", "1G", api=api)), "admitted: it fits\n")
            text = self.check(run("admit", "--size=2G", "--reservation=512M", "--name=web", "--ram=private", "--json",
                                  api=api))
            self.assertEqual(json.loads(text)["hold"], 60)
            self.assertEqual([body for _, _, body in api.requests], [
                {"size": G}, {"size": 2 * G, "reservation": G // 2, "name": "web", "ram": "private"}])

    def test_refused(self):
        """Not an error: the reason is the answer."""
        with FakeApi() as api:
            api.answers["POST /v1/admit"] = {"admitted": False, "reason": "no-swap", "text": "no\x1b[2J room",
                                             "hold": 0}
            process = run("admit", "--size", "1G", api=api)
            assert_harmless(self, process.stdout)
            self.assertIn("room", self.check(process, 1))
            self.assertEqual(json.loads(self.check(run("admit", "--size", "1G", "--json", api=api), 1))["reason"],
                             "no-swap")

    def test_mistakes(self):
        for words, says in ((["admit"], "--size is missing"), (["admit", "--size", "x"], "--size x: it takes a size"),
                            (["admit", "--size", "1G", "--reservation", "-1"], "--reservation -1: it takes a size"),
                            (["admit", "--size", "1G", "--ram", "disk"], "it is memfd or private"),
                            (["admit", "--size", "1G", "web"], "one word too many")):
            with self.subTest(words):
                self.assertIn(says, run(*words).stderr.decode())
                self.assertEqual(run(*words).returncode, 2)

    def test_failures(self):
        self.assertEqual(run("admit", "--size", "1G", "--socket", "/nonexistent").returncode, 7)
        with FakeApi() as api:
            for answer, code, says in ((error(403, "forbidden", "only root may"), 4, "only root may"),
                                       (error(503, "busy", "not known yet"), 1, "not known yet"),
                                       ({"admitted": 1}, 1, "says nothing about admission")):
                api.answers["POST /v1/admit"] = answer
                self.assertEqual(self.check(run("admit", "--size", "1G", api=api), code, says), "")


class Release(Case):
    def test_one(self):
        with FakeApi() as api:
            text = self.check(run("release", "web", api=api))
            self.assertEqual(text, "web: released; 128M are still to be given back\n")
            self.assertEqual(api.requests, [("POST", "/v1/guests/web/release", None)])

    def test_all(self):
        with FakeApi() as api:
            self.assertEqual(self.check(run("release", api=api)), "3 guests released\n")
            self.assertEqual(json.loads(self.check(run("release", "--json", api=api))), {"released": 3})
            self.assertEqual(api.requests[0], ("POST", "/v1/release", None))

    def test_forbidden(self):
        with FakeApi() as api:
            api.answers["POST /v1/release"] = error(403, "forbidden", "only root and the group adm may")
            self.check(run("release", api=api), 4, "only root and the group adm may")


class Park(Case):
    def test_returns_at_once(self):
        with FakeApi(guests=[paged(phase="parking")]) as api:
            text = self.check(run("park", "web", api=api))
            self.assertEqual(text, "web: parking: 372M resident, 40M zero, 24M compressed, 44M swapped\n")
            self.assertEqual(api.requests, [("POST", "/v1/guests/web/park", None)])
            self.assertEqual(json.loads(self.check(run("unpark", "web", "--json", api=api))), paged(phase="parking"))
            self.assertEqual(api.requests[1], ("POST", "/v1/guests/web/unpark", None))

    def waited(self, verb, *looks, code=0, message=None, flags=()):
        """Each look at the guest sees the next of these; the last one for ever."""
        left = list(looks)
        with FakeApi(guests=[paged()]) as api:
            api.answers["GET /v1/guests/web"] = lambda: left.pop(0) if len(left) > 1 else left[0]
            text = self.check(run(verb, "web", "--wait", *flags, api=api), code, message)
            self.assertEqual(len(left), 1)
            return text

    def test_wait(self):
        out = {"absent": 0, "resident": 0, "zero": 256 << 20, "compressed": 0, "swapped": 256 << 20}
        text = self.waited("park", paged(phase="parking"), paged(standing="missing", phase=None),
                           paged(phase="parking", parked=True), paged(parked=True, bytes=out))
        self.assertEqual(text, "web: parked: 0 resident, 256M zero, 0 compressed, 256M swapped\n")
        text = self.waited("unpark", paged(phase="unparking", parked=True), paged())
        self.assertEqual(text, "web: unparked: 372M resident, 40M zero, 24M compressed, 44M swapped\n")
        self.assertEqual(json.loads(self.waited("park", paged(parked=True), flags=["--json"])), paged(parked=True))

    def test_begins_late(self):
        self.waited("park", paged(), paged(), paged(phase="parking"), paged(parked=True))

    def test_fails(self):
        for looks, message in (
                ([paged(phase="parking"), paged(error="the disk is full")], "web: it was not parked: the disk is full"),
                ([paged(phase="parking"), paged()], "it was not parked: the pager has given up"),
                ([paged(phase="parking"), paged(standing="refused", error="no\x07")], "not parked: no\\x07"),
                ([paged(phase="parking"), guest(pager=None)], "not parked")):
            with self.subTest(message):
                self.assertEqual(self.waited("park", *looks, code=1, message=message), "")
        self.waited("park", paged(phase="parking"), error(404, "not-found", "there is no guest"), code=3,
                    message="there is no guest")

    def test_refused(self):
        with FakeApi() as api:
            for verb in ("park", "unpark"):
                for flags in ([], ["--wait"]):
                    api.answers[f"POST /v1/guests/web/{verb}"] = error(409, "conflict", "guest web has no pager: why")
                    self.check(run(verb, "web", *flags, api=api), 1, "guest web has no pager: why")
                    self.check(run(verb, "nobody", *flags, api=api), 3, "nobody")
                    api.answers[f"POST /v1/guests/web/{verb}"] = error(403, "forbidden", "only root may")
                    self.check(run(verb, "web", *flags, api=api), 4, "only root may")


class Translate(Case):
    def translated(self, *words, **changes):
        with FakeApi() as api:
            api.answers["GET /v1/guests/web/translate"] = {**documented("Translation"), **changes}
            text = self.check(run("translate", "web", *words, api=api))
            self.assertEqual(len(api.requests), 1)
            return api.requests[0][1], text

    def memory(self, **page):
        return {"address": 0x7f0000000000, "source": "pager", "page": 7, "sampled": False, **page}

    def test_questions(self):
        for words, path in ((["0x1000"], "?gpa=0x1000"), (["4096"], "?gpa=0x1000"), (["0"], "?gpa=0x0"),
                            (["0XFFFFFFFFFFFFFFFF"], "?gpa=0xffffffffffffffff"),
                            (["--gva", "0xffff888000000000"], "?gva=0xffff888000000000&cpu=0"),
                            (["--gva=1", "--cpu", "3"], "?gva=0x1&cpu=3")):
            with self.subTest(words):
                self.assertEqual(self.translated(*words)[0], "/v1/guests/web/translate" + path)

    def test_mistakes(self):
        for words, message in (([], "something is missing"), (["web"], "something is missing"),
                               (["web", "x"], "'x' is no address"), (["web", "-1"], "unknown option -1"),
                               (["web", "1G"], "'1G' is no address"), (["web", "0x"], "'0x' is no address"),
                               (["web", "1", "2"], "'2' is one word too many"),
                               (["web", "1", "--gva", "2"], "'1' is one word too many"),
                               (["web", "--gva", "2^3"], "--gva 2^3: it takes an address"),
                               (["web", "1", "--cpu", "0"], "--cpu goes with --gva"),
                               (["web", "--gva", "1", "--cpu", "65536"], "--cpu 65536: it takes a number")):
            with self.subTest(words), FakeApi() as api:
                self.assertEqual(self.check(run("translate", *words, api=api), 2, message), "")
                self.assertEqual(api.requests, [])

    def test_text(self):
        golden(self, "translate.txt", self.translated("--gva", "0")[1])

    def test_no_memory(self):
        nowhere = {"virtual": None, "memory": None, "host": None}
        for physical, line in (
                ({"address": 4096, "reach": "nothing", "region": None}, "guest physical   0x1000              nothing is there"),
                ({"address": 4096, "reach": "device", "region": None}, "guest physical   0x1000              a device, no memory"),
                (None, "guest physical   -                   the guest's page tables have no such address")):
            self.assertEqual(self.translated("0", physical=physical, **nowhere)[1], line + "\n")

    def test_pages(self):
        for page, words in (
                (self.memory(state="absent"), "absent: never touched"), (self.memory(state="zero"), "zero: was all zeros"),
                (self.memory(state="resident"), "7                   resident\n"),
                (self.memory(state="compressed", length=1200, cache_offset=8192, sampled=True),
                 "compressed: 1200 bytes at byte 8192 of the cache file; sampled"),
                ({"address": 1, "source": "kernel", "state": "swapped"}, "swapped by the kernel (no pager"),
                ({"address": 1, "source": "kernel", "state": "unmapped"}, "unmapped (no pager"),
                ({"address": 1, "source": "kernel", "state": None}, "- (no pager")):
            with self.subTest(words):
                self.assertIn(words, self.translated("0", memory=page)[1])

    def test_host(self):
        for host_page, words in (
                ({"present": True, "frame": 0x1234, "address": 0x1234010, "hidden": None},
                 "host physical    0x1234010           frame 0x1234"),
                ({"present": True, "frame": None, "address": None, "hidden": "CAP_SYS_ADMIN"},
                 "host physical    -                   in memory, hidden: CAP_SYS_ADMIN"),
                ({"present": None, "frame": None, "address": None, "hidden": "no right"}, "not known: no right"),
                ({"present": False, "frame": None, "address": None, "hidden": None}, "no page is mapped there now")):
            with self.subTest(words):
                self.assertIn(words, self.translated("0", host=host_page)[1])

    def test_json(self):
        with FakeApi() as api:
            self.assertEqual(json.loads(self.check(run("translate", "web", "0", "--json", api=api))),
                             documented("Translation"))

    def test_hostile(self):
        _, text = self.translated("0", physical={"address": 1, "reach": "memory", "region": HOSTILE},
                                  memory=self.memory(state=HOSTILE), host={"present": None, "hidden": HOSTILE})
        assert_harmless(self, text.encode())

    def test_refused(self):
        with FakeApi() as api:
            api.answers["GET /v1/guests/web/translate"] = error(409, "conflict", "guest web: no answer for 3000 ms")
            self.check(run("translate", "web", "0", api=api), 1, "no answer for 3000 ms")
            api.answers["GET /v1/guests/web/translate"] = error(403, "forbidden", "only root may see addresses")
            self.check(run("translate", "web", "0", api=api), 4, "only root may see addresses")
            self.check(run("translate", "nobody", "0", api=api), 3, "nobody")


class Events(Case):
    def test_text(self):
        with FakeApi() as api:
            first = [event(), event(seq=17, kind="host-state", guest=None, text="high after 3 s"),
                     event(seq=18, guest=HOSTILE, text=HOSTILE, time=None)]
            api.answers["GET /v1/events"] = {"next": 19, "lost": 0, "events": first}
            process = run("events", api=api)
            assert_harmless(self, process.stdout)
            text = self.check(process)
            self.assertEqual([request[1] for request in api.requests], ["/v1/events"])
            golden(self, "events.txt", text)

    def test_arguments(self):
        with FakeApi() as api:
            self.check(run("events", "--since", "5", "--guest", "a b", api=api))
            self.assertEqual(api.requests[0][1], "/v1/events?since=5&guest=a%20b")

    def test_json_is_the_apis(self):
        with FakeApi() as api:
            answer = json.loads(self.check(run("events", "--json", api=api)))
            self.assertEqual(answer, {"next": 17, "lost": 0, "events": [event()]})

    def test_lost(self):
        with FakeApi() as api:
            api.answers["GET /v1/events?since=3"] = {"next": 17, "lost": 4, "events": [event()]}
            self.check(run("events", "--since", "3", api=api), 0, "4 events are lost")

    def follow(self, api, *flags):
        process = subprocess.Popen([AEROSTAT, "--socket", api.socket, "events", "-f", *flags],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        # Lines that never come end with the process, not with the patience of the one who waits.
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        return process

    def test_follow_over_a_restart(self):
        """New events, a daemon that is away for a while, and one that counts from the beginning again."""
        with FakeApi() as api:
            api.answers["GET /v1/events"] = {"next": 2, "events": [event(seq=1, text="one")]}
            api.answers["GET /v1/events?since=2"] = {"next": 3, "events": [event(seq=2, text="two")]}
            api.answers["GET /v1/events?since=3"] = {"next": 3, "events": []}
            with self.follow(api, "--json") as process:
                try:
                    self.assertEqual(json.loads(process.stdout.readline())["text"], "one")
                    self.assertEqual(json.loads(process.stdout.readline())["text"], "two")
                    api.stop()
                    self.assertIn(b"trying again", process.stderr.readline())
                    api.answers["GET /v1/events?since=3"] = {"next": 1, "events": []}
                    api.answers["GET /v1/events"] = {"next": 1, "events": [event(seq=0, text="three")]}
                    api.start()
                    self.assertIn(b"restarted", process.stderr.readline())
                    self.assertEqual(json.loads(process.stdout.readline())["text"], "three")
                finally:
                    process.send_signal(signal.SIGTERM)

    def test_follow_ends_with_its_reader(self):
        """As in `events -f | head`: without an event that would tell it so."""
        with FakeApi() as api:
            api.answers["GET /v1/events"] = {"next": 2, "events": [event(seq=1, text="one")]}
            api.answers["GET /v1/events?since=2"] = {"next": 2, "events": []}
            with self.follow(api) as process:
                self.assertIn(b"one", process.stdout.readline())
                process.stdout.close()
                self.assertEqual(process.wait(30), 0)

    def test_follow_needs_a_daemon_to_begin_with(self):
        api = FakeApi()
        with self.follow(api) as process:
            self.assertEqual(process.wait(timeout=30), 7)
        api.directory.cleanup()

    def test_wrong_since(self):
        self.check(run("events", "--since", "yesterday"), 2, "--since yesterday: it takes an event's number")


class Others(Case):
    def test_reload(self):
        with FakeApi() as api:
            self.assertEqual(self.check(run("reload", api=api)), "configuration reloaded\n")
            self.assertEqual(json.loads(self.check(run("reload", "-j", api=api))), {"reloaded": True})
            wrong = "aerostat.conf:3: 'max' is no number; the old configuration stays"
            api.answers["POST /v1/reload"] = error(409, "conflict", wrong)
            self.check(run("reload", api=api), 1, wrong)

    def test_metrics(self):
        with FakeApi() as api:
            text = '# HELP aerostat_x X.\naerostat_x{guest="a"} 1\n'
            api.answers["GET /metrics"] = lambda: text
            self.assertEqual(self.check(run("metrics", api=api)), text)
            api.answers["GET /metrics"] = lambda: f'aerostat_x{{guest="{HOSTILE}"}} 1\n'
            assert_harmless(self, run("metrics", api=api).stdout)
            self.check(run("metrics", "--json", api=api), 2, "no JSON")

    def test_version(self):
        with FakeApi() as api:
            self.assertRegex(self.check(run("version", api=api)), r"^aerostat [0-9.]+\naerostatd 0\.1\.0\n$")
            answer = json.loads(self.check(run("version", "--json", api=api)))
            self.assertEqual((answer["version"], answer["api"]), ("0.1.0", 1))
            self.assertIn("client", answer)
        self.assertRegex(self.check(run("version", "--socket", "/nonexistent")), "aerostatd is not running\n$")
        self.assertRegex(self.check(run("--version")), r"^aerostat [0-9.]+\n$")


READING = (["status"], ["explain", "web"], ["events"], ["metrics"], ["top", "-b", "-n1"], ["top", "-n1", "--json"])
ALL = READING + (["set", "web", "shares=1"], ["release"], ["release", "web"], ["reload"], ["top"], ["status", "--json"])


class Failures(Case):
    def test_not_running(self):
        for words in ALL:
            with self.subTest(words):
                self.assertEqual(self.check(run("-s", "/nonexistent/api.sock", *words), 7,
                                            "no daemon at /nonexistent/api.sock (No such file or directory)"), "")

    def test_socket_without_a_listener(self):
        with tempfile.TemporaryDirectory(prefix="aerostat-cli-") as directory:
            silent_listener(f"{directory}/api.sock").close()
            self.check(run("status", "-s", f"{directory}/api.sock"), 7, "Connection refused")

    @unittest.skipIf(os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"), "root may open everything")
    def test_socket_not_permitted(self):
        with FakeApi() as api:
            os.chmod(api.socket, 0o600)
            os.chmod(api.directory.name, 0o711)
            command = [AEROSTAT, "-s", api.socket, "status"]
            if os.geteuid() == 0:
                command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
                if subprocess.run([*command[:4], "test", "-x", AEROSTAT], check=False).returncode != 0:
                    self.skipTest("another user can't run the program where it was built")
            else:
                os.chmod(api.socket, 0)
            process = subprocess.run(command, capture_output=True, check=False, env=environment())
            self.check(process, 4, "no permission to open")

    def test_garbage(self):
        for bad in (Raw(b""), Raw(b"\x00\xff" * 1000), Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"),
                    "no JSON", '{"guests": [', "[1, 2]", '"text"', "nul\x00l", '{"a": %d}' % 2**80,
                    '{"a": 1} {"a": 2}', Raw(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")):
            for words in (["status"], ["explain", "web"], ["events"], ["release"], ["top", "-n1"]):
                with self.subTest(words=words, bad=bad), FakeApi() as api:
                    api.find = lambda method, path: bad
                    process = run(*words, api=api)
                    self.assertEqual(process.stdout, b"")
                    assert_harmless(self, process.stderr)
                    self.check(process, 1, "aerostat: ")

    def test_error_without_words(self):
        with FakeApi() as api:
            api.answers["GET /v1/host"] = (503, {"error": "busy"})
            self.check(run("status", api=api), 1, "the daemon answered GET /v1/host with HTTP status 503")

    def test_hostile_message(self):
        with FakeApi() as api:
            api.answers["GET /v1/host"] = error(404, "not-found", HOSTILE)
            process = run("status", api=api)
            assert_harmless(self, process.stderr)
            self.check(process, 3, "evil\\x1b[2J")

    def test_objects_of_the_wrong_kind(self):
        """Valid JSON that is not what was asked for: nothing known, and no crash."""
        for strange in ({}, {"guests": 7}, {"guests": [1, None, "x", []]}, {"guests": {"a": 1}, "events": [None, 3]}):
            for words in READING + (["release"], ["release", "web"], ["set", "web", "shares=1"], ["version"]):
                with self.subTest(words=words, strange=strange), FakeApi() as api:
                    api.find = lambda method, path: strange
                    self.check(run(*words, api=api))

    def test_slow_answer(self):
        with FakeApi() as api:
            api.answers["GET /v1/host"] = lambda: time.sleep(1.5) or host()
            self.check(run("status", api=api))

    def test_no_answer(self):
        with tempfile.TemporaryDirectory(prefix="aerostat-cli-") as directory:
            with silent_listener(f"{directory}/api.sock"):
                self.check(run("status", "-s", f"{directory}/api.sock"), 1, "none within 10 s")

    def test_full_disk(self):
        with FakeApi() as api, open("/dev/full", "wb") as full:
            self.check(run("status", api=api, stdout=full), 1, "cannot write to standard output: No space left")

    def test_closed_output(self):
        with FakeApi() as api:
            process = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", AEROSTAT, "-s", api.socket, "status"],
                                     stderr=subprocess.PIPE, timeout=30, check=False)
            self.check(process, 1, "cannot write to standard output")


class CommandLine(Case):
    def test_mistakes(self):
        for words, message in (
                ([], "a verb is missing (see 'aerostat help')"),
                (["frobnicate"], "unknown verb 'frobnicate'"),
                (["--frob", "status"], "unknown option --frob"),
                (["-x"], "unknown option -x"),
                (["--socket"], "option --socket needs a value"),
                (["status", "--frob=1"], "status: unknown option --frob (see 'aerostat help status')"),
                (["status", "-jx"], "status: unknown option -x"),
                (["status", "--json=yes"], "status: option --json takes no value"),
                (["status", "now"], "status: 'now' is one word too many"),
                (["explain"], "explain: something is missing: aerostat explain VM"),
                (["explain", "a", "b"], "explain: 'b' is one word too many"),
                (["release", "a", "b"], "release: 'b' is one word too many"),
                (["set"], "set: something is missing"),
                (["set", "web"], "set: something is missing: aerostat set VM KEY=VALUE..."),
                (["help", "frobnicate"], "unknown verb 'frobnicate'"),
                (["top", "-d"], "top: option -d needs a value"),
                (["top", "-d", "0"], "top: --delay 0: it takes 0.2 to 3600 seconds"),
                (["top", "-d", "soon"], "top: --delay soon"),
                (["top", "-n", "0"], "top: --count 0"),
                (["top", "-n", "1.5"], "top: --count 1.5"),
                (["top", "--columns", "name,frob"], "top: --columns: 'frob' is unknown or repeated"),
                (["top", "--columns", "name,name"], "top: --columns: 'name' is unknown or repeated"),
                (["top", "--columns", ""], "top: --columns: '' is unknown or repeated"),
                (["top", "--sort", "frob"], "top: --sort: there is no column 'frob'"),
                (["top", "--view", "paging", "--columns", "name"], "top: --view and --columns exclude each other"),
                (["top", "--view", "frob"], "top: --view frob: there are memory, paging, health, sharing and guest"),
                (["park"], "park: something is missing: aerostat park VM"),
                (["unpark", "a", "b"], "unpark: 'b' is one word too many"),
                (["top", "--csv", "--json"], "top: --json and --csv exclude each other"),
                (["top", "5"], "top: '5' is one word too many"),
                (["explain", "a", HOSTILE], "is one word too many")):
            with self.subTest(words):
                process = run(*words)
                self.assertEqual(self.check(process, 2, message), "")
                assert_harmless(self, process.stderr)

    def test_common_options_on_both_sides_of_the_verb(self):
        with FakeApi() as api:
            for words in (["--json", "--socket", api.socket, "release"], ["release", "-j", "-s", api.socket],
                          ["--json", "release", f"--socket={api.socket}"], ["release", "--js", "--sock", api.socket]):
                with self.subTest(words):
                    self.assertEqual(json.loads(self.check(run(*words))), {"released": 3})

    def test_socket_precedence(self):
        with FakeApi() as api:
            self.check(run("status", AEROSTAT_SOCKET=api.socket))
            self.check(run("-s", api.socket, "status", AEROSTAT_SOCKET="/nonexistent"))
            self.check(run("status", AEROSTAT_SOCKET="/nonexistent/x"), 7, "/nonexistent/x")
            self.check(run("-s", "/nonexistent/y", "status", AEROSTAT_SOCKET=api.socket), 7, "/nonexistent/y")

    def test_options_end(self):
        with FakeApi(guests=[guest("--json")]) as api:
            self.assertIn("guest       --json\n", self.check(run("explain", "--", "--json", api=api)))

    def test_help(self):
        overview = self.check(run("help"))
        self.assertEqual(overview, self.check(run("--help")))
        verbs = self.check(run("_complete", "verbs")).split()
        self.assertIn("status", verbs)
        self.assertNotIn("_complete", overview)
        for verb in verbs:
            with self.subTest(verb):
                text = self.check(run("help", verb))
                self.assertEqual(text, self.check(run(verb, "--help")))
                self.assertTrue(text.startswith(f"Usage: aerostat {verb} "), text)
                self.assertIn(f"  {verb}", overview)
                for option in self.check(run("_complete", "options", verb)).split():
                    self.assertIn(option, text)


if __name__ == "__main__":
    unittest.main()
