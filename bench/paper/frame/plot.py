# SPDX-License-Identifier: Apache-2.0
"""Curves as SVG, by gnuplot: panels below each other with one x axis.

    Plot("title", "s", [Panel("MiB", [Curve("resident", [(0, 1), (1, 2)])])])
"""

import dataclasses
import subprocess

from frame.problem import Problem

WIDTH, PANEL_HEIGHT, ROOM = 900, 280, 60
# Of Okabe and Ito: also who sees fewer colours tells them apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLES = {"line": "with lines lw 2", "dashed": "with lines lw 1.5 dashtype 2", "steps": "with steps lw 2",
          "points": "with linespoints lw 2 pt 7 ps 0.6"}


@dataclasses.dataclass
class Curve:
    label: str
    points: list  # of (x, y)
    style: str = "line"


@dataclasses.dataclass
class Panel:
    label: str  # of the y axis
    curves: list
    marks: list = dataclasses.field(default_factory=list)  # of (x, text): a line from top to bottom


@dataclasses.dataclass
class Plot:
    title: str
    x_label: str
    panels: list


def quote(text):
    """As gnuplot reads it between double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def panel_script(panel, number, x_range):
    lines = []
    for i, curve in enumerate(panel.curves):
        lines += [f"$p{number}c{i} << EOD", *(f"{x:.6g} {y:.6g}" for x, y in curve.points), "EOD"]
    lines += [f"set ylabel {quote(panel.label)}", f"set xrange [{x_range[0]:.6g}:{x_range[1]:.6g}]", "set yrange [0:*]",
              "unset arrow", "unset label"]
    for x, text in panel.marks:
        lines += [f"set arrow from {x:.6g}, graph 0 to {x:.6g}, graph 1 nohead lc rgb '#999999' dashtype 3",
                  f"set label {quote(text)} at {x:.6g}, graph 0.96 left offset 0.5,0 font ',9' noenhanced"]
    drawn = [f"$p{number}c{i} {STYLES[curve.style]} lc rgb '{COLOURS[i % len(COLOURS)]}' title {quote(curve.label)}"
             for i, curve in enumerate(panel.curves)]
    return [*lines, "plot " + ", ".join(drawn)]


def x_range(plot):
    values = [x for panel in plot.panels for curve in panel.curves for x, _ in curve.points]
    if not values:
        raise ValueError(f"nothing to draw: {plot.title}")
    return min(values), max(values) if max(values) > min(values) else min(values) + 1


def script(plot, path):
    """What gnuplot is told."""
    count = len(plot.panels)
    lines = [f"set terminal svg size {WIDTH},{count * PANEL_HEIGHT + ROOM} dynamic font 'sans,12' background '#ffffff'",
             f"set output {quote(str(path))}", "set encoding utf8", "set key outside right noenhanced", "set grid lc rgb '#dddddd'",
             "set border 3", "set tics nomirror", "set lmargin 11", "set rmargin 30", f"set multiplot layout {count},1 title {quote(plot.title)} noenhanced"]
    for number, panel in enumerate(plot.panels):
        if number == count - 1:
            lines.append(f"set xlabel {quote(plot.x_label)}")
        lines += panel_script(panel, number, x_range(plot))
    return "\n".join([*lines, "unset multiplot", ""])


def draw(plot, path):
    try:
        done = subprocess.run(["gnuplot", "-"], input=script(plot, path), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem("gnuplot is not there; run make deps") from None
    if done.returncode != 0:
        raise Problem(f"gnuplot: {done.stderr.strip()}")
