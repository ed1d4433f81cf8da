# SPDX-License-Identifier: Apache-2.0
"""Tables that read as they are and are Markdown too, so that documentation can have them as they were printed."""


def cell(value):
    return "-" if value is None else str(value)


def align(text, width, right):
    return text.rjust(width) if right else text.ljust(width)


def render(columns, rows):
    """The first column's words begin, all others' figures end, at one place."""
    texts = [[cell(value) for value in row] for row in rows]
    for row in texts:
        if len(row) != len(columns):
            raise ValueError(f"a row of {len(row)} cells in a table of {len(columns)} columns")
    widths = [max(3, *(len(row[i]) for row in [columns, *texts])) for i in range(len(columns))]
    rule = ["-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)]
    lines = ["| " + " | ".join(align(text, widths[i], i > 0) for i, text in enumerate(row)) + " |"
             for row in [columns, *texts]]
    lines.insert(1, "|" + "|".join(rule) + "|")
    return "\n".join(lines)


def percent(part, digits=0):
    return f"{100 * part:.{digits}f} %"


def mib(size):
    return f"{size / (1 << 20):.0f} MiB"
