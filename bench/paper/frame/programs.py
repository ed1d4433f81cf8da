# SPDX-License-Identifier: Apache-2.0
"""Guests with real programs: the image of them is made by the first experiment that wants it."""

import pathlib
import subprocess

from frame.problem import Problem

MIB = 1 << 20
MAKER = pathlib.Path(__file__).resolve().parents[3] / "tools" / "programs"


def prepare():
    done = subprocess.run([MAKER], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(done.stderr.strip() or f"tools/programs: status {done.returncode}")
