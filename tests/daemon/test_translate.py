# SPDX-License-Identifier: Apache-2.0
"""Where an address is: through a real QEMU, and what a monitor can do wrong. Guests without pagers."""

import threading
import unittest

from harness import MIB, QEMU, Connection, DaemonTest, Qemu, wait_for

WAITING_MAX = 8 # API_DEFERRED_MAX


class Case(DaemonTest):
    def refused(self, status, code, target, says=""):
        got, answer = self.ask("GET", target)
        self.assertEqual((got, answer["error"]["code"]), (status, code), answer)
        self.assertIn(says, answer["error"]["message"])


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
class RealQemu(Case):
    def setUp(self):
        super().setUp()
        self.start()
        self.qemu = Qemu(self.guests_dir, "web")
        self.addCleanup(self.qemu.close)
        self.managed("web")

    def test_memory(self):
        """The first page holds the vectors of interrupts: the firmware has written to it."""
        answer = wait_for("the firmware", lambda: (
            lambda a: a if a["host"]["present"] else None)(self.get("/v1/guests/web/translate?gpa=0x10")))
        self.assertEqual(answer["guest"], "web")
        self.assertIsNone(answer["virtual"])
        self.assertEqual(answer["physical"], {"address": 16, "reach": "memory", "region": "ram"})
        self.assertEqual(set(answer["memory"]), {"address", "source", "state"})
        self.assertEqual((answer["memory"]["source"], answer["memory"]["state"]), ("kernel", "resident"))
        # These tests run as root: the frame is shown.
        self.assertEqual(answer["host"], {"present": True, "frame": answer["host"]["frame"], "hidden": None,
                                          "address": answer["host"]["frame"] * 4096 + 16})
        self.assertGreater(answer["host"]["frame"], 0)
        # Firmware runs without page tables of its own: virtual is physical.
        virtual = self.get("/v1/guests/web/translate?gva=16&cpu=0")
        self.assertEqual(virtual.pop("virtual"), {"address": 16, "cpu": 0})
        answer.pop("virtual")
        self.assertEqual(virtual, answer)

    def test_untouched(self):
        answer = self.get("/v1/guests/web/translate?gpa=0x5000000")
        self.assertEqual(answer["memory"]["state"], "unmapped")
        self.assertEqual(answer["host"], {"present": False, "frame": None, "address": None, "hidden": None})

    def test_no_memory(self):
        for address, reach in ((128 * MIB, "nothing"), (0xfee00000, "device")):
            answer = self.get(f"/v1/guests/web/translate?gpa={address}")
            self.assertEqual(answer["physical"], {"address": address, "reach": reach, "region": None})
            self.assertIsNone(answer["memory"])
            self.assertIsNone(answer["host"])

    def test_no_such_cpu(self):
        self.refused(409, "conflict", "/v1/guests/web/translate?gva=0&cpu=9", "guest web: ")

    def test_stopped(self):
        self.qemu.command("stop")
        self.assertEqual(self.get("/v1/guests/web/translate?gpa=0")["physical"]["reach"], "memory")


