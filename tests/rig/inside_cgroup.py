# SPDX-License-Identifier: Apache-2.0
"""Guests with private memory on a host with cgroup v2: the daemon takes memory by memory.reclaim. The guests are
fakes (a QMP socket and memory that is really there, every page with its own content), in cgroups of their own."""

import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "daemon"))

from harness import MIB, DaemonTest, wait_for # noqa: E402

RIG = {"memory": 768, "disk": 640}
MODULES = pathlib.Path(__file__).resolve().parents[2] / ".cache/kernel/modules"
CGROUPS = pathlib.Path("/sys/fs/cgroup")


class CgroupTest(DaemonTest):
    PAGER = "[pager]\nsample-window = 2s\n"
    SWAP_PARENT = "/mnt"

    def cgroup(self, name):
        directory = CGROUPS / name
        directory.mkdir()
        self.addCleanup(directory.rmdir)
        return directory

    def private(self, name, parent="", **options):
        directory = self.cgroup(f"{parent}{name}")
        fake = self.fake(f"{name}.sock", private=True, device=False, cgroup=str(directory), **options)
        return fake, directory

    @staticmethod
    def number(directory, file):
        return int((directory / file).read_text())

    @staticmethod
    def pressure(directory):
        """Microseconds for which something in there has waited for memory."""
        return int((directory / "memory.pressure").read_text().split("total=")[1].split()[0])

    def pair(self, **options):
        """One that has been idle for long with 100 MiB, and one that has not begun yet."""
        self.idle, self.idle_cgroup = self.private("idle", size=128 * MIB, used=100 * MIB, **options)
        self.busy, self.busy_cgroup = self.private("busy", size=128 * MIB, used=8 * MIB, busy=8 * MIB)

    def kernel_swap(self, name, **members):
        def fits(view):
            return view and all(w(view[k]) if callable(w) else view[k] == w for k, w in members.items())
        return self.guest_is(name, kernel_swap=fits)["kernel_swap"]

    def squeeze(self):
        """The busy one grows at the expense of the idle one."""
        for name in ("idle", "busy"):
            self.kernel_swap(name, standing="ready", method="memory.reclaim")
        self.busy.set(used=100 * MIB, busy=100 * MIB)
        self.guest_is("idle", resident=lambda resident: resident < 70 * MIB)
        return self.kernel_swap("idle", swapped=lambda swapped: swapped > 30 * MIB)


class Squeezed(CgroupTest):
    def squeezed(self):
        self.pair()
        self.configure(capacity="160M")
        self.start()
        view = self.squeeze()
        self.assertEqual((view["method_reason"], view["cgroup"]), (None, "/idle"))
        wait_for("the cgroup to be smaller",
                 lambda: self.number(self.idle_cgroup, "memory.current") < 90 * MIB)

    def verify(self):
        """Without the daemon: with it, what comes back for this goes out again, and that takes its time."""
        self.assertEqual(self.stop(), 0)
        self.assertEqual((self.idle.verify(), self.busy.verify()), (0, 0))

    def test_in_favour_of_another(self):
        self.squeezed()
        pool = self.get("/v1/host")["swap_pool"]
        self.assertGreaterEqual(pool["counted"], pool["needed"])
        self.assertGreaterEqual(pool["own"], 2 * pool["needed"])
        self.assertEqual(self.metric("aerostat_swap_lacking"), 0)
        self.event("swap-pool", text="grew")
        self.verify()

    def test_with_generations(self):
        """The other LRU that the kernel has."""
        switch = pathlib.Path("/sys/kernel/mm/lru_gen/enabled")
        before = switch.read_text()
        self.addCleanup(switch.write_text, before)
        switch.write_text("y")
        self.assertNotEqual(int(switch.read_text(), 16), 0)
        self.squeezed()
        self.verify()


