# SPDX-License-Identifier: Apache-2.0
"""How the daemon looks after pagers: fake ones, which refuse, die, hang and lie at will."""

import json
import os
import pathlib
import shutil
import signal
import tempfile

from harness import MIB, DaemonTest, wait_for

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "fakes/fake_pager.py"
HELD = 4


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class PagerTest(DaemonTest):
    def setUp(self):
        super().setUp()
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-", dir="/dev/shm"))
        self.swap = self.dir / "swap"
        self.fakes = self.dir / "pagers"
        self.fakes.mkdir()
        os.environ["AEROSTAT_FAKE_PAGER"] = str(self.fakes)
        self.addCleanup(shutil.rmtree, self.memory)
        self.addCleanup(self.end_pagers)
        self.set_pager()

    def set_pager(self, **keys):
        keys = {"program": PROGRAM, "memory_directory": self.memory, "swap_directory": self.swap, **keys}
        self.PAGER = "[pager]\n" + "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in keys.items())

    def end_pagers(self):
        """Those whose guests still live."""
        self.kill()
        for log in self.fakes.glob("*.log"):
            for line in self.log_of(log.stem):
                if "start" in line and alive(line["start"]):
                    os.kill(line["start"], signal.SIGKILL)

    def do(self, name, **options):
        draft = self.fakes / "draft"
        draft.write_text(json.dumps(options), encoding="utf-8")
        draft.rename(self.fakes / f"{name}.do")

    def log_of(self, name):
        try:
            text = (self.fakes / f"{name}.log").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def starts(self, name):
        return [line for line in self.log_of(name) if "start" in line]

    def orders(self, name, verb):
        return [line for line in self.log_of(name) if line.get("order") == verb]

    def ordered(self, name, verb, **values):
        """Once the last order of that verb has these values."""
        def check():
            last = self.orders(name, verb)[-1:]
            return last and all(last[0][k] == v for k, v in values.items())
        wait_for(f"order {verb} {values} to {name}", check)

    def pager_is(self, name, **members):
        def fits(pager):
            return pager is not None and all(
                wanted(pager[k]) if callable(wanted) else pager[k] == wanted
                for k, wanted in members.items())
        return self.guest_is(name, pager=fits)["pager"]

    def serves(self, name, **members):
        return self.pager_is(name, **{"standing": "serves", "pid": lambda pid: pid, **members})

    def files(self, name="a"):
        return sorted(p.name for d in (self.memory, self.swap) if d.exists() for p in d.iterdir()
                      if p.name.startswith(name))

    def reload(self, **keys):
        self.set_pager(**keys)
        self.configure()
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)


