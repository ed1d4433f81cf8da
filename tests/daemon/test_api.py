# SPDX-License-Identifier: Apache-2.0
"""The API: what docs/api.md says, who may write, and what a client can't do to the daemon."""

import grp
import json
import os
import pwd
import socket
import subprocess
import sys
import unittest

from harness import MIB, Connection, DaemonTest, assert_prometheus, request, wait_for

GUEST_MEMBERS = {
    "name", "pid", "vmm", "socket", "ram", "link", "running", "error", "size", "granted", "resident",
    "overhead", "active", "activity", "entitled", "balloon", "shares", "reservation", "limit", "exempt",
    "guest_swap", "stats", "distress", "distress_age", "reason", "explain", "decided_age", "pager",
    "blocked", "admitted", "kernel_swap", "shared", "lost", "rates", "paged_by_guest", "guest_swap_seen"}
HOST_MEMBERS = {
    "version", "mode", "uptime", "period", "state", "state_age", "state_seconds", "capacity",
    "configured", "resident", "free", "minfree", "available", "ballooned", "overhead", "overcommit",
    "overcommit_avg", "guests", "guests_up", "inflated_total", "deflated_total", "decisions_total",
    "decision_seconds", "events_next", "pagers", "swap_pool", "psi", "blocked", "marks",
    "sharing"}


class Api(DaemonTest):
    def setUp(self):
        super().setUp()
        self.fake_a = self.fake("a.sock", used=100 * MIB, needs=40 * MIB)
        self.configure(capacity="1G")
        self.start()
        self.managed("a")

    def refused(self, status, code, method, target, body=None, says=""):
        got, answer = self.ask(method, target, body)
        self.assertEqual((got, answer["error"]["code"]), (status, code), answer)
        self.assertIn(says, answer["error"]["message"])
        self.assertNotIn("\n", answer["error"]["message"])


class Reading(Api):
    def test_version(self):
        answer = self.get("/v1/version")
        self.assertEqual(answer["api"], 1)
        self.assertRegex(answer["version"], r"^\d+\.\d+\.\d+$")

    def test_host(self):
        host = self.get("/v1/host")
        self.assertEqual(set(host), HOST_MEMBERS)
        self.assertEqual(set(host["state_seconds"]), {"high", "clear", "soft", "hard", "low"})
        self.assertEqual(set(host["overcommit_avg"]), {"1m", "5m", "15m"})
        self.assertEqual((host["mode"], host["capacity"], host["configured"], host["guests"]),
                         ("manage", 1024 * MIB, 256 * MIB, 1))
        self.assertAlmostEqual(host["overcommit"], 0.25)
        self.assertEqual(host["resident"], 100 * MIB)
        self.assertEqual(host["free"], 924 * MIB)

    def test_guest(self):
        guest = self.guest("a")
        self.assertEqual(set(guest), GUEST_MEMBERS)
        self.assertEqual((guest["name"], guest["pid"], guest["vmm"], guest["ram"], guest["link"]),
                         ("a", self.fake_a.pid, "qemu", "memfd", "up"))
        self.assertEqual((guest["size"], guest["granted"], guest["resident"], guest["shares"]),
                         (256 * MIB, 256 * MIB, 100 * MIB, 2560))
        self.assertEqual(set(guest["balloon"]), {"driver", "current", "target", "max"})
        self.assertEqual(set(guest["stats"]), {
            "trust", "age", "total", "free", "available", "caches", "swap_in_rate", "swap_out_rate",
            "major_fault_rate", "oom_kills"})
        self.assertIsNone(guest["stats"]["oom_kills"]) # not said is null, never 0
        self.assertEqual(guest["distress"], [])
        self.assertEqual(guest["lost"], {"part": 0, "seconds": {"guest-swap": 0, "host-swap": 0, "blocked": 0}})
        self.assertEqual(guest["rates"], {"balloon": 0, "swap": 0}) # never used

    def test_guests_are_sorted(self):
        for name in ("c", "b"):
            self.fake(f"{name}.sock", used=MIB, size=32 * MIB)
        wait_for("three", lambda: self.get("/v1/host")["guests_up"] == 3)
        self.assertEqual([g["name"] for g in self.get("/v1/guests")["guests"]], ["a", "b", "c"])

    def test_unknown_guest_is_listed(self):
        """A socket that does not tell its guest: the members are there, and are null."""
        self.fake("deaf.sock", talk="deaf")
        guest = self.guest_is("deaf", link=lambda link: link != "up")
        self.assertEqual(set(guest), GUEST_MEMBERS)
        self.assertEqual({guest[key] for key in ("size", "resident", "shares", "reason", "running")},
                         {None})
        self.refused(409, "conflict", "POST", "/v1/guests/deaf/release", says="not answered yet")

    def test_numbers_are_exact(self):
        """Sizes are integers in the text too, and decimals have no tail of noise."""
        connection = Connection(self.socket)
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/host")
        text = connection.getresponse().read().decode()
        self.assertIn('"capacity":1073741824,', text)
        self.assertIn('"overcommit":0.25,', text)
        self.assertIn('"period":0.2,', text)

    def test_head(self):
        connection = Connection(self.socket)
        self.addCleanup(connection.close)
        connection.request("HEAD", "/v1/guests/a")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b""))
        self.assertGreater(int(answer.headers["Content-Length"]), 100)
        self.assertEqual(answer.headers["Content-Type"], "application/json")


