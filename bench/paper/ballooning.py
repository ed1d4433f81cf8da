# SPDX-License-Identifier: Apache-2.0
"""Ballooning, hypervisor swapping, or both: what throughput is left as a guest's limit is lowered step by step.

VMware's white papers take memory from one virtual machine with a limit and plot the throughput that is left, once by
ballooning alone and once by hypervisor swapping alone. Here the mechanisms are a balloon without a pager, a pager
and a guest without a balloon driver, and both. Throughput is by the guest's own time, in which it computes or waits
for memory: what else happens on this machine counts far less so. The guest has swap space of its own, as theirs have.
Real programs: a C compiler over a tree of sources, SQLite on a table in the page cache, Redis with a heap all of which
is live; and the lab's own guest program with such a heap. Two guests run at a time, one for each processor of a small
machine; nothing but its limit bounds either.
"""

import statistics

from frame import programs
from frame.bench import Problem, median
from frame.plot import Curve, Panel, Plot
from frame.table import percent

SIZE = 320  # MiB
LIMITS = (SIZE, 220, 176, 144)  # MiB, one after the other; the first takes nothing
SETUP = 32  # s: what it works on is made in this time, and the guest sees its whole memory
HOLD = 10  # s: each step
SETTLE = 4  # s: of that, until it counts

MECHANISMS = {"balloon": "pager = no", "swap": "balloon = no-driver", "both": ""}
WORKLOADS = {
    "compile": "run compile 64",
    "database": "run database 140000",
    "heap": "run heap 120000",
    "touch": "touch 140M writes=0.3",
}
# What the papers' graphs show; no figures are printed there.
PAPER = {
    "compile": "balloon: flat; swap: falls steadily",
    "database": "balloon: flat, then a knee; swap: falls",
    "heap": "(Java) balloon as bad as swap",
    "touch": None,
}
# One round on a busy machine moves a cell by a tenth or two, a heap's by more: these goals leave room for it.
BOTH_MIN = 0.4  # of the better one alone: the balloon comes first, and a heap would rather be swapped
FLAT_MIN = 0.7  # a balloon costs a compiler nothing: what it takes is cache that is hardly read again
KEPT_MAX = 1.1  # where there is a pager, a limit holds whatever the guest does

HOST = """
[scenario]
title = Limits, step by step
capacity = 4G
length = {length}s
pager = yes
{steps}

[expect]
wrong-pages = 0
panics = 0
guests-alive = 2
"""

GUEST = """
[guest {name}]
size = {size}M
swap = {size}M
disk = 512M
programs = yes
{mechanism}
phase.1 = at 0 {work}
"""


def step_begin(number):
    return SETUP + number * HOLD


def scenario(guests):
    """@guests: [(workload, mechanism)]."""
    steps = [(0, f'set vm "{workload}-{mechanism}".guest-swap=yes') for workload, mechanism in guests]
    steps += [(step_begin(number), f'set vm "{workload}-{mechanism}".limit={limit}M')
              for number, limit in enumerate(LIMITS) if number for workload, mechanism in guests]
    lines = [f"phase.{number} = at {at}s {act}" for number, (at, act) in enumerate(steps, 1)]
    host = HOST.format(length=step_begin(len(LIMITS)), steps="\n".join(lines))
    return host + "".join(GUEST.format(name=f"{workload}-{mechanism}", size=SIZE, work=WORKLOADS[workload],
                                       mechanism=MECHANISMS[mechanism]) for workload, mechanism in guests)


class Steps:
    """One guest through all its limits."""

    def __init__(self, record, workload, mechanism):
        name = f"{workload}-{mechanism}"
        windows = [(step_begin(number) + SETTLE, step_begin(number + 1)) for number in range(len(LIMITS))]
        rates = [record.own_rate(name, *window) for window in windows]
        if record.rate(name, *windows[0]) <= 0:
            raise Problem(f"{workload}: nothing done after {step_begin(0)} s; is this machine busy?")
        self.relative = [rate / rates[0] for rate in rates]
        self.ballooned = [SIZE * programs.MIB - record.mean(name, "granted", *window) for window in windows]
        self.kept = [record.mean(name, "resident", *window) / (limit * programs.MIB)
                     for window, limit in zip(windows, LIMITS)]
        self.out = [sum(record.mean(name, key, *window) for key in ("zero", "compressed", "swapped"))
                    for window in windows]


def run_pair(bench, guests):
    """{(workload, mechanism): Steps}."""
    record = bench.lab(scenario(guests))
    return {guest: Steps(record, *guest) for guest in guests}


def run_all(bench):
    guests = [(workload, mechanism) for mechanism in MECHANISMS for workload in WORKLOADS]
    found = {}
    for first in range(0, len(guests), 2):
        found |= run_pair(bench, guests[first:first + 2])
    return found


def middle(rounds, guest, member):
    """Of the rounds, at each limit."""
    return [median(values) for values in zip(*(getattr(found[guest], member) for found in rounds))]


def mib(size):
    return f"{size / programs.MIB:.0f}"


def row(rounds, workload, mechanism):
    guest = workload, mechanism
    ballooned, out = (middle(rounds, guest, member)[-1] for member in ("ballooned", "out"))
    return [f"{workload}, {mechanism}", *(percent(value) for value in middle(rounds, guest, "relative")),
            mib(ballooned), mib(out)]


def panel(rounds, workload):
    curves = [Curve(mechanism, list(zip(LIMITS, middle(rounds, (workload, mechanism), "relative"))), "points")
              for mechanism in MECHANISMS]
    return Panel(f"{workload}: relative", curves)


def limited(rounds, workload, mechanism):
    """Mean relative throughput, over all limits that take something."""
    return statistics.mean(middle(rounds, (workload, mechanism), "relative")[1:])


def both_against_better(rounds):
    """The worst, over workloads, of both mechanisms' mean throughput by the better one's alone."""
    return min(limited(rounds, workload, "both") / max(limited(rounds, workload, one) for one in ("balloon", "swap"))
               for workload in WORKLOADS)


def worst_kept(rounds):
    """Of the last limit, what the largest guest with a pager has."""
    return max(middle(rounds, (workload, mechanism), "kept")[-1]
               for workload in WORKLOADS for mechanism in ("swap", "both"))


def measure(bench):
    programs.prepare()
    rounds = [run_all(bench) for _ in range(bench.rounds(1))]
    columns = ["throughput at a limit of", *(f"{limit} MiB" for limit in LIMITS), "then ballooned", "swapped, MiB"]
    bench.table(columns, [row(rounds, workload, mechanism) for workload in WORKLOADS for mechanism in MECHANISMS])
    bench.say("In the papers (graphs without figures):")
    bench.table(["", "there"], [[workload, PAPER[workload]] for workload in WORKLOADS])
    bench.plot("", Plot("Throughput as the limit is lowered", "limit, MiB", [panel(rounds, name) for name in WORKLOADS]))
    bench.goal("compile-flat", limited(rounds, "compile", "balloon"), ">=", FLAT_MIN)
    bench.goal("limit-kept", worst_kept(rounds), "<=", KEPT_MAX)
    bench.goal("both-by-better", both_against_better(rounds), ">=", BOTH_MIN)
