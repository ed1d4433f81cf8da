# SPDX-License-Identifier: Apache-2.0
"""Overcommit: five guests that take turns, 1.5 times overcommitted, against a static partition and blind host paging.

Each owns data that only fit into memory if the others' do not; two at a time are busy with theirs. All runs are made
one after the other, one of them with memory for all, by which the others are measured.

"No manager" would be the host's kernel, its LRU and its swap, holding all guests together to the capacity. That takes
a memory limit around all QEMU processes, which is not the lab's to set. What stands in for it are pagers that know
nothing of what guests use: no balloons, no sampling, no tax. That leaves each an equal part, which the kernel would not:
it is no measurement of the kernel.
"""

from frame.bench import median
from frame.plot import Curve, Panel, Plot
from frame.table import percent

GUESTS, SIZE, DATA = 5, 256, 150  # MiB
CAPACITY = GUESTS * SIZE * 2 // 3
BUSY_AT_ONCE, TURN, FIRST = 2, 12, 30  # s; when the first turn begins
END = FIRST + (GUESTS + BUSY_AT_ONCE - 1) * TURN
MIB = 1 << 20
STATIC_AT = 15  # s: the guests have their data by then

BLIND = "policy.balloon-max = 0.01\npolicy.idle-tax = 0\npager.sample-pages = 0\n"
ALL_MEANS = "pager.sample-window = 5s\n"

HEAD = """
[scenario]
title = Five guests take turns
capacity = {capacity}M
length = {end}s
pager = {pager}

[daemon]
{settings}
"""

GUEST = """
[guest g{number}]
size = {size}M
swap = {size}M
phase.1 = at 0 fill {data}M mixed
phase.2 = at {begin}s touch {data}M skew=0.4 writes=0.2
phase.3 = at {end}s idle
"""

EXPECT = f"""
[expect]
wrong-pages = 0
oom-kills = 0
guests-alive = {GUESTS}
"""


def turn(number):
    """The time in which the guest is busy."""
    return FIRST + number * TURN, FIRST + (number + BUSY_AT_ONCE) * TURN


def scenario(settings="", pager=False, balloon=False):
    text = HEAD.format(capacity=CAPACITY, end=END, pager="yes" if pager else "no", settings=settings)
    for number in range(GUESTS):
        begin, end = turn(number)
        text += GUEST.format(number=number, size=SIZE, data=DATA, begin=begin, end=end)
        if balloon:
            text += f"phase.4 = at {STATIC_AT}s balloon {CAPACITY // GUESTS}M\n"
    return text + EXPECT


def run_all(bench):
    """{name: record}"""
    return {
        "memory for all": bench.lab(scenario(), manager=False),
        "static partition": bench.lab(scenario(balloon=True), manager=False),
        "blind host paging (for no manager)": bench.lab(scenario(BLIND, pager=True)),
        "Aerostat": bench.lab(scenario(ALL_MEANS, pager=True)),
    }


def relative(records, name):
    """Of each guest: what it did in its turns, by what it did where there was memory for all."""
    def done(record, guest):
        return record.guest(guest, "operations")[-1][1]

    return [done(records[name], guest) / max(done(records["memory for all"], guest), 1) for guest in records[name].guests]


def rate_of_all(record):
    rates = [dict(record.rates(guest, 3)) for guest in record.guests]
    return [(t, sum(rate.get(t, 0) for rate in rates)) for t in rates[0] if t >= FIRST]


def memory_of_all(record):
    return [(t, value / MIB) for t, value in record.host("host_resident")]


def curves(records):
    return Plot("Overcommit: five guests take turns on two thirds of their memory", "s", [
        Panel("touches/s of all", [Curve(name, rate_of_all(record)) for name, record in records.items()]),
        Panel("MiB occupied", [Curve(name, memory_of_all(record)) for name, record in records.items()])])


def measure(bench):
    rounds = [run_all(bench) for _ in range(bench.rounds(1))]
    rows, mean = [], {}
    for name in list(rounds[0])[1:]:
        parts = [relative(records, name) for records in rounds]
        mean[name] = median([sum(part) / len(part) for part in parts])
        rows.append([name, percent(mean[name]), percent(median([min(part) for part in parts])),
                     " ".join(percent(part) for part in parts[0])])
    bench.table(["throughput by that with memory for all", "mean", "worst guest", "each guest"], rows)
    bench.plot("", curves(rounds[0]))
    static, blind, ours = mean.values()
    bench.goal("against-static", ours / static, ">=", 1.1, " times")
    bench.goal("against-blind", ours / blind, ">=", 1.1, " times")
