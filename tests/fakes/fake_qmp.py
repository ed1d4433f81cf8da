#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A QEMU as far as Aerostat sees one: a process with a QMP socket and memory of its own.

For what a real guest can't be made to do. Each fake is a process (its resident memory is measured as a
guest's is: the RAM is a memfd that is really filled and punched) and can be told at run time to behave
otherwise:

    fake = Fake("/run/x/web.sock", name="web", size=256 * MIB, used=200 * MIB)
    fake.set(balloon="ignore")          # any of OPTIONS
    fake.get()["targets"]               # balloon values it was sent
    fake.close()
"""

import ctypes
import json
import mmap
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time

MIB = 1 << 20
UNSET = (1 << 64) - 1
TICK = 0.05
FLOOD = 100_000_000

OPTIONS = {
    "name": "fake",           # query-name
    "size": 256 * MIB,
    "used": 0,                # what the guest has touched; resident is at most size - balloon
    "needs": None,            # what of that it can't spare: the rest is available; None: all
    "device": True,           # has a balloon device
    "balloon": "work",        # work; ignore: takes targets, never moves; floor: stops at `floor`; refuse
    "floor": 0,
    "rate": 1024 * MIB,       # bytes/s its balloon moves
    "stats": "fresh",         # fresh, none, frozen, or a dict of values to put over the true ones
    "running": True,
    "cpus": 1,                # their threads are 1000 and following
    "direct": None,           # a file that it has open with O_DIRECT
    "private": False,         # its RAM is private anonymous memory, where every page has its own content
    "busy": 0,                # private: bytes from the beginning of `used` that it reads again and again
    "cgroup": None,           # the directory of a cgroup that it is in from its beginning
    "talk": "qmp",            # qmp; garbage; half: closes within a document; flood: no end; wrong-id;
                              # mute: takes all, answers nothing; deaf: no greeting;
                              # mute-balloon, mute-human: answers all but that command
    "status": None,           # while it does not run: None: "paused"
    "migrate": None,          # status of a migration
    "single": False,          # one client at a time, as with QEMU; further ones wait for the greeting
    "mute": [],               # commands that are carried out and not answered
    "refuse": [],             # commands that are refused
    "human": {},              # what the human monitor says, by the first word of the line
}


class Memory:
    """The guest's RAM: a memfd of which the first `resident` bytes are there."""

    KEEP_SIZE_AND_PUNCH_HOLE = 1 | 2

    def __init__(self, size):
        self.fd = os.memfd_create("memory-backend-memfd")
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size, mmap.MAP_SHARED)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.resident = 0

    def resize(self, resident):
        resident -= resident % mmap.PAGESIZE
        if resident > self.resident:
            os.posix_fallocate(self.fd, self.resident, resident - self.resident)
        elif resident < self.resident and self.libc.fallocate(
                self.fd, self.KEEP_SIZE_AND_PUNCH_HOLE, ctypes.c_long(resident),
                ctypes.c_long(self.resident - resident)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")
        self.resident = resident


class PrivateMemory:
    """The guest's RAM as QEMU has it by default. A page begins with its own number and its round: how often it
    was filled."""

    PAGE = mmap.PAGESIZE

    def __init__(self, size):
        self.map = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.map.madvise(mmap.MADV_DONTFORK) # as QEMU does; and so it is no neighbour's
        self.resident = 0
        self.rounds = [0] * (size // self.PAGE)
        self.next = 0

    def content(self, page):
        return (page << 32 | self.rounds[page]).to_bytes(8, "little") * (self.PAGE // 8)

    def resize(self, resident):
        resident -= resident % self.PAGE
        for page in range(self.resident // self.PAGE, resident // self.PAGE):
            self.rounds[page] += 1
            self.map[page * self.PAGE:(page + 1) * self.PAGE] = self.content(page)
        if resident < self.resident:
            self.map.madvise(mmap.MADV_DONTNEED, resident, self.resident - resident)
        self.resident = resident

    def touch(self, length):
        """Goes on where it was, for the time of a tick at most: pages that are out come back slowly."""
        length = min(length, self.resident)
        end = time.monotonic() + TICK
        for _ in range(0, length, self.PAGE):
            self.next = self.next + self.PAGE if self.next + self.PAGE < length else 0
            self.map[self.next]
            if time.monotonic() > end:
                return

    def wrong(self):
        """How many pages do not have the content that they were given."""
        return sum(self.map[page * self.PAGE:(page + 1) * self.PAGE] != self.content(page)
                   for page in range(self.resident // self.PAGE))


class Guest:
    """What the guest does: its balloon moves towards the target, its statistics tell of it."""

    def __init__(self, options):
        self.o = options
        self.memory = PrivateMemory(options["size"]) if options["private"] else Memory(options["size"])
        self.actual = self.target = options["size"]
        self.targets = []
        self.history = [] # (time, command): stop and cont as they came
        self.clients = {}
        self.frozen = None
        self.direct = None
        self.moved = time.monotonic()

    def open_direct(self):
        if self.direct is not None:
            os.close(self.direct)
            self.direct = None
        if self.o["direct"]:
            self.direct = os.open(self.o["direct"], os.O_RDWR | os.O_DIRECT)

    def tick(self):
        now = time.monotonic()
        step = int(self.o["rate"] * (now - self.moved))
        self.moved = now
        goal = self.target
        if self.o["balloon"] == "floor":
            goal = max(goal, self.o["floor"])
        if self.o["balloon"] in ("work", "floor") and self.o["running"]:
            if self.actual > goal:
                self.actual = max(goal, self.actual - step)
            else:
                self.actual = min(goal, self.actual + step)
        self.memory.resize(min(self.o["used"], self.actual))
        if self.o["busy"]:
            self.memory.touch(self.o["busy"])

    def run(self, running):
        """A stop or cont, and the event that QEMU sends to all when something has changed."""
        self.history.append((time.monotonic(), "cont" if running else "stop"))
        if self.o["running"] == running:
            return
        self.o["running"] = running
        for client in self.clients.values():
            client.send({"timestamp": {"seconds": int(time.time()), "microseconds": 0},
                         "event": "RESUME" if running else "STOP"})

    def true_stats(self):
        needs = self.o["used"] if self.o["needs"] is None else self.o["needs"]
        available = max(self.actual - needs, 0)
        return {
            "stat-total-memory": self.actual, "stat-free-memory": available,
            "stat-available-memory": available, "stat-disk-caches": 0,
            "stat-swap-in": 0, "stat-swap-out": 0, "stat-major-faults": 0, "stat-minor-faults": 0,
            "stat-htlb-pgalloc": 0, "stat-htlb-pgfail": 0,
        }

    def stats(self):
        kind = self.o["stats"]
        true = self.true_stats()
        if kind == "none":
            return {"stats": {key: UNSET for key in true}, "last-update": 0}
        if kind == "frozen":
            self.frozen = self.frozen or {"stats": true, "last-update": int(time.time())}
            return self.frozen
        if isinstance(kind, dict):
            true.update(kind)
        return {"stats": true, "last-update": int(time.time())}


class Refused(Exception):
    """A QMP error: class and description."""


class Client:
    """One connection to the QMP socket."""

    def __init__(self, guest, sock):
        self.guest, self.sock = guest, sock
        self.buffer = b""
        self.flooded = 0
        talk = guest.o["talk"]
        if talk == "garbage":
            self.sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\x00\xff\xfe{}{}}}\n")
        elif talk == "half":
            self.sock.sendall(b'{"QMP": {"version": {"qemu": {"micro": 0, "mi')
            raise ConnectionError
        elif talk not in ("deaf", "flood"):
            self.send({"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7},
                                           "package": "fake"}, "capabilities": ["oob"]}})

    def send(self, document):
        self.sock.sendall(json.dumps(document).encode() + b"\r\n")

    def tick(self):
        """Floods with as much as the other side takes."""
        if self.guest.o["talk"] != "flood" or self.flooded >= FLOOD:
            return
        self.sock.setblocking(False)
        try:
            while self.flooded < FLOOD:
                self.flooded += self.sock.send(b'{"x": "' if self.flooded == 0 else b"a" * 65536)
        except BlockingIOError:
            pass

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError
        self.buffer += data
        decoder = json.JSONDecoder()
        while self.buffer.strip():
            text = self.buffer.decode().lstrip()
            try:
                document, end = decoder.raw_decode(text)
            except ValueError:
                return
            self.buffer = text[end:].encode()
            self.answer(document)

    def answer(self, document):
        talk = self.guest.o["talk"]
        command = document.get("execute", "")
        if talk in ("garbage", "deaf", "flood", "mute"):
            return
        if talk == "mute-balloon" and command == "balloon":
            self.guest.targets.append(document["arguments"]["value"])
            return
        if command in self.guest.o["mute"]:
            self.execute(command, document.get("arguments", {}))
            return
        if talk == "mute-human" and command == "human-monitor-command":
            return
        number = document.get("id")
        if talk == "wrong-id" and command != "qmp_capabilities":
            number = "somebody else's"
        reply = {"id": number} if number is not None else {}
        try:
            reply["return"] = self.execute(command, document.get("arguments", {}))
        except Refused as error:
            reply["error"] = {"class": error.args[0], "desc": error.args[1]}
        self.send(reply)

    def execute(self, command, arguments):
        o = self.guest.o
        if command in o["refuse"]:
            raise Refused("GenericError", "the fake does not want to")
        fixed = {
            "qmp_capabilities": {},
            "qom-set": {},
            "query-name": {"name": o["name"]} if o["name"] is not None else {},
            "query-memory-size-summary": {"base-memory": o["size"], "plugged-memory": 0},
            "query-memory-devices": [],
            "query-cpus-fast": [{"cpu-index": i, "thread-id": 1000 + i} for i in range(o["cpus"])],
            "query-memdev": [{"id": "ram", "size": o["size"], "share": not o["private"], "merge": True,
                              "dump": True, "prealloc": False, "host-nodes": [],
                              "policy": "default"}],
            "query-status": {"running": o["running"], "singlestep": False,
                             "status": "running" if o["running"] else o["status"] or "paused"},
            "query-migrate": {"status": o["migrate"]} if o["migrate"] else {},
        }
        if command in fixed:
            return fixed[command]
        if command in ("stop", "cont"):
            self.guest.run(command == "cont")
            return {}
        if command == "qom-list":
            if o["device"] and arguments["path"] == "/machine/peripheral":
                return [{"name": "type", "type": "string"},
                        {"name": "balloon0", "type": "child<virtio-balloon-pci>"}]
            return []
        if command == "qom-get" and arguments["property"] == "guest-stats":
            return self.guest.stats()
        if command == "human-monitor-command" and o["human"]:
            return o["human"].get(arguments["command-line"].split()[0], "unknown command\r\n")
        if command in ("query-balloon", "balloon"):
            return self.balloon(command, arguments)
        raise Refused("CommandNotFound", f"The command {command} has not been found")

    def balloon(self, command, arguments):
        guest = self.guest
        if not guest.o["device"]:
            raise Refused("DeviceNotActive", "No balloon device has been activated")
        if command == "query-balloon":
            return {"actual": guest.actual}
        guest.targets.append(arguments["value"])
        if guest.o["balloon"] == "refuse":
            raise Refused("GenericError", "the fake does not want to")
        guest.target = min(arguments["value"], guest.o["size"])
        return {}


def control(guest, line):
    """An order of the test: {"set": {...}}, {"silently": {...}}, {"get": true} or {"verify": true}; answered with
    one line."""
    order = json.loads(line)
    if "verify" in order:
        print(json.dumps(guest.memory.wrong()), flush=True)
        return
    changes = order.get("set", {})
    guest.o.update(order.get("silently", {})) # without an event
    if "running" in changes: # by an operator, on a monitor of his own
        guest.run(changes.pop("running"))
    guest.o.update(changes)
    guest.open_direct()
    guest.tick()
    print(json.dumps({"targets": guest.targets, "running": guest.o["running"], "actual": guest.actual, "target": guest.target,
                      "resident": guest.memory.resident, "history": guest.history}), flush=True)


def accept(listener, guest, clients):
    sock, _ = listener.accept()
    try:
        clients[sock] = Client(guest, sock)
    except OSError:
        sock.close()


def serve(path, options):
    if options["cgroup"]:
        pathlib.Path(options["cgroup"], "cgroup.procs").write_text("0", encoding="utf-8")
    guest = Guest(options)
    guest.tick()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    clients = guest.clients
    orders = b""
    print("listening", flush=True)
    while True:
        full = options["single"] and clients
        ready, _, _ = select.select([0, *([] if full else [listener]), *clients], [], [], TICK)
        guest.tick()
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return # the test has ended
            *lines, orders = (orders + data).split(b"\n")
            for line in lines:
                control(guest, line)
        if listener in ready:
            accept(listener, guest, clients)
        for sock in list(clients):
            try:
                if sock in ready:
                    clients[sock].receive()
                clients[sock].tick()
            except OSError:
                del clients[sock]
                sock.close()


class Fake:
    """The test's handle of a fake process."""

    def __init__(self, path, **options):
        self.check(options)
        self.path = str(path)
        self.process = subprocess.Popen(
            [sys.executable, __file__, self.path, json.dumps({**OPTIONS, **options})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        if self.process.stdout.readline() != "listening\n":
            self.close()
            raise AssertionError("the fake has not started")

    @staticmethod
    def check(options):
        unknown = set(options) - set(OPTIONS)
        assert not unknown, f"no such options: {unknown}"

    def order(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def set(self, **options):
        self.check(options)
        return self.order({"set": options})

    def get(self):
        return self.order({"get": True})

    def verify(self):
        """How many of its private pages are wrong. Touches all of them."""
        return self.order({"verify": True})

    def signal(self, number):
        self.process.send_signal(number)

    def close(self):
        """Ends it, also where it is stopped, and takes its socket away as QEMU does."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        pathlib.Path(self.path).unlink(missing_ok=True)


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
