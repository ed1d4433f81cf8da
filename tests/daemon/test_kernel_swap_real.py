# SPDX-License-Identifier: Apache-2.0
"""Real guests with private memory that the host puts out: real QEMU and guest system, the real daemon. The guests
verify their pages all the time, and have no balloon driver: nothing but the host's own means is left."""

import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from daemon.harness import MIB, DaemonTest, wait_for # pylint: disable=wrong-import-position
from lab.real_guest import INITRD, KERNEL, RealGuest # pylint: disable=wrong-import-position

OWNED = 96 * MIB


@unittest.skipUnless(shutil.which("qemu-system-x86_64"), "qemu-system-x86_64 is not installed")
@unittest.skipUnless(os.path.exists(KERNEL) and os.path.exists(INITRD), "no kernel for the lab's guests: make deps")
@unittest.skipUnless(os.geteuid() == 0, "swap space needs root")
class RealGuests(DaemonTest):
    CONFIG = "[policy]\nperiod = 500ms\nstats-period = 1s\n"
    PAGER = "[pager]\nsample-window = 2s\n"

    def boot(self, name):
        guest = RealGuest(self.dir, self.guests_dir, name, size_mib=192, driver=False, private=True)
        self.addCleanup(guest.close)
        return guest

    def test_squeezed(self):
        """By the host's need, one guest besides by its limit."""
        self.configure(capacity="220M", host="minfree = 20M")
        guests = {name: self.boot(name) for name in ("a", "b")}
        self.start()
        for name, guest in guests.items():
            guest.up()
            self.guest_is(name, kernel_swap=lambda swap: swap and swap["standing"] == "ready")
        self.assertEqual(self.ask("PATCH", "/v1/guests/b", {"limit": "90M"})[0], 200)
        for guest in guests.values():
            guest.do(do="fill", bytes=OWNED, content="mixed")
            guest.order(do="touch", bytes=OWNED, writes=0.3, skew=0.9)
        for name in guests:
            self.guest_is(name, kernel_swap=lambda swap: swap["in"] > 10 * MIB and swap["out"] > 30 * MIB)
        self.guest_is("b", resident=lambda resident: resident < 95 * MIB)
        wait_for("the host to be within its bounds", lambda: self.get("/v1/host")["free"] > 0)
        for name, guest in guests.items():
            before = guest.report()["operations"]
            guest.report(lambda report, seen=before: report["operations"] > seen)
            report = guest.do(do="verify")
            self.assertEqual((report["wrong"], report["owned"], report["vmstat"]["oom_kill"]), (0, OWNED, 0))


if __name__ == "__main__":
    unittest.main()
