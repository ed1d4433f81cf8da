# SPDX-License-Identifier: Apache-2.0
"""Start, reload, restart and end of the daemon."""

import os
import re
import signal
import socket
import subprocess
import time

from harness import AEROSTATD, MIB, DaemonTest, wait_for


def run(*arguments):
    return subprocess.run([AEROSTATD, *arguments], capture_output=True, text=True, timeout=30,
                          check=False)


class CommandLine(DaemonTest):
    def test_version(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"^aerostatd \d+\.\d+\.\d+\n$")

    def test_wrong(self):
        for arguments, says in ((["--colour"], "--colour"), (["extra"], "'extra'"),
                                (["--mode", "sleep"], "manage and observe")):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertIn(says, result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)

    def test_check_config(self):
        self.configure()
        result = run("--config", self.config, "--check-config")
        self.assertEqual((result.returncode, result.stdout), (0, "the configuration is right\n"))
        self.config.write_text("[host]\ncapacity = much\n")
        result = run("--config", self.config, "--check-config")
        self.assertEqual(result.returncode, 6)
        self.assertIn(f"{self.config}:2: ", result.stderr)

    def test_dump_config(self):
        self.configure(capacity="777M")
        result = run("--config", self.config, "--dump-config", "--dry-run")
        self.assertEqual(result.returncode, 0)
        self.assertIn("\ncapacity = 777M\n", result.stdout)
        self.assertIn("\nmode = observe\n", result.stdout)
        self.config.write_text(result.stdout)
        self.assertEqual(run("--config", self.config, "--dump-config").stdout, result.stdout)
        with open("/dev/full", "wb") as full:
            result = subprocess.run([AEROSTATD, "--config", self.config, "--dump-config"], stdout=full,
                                    stderr=subprocess.PIPE, timeout=30, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"No space left", result.stderr)


class Start(DaemonTest):
    def fails(self, status, *arguments):
        self.daemon = self.spawn(*arguments)
        self.assertEqual(self.daemon.wait(30), status, self.log())
        self.assertEqual(self.log().count("\n"), 1)
        return self.log()

    def test_wrong_config(self):
        self.config.write_text("[host]\n\ncapacity = lots\n")
        message = self.fails(6)
        self.assertIn(f"{self.config}:3: ", message)
        self.assertIn("allowed", message)
        self.assertFalse(self.socket.exists())

    def test_reserve_leaves_nothing(self):
        proc = self.dir / "root/proc"
        proc.mkdir(parents=True)
        (proc / "meminfo").write_text("MemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable: 1 kB\n"
                                      "SwapTotal: 0 kB\nSwapFree: 0 kB\n")
        self.configure(capacity="auto", host="reserve = 2G")
        self.assertIn("reserve", self.fails(6, "--host-root", self.dir / "root"))

    def test_second_daemon(self):
        self.start()
        first, self.log_path = self.daemon, self.dir / "second"
        message = self.fails(1)
        self.assertIn("another aerostatd is already listening on", message)
        self.daemon = first
        self.assertTrue(self.answers())

    def test_two_at_once(self):
        """Whoever comes second stays out, also when both find the socket of a dead one."""
        self.start()
        self.stop(signal.SIGKILL)
        self.assertTrue(self.socket.exists())
        both = [self.spawn(), self.spawn()]
        try:
            wait_for("one of them to end", lambda: [p for p in both if p.poll() is not None])
            self.daemon = next(p for p in both if p.poll() is None)
            self.assertTrue(self.answers())
            self.assertEqual(next(p for p in both if p is not self.daemon).returncode, 1)
        finally:
            for process in both:
                process.kill()
                process.wait()

    def test_file_in_the_way(self):
        self.configure()
        self.socket.write_text("precious")
        self.assertIn("no socket", self.fails(1))
        self.assertEqual(self.socket.read_text(), "precious")

    def test_long_path(self):
        self.configure()
        self.config.write_text(self.config.read_text().replace("api.sock", "x" * 100))
        self.assertIn("longer than", self.fails(6))

    def test_standard_files_are_closed(self):
        """What is written to standard error must not end up in somebody's socket."""
        self.configure()
        self.daemon = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", AEROSTATD,
                                        "--config", self.config])
        wait_for("the API", self.answers)
        for number in range(3):
            self.assertEqual(os.readlink(f"/proc/{self.daemon.pid}/fd/{number}"), "/dev/null")
        self.assertEqual(self.stop(), 0)

    def test_leaves_nothing(self):
        self.start()
        self.assertEqual(self.stop(), 0)
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()),
                         ["aerostat.conf", "guests", "log"])


