# SPDX-License-Identifier: Apache-2.0
"""Bad days of real QEMU processes. No guest system boots in them: firmware alone is a guest without a
balloon driver, and what matters here is how QEMU itself stops, hangs and ends."""

import signal
import unittest

from harness import MIB, QEMU, DaemonTest, Qemu, wait_for


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
class RealQemu(DaemonTest):
    def setUp(self):
        super().setUp()
        self.configure(capacity="1G", host="qmp-timeout = 1s")
        self.victim = self.qemu("victim")
        self.good = self.fake("good.sock", used=240 * MIB, needs=60 * MIB)
        self.start()
        self.managed("victim")
        self.managed("good")

    def qemu(self, name, **options):
        qemu = Qemu(self.guests_dir, name, **options)
        self.addCleanup(qemu.close)
        return qemu

    def good_is_served(self):
        self.served("good")
        self.assertEqual(self.ask("PATCH", "/v1/guests/good", {"limit": "150M"})[0], 200)
        wait_for("the good guest at its limit", lambda: self.good.get()["actual"] <= 150 * MIB)

    def test_seen(self):
        guest = self.guest("victim")
        self.assertEqual((guest["pid"], guest["size"], guest["granted"], guest["ram"], guest["running"]),
                         (self.victim.pid, 128 * MIB, 128 * MIB, "memfd", True))
        self.assertLess(guest["resident"], 128 * MIB)
        self.assertGreater(guest["overhead"], MIB)
        self.assertEqual(guest["stats"]["trust"], "absent")

    def test_second_monitor(self):
        """Two monitors of one QEMU are not two guests."""
        (self.guests_dir / "again.sock").symlink_to(self.victim.own)
        again = f"victim@{self.victim.pid}"
        self.assertIn("one more monitor of guest victim", self.event("guest-link", again, "monitor")["text"])
        self.served("victim")
        self.assertIsNone(self.guest(again)["size"])
        self.assertEqual(self.get("/v1/host")["configured"], (128 + 256) * MIB)

    def test_stopped(self):
        self.victim.process.send_signal(signal.SIGSTOP)
        self.guest_is("victim", link="silent", reason="unreachable")
        self.good_is_served()
        self.victim.process.send_signal(signal.SIGCONT)
        self.guest_is("victim", link="up")

    def test_stopped_before_it_was_seen(self):
        late = self.qemu("late")
        wait_for("its socket", late.socket.exists)
        late.process.send_signal(signal.SIGSTOP)
        self.good_is_served()
        late.process.send_signal(signal.SIGCONT)
        self.managed("late")

    def test_killed(self):
        self.victim.process.kill()
        self.victim.process.wait()
        wait_for("the victim to be gone", lambda: self.ask("GET", "/v1/guests/victim")[0] == 404)
        self.event("guest-gone", "victim")
        self.good_is_served()
        # Its socket file is still there, as QEMU left it. A new QEMU in its place is a new guest.
        again = self.qemu("victim")
        self.guest_is("victim", pid=again.pid)

    def test_quits(self):
        self.victim.command("quit")
        self.assertEqual(self.victim.process.wait(30), 0)
        wait_for("the victim to be gone", lambda: self.ask("GET", "/v1/guests/victim")[0] == 404)
        self.good_is_served()

    def test_paused(self):
        self.victim.command("stop")
        self.guest_is("victim", running=False)
        self.assertEqual(self.ask("PATCH", "/v1/guests/victim", {"limit": "64M"})[0], 200)
        self.guest_is("victim", link="up", granted=128 * MIB)
        self.good_is_served()
        self.victim.command("cont")
        self.guest_is("victim", running=True)

    def test_reset(self):
        self.victim.command("system_reset")
        self.good_is_served()
        self.assertEqual(self.guest("victim")["link"], "up")

    def test_no_driver(self):
        """Short of memory, the daemon finds out that nobody drives the balloon, and lets it be."""
        self.configure(capacity="200M", host="qmp-timeout = 1s")
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        wait_for("the good guest to give", lambda: self.good.get()["actual"] < 256 * MIB)
        self.served("good")
        guest = self.guest("victim")
        self.assertEqual(guest["granted"], 128 * MIB)
        self.assertIn(guest["balloon"]["driver"], ("unknown", "absent", "stalled"))

    def test_no_device(self):
        self.qemu("bare", balloon=False)
        guest = self.guest_is("bare", balloon=lambda b: b and b["driver"] == "no-device")
        self.assertEqual(guest["balloon"]["current"], 0)
        self.good_is_served()
