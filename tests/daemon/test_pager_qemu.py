# SPDX-License-Identifier: Apache-2.0
"""Real pagers on real QEMU processes, under the daemon. The guests are firmware with memory full of known
bytes: what QEMU reads of it (pmemsave) must be the same whoever was killed meanwhile."""

import hashlib
import os
import pathlib
import random
import shutil
import signal
import tempfile
import unittest

from harness import BUILD, MIB, QEMU, DaemonTest, Qemu, wait_for

PAGER = BUILD / "src/pager/aerostat-pager"
SIZE = 128 * MIB
LOADED_AT = 16 * MIB
LOADED = 64 * MIB


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def content(seed):
    """A third incompressible, a third compressible, a third zero, mixed by page."""
    chance = random.Random(seed)
    parts = []
    for _ in range(LOADED // 4096):
        kind = chance.randrange(3)
        if kind == 0:
            parts.append(chance.randbytes(4096))
        elif kind == 1:
            parts.append(chance.randbytes(16) * 256)
        else:
            parts.append(bytes(4096))
    return b"".join(parts)


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
@unittest.skipUnless(os.geteuid() == 0, "attaching to a QEMU process needs root")
class RealPager(DaemonTest):
    def setUp(self):
        super().setUp()
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-", dir="/dev/shm"))
        self.swap = self.dir / "swap"
        self.addCleanup(shutil.rmtree, self.memory)
        self.addCleanup(self.end_pagers)
        self.PAGER = (f"[pager]\nprogram = {PAGER}\nmemory-directory = {self.memory}\n"
                      f"swap-directory = {self.swap}\nsample-window = 1s\n")
        self.pids = set()
        self.configure()
        image = self.dir / "image"
        self.image = content(os.environ.get("AEROSTAT_SEED", "1"))
        image.write_bytes(self.image)
        self.qemu = Qemu(self.guests_dir, "vm", size="128M", extra=[
            "-S", "-device", f"loader,file={image},addr={LOADED_AT:#x},force-raw=on"])
        self.addCleanup(self.qemu.close)

    def end_pagers(self):
        """Those whose guests' ends they have not seen themselves."""
        self.kill()
        self.qemu.close()
        wait_for("the pagers' ends", lambda: not any(map(alive, self.pids)))

    def pager(self, **members):
        def fits(pager):
            return pager and all(w(pager[k]) if callable(w) else pager[k] == w for k, w in members.items())
        pager = self.guest_is("vm", pager=fits)["pager"]
        self.pids.add(pager["pid"])
        return pager

    def serves(self, **members):
        return self.pager(**{"standing": "serves", "phase": "serving", **members})

    def park(self):
        self.assertEqual(self.ask("POST", "/v1/guests/vm/park")[0], 200)
        return self.serves(parked=True)

    def same_memory(self):
        """QEMU itself reads what is out: its threads fault as the guest's do."""
        dump = self.dir / "dump"
        dump.unlink(missing_ok=True)
        self.qemu.command("pmemsave", val=LOADED_AT, size=LOADED, filename=str(dump))
        self.assertEqual(hashlib.sha256(dump.read_bytes()).digest(), hashlib.sha256(self.image).digest())

    def files(self):
        return sorted(p.name for d in (self.memory, self.swap) if d.exists() for p in d.iterdir())

    def test_park_and_unpark(self):
        self.start()
        before = self.serves()["bytes"]
        self.assertGreaterEqual(before["resident"], LOADED)
        parked = self.park()["bytes"]
        self.assertLess(parked["resident"], 4 * MIB)
        self.assertGreaterEqual(parked["swapped"], LOADED // 4)
        self.assertGreaterEqual(parked["zero"], LOADED // 4)
        wait_for("RAM to be free", lambda: self.guest("vm")["resident"] < 30 * MIB)
        self.assertEqual(self.ask("POST", "/v1/guests/vm/unpark")[0], 200)
        after = self.serves(parked=False)["bytes"] # a page of zeros comes when it is touched
        self.assertEqual((after["swapped"], after["compressed"]), (0, 0))
        self.assertGreaterEqual(after["resident"], before["resident"] - parked["zero"])
        self.same_memory()

    def test_pager_killed(self):
        self.start()
        pid = self.serves()["pid"]
        self.park()
        os.kill(pid, signal.SIGKILL)
        self.serves(pid=lambda new: new != pid, takeovers=1)
        self.same_memory()

    def test_stopped(self):
        """It is killed, and another one takes over."""
        self.PAGER += "stuck-limit = 2s\n"
        self.configure()
        self.start()
        pid = self.serves()["pid"]
        self.park()
        os.kill(pid, signal.SIGSTOP)
        self.event("guest-pager", "vm", "did not answer for 2 s")
        self.serves(pid=lambda new: new != pid, takeovers=1, error=None)
        self.same_memory()

    def test_killed_while_parking(self):
        self.start()
        for n in range(1, 6):
            pid = self.serves()["pid"]
            self.assertEqual(self.ask("POST", "/v1/guests/vm/park")[0], 200)
            os.kill(pid, signal.SIGKILL)
            self.pager(standing="serves", takeovers=n)
        self.same_memory()

    def test_daemon_killed(self):
        self.start()
        pid = self.serves()["pid"]
        self.park()
        self.stop(signal.SIGKILL)
        self.same_memory() # nobody but the pager is needed for it
        self.start()
        self.assertEqual(self.serves()["pid"], pid)

    def test_both_killed(self):
        self.start()
        pid = self.serves()["pid"]
        self.park()
        self.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        self.start()
        self.serves(pid=lambda new: new != pid, takeovers=1)
        self.same_memory()

    def test_guest_killed(self):
        self.start()
        pid = self.serves()["pid"]
        self.park()
        self.qemu.close()
        wait_for("its pager's end", lambda: not alive(pid))
        wait_for("no files", lambda: not self.files())

    def test_switched_off_and_on(self):
        """Detached, everything is back; and it can be attached again."""
        self.start()
        pid = self.serves()["pid"]
        self.park()
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"pager": False})[0], 200)
        wait_for("no pager", lambda: self.guest("vm")["pager"] is None)
        wait_for("its pager's end", lambda: not alive(pid) and not self.files())
        links = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{self.qemu.pid}/fd").iterdir()]
        self.assertNotIn("anon_inode:[userfaultfd]", links)
        self.same_memory()
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"pager": None})[0], 200)
        self.serves()
        self.park()
        self.same_memory()

    def test_limit(self):
        """Enforced although there is plenty and the guest has no balloon driver."""
        self.start()
        self.serves()
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": "40M"})[0], 200)
        self.guest_is("vm", resident=lambda resident: resident <= 41 * MIB)
        self.same_memory()
        self.guest_is("vm", resident=lambda resident: resident <= 41 * MIB)
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": None})[0], 200)
        self.serves(allowed=None)

    def test_samples(self):
        """A guest that stands still uses nothing."""
        self.start()
        self.serves(sampling=lambda s: s["windows"] >= 2)
        guest = self.guest_is("vm", activity=lambda a: a["source"] == "sampled")
        self.assertLess(guest["active"], 16 * MIB)
        self.same_memory()
