#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast the host is well again after its capacity has shrunk by 30 %, with all means and by balloons alone.

    bench-step [--rounds N] [--markdown]

Three guests that use most of their memory occupy nearly all of the capacity; then it becomes 30 % less. What is
measured is the time until they occupy less than capacity less minfree, by the lab's own count, on real guests with
shared and with private memory. Both runs of a pair are made one after the other; the ratio is the median of the
rounds' ratios. Needs root.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(__file__).resolve().parent.parent
LAB = BUILD / "lab" / "aerostat-lab"
LIMIT = 3.0  # as many times shorter with all means
AT = 12  # s: when the capacity shrinks
LENGTH = 60  # s: a run; a balloon that has not got there then counts as this long

# The guests have swap space of their own, without which a balloon could take only what they do not use.
SCENARIO = """
[scenario]
title = 30 % less
capacity = 900M
length = {length}s
interval = 100ms
pager = {pager}
phase.1 = at {at}s capacity 630M

[daemon]
block.enable = {pager}

[guest worker]
count = 3
size = 384M
ram = {ram}
swap = 384M
phase.1 = at 0 fill 165M mixed
phase.2 = at 4s touch 165M writes=0.3 skew=0.8 ops=1000

[expect]
back-below = {length}s after {at}s
wrong-pages = 0
oom-kills = 0
guests-alive = 3
"""


class Problem(Exception):
    """The bench can't go on; one line why."""


def run(directory, ram, everything):
    """Seconds until the host is well; LENGTH - AT where it never was."""
    scenario, result = directory / "step.ini", directory / "step.json"
    scenario.write_text(SCENARIO.format(length=LENGTH, at=AT, ram=ram, pager="yes" if everything else "no"))
    lab = subprocess.run([LAB, "--quiet", "--json", result, scenario], capture_output=True, text=True, check=False)
    if lab.returncode not in (0, 1):
        raise Problem(f"aerostat-lab: {lab.stderr.strip() or f'status {lab.returncode}'}")
    goals = {goal["name"]: goal for goal in json.loads(result.read_text())["goals"]}
    for name in ("wrong-pages", "guests-alive", "oom-kills"):
        if not goals[name]["met"]:
            raise Problem(f"{ram}, {'all means' if everything else 'balloons alone'}: "
                          f"{name} is {goals[name]['value']}: nothing to compare")
    value = goals["back-below"]["value"]
    return LENGTH - AT if value == "never" else float(value.split()[0])


def measure(directory, ram, rounds):
    """Of each round: seconds with all means, by balloons alone."""
    pairs = []
    for number in range(rounds):
        pair = run(directory, ram, True), run(directory, ram, False)
        print(f"{ram}, round {number + 1}: all means {pair[0]:.1f} s, balloons alone {pair[1]:.1f} s", flush=True)
        pairs.append(pair)
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--markdown", action="store_true", help="print a table for the README")
    options = parser.parse_args()
    rows, missed = [], False
    try:
        with tempfile.TemporaryDirectory(prefix="aerostat-bench-") as directory:
            for ram, words in (("memfd", "shared memory"), ("private", "private memory")):
                pairs = measure(pathlib.Path(directory), ram, options.rounds)
                ratio = statistics.median(balloon / everything for everything, balloon in pairs)
                rows.append((words, *(statistics.median(values) for values in zip(*pairs)), ratio))
                met = ratio >= LIMIT
                missed = missed or not met
                print(f"goal step-{ram}: {ratio:.1f} times shorter (limit {LIMIT:.1f}) {'met' if met else 'missed'}",
                      flush=True)
    except Problem as problem:
        sys.exit(f"bench-step: {problem}")
    if options.markdown:
        print("| guests with | all means | balloons alone | times shorter |\n|---|---|---|---|")
        for row in rows:
            print("| {} | {:.1f} s | {:.1f} s | {:.1f} |".format(*row))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
