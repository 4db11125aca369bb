# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run steps, two at a time where possible, stop at the first failure unless asked to continue, and print a summary."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

from tests.tools import layout

HEARTBEAT = 30
SHOWN_OF_A_FAILED_LOG = 60


@dataclasses.dataclass
class Step:
    """One check: a command and its outcome."""

    name: str
    title: str
    command: list[str]
    environment: dict[str, str]
    folder: pathlib.Path = layout.STAGED
    after: tuple[str, ...] = ()
    limit: int = 2700
    skipped: str = ""

    outcome: str = "not run"
    note: str = ""
    seconds: float | None = None
    # Of the processor, by the command and all that it started and waited for.
    processor: float | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0

    @property
    def log(self) -> pathlib.Path:
        return layout.LOGS / f"{self.name}.log"


def run(steps: list[Step], lanes: int, keep_going: bool = False) -> bool:
    """Run the steps; return whether all that could run succeeded."""
    layout.LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    started = time.monotonic()
    for step in steps:
        if step.skipped:
            step.outcome, step.note = "skipped", step.skipped
    # The output of a single step is shown as it comes; that of two at a time would be mixed up.
    aloud = len(steps) == 1
    try:
        _run_all(steps, 1 if aloud else lanes, aloud, keep_going)
    finally:
        for step in steps:
            if step.process and step.outcome == "running":
                _stop(step)
                step.outcome, step.note = "stopped", step.note or "did not finish"
        if not aloud:
            print(table(steps, time.monotonic() - started), flush=True)
    failed = [step for step in steps if step.outcome == "failed"]
    for step in failed:
        print(f"\nFAILED: {step.name} ({step.note}). The whole log: {layout.shown(step.log)}", flush=True)
    if not aloud:
        print(f"\n{skipped(steps)}", flush=True)
    return not failed


def _run_all(steps: list[Step], lanes: int, aloud: bool, keep_going: bool) -> None:
    spoken = time.monotonic()
    while keep_going or not any(step.outcome == "failed" for step in steps):
        running = [step for step in steps if step.outcome == "running"]
        done = {step.name for step in steps if step.outcome in ("ok", "skipped")}
        ready = [step for step in steps if step.outcome == "not run" and done.issuperset(step.after)]
        for step in ready[: lanes - len(running)]:
            _start(step, aloud)
            running.append(step)
        if not running:
            return
        time.sleep(0.1)
        for step in running:
            _look_at(step, aloud)
        if time.monotonic() - spoken > HEARTBEAT and not aloud:
            spoken = time.monotonic()
            names = [f"{step.name} ({spoken - step.started:.0f} s{progress(step)})" for step in running if step.outcome == "running"]
            if names:
                print("    still running: " + ", ".join(names), flush=True)


def progress(step: Step) -> str:
    """Return the percentage of its tests that a step has run, as pytest last printed it; empty if it has not yet."""
    text = step.log.read_text(encoding="utf-8", errors="replace") if step.log.exists() else ""
    shown = re.findall(r"\[ *(\d+%)\]$", text, re.MULTILINE)
    return f", {shown[-1]}" if shown else ""


def _start(step: Step, aloud: bool) -> None:
    print(f"==> {step.name}: {step.title}", flush=True)
    step.outcome, step.started = "running", time.monotonic()
    command, inherited = step.command, None
    if aloud:
        # tee writes the log; pipefail preserves the step's exit status.
        command = ["bash", "-c", 'set -o pipefail; log=$1; shift; "$@" 2>&1 | tee "$log"', "step", str(step.log), *step.command]
    else:
        inherited = open(step.log, "wb")  # pylint: disable=consider-using-with
    try:
        # In a session of its own, so that it can be ended together with every process that it started.
        step.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command,
            cwd=step.folder,
            env=step.environment,
            stdin=subprocess.DEVNULL,
            stdout=inherited,
            stderr=subprocess.STDOUT if inherited else None,
            start_new_session=True,
        )
    finally:
        if inherited:
            inherited.close()


