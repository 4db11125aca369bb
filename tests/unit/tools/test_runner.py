# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps run in their order, end at the first failure, and are summed up."""

from __future__ import annotations

import os
import sys

import pytest

from tests.tools import layout, runner


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "LOGS", tmp_path / "logs")
    # The runner turns SIGTERM into an ordinary end; pytest shall keep its own.
    monkeypatch.setattr(runner.signal, "signal", lambda *_ignored: None)
    return tmp_path / "logs"


def step(name, code, **options):
    return runner.Step(name, "for the test", [sys.executable, "-c", code], dict(os.environ), layout.ROOT, **options)


def outcomes(steps):
    return {each.name: each.outcome for each in steps}


def test_everything_is_well(capsys):
    steps = [step("first", "print('3 passed, 1 skipped in 0.5s')"), step("second", "")]
    assert runner.run(steps, 2)
    assert outcomes(steps) == {"first": "ok", "second": "ok"}
    told = capsys.readouterr().out
    assert "3 passed, 1 skipped" in told
    assert "FAILED" not in told


def test_the_first_failure_ends_the_others_and_is_named_with_its_log(capsys):
    steps = [step("bad", "print('what was wrong'); raise SystemExit(3)"), step("long", "import time; time.sleep(60)"), step("later", "")]
    assert not runner.run(steps, 2)
    assert outcomes(steps) == {"bad": "failed", "long": "stopped", "later": "not run"}
    told = capsys.readouterr().out
    assert "what was wrong" in told
    assert "FAILED: bad (exit status 3). The whole log: " in told
    assert steps[1].process.poll() is not None


def test_keep_going_runs_what_does_not_build_upon_the_failure():
    steps = [step("bad", "raise SystemExit(1)"), step("upon it", "", after=("bad",)), step("other", "")]
    assert not runner.run(steps, 1, keep_going=True)
    assert outcomes(steps) == {"bad": "failed", "upon it": "not run", "other": "ok"}


def test_a_step_waits_for_what_it_builds_upon(logs):
    first = step("first", f"import time; time.sleep(0.5); open({str(logs / 'made')!r}, 'w')")
    second = step("second", f"open({str(logs / 'made')!r})", after=("first",))
    assert runner.run([second, first], 2)


def test_a_step_that_takes_too_long_is_ended():
    steps = [step("endless", "import time; time.sleep(60)", limit=1), step("other", "")]
    assert not runner.run(steps, 2)
    assert steps[0].note == "took longer than 1 s"
    assert steps[0].process.poll() is not None


def test_a_skipped_step_says_why_and_is_no_failure(capsys):
    steps = [step("absent", "raise SystemExit(1)", skipped="no such Python"), step("other", "")]
    assert runner.run(steps, 2)
    assert "skipped  no such Python" in capsys.readouterr().out


def test_skipped_tests_are_named_with_their_reason(capsys):
    assert runner.run([step("tests", "print('SKIPPED [2] tests/a.py:1: no server here')"), step("other", "")], 2)
    assert "tests: SKIPPED [2] tests/a.py:1: no server here" in capsys.readouterr().out


def test_the_figures_of_a_step_are_shown(capsys):
    code = "print('== crash figures ==\\nvendor  lost\\nmilvus     0\\n\\n1 passed in 0.5s')"
    assert runner.run([step("crash", code), step("other", "")], 2)
    assert "crash:\n  vendor  lost\n  milvus     0\n" in capsys.readouterr().out


def test_a_single_step_shows_its_output_and_keeps_its_status(capfd):
    steps = [step("alone", "print('seen at once'); raise SystemExit(4)")]
    assert not runner.run(steps, 2)
    assert steps[0].note == "exit status 4"
    assert "seen at once" in capfd.readouterr().out
    assert "seen at once" in steps[0].log.read_text(encoding="utf-8")


def test_the_last_line_says_what_was_skipped_and_why(capsys):
    tests = "SKIPPED [2] tests/integration/test_x.py:12: the server is not to be had\\nSKIPPED [1] tests/a.py: the server is not to be had"
    steps = [step("some", f"print('{tests}')"), step("matrix", "")]
    steps[1].skipped = "no python3.99 was found"
    assert runner.run(steps, 1)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Skipped: matrix (no python3.99 was found); 3 tests of some (the server is not to be had)."


def test_the_last_line_says_that_nothing_was_skipped(capsys):
    assert runner.run([step("first", ""), step("second", "")], 2)
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing was skipped."


def test_the_last_line_names_what_a_failure_kept_from_running(capsys):
    assert not runner.run([step("bad", "raise SystemExit(1)"), step("later", "")], 1)
    assert capsys.readouterr().out.splitlines()[-1] == "Skipped: later (because of the failure above)."


def test_a_step_that_takes_long_says_how_far_it_is(logs, monkeypatch, capsys):
    """It ends only when that has been said."""
    monkeypatch.setattr(runner, "HEARTBEAT", 0)
    logs.mkdir(parents=True)
    code = "import time\nprint('.... [  7%]\\n.... [ 42%]\\n..', flush=True)\ntime.sleep(60)"
    real = runner._look_at

    def look(each, aloud):
        if runner.progress(each) == ", 42%" and "42%" in capsys.readouterr().out:
            each.limit = 0
        real(each, aloud)

    monkeypatch.setattr(runner, "_look_at", look)
    long = step("long", code)
    assert not runner.run([long, step("another", "")], 2) and long.seconds < 50


def test_a_step_that_has_not_said_how_far_it_is(logs):
    logs.mkdir(parents=True)
    one = step("one", "")
    assert runner.progress(one) == ""
    one.log.write_text("a line with [ 5%] in it\n", encoding="utf-8")
    assert runner.progress(one) == ""
