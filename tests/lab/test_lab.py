# SPDX-License-Identifier: Apache-2.0
"""aerostat-lab from outside: exit statuses, messages, and that it leaves nothing behind however it ends."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ["AEROSTAT_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
LAB = str(BUILD / "lab" / "aerostat-lab")

SCENARIO = """
[scenario]
capacity = 500M
length = 60s
pager = yes
[guest only]
size = 128M
"""


def lab(*arguments, **options):
    return subprocess.run([LAB, *arguments], capture_output=True, text=True, timeout=60, check=False, **options)


def children(pid):
    """{pid: command} of the direct children."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
        if int(rest.split()[1]) == pid:
            found[int(entry.name)] = name
    return found


def runs(pid):
    """Whether the process is there and is no zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class CommandLine(unittest.TestCase):
    def test_version(self):
        run = lab("--version")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r"^aerostat-lab \d+\.\d+")

    def test_no_scenario(self):
        run = lab()
        self.assertEqual(run.returncode, 2)
        self.assertIn("one scenario file is needed", run.stderr)

    def test_unknown_option(self):
        self.assertEqual(lab("--fast", "x.ini").returncode, 2)

    def test_missing_file(self):
        run = lab("/nowhere/x.ini")
        self.assertEqual(run.returncode, 2)
        self.assertIn("/nowhere/x.ini", run.stderr)

    def test_wrong_scenario(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            file.write(SCENARIO + "colour = blue\n")
            file.flush()
            run = lab("--check", file.name)
        self.assertEqual(run.returncode, 2)
        self.assertIn(f"{file.name}:8: [guest only] colour: unknown key; allowed are size", run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 1)

    def test_shipped_scenarios_are_right(self):
        scenarios = sorted([*(SOURCE / "lab" / "scenarios").glob("*.ini"), *(SOURCE / "bench").glob("*.ini")])
        self.assertGreaterEqual(len(scenarios), 9)
        for path in scenarios:
            with self.subTest(path.name):
                run = lab("--check", str(path))
                self.assertEqual(run.returncode, 0, run.stderr)

    def test_manual_knows_every_goal_and_key(self):
        manual = (SOURCE / "docs" / "aerostat-scenario.5.scd").read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            for section, key in (("expect", "x"), ("guest only2", "x"), ("scenario", "x")):
                body = SCENARIO if section != "scenario" else "[guest only]\nsize = 128M\n"
                file.seek(0)
                file.truncate()
                file.write(f"{body}[{section}]\n{key} = 1\n")
                file.flush()
                message = lab("--check", file.name).stderr
                self.assertIn("allowed are ", message)
                for word in message.split("allowed are ")[1].strip().split(", "):
                    word = word.replace(".GUEST", "").replace("[]", "").replace("[.GUEST]", "")
                    self.assertIn(f"*{word.replace('.N', '.')}", manual)


class Ends(unittest.TestCase):
    """However the lab ends: QEMU goes with it, and so does its directory."""

    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)
        self.scenario = pathlib.Path(self.tmp.name) / "x.ini"
        self.scenario.write_text(SCENARIO)

    def directories(self):
        return list(pathlib.Path(self.tmp.name).glob("aerostat-lab-*"))

    @staticmethod
    def memory_directories(pid):
        return list(pathlib.Path("/dev/shm").glob(f"aerostat-lab-{pid}-*"))

    def start(self):
        """The lab and its QEMU, which is at work."""
        process = subprocess.Popen([LAB, "--no-manager", "-q", str(self.scenario)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.tmp.name})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        qemu = wait_for(lambda: [p for p, name in children(process.pid).items() if name.startswith("qemu")])
        self.assertEqual(len(self.directories()), 1)
        self.assertEqual(len(self.memory_directories(process.pid)), 1)
        return process, qemu[0]

    def end_by(self, number):
        process, qemu = self.start()
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 3)
        self.assertIn("interrupted", errors)
        self.assertFalse(runs(qemu))
        self.assertEqual(self.directories(), [])
        self.assertEqual(self.memory_directories(process.pid), [])

    def test_sigint(self):
        self.end_by(signal.SIGINT)

    def test_sigterm(self):
        self.end_by(signal.SIGTERM)

    def test_kill_and_next_run(self):
        process, qemu = self.start()
        process.kill()
        process.communicate()
        wait_for(lambda: not runs(qemu))
        self.assertEqual(len(self.directories()), 1)
        self.end_by(signal.SIGTERM)
        self.assertEqual(self.memory_directories(process.pid), [])

    def test_daemon_that_refuses_its_configuration(self):
        self.scenario.write_text(SCENARIO + "[daemon]\npolicy.period = soon\n")
        run = lab(str(self.scenario), env={**os.environ, "TMPDIR": self.tmp.name})
        self.assertEqual(run.returncode, 3)
        self.assertIn("ended at once", run.stderr)
        self.assertIn("soon", run.stderr)
        self.assertEqual(self.directories(), [])

    def test_guest_that_dies_while_it_boots(self):
        process, qemu = self.start()
        os.kill(qemu, signal.SIGKILL)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 3)
        self.assertIn("guest only ended while it booted", errors)
        self.assertEqual(self.directories(), [])


# Asks for less by the manager's socket, and looks by the spare one.
PEER = """
import json, os, socket, sys, time
def ask(path, *orders):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.path.join(os.environ["AEROSTAT_LAB_GUESTS"], path))
        lines = sock.makefile("r")
        lines.readline()
        for order in ({"execute": "qmp_capabilities"}, *orders):
            sock.sendall(json.dumps(order).encode())
            while "return" not in (answer := json.loads(lines.readline())):
                pass
        return answer["return"]
assert os.environ["AEROSTAT_LAB_CAPACITY"] == str(500 << 20)
ask("only.sock", {"execute": "balloon", "arguments": {"value": 112 << 20}})
assert ask("only.spare", {"execute": "query-balloon"})["actual"] <= 128 << 20
time.sleep(1000)
"""


class Peer(unittest.TestCase):
    """Another manager in the daemon's place."""

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.directory / "peer.py").write_text(PEER)
        (self.directory / "x.ini").write_text(SCENARIO.replace("length = 60s", "length = 10s"))

    def run_lab(self, command):
        return lab("-q", "--json", str(self.directory / "x.json"), "--manager", command, str(self.directory / "x.ini"),
                   env={**os.environ, "TMPDIR": str(self.directory)})

    def peer_runs(self):
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if f"{self.directory}/peer.py".encode() in path.read_bytes():
                    return True
            except OSError: # gone meanwhile
                pass
        return False

    def test_its_balloons_are_recorded(self):
        run = self.run_lab(f"{sys.executable} {self.directory}/peer.py & wait")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, rf"QMP sockets: {self.directory}/aerostat-lab-.*/guests/NAME.sock")
        samples = json.loads((self.directory / "x.json").read_text())["samples"]
        self.assertLess(min(sample["guests"]["only"]["granted"] for sample in samples), 128 << 20)
        self.assertGreater(max(sample["guests"]["only"]["cpu_s"] for sample in samples), 0)
        self.assertFalse(self.peer_runs())

    def test_one_that_ends_is_trouble(self):
        run = self.run_lab("echo no such rules; exit 1")
        self.assertEqual(run.returncode, 3)
        self.assertIn("the manager has ended by itself: no such rules", run.stderr)


if __name__ == "__main__":
    unittest.main()