class Limits(CgroupTest):
    def test_reservation_and_swap(self):
        """What is promised stands in the cgroup, survives a kill, and is put back at the end."""
        self.pair()
        self.configure(capacity="160M", rest='[vm "idle"]\nreservation = 64M\n')
        self.start()
        self.squeeze()
        self.assertEqual(self.number(self.idle_cgroup, "memory.min"), 64 * MIB)
        self.assertEqual(self.number(self.idle_cgroup, "memory.swap.max"), (128 - 64) * MIB)
        self.assertLessEqual(self.number(self.idle_cgroup, "memory.swap.current"), 64 * MIB)
        self.stop(signal.SIGKILL)
        self.assertEqual(self.number(self.idle_cgroup, "memory.min"), 64 * MIB)
        self.start()
        pool = self.get("/v1/host")["swap_pool"]
        self.assertGreater(pool["own"], 0) # adopted
        self.managed("idle")
        self.kernel_swap("idle", standing="ready", method="memory.reclaim")
        self.assertEqual(self.stop(), 0)
        self.assertEqual(self.number(self.idle_cgroup, "memory.min"), 0)
        self.assertEqual((self.idle_cgroup / "memory.swap.max").read_text(), "max\n")
        self.assertEqual(self.idle.verify(), 0)

    def test_memory_min_holds(self):
        """Against another's need, where the parent has it as well: so the kernel, so the promise."""
        parent = self.cgroup("machine")
        (parent / "cgroup.subtree_control").write_text("+memory")
        (parent / "memory.min").write_text(str(64 * MIB))
        self.idle, self.idle_cgroup = self.private("idle", "machine/", size=128 * MIB, used=100 * MIB)
        self.configure(capacity="600M", rest='[vm "idle"]\nreservation = 64M\n')
        self.start()
        self.kernel_swap("idle", standing="ready", cgroup="/machine/idle")
        wait_for("memory.min", lambda: self.number(self.idle_cgroup, "memory.min") == 64 * MIB)
        (parent / "memory.max").write_text(str(160 * MIB))
        hog, cgroup = self.private("hog", "machine/", size=256 * MIB, used=8 * MIB)
        self.kernel_swap("hog", standing="ready", method="memory.reclaim")
        hog.set(used=190 * MIB)
        self.assertGreaterEqual(self.number(self.idle_cgroup, "memory.current"), 60 * MIB)
        self.assertLess(self.number(cgroup, "memory.current"), 100 * MIB)
        self.assertGreater(self.number(cgroup, "memory.swap.current"), 80 * MIB)
        self.assertEqual(self.stop(), 0)
        self.assertEqual((hog.verify(), self.idle.verify()), (0, 0))


class Pressure(CgroupTest):
    def test_time_lost_is_seen(self):
        """A guest that has less than it uses waits for memory; the kernel says for how long."""
        fake, cgroup = self.private("vm", size=128 * MIB, used=80 * MIB, busy=80 * MIB)
        self.configure(capacity="400M")
        self.start()
        self.kernel_swap("vm", standing="ready", method="memory.reclaim")
        (cgroup / "memory.max").write_text(str(50 * MIB))
        wait_for("pressure", lambda: self.pressure(cgroup) > 0)
        self.guest_is("vm", lost=lambda lost: lost["seconds"]["host-swap"] > 0)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(fake.verify(), 0)


class Zram(CgroupTest):
    """Swap space that is memory: what goes there is free at once, and the daemon makes no files beside it."""

    def setUp(self):
        super().setUp()
        for module in ("crypto/lzo-rle", "mm/zsmalloc", "drivers/block/zram/zram"):
            subprocess.run(["busybox", "insmod", MODULES / f"{module}.ko"], check=True)
            self.addCleanup(subprocess.run, ["busybox", "rmmod", pathlib.Path(module).name.replace("-", "_")], check=True)
        pathlib.Path("/sys/block/zram0/disksize").write_text(str(256 * MIB))
        subprocess.run(["mkswap", "-q", "/dev/zram0"], check=True)
        subprocess.run(["swapon", "-p", "100", "/dev/zram0"], check=True)
        self.addCleanup(subprocess.run, ["swapoff", "/dev/zram0"], check=True)

    def test_counts(self):
        fake, _ = self.private("vm", size=64 * MIB, used=60 * MIB)
        self.configure(capacity="200M")
        self.start()
        self.kernel_swap("vm", standing="ready", method="memory.reclaim")
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": "30M"})[0], 200)
        self.guest_is("vm", resident=lambda resident: resident <= 34 * MIB)
        wait_for("the pool's next look", lambda: self.get("/v1/host")["swap_pool"]["used"] > 20 * MIB)
        pool = self.get("/v1/host")["swap_pool"]
        self.assertEqual((pool["own"], pool["error"]), (0, None))
        stored, compressed = map(int, pathlib.Path("/sys/block/zram0/mm_stat").read_text().split()[:2])
        self.assertGreater(stored, 2 * compressed)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(fake.verify(), 0)
        fake.close()


if __name__ == "__main__":
    unittest.main()
