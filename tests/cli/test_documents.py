# SPDX-License-Identifier: Apache-2.0
"""The manual pages and the shell's completion know what the program knows."""

import re
import shutil
import subprocess
import unittest

from fake_api import HOSTILE, SOURCE, FakeApi, guest
from program import AEROSTAT, environment, run

DOCS = SOURCE / "docs"


def words(*arguments, api=None):
    return run("_complete", *arguments, api=api).stdout.decode().split()


class ManualPages(unittest.TestCase):
    def test_verbs_and_options(self):
        general = (DOCS / "aerostat.1.scd").read_text(encoding="utf-8")
        own = {verb: (DOCS / f"aerostat-{verb}.1.scd").read_text(encoding="utf-8") for verb in ("top", "simulate")}
        for verb in words("verbs"):
            page = own.get(verb, general)
            # A verb stands alone or before its operands, at the beginning of a paragraph.
            self.assertRegex(general, rf"(?m)^\*{verb}\*( |$)")
            for option in words("options", verb):
                # What is common to all verbs is in the general page.
                self.assertTrue(f"*{option}*" in page or f"*{option}*" in general, (verb, option))

    def test_settings(self):
        page = (DOCS / "aerostat.1.scd").read_text(encoding="utf-8")
        for setting in words("settings"):
            self.assertIn(f"*{setting.rstrip('=')}*=", page)

    def test_exit_codes_and_environment(self):
        page = (DOCS / "aerostat.1.scd").read_text(encoding="utf-8")
        codes = re.findall(r"EXIT_CODE_\w+ = (\d)", (SOURCE / "src/cli/cli.h").read_text(encoding="utf-8"))
        self.assertEqual(re.findall(r"(?m)^\*(\d)\*$", page), codes)
        self.assertIn("*AEROSTAT_SOCKET*", page)

    def test_keys(self):
        """Every key of the help in `top` is in the page, and every letter that sorts."""
        page = (DOCS / "aerostat-top.1.scd").read_text(encoding="utf-8").split("# KEYS")[1]
        source = (SOURCE / "src/cli/top_keys.c").read_text(encoding="utf-8")
        table = re.search(r"TOP_KEYS\[\] = \{(.*?)\n\};", source, re.DOTALL).group(1)
        keys = " ".join(re.findall(r'\{"([^"]+)", "', table)).split()
        self.assertGreater(len(keys), 15)
        sorting = re.findall(r"AT\([\w.]+\),\s+'(\w)'", (SOURCE / "src/cli/columns_table.c").read_text(encoding="utf-8"))
        for key in keys + sorting:
            self.assertIn(f"*{key}*", page)

    @unittest.skipUnless(shutil.which("scdoc") and shutil.which("man"), "scdoc or man is not installed")
    def test_pages_are_well_formed(self):
        for page in sorted(DOCS.glob("*.scd")):
            with self.subTest(page.name):
                roff = subprocess.run(["scdoc"], input=page.read_bytes(), capture_output=True, check=True).stdout
                man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-"], input=roff, check=True,
                                     capture_output=True, env=environment(MANWIDTH="100"))
                self.assertEqual(man.stderr, b"")


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Completion(unittest.TestCase):
    def complete(self, line, api=None):
        """What completion offers at the end of @line; the program is the first word."""
        script = """
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            compopt() { echo "compopt $*" >&2; }
            _aerostat
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        typed = [AEROSTAT, *(["--socket", api.socket] if api else []), *line.split(" ")]
        process = subprocess.run(["bash", "--norc", "-c", script, "bash", str(SOURCE / "data/completion/aerostat"), *typed],
                                 capture_output=True, check=True, text=True, env=environment())
        self.spaces = "nospace" not in process.stderr
        return process.stdout.split()

    def test_verbs(self):
        self.assertEqual(self.complete("s"), ["status", "set", "simulate"])
        self.assertIn("explain", self.complete(""))
        self.assertNotIn("_complete", self.complete(""))
        self.assertEqual(self.complete("help ex"), ["explain"])
        self.assertEqual(self.complete("help explain "), [])

    def test_options(self):
        self.assertEqual(self.complete("--so"), ["--socket"])
        self.assertEqual(self.complete("top --le"), ["--legend"])
        self.assertEqual(self.complete("events --json --f"), ["--follow"])
        self.assertEqual(self.complete("status --fo"), [])
        self.assertEqual(self.complete("top --sort distr"), ["distress"])
        self.assertEqual(self.complete("top --view p"), ["paging"])

    def test_guests(self):
        with FakeApi(guests=[guest("web"), guest("win"), guest("db"), guest(HOSTILE), guest("$(reboot)")]) as api:
            self.assertEqual(self.complete("explain w", api), ["web", "win"])
            self.assertEqual(self.complete("release ", api), ["web", "win", "db"])
            self.assertEqual(self.complete("park w", api), ["web", "win"])
            self.assertEqual(self.complete("translate --gva 1 d", api), ["db"])
            self.assertEqual(self.complete("set d", api), ["db"])
            self.assertEqual(self.complete("events --guest d", api), ["db"])
            self.assertEqual(self.complete("explain web ", api), [])

    def test_guests_without_a_daemon(self):
        self.assertEqual(self.complete("-s /nonexistent explain "), [])

    def test_settings(self):
        self.assertEqual(self.complete("set web re"), ["reservation="])
        self.assertFalse(self.spaces)
        self.assertEqual(len(self.complete("set web ")), 7)


if __name__ == "__main__":
    unittest.main()
