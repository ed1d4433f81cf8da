#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long storm, to be run by hand: threads write and verify a process's memory while it is evicted, parked,
unparked, sampled, discarded, and while its pager is killed, all at random.

    AEROSTAT_BUILD=build tests/pager/storm.py [SECONDS [MIB [THREADS [SEED]]]]

Ends at the first wrong page; prints what has happened.
"""

import random
import sys
import time

from pagers import ANY, MIB, House
from test_pager import Takeover


def storm(house, seconds, mib, threads, seed):
    chance = random.Random(seed)
    program = house.program(mib, threads)
    program.do("fill")
    pager = house.pager(program).ready()
    program.do("run")
    end, kills, orders = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        life = time.monotonic() + chance.random() ** 3 * 4
        while time.monotonic() < min(life, end):
            Takeover.order_anything(chance, program, pager)
            orders += 1
            time.sleep(chance.random() ** 3 / 5)
        pager.kill()
        kills += 1
        house.things.remove(pager)
        pager = house.pager(program).ready()
    program.do("stop")
    program.do("check")
    figures = pager.figures()
    pager.order("allow", ANY)
    pager.do("unpark")
    program.do("check")
    pager.do("detach")
    pager.wait()
    program.do("check")
    touched, discarded, stale = program.stats()
    print(f"{seconds:.0f} s, {mib} MiB, {threads} threads, seed {seed}: {touched} touches verified, {kills} kills, "
          f"{orders} orders, {discarded} pages discarded ({stale} had their old contents later)")
    for kind in ("evicted", "loaded", "faults"):
        print(kind, *(f"{name.split('_')[1]} {figures[name]}" for name in figures
                      if name.startswith(kind + "_") and figures[name]))
    print(*(f"{name} {figures[name]}" for name in ("eviction_races", "read_ahead", "takeovers", "io_errors")),
          f"written {figures['bytes_written'] // MIB} MiB, read {figures['bytes_read'] // MIB} MiB")


def main():
    seconds, mib, threads, seed = ([float(a) for a in sys.argv[1:]] + [60, 64, 4, time.time_ns() % 100000][len(sys.argv) - 1:])
    house = House()
    try:
        storm(house, seconds, int(mib), int(threads), int(seed))
    finally:
        house.end()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
