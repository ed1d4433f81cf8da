# SPDX-License-Identifier: Apache-2.0
"""Sharing: identical guests from one to ten, what merging saves and what it costs (Waldspurger 2002, section 4.4).

All boot the same kernel and own the same data besides a working set of their own, which they touch and write all the
time. How much could be saved follows from that; what is measured is how much of it is, how soon, and at what price.
The price is measured on ten guests at full speed, with sharing and without, in two runs: it means something on a
machine that does nothing else, and so is no goal.
"""

import os
import pathlib

from frame.bench import median
from frame.plot import Curve, Panel, Plot
from frame.table import mib, percent

COUNTS = (1, 2, 5, 10)
STEP = 35  # s: for the guests that come to boot, and to be merged
END = STEP * (len(COUNTS) + 1)  # the last ones have twice as long
ENDS = [STEP * i for i in range(1, len(COUNTS))] + [END]
SAME, OWN = 40, 8  # MiB of each guest
MERGING, MERGED = (12, 32), (52, 72)  # windows of the run at full speed
FULL_SPEED_END = 74
MAX_CPU = 0.8  # of one processor: what scanning may use
PAPER_RECLAIMED, PAPER_COST = 0.60, 0.005

HEAD = """
[scenario]
title = Sharing
capacity = 2G
length = {length}s

[daemon]
share.max-cpu = {cpu}
"""

GUEST = """
[guest g{name}]
count = {count}
size = 128M
ram = private
{share}
start = {start}s
phase.1 = at {start}s fill {own}M random
phase.2 = at {start}s fill {all}M same
phase.3 = at {work}s touch {own}M writes=0.3 {speed}
"""

EXPECT = """
[expect]
wrong-pages = 0
oom-kills = 0
guests-alive = {count}
"""


def guests(name, count, start, work, speed, shared=True):
    return GUEST.format(name=name, count=count, start=start, work=work, speed=speed, own=OWN, all=OWN + SAME,
                        share="share = lab" if shared else "")


def steps():
    """Guests come until there are as many as COUNTS says, each a little at work."""
    added = zip(COUNTS, (0, *COUNTS), (0, *ENDS))
    return HEAD.format(length=END, cpu=MAX_CPU) + "".join(
        guests(f"{after}-", after - before, start, start + 5, "ops=500") for after, before, start in added) + \
        EXPECT.format(count=COUNTS[-1])


def full_speed(shared):
    return HEAD.format(length=FULL_SPEED_END, cpu=MAX_CPU) + guests("", COUNTS[-1], 0, 8, "", shared) + \
        EXPECT.format(count=COUNTS[-1])


def ksmd_seconds():
    """Processor time of the kernel's thread so far."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (path / "comm").read_text() == "ksmd\n":
                user, system = (path / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
                return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return 0.0


def saved_part(record):
    """[(t, part of the guests' memory that merging saves)]"""
    return [(t, saved / max(saved + resident, 1))
            for (t, saved), (_, resident) in zip(record.host("ksm_saved"), record.host("host_resident"))]


def throughput(record, window):
    return sum(record.rate(name, *window) for name in record.guests)


def step_rows(record):
    """Of each number of guests, just before more come: [number, occupied, saved, part]"""
    rows = []
    for i, count in enumerate(COUNTS):
        last = [sample for sample in record.samples if sample["t"] <= ENDS[i]][-1]
        occupied, saved = last["host_resident"], last["ksm_saved"]
        rows.append((count, occupied, saved, saved / (saved + occupied)))
    return rows


def cost(bench):
    """Throughput with sharing by that without, while merging and merged; seconds of ksmd, of how many."""
    ratios, seconds = [], []
    for _ in range(bench.rounds(1)):
        without = bench.lab(full_speed(False))
        before = ksmd_seconds()
        shared = bench.lab(full_speed(True))
        seconds.append(ksmd_seconds() - before)
        ratios.append([throughput(shared, window) / throughput(without, window) for window in (MERGING, MERGED)])
    return [median(values) for values in zip(*ratios)], median(seconds)


def measure(bench):
    before = ksmd_seconds()
    record = bench.lab(steps())
    stepping_seconds = ksmd_seconds() - before
    rows = step_rows(record)
    bench.table(["guests", "they occupy", "saved", "reclaimed here", "in the paper"],
                [[count, mib(occupied), mib(saved), percent(part),
                  f"about {percent(PAPER_RECLAIMED)}" if count == COUNTS[-1] else None]
                 for count, occupied, saved, part in rows])
    (merging, merged), seconds = cost(bench)
    bench.table(["ten guests at full speed", "here", "in the paper"], [
        ["throughput while merging, by that without sharing", percent(merging, 1), None],
        ["throughput once merged", percent(merged, 1), f"within {percent(PAPER_COST, 1)}"],
        ["processor time of ksmd", f"{seconds:.1f} s of {FULL_SPEED_END} s", None],
        ["the same, guests coming one by one", f"{stepping_seconds:.1f} s of {END} s", None]])
    bench.plot("", Plot("Sharing: one to ten identical guests", "s", [
        Panel("MiB", [Curve("guests occupy", [(t, value / (1 << 20)) for t, value in record.host("host_resident")]),
                      Curve("saved", [(t, value / (1 << 20)) for t, value in record.host("ksm_saved")])],
              [(STEP * i, f"{count} guests") for i, count in enumerate(COUNTS)]),
        Panel("part reclaimed", [Curve("reclaimed", saved_part(record))]),
        Panel("pages/s", [Curve("scanned", record.host("ksm_rate"))])]))
    bench.goal("reclaimed-at-ten", rows[-1][3], ">=", 0.3)
    bench.goal("grows", rows[-1][3] - rows[1][3], ">=", 0.1)
    bench.goal("ksmd", stepping_seconds / END, "<=", MAX_CPU, " of a processor")
