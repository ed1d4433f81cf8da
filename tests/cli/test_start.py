# SPDX-License-Identifier: Apache-2.0
"""What asks for admission before a guest starts: aerostat-qemu and the libvirt hook. The programs that they call are
scripts which write down how they were called; with a real daemon: tests/daemon/test_admission.py."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from fake_api import SOURCE

WRAPPER = SOURCE / "data" / "aerostat-qemu"
HOOK = SOURCE / "data" / "libvirt-hook-qemu"
# Writes its name and arguments, a line each, and ends as the test has said.
SCRIPT = """#!/bin/sh
printf '%s\\n' "${0##*/}" "$@" >> {calls}
cat {answer} 2> /dev/null
exit "$(cat {status} 2> /dev/null || echo 0)"
"""


class Start(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.guests = self.dir / "guests"
        self.guests.mkdir()
        self.defaults = self.dir / "defaults"
        for name in ("aerostat", "qemu"):
            path = self.dir / name
            text = SCRIPT
            for key in ("calls", "answer", "status"):
                text = text.replace("{" + key + "}", f"'{self.dir}/{name}.{key}'")
            path.write_text(text)
            path.chmod(0o755)

    def answer(self, status, text=""):
        """Of `aerostat admit`."""
        (self.dir / "aerostat.status").write_text(f"{status}\n")
        (self.dir / "aerostat.answer").write_text(text)

    def called(self, name):
        """How the program was called since the last look; None: it was not."""
        path = self.dir / f"{name}.calls"
        if not path.exists():
            return None
        words = path.read_text().splitlines()
        path.unlink()
        return words[1:]

    def environment(self, **changes):
        return {"PATH": os.environ["PATH"], "AEROSTAT": str(self.dir / "aerostat"),
                "AEROSTAT_QMP_DIRECTORY": str(self.guests), "AEROSTAT_DEFAULTS": str(self.defaults), **changes}

    def execute(self, command, code, says, stdin=None, **changes):
        done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True, timeout=60,
                              check=False, env=self.environment(**changes))
        self.assertEqual(done.returncode, code, done.stderr)
        if says is None:
            self.assertEqual(done.stderr, "")
        else:
            self.assertIn(says, done.stderr)
        return done


class Wrapper(Start):
    def start(self, *arguments, code=0, says=None, options=(), **changes):
        return self.execute([WRAPPER, *options, self.dir / "qemu", *arguments], code, says, **changes)

    def asked(self, *arguments, options=()):
        self.start(*arguments, options=options)
        self.called("qemu")
        words = self.called("aerostat")
        self.assertEqual(words[0], "admit")
        return dict(zip(words[1::2], words[2::2]))

    def test_arguments_stay(self):
        """...with all that a shell could spoil; one is added."""
        words = ["-m", "1G", "-name", "web", "-append", "a  'b' \"c\" $d *", "", "-drive", "file=/x y,if=none"]
        self.start(*words)
        self.assertEqual(self.called("qemu"), words + ["-qmp", f"unix:{self.guests}/web.sock,server=on,wait=off"])

    def test_what_is_asked(self):
        for words, size in ((["-m", "512"], "512M"), (["-m", "2G"], "2G"), (["--m", "size=768,slots=4"], "768M"),
                            (["-m", "slots=4,size=3G,maxmem=8G"], "3G"), (["-m", "4096M,slots=4"], "4096M"),
                            ([], "128M"), (["-m", "1G", "-m", "slots=2,maxmem=4G"], "1G")):
            with self.subTest(words):
                self.assertEqual(self.asked(*words), {"--size": size, "--ram": "private"})
        for words, name in ((["-name", "web"], "web"), (["-name", "guest=web 2,debug-threads=on"], "web 2"),
                            (["-name", "debug-threads=on,guest=w"], "w")):
            with self.subTest(words):
                self.assertEqual(self.asked(*words)["--name"], name)

    def test_memory(self):
        for words, ram, reserved in (
                (["-object", "memory-backend-memfd,id=r,size=1G,share=on"], "memfd", None),
                (["-object", '{"qom-type":"memory-backend-memfd","id":"r","size":1073741824}'], "memfd", None),
                (["-object", "memory-backend-memfd,id=r,size=1G,share=off"], "private", None),
                (["-object", "memory-backend-memfd,id=r,size=1G,hugetlb=on"], "memfd", "1G"),
                (["-object", "memory-backend-ram,id=r,size=1G"], "private", None),
                (["-object", "memory-backend-file,id=r,size=1G,mem-path=/x"], "private", "1G"),
                (["-mem-path", "/dev/hugepages"], "private", "1G"),
                (["-overcommit", "mem-lock=on"], "private", "1G"),
                (["-overcommit", "cpu-pm=on"], "private", None)):
            with self.subTest(words):
                asked = self.asked("-m", "1G", *words)
                self.assertEqual((asked["--ram"], asked.get("--reservation")), (ram, reserved))
        self.assertEqual(self.asked("-m", "1G", options=["--reservation", "256M"])["--reservation"], "256M")
        self.assertEqual(self.asked("-m", "1G", options=["--reservation=1M", "--"])["--reservation"], "1M")

    def test_monitor(self):
        """Its own is left alone; nobody else's socket is taken away."""
        words = ["-name", "web", "-qmp", f"unix:{self.guests}/other.sock,server=on,wait=off"]
        self.start(*words)
        self.assertEqual(self.called("qemu"), words)
        self.start("-qmp", "stdio")
        self.assertIn(f"unix:{self.guests}/qemu-", self.called("qemu")[-1])
        (self.guests / "web.sock").touch()
        self.start("-name", "web")
        self.assertRegex(self.called("qemu")[-1], rf"^unix:{self.guests}/web-\d+\.sock,")
        self.start("-name", "../../" + "x" * 200)
        self.assertRegex(self.called("qemu")[-1], rf"^unix:{self.guests}/\.\._\.\._x{{1,60}}\.sock,")
        self.start("-name", "web", AEROSTAT_QMP_DIRECTORY="/nonexistent", says="does not find the guest")
        self.assertEqual(self.called("qemu"), ["-name", "web"])

    def test_refused(self):
        self.answer(1, "there is no room\n")
        self.start("-name", "web", code=1, says="aerostat-qemu: web is not admitted: there is no room")
        self.assertIsNone(self.called("qemu"))

    def test_nobody_to_ask(self):
        """It starts, and that is said; unless it must not."""
        for status, text in ((7, ""), (1, ""), (4, ""), (2, "x")):
            self.answer(status, text)
            self.start(says="starts without admission")
            self.assertIsNotNone(self.called("qemu"))
            self.start(code=1, says="admission is required", options=["--require"])
            self.assertIsNone(self.called("qemu"))
        self.start(says="is not installed; the guest starts", AEROSTAT="/nonexistent")
        self.called("qemu")
        self.defaults.write_text("# a comment\nAEROSTAT_REQUIRE=\"yes\"\n")
        self.start(code=1, says="admission is required")
        self.assertIsNone(self.called("qemu"))

    def test_usage(self):
        self.execute([WRAPPER], 2, "which QEMU?")
        self.execute([WRAPPER, "--frobnicate", "qemu"], 2, "unknown option --frobnicate")
        self.execute([WRAPPER, "--reservation"], 2, "takes a size")

    def test_qemus_status(self):
        (self.dir / "qemu.status").write_text("3\n")
        self.start(code=3)


