# SPDX-License-Identifier: Apache-2.0
"""Host swap for real QEMU processes with private memory, under the daemon. The guests are firmware with memory
full of known bytes: what QEMU reads of it (pmemsave) must be the same whatever was put out meanwhile."""

import hashlib
import os
import random
import signal
import unittest

from harness import MIB, QEMU, DaemonTest, Qemu, wait_for

LOADED_AT = 16 * MIB
LOADED = 64 * MIB


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
@unittest.skipUnless(os.geteuid() == 0, "swap space needs root")
class KernelSwap(DaemonTest):
    PAGER = "[pager]\nsample-window = 1s\n"

    def setUp(self):
        super().setUp()
        self.configure()
        image = self.dir / "image"
        self.image = random.Random(os.environ.get("AEROSTAT_SEED", "1")).randbytes(LOADED)
        image.write_bytes(self.image)
        self.boot_options = ["-S", "-device", f"loader,file={image},addr={LOADED_AT:#x},force-raw=on"]

    def boot(self, *options):
        self.qemu = Qemu(self.guests_dir, "vm", size="128M", private=True, extra=[*self.boot_options, *options])
        self.addCleanup(self.qemu.close)

    def kernel_swap(self, **members):
        def fits(view):
            return view and all(w(view[k]) if callable(w) else view[k] == w for k, w in members.items())
        return self.guest_is("vm", kernel_swap=fits)["kernel_swap"]

    def same_memory(self):
        dump = self.dir / "dump"
        dump.unlink(missing_ok=True)
        self.qemu.command("pmemsave", val=LOADED_AT, size=LOADED, filename=str(dump))
        self.assertEqual(hashlib.sha256(dump.read_bytes()).digest(), hashlib.sha256(self.image).digest())

    def limited(self, limit=40):
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": f"{limit}M"})[0], 200)
        return self.guest_is("vm", resident=lambda resident: resident <= (limit + 2) * MIB)

    def test_limit(self):
        """Enforced although there is plenty and the guest has no balloon driver."""
        self.boot()
        self.start()
        ready = self.kernel_swap(standing="ready", method="pageout", source="pageout")
        self.assertEqual(ready["promised"], 128 * MIB)
        self.assertIn("cgroup", ready["method_reason"])
        self.limited()
        out = self.kernel_swap(swapped=lambda swapped: swapped > 20 * MIB, allowed=40 * MIB)
        self.assertGreater(out["out"], 20 * MIB)
        self.assertGreater(out["speed"], 0)
        self.same_memory()
        self.kernel_swap(**{"in": lambda value: value > 20 * MIB})
        self.limited()
        self.same_memory()
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": None})[0], 200)
        self.kernel_swap(allowed=None)

    def test_samples(self):
        """A guest that stands still uses nothing."""
        self.boot()
        self.start()
        self.kernel_swap(sampling=lambda s: s["windows"] >= 2 and s["active"] < 0.1)
        guest = self.guest_is("vm", activity=lambda a: a["source"] == "sampled")
        self.assertLess(guest["active"], 16 * MIB)
        self.assertLess(guest["kernel_swap"]["sampling"]["cpu"], 0.2)
        self.same_memory()

    def test_switched_off_and_on(self):
        """What is out comes back when it is touched, and no more goes out."""
        self.boot()
        self.start()
        self.kernel_swap(standing="ready")
        self.limited()
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"pager": False})[0], 200)
        self.guest_is("vm", kernel_swap=None)
        wait_for("its space to be nobody else's", lambda: self.get("/v1/host")["swap_pool"]["needed"] > 8 * MIB)
        self.same_memory()
        self.guest_is("vm", resident=lambda resident: resident > 50 * MIB)
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"pager": True})[0], 200)
        self.kernel_swap(standing="ready", allowed=40 * MIB)
        self.guest_is("vm", resident=lambda resident: resident <= 42 * MIB)
        self.same_memory()

    def test_daemon_killed(self):
        """The next one finds what is out, and that it is promised."""
        self.boot()
        self.start()
        self.kernel_swap(standing="ready")
        self.limited()
        self.stop(signal.SIGKILL)
        self.same_memory()
        self.start()
        self.kernel_swap(standing="ready", promised=128 * MIB)
        self.limited()
        self.same_memory()

    def test_guest_killed(self):
        """In the midst of being put out."""
        self.boot()
        self.start()
        self.kernel_swap(standing="ready")
        self.assertEqual(self.ask("PATCH", "/v1/guests/vm", {"limit": "30M"})[0], 200)
        self.kernel_swap(out=lambda out: out > 0)
        self.qemu.close()
        wait_for("the guest to be gone", lambda: self.ask("GET", "/v1/guests/vm")[0] == 404)
        self.fake("other.sock")
        self.managed("other")
        self.served("other")

    def test_locked(self):
        """Memory that can't be paged out: said so, and the guest is left alone."""
        self.boot("-overcommit", "mem-lock=on")
        self.start()
        refused = self.kernel_swap(standing="refused")
        self.assertIn("mem-lock", refused["error"])
        self.assertEqual(refused["promised"], 0)

    def test_observed(self):
        """Nothing is acted upon, and no swap space is made."""
        self.configure(host="mode = observe")
        self.boot()
        self.start()
        self.managed("vm")
        self.assertIsNone(self.guest("vm")["kernel_swap"])
        self.assertEqual(self.get("/v1/host")["swap_pool"]["needed"], 0)


if __name__ == "__main__":
    unittest.main()