class Events(Api):
    def make(self, n):
        """Makes @n events of the guest a."""
        for shares in range(1, n + 1):
            self.assertEqual(self.ask("PATCH", "/v1/guests/a", {"shares": shares})[0], 200)

    def test_since_and_limit(self):
        self.make(5)
        everything = self.get("/v1/events")
        seqs = [e["seq"] for e in everything["events"]]
        self.assertEqual(seqs, list(range(everything["next"])))
        self.assertEqual(everything["lost"], 0)
        some = self.get("/v1/events?since=2&limit=2")
        self.assertEqual([e["seq"] for e in some["events"]], [2, 3])
        self.assertEqual(some["next"], 4)
        last = self.get("/v1/events?limit=2")
        self.assertEqual([e["seq"] for e in last["events"]], seqs[-2:])
        self.assertEqual(self.get(f"/v1/events?since={everything['next']}")["events"], [])
        # A reader from before a restart, far ahead: it gets nothing, and is set right.
        self.assertEqual(self.get("/v1/events?since=99999999")["next"], everything["next"])
        self.assertEqual(self.get("/v1/events?limit=0")["events"], [])

    def test_guest_and_kind(self):
        self.make(2)
        events = self.get("/v1/events?guest=a")["events"]
        self.assertGreaterEqual(len(events), 3)
        self.assertEqual({e["guest"] for e in events}, {"a"})
        self.assertEqual(self.get("/v1/events?guest=b")["events"], [])
        self.ask("PATCH", "/v1/guests/a", {"limit": "95M"})
        event = self.event("decision", "a")
        self.assertEqual(set(event), {"seq", "time", "kind", "guest", "state", "mechanism", "reason",
                                      "from", "to", "enacted", "text"})
        self.assertEqual((event["reason"], event["enacted"], event["from"]), ("limit", True, 256 * MIB))
        self.assertEqual({e["kind"] for e in self.get("/v1/decisions")["events"]}, {"decision"})

    def test_lost(self):
        """The ring holds 4096: who reads later is told how many it has missed."""
        connection = Connection(self.socket)
        self.addCleanup(connection.close)
        for number in range(4200):
            connection.request("PATCH", "/v1/guests/a", body='{"shares": %d}' % (number + 1))
            connection.getresponse().read()
        answer = self.get("/v1/events?since=0")
        self.assertEqual(len(answer["events"]), 4096)
        self.assertEqual(answer["lost"], answer["next"] - 4096)
        self.assertEqual(answer["events"][0]["seq"], answer["lost"])

    def test_wrong_query(self):
        for query in ("since=x", "since=-1", "limit=1.5", "since=", "since=99999999999999999999"):
            with self.subTest(query=query):
                self.refused(400, "bad-request", "GET", f"/v1/events?{query}", says="whole number")