class Notify(DaemonTest):
    def listen(self):
        path = self.dir / "notify"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind(str(path))
        sock.settimeout(30)
        return sock, str(path)

    @staticmethod
    def until(sock, wanted):
        """All messages up to the one that has the line @wanted."""
        seen = []
        while wanted not in seen:
            seen += sock.recv(4096).decode().split("\n")
        return seen

    def test_life(self):
        sock, path = self.listen()
        self.start(env={"NOTIFY_SOCKET": path})
        self.assertIn("STATUS=Mode manage", self.until(sock, "READY=1"))
        self.daemon.send_signal(signal.SIGHUP)
        seen = self.until(sock, "READY=1")
        self.assertIn("RELOADING=1", seen)
        self.assertTrue(any(re.match(r"MONOTONIC_USEC=\d+$", line) for line in seen))
        self.daemon.send_signal(signal.SIGTERM)
        self.until(sock, "STOPPING=1")
        self.assertEqual(self.daemon.wait(30), 0)

    def test_watchdog(self):
        sock, path = self.listen()
        self.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
        for _ in range(3):
            self.until(sock, "WATCHDOG=1")

    def test_socket_activation(self):
        """systemd hands over a listening socket, and keeps it when the daemon ends."""
        self.configure()
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.socket))
        listener.listen(8)

        # The pid is known in the child only: a shell that becomes the daemon sets it.
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen(
                ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 0</dev/null', "sh", AEROSTATD,
                 "--config", self.config], stdin=listener, stdout=log, stderr=log)
        wait_for("the API", self.answers)
        self.assertEqual(self.stop(), 0)
        self.assertTrue(self.socket.exists())


class Reload(DaemonTest):
    def reload(self):
        self.daemon.send_signal(signal.SIGHUP)

    def test_good(self):
        self.fake(used=100 * MIB)
        self.configure(capacity="1G")
        self.start()
        self.managed("a")
        self.configure(capacity="2G", rest='[vm "a"]\nreservation = 64M\n')
        self.reload()
        wait_for("the new capacity", lambda: self.get("/v1/host")["capacity"] == 2048 * MIB)
        self.guest_is("a", reservation=64 * MIB)
        self.event("config", text="in force")
        self.assertEqual(self.ask("POST", "/v1/reload"), (200, {"reloaded": True}))

    def test_wrong(self):
        self.fake(used=100 * MIB)
        self.configure(capacity="1G")
        self.start()
        self.managed("a")
        self.configure(capacity="all there is")
        self.reload()
        event = self.event("config")
        self.assertIn(f"{self.config}:2: ", event["text"])
        self.assertIn("stays in force", event["text"])
        status, answer = self.ask("POST", "/v1/reload")
        self.assertEqual((status, answer["error"]["code"]), (409, "conflict"))
        self.assertIn(f"{self.config}:2: ", answer["error"]["message"])
        self.assertEqual(self.get("/v1/host")["capacity"], 1024 * MIB)
        self.assertIn(f"{self.config}:2: ", self.log())
        self.served("a")

    def test_guests_directory(self):
        """Another directory: its guests come, those of the old one go, and are left as they are."""
        self.fake(used=10 * MIB)
        self.configure()
        self.start()
        self.managed("a")
        self.guests_dir = self.dir / "others"
        self.guests_dir.mkdir()
        self.fake("b.sock", used=10 * MIB)
        self.configure()
        self.reload()
        self.managed("b")
        wait_for("a to be gone", lambda: self.ask("GET", "/v1/guests/a")[0] == 404)

    def test_mode_of_command_line_stays(self):
        self.configure()
        self.start("--dry-run")
        self.assertEqual(self.ask("POST", "/v1/reload")[0], 200)
        self.assertEqual(self.get("/v1/host")["mode"], "observe")

    def test_capacity_below_use(self):
        """Less capacity than is in use: guests are ballooned as far as they can be, and all is well."""
        fakes = [self.fake(f"{n}.sock", used=200 * MIB, needs=80 * MIB) for n in "ab"]
        self.configure(capacity="1G")
        self.start()
        for name in "ab":
            self.managed(name)
        self.configure(capacity="100M")
        self.reload()
        for name in "ab":
            self.guest_is(name, granted=lambda granted: granted < 256 * MIB)
            self.served(name)
        host = self.get("/v1/host")
        self.assertEqual(host["capacity"], 100 * MIB)
        self.assertEqual(host["free"], 0)
        for fake in fakes:
            # The cap holds whatever the shortage: 65 % of the size.
            self.assertGreaterEqual(min(fake.get()["targets"]), int(256 * MIB * 0.35) - 4096)


