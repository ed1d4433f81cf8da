# SPDX-License-Identifier: Apache-2.0
"""What two records of the same scenario, one of real guests and one of simulated ones, have in common and what not.

Every figure is drawn from a record alone, in the same way for both. Sizes in bytes, times in seconds.
"""

import statistics

MIB = 1 << 20
PAGE = 4096
# What counts pages that came back, and in which unit.
PAGED_IN = {"loaded": PAGE, "kernel_in": PAGE, "pgmajfault": 1}
SHOWN_STATES = ("high", "clear", "soft", "hard", "low")


def durations(record):
    """Of each sample, how long it stands for."""
    times = [sample["t"] for sample in record.samples]
    return [after - before for before, after in zip(times, times[1:])] + [0.0]


def average(record, value):
    """Over time, of what @value says of a sample."""
    spans = durations(record)
    total = sum(spans)
    return sum(value(sample) * span for sample, span in zip(record.samples, spans)) / total if total else 0.0


def throughput(record):
    """{(guest, n-th phase of work, what): (part of the reference, its length)}.

    The reference of work that a guest does again at once is its first time, shortly before on the same machine; the
    first time itself says nothing then. Of all other work it is the same alone.
    """
    found, numbers, firsts = {}, {}, {}
    for work in sorted(record.work, key=lambda work: work["begin"]):
        guest, phase = work["guest"], work["phase"]
        number = numbers[guest] = numbers.get(guest, 0) + 1
        seconds = work["end"] - work["begin"]
        rate = work["operations"] / seconds if seconds > 0 else 0.0
        if firsts.get(guest, (None,))[0] == phase:
            _, reference, key = firsts[guest]
            found.pop(key, None)
        else:
            reference = work["alone_rate"]
            firsts[guest] = phase, rate, (guest, number, phase)
        if seconds > 0 and reference > 0:
            found[guest, number, phase] = (rate / reference, seconds)
    return found


def misses(record):
    """{(guest, n-th phase of work, what): pages that were waited for, of an operation}, whatever each wait cost."""
    found, numbers = {}, {}
    for work in sorted(record.work, key=lambda work: work["begin"]):
        name = work["guest"]
        number = numbers[name] = numbers.get(name, 0) + 1
        during = [sample["guests"][name] for sample in record.samples if work["begin"] <= sample["t"] <= work["end"]]
        if len(during) < 2:
            continue
        first, last = during[0], during[-1]
        operations = last["operations"] - first["operations"]
        if operations > 0:
            pages = sum((last[key] - first[key]) / size for key, size in PAGED_IN.items())
            found[name, number, work["phase"]] = pages / operations
    return found


def mean_throughput(record):
    """Of all phases of work, by their length; None where none was measured."""
    parts = throughput(record).values()
    seconds = sum(length for _, length in parts)
    return sum(part * length for part, length in parts) / seconds if seconds else None


def ballooned(sample):
    return sum(guest["size"] - guest["granted"] for guest in sample["guests"].values() if guest["alive"])


def put_out(sample):
    return sum(guest["zero"] + guest["compressed"] + guest["swapped"] + guest["kernel_swapped"]
               for guest in sample["guests"].values() if guest["alive"])


def owned(sample):
    return sum(guest["owned"] for guest in sample["guests"].values())


def grown(record, value):
    """Sum of all by which it grew from one sample to the next, guest by guest."""
    total = 0
    for name in record.guests:
        values = [value(sample["guests"][name]) for sample in record.samples]
        total += sum(max(after - before, 0) for before, after in zip(values, values[1:]))
    return total


def state_seconds(record):
    seconds = dict.fromkeys(SHOWN_STATES, 0.0)
    for sample, span in zip(record.samples, durations(record)):
        if sample["state"] in seconds:
            seconds[sample["state"]] += span
    return seconds


def over_capacity(record):
    return sum(span for sample, span in zip(record.samples, durations(record))
               if sample["host_resident"] > sample["capacity"])


def give_back(record):
    """{goal: seconds} of goals back-at-full that were reached."""
    found = {}
    for name, goal in record.goals.items():
        if name.startswith("back-at-full") and goal["value"].split(" s")[0].replace(".", "", 1).isdigit():
            found[name] = float(goal["value"].split(" s")[0])
    return found


def figures(record):
    """{name: value} of what is compared as one figure for a whole run; None: it has none."""
    states = state_seconds(record)
    return {
        "throughput": mean_throughput(record),
        "reclaimed": average(record, lambda sample: ballooned(sample) + put_out(sample)),
        "ballooned": average(record, ballooned),
        "put out": average(record, put_out),
        "put out, most": max((put_out(sample) for sample in record.samples), default=0),
        "balloons moved": grown(record, lambda guest: guest["size"] - guest["granted"]),
        "pages moved": grown(record, lambda guest: guest["evicted"] + guest["kernel_out"]),
        "owned": average(record, owned),
        "over capacity": over_capacity(record),
        **{f"state {name}": states[name] for name in SHOWN_STATES},
        **give_back(record),
    }


def at(record, t):
    """The last sample up to then."""
    best = record.samples[0]
    for sample in record.samples:
        if sample["t"] > t:
            break
        best = sample
    return best


def resident_difference(real, simulated):
    """Mean of |real - simulated| of what all guests occupy, as a part of the capacity."""
    total = parts = 0.0
    for sample, span in zip(real.samples, durations(real)):
        other = at(simulated, sample["t"])
        parts += abs(sample["host_resident"] - other["host_resident"]) / sample["capacity"] * span
        total += span
    return parts / total if total else 0.0


class Compared:
    """One figure: of some real runs, and of the simulated one."""

    def __init__(self, reals, simulated, least):
        self.reals = reals
        self.real = statistics.median(reals)
        self.simulated = simulated
        self.counts = max(self.real, simulated) >= least  # less than that is nothing

    @property
    def difference(self):
        """Part of the real figure by which the simulated one is more."""
        return (self.simulated - self.real) / self.real if self.real else float("inf")

    @property
    def within_spread(self):
        return len(self.reals) > 1 and min(self.reals) <= self.simulated <= max(self.reals)

    def agrees(self, limit):
        return not self.counts or self.within_spread or abs(self.difference) <= limit


LEAST_MISSES = 0.001
# Less is nothing that could be compared.
LEAST = {"throughput": 0.0, "reclaimed": 16 * MIB, "ballooned": 16 * MIB, "put out": 16 * MIB,
         "put out, most": 16 * MIB, "balloons moved": 32 * MIB, "pages moved": 32 * MIB, "owned": MIB}


def compare(reals, simulated):
    """{name: Compared} of what all of the records have."""
    of_reals, of_simulated = [figures(real) for real in reals], figures(simulated)
    return {name: Compared([figure[name] for figure in of_reals], value, LEAST.get(name, 0.0))
            for name, value in of_simulated.items()
            if value is not None and all(figure.get(name) is not None for figure in of_reals)}


def compare_phases(of_reals, of_simulated, least):
    return {key: Compared([parts[key] for parts in of_reals], value, least)
            for key, value in of_simulated.items() if all(key in parts for parts in of_reals)}


def compare_work(reals, simulated):
    """{(guest, number, phase): Compared} of the throughput of each phase of work."""
    def parts(record):
        return {key: part for key, (part, _) in throughput(record).items()}
    return compare_phases([parts(real) for real in reals], parts(simulated), 0.0)


def compare_misses(reals, simulated):
    """The same of the misses of an operation."""
    return compare_phases([misses(real) for real in reals], misses(simulated), LEAST_MISSES)
