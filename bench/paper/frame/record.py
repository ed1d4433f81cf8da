# SPDX-License-Identifier: Apache-2.0
"""What the lab recorded of a run (--json), by guest and time. Sizes in bytes, times on the scenario's clock."""

import bisect


def slope(points):
    """From the first of @points to the last."""
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return 0.0
    return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])


def interpolate(points, x):
    """Between the neighbours of @x; before the first and after the last as they are."""
    after = bisect.bisect(points, x, key=lambda point: point[0])
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (x0, y0), (x1, y1) = points[after - 1:after + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


class Record:
    def __init__(self, data):
        self.samples = data["samples"]
        self.events = data["events"]
        self.work = data["work"]
        self.goals = {goal["name"]: goal for goal in data["goals"]}
        self.guests = sorted(self.samples[0]["guests"]) if self.samples else []

    def host(self, key, begin=0, end=float("inf")):
        """[(t, value)] of a member of the host's samples."""
        return [(sample["t"], sample[key]) for sample in self.samples if begin <= sample["t"] <= end]

    def guest(self, name, key, begin=0, end=float("inf")):
        """[(t, value)] of a member of the guest's samples."""
        return [(sample["t"], sample["guests"][name][key]) for sample in self.samples if begin <= sample["t"] <= end]

    def mean(self, name, key, begin, end):
        """Of the samples in the window."""
        values = [value for _, value in self.guest(name, key, begin, end)]
        return sum(values) / len(values) if values else 0.0

    def rate(self, name, begin, end, key="operations"):
        """By how much a counter grew per second within the window."""
        return slope(self.guest(name, key, begin, end))

    def own_rate(self, name, begin, end):
        """Operations per second of the guest's own time: in which its QEMU computed, or it waited for memory by the
        daemon's account. Other work on the machine changes that far less than operations per second. One that takes
        long is spread evenly over its time; what is unfinished at the record's end is not counted."""
        seen = [(sample["t"], sample["guests"][name]) for sample in self.samples]
        done = [(guest["cpu_s"] + guest["lost_s"], guest["operations"]) for _, guest in seen]
        finished = [done[0], *(now for before, now in zip(done, done[1:]) if now[1] > before[1])]
        window = [own for (t, _), (own, _) in zip(seen, done) if begin <= t <= end]
        return slope([(own, interpolate(finished, own)) for own in window])

    def rates(self, name, window, key="operations"):
        """[(t, per second)] of a counter, each over the @window seconds before."""
        seen = self.guest(name, key)
        series, first = [], 0
        for t, value in seen:
            while first + 1 < len(seen) and seen[first + 1][0] <= t - window:
                first += 1
            if t - seen[first][0] >= window / 2:
                series.append((t, (value - seen[first][1]) / (t - seen[first][0])))
        return series
