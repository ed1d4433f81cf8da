# SPDX-License-Identifier: Apache-2.0
"""Host swap for real QEMU processes with private memory, under the daemon. The guests are firmware with memory
full of known bytes: what QEMU reads of it (pmemsave) must be the same whatever was put out meanwhile."""

import hashlib
import os
import random
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
        self.qemu = Qemu(self.guests_dir, "vm", size="128M", private=True, extra=[
            "-S", "-device", f"loader,file={image},addr={LOADED_AT:#x},force-raw=on"])
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


if __name__ == "__main__":
    unittest.main()
