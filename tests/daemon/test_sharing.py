# SPDX-License-Identifier: Apache-2.0
"""Who is shared with whom, and what becomes of KSM's settings: real QEMUs, and a host whose KSM is a directory
of ours. What the kernel's own does is in test_ksm.py."""

import signal
import unittest

from harness import QEMU, DaemonTest, Qemu, wait_for

FOUND = {"run": "0", "pages_to_scan": "100", "sleep_millisecs": "20", "use_zero_pages": "0", "smart_scan": "1",
         "advisor_mode": "none"}
COUNTERS = ("pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "full_scans")


@unittest.skipUnless(QEMU, "qemu-system-x86_64 is not installed")
class Sharing(DaemonTest):
    def setUp(self):
        super().setUp()
        self.root = self.dir / "root"
        self.ksm = self.root / "sys/kernel/mm/ksm"
        self.ksm.mkdir(parents=True)
        (self.root / "proc").symlink_to("/proc")
        for name, value in FOUND.items():
            self.set(name, value)
        for name in COUNTERS:
            self.set(name, 0)

    def set(self, name, value):
        (self.ksm / name).write_text(f"{value}\n")

    def knob(self, name):
        return (self.ksm / name).read_text().strip()

    def found(self):
        return {name: self.knob(name) for name in FOUND} == FOUND

    def qemu(self, name, private=True, extra=()):
        """A QEMU that answers: all its memory is there."""
        qemu = Qemu(self.guests_dir, name, size="32M", balloon=False, private=private, extra=extra)
        self.addCleanup(qemu.close)
        wait_for("its monitor", qemu.own.exists)
        qemu.command("query-status")
        return qemu

    def begin(self, rest="", *arguments):
        self.configure(rest=rest)
        self.start("--host-root", self.root, *arguments)

    def opt_in(self, name, domain="web"):
        self.guest_is(name, size=lambda size: size)
        self.assertEqual(self.ask("PATCH", f"/v1/guests/{name}", {"share": domain})[0], 200)

    def stands(self, name, standing):
        return self.guest_is(name, shared=lambda shared: shared["standing"] == standing)["shared"]

    def sharing(self, **members):
        def check():
            sharing = self.get("/v1/host")["sharing"]
            return sharing if all(sharing[key] == value for key, value in members.items()) else None
        return wait_for(f"sharing to be {members}", check)

    def blocked(self, text):
        """It does not run, and says why; nor will it, as far as a few looks can tell."""
        wait_for(text, lambda: text in (self.get("/v1/host")["sharing"]["blocker"] or ""))
        wait_for("KSM to be off", lambda: not self.get("/v1/host")["sharing"]["run"])

    def mergeable(self, qemu):
        return qemu.command("qom-get", path="/objects/ram", property="merge")

    def test_opt_in(self):
        """Nothing is touched before; then those that are in are merged, and those that are not can't be."""
        one, two, other = (self.qemu(name) for name in ("one", "two", "other"))
        self.begin()
        for name in ("one", "two", "other"):
            self.assertEqual(self.stands(name, "out")["domain"], None)
        self.served("other")
        self.assertTrue(self.found())
        self.assertTrue(self.mergeable(other))
        self.opt_in("one")
        self.opt_in("two")
        self.stands("one", "in")
        self.stands("two", "in")
        self.sharing(run=True, domain="web", blocker=None, supported=True)
        wait_for("KSM to run", lambda: self.knob("run") == "1")
        self.assertEqual((self.knob("smart_scan"), self.knob("use_zero_pages")), ("0", "1"))
        self.assertTrue(self.mergeable(one) and self.mergeable(two))
        self.assertFalse(self.mergeable(other))
        self.assertFalse(other.command("qom-get", path="/machine", property="mem-merge"))
        self.event("sharing", "one", "domain web: in")
        self.assertEqual(self.metric("aerostat_guest_sharing", "two"), 1)
        self.assertEqual(self.metric("aerostat_guest_sharing", "other"), 0)
        self.assertEqual(self.metric("aerostat_sharing_run"), 1)

        self.assertEqual(self.ask("PATCH", "/v1/guests/one", {"share": None})[0], 200)
        self.stands("one", "out")
        wait_for("one to be unmergeable", lambda: not self.mergeable(one))
        self.assertEqual(self.ask("PATCH", "/v1/guests/two", {"share": "none"})[0], 200)
        wait_for("two to be unmergeable", lambda: not self.mergeable(two))
        wait_for("the settings that were found", self.found)
        self.sharing(run=False, domain=None)

    def test_guest_that_opts_in_gets_what_it_needs(self):
        """Started with mem-merge=off, and in by the configuration."""
        qemu = self.qemu("one", extra=("-machine", "mem-merge=off"))
        self.begin('[vm "one"]\nshare = web\n')
        self.stands("one", "in")
        self.assertTrue(self.mergeable(qemu))

    def test_end_and_kill(self):
        self.qemu("one")
        self.begin('[vm "one"]\nshare = web\n')
        wait_for("KSM to run", lambda: self.knob("run") == "1")
        self.stop()
        self.assertTrue(self.found())
        self.start("--host-root", self.root)
        wait_for("KSM to run", lambda: self.knob("run") == "1")
        self.stop(signal.SIGKILL)
        self.assertEqual(self.knob("run"), "1")
        self.configure()
        self.start("--host-root", self.root)
        self.managed("one")
        wait_for("the settings that were found", self.found)

    def test_unknown_guest(self):
        """Who has not answered might be mergeable: nobody is merged."""
        self.qemu("one")
        self.begin('[vm "one"]\nshare = web\n')
        self.sharing(run=True)
        deaf = self.fake("deaf.sock", talk="deaf")
        self.blocked("guest")
        self.sharing(run=False, reason="off")
        wait_for("KSM to stop", lambda: self.knob("run") == "0")
        deaf.close()
        self.sharing(run=True, blocker=None)

    def test_known_guest_falls_silent(self):
        """What it has confirmed stands."""
        self.qemu("one")
        other = self.qemu("other")
        self.begin('[vm "one"]\nshare = web\n')
        self.sharing(run=True)
        other.process.send_signal(signal.SIGSTOP)
        self.guest_is("other", link="silent")
        self.served("one")
        self.sharing(run=True, blocker=None)

    def test_domains(self):
        """One at a time: that with most memory."""
        small = self.qemu("small")
        for name in ("a", "b"):
            self.qemu(name)
        self.begin('[vm "small"]\nshare = x\n[vm "a"]\nshare = y\n[vm "b"]\nshare = y\n')
        self.sharing(run=True, domain="y")
        self.assertEqual(self.stands("small", "waiting")["domain"], "x")
        self.assertFalse(self.mergeable(small))
        for name in ("a", "b"):
            self.assertEqual(self.ask("PATCH", f"/v1/guests/{name}", {"share": "none"})[0], 200)
        self.sharing(run=True, domain="x")
        self.stands("small", "in")

    def test_memfd(self):
        self.qemu("one", private=False)
        self.begin()
        self.opt_in("one")
        self.assertIn("only private memory", self.stands("one", "refused")["error"])
        self.assertTrue(self.found())

    def test_somebody_elses(self):
        self.set("run", 1)
        self.set("pages_to_scan", 4000)
        one, other = self.qemu("one"), self.qemu("other")
        self.begin('[vm "one"]\nshare = web\n')
        wait_for("the reason", lambda: "switched KSM on" in (self.get("/v1/host")["sharing"]["blocker"] or ""))
        self.assertIn("switched KSM on", self.stands("one", "refused")["error"])
        self.assertEqual((self.knob("run"), self.knob("pages_to_scan")), ("1", "4000"))
        self.assertTrue(self.mergeable(one) and self.mergeable(other))
        self.event("sharing", text="no pages are shared: somebody else has switched KSM on")
        self.configure(rest='[vm "one"]\nshare = web\n[share]\ntake-over = yes\n')
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.sharing(run=True, blocker=None)
        wait_for("our pace", lambda: self.knob("pages_to_scan") != "4000")
        self.stop()
        self.assertEqual((self.knob("run"), self.knob("pages_to_scan")), ("1", "4000"))

    def test_somebody_interferes(self):
        self.qemu("one")
        self.begin('[vm "one"]\nshare = web\n')
        wait_for("KSM to run", lambda: self.knob("run") == "1")
        self.set("run", 0)
        self.blocked("somebody else has changed")
        wait_for("the rest to be put back", self.found)
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.sharing(run=True, blocker=None)

    def test_observe(self):
        one = self.qemu("one")
        other = self.qemu("other")
        self.begin('[vm "one"]\nshare = web\n', "--mode", "observe")
        self.managed("one")
        self.blocked("mode observe")
        self.assertTrue(self.found())
        self.assertTrue(self.mergeable(one) and self.mergeable(other))

    def test_no_ksm(self):
        (self.ksm / "run").unlink()
        self.qemu("one")
        self.begin('[vm "one"]\nshare = web\n')
        self.blocked("KSM can't be used on this host: No such file")
        self.assertFalse(self.get("/v1/host")["sharing"]["supported"])

    def test_settings_that_cannot_be_noted(self):
        """What could not be put back is not changed."""
        self.qemu("one")
        self.configure(rest='[vm "one"]\nshare = web\n')
        (self.dir / "ksm.settings").mkdir()
        self.start("--host-root", self.root)
        self.blocked("KSM can't be set")
        self.assertTrue(self.found())
