# SPDX-License-Identifier: Apache-2.0
"""Activity sampling: a program steps its touched memory up and down (Waldspurger 2002, figure 6).

A hundred random pages are looked at in each window, and how many of them are touched says how much of the guest is in use.

All times are a sixth of the defaults (window and both averages), so that minutes suffice; the pages in each window are
the default, and the paper's. The truth is what the program touches; what the guest's kernel touches comes on top of it.
"""

from frame.bench import median
from frame.plot import Curve, Panel, Plot
from frame.table import mib, percent

MIB = 1 << 20
WINDOW = 5  # s
FIRST, STEP = 40, 30  # s: when the first step is, and how long each lasts
SIZES = (50, 250, 100, 200, 50)  # MiB; the paper's lie between 50 and 250
OWNED = 400
SETTLED = 10  # s at the end of each step in which the estimate should be right
COVERED = 0.8  # part of a step that must be covered for it to count as seen
END = FIRST + STEP * len(SIZES)
TIMES = [FIRST + STEP * i for i in range(len(SIZES))]

SCENARIO = f"""
[scenario]
title = Activity sampling
capacity = 900M
length = {END}s
pager = yes

[daemon]
pager.sample-window = {WINDOW}s
policy.sampled-fast = 2500ms
policy.sampled-slow = 10s

[guest toucher]
size = 512M
phase.1 = at 0 fill {OWNED}M random rate=200M
phase.2 = at 5s idle
""" + "".join(f"phase.{i + 3} = at {TIMES[i]}s touch {size}M ops=50000\n" for i, size in enumerate(SIZES)) + """
[expect]
wrong-pages = 0
oom-kills = 0
guests-alive = 1
"""


def truth():
    """[(t, bytes)], with both ends of each step."""
    return [point for t, size in zip(TIMES, SIZES) for point in ((t, size * MIB), (t + STEP, size * MIB))]


def lag(record, number, key):
    """Seconds after step @number until the series has covered most of it and before the next; None: never."""
    before, after = SIZES[number - 1] * MIB, SIZES[number] * MIB
    for t, value in record.guest("toucher", key, TIMES[number], TIMES[number] + STEP):
        if (value - before) / (after - before) >= COVERED:
            return t - TIMES[number]
    return None


def lags(records, key, up):
    """The median of all steps in that direction; one that was never covered counts as its whole length."""
    found = [lag(record, i, key) for record in records for i in range(1, len(SIZES)) if (SIZES[i] > SIZES[i - 1]) == up]
    return median([STEP if seconds is None else seconds for seconds in found])


def errors(records, key):
    """Of the settled end of each step: what the series says more than is touched, in bytes."""
    return [record.mean("toucher", key, t + STEP - SETTLED, t + STEP) - size * MIB
            for record in records for t, size in zip(TIMES, SIZES)]


def mean_absolute(values):
    return sum(map(abs, values)) / len(values)


def curves(record):
    def series(key):
        return [(t, value / MIB) for t, value in record.guest("toucher", key, FIRST)]

    return Plot("Activity sampling: what is touched, and what samples say", "s", [Panel("MiB", [
        Curve("estimate", series("active")), Curve("fast average", series("active_fast"), "dashed"),
        Curve("slow average", series("active_slow"), "dashed"), Curve("last window", series("active_current"), "dashed"),
        Curve("touched", [(t, value / MIB) for t, value in truth()])])])


def measure(bench):
    records = [bench.lab(SCENARIO) for _ in range(bench.rounds(1))]
    names = (("active", "estimate (largest of all)"), ("active_current", "last window"), ("active_fast", "fast average"),
             ("active_slow", "slow average"))
    covered = f"{percent(COVERED)} of a step"
    bench.table(["", "mean error when settled", f"{covered} up after", f"{covered} down after"],
                [[name, mib(mean_absolute(errors(records, key))), f"{lags(records, key, True):.1f} s",
                  f"{lags(records, key, False):.1f} s"] for key, name in names])
    bench.say("In the paper: the estimate follows the fast average (and the window under way) up, the slow one down.\n")
    bench.plot("", curves(records[0]))
    span = max(SIZES) - min(SIZES)
    bench.goal("error", mean_absolute(errors(records, "active")) / MIB / span, "<=", 0.2)
    bench.goal("lag-up", lags(records, "active", True), "<=", 2.0 * WINDOW, " s")
    bench.goal("up-before-slow", lags(records, "active_slow", True) - lags(records, "active", True), ">=", 2.0, " s")
    behind = abs(lags(records, "active_slow", False) - lags(records, "active", False))
    bench.goal("down-with-slow", behind, "<=", 1.0 * WINDOW, " s")
