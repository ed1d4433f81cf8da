# SPDX-License-Identifier: Apache-2.0
"""A pager serves a process that verifies its memory: nothing of it may ever be wrong."""

import os
import pathlib
import random
import resource
import socket
import struct
import subprocess
import unittest

from pagers import (ANY, EXIT_BUSY, EXIT_OK, EXIT_REFUSED, EXIT_USAGE, HEADER, MIB, PAGE, PAGER, PROTOCOL,
                    PUNCH_ZEROES, STATES, VERBS, House, cpu_seconds, may_attach, time_over, wait_for)


class Case(unittest.TestCase):
    def setUp(self):
        if not may_attach():
            self.skipTest("needs root and userfaultfd")
        self.house = House()
        self.addCleanup(self.house.end)

    def both(self, mib=32, threads=2, kind=None, **more):
        program = self.house.program(mib, threads, kind)
        program.do("fill")
        return program, self.house.pager(program, **more).ready()

    def check_counts(self, program, pager):
        """What is counted is what the entries say, and what is resident is in the memfd. (The program goes on a
        moment before its page is entered.)"""
        def agree():
            entries = pager.map.entries()
            figures = pager.figures()
            return (all(sum(e & 7 == i for e in entries) == figures[state] for i, state in enumerate(STATES)) and
                    figures["resident"] * PAGE == program.resident())
        wait_for("counts agree", agree, 10)


