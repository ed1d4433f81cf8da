# SPDX-License-Identifier: Apache-2.0
"""What an experiment gets: runs of the lab, tables, curves, goals.

    def measure(bench):
        record = bench.lab(SCENARIO)                        # a record.Record
        bench.table(["", "paper", "here"], [["gain", "30 %", "41 %"]])
        bench.plot("curves", Plot(...))
        bench.goal("gain", 0.41, ">=", 0.2)
"""

import statistics
import time

from frame import lab, plot, table
from frame.problem import Problem  # noqa: F401 (experiments raise it)


def format_value(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


class Bench:
    def __init__(self, name, build, output, directory, rounds):
        self.name, self.build, self.output, self.directory = name, build, output, directory
        self.rounds_wanted = rounds
        self.missed = 0
        self.started = time.monotonic()

    def rounds(self, usual):
        """How often to repeat: as the command line says, else @usual."""
        return self.rounds_wanted or usual

    def say(self, text):
        print(text, flush=True)

    def lab(self, scenario, manager=True, tolerant=False, options=()):
        """Runs @scenario (the text of a scenario file) on real guests. Its own goals must be met, for else there is
        nothing to measure; @tolerant of one whose guests may fare badly: its goals are in record.goals."""
        return lab.run(self.build, self.directory, scenario, manager, tolerant, options)

    def table(self, columns, rows):
        self.say(table.render(columns, rows) + "\n")

    def plot(self, name, curves):
        """Draws @curves (a plot.Plot) into NAME.svg of the experiment."""
        self.output.mkdir(parents=True, exist_ok=True)
        path = self.output / (f"{self.name}-{name}.svg" if name else f"{self.name}.svg")
        plot.draw(curves, path)
        self.say(f"drawn: {path}\n")

    def goal(self, name, value, relation, limit, unit=""):
        """@relation is ">=" or "<=". Prints the line that tools/bench reads."""
        met = value >= limit if relation == ">=" else value <= limit
        self.missed += not met
        self.say(f"goal {self.name}-{name}: {format_value(value)}{unit} "
                 f"(limit {relation} {format_value(limit)}{unit}) {'met' if met else 'missed'}")

    def end(self):
        self.say(f"{self.name} took {time.monotonic() - self.started:.0f} s\n")
        return self.missed == 0


def median(values):
    return statistics.median(values)
