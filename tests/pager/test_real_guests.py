# SPDX-License-Identifier: Apache-2.0
"""What a real guest gives back by itself - reported free pages, its balloon, its own swap - and what of it the
pager moves in vain. The guest program verifies its memory; the page map tells what was moved."""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

from pagers import ANY, MIB, PAGE, House, may_attach, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab.real_guest import INITRD, KERNEL, RealGuest # pylint: disable=wrong-import-position

SIZE = 192
OWNED = 80 * MIB


@unittest.skipUnless(shutil.which("qemu-system-x86_64"), "qemu-system-x86_64 is not installed")
@unittest.skipUnless(os.path.exists(KERNEL) and os.path.exists(INITRD), "no kernel for the lab's guests: make deps")
@unittest.skipUnless(may_attach(), "needs root and userfaultfd")
class RealGuests(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.house = House()
        self.addCleanup(self.house.end)

    def boot(self, *options, **more):
        """A guest with a pager that knows its processors."""
        guest = RealGuest(self.directory, self.directory, "guest", size_mib=SIZE, options=options, **more)
        self.addCleanup(guest.close)
        guest.up()
        guest.mib = SIZE
        self.pager = self.house.pager(guest).ready()
        self.pager.know_cpus(*(cpu["thread-id"] for cpu in guest.qmp("query-cpus-fast")))
        return guest

    def out(self):
        figures = self.pager.figures()
        return sum(figures[state] for state in ("zero", "compressed", "swapped")) * PAGE

    def all_out(self):
        self.pager.allow(0)
        wait_for("its memory to be out", lambda: self.out() > OWNED)
        self.pager.order("allow", ANY)
        return self.pager.figures()

    def verify(self, guest, owned):
        report = guest.do(do="verify")
        self.assertEqual((report["wrong"], report["owned"]), (0, owned))

    def moved(self, before):
        """Bytes put out since."""
        now = self.pager.figures()
        return sum(now[f"evicted_{s}"] - before[f"evicted_{s}"] for s in ("zero", "compressed", "swapped")) * PAGE

    def test_reported_free_pages(self):
        """They are forgotten where they are, without being read, and never put out."""
        guest = self.boot("-device", "virtio-balloon-pci,id=balloon,free-page-reporting=on", balloon=False)
        guest.do(do="fill", bytes=OWNED, content="mixed")
        before = self.all_out()
        guest.do(do="free", bytes=OWNED // 4)
        wait_for("reports", lambda: self.pager.figures()["discarded"] - before["discarded"] > OWNED * 5 // 8 // PAGE)
        after = self.pager.figures()
        self.assertLess(after["swapped"], before["swapped"] - OWNED // 8 // PAGE)
        self.assertLess((after["bytes_read"] - before["bytes_read"]), OWNED // 4, "read to be forgotten")
        self.assertEqual(self.pager.do("park")[0], "done")
        self.assertLess(self.moved(before), after["resident"] * PAGE + 16 * MIB)
        self.assertGreater(self.pager.figures()["absent"] * PAGE, OWNED * 5 // 8)
        self.verify(guest, OWNED // 4)
        guest.do(do="fill", bytes=OWNED, content="mixed")
        self.verify(guest, OWNED)

    def test_balloon(self):
        """What is in it was forgotten, and is not put out again. (A kernel that zeroes pages when it allocates them
        touches what it gives to its balloon, and so has it brought back before.)"""
        guest = self.boot(kernel="init_on_alloc=0")
        guest.do(do="fill", bytes=OWNED, content="mixed")
        guest.do(do="free", bytes=OWNED // 4)
        before = self.all_out()
        guest.qmp("balloon", value=(SIZE - 100) * MIB)
        wait_for("the balloon", lambda: guest.qmp("query-balloon")["actual"] == (SIZE - 100) * MIB)
        after = self.pager.figures()
        self.assertGreater(after["absent"] * PAGE, 100 * MIB)
        self.assertLess(after["loaded_swapped"] - before["loaded_swapped"], OWNED // 4 // PAGE, "loaded to be given back")
        self.assertEqual(self.pager.do("park")[0], "done")
        self.assertLessEqual(self.out(), (SIZE - 100) * MIB)
        self.assertLess(self.moved(before), after["resident"] * PAGE + 16 * MIB)
        self.verify(guest, OWNED // 4)
        guest.qmp("balloon", value=SIZE * MIB)
        guest.do(do="fill", bytes=OWNED, content="mixed")
        self.verify(guest, OWNED)

    def test_own_swap(self):
        """The guest pages out what was out already: that is counted, and its processors' faults are not."""
        disk = self.directory / "swap"
        disk.touch()
        os.truncate(disk, 256 * MIB)
        guest = self.boot("-blockdev", f"driver=raw,node-name=swap,file.driver=file,file.filename={disk}",
                          "-device", "virtio-blk-pci,drive=swap,serial=swap")
        guest.do(do="fill", bytes=OWNED, content="mixed")
        self.all_out()
        self.verify(guest, OWNED)
        own = self.pager.figures()["paged_by_guest"] * PAGE
        self.assertLess(own, MIB, "processors' faults")
        self.all_out()
        guest.qmp("balloon", value=(SIZE - 110) * MIB)
        report = guest.report(lambda r: r["mem"]["swap_total"] - r["mem"]["swap_free"] > OWNED // 4)
        paged_out = report["vmstat"]["pswpout"] * PAGE
        wait_for("double paging", lambda: self.pager.figures()["paged_by_guest"] * PAGE - own > paged_out // 4)
        self.verify(guest, OWNED)


if __name__ == "__main__":
    unittest.main()
