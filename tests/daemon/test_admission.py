# SPDX-License-Identifier: Apache-2.0
"""Guests that ask before they come, and guests that do not."""

import os
import pathlib
import subprocess
import unittest

from harness import BUILD, MIB, PATIENCE, QEMU, DaemonTest, wait_for

WRAPPER = pathlib.Path(__file__).resolve().parents[2] / "data/aerostat-qemu"

class AdmissionTest(DaemonTest):
    PAGER = ""

    def configure(self, rest="", **options):
        super().configure(rest=f"[pager]\nswap-directory = {self.dir}/swap\nmemory-directory = {self.dir}/memory\n"
                               f"program = /nonexistent\n{rest}", **options)

    def setUp(self):
        super().setUp()
        self.configure()

    def start(self):
        super().start()
        wait_for("the first decision", lambda: self.get("/v1/host")["decisions_total"])

    def admit(self, size, status=200, **members):
        got, answer = self.ask("POST", "/v1/admit", {"size": size, **members})
        self.assertEqual(got, status, answer)
        return answer

    def refused(self, reason, *arguments, **members):
        answer = self.admit(*arguments, **members)
        self.assertEqual((answer["admitted"], answer["reason"], answer["hold"]), (False, reason, 0), answer)
        self.assertNotIn("\n", answer["text"])
        return answer["text"]

    def admitted(self, *arguments, **members):
        answer = self.admit(*arguments, **members)
        self.assertEqual((answer["admitted"], answer["reason"]), (True, "yes"), answer)
        return answer


class Admission(AdmissionTest):
    def test_memory(self):
        """Reservations, overheads and minfree; places that are kept count."""
        self.start()
        self.assertEqual(self.admitted("512M")["hold"], 0) # nobody to keep it for
        self.assertEqual(self.admitted(512 * MIB, reservation="500M", name="a")["hold"], 60)
        self.assertIn("lower a reservation", self.refused("no-memory", "512M", reservation="500M"))
        self.admitted("512M", reservation="400M")
        self.admitted("512M", reservation="500M", name="a") # once more: in place of the first
        self.refused("no-memory", "2G", reservation="2G", name="a")
        self.event("admission", "a", "admitted: with it 500 MiB are reserved")

    def test_swap(self):
        """What is not reserved must have a place to go; what is reserved need not."""
        self.configure(capacity="1000T")
        self.start()
        self.assertIn("can't be promised as swap space", self.refused("no-swap", "8000T"))
        self.refused("no-swap", "8000T", ram="private")
        self.admitted("800T", reservation="800T")

    def test_not_swapped(self):
        """A guest that may not be swapped is only let in with all of it reserved."""
        self.configure(rest='[vm "a"]\npager = no\n[vm "b"]\nexempt = yes\n')
        self.start()
        self.assertIn("pager = no forbids it", self.refused("no-swap", "512M", name="a"))
        self.admitted("256M", name="a", reservation="256M")
        self.refused("no-memory", "900M", name="b")
        self.admitted("256M", name="b")

    def test_configured_reservation(self):
        self.configure(rest='[vm "a"]\nreservation = 600M\n')
        self.start()
        self.admitted("700M", name="a")
        self.refused("no-memory", "700M", reservation="600M")
        self.admitted("700M", reservation="200M")

    def test_redeemed(self):
        """Who comes with a ticket has the reservation that was asked for, and the place is not counted twice."""
        self.start()
        self.admitted("256M", reservation="200M", name="a")
        self.fake("a.sock")
        guest = self.guest_is("a", admitted=True)
        self.assertEqual(guest["reservation"], 200 * MIB)
        self.event("admission", "a", "came as it was admitted")
        self.admitted("700M", reservation="700M")
        self.refused("no-memory", "800M", reservation="800M")

    def test_larger_than_said(self):
        self.start()
        self.admitted("128M", reservation="100M", name="a")
        self.fake("a.sock")
        self.assertEqual(self.guest_is("a", admitted=False)["reservation"], 0)
        self.event("admission", "a", "it was admitted with 128M and has 256M")

    def test_not_asked(self):
        """Managed, and reported; who was there before the daemon is not."""
        self.fake("old.sock")
        self.start()
        self.guest_is("old", admitted=None, reason=lambda reason: reason)
        self.fake("a.sock")
        self.guest_is("a", admitted=False)
        self.event("admission", "a", "was not admitted before it came; it fits")
        self.managed("a")
        self.assertEqual(self.events("admission", "old"), [])
        self.configure(capacity="300M", rest='[vm "b"]\nreservation = 256M\n[vm "old"]\nreservation = 200M\n')
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        wait_for("it to be in force", lambda: self.get("/v1/host")["capacity"] == 300 * MIB)
        self.fake("b.sock")
        self.event("admission", "b", "would not have been")
        self.managed("b")

    def test_place_expires(self):
        self.configure(rest="[admission]\nhold = 1s\n")
        self.start()
        self.admitted("900M", reservation="900M", name="a")
        self.refused("no-memory", "900M", reservation="900M")
        self.event("admission", "a", "did not come in time")
        self.admitted("900M", reservation="900M")

    def test_too_many_places(self):
        self.configure(capacity="100G")
        self.start()
        for i in range(256):
            self.admitted("1M", name=f"g{i}")
        self.assertEqual(self.admit("1M", name="one more", status=503)["error"]["code"], "busy")
        self.admitted("1M", name="g17")
        self.admitted("1M")

    def test_bad_requests(self):
        self.start()
        for body in ({}, [], "x", 7, {"size": 0}, {"size": -1}, {"size": "x"}, {"size": 1.5}, {"size": True},
                     {"size": "1G", "reservation": "2G"}, {"size": "1G", "ram": "disk"}, {"size": "1G", "ram": 1},
                     {"size": "1G", "name": ""}, {"size": "1G", "name": 3}, {"size": "1G", "shares": 3}):
            with self.subTest(body=body):
                status, answer = self.ask("POST", "/v1/admit", body)
                self.assertEqual((status, answer["error"]["code"]), (400, "bad-request"), answer)
        self.assertEqual(self.ask("POST", "/v1/admit", "{")[0], 400)
        self.assertEqual(self.ask("GET", "/v1/admit")[0], 405)


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
class Wrapper(AdmissionTest):
    """aerostat-qemu with everything that it calls."""

    def start_qemu(self, *arguments):
        return subprocess.Popen(
            [WRAPPER, "--no-scope", "--require", *arguments[:-1], QEMU, "-nodefaults", "-display", "none", "-accel",
             "tcg", "-object", "memory-backend-memfd,id=ram,size=64M,share=on", "-machine", "pc,memory-backend=ram", "-m",
             "64", "-name", arguments[-1]],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "AEROSTAT": str(BUILD / "src/cli/aerostat"), "AEROSTAT_SOCKET": str(self.socket),
                 "AEROSTAT_QMP_DIRECTORY": str(self.guests_dir)})

    def test_wrapper(self):
        self.start()
        process = self.start_qemu("--reservation", "32M", "shop")
        try:
            guest = self.guest_is("shop", admitted=True, pid=process.pid)
            self.assertEqual((guest["reservation"], guest["size"]), (32 * MIB, 64 * MIB))
        finally:
            process.kill()
            process.communicate()

    def test_wrapper_refuses(self):
        self.configure(capacity="16M")
        self.start()
        process = self.start_qemu("--reservation", "32M", "shop")
        self.assertIn("shop is not admitted: what is reserved", process.communicate(timeout=PATIENCE)[1])
        self.assertEqual((process.returncode, list(self.guests_dir.iterdir())), (1, []))