class Monitors(Case):
    HUMAN = {"gva2gpa": "gpa: 0x1000\r\n",
             "gpa2hva": "Host virtual address for 0x1000 (ram) is 0x1000\r\n"}

    def setUp(self):
        super().setUp()
        self.configure(host="qmp-timeout = 1s")
        self.guest_a = self.fake("a.sock", human=self.HUMAN)
        self.start()
        self.managed("a")

    def test_wrong_questions(self):
        for query in ("", "?gpa=", "?gpa=x", "?gpa=-1", "?gpa=0x", "?gpa=1.5", "?gpa=1G", "?gpa=18446744073709551616",
                      "?gpa=1&gva=1", "?gpa=1&cpu=0", "?cpu=0", "?gva=1&cpu=x", "?gva=1&cpu=65536"):
            with self.subTest(query):
                self.refused(400, "bad-request", "/v1/guests/a/translate" + query)
        self.refused(404, "not-found", "/v1/guests/b/translate?gpa=0")
        self.refused(405, "method", "/v1/guests/a/park")

    def test_answers(self):
        answer = self.get("/v1/guests/a/translate?gva=0xffff800000001000&cpu=2")
        self.assertEqual(answer["virtual"], {"address": 0xffff800000001000, "cpu": 2})
        self.assertEqual(answer["physical"]["address"], 0x1000)
        self.guest_a.set(human={"gva2gpa": "Unmapped\r\n"})
        answer = self.get("/v1/guests/a/translate?gva=1")
        self.assertEqual([answer[key] for key in ("physical", "memory", "host")], [None, None, None])
        self.guest_a.set(human={"gpa2hva": "Go away\x1b[2J\r\n"})
        self.refused(409, "conflict", "/v1/guests/a/translate?gpa=0", "is not understood: 'Go away [2J")
        self.guest_a.set(human={})
        self.refused(409, "conflict", "/v1/guests/a/translate?gpa=0", "has no human monitor")

    def test_head(self):
        connection = Connection(self.socket)
        connection.request("HEAD", "/v1/guests/a/translate?gpa=0x1000")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b""))
        # And the connection goes on.
        connection.request("GET", "/v1/guests/a/translate?gpa=0x1000")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def open(self, count):
        """So many questions, none of which was answered yet."""
        connections = [Connection(self.socket) for _ in range(count)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.request("GET", "/v1/guests/a/translate?gpa=0x1000")
        return connections

    def restart_with(self, host):
        self.kill()
        self.configure(host=host)
        self.start()
        self.managed("a")

    def test_silent(self):
        """While a guest owes answers, everybody else is served, and no more than a few wait."""
        self.guest_a.set(talk="mute-human")
        waiting = self.open(2 * WAITING_MAX)
        statuses = [connection.getresponse().status for connection in waiting]
        self.assertEqual(set(statuses), {409, 503})
        self.assertGreaterEqual(statuses.count(503), 1)
        self.assertGreaterEqual(statuses.count(409), WAITING_MAX)
        self.guest_a.set(talk="qmp")

    def test_others_are_served_meanwhile(self):
        """Longer than the others have patience."""
        self.restart_with("qmp-timeout = 60s")
        self.guest_a.set(talk="mute-human")
        self.fake("b.sock", human=self.HUMAN)
        self.managed("b")
        self.open(3)
        self.assertEqual(self.get("/v1/guests/b/translate?gpa=0x1000")["physical"]["reach"], "memory")
        self.served("b")

    def test_clients_that_leave(self):
        self.guest_a.set(talk="mute-human")
        for connection in self.open(WAITING_MAX):
            connection.close()
        wait_for("room for others", lambda: self.ask("GET", "/v1/guests/a/translate?gpa=0x1000")[0] == 409)
        self.assertEqual(self.ask("GET", "/v1/host")[0], 200)

    def test_guest_ends(self):
        self.guest_a.set(talk="mute-human")
        waiting = self.open(3)
        self.guest_a.close()
        for connection in waiting:
            self.assertEqual(connection.getresponse().status, 409)

    def test_daemon_ends(self):
        """It does not wait for the guest, and tells nobody anything wrong."""
        self.restart_with("qmp-timeout = 60s")
        self.guest_a.set(talk="mute-human")
        waiting = self.open(3)
        self.assertEqual(self.get("/v1/host")["guests"], 1)
        self.assertEqual(self.stop(), 0)
        for connection in waiting:
            with self.assertRaises(OSError):
                connection.getresponse()

    def test_many_at_once(self):
        """Each gets its own answer."""
        results = []

        def ask(number):
            target = f"/v1/guests/a/translate?gva={number}"
            status, answer = wait_for("room", lambda: (
                lambda got: got if got[0] != 503 else None)(self.ask("GET", target)))
            results.append((status, answer["virtual"]["address"] == number))

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [(200, True)] * 32)

    def test_park_without_a_pager(self):
        for verb in ("park", "unpark"):
            status, answer = self.ask("POST", f"/v1/guests/a/{verb}")
            self.assertEqual((status, answer["error"]["code"]), (409, "conflict"))
            self.assertIn("pager", answer["error"]["message"])
            self.assertEqual(self.ask("POST", f"/v1/guests/b/{verb}")[0], 404)


if __name__ == "__main__":
    unittest.main()
