# SPDX-License-Identifier: Apache-2.0
"""One run of aerostat-lab. Ended by whatever, it ends its guests and its daemon, and so does its death."""

import ctypes
import json
import os
import signal
import subprocess

from frame.problem import Problem
from frame.record import Record

PR_SET_PDEATHSIG = 1
# aerostat-scenario(5), EXIT STATUS
MET, MISSED = 0, 1
libc = ctypes.CDLL(None, use_errno=True)


def end_with(parent):
    """In the child: it is asked to end, in order, when its parent has ended. It may have already."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def call(command):
    """The finished process, with what it said; nothing of it is left where this is interrupted."""
    parent = os.getpid()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", preexec_fn=lambda: end_with(parent)) as process:
        try:
            out, err = process.communicate()
        except BaseException:
            process.terminate()
            process.communicate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def run(build, directory, scenario, manager=True, tolerant=False, options=()):
    """The record of @scenario's run. @options go to the lab as they are."""
    text, result = directory / "scenario.ini", directory / "record.json"
    text.write_text(scenario)
    command = [build / "lab" / "aerostat-lab", "--quiet", "--json", result, *([] if manager else ["--no-manager"]),
               *options, text]
    try:
        done = call(command)
    except FileNotFoundError as error:
        raise Problem(f"{error.filename}: not there; run make build, or say --build DIR") from None
    if done.returncode not in (MET, MISSED):
        raise Problem(f"aerostat-lab: {done.stderr.strip() or f'status {done.returncode}'}")
    record = Record(json.loads(result.read_text()))
    missed = [f"{goal['name']}: {goal['value']} (limit {goal['limit']})" for goal in record.goals.values()
              if not goal["met"]]
    if missed and not tolerant:
        raise Problem("nothing to measure, for the run went wrong: " + "; ".join(missed))
    return record
