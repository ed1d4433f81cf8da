# SPDX-License-Identifier: Apache-2.0
"""A real guest on a host with cgroup v2: QEMU within a guest that is a host. Emulated within what is emulated it
takes minutes to boot, so it is one guest and one story."""

import os
import pathlib
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "daemon"), str(TESTS / "lab")]

import harness # noqa: E402
import real_guest # noqa: E402
from harness import MIB, DaemonTest # noqa: E402

RIG = {"memory": 1024, "disk": 640, "timeout": 3000}
CGROUPS = pathlib.Path("/sys/fs/cgroup")
# Everything is a hundred times slower here.
harness.PATIENCE = real_guest.PATIENCE = 1200


class Nested(DaemonTest):
    PAGER = "[pager]\nsample-window = 5s\n"
    SWAP_PARENT = "/mnt"

    def in_cgroup(self, start):
        """What @start starts, in a cgroup of its own from its first page on."""
        directory = CGROUPS / "vm"
        directory.mkdir()
        self.addCleanup(directory.rmdir)
        (directory / "cgroup.procs").write_text(str(os.getpid()))
        started = start()
        (CGROUPS / "cgroup.procs").write_text(str(os.getpid()))
        self.addCleanup(started.close)
        return started

    def test_real_guest_is_reclaimed(self):
        guest = self.in_cgroup(lambda: real_guest.RealGuest(
            self.dir, self.guests_dir, "vm", size_mib=160, private=True, balloon=False))
        guest.up()
        guest.do(do="fill", bytes=64 * MIB, content={"compressible": 0.5})
        self.configure(capacity="400M", host="qmp-timeout = 60s")
        self.start()
        self.guest_is("vm", ram="private", kernel_swap=lambda view: view and view["standing"] == "ready" and
                      view["method"] == "memory.reclaim")
        before = self.guest("vm")["resident"]
        self.assertGreater(before, 64 * MIB)
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": "60M"})[0], 200)
        self.guest_is("vm", resident=lambda resident: resident < 70 * MIB)
        view = self.guest("vm")["kernel_swap"]
        self.assertEqual((view["cgroup"], view["method_reason"]), ("/vm", None))
        self.assertGreater(view["swapped"], 10 * MIB)
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": None})[0], 200)
        report = guest.do(do="verify")
        self.assertEqual((report["wrong"], report["owned"]), (0, 64 * MIB))
        self.assertEqual(self.stop(), 0)


if __name__ == "__main__":
    unittest.main()
