#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An aerostat-pager as far as the daemon sees one: its command line, its files, its orders and notices.

It touches no guest. What it "puts out" are figures in its map. For what a real pager can't be made to do:
refuse, fail, hang, lie. The directory AEROSTAT_FAKE_PAGER holds what it is to do and what it did, by the
guest's name:

    NAME.do     JSON of any of OPTIONS, read again whenever it changes
    NAME.log    a JSON line for each start, order and end
"""

import argparse
import fcntl
import json
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import time

PAGE = 4096
HEADER_BYTES = 16384
MAGIC = 0x50414d5441545341
VERSION = 2
PROTOCOL = 2
ANY = (1 << 64) - 1
TICK = 0.05

VERBS = ("allow", "cache", "sample", "park", "unpark", "detach", "evicting", "cpus", "note-stop")
READY, REFUSED, DONE, FAILED, HELD, HEALED, GONE = range(7)
ABSENT, RESIDENT, ZERO, COMPRESSED, SWAPPED = range(5)
STARTING, SERVING, PARKING, UNPARKING, DETACHING, GUEST_GONE = range(6)

# struct pagemap_figures, in order: name and number of 64-bit words.
FIGURES = (
    ("pages", 5), ("cache_payload", 1), ("cache_bytes", 1), ("cache_limit", 1), ("slots", 1), ("slots_used", 1),
    ("allowed", 1), ("phase", 1), ("parked", 1), ("evicted", 5), ("loaded", 5), ("read_ahead", 1),
    ("discarded", 1), ("bytes_written", 1), ("bytes_read", 1), ("faults", 5), ("latency", 5 * 96),
    ("eviction_races", 1), ("waited", 1), ("cpus", 1), ("paged_by_guest", 1), ("io_errors", 1), ("held_pages", 1), ("held_page", 1), ("held_errno", 1), ("guest_stopped", 1),
    ("sample_windows", 1), ("sampled", 1), ("touched", 1), ("window_permille", 1), ("current_permille", 1),
    ("window_usec", 1), ("working_set", 4), ("sampling_cpu", 1), ("rounds", 1), ("takeovers", 1), ("memory_bytes", 1))

OPTIONS = {
    "begin": "ready",   # ready; refuse, busy, fail: with that exit status; stall: says nothing for ever
    "text": "",         # of the refusal
    "figures": {},      # written over those in the map: {"held_pages": 1, ...}
    "idle": False,      # takes orders to put pages out, and puts none out
    "junk": None,       # this text is sent as a notice
    "say": None,        # [kind, text]: a notice that is sent once
    "map": None,        # this text is put over the map's beginning
}


def fold(name):
    """Bytes of the header before figure @name, and its number of words."""
    at = 8 + 4 + 4 + 256 + 6 * 8 + 2 * 8
    for figure, words in FIGURES:
        if figure == name:
            return at, words
        at += 8 * words
    raise KeyError(name)


class Map:
    """The header of a page map file."""

    def __init__(self, path, arguments, start_time):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        identity = struct.pack("=256s6Q", arguments.name.encode(), arguments.pid, start_time, 0,
                               arguments.ram_size, 0, 0)
        self.taken_over = os.pread(self.fd, len(identity), 16) == identity
        if not self.taken_over:
            os.ftruncate(self.fd, HEADER_BYTES + arguments.ram_size // PAGE * 8)
            os.pwrite(self.fd, struct.pack("=QII", MAGIC, VERSION, HEADER_BYTES) + identity, 0)
            self.set("pages", 0, arguments.ram_size // PAGE, 0, 0, 0)
            self.set("slots", arguments.swap_size // PAGE)
            self.set("allowed", ANY)
            self.set("window_permille", ANY)
            self.set("working_set", ANY, ANY, ANY, ANY)
        else:
            self.set("takeovers", self.get("takeovers")[0] + 1)
        at, _ = fold("pages")
        os.pwrite(self.fd, struct.pack("=qq", 77, os.getpid()), at - 16)

    def set(self, name, *values):
        at, words = fold(name)
        assert len(values) == words
        os.pwrite(self.fd, struct.pack(f"={words}Q", *values), at)

    def get(self, name):
        at, words = fold(name)
        return struct.unpack(f"={words}Q", os.pread(self.fd, 8 * words, at))


class Pager:
    def __init__(self, arguments):
        self.a = arguments
        self.directory = pathlib.Path(os.environ["AEROSTAT_FAKE_PAGER"])
        self.options, self.options_text = dict(OPTIONS), None
        self.said = set()
        self.process = os.pidfd_open(arguments.pid)
        self.clients = []
        if arguments.control_fd is not None:
            self.clients.append(socket.socket(fileno=arguments.control_fd))

    def log(self, **line):
        with open(self.directory / f"{self.a.name}.log", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def renew(self):
        """Does what the test wants by now."""
        try:
            text = (self.directory / f"{self.a.name}.do").read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        if text == self.options_text:
            return
        self.options_text = text
        self.options = {**OPTIONS, **json.loads(text)}

    def say(self, kind, verb=0, text=""):
        for client in self.clients:
            try:
                client.send(struct.pack("=4I400s", PROTOCOL, kind, verb, 0, text.encode()[:399]), socket.MSG_DONTWAIT)
            except OSError:
                pass

    def end(self, status):
        self.log(end=status)
        sys.exit(status)

    def begin(self):
        self.renew()
        begin = self.options["begin"]
        if begin == "refuse":
            self.say(REFUSED, text=self.options["text"])
            self.end(3)
        if begin in ("busy", "fail"):
            self.end({"busy": 4, "fail": 1}[begin])
        while begin == "stall":
            time.sleep(TICK)
            self.renew()
            begin = self.options["begin"]
        stem = pathlib.Path(self.a.memory_dir) / self.a.name
        start_time = int(pathlib.Path(f"/proc/{self.a.pid}/stat").read_text(encoding="utf-8")
                         .rsplit(")", 1)[1].split()[19])
        self.map = Map(f"{stem}.map", self.a, start_time)
        path = pathlib.Path(f"{stem}.sock")
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(1)
        pathlib.Path(f"{stem}.cache").touch(0o600)
        self.map.set("phase", SERVING)
        self.say(READY)

    def allow(self, value):
        self.map.set("allowed", value)
        pages = list(self.map.get("pages"))
        excess = max(pages[RESIDENT] - value // PAGE, 0)
        pages[RESIDENT] -= excess
        pages[SWAPPED] += excess
        self.map.set("pages", *pages)
        self.map.set("slots_used", pages[SWAPPED])

    def order(self, data):
        protocol, verb, value, value2 = struct.unpack_from("=IIQQ", data)
        assert protocol == PROTOCOL
        name = VERBS[verb]
        more = data[struct.calcsize("=IIQQ"):]
        if name == "cpus":
            self.map.set("cpus", value)
            self.log(order=name, cpus=struct.unpack(f"={value}I", more))
        else:
            assert not more
            self.log(order=name, value=value, value2=value2)
        pages = list(self.map.get("pages"))
        if name == "note-stop":
            self.map.set("guest_stopped", value)
        if name == "allow" and not self.options["idle"]:
            self.allow(value)
        elif name in ("park", "unpark", "detach"):
            moved, kept = (SWAPPED, RESIDENT) if name == "park" else (RESIDENT, SWAPPED)
            pages[moved] += pages[kept]
            pages[kept] = 0
            self.map.set("pages", *pages)
            self.map.set("slots_used", pages[SWAPPED])
            self.map.set("parked", int(name == "park"))
            self.say(DONE, verb)
        if name == "detach":
            self.end(0)

    def tick(self):
        self.renew()
        self.map.set("rounds", (self.map.get("rounds")[0] + 1) % ANY)
        for name, value in self.options["figures"].items():
            values = value if isinstance(value, list) else [value]
            if self.map.get(name) != tuple(values):
                self.map.set(name, *values)
        if self.options["map"]:
            os.pwrite(self.map.fd, self.options["map"].encode(), 0)
        if self.options["junk"]:
            for client in self.clients:
                client.send(self.options["junk"].encode(), socket.MSG_DONTWAIT)
            self.options["junk"] = None
        if self.options["say"]:
            kind, text = self.options["say"]
            self.say(kind, text=text)
            self.options["say"] = None

    def serve(self):
        while True:
            ready, _, _ = select.select([self.process, self.listener, *self.clients], [], [], TICK)
            if self.process in ready:
                self.say(GONE)
                self.end(0)
            if self.listener in ready:
                client, _ = self.listener.accept()
                for old in self.clients:
                    old.close()
                self.clients = [client]
                self.say(READY)
                continue
            for client in self.clients:
                if client not in ready:
                    continue
                data = client.recv(4096)
                if data:
                    self.order(data)
                else:
                    client.close()
                    self.clients = []
            self.tick()


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", action="store_true")
    for name in ("name", "memory-dir", "swap-dir"):
        parser.add_argument(f"--{name}")
    for name in ("pid", "fd", "ram-size", "swap-size", "cache", "control-fd", "log-level"):
        parser.add_argument(f"--{name}", type=int)
    return parser.parse_args()


def main():
    arguments = parse()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if arguments.release:
        with open(pathlib.Path(os.environ["AEROSTAT_FAKE_PAGER"]) / "release.log", "a",
                  encoding="utf-8") as file:
            file.write(json.dumps({"pid": arguments.pid, "fd": arguments.fd}) + "\n")
        return
    pager = Pager(arguments)
    pager.log(start=os.getpid(), **{k: v for k, v in vars(arguments).items() if v is not None})
    pager.begin()
    pager.serve()


if __name__ == "__main__":
    main()
