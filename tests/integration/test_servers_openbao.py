# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The starter of real OpenBao servers does what the tests of the store take for granted."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import time
import typing as t

import pytest
import requests

from tests.servers import openbao as starter
from tests.servers.machine import Unavailable, default_cache_dir
from tests.servers.openbao import OpenBao, Refused, documented_policy, program

ROOT = pathlib.Path(__file__).resolve().parents[2]
Start = t.Callable[..., OpenBao]


def exists(pid: int) -> bool:
    """Whether a process is there, and not only its entry."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: t.Callable[[], t.Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_starts_keeps_its_data_over_a_kill_and_comes_up_sealed(start_openbao: Start) -> None:
    server = start_openbao()
    server.request("POST", "secret/data/a", {"data": {"b": "c"}})
    first = server.pid
    server.kill()
    assert not server.running and not exists(first)
    server.restart(unsealed=False)
    assert server.pid != first and requests.get(server.url + "/v1/sys/health", timeout=5).status_code == 503
    with pytest.raises(Refused, match="Vault is sealed"):
        server.data("a")
    server.unseal()
    assert server.data("a") == {"b": "c"} and server.data("none") is None
    server.seal()
    with pytest.raises(Refused, match="Vault is sealed"):
        server.data("a")
    server.unseal()
    server.stop()
    assert not server.running and not (server.work_dir / "data").exists() and server.log_path.exists()


def test_two_at_once_know_nothing_of_each_other(start_openbao: Start) -> None:
    one, other = start_openbao(), start_openbao()
    one.request("POST", "secret/data/a", {"data": {"b": "c"}})
    assert other.data("a") is None and one.url != other.url
    assert (one.work_dir / "data" / "raft" / "raft.db").exists(), "the storage is on disk"


def test_a_role_may_do_what_the_documentation_tells(start_openbao: Start) -> None:
    server = start_openbao()
    role = server.make_role()
    token = server.request("POST", "auth/approle/login", role._asdict(), token="")["auth"]["client_token"]
    server.request("POST", "secret/data/rekey/a/b", {"data": {}}, token=token)
    for method, path in (("DELETE", "secret/data/rekey/a/b"), ("GET", "secret/data/elsewhere"), ("GET", "secret/metadata/rekey/a/b")):
        with pytest.raises(Refused, match="permission denied"):
            server.request(method, path, token=token)
    assert 'path "kv/one/data/a/b/*"' in documented_policy("kv/one", "a/b") and "secret" not in documented_policy("kv/one", "a/b")


def test_it_does_not_outlive_who_has_started_it(start_openbao: Start) -> None:
    del start_openbao  # for the reason why there is none
    lines = "import os\nfrom tests.servers.openbao import OpenBao\nserver = OpenBao(os.environ['WORK'])\nserver.start()\nprint(server.pid, flush=True)\ninput()"
    folder = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"rekey-openbao-killed-{os.getpid()}"
    environment = {**os.environ, "WORK": str(folder)}
    with subprocess.Popen([sys.executable, "-c", lines], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        try:
            pid = int(parent.stdout.readline())
            assert exists(pid)
            parent.send_signal(signal.SIGKILL)
            if shutil.which("setpriv"):
                until(lambda: not exists(pid))
        finally:
            parent.kill()
            shutil.rmtree(folder, ignore_errors=True)


def test_by_hand(start_openbao: Start) -> None:
    del start_openbao
    with subprocess.Popen([sys.executable, "-m", "tests.servers.openbao"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            shown = dict(line.split(None, 1) for line in (process.stdout.readline() for _line in range(4)))
            login = {"role_id": shown["VAULT_ROLE_ID:"].strip(), "secret_id": shown["VAULT_SECRET_ID:"].strip()}
            assert requests.post(shown["VAULT_ADDR:"].strip() + "/v1/auth/approle/login", json=login, timeout=10).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_program_that_may_not_be_run_is_copied(start_openbao: Start, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del start_openbao
    packaged = program(default_cache_dir())
    access = os.access
    monkeypatch.setattr(starter.os, "access", lambda path, mode: False if path == packaged else access(path, mode))
    copy = program(tmp_path)
    assert copy == tmp_path / "openbao-2.7.2" / "bao" and access(copy, os.X_OK) and copy.stat().st_size == packaged.stat().st_size
    assert subprocess.run([copy, "version"], capture_output=True, text=True, check=True).stdout.startswith("OpenBao v2.7.2")
    assert program(tmp_path) == copy


@pytest.mark.parametrize("machine, version, told", [("aarch64", "2.7.2", "for Linux on x86_64 only"), ("x86_64", "2.6.0", "is not installed, but 2.6.0")])
def test_where_it_cannot_run_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, machine: str, version: str, told: str) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    with pytest.raises(Unavailable) as caught:
        program(tmp_path)
    assert told in caught.value.reason