class Basics(Case):
    def test_evict_and_touch(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        self.assertLessEqual(program.resident(), 4 * MIB)
        self.check_counts(program, pager)
        figures = pager.figures()
        for state in ("zero", "compressed", "swapped"):
            self.assertGreater(figures[state], 0, state)
        program.do("check")
        pager.order("allow", ANY)
        program.do("check")
        program.do("fill")
        program.do("check")
        self.check_counts(program, pager)

    def test_park_and_unpark(self):
        program, pager = self.both()
        self.assertEqual(pager.do("park")[0], "done")
        self.assertEqual(program.resident(), 0)
        figures = pager.figures()
        self.assertEqual((figures["compressed"], figures["parked"]), (0, 1))
        self.check_counts(program, pager)
        self.assertEqual(pager.do("unpark")[0], "done")
        figures = pager.figures()
        self.assertEqual((figures["compressed"], figures["swapped"], figures["parked"]), (0, 0, 0))
        program.do("check")
        self.check_counts(program, pager)

    def test_wakes_by_itself(self):
        program, pager = self.both()
        pager.do("park")
        program.do("check")
        self.assertEqual(pager.figures()["parked"], 1)

    def test_detach(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        pager.child.terminate()
        self.assertEqual(pager.wait(), EXIT_OK)
        program.do("check")
        program.do("fill")

    def test_second_pager_refuses(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        second = self.house.pager(program)
        self.assertEqual(second.wait(), EXIT_BUSY)
        program.do("check")

    def test_program_is_killed(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        program.do("run")
        program.child.kill()
        self.assertEqual(pager.expect("gone")[0], "gone")
        self.assertEqual(pager.wait(), EXIT_OK)

    def test_discard(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        out = pager.figures()
        program.do(f"discard 0 {program.pages // 2}")
        program.do(f"discard {program.pages // 2} {program.pages // 2}")
        wait_for("forgotten", lambda: pager.figures()["absent"] == program.pages)
        figures = wait_for("slots free", lambda: (f := pager.figures())["slots_used"] == 0 and f)
        self.assertEqual(figures["cache_payload"], 0)
        self.assertGreater(out["swapped"], 0)
        program.do("check")
        self.assertEqual(program.stats()[2], 0, "pages that came back")

    def test_discarded_and_used_again_at_once(self):
        """An old event must not make the pager forget what was written, and put out, since. (Where pages are
        forgotten slowly enough for that: many of them, and all out.)"""
        program, pager = self.both(mib=160, kind="text", cache=160 * MIB)
        pager.order("allow", 0)
        for _ in range(8):
            wait_for("out", lambda: pager.figures()["resident"] <= 256)
            program.do(f"reuse 0 {program.pages}")
            program.do("check")
            program.do("fill")


class Orders(Case):
    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(f"{self.house.memory}/guest.sock")
        return client

    def test_new_connection_replaces_the_old(self):
        program, pager = self.both()
        old, pager.socket = pager.socket, self.connect()
        self.addCleanup(old.close)
        pager.ready()
        self.assertEqual(old.recv(4096), b"")
        pager.allow(4 * MIB)
        self.assertEqual(pager.do("park")[0], "done")
        program.do("check")

    def test_serves_without_a_connection(self):
        program, pager = self.both()
        pager.order("allow", 4 * MIB)
        wait_for("order taken", lambda: pager.figures()["allowed"] == 4 * MIB)
        pager.socket.close()
        program.do("check")
        pager.socket = self.connect()
        pager.ready()
        self.assertEqual(pager.do("unpark")[0], "done")

    def test_order_that_is_none(self):
        program, pager = self.both()
        for junk in (b"x", b"y" * 1000, struct.pack("=IIQQ", 99, 0, 0, 0), struct.pack("=IIQQ", PROTOCOL, len(VERBS), 0, 0),
                     struct.pack("=IIQQ", PROTOCOL, VERBS["cpus"], 2, 0) + b"1234",
                     struct.pack("=IIQQ", PROTOCOL, VERBS["cpus"], 1 << 62, 0),
                     struct.pack("=IIQQ", PROTOCOL, VERBS["park"], 0, 0) + b"1234"):
            pager.socket.send(junk)
            self.assertEqual(pager.socket.recv(4096), b"")
            pager.socket.close()
            pager.socket = self.connect()
            pager.ready()
        pager.allow(4 * MIB)
        program.do("check")

    def test_another_order_comes(self):
        program, pager = self.both(mib=64)
        for _ in range(5):
            pager.order("park")
            pager.order("unpark")
            seen = [pager.expect("done", "failed")]
            while seen[-1][:2] != ("done", VERBS["unpark"]):
                seen.append(pager.expect("done", "failed"))
        self.assertEqual(pager.figures()["swapped"], 0)
        program.do("check")

    def test_sampling(self):
        program, pager = self.both()
        pager.order("sample", 100, 100_000)
        figures = wait_for("windows", lambda: (f := pager.figures())["sample_windows"] >= 3 and f)
        self.assertGreater(figures["sampled"], 0)
        self.assertEqual(figures["swapped"], 0)
        program.do("run")
        wait_for("touched", lambda: 0 < pager.figures()["window_permille"] <= 1000)
        program.do("stop")
        program.do("check")
        # Those that nobody touches come back in the end; here, because sampling ends.
        pager.order("sample", 0)
        wait_for("back", lambda: pager.figures()["compressed"] == 0)
        program.do("check")


class Trouble(Case):
    def test_page_that_cannot_be_read_back(self):
        program, pager = self.both(kind="random")
        pager.allow(4 * MIB)
        pager.order("allow", ANY)
        path = pathlib.Path(self.house.swap, "guest.swap")
        saved = path.read_bytes()
        os.truncate(path, 0)
        program.send("check")
        text = pager.expect("held")[2]
        self.assertIn("guest.swap", text)
        figures = pager.figures()
        self.assertGreaterEqual(figures["held_pages"], 1)
        self.assertGreater(figures["io_errors"], 0)
        # A pager that takes over can't read it either, and says so again.
        pager.kill()
        pager = self.house.pager(program).ready()
        pager.expect("held")
        path.write_bytes(saved)
        pager.expect("healed")
        self.assertEqual(program.answer(), "done")
        self.assertEqual(pager.figures()["held_pages"], 0)

    def test_file_that_was_cut_is_not_made_longer(self):
        program, pager = self.both(kind="random")
        pager.allow(4 * MIB)
        pager.order("allow", ANY)
        path = pathlib.Path(self.house.swap, "guest.swap")
        saved = path.read_bytes()
        os.truncate(path, 0)
        pager.order("allow", 2 * MIB)
        wait_for("errors", lambda: pager.figures()["io_errors"] > 0)
        # What was written to it now would lie behind a gap that reads as zeros.
        self.assertEqual(path.stat().st_size, 0)
        path.write_bytes(saved)
        pager.order("allow", ANY)
        program.do("check")

    def test_unpark_and_detach_fail_where_pages_are_lost(self):
        program, pager = self.both(kind="random")
        pager.do("park")
        path = pathlib.Path(self.house.swap, "guest.swap")
        saved = path.read_bytes()
        os.truncate(path, len(saved) // 2)
        self.assertEqual(pager.do("unpark")[0], "failed")
        self.assertEqual(pager.do("detach")[0], "failed")
        path.write_bytes(saved)
        self.assertEqual(pager.do("detach")[0], "done")
        self.assertEqual(pager.wait(), EXIT_OK)
        program.do("check")

    def test_writes_fail(self):
        program, pager = self.both()
        resource.prlimit(pager.child.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        pager.order("allow", 4 * MIB)
        wait_for("errors", lambda: pager.figures()["io_errors"] > 0)
        # What needs no file goes out.
        wait_for("zeros and the cache", lambda: (f := pager.figures())["zero"] > 0 and f["compressed"] > 0)
        self.assertEqual(pager.figures()["swapped"], 0)
        program.do("check")
        resource.prlimit(pager.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        pager.allow(4 * MIB)
        program.do("check")

    def test_swap_file_full(self):
        program, pager = self.both(swap=2 * MIB, cache=MIB)
        pager.order("allow", 0)
        self.assertIn("full", pager.expect("failed")[2])
        self.assertEqual(pager.do("park")[0], "failed")
        pager.order("allow", 0)
        before = pager.figures()
        self.assertLessEqual(before["swapped"] * PAGE, 2 * MIB)
        self.assertGreater(before["zero"], 0)
        program.do("check")
        # It does not try without end: the guest, which is at rest, is looked at once in a while.
        used = cpu_seconds(pager.child.pid)
        wait_for("seconds", time_over(1))
        self.assertLess(cpu_seconds(pager.child.pid) - used, 0.5)

    def test_no_swap_file_at_all(self):
        program, pager = self.both(swap=0)
        pager.order("allow", 0)
        wait_for("zeros and the cache", lambda: (f := pager.figures())["zero"] > 0 and f["compressed"] > 0)
        program.do("check")
        self.assertEqual(pager.figures()["swapped"], 0)

    def test_evicting_forbidden(self):
        program, pager = self.both()
        pager.order("evicting", 0)
        pager.order("allow", 0)
        program.do("check")
        self.assertEqual(pager.figures()["resident"], program.pages)
        pager.order("evicting", 1)
        pager.allow(0)
        program.do("check")

    def wait_at_rest(self, program, pager):
        """Between the kernel's zeroing and the putting back the program may see zeros (engine.h)."""
        last = None

        def at_rest():
            nonlocal last
            figures = pager.figures()
            before, last = last, (figures["evicted_swapped"], figures["resident"])
            return last == before and figures["resident"] * PAGE == program.resident()
        wait_for("put back", at_rest)

    def test_memory_that_the_kernel_keeps(self):
        for every in 1, 100:
            program, pager = self.both(name=f"every-{every}", env={
                "LD_PRELOAD": str(PUNCH_ZEROES), "PUNCH_BYTES": str(32 * MIB), "PUNCH_EVERY": str(every),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
            pager.order("allow", 4 * MIB)
            wait_for("an attempt", lambda pager=pager: pager.figures()["evicted_swapped"] > 0)
            pager.order("evicting", 0)
            self.wait_at_rest(program, pager)
            program.do("check")
            pager.kill()
            pager = self.house.pager(program, name=f"every-{every}").ready()
            program.do("check")
            program.do("fill")
            pager.allow(4 * MIB)
            program.do("check")
            self.check_counts(program, pager)

    def test_not_a_guest(self):
        program = self.house.program(8)
        program.mib = 16
        pager = self.house.pager(program)
        self.assertEqual(pager.expect("refused")[0], "refused")
        self.assertEqual(pager.wait(), EXIT_REFUSED)
        self.assertEqual(os.listdir(self.house.memory), [])

    def test_wrong_arguments(self):
        self.assertEqual(subprocess.run([PAGER, "--name", "x"], stderr=subprocess.DEVNULL).returncode, EXIT_USAGE)


class Takeover(Case):
    def test_killed_while_parking(self):
        program, pager = self.both(mib=64)
        for order in ("park", "unpark") * 5:
            pager.order(order)
            before = pager.figures()
            key = "evicted_swapped" if order == "park" else "loaded_swapped"
            wait_for("some pages", lambda: pager.figures()[key] > before[key] + 100)
            pager.kill()
            self.house.things.remove(pager)
            pager = self.house.pager(program).ready()
            wait_for("the order to be done", lambda: pager.figures()["parked"] == (order == "park"))
        program.do("check")
        self.check_counts(program, pager)

    def test_map_is_valid_at_any_time(self):
        program, pager = self.both(mib=16, threads=2)
        program.do("run")
        slots = pager.figures()["slots"]
        for i in range(200):
            pager.order(("allow", "park", "unpark")[i % 3], 2 * MIB)
            for entry in pager.map.entries():
                state, length, place = entry & 7, entry >> 8 & 0x1fff, entry >> 21
                self.assertLess(state, len(STATES))
                if STATES[state] == "swapped":
                    self.assertLess(place, slots)
                elif STATES[state] == "compressed":
                    self.assertTrue(0 < length <= PAGE)
                else:
                    self.assertEqual(place, 0)
        program.do("stop")

    def test_release(self):
        program, pager = self.both()
        number = pager.map.uffd()
        pager.do("detach")
        pager.wait()
        path = f"/proc/{program.pid}/fd/{number}"
        self.assertIn("userfaultfd", os.readlink(path))
        self.assertEqual(subprocess.run([PAGER, "--release", "--pid", str(program.pid), "--fd", str(number)],
                                        check=False).returncode, EXIT_OK)
        self.assertFalse(os.path.exists(path))
        # And once more from the start, with the old map still there.
        pager = self.house.pager(program).ready()
        pager.allow(4 * MIB)
        program.do("check")

    def test_attached_again_after_a_detach(self):
        program, pager = self.both()
        pager.do("detach")
        pager.wait()
        program.do(f"discard 0 {program.pages}")
        program.do("run")
        pager = self.house.pager(program).ready()
        program.do("stop")
        self.check_counts(program, pager)
        program.do("fill")
        pager.allow(4 * MIB)
        program.do("check")

    def test_files_of_another_process(self):
        program, pager = self.both()
        pager.allow(4 * MIB)
        program.child.kill()
        pager.wait()
        program, pager = self.both()
        pager.allow(4 * MIB)
        program.do("check")

    def test_damaged_entries(self):
        """What such pages were nobody knows; the guest can give them back, and the others are as they were."""
        program, pager = self.both(kind="random")
        pager.allow(4 * MIB)
        pager.kill()
        swapped = [i for i, entry in enumerate(pager.map.entries()) if STATES[entry & 7] == "swapped"][:4]
        with open(pager.map.path, "r+b") as f:
            for page, entry in zip(swapped, (7, 4 | 1 << 60, pager.map.entries()[swapped[3]])):
                f.seek(HEADER + page * 8)
                f.write(struct.pack("=Q", entry))
        pager = self.house.pager(program).ready()
        for page in swapped:
            program.do(f"discard {page} 1")
        program.do("check")
        program.do("fill")
        pager.allow(4 * MIB)
        program.do("check")
        self.check_counts(program, pager)
        self.assertEqual(pager.do("detach")[0], "done")
        program.do("check")

    def test_killed_at_random(self):
        seed = int(os.environ.get("AEROSTAT_SEED", random.randrange(1 << 32)))
        print(f"AEROSTAT_SEED={seed}")
        chance = random.Random(seed)
        program, pager = self.both(mib=64, threads=3)
        program.do("run")
        for _ in range(int(os.environ.get("AEROSTAT_KILLS", 100))):
            for _ in range(chance.randrange(6)):
                self.order_anything(chance, program, pager)
                wait_for("a while", lambda: chance.random() < 0.5)
            pager.kill()
            self.house.things.remove(pager)
            pager = self.house.pager(program).ready()
        program.do("stop")
        program.do("check")
        pager.order("allow", ANY)
        self.assertEqual(pager.do("unpark")[0], "done")
        self.check_counts(program, pager)
        self.assertEqual(pager.do("detach")[0], "done")
        self.assertEqual(pager.wait(), EXIT_OK)
        program.do("check")

    @staticmethod
    def order_anything(chance, program, pager):
        what = chance.choice(("allow", "allow", "allow", "any", "park", "unpark", "cache", "sample", "discard"))
        if what == "allow":
            pager.order("allow", chance.randrange(program.mib) * MIB)
        elif what == "any":
            pager.order("allow", ANY)
        elif what == "cache":
            pager.order("cache", chance.randrange(program.mib // 4) * MIB)
        elif what == "sample":
            pager.order("sample", 100, 100000)
        elif what == "discard":
            n = chance.choice((1, 7, 64, 512, 5000))
            program.do(f"discard {chance.randrange(program.pages - n)} {n}")
        else:
            pager.order(what)
