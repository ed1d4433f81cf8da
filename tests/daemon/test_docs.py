# SPDX-License-Identifier: Apache-2.0
"""The configuration's table, its manual page and the default file say the same."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from harness import AEROSTATD

ROOT = pathlib.Path(__file__).resolve().parents[2]


def dump(text):
    """What --dump-config makes of a configuration: {(section, key): value}"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        output = subprocess.run([AEROSTATD, "--config", file.name, "--dump-config"], check=True,
                                capture_output=True, text=True).stdout
    section, values = None, {}
    for line in output.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values[section, key.strip()] = value.strip()
    return values


class ManualPage(unittest.TestCase):
    def setUp(self):
        self.page = (ROOT / "docs/aerostat.conf.5.scd").read_text()
        self.sections = {}
        for part in re.split(r"^# ", self.page, flags=re.MULTILINE)[1:]:
            self.sections[part.split("\n")[0]] = part

    def keys(self, section):
        """The keys that head a paragraph: *key* = ..., *key* = ..."""
        heads = [line for line in self.sections[section].splitlines() if line.startswith("*")]
        return {key for line in heads for key in re.findall(r"\*([a-z-]+)\* =", line)}

    def test_every_key_is_there(self):
        keys = dump("")
        self.assertGreater(len(keys), 20)
        for section in sorted({section for section, _ in keys}):
            with self.subTest(section=section):
                self.assertEqual(self.keys(f"[{section}]"), {k for s, k in keys if s == section})
        self.assertEqual(self.keys('[vm "NAME"]'),
                         {"shares", "reservation", "limit", "exempt", "guest-swap", "pager", "share"})

    def test_defaults(self):
        """Where the page names a default, it is the default."""
        named = 0
        for (section, key), value in dump("").items():
            paragraph = re.search(rf"^(\*.*, )?\*{key}\* =.*?\n\n", self.sections[f"[{section}]"],
                                  re.MULTILINE | re.DOTALL)[0]
            default = re.search(r"Default:\s+(\S+?)\.?\n\n$", paragraph)
            if default:
                named += 1
                self.assertEqual(default[1], value or default[1], key)
        self.assertGreater(named, 12)

    def test_program_options(self):
        page = (ROOT / "docs/aerostatd.8.scd").read_text()
        text = subprocess.run([AEROSTATD, "--help"], check=True, capture_output=True, text=True).stdout
        for option in re.findall(r"--[a-z-]+", text):
            self.assertIn(f"*{option}*", page)


class DefaultFile(unittest.TestCase):
    def test_is_right(self):
        """As installed it changes nothing; with every comment taken away it is still right."""
        text = (ROOT / "data/aerostat.conf").read_text()
        self.assertEqual(dump(text), dump(""))
        active = re.sub(r"^#(?=\S+ = |\[vm)", "", text, flags=re.MULTILINE)
        active = re.sub(r"^group = aerostat$", "group = root", active, flags=re.MULTILINE)
        values = dump(active)
        self.assertEqual(values['vm "web"', "shares"], "high")