DOMAIN = """<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web &amp; db</name><memory unit='{unit}'>{memory}</memory><currentMemory>1</currentMemory>{more}</domain>"""


def domain(memory=1048576, unit="KiB", more=""):
    return DOMAIN.format(memory=memory, unit=unit, more=more)


class Hook(Start):
    def hook(self, xml=domain(), operation="prepare", step="begin", code=0, says=None, **changes):
        done = self.execute([HOOK, "web & db", operation, step, "-"], code, says, stdin=xml, **changes)
        self.assertEqual(done.stdout, "") # libvirt would take it for the domain

    def asked(self, xml):
        self.hook(xml)
        words = self.called("aerostat")
        self.assertEqual(words[0], "admit")
        return dict(zip(words[1::2], words[2::2]))

    def test_domain(self):
        self.assertEqual(self.asked(domain()), {"--name": "web & db", "--size": str(1 << 30), "--ram": "private"})
        for memory, unit, size in ((2, "GiB", 2 << 30), (2, "G", 2 << 30), (1000, "MB", 10**9), (4096, "bytes", 4096),
                                   (1, "T", 1 << 40), (3, "k", 3072)):
            self.assertEqual(self.asked(domain(memory, unit))["--size"], str(size))
        without_unit = domain().replace(" unit='KiB'", "")
        self.assertEqual(self.asked(without_unit)["--size"], str(1 << 30))

    def test_backing(self):
        for more, ram, reserved in (
                ("<source type='memfd'/><access mode='shared'/>", "memfd", None),
                ("<source type='anonymous'/>", "private", None), ("<nosharepages/>", "private", None),
                ("<locked/>", "private", str(1 << 30)),
                ("<hugepages><page size='2' unit='MiB'/></hugepages><source type='memfd'/>", "memfd", str(1 << 30))):
            with self.subTest(more):
                asked = self.asked(domain(more=f"<memoryBacking>{more}</memoryBacking>"))
                self.assertEqual((asked["--ram"], asked.get("--reservation")), (ram, reserved))

    def test_only_before_a_start(self):
        for operation, step in (("start", "begin"), ("started", "begin"), ("release", "end"), ("migrate", "begin"),
                                ("prepare", "end"), ("reconnect", "begin")):
            self.hook(operation=operation, step=step)
        self.assertIsNone(self.called("aerostat"))

    def test_refused(self):
        self.answer(1, "there is no room\n")
        self.hook(code=1, says="aerostat: not admitted: there is no room")

    def test_nobody_to_ask(self):
        for status, text in ((7, ""), (1, ""), (4, "")):
            self.answer(status, text)
            self.hook(says="the guest starts without admission")
        self.hook(says="can't be asked", AEROSTAT="/nonexistent")
        self.defaults.write_text("AEROSTAT_REQUIRE=yes\n")
        self.hook(code=1, says="AEROSTAT_REQUIRE=yes")

    def test_strange_domains(self):
        for xml in ("", "<domain>", "<domain/>", domain("much"), domain(unit="stones")):
            with self.subTest(xml):
                self.hook(xml, says="the guest starts without admission")
