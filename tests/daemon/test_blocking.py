# SPDX-License-Identifier: Apache-2.0
"""Guests that are held for a moment: never longer than said, and never because who held them is gone."""

import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from fakes.fake_qmp import MIB, Fake
from harness import BUILD, PATIENCE, QEMU, Qemu, wait_for

BLOCKER = BUILD / "tests/daemon/test-daemon-blocker"
# A guest runs again within this after the daemon was killed.
RESCUE = 2


class Blocker:
    """The daemon's part that holds guests."""

    def __init__(self, directory, guests):
        self.process = subprocess.Popen([BLOCKER, directory, guests], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.answers = queue.Queue()
        self.events = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            document = json.loads(line)
            if "event" in document:
                self.events.append(document["event"])
            else:
                self.answers.put(document)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answers.get(timeout=PATIENCE)

    def hold(self, name, msec):
        return self.ask(f"hold {name} {msec}")["held"]

    def look(self, name):
        return self.ask(f"look {name}")

    def event(self, text):
        return wait_for(f"event '{text}'", lambda: [e for e in self.events if text in e])[0]

    def end(self):
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        status = self.process.wait(PATIENCE)
        self.close()
        return status

    def kill(self):
        self.process.kill()
        self.close()
        return time.monotonic()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class BlockingTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.guests = self.dir / "guests"
        self.guests.mkdir()
        self.held = self.dir / "held"
        self.addCleanup(self.no_guardian_is_left)
        self.blocker = None

    def start(self):
        blocker = Blocker(self.held, self.guests)
        self.addCleanup(blocker.close)
        self.blocker = blocker
        return blocker

    def guardians(self):
        """Of this test: the record's directory is on their command line."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--guardian" in words and str(self.held).encode() in words:
                found.append(int(path.parent.name))
        return found

    def no_guardian_is_left(self):
        wait_for("the guardians to end", lambda: not self.guardians())

    def records(self):
        return list(self.held.glob("*")) if self.held.exists() else []

    def fake(self, name="a", **options):
        fake = Fake(self.guests / f"{name}.sock", name=name, single=True, **options)
        self.addCleanup(fake.close)
        return fake

    def ready(self, *names):
        for name in names:
            wait_for(f"guest {name}", lambda: self.blocker.look(name)["known"])

    def one(self, **options):
        fake = self.fake(**options)
        self.start()
        self.ready("a")
        return fake

    def held_now(self, fake, name="a"):
        wait_for("the guest to be stopped", lambda: not fake.get()["running"])
        self.assertTrue(self.blocker.look(name)["holds"])

    def free(self, name="a"):
        return wait_for("the hold to end", lambda: not (look := self.blocker.look(name))["holds"] and look)


class Slices(BlockingTest):
    def test_slice(self):
        """Not shorter, hardly longer, counted, and nothing is left of it."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 300))
        self.held_now(fake)
        self.assertEqual(len(self.records()), 1)
        self.assertEqual(self.blocker.look("a")["count"], 1)
        self.assertFalse(self.blocker.hold("a", 5000)) # no second one within it
        look = self.free()
        (stop, first), (cont, second) = fake.get()["history"]
        self.assertEqual((first, second), ("stop", "cont"))
        self.assertGreaterEqual(cont - stop, 0.25)
        self.assertLess(cont - stop, 1.5) # on a machine that is very busy
        self.assertEqual((look["times"], look["count"], self.records()), (1, 0, []))
        self.assertGreaterEqual(look["total"], 250_000)
        self.assertLess(look["total"], 2_000_000)
        self.assertTrue(fake.get()["running"])

    def test_series_is_summed_up(self):
        fake = self.one()
        for _ in range(3):
            self.assertTrue(self.blocker.hold("a", 30))
            self.free()
        self.assertEqual(self.blocker.look("a")["times"], 3)
        self.assertEqual(len(fake.get()["history"]), 6)
        self.blocker.event("was blocked 3 times")
        self.assertEqual(len(self.blocker.events), 1)

    def test_several(self):
        fakes = {name: self.fake(name) for name in "abc"}
        self.start()
        self.ready("a", "b", "c")
        for name in fakes:
            self.assertTrue(self.blocker.hold(name, 200))
        self.assertEqual(self.blocker.look("a")["count"], 3)
        for name, fake in fakes.items():
            self.free(name)
            self.assertTrue(fake.get()["running"])
        self.assertEqual(self.records(), [])

    def test_released_before_its_time(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        self.blocker.ask("release a")
        self.free()
        self.assertTrue(fake.get()["running"])
        self.assertTrue(self.blocker.hold("a", 60000))
        self.blocker.ask("release a") # while the stop is on its way
        self.free()
        self.assertTrue(fake.get()["running"])
        self.blocker.ask("release a")
        self.assertEqual(([what for _, what in fake.get()["history"]], self.records()),
                         (["stop", "cont"] * 2, []))


class NotOurs(BlockingTest):
    def test_paused_by_an_operator(self):
        fake = self.one(running=False)
        self.assertFalse(self.blocker.hold("a", 50))
        self.assertEqual(fake.get()["history"], [])
        self.assertEqual((self.blocker.look("a")["total"], self.records()), (0, []))

    def test_paused_behind_our_back(self):
        """The operator was first, and we do not know it yet."""
        fake = self.one()
        fake.order({"silently": {"running": False}})
        self.blocker.hold("a", 50)
        self.free()
        self.assertEqual(fake.get()["history"], [])
        self.assertFalse(fake.get()["running"])

    def test_continued_by_an_operator(self):
        """The slice is over then; what he does after that is his."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        fake.set(running=True)
        self.free()
        self.blocker.event("somebody else has let it go on")
        fake.set(running=False)
        wait_for("that to be seen", lambda: not self.blocker.look("a")["running"])
        self.assertEqual([what for _, what in fake.get()["history"]], ["stop", "cont", "stop"])

    def test_migrating(self):
        """It would arrive stopped."""
        fake = self.one(migrate="active")
        self.blocker.hold("a", 50)
        self.free()
        self.blocker.event("it is being migrated: active")
        self.assertEqual((fake.get()["history"], self.blocker.look("a")["total"]), ([], 0))

    def test_migrated_meanwhile(self):
        """Its double runs on another host."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 300))
        self.held_now(fake)
        fake.set(status="postmigrate")
        self.free()
        self.blocker.event("left as it is now: QEMU is in state postmigrate")
        self.assertEqual([what for _, what in fake.get()["history"]], ["stop"])

    def test_reset_meanwhile(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 200))
        self.held_now(fake)
        fake.set(status="prelaunch")
        self.free()
        self.assertTrue(fake.get()["running"])


class Pagers(BlockingTest):
    """A guest whose pages can't be read back is stopped for that, whatever we do."""

    def test_stopped_before(self):
        self.one()
        for does in ("stops", "stopped"):
            self.blocker.ask(f"pager a {does}")
            self.assertFalse(self.blocker.hold("a", 50))
        self.blocker.ask("pager a no")
        self.assertTrue(self.blocker.hold("a", 50))
        self.free()

    def test_stopped_meanwhile(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 500))
        self.held_now(fake)
        self.blocker.ask("pager a stopped")
        self.free()
        self.blocker.event("it stays stopped")
        self.assertEqual(([what for _, what in fake.get()["history"]], self.records()), (["stop"], []))

    def test_not_stopped_after_all(self):
        """While it is not known what came of the pager's stop, nothing is sent."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 200))
        self.held_now(fake)
        self.blocker.ask("pager a stops")
        time.sleep(0.5) # past the slice; nothing depends on it
        self.assertFalse(fake.get()["running"])
        self.blocker.ask("pager a no")
        self.free()
        self.assertTrue(fake.get()["running"])


class BadMonitors(BlockingTest):
    def test_stop_refused(self):
        fake = self.one(refuse=["stop"])
        self.assertTrue(self.blocker.hold("a", 50))
        self.free()
        self.assertTrue(fake.get()["running"])
        self.blocker.event("could not be: the fake does not want to")
        self.assertFalse(self.blocker.hold("a", 50)) # a pause
        self.assertEqual(self.records(), [])

    def test_stop_unanswered(self):
        """It was carried out: the guest is let go on over a new connection."""
        fake = self.one(mute=["stop"])
        self.assertTrue(self.blocker.hold("a", 50))
        self.held_now(fake)
        self.free()
        self.assertTrue(fake.get()["running"])
        self.assertEqual(self.records(), [])

    def test_cont_refused(self):
        fake = self.one(refuse=["cont"])
        self.assertTrue(self.blocker.hold("a", 50))
        self.blocker.event("could not be let go on, and that is tried again")
        self.assertTrue(self.blocker.look("a")["holds"])
        self.assertEqual(len(self.records()), 1)
        fake.set(refuse=[])
        self.free()
        self.assertTrue(fake.get()["running"])
        self.blocker.event("not blocked any more, after")
        self.assertEqual(len(self.blocker.events), 2) # not one for each try

    def test_silent_at_cont(self):
        """QEMU is stopped itself for a while: its guest goes on when it is there again."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 200))
        self.held_now(fake)
        fake.signal(signal.SIGSTOP)
        self.blocker.event("could not be let go on")
        fake.signal(signal.SIGCONT)
        self.free()
        self.assertTrue(fake.get()["running"])

    def test_cont_unanswered(self):
        fake = self.one(mute=["cont"])
        self.assertTrue(self.blocker.hold("a", 50))
        self.free()
        self.assertTrue(fake.get()["running"])

    def test_ends_while_held(self):
        fake = self.one()
        self.fake("b")
        self.ready("b")
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        fake.close()
        wait_for("it to be forgotten", lambda: not self.blocker.look("a")["known"])
        self.assertEqual(self.blocker.look("b")["count"], 0)
        wait_for("its record to go", lambda: not self.records())
        self.assertTrue(self.blocker.hold("b", 50))
        self.free("b")

    def test_not_ours_any_more_while_held(self):
        """A new configuration names another directory: somebody must let the guest go on."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        elsewhere = self.dir / "elsewhere"
        elsewhere.mkdir()
        self.assertEqual(self.blocker.ask(f"watch {elsewhere}")["count"], 0)
        wait_for("the guest to run", lambda: fake.get()["running"])
        wait_for("its record to go", lambda: not self.records())


class TheEnd(BlockingTest):
    def test_clean_end(self):
        """All go on, the guardian goes."""
        fakes = [self.fake(name) for name in "ab"]
        self.start()
        self.ready("a", "b")
        for name in "ab":
            self.assertTrue(self.blocker.hold(name, 60000))
        self.held_now(fakes[0])
        self.assertEqual(len(self.guardians()), 1)
        self.assertEqual(self.blocker.end(), 0)
        for fake in fakes:
            self.assertTrue(fake.get()["running"])
        self.assertEqual(self.records(), [])
        self.no_guardian_is_left()

    def rescued(self, fake, killed):
        wait_for("the guest to run", lambda: fake.get()["running"])
        self.assertLess(fake.get()["history"][-1][0] - killed, RESCUE)

    def test_killed(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        self.rescued(fake, self.blocker.kill())
        self.no_guardian_is_left()
        self.assertEqual(self.records(), [])

    def test_killed_while_nobody_is_held(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 20))
        self.free()
        fake.set(running=False) # an operator
        self.blocker.kill()
        self.no_guardian_is_left()
        self.assertFalse(fake.get()["running"])

    def test_guardian_is_replaced(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 20))
        self.free()
        first = self.guardians()
        self.assertEqual(len(first), 1)
        os.kill(first[0], signal.SIGKILL)
        wait_for("its end", lambda: not self.guardians())
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        self.rescued(fake, self.blocker.kill())

    def kill_both(self):
        """The daemon and its guardian; the guest stays held."""
        for pid in self.guardians():
            os.kill(pid, signal.SIGKILL)
        self.blocker.kill()

    def test_next_daemon(self):
        """...lets it go on where the guardian could not."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        self.kill_both()
        self.assertFalse(fake.get()["running"])
        self.start()
        wait_for("the guest to run", lambda: fake.get()["running"])
        wait_for("its record to go", lambda: not self.records())

    def test_next_daemon_does_not_know_it(self):
        """Its socket is in another directory by now: then it is a guardian."""
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        self.kill_both()
        self.guests = self.dir / "elsewhere"
        self.guests.mkdir()
        self.start()
        wait_for("the guest to run", lambda: fake.get()["running"])

    def test_rescue_of_a_silent_one(self):
        fake = self.one()
        self.assertTrue(self.blocker.hold("a", 60000))
        self.held_now(fake)
        fake.signal(signal.SIGSTOP)
        self.blocker.kill()
        time.sleep(0.2) # some tries in vain; nothing depends on it
        fake.signal(signal.SIGCONT)
        wait_for("the guest to run", lambda: fake.get()["running"])
        self.no_guardian_is_left()

    def test_strange_records(self):
        """What is no record is removed and harms nobody; nor does one of a process that is gone."""
        self.held.mkdir(mode=0o700)
        (self.held / "1.held").write_text("this is none\n")
        (self.held / "2.held").write_bytes(b"\0\xff" * 100)
        (self.held / "3.held").write_text("2147483646 17\n/nowhere\n")
        (self.held / "4.held.ABCDEF").write_text("half")
        fake = self.one()
        wait_for("the records to go", lambda: not self.records())
        self.assertTrue(self.blocker.hold("a", 50))
        self.free()
        self.assertEqual((self.records(), fake.get()["running"]), ([], True))

    def test_directory_of_others(self):
        """Without a safe record nobody is held."""
        self.held.mkdir()
        self.held.chmod(0o777)
        fake = self.one()
        self.assertFalse(self.blocker.hold("a", 50))
        self.assertEqual(fake.get()["history"], [])


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
class RealQemu(BlockingTest):
    def setUp(self):
        super().setUp()
        self.qemu = Qemu(self.guests, "a", size="64M")
        self.addCleanup(self.qemu.close)
        self.start()
        self.ready("a")

    def status(self):
        return self.qemu.command("query-status")["status"]

    def test_slice(self):
        self.assertTrue(self.blocker.hold("a", 1000))
        wait_for("it to be paused", lambda: self.status() == "paused")
        look = self.free()
        self.assertEqual(self.status(), "running")
        self.assertGreaterEqual(look["total"], 900_000)

    def test_killed(self):
        self.assertTrue(self.blocker.hold("a", 60000))
        wait_for("it to be paused", lambda: self.status() == "paused")
        killed = self.blocker.kill()
        wait_for("it to run", lambda: self.status() == "running")
        self.assertLess(time.monotonic() - killed, RESCUE)
        self.no_guardian_is_left()

    def test_operators_pause(self):
        self.qemu.command("stop")
        wait_for("that to be seen", lambda: not self.blocker.look("a")["running"])
        self.assertFalse(self.blocker.hold("a", 50))
        self.qemu.command("cont")
        wait_for("that to be seen", lambda: self.blocker.look("a")["running"])
        self.assertTrue(self.blocker.hold("a", 60000))
        wait_for("it to be paused", lambda: self.status() == "paused")
        self.qemu.command("cont")
        self.free()
        self.blocker.event("somebody else has let it go on")

    def test_reset_while_held(self):
        self.assertTrue(self.blocker.hold("a", 500))
        wait_for("it to be paused", lambda: self.status() == "paused")
        self.qemu.command("system_reset")
        self.free()
        self.assertEqual(self.status(), "running")
