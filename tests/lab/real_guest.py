# SPDX-License-Identifier: Apache-2.0
"""A real guest for Python tests: QEMU with the lab's kernel, and the guest program (guest/PROTOCOL.md) that
verifies its memory. What the lab's scenarios can't say is tested with it."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("AEROSTAT_BUILD") or SOURCE / "build")
KERNEL = os.environ.get("AEROSTAT_LAB_KERNEL", str(SOURCE / ".cache/kernel/vmlinuz"))
INITRD = os.environ.get("AEROSTAT_LAB_INITRD", str(BUILD / "guest/initrd.cpio"))
# Ends a test that hangs; nothing depends on how long things take up to there.
PATIENCE = 120


class Lines:
    """JSON lines over a UNIX socket."""

    def __init__(self, path):
        end = time.monotonic() + PATIENCE
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        while True:
            try:
                self.sock.connect(str(path))
                break
            except OSError: # QEMU is not that far
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.lines = self.sock.makefile("r")

    def read(self):
        line = self.lines.readline()
        if not line:
            raise ConnectionError("the other end is gone")
        return json.loads(line)

    def send(self, message):
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def close(self):
        self.lines.close()
        self.sock.close()


class RealGuest:
    """@directory takes its sockets; NAME.sock, for the daemon, lies in @sockets. @kernel: of its command line."""

    def __init__(self, directory, sockets, name, size_mib=160, vcpus=1, balloon=True, driver=True, options=(), kernel="",
                 private=False):
        self.name, self.size = name, size_mib << 20
        self.directory = pathlib.Path(directory)
        self.console = self.directory / f"{name}.console"
        self.agent = self.monitor = None
        self.sent = 0
        command = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
            "-name", f"guest={name}", "-accel", "tcg,thread=multi,tb-size=64", "-cpu", "qemu64",
            "-smp", str(vcpus), "-m", f"{size_mib}M",
            "-object", f"memory-backend-ram,id=ram,size={size_mib}M" if private
            else f"memory-backend-memfd,id=ram,size={size_mib}M,share=on",
            "-machine", "pc,memory-backend=ram", "-kernel", KERNEL, "-initrd", INITRD,
            "-append", "console=ttyS0 loglevel=4 panic=-1 tsc=reliable mitigations=off cryptomgr.notests "
                       f"aerostat_balloon={'yes' if driver else 'no'} {kernel}",
            "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
            "-qmp", f"unix:{pathlib.Path(sockets) / name}.sock,server=on,wait=off",
            "-qmp", f"unix:{self.directory / name}.own,server=on,wait=off",
            "-chardev", f"socket,id=agent,path={self.directory / name}.agent,server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=org.aerostat.agent", *options]
        if balloon:
            command += ["-device", "virtio-balloon-pci,id=balloon"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    def close(self):
        for lines in (self.agent, self.monitor):
            if lines:
                lines.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    # -- QEMU

    def qmp(self, command, **arguments):
        if not self.monitor:
            self.monitor = Lines(f"{self.directory / self.name}.own")
            self.monitor.read()
            self.qmp("qmp_capabilities")
        self.monitor.send({"execute": command, "arguments": arguments})
        while True:
            answer = self.monitor.read()
            if "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")
            if "return" in answer: # else an event
                return answer["return"]

    def migrated(self):
        """Once the migration that was begun is complete."""
        end = time.monotonic() + PATIENCE
        while (state := self.qmp("query-migrate").get("status")) != "completed":
            if state in ("failed", "cancelled") or time.monotonic() > end:
                raise AssertionError(f"migration: {state}")
            time.sleep(0.05)

    # -- the guest program

    def up(self):
        """Waits for the guest program's hello: after the boot, and after a reboot."""
        if not self.agent:
            self.agent = Lines(f"{self.directory / self.name}.agent")
        while "hello" not in self.agent.read():
            pass
        self.sent = 0
        self.order(report_ms=100)
        return self

    def goes_on(self):
        """Takes up the talk with a guest program that was migrated here: it may not have noticed."""
        self.agent = Lines(f"{self.directory / self.name}.agent")
        self.sent = self.agent.read().get("orders", 0)
        return self

    def order(self, **order):
        self.agent.send(order)
        self.sent += 1

    def report(self, condition=lambda report: True):
        """The first report after the last order of which @condition is true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            report = self.agent.read()
            if report.get("orders") == self.sent and condition(report):
                return report
        raise AssertionError(f"guest {self.name}: the awaited report does not come")

    def do(self, **order):
        """Gives an order and waits until it is done."""
        self.order(**order)
        report = self.report(lambda r: not r["busy"])
        if report["error"]:
            raise AssertionError(f"guest {self.name}: {report['error']}")
        return report


class PageMap:
    """The head of a guest's page map (src/pager/map.h)."""

    PID_AT = 16 + 256 + 6 * 8 + 8
    STATES = ("absent", "resident", "zero", "compressed", "swapped")

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def words(self, at, count):
        with open(self.path, "rb") as file:
            file.seek(at)
            return struct.unpack(f"{count}q", file.read(8 * count))

    def pager_pid(self):
        return self.words(self.PID_AT, 1)[0]

    def bytes(self):
        """{state: bytes}"""
        return {state: pages << 12 for state, pages in zip(self.STATES, self.words(self.PID_AT + 8, 5))}

    def out(self):
        pages = self.bytes()
        return pages["zero"] + pages["compressed"] + pages["swapped"]
