# SPDX-License-Identifier: Apache-2.0
"""Idle memory tax: two guests with equal shares, one idle, one busy; the tax rises to 75 % (Waldspurger 2002, figure 7).

Both own the same amount of memory; the idle one has stopped to use it, the busy one touches all of its own in random
order, more than its share. With no tax the shares alone decide, and each gets half, whatever it does with it.
"""

from frame.bench import median
from frame.plot import Curve, Panel, Plot
from frame.table import mib, percent

RAISED, LENGTH = 80, 140  # s
UNTAXED, TAXED = (40, RAISED), (100, LENGTH)  # windows in which both have settled
PAPER_GAIN = 0.30

SCENARIO = f"""
[scenario]
title = Idle memory tax
capacity = 700M
length = {LENGTH}s
pager = yes
phase.1 = at {RAISED}s set policy.idle-tax=0.75

[daemon]
policy.idle-tax = 0
pager.sample-window = 3s

[guest idle]
size = 512M
phase.1 = at 0 fill 380M random rate=40M
phase.2 = at 12s idle

[guest busy]
size = 512M
phase.1 = at 12s fill 380M random rate=40M
phase.2 = at 24s touch 380M skew=0.5 writes=0.2

[expect]
wrong-pages = 0
oom-kills = 0
guests-alive = 2
"""


def gain(record):
    return record.rate("busy", *TAXED) / max(record.rate("busy", *UNTAXED), 1) - 1


def in_mib(points):
    return [(t, value / (1 << 20)) for t, value in points]


def curves(record):
    kinds = (("resident", "has", "line"), ("entitled", "entitled to", "dashed"))
    memory = [Curve(f"{name}: {word}", in_mib(record.guest(name, key)), style)
              for name in ("idle", "busy") for key, word, style in kinds]
    active = [Curve(f"{name}: active (estimate)", in_mib(record.guest(name, "active"))) for name in ("idle", "busy")]
    marks = [(RAISED, "tax 0 -> 75 %")]
    return Plot("Idle memory tax, raised while both run", "s", [
        Panel("MiB", memory, marks),
        Panel("MiB", active, marks),
        Panel("touches/s", [Curve("busy", record.rates("busy", 3))], marks)])


def measure(bench):
    records = [bench.lab(SCENARIO) for _ in range(bench.rounds(1))]
    gains = [gain(record) for record in records]

    def middle(value):
        return [median([value(record, window) for record in records]) for window in (UNTAXED, TAXED)]

    idle, busy = (middle(lambda r, window, name=name: r.mean(name, "resident", *window)) for name in ("idle", "busy"))
    entitled = middle(lambda r, window: r.mean("idle", "entitled", *window))
    rate = middle(lambda r, window: r.rate("busy", *window))
    bench.table(["", "tax 0", "tax 75 %", "change here", "in the paper"], [
        ["idle guest has", *map(mib, idle), mib(idle[1] - idle[0]), "falls"],
        ["idle guest is entitled to", *map(mib, entitled), mib(entitled[1] - entitled[0]), "falls"],
        ["busy guest has", *map(mib, busy), mib(busy[1] - busy[0]), "grows"],
        ["busy guest's touches/s", *(f"{value:.0f}" for value in rate), percent(median(gains)),
         f"more than {percent(PAPER_GAIN)}"]])
    bench.plot("", curves(records[0]))
    bench.goal("even-before", abs(idle[0] - busy[0]) / busy[0], "<=", 0.1)
    bench.goal("moved-part", (idle[0] - idle[1]) / idle[0], ">=", 0.25)
    bench.goal("gain", median(gains), ">=", PAPER_GAIN)
