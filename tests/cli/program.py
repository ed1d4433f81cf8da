# SPDX-License-Identifier: Apache-2.0
"""Runs the real binary, and compares what it prints with a file."""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["AEROSTAT_BUILD"])
AEROSTAT = str(BUILD / "src" / "cli" / "aerostat")


def environment(**changes):
    """Nothing of the caller's settings: UTC, UTF-8, no socket, no proxy that would help."""
    base = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
            "http_proxy": "http://127.0.0.1:9/", "ALL_PROXY": "http://127.0.0.1:9/"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            base[name] = os.environ[name]
    return {**base, **changes}


def run(*arguments, api=None, stdout=subprocess.PIPE, timeout=60, **env):
    """The finished process, with bytes in stdout and stderr."""
    command = [AEROSTAT, *(["--socket", api.socket] if api else []), *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=timeout,
                          check=False, env=environment(**env))


def golden(test, name, actual):
    """@actual is what golden/NAME says; AEROSTAT_UPDATE_GOLDEN=1 writes the file instead."""
    path = HERE / "golden" / name
    if os.environ.get("AEROSTAT_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(actual, encoding="utf-8")
    test.maxDiff = None
    test.assertEqual(path.read_text(encoding="utf-8"), actual)


def assert_harmless(test, data):
    """No byte that a terminal obeys, in valid UTF-8."""
    text = data.decode("utf-8")
    for char in text:
        code = ord(char)
        test.assertFalse(code < 0x20 and char != "\n" or 0x7f <= code < 0xa0, repr(text))
        test.assertNotIn(char, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\U000e0041", repr(text))
