# SPDX-License-Identifier: Apache-2.0
"""Swap space for tests, in a file that is gone after them whatever happens."""

import os
import pathlib
import shutil
import subprocess
import tempfile


class SwapFile:
    """@mib of it, in use until close(). On a disk: a file in memory can't be swapped to."""

    def __init__(self, mib, directory=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-swap-", dir=directory))
        self.path = self.dir / "swap"
        self.on = False
        try:
            with open(self.path, "wb") as file:
                os.chmod(self.path, 0o600)
                os.posix_fallocate(file.fileno(), 0, mib << 20)
            subprocess.run(["mkswap", "-q", self.path], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["swapon", self.path], check=True)
            self.on = True
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.on:
            subprocess.run(["swapoff", self.path], check=True)
            self.on = False
        shutil.rmtree(self.dir, ignore_errors=True)
