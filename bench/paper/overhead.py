# SPDX-License-Identifier: Apache-2.0
"""What a balloon itself costs: a guest ballooned to a size against a guest of that size (Waldspurger 2002, figure 2).

The paper ran dbench with 40 clients in a guest of 256 MB that was ballooned to 128 to 224 MB, and in guests that were
configured so small: what the difference is, the guest's kernel pays, which has sized its tables for more memory
than it can use. Here SQLite reads a table through the page cache. Both guests work at the same time, and what counts is
queries per second of their own time, in which QEMU computes: what else happens on this machine takes theirs, but not
that. Reading their disk computes too (the host's page cache has it), so that what their caches miss shows.
"""

from frame import programs
from frame.bench import Problem, median
from frame.plot import Curve, Panel, Plot
from frame.table import percent

SIZE = 256  # MiB
BALLOONED = (128, 160, 192, 224)  # MiB
BEGIN, COUNT, END = 4, 14, 28  # s: the work begins; counts; ends
ROWS = 60000  # about 60 MiB: a little more than the smallest guest can cache
PAPER = {128: "4.4 %", 224: "1.4 %"}
OVERHEAD_MAX = 0.3  # runs at one size differ by as much on a busy machine; a guest that fights its balloon loses more

SCENARIO = """
[scenario]
title = {size}M ballooned to {small}M
capacity = 2G
mode = observe
length = {end}s

[guest ballooned]
size = {size}M
disk = 256M
programs = yes
phase.1 = at 0 balloon {small}M
phase.2 = at {begin}s run database {rows}

[guest small]
size = {small}M
disk = 256M
programs = yes
phase.1 = at {begin}s run database {rows}

[expect]
oom-kills = 0
guests-alive = 2
"""


def scenario(small):
    return SCENARIO.format(size=SIZE, small=small, begin=BEGIN, end=END, rows=ROWS)


def rates(bench, small):
    """Queries per second of their own time, of the ballooned guest and of the small one."""
    record = bench.lab(scenario(small))
    visible = record.mean("ballooned", "granted", COUNT, END) / programs.MIB
    if abs(visible - small) > 1:
        raise Problem(f"the guest sees {visible:.0f} MiB, not {small}: its balloon is not there yet")
    found = [record.own_rate(name, COUNT, END) for name in ("ballooned", "small")]
    if min(found) <= 0:
        raise Problem(f"{small} MiB: the table was not there after {COUNT - BEGIN} s; is this machine busy?")
    return found


def measure(bench):
    programs.prepare()
    pairs = {small: [rates(bench, small) for _ in range(bench.rounds(2))] for small in BALLOONED}
    costs = {small: [1 - ballooned / other for ballooned, other in found] for small, found in pairs.items()}
    bench.say("Queries per second of processor time (and of waiting for memory):")
    bench.table(["MiB", "ballooned", "that size", "cost here", "least and most", "in the paper"], [
        [small, *(f"{median(values):.0f}" for values in zip(*pairs[small])), percent(median(costs[small]), 1),
         f"{percent(min(costs[small]), 1)}, {percent(max(costs[small]), 1)}", PAPER.get(small)] for small in BALLOONED])
    curves = [Curve(label, [(small, median([pair[i] for pair in pairs[small]])) for small in BALLOONED], "points")
              for i, label in enumerate((f"{SIZE} MiB, ballooned", "configured so"))]
    bench.plot("", Plot("A ballooned guest and one of that size", "MiB", [Panel("queries per processor second", curves)]))
    bench.goal("cost", median([median(values) for values in costs.values()]), "<=", OVERHEAD_MAX)