class Settings(Api):
    def test_patch(self):
        status, guest = self.ask("PATCH", "/v1/guests/a", {
            "shares": "high", "reservation": "32M", "limit": 128 * MIB, "exempt": True,
            "guest_swap": "yes"})
        self.assertEqual(status, 200, guest)
        self.assertEqual((guest["shares"], guest["reservation"], guest["limit"], guest["exempt"],
                          guest["guest_swap"]), (5120, 32 * MIB, 128 * MIB, True, "present"))
        status, guest = self.ask("PATCH", "/v1/guests/a", {"shares": None, "limit": None,
                                                           "exempt": False})
        self.assertEqual((guest["shares"], guest["reservation"], guest["limit"], guest["exempt"]),
                         (2560, 32 * MIB, 256 * MIB, False))
        self.event("settings", "a")

    def test_null_is_the_configuration(self):
        self.configure(rest='[vm "a"]\nshares = 44\nlimit = 200M\n')
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.guest_is("a", shares=44, limit=200 * MIB)
        self.ask("PATCH", "/v1/guests/a", {"shares": 55, "limit": "none"})
        self.guest_is("a", shares=55, limit=256 * MIB)
        self.ask("PATCH", "/v1/guests/a", {"shares": None, "limit": None})
        self.guest_is("a", shares=44, limit=200 * MIB)

    def test_configured_reservation_above_the_size(self):
        """The configuration is written before the guest is there: it gets what it can have, and a word."""
        self.configure(rest='[vm "a"]\nreservation = 1G\n')
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.guest_is("a", reservation=256 * MIB)
        self.assertIn("reservation 1G is more than the guest's size 256M", self.log())

    def test_all_or_nothing(self):
        before = self.guest("a")
        for body in ({"shares": 9, "colour": 1}, {"shares": 9, "limit": "x"}, {"shares": 9, "exempt": 3},
                     {"shares": 9, "reservation": "2G"}, # more than its size
                     {"shares": 9, "reservation": "200M", "limit": "100M"}):
            with self.subTest(body=body):
                self.refused(400, "bad-request", "PATCH", "/v1/guests/a", body)
                self.assertEqual(self.guest("a")["shares"], before["shares"])

    def test_limit_is_enforced(self):
        self.ask("PATCH", "/v1/guests/a", {"limit": "95M"})
        wait_for("the limit", lambda: self.fake_a.get()["resident"] <= 95 * MIB)
        self.ask("PATCH", "/v1/guests/a", {"limit": None})
        wait_for("its size again", lambda: self.fake_a.get()["actual"] == 256 * MIB)

    def test_release(self):
        self.ask("PATCH", "/v1/guests/a", {"limit": "95M"})
        wait_for("the limit", lambda: self.fake_a.get()["resident"] <= 95 * MIB)
        self.ask("PATCH", "/v1/guests/a", {"limit": None, "reservation": "10M"})
        status, guest = self.ask("POST", "/v1/guests/a/release")
        self.assertEqual((status, guest["name"]), (200, "a"))
        wait_for("its size again", lambda: self.fake_a.get()["actual"] == 256 * MIB)
        self.event("release", "a")
        self.assertEqual(self.ask("POST", "/v1/release"), (200, {"released": 1}))

    def test_no_json(self):
        for body in ("", "{", "{'limit': 1}", '{"limit": NaN}', '{"limit": 1} x', "\xff", "[" * 1000,
                     '{"shares": 99999999999999999999}'):
            with self.subTest(body=body[:20]):
                self.refused(400, "bad-request", "PATCH", "/v1/guests/a", body, says="no JSON")