def _look_at(step: Step, aloud: bool) -> None:
    assert step.process is not None
    spent = _of_finished_children()
    status = step.process.poll()
    step.processor = _of_finished_children() - spent
    step.seconds = time.monotonic() - step.started
    if status is None:
        if step.seconds < step.limit:
            return
        _stop(step)
        step.outcome, step.note = "failed", f"took longer than {step.limit} s"
    elif status:
        step.outcome, step.note = "failed", f"exit status {status}"
    else:
        step.outcome = "ok"
    text = step.log.read_text(encoding="utf-8", errors="replace") if step.log.exists() else ""
    if step.outcome == "ok":
        step.note = summary(text)
    elif not aloud:
        print("\n".join(["", *text.splitlines()[-SHOWN_OF_A_FAILED_LOG:]]), flush=True)
    print(f"    {step.name}: {step.outcome} after {step.seconds:.1f} s{f' ({step.note})' if step.note else ''}", flush=True)


def _of_finished_children() -> float:
    """Return the processor seconds of all children that have been waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _stop(step: Step) -> None:
    process = step.process
    assert process is not None
    # On SIGINT pytest and molecule clean up; otherwise servers that they started would keep running.
    for number, patience in ((signal.SIGINT, 15), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return


def summary(text: str) -> str:
    """Return the counts that each pytest printed last, after the ansible-core that it ran on, if the log shows that."""
    counts = re.findall(r"^=* ?((?:\d+ [a-z]+, )*\d+ [a-z]+) in [0-9.]+s", text, re.MULTILINE)
    core = re.findall(r"^ansible \[(core [^\]]+)\]", text, re.MULTILINE)
    return ": ".join(filter(None, [" ".join(core), " + ".join(counts)]))


def skipped_tests(text: str) -> list[str]:
    """Return pytest's reasons for the tests that it skipped."""
    return re.findall(r"^SKIPPED \[\d+\] .*", text, re.MULTILINE)


def skipped(steps: list[Step]) -> str:
    """Return one line on what did not run, and why: steps that could not, steps after a failure, and tests."""
    reasons = [f"{step.name} ({step.note})" for step in steps if step.outcome == "skipped"]
    not_run = [step.name for step in steps if step.outcome in ("not run", "stopped")]
    if not_run:
        reasons.append(f"{', '.join(not_run)} (because of the failure above)")
    for step in steps:
        text = step.log.read_text(encoding="utf-8", errors="replace") if step.outcome in ("ok", "failed") and step.log.exists() else ""
        counts: dict[str, int] = {}
        for number, reason in re.findall(r"^SKIPPED \[(\d+)\] [^ ]+: (.*)", text, re.MULTILINE):
            counts[reason] = counts.get(reason, 0) + int(number)
        reasons += [f"{count} test{'s' if count > 1 else ''} of {step.name} ({reason})" for reason, count in counts.items()]
    return f"Skipped: {'; '.join(reasons)}." if reasons else "Nothing was skipped."


def figures(text: str) -> list[str]:
    """Return the table that a step prints below a line "figures", if any."""
    found = re.search(r"^=+ [a-z ]*figures =+\n((?:.+\n)+)", text, re.MULTILINE)
    return found.group(1).splitlines() if found else []


def table(steps: list[Step], total: float) -> str:
    """Return the table of the steps, their times and outcomes, and the skipped tests with their reasons."""
    width = max(len(step.name) for step in steps)
    lines = ["", f"{'step':{width}}  seconds  processor  result   note", f"{'-' * width}  -------  ---------  -------  ----"]
    for step in steps:
        seconds = "-" if step.seconds is None else f"{step.seconds:.1f}"
        processor = "-" if step.processor is None else f"{step.processor:.1f}"
        lines.append(f"{step.name:{width}}  {seconds:>7}  {processor:>9}  {step.outcome:7}  {step.note}".rstrip())
    lines.append(f"{'total':{width}}  {total:7.1f}  {sum(step.processor or 0 for step in steps):9.1f}")
    for step in steps:
        shown = figures(step.log.read_text(encoding="utf-8", errors="replace")) if step.outcome == "ok" else []
        if shown:
            lines += ["", f"{step.name}:", *(f"  {line}" for line in shown)]
    left_out = [
        f"  {step.name}: {reason}" for step in steps if step.outcome == "ok" for reason in skipped_tests(step.log.read_text(encoding="utf-8", errors="replace"))
    ]
    if left_out:
        lines += ["", "Skipped tests:", *left_out]
    return "\n".join(lines)
