#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a Python unittest file in a guest that is a host (host.py), and passes on its TAP.

    run-inside.py FILE [NAME...]

FILE says with lines "RIG = {...}" what host it wants: the arguments of host.run().
"""

import ast
import os
import pathlib
import shlex
import sys

import host

TESTS = pathlib.Path(__file__).resolve().parents[1]


def wishes(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RIG":
            return ast.literal_eval(node.value)
    return {}


def main():
    if len(sys.argv) < 2:
        print("usage: run-inside.py FILE [NAME...]", file=sys.stderr)
        return 2
    path = pathlib.Path(sys.argv[1]).resolve()
    if host.MISSING:
        print(f"1..0 # SKIP {host.MISSING}")
        return 0
    variables = {name: os.environ[name] for name in ("AEROSTAT_BUILD", "AEROSTAT_SEED", "AEROSTAT_TEST_LOG")
                 if name in os.environ}
    words = [*(f"{name}={value}" for name, value in variables.items()), "/usr/bin/python3",
             str(TESTS / "run-unittest.py"), str(path), *sys.argv[2:]]
    command = "env " + " ".join(map(shlex.quote, words))
    try:
        result = host.run(f'{command} 2>/run/tmp/said; status=$?; sed "s/^/# /" /run/tmp/said; exit $status\n',
                          **wishes(path))
    except host.RigError as error:
        print("Bail out! " + "\n# ".join(str(error).splitlines()))
        return 1
    print(result.output, end="")
    print(f"# the guest lived for {result.seconds:.0f} s")
    return result.status


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