class Abuse(Api):
    def tearDown(self):
        # Whatever a client did: the daemon is well, and so is its guest.
        self.served("a")
        super().tearDown()

    def test_paths(self):
        for target in ("/", "/v1", "/v2/host", "/v1/host/", "/v1/guests/", "/v1/hosts", "/V1/host",
                       "/v1/guests/a/b", "/v1/guests/a/release/now", "//v1/host", "/v1/../v1/host",
                       "/v1/guests/nobody", "/v1/guests/%61%62"):
            with self.subTest(target=target):
                self.refused(404, "not-found", "GET", target)
        for target in ("/v1/guests/%", "/v1/guests/%zz", "/v1/guests/%00", "/v1/guests/%ff",
                       "/" * 20, "/v1/events?guest=%zz"):
            with self.subTest(target=target):
                self.refused(400, "bad-request", "GET", target)
        self.assertEqual(self.guest("%61")["name"], "a")
        # Messages repeat a part of the name; the answer is UTF-8 wherever it was cut.
        for start in ("", "x"):
            self.refused(404, "not-found", "GET", "/v1/guests/" + start + "%C3%A9" * 200)

    def test_methods(self):
        for method, target in (("POST", "/v1/host"), ("DELETE", "/v1/guests/a"), ("PUT", "/v1/guests/a"),
                               ("GET", "/v1/reload"), ("PATCH", "/v1/release"), ("BREW", "/metrics")):
            with self.subTest(method=method, target=target):
                self.refused(405, "method", method, target, says="allowed: ")

    def test_large_body(self):
        for size in (70_000, 5_000_000): # the client that writes all before it reads gets its answer
            self.refused(413, "too-large", "PATCH", "/v1/guests/a", "x" * size)

    def test_large_chunked_body(self):
        connection = Connection(self.socket)
        self.addCleanup(connection.close)
        connection.request("PATCH", "/v1/guests/a", encode_chunked=True,
                           body=(b"x" * 10_000 for _ in range(10)), headers={
                               "Transfer-Encoding": "chunked"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 413)
        self.assertEqual(json.loads(answer.read())["error"]["code"], "too-large")

    def test_endless_body(self):
        """What never ends is cut off, and not kept."""
        sock = self.raw(b"PATCH /v1/guests/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with self.assertRaises(OSError):
            for _ in range(1000):
                sock.sendall(chunk)

    def raw(self, data):
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.settimeout(30)
        sock.connect(str(self.socket))
        sock.sendall(data)
        return sock

    def test_garbage(self):
        for data in (b"\x00\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 100,
                     b"GET /v1/host HTTP/1.1\r\nContent-Length: -1\r\nHost: x\r\n\r\n",
                     b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"):
            with self.subTest(data=data[:20]):
                try:
                    self.raw(data).recv(65536)
                except OSError:
                    pass # cut off: as good
                self.assertEqual(self.get("/v1/version")["api"], 1)

    def test_many_connections(self):
        """Too many are told so, and the rest goes on; when they are closed all is well."""
        idle = [self.raw(b"") for _ in range(64)]
        def busy():
            status, answer = request(self.socket, "GET", "/v1/version")
            return status == 503 and answer["error"]["code"] == "busy"
        wait_for("the bound", busy)
        for sock in idle:
            sock.close()
        wait_for("room", self.answers)

    def test_half_a_request(self):
        """A client that stops within its request delays nobody."""
        self.raw(b"PATCH /v1/guests/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        self.raw(b"GET /v1/ho")
        self.assertEqual(self.get("/v1/host")["guests"], 1)

    def test_keep_alive(self):
        connection = Connection(self.socket)
        self.addCleanup(connection.close)
        for _ in range(3):
            connection.request("GET", "/v1/version")
            self.assertEqual(json.loads(connection.getresponse().read())["api"], 1)


@unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
class Access(DaemonTest):
    NOBODY = pwd.getpwnam("nobody").pw_uid
    GROUP = grp.getgrnam("games")

    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        self.fake(used=10 * MIB)

    def as_user(self, method, target, body=None, gid=None, groups=()):
        """The status that a process of nobody gets; None where it can't even connect."""
        data = body or ""
        text = (f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                f"Content-Length: {len(data)}\r\n\r\n{data}")
        # All that is imported is imported as root: nobody may not be able to read Python's library.
        program = ("import os, socket, sys\n"
                   "sock = socket.socket(socket.AF_UNIX)\n"
                   f"os.setgroups({list(groups)}); os.setgid({gid or 65534}); os.setuid({self.NOBODY})\n"
                   "try: sock.connect(sys.argv[1])\n"
                   "except PermissionError: print('null'); sys.exit()\n"
                   "sock.sendall(sys.argv[2].encode())\n"
                   "print(sock.recv(65536).split()[1].decode())\n")
        result = subprocess.run([sys.executable, "-c", program, str(self.socket), text],
                                capture_output=True, text=True, timeout=60, check=True)
        return json.loads(result.stdout)

    def test_no_group(self):
        self.configure()
        self.start()
        self.assertIsNone(self.as_user("GET", "/v1/host"))

    def test_readers(self):
        """Who can open the socket may read; root alone may write where there is no group."""
        self.configure(api="access = 0666")
        self.start()
        self.managed("a")
        self.assertEqual(self.as_user("GET", "/v1/host"), 200)
        for method, target, body in (("PATCH", "/v1/guests/a", '{"shares": 1}'),
                                     ("POST", "/v1/guests/a/release", None), ("POST", "/v1/release", None),
                                     ("POST", "/v1/guests/a/park", None), ("POST", "/v1/guests/a/unpark", None),
                                     ("GET", "/v1/guests/a/translate?gpa=0", None),
                                     ("POST", "/v1/reload", None)):
            with self.subTest(target=target):
                self.assertEqual(self.as_user(method, target, body), 403)
                self.assertEqual(self.as_user(method, target, body, gid=self.GROUP.gr_gid), 403)
        self.assertNotEqual(self.guest("a")["shares"], 1)
        self.assertEqual(self.ask("PATCH", "/v1/guests/a", {"shares": 1})[0], 200)

    def test_group(self):
        self.configure(api=f"group = {self.GROUP.gr_name}\naccess = 0666")
        self.start()
        self.managed("a")
        patch = ("PATCH", "/v1/guests/a", '{"shares": 1}')
        self.assertEqual(self.as_user(*patch), 403)
        self.assertEqual(self.as_user(*patch, gid=self.GROUP.gr_gid), 200)
        self.assertEqual(self.as_user(*patch, groups=[1, self.GROUP.gr_gid]), 200)

    def test_socket_is_the_groups(self):
        self.configure(api=f"group = {self.GROUP.gr_gid}")
        self.start()
        state = self.socket.stat()
        self.assertEqual((state.st_gid, state.st_mode & 0o7777), (self.GROUP.gr_gid, 0o660))
        self.assertIsNone(self.as_user("GET", "/v1/host"))
        self.assertEqual(self.as_user("GET", "/v1/host", groups=[self.GROUP.gr_gid]), 200)
        # A reload changes who may.
        self.configure(api="access = 0600")
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.assertEqual(self.socket.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.socket.stat().st_gid, os.getegid())


class Metrics(Api):
    def test_format(self):
        """Prometheus' text format, as its parser and its conventions want it."""
        self.fake('b.sock', name='quo"te\\', used=MIB, size=32 * MIB)
        self.managed("quo%22te%5C")
        assert_prometheus(self, self.get("/metrics"))

    def test_values(self):
        self.assertEqual(self.metric("aerostat_capacity_bytes"), 1024 * MIB)
        self.assertEqual(self.metric("aerostat_guest_up", "a"), 1)
        self.assertEqual(self.metric("aerostat_guest_resident_bytes", "a"), 100 * MIB)
        self.assertEqual(self.metric("aerostat_inflated_bytes_total"), 0)
        self.ask("PATCH", "/v1/guests/a", {"limit": "95M"})
        self.guest_is("a", granted=lambda granted: granted <= 95 * MIB)
        self.assertGreaterEqual(self.metric("aerostat_guest_inflated_bytes_total", "a"), 161 * MIB)
        self.assertIn('aerostat_orders_total{reason="limit"} ', self.get("/metrics"))
        self.assertGreaterEqual(self.metric("aerostat_decisions_total"), 1)
        # What a guest did is not forgotten with it.
        self.fake_a.close()
        wait_for("it to be gone", lambda: self.ask("GET", "/v1/guests/a")[0] == 404)
        self.assertGreaterEqual(self.metric("aerostat_inflated_bytes_total"), 161 * MIB)
