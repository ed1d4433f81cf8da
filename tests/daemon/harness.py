# SPDX-License-Identifier: Apache-2.0
"""A real aerostatd in a directory of its own, with fake guests, for whole-program tests."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from fakes.fake_qmp import MIB, Fake

BUILD = pathlib.Path(os.environ.get("AEROSTAT_BUILD")
                     or pathlib.Path(__file__).resolve().parents[2] / "build")
AEROSTATD = BUILD / "src/daemon/aerostatd"
# Ends a test that hangs; nothing depends on how long things take up to there.
PATIENCE = 30
QEMU = shutil.which("qemu-system-x86_64")


class Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def request(path, method, target, body=None):
    """(status, JSON or text)"""
    connection = Connection(path)
    try:
        data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection.request(method, target, body=data)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.headers.get("Content-Type", "").startswith("application/json") and text:
            return answer.status, json.loads(text)
        return answer.status, text
    finally:
        connection.close()


def wait_for(what, condition):
    """Returns the condition's value once it is true."""
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(0.02)


SAMPLE = re.compile(r'(\w+)(\{\w+="(?:[^"\\\n]|\\["\\n])*"(?:,\w+="(?:[^"\\\n]|\\["\\n])*")*\})? (\S+)$')


def assert_prometheus(test, text):
    """Prometheus' text format, as its parser and its conventions want it."""
    test.assertTrue(text.endswith("\n"))
    helped, types, seen, last = set(), {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            last = line.split(" ", 3)[2]
            test.assertNotIn(last, helped)
            helped.add(last)
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            test.assertEqual(name, last)
            types[name] = kind
            test.assertEqual(kind == "counter", name.endswith("_total"), name)
            continue
        match = SAMPLE.match(line)
        test.assertTrue(match, line)
        name = re.sub("_(bucket|sum|count)$", "", match[1]) if types[last] == "histogram" else match[1]
        test.assertEqual(name, last)
        test.assertRegex(match[1], r"^aerostat_[a-z_]+$")
        float(match[3])
        test.assertNotIn(match.group(1, 2), seen)
        seen.add(match.group(1, 2))
    test.assertEqual(helped, set(types))


class Qemu:
    """A QEMU with a QMP socket for the daemon, and another for the test."""

    def __init__(self, directory, name, balloon=True, size="128M", private=False, extra=()):
        self.socket = directory / f"{name}.sock"
        self.own = directory / f"{name}.own"
        command = [
            QEMU, "-name", name, "-m", size, "-nodefaults", "-display", "none", "-accel", "tcg",
            "-object", f"memory-backend-ram,id=ram,size={size}" if private
            else f"memory-backend-memfd,id=ram,size={size},share=on",
            "-machine", "pc,memory-backend=ram",
            "-qmp", f"unix:{self.socket},server=on,wait=off",
            "-qmp", f"unix:{self.own},server=on,wait=off"]
        command += extra
        if balloon:
            command += ["-device", "virtio-balloon-pci,id=balloon0"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    def command(self, name, **arguments):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(str(self.own))
            lines = sock.makefile("r")
            lines.readline()
            for order in ({"execute": "qmp_capabilities"}, {"execute": name, "arguments": arguments}):
                sock.sendall(json.dumps(order).encode())
                while "return" not in (answer := json.loads(lines.readline())):
                    assert "error" not in answer, answer # else an event
            return answer["return"]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class DaemonTest(unittest.TestCase):
    """Each test gets a directory, and what it started is ended after it, however the test ends."""

    # Fast, so that tests are; a test may add to it or replace it.
    CONFIG = "[policy]\nperiod = 200ms\nstats-period = 1s\n"
    # What does not test pagers runs without them.
    PAGER = "[pager]\nenable = no\n"
    # Where there is no disk below the test's directory, its parent for swap files is elsewhere.
    SWAP_PARENT = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.guests_dir = self.dir / "guests"
        self.guests_dir.mkdir()
        self.socket = self.dir / "api.sock"
        self.config = self.dir / "aerostat.conf"
        self.log_path = self.dir / "log"
        self.daemon = None
        self.addCleanup(self.swapoff)
        self.addCleanup(self.kill)
        if os.environ.get("AEROSTAT_TEST_LOG"):
            self.addCleanup(lambda: print(self.log())) # before what is registered above

    # -- the daemon

    def configure(self, capacity="1G", host="", rest="", log="debug", api=""):
        self.config.write_text(
            f"[host]\ncapacity = {capacity}\nqmp-directory = {self.guests_dir}\n{host}\n"
            f"[api]\nsocket = {self.socket}\n{api}\n[log]\nlevel = {log}\n"
            f"[swap]\ndirectory = {self.SWAP_PARENT or self.dir}/swap\nchunk = 64M\n{self.CONFIG}{self.PAGER}{rest}\n")

    def spawn(self, *arguments, env=None, **options):
        """Starts it without waiting for anything."""
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                [AEROSTATD, "--config", self.config, *arguments], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **(env or {})}, **options)

    def start(self, *arguments, **options):
        if not self.config.exists():
            self.configure()
        self.daemon = self.spawn(*arguments, **options)
        wait_for("the API", self.answers)

    def answers(self):
        self.assertIsNone(self.daemon.poll(), self.log())
        try:
            return request(self.socket, "GET", "/v1/version")[0] == 200
        except OSError:
            return False

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        return self.daemon.wait(PATIENCE)

    def kill(self):
        if self.daemon and self.daemon.poll() is None:
            self.stop(signal.SIGKILL)

    def swapoff(self):
        """What a daemon that was killed has left in use."""
        for line in pathlib.Path("/proc/swaps").read_text().splitlines()[1:]:
            path = line.split()[0]
            if path.startswith(f"{self.SWAP_PARENT or self.dir}/swap/"):
                subprocess.run(["swapoff", path], check=True)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # -- guests

    def fake(self, file="a.sock", **options):
        options.setdefault("name", file.split(".")[0])
        fake = Fake(self.guests_dir / file, **options)
        self.addCleanup(fake.close)
        return fake

    # -- the API

    def get(self, target):
        status, answer = request(self.socket, "GET", target)
        self.assertEqual(status, 200, answer)
        return answer

    def ask(self, method, target, body=None):
        return request(self.socket, method, target, body)

    def guest(self, name):
        return self.get(f"/v1/guests/{name}")

    def guest_is(self, name, **members):
        """The guest once all these members have these values (or fulfil these functions)."""
        def check():
            status, guest = request(self.socket, "GET", f"/v1/guests/{name}")
            if status != 200:
                return None
            for key, wanted in members.items():
                if not (wanted(guest[key]) if callable(wanted) else guest[key] == wanted):
                    return None
            return guest
        return wait_for(f"guest {name} with {members}", check)

    def managed(self, name):
        return self.guest_is(name, reason=lambda reason: reason is not None)

    def events(self, kind=None, guest=None):
        events = self.get("/v1/events")["events"]
        return [e for e in events
                if (kind is None or e["kind"] == kind) and (guest is None or e.get("guest") == guest)]

    def event(self, kind, guest=None, text=""):
        """The first such event, once there is one."""
        found = wait_for(f"event {kind} of {guest} with '{text}'", lambda: [
            e for e in self.events(kind, guest) if text in e["text"]])
        return found[0]

    def served(self, name):
        """Asserts that a healthy guest is looked at and decided upon *now*."""
        polled = self.metric("aerostat_guest_up", name)
        self.assertEqual(polled, 1)
        before = self.get("/v1/host")["decisions_total"]
        wait_for("decisions to go on",
                 lambda: self.get("/v1/host")["decisions_total"] > before + 2)
        wait_for(f"fresh facts of {name}",
                 lambda: self.metric("aerostat_guest_poll_age_seconds", name) < 1.5)

    def metric(self, name, domain=None):
        label = f'{{domain="{domain}"}}' if domain else ""
        for line in self.get("/metrics").splitlines():
            if line.startswith(f"{name}{label} "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}{label}")


__all__ = ["AEROSTATD", "BUILD", "Connection", "DaemonTest", "Fake", "MIB", "PATIENCE", "assert_prometheus", "request",
           "wait_for"]