class Restart(DaemonTest):
    def short(self, **options):
        """Two guests that do not fit, one of which can spare memory."""
        spare = self.fake("spare.sock", used=230 * MIB, needs=60 * MIB, **options)
        self.fake("busy.sock", used=220 * MIB)
        self.configure(capacity="400M")
        return spare

    def test_killed_within_an_inflation(self):
        spare = self.short(rate=20 * MIB)
        self.start()
        wait_for("an inflation under way", lambda: 0 < 256 * MIB - spare.get()["actual"] < 60 * MIB)
        self.stop(signal.SIGKILL)
        left = spare.get()
        self.assertLess(left["target"], left["actual"]) # it goes on without a daemon
        self.start()
        guest = self.managed("spare")
        self.assertGreater(guest["balloon"]["current"], 0) # adopted as it was found
        added = self.event("guest-added", "spare")
        self.assertNotIn("balloon 0", added["text"])
        wait_for("the host to have room",
                 lambda: self.get("/v1/host")["state"] == "high")
        self.served("busy")

    def test_balloons_stay(self):
        spare = self.short()
        self.start()
        self.guest_is("spare", balloon=lambda b: b["current"] > 0 and b["current"] == b["target"])
        before = spare.get()["actual"]
        self.assertEqual(self.stop(), 0)
        self.assertEqual((spare.get()["actual"], spare.get()["target"]), (before, before))

    def test_release_on_exit(self):
        spare = self.short()
        self.configure(capacity="400M", host="release-on-exit = yes")
        self.start()
        self.guest_is("spare", balloon=lambda b: b["current"] > 0)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(spare.get()["target"], 256 * MIB)

    def test_release_on_exit_before_the_balloon_moves(self):
        """A target that was sent is taken back also while nothing is to be seen of it."""
        spare = self.short(rate=0)
        self.configure(capacity="400M", host="release-on-exit = yes")
        self.start()
        wait_for("a target", lambda: spare.get()["target"] < 256 * MIB)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(spare.get()["target"], 256 * MIB)

    def test_release_on_exit_waits_for_nobody(self):
        """A guest that does not answer delays the end by two seconds and no other guest at all."""
        spare = self.short()
        mute = self.fake("mute.sock", used=200 * MIB, needs=20 * MIB)
        self.configure(capacity="500M", host="release-on-exit = yes\nqmp-timeout = 20s")
        self.start()
        for name in ("mute", "spare"):
            self.guest_is(name, balloon=lambda b: b["current"] > 0)
        mute.set(talk="mute-balloon")
        begun = time.monotonic()
        self.assertEqual(self.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(spare.get()["target"], 256 * MIB)
        self.assertIn("have not answered", self.log())


    def test_second_signal_ends_at_once(self):
        mute = self.fake("mute.sock", used=200 * MIB, needs=20 * MIB)
        self.configure(capacity="150M", host="release-on-exit = yes\nqmp-timeout = 20s")
        self.start()
        self.guest_is("mute", balloon=lambda b: b["current"] > 0)
        mute.set(talk="mute-balloon")
        self.daemon.send_signal(signal.SIGTERM)
        wait_for("the first to be seen", lambda: "stopping" in self.log())
        self.assertEqual(self.stop(), 0)
        self.assertNotIn("have not answered", self.log())


class Observe(DaemonTest):
    def test_sends_nothing(self):
        spare = self.fake("spare.sock", used=230 * MIB, needs=60 * MIB)
        self.fake("busy.sock", used=220 * MIB)
        self.configure(capacity="400M", host="mode = observe\nrelease-on-exit = yes")
        self.start()
        event = self.event("decision", "spare")
        self.assertIs(event["enacted"], False)
        self.assertEqual((event["mechanism"], event["reason"]), ("balloon", "shortage"))
        self.served("spare")
        # Nothing changes, so nothing is repeated.
        decisions = self.get("/v1/decisions?guest=spare")["events"]
        self.assertEqual(len({(e["reason"], e["to"]) for e in decisions}), len(decisions))
        status, answer = self.ask("POST", "/v1/release")
        self.assertEqual((status, answer["error"]["code"]), (409, "conflict"))
        self.assertEqual(self.ask("POST", "/v1/guests/spare/release")[0], 409)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(spare.get()["targets"], [])


class Capacity(DaemonTest):
    def test_auto(self):
        """MemTotal less the reserve; free is bounded by MemAvailable; and both are read anew."""
        proc = self.dir / "root/proc"
        proc.mkdir(parents=True)

        def meminfo(available):
            (proc / "meminfo").write_text(
                f"MemTotal: {8 << 20} kB\nMemFree: 1 kB\nMemAvailable: {available} kB\n"
                "SwapTotal: 0 kB\nSwapFree: 0 kB\n")

        meminfo(6 << 20)
        self.configure(capacity="auto")
        self.start("--host-root", self.dir / "root")
        host = wait_for("a decision", lambda: self.get("/v1/host")
                        if self.get("/v1/host")["capacity"] else None)
        self.assertEqual(host["capacity"], 8192 * MIB - 512 * MIB - (8192 * MIB) // 20)
        self.assertEqual(host["free"], 6144 * MIB)
        meminfo(100 << 10)
        wait_for("less free", lambda: self.get("/v1/host")["free"] == 100 * MIB)
        self.assertNotEqual(self.get("/v1/host")["state"], "high")
        (proc / "meminfo").unlink()
        wait_for("a word about it", lambda: "can't be read" in self.log())
        self.assertEqual(self.get("/v1/host")["capacity"], host["capacity"])