class Life(PagerTest):
    def test_begins(self):
        fake = self.fake("a.sock", used=100 * MIB)
        self.configure(rest='[vm "a"]\nreservation = 56M\n')
        self.start()
        pager = self.serves("a")
        start = self.starts("a")[0]
        self.assertEqual((start["pid"], start["ram_size"], start["swap_size"], pager["pid"]),
                         (fake.pid, 256 * MIB, 200 * MIB, start["start"]))
        status = (self.swap / "a.swap").stat()
        self.assertEqual((status.st_size, status.st_mode & 0o777), (200 * MIB, 0o600))
        self.assertGreaterEqual(status.st_blocks * 512, 200 * MIB)
        self.ordered("a", "cache", value=int(25.6 * MIB) // 4096 * 4096)
        self.ordered("a", "sample", value=100, value2=30_000_000)
        self.ordered("a", "evicting", value=1)
        self.assertEqual(self.orders("a", "allow"), []) # nobody is short of memory
        self.assertEqual(os.getsid(pager["pid"]), pager["pid"])
        self.event("guest-pager", "a", "serves it")

    def test_killed(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        for n in range(1, 4):
            pid = self.serves("a", takeovers=n - 1)["pid"]
            os.kill(pid, signal.SIGKILL)
            self.serves("a", pid=lambda new, old=pid: new not in (None, old), takeovers=n)
        self.event("guest-pager", "a", "killed")
        self.assertEqual(len(self.starts("a")), 4)

    def test_daemon_killed(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.serves("a")["pid"], pid)
        self.assertEqual(len(self.starts("a")), 1)
        # It is watched as one that was started here.
        os.kill(pid, signal.SIGKILL)
        self.serves("a", pid=lambda new: new != pid, takeovers=1)

    def test_both_killed(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        self.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: not alive(pid))
        self.start()
        self.serves("a", takeovers=1)

    def test_guest_ends(self):
        fake = self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        fake.close()
        wait_for("no files", lambda: not self.files())
        wait_for("no pager", lambda: not alive(pid))
        wait_for("no guest", lambda: self.ask("GET", "/v1/guests/a")[0] == 404)

    def test_guest_ends_without_its_pager(self):
        """Both are killed at once, and while no daemon looks."""
        fake = self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        self.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        fake.close()
        self.assertEqual(self.files(), ["a.cache", "a.map", "a.sock", "a.swap"])
        wait_for("its end", lambda: not alive(pid))
        self.start()
        wait_for("no files", lambda: not self.files())

    def test_monitor_goes(self):
        """A guest whose monitor is gone still needs its pages."""
        fake = self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        fake.signal(signal.SIGSTOP) # nor does it accept a new connection
        (self.guests_dir / "a.sock").unlink()
        self.guest_is("a", link="silent")
        os.kill(pid, signal.SIGKILL)
        wait_for("a new pager", lambda: len(self.starts("a")) == 2)

    def test_ends_again_and_again(self):
        self.do("a", begin="fail")
        self.fake("a.sock", used=100 * MIB)
        self.start()
        wait_for("tries", lambda: len(self.starts("a")) >= 4)
        self.pager_is("a", standing="missing", error=lambda error: "exit status 1" in error)
        self.served("a")
        self.do("a", begin="ready")
        self.serves("a")

    def test_observe_mode(self):
        self.fake("a.sock", used=100 * MIB)
        self.configure(host="mode = observe")
        self.start()
        self.managed("a")
        self.served("a")
        self.assertIsNone(self.guest("a")["pager"])
        self.assertEqual(self.files(), [])


class Refusal(PagerTest):
    def test_refused(self):
        self.do("a", begin="refuse", text="its memory is locked; start it without mem-lock")
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pager = self.pager_is("a", standing="refused")
        self.assertEqual(pager["error"], "its memory is locked; start it without mem-lock")
        self.event("guest-pager", "a", "mem-lock")
        self.served("a")
        self.assertEqual(len(self.starts("a")), 1) # it is of no use to try again...
        self.assertEqual(self.files(), [])
        self.do("a", begin="ready")
        self.reload() # ...until something is different
        self.serves("a")

    def test_busy(self):
        self.do("a", begin="busy")
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.pager_is("a", standing="missing", error="another pager has it")
        self.served("a")
        self.assertEqual(len(self.starts("a")), 1)

    def test_disk_is_full(self):
        size = 8 << 40 # there is none of this size here
        self.fake("a.sock", size=size, used=100 * MIB)
        self.configure(capacity="100T")
        self.start()
        pager = self.pager_is("a", standing="refused")
        self.assertRegex(pager["error"], r"swap file .*a\.swap: 8T (can't be reserved|are more)")
        self.assertEqual((self.files(), self.starts("a")), ([], []))
        self.served("a")
        # As much less as it reserves.
        self.assertEqual(self.ask("PATCH", "/v1/guests/a", {"reservation": size - 100 * MIB})[0], 200)
        self.serves("a")

    def test_reserved_beyond_capacity(self):
        self.fake("a.sock", used=100 * MIB)
        self.configure(capacity="256M", rest='[vm "a"]\nreservation = 250M\n')
        self.start()
        pager = self.pager_is("a", standing="refused")
        self.assertIn("do not fit the capacity of 256 MiB", pager["error"])
        self.assertEqual(self.files(), [])
        self.served("a")

    def test_swap_directory_in_memory(self):
        self.fake("a.sock", used=100 * MIB)
        self.set_pager(swap_directory=self.memory / "swap")
        self.start()
        self.assertIn("on tmpfs", self.pager_is("a", standing="refused")["error"])
        self.served("a")

    def test_no_program(self):
        self.fake("a.sock", used=100 * MIB)
        self.set_pager(program="/nonexistent/pager")
        self.start()
        self.assertIn("can't be started", self.pager_is("a", standing="refused")["error"])
        self.assertEqual(self.files(), [])
        self.served("a")

    def test_two_of_one_name(self):
        first = self.fake("a.sock", used=20 * MIB)
        self.start()
        self.serves("a")
        second = self.fake("b.sock", name="a", used=20 * MIB)
        name = f"a@{second.pid}"
        self.serves(name)
        self.assertEqual({self.starts("a")[0]["pid"], self.starts(name)[0]["pid"]}, {first.pid, second.pid})


class Settings(PagerTest):
    def gone(self, name, pid):
        wait_for("its pager's end", lambda: not alive(pid) and not self.files())
        wait_for("no pager", lambda: self.guest(name)["pager"] is None)
        self.assertEqual(self.orders(name, "detach"), [{"order": "detach", "value": 0, "value2": 0}])
        self.assertEqual(self.log_of("release")[-1]["fd"], 77)
        self.served(name)

    def test_not_wanted(self):
        self.fake("a.sock", used=100 * MIB)
        self.fake("b.sock", used=100 * MIB)
        self.fake("c.sock", used=100 * MIB)
        self.configure(rest='[vm "a"]\npager = no\n[vm "c"]\nexempt = yes\n')
        self.start()
        self.serves("b")
        self.served("a")
        self.assertEqual((self.guest("a")["pager"], self.guest("c")["pager"]), (None, None))

    def test_switched_off_and_on(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        self.assertEqual(self.ask("PATCH", "/v1/guests/a", {"pager": False})[0], 200)
        self.gone("a", pid)
        self.assertEqual(self.ask("PATCH", "/v1/guests/a", {"pager": None})[0], 200)
        self.serves("a")

    def test_reload_without(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        self.reload(enable="no")
        self.gone("a", pid)

    def test_restarted_without(self):
        """A daemon that is to have no pagers brings back what another has put out."""
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        self.stop()
        self.assertTrue(alive(pid))
        self.set_pager(enable="no")
        self.configure()
        self.start()
        self.gone("a", pid)

    def test_reload_with_other_figures(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.reload(cache="0.5", sample_pages=7, sample_window="5s")
        self.ordered("a", "cache", value=128 * MIB)
        self.ordered("a", "sample", value=7, value2=5_000_000)


class Orders(PagerTest):
    def test_shortage(self):
        """A guest without a balloon gives through its pager what it has above its entitlement."""
        self.do("a", figures={"pages": [1 << 14, 3 << 14, 0, 0, 0]})
        self.fake("a.sock", used=192 * MIB, device=False)
        self.start()
        self.serves("a")
        self.do("a")
        self.configure(capacity="150M", host="minfree = 20M")
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        pager = self.serves("a", allowed=lambda allowed: allowed and allowed < 140 * MIB)
        self.assertGreater(pager["bytes"]["swapped"], 52 * MIB)
        self.guest_is("a", resident=lambda resident: resident < 140 * MIB)
        decisions = [e for e in self.events("decision", "a") if e["mechanism"] == "swap"]
        self.assertEqual((decisions[0]["from"], decisions[0]["enacted"]), ((1 << 64) - 1, True))
        self.assertLess(decisions[0]["to"], 140 * MIB)
        # A pager that takes over is told the same.
        os.kill(pager["pid"], signal.SIGKILL)
        self.serves("a", takeovers=1)
        wait_for("the order again", lambda: len(self.orders("a", "allow")) > 1)

    def test_park(self):
        self.do("a", figures={"pages": [0, 1 << 16, 0, 0, 0]})
        self.fake("a.sock", used=200 * MIB)
        self.start()
        self.serves("a", bytes=lambda b: b["resident"] == 256 * MIB)
        self.do("a") # from here on figures are its own
        self.assertEqual(self.ask("POST", "/v1/guests/a/park")[0], 200)
        self.event("guest-pager", "a", "parked: ")
        self.ordered("a", "sample", value=0)
        self.serves("a", parked=True)
        self.assertEqual(self.ask("POST", "/v1/guests/a/unpark")[0], 200)
        self.event("guest-pager", "a", "unparked: 0 are out")
        self.ordered("a", "sample", value=100)

    def test_park_without(self):
        self.fake("a.sock", used=100 * MIB)
        self.set_pager(enable="no")
        self.start()
        self.managed("a")
        status, answer = self.ask("POST", "/v1/guests/a/park")
        self.assertEqual(status, 409)
        self.assertIn("has no pager", answer["error"]["message"])

    def test_samples(self):
        """They replace the guest's statistics."""
        self.do("a", figures={"pages": [0, 1 << 16, 0, 0, 0], "sample_windows": 3, "window_permille": 250})
        self.fake("a.sock", used=250 * MIB)
        self.start()
        guest = self.guest_is("a", activity=lambda activity: activity["source"] == "sampled")
        self.assertAlmostEqual(guest["active"], 64 * MIB, delta=MIB)

    def test_processors(self):
        """It is told which threads they are, anew when it was replaced."""
        self.fake("a.sock", used=100 * MIB, cpus=3)
        self.start()
        self.serves("a")
        for times in (1, 2):
            wait_for("told", lambda: len(self.orders("a", "cpus")) == times)
            self.assertEqual(self.orders("a", "cpus")[-1]["cpus"], [1000, 1001, 1002])
            os.kill(self.serves("a")["pid"], signal.SIGKILL)

    def test_does_not_answer(self):
        """It is said; not for ever, one that comes round goes on."""
        self.set_pager(stuck_limit=0)
        self.configure()
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pid = self.serves("a")["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.serves("a", error=lambda error: error and "does not answer" in error)
        os.kill(pid, signal.SIGCONT)
        self.event("guest-pager", "a", "answers again")
        self.serves("a", pid=pid, error=None, takeovers=0)

    def test_device_appears(self):
        fake = self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a", evicting=True)
        disk = self.dir / "disk"
        disk.write_bytes(bytes(4096))
        fake.set(direct=str(disk))
        pager = self.serves("a", evicting=False)
        self.assertIn("O_DIRECT", pager["error"])
        self.ordered("a", "evicting", value=0)
        status, answer = self.ask("POST", "/v1/guests/a/park")
        self.assertEqual(status, 409, answer)
        fake.set(direct=None)
        self.serves("a", evicting=True, error=None)
        self.ordered("a", "evicting", value=1)

    def test_held(self):
        """A guest whose page can't be read back stands still until it can."""
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.do("a", figures={"held_pages": 1, "held_page": 5, "held_errno": 5},
                say=[HELD, "page 5 can't be read"])
        self.guest_is("a", running=False)
        pager = self.serves("a", stopped=True)
        self.assertIn("Input/output error", pager["error"])
        self.assertEqual(pager["held"], {"pages": 1, "offset": 5 * 4096, "error": "Input/output error"})
        self.event("guest-pager", "a", "page 5 can't be read")
        self.do("a", figures={"held_pages": 0})
        self.guest_is("a", running=True)
        self.serves("a", stopped=False, error=None)

    def test_held_over_a_restart(self):
        """The next daemon knows that it was stopped for that, and lets it go on."""
        fake = self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.do("a", figures={"held_pages": 1, "held_errno": 5})
        self.serves("a", stopped=True)
        self.stop(signal.SIGKILL)
        self.start()
        self.serves("a", stopped=True, error=lambda error: error and "is stopped until they can" in error)
        self.assertFalse(fake.get()["running"])
        self.do("a", figures={"held_pages": 0})
        self.serves("a", stopped=False, error=None)
        self.guest_is("a", running=True)
        self.ordered("a", "note-stop", value=0)

    def test_held_over_a_restart_and_continued(self):
        """Somebody was there meanwhile; when he stops it again, that is his affair."""
        fake = self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.do("a", figures={"held_pages": 1, "held_errno": 5})
        self.serves("a", stopped=True)
        self.stop(signal.SIGKILL)
        self.do("a", figures={"held_pages": 0})
        fake.set(running=True)
        self.start()
        self.ordered("a", "note-stop", value=0)
        fake.set(running=False)
        self.guest_is("a", running=False)
        self.served("a")
        self.assertFalse(fake.get()["running"])

    def test_held_while_paused(self):
        """Who has stopped it continues it."""
        fake = self.fake("a.sock", used=100 * MIB, running=False)
        self.start()
        self.serves("a")
        self.do("a", figures={"held_pages": 1, "held_errno": 5})
        self.serves("a", error=lambda error: error and "continued by who stopped it" in error)
        self.do("a", figures={"held_pages": 0})
        self.served("a")
        self.assertFalse(fake.get()["running"])


class Lies(PagerTest):
    def test_impossible_figures(self):
        huge = (1 << 64) - 1
        self.do("a", figures={
            "pages": [huge] * 5, "cache_bytes": huge, "cache_payload": huge, "slots": huge, "slots_used": huge,
            "phase": 1, "held_errno": huge, "sample_windows": huge, "window_permille": 1 << 40,
            "memory_bytes": huge, "faults": [huge] * 5, "latency": [huge] * 480, "takeovers": huge, "waited": huge,
            "paged_by_guest": huge, "cpus": huge,
            "bytes_written": huge, "evicted": [huge] * 5, "loaded": [huge] * 5})
        self.fake("a.sock", used=100 * MIB)
        self.start()
        pager = self.serves("a", takeovers=huge)
        self.assertEqual(sum(pager["bytes"].values()), 256 * MIB)
        self.served("a")
        self.assertLessEqual(self.guest("a")["resident"], 256 * MIB)
        self.assertLessEqual(self.get("/v1/host")["resident"], 600 * MIB)

    def test_impossible_phase(self):
        self.do("a", figures={"phase": 1 << 50})
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.served("a")

    def test_nonsense_on_the_socket(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.do("a", junk="x" * 2000)
        wait_for("a warning", lambda: "makes no sense" in self.log())
        self.served("a")

    def test_map_is_destroyed(self):
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.serves("a")
        self.do("a", map="nothing of the kind")
        self.serves("a", phase=None)
        self.served("a")

    def test_foreign_files(self):
        """What is not known to be ours is not touched."""
        self.memory.joinpath("a.map").write_text("somebody's", encoding="utf-8")
        self.fake("a.sock", used=100 * MIB)
        self.start()
        self.assertIn("is not a page map", self.pager_is("a", standing="refused")["error"])
        self.assertEqual(self.files(), ["a.map"])
        self.memory.joinpath("a.map").unlink()
        self.serves("a")
