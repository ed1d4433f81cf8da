# SPDX-License-Identifier: Apache-2.0
"""Bad days of real guests that have a pager: real QEMU and guest system, the real daemon. In each of them the
guest's pages are out when it happens, and at the end the guest verifies all that it owns."""

import errno
import hashlib
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from daemon.harness import BUILD, MIB, DaemonTest, wait_for
from lab.real_guest import INITRD, KERNEL, PageMap, RealGuest

OWNED = 56 * MIB


def digest(path):
    """Of a file that is not needed any more."""
    with open(path, "rb") as file:
        result = hashlib.file_digest(file, "sha256").hexdigest()
    os.unlink(path)
    return result


def runs(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


@unittest.skipUnless(shutil.which("qemu-system-x86_64"), "qemu-system-x86_64 is not installed")
@unittest.skipUnless(os.path.exists(KERNEL) and os.path.exists(INITRD), "no kernel for the lab's guests: make deps")
class BadDays(DaemonTest):
    def setUp(self):
        super().setUp()
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.memory)
        self.swap = self.dir / "swap"
        self.map = PageMap(self.memory / "guest.map")
        self.PAGER = (f"[pager]\nprogram = {BUILD}/src/pager/aerostat-pager\nmemory-directory = {self.memory}\n"
                      f"swap-directory = {self.swap}\ncache = 0.05\n")
        self.vm = None
        self.addCleanup(self.end_guest)
        self.start()

    def boot(self, **options):
        self.vm = RealGuest(self.dir, self.guests_dir, "guest", **options).up()
        return self.vm

    def end_guest(self):
        """And its pager, which must do so by itself."""
        pid = self.map.pager_pid() if self.map.path.exists() else 0
        if self.vm:
            self.vm.close()
        if pid:
            wait_for("the pager to end after its guest", lambda: not runs(pid))

    def copy(self, image):
        """A QEMU that goes on with the guest from @image, unknown to the daemon."""
        elsewhere = self.dir / "copy"
        elsewhere.mkdir()
        copy = RealGuest(elsewhere, elsewhere, "copy", options=("-incoming", f"exec:cat {image}"))
        self.addCleanup(copy.close)
        wait_for("the copy to run", lambda: copy.qmp("query-status")["running"])
        return copy.goes_on()

    # -- the pager

    def served(self):
        """Waits until a pager serves the guest; its process."""
        wait_for("a pager", lambda: self.map.path.exists() and runs(self.map.pager_pid()))
        self.pager_is(standing="serves", phase="serving")
        return self.map.pager_pid()

    def pager_is(self, **members):
        return self.guest_is("guest", pager=lambda pager: pager and all(
            wanted(pager[key]) if callable(wanted) else pager[key] == wanted for key, wanted in members.items()))

    def park(self):
        status, answer = self.ask("POST", "/v1/guests/guest/park")
        self.assertEqual(status, 200, answer)
        wait_for("its memory to be out", lambda: self.map.out() > OWNED * 3 // 4)
        self.pager_is(parked=True, phase="serving")

    def unpark(self):
        status, answer = self.ask("POST", "/v1/guests/guest/unpark")
        self.assertEqual(status, 200, answer)
        self.pager_is(parked=False, phase="serving")

    def parked_guest(self, content="mixed", **options):
        guest = self.boot(**options)
        self.served()
        guest.do(do="fill", bytes=OWNED, content=content)
        self.park()
        return guest

    def verify(self, guest):
        report = guest.do(do="verify")
        self.assertEqual((report["wrong"], report["owned"]), (0, OWNED))

    # -- the days

    def test_daemon_and_pager_killed_together(self):
        guest = self.parked_guest(vcpus=2)
        pager = self.map.pager_pid()
        self.kill()
        os.kill(pager, signal.SIGKILL)
        wait_for("the pager's end", lambda: not runs(pager))
        out = self.map.out()
        guest.order(do="verify") # nobody serves: it waits
        self.start()
        report = guest.report(lambda r: not r["busy"])
        self.assertEqual((report["wrong"], report["owned"]), (0, OWNED))
        self.assertNotEqual(self.map.pager_pid(), pager)
        self.assertLess(self.map.out(), out)
        self.pager_is(takeovers=1)

    def test_daemon_killed(self):
        """The pager serves on, and the next daemon knows it."""
        guest = self.parked_guest()
        pager = self.map.pager_pid()
        self.kill()
        self.verify(guest)
        self.start()
        self.assertEqual(self.served(), pager)
        self.park()
        self.verify(guest)
        self.pager_is(takeovers=0)

    def test_reboot(self):
        guest = self.parked_guest()
        pager = self.map.pager_pid()
        guest.qmp("system_reset")
        guest.up()
        guest.do(do="fill", bytes=OWNED, content="mixed")
        self.park()
        self.verify(guest)
        self.assertEqual(self.map.pager_pid(), pager)

    def test_dump(self):
        """QEMU's dump of a guest that is out is the dump of the same guest when it is not."""
        guest = self.parked_guest()
        guest.qmp("stop")
        self.park()
        dump = self.dir / "dump"
        guest.qmp("dump-guest-memory", paging=False, protocol=f"file:{dump}")
        out = digest(dump)
        self.unpark()
        guest.qmp("dump-guest-memory", paging=False, protocol=f"file:{dump}")
        self.assertEqual(digest(dump), out)
        guest.qmp("cont")
        self.verify(guest)

    def test_migrate(self):
        """A guest that goes on elsewhere from what was out here finds all its pages."""
        guest = self.parked_guest()
        image = self.dir / "image"
        guest.qmp("migrate", uri=f"exec:cat >{image}")
        guest.migrated()
        self.verify(self.copy(image))
        guest.qmp("cont")
        self.verify(guest)

    def test_paused_guest(self):
        """A pager comes to a guest whose processors are stopped, and parks it."""
        self.assertEqual(self.stop(), 0)
        guest = self.boot()
        guest.do(do="fill", bytes=OWNED, content="mixed")
        guest.qmp("stop")
        self.start()
        self.served()
        self.park()
        guest.qmp("cont")
        self.verify(guest)

    def nothing_is_left(self, end):
        """Nothing is left of a guest that is ended by end() while its pages are out."""
        guest = self.parked_guest()
        pager = self.map.pager_pid()
        self.assertEqual(sorted(p.suffix for p in self.memory.glob("guest.*")), [".cache", ".map", ".sock"])
        self.assertEqual([p.name for p in self.swap.glob("guest*")], ["guest.swap"])
        end(guest)
        guest.process.wait()
        wait_for("the pager's end", lambda: not runs(pager))
        wait_for("its files to go", lambda: not [*self.memory.glob("guest*"), *self.swap.glob("guest*")])

    def test_killed_guest(self):
        self.nothing_is_left(lambda guest: guest.process.kill())

    def test_guest_that_quits(self):
        self.nothing_is_left(lambda guest: guest.qmp("quit"))

    def test_swap_file_that_can_not_be_read(self):
        """Who touches such a page waits, and it is said; never does it read zeros. With the file it goes on."""
        guest = self.parked_guest(content="random")
        path = self.swap / "guest.swap"
        saved = path.read_bytes()
        os.truncate(path, 0)
        guest.order(do="verify")
        held = self.pager_is(held=lambda held: held is not None)
        self.assertGreater(held["pager"]["io_errors"], 0)
        self.assertEqual(held["pager"]["held"]["error"], os.strerror(errno.EIO))
        # Whether QEMU can still stop depends on which of its threads waits for such a page.
        wait_for("the report", lambda: [
            e for e in self.events(guest="guest") if "can't be read back" in e["text"] and str(path) in e["text"]])
        # From the front on: what can be read again is right at any time.
        with open(path, "r+b", buffering=0) as file:
            for at in range(0, len(saved), MIB):
                file.write(saved[at:at + MIB])
        report = guest.report(lambda r: not r["busy"])
        self.assertEqual((report["wrong"], report["owned"]), (0, OWNED))
        self.pager_is(held=None)
        self.guest_is("guest", link="up", running=True)


if __name__ == "__main__":
    unittest.main()
