#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails where an include points upwards in the tree, or is not written as HACKING.md says.

    check-includes.py [ROOT]

The rooms and what each may use are the table below; ARCHITECTURE.md has the same list in prose. Test
programs and benchmarks may use every room.
"""

import pathlib
import re
import sys

EVERYTHING = None

# Room: the rooms it may include besides itself.
MAY_USE = {
    "src/base": {"base"},
    "src/core": {"core"},
    "src/scenario": {"base", "core"},
    "src/sim": {"base", "core", "scenario"},
    "src/host": {"base", "core"},
    "src/vmm": {"base", "core", "host"},
    "src/pager": {"base", "core", "host"},
    "src/client": {"base"},
    "src/daemon": {"base", "core", "host", "vmm", "pager"},
    "src/cli": {"base", "core", "client", "scenario", "sim"},
    "guest": {"base"},
    "lab": {"base", "core", "client", "pager", "scenario", "sim"},
    "bench": EVERYTHING,
    "tests": EVERYTHING,
}

# The policy computes and does nothing else: of libc, it gets what has neither I/O nor a clock.
# stdio.h is for snprintf.
CORE_SYSTEM = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h",
               "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}

GENERATED = {"config.h"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]*)"|<([^>]*)>)', re.MULTILINE)
# Comments are taken out first, the lines kept: an include in one is prose.
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def room_of(relative):
    """("src/vmm", "vmm") for src/vmm/qmp.c; (None, None) outside of all rooms."""
    for room in MAY_USE:
        if relative.as_posix().startswith(room + "/"):
            return room, room.split("/")[-1]
    return None, None


def check_quoted(path, room, own, name):
    """What is wrong with #include "name" in @path, or None."""
    if ".." in pathlib.PurePosixPath(name).parts or name.startswith("/"):
        return "is a relative or absolute path: name the room"
    if name in GENERATED:
        return None if own != "core" else "is generated: core takes its parameters as arguments"
    entered = name.split("/")[0] if "/" in name else None
    if entered is None:
        if not room.startswith("src/") and (path.parent / name).exists():
            return None
        return "does not name its room"
    if entered in ("tests", "bench") and own not in ("tests", "bench"):
        return f"points from {room} into {entered}"
    if MAY_USE[room] is EVERYTHING or entered == own or entered in MAY_USE[room]:
        return None
    return f"points upwards: {room} may use only {', '.join(sorted(MAY_USE[room] | {own}))}"


def check_file(root, path):
    relative = path.relative_to(root)
    room, own = room_of(relative)
    text = path.read_text(encoding="utf-8")
    if room is None:
        return []
    text = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text)
    problems = []
    for match in INCLUDE.finditer(text):
        quoted, system = match.groups()
        wrong = None
        if quoted is not None:
            wrong = check_quoted(path, room, own, quoted)
        elif own == "core" and system not in CORE_SYSTEM:
            wrong = "is more than core may have of libc"
        elif (root / "src" / system).exists():
            wrong = "is one of ours: use quotes"
        if wrong:
            line = text.count("\n", 0, match.start(1) if quoted is not None else match.start(2)) + 1
            problems.append(f'{relative}:{line}: include of {quoted or system} {wrong}')
    return problems


def check_tree(root):
    files = [path for room in MAY_USE if (root / room).is_dir()
             for path in sorted((root / room).rglob("*.[ch]"))]
    problems = [problem for path in files for problem in check_file(root, path)]
    return files, problems


def main():
    here = pathlib.Path(__file__).resolve()
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here.parent.parent
    files, problems = check_tree(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not files:
        print(f"check-includes: no source files in {root}", file=sys.stderr)
        return 1
    print(f"{len(files)} files, {len(problems)} wrong includes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
