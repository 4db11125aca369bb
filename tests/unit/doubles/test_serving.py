# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double over TLS, its control over HTTP, and a double as a process of its own."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import requests

from tests.doubles.milvus import DESCRIBE, UPDATE, MilvusDouble

OLD = "S3cr3t-MARKER-alice"
NEW = "S3cr3t-MARKER-alice-2"


@pytest.fixture(name="double")
def a_double():
    """A double with alice and bob."""
    with MilvusDouble({"alice": OLD, "bob": "S3cr3t-MARKER-bob"}) as running:
        yield running


def change(double, old=OLD, new=NEW):
    """Alice changes her password."""
    return requests.post(
        double.url + UPDATE, json={"userName": "alice", "password": old, "newPassword": new}, headers={"Authorization": "Bearer alice:" + old}, timeout=5
    )


def order(double, what, data=None):
    """A control request."""
    return requests.post(double.url + "/_double/" + what, json={} if data is None else data, timeout=5)


def test_state_without_secrets(double):
    change(double)
    answer = requests.get(double.url + "/_double/state", timeout=5)
    state = answer.json()
    assert (state["vendor"], state["users"], state["writes"], state["refused_writes"]) == ("milvus", ["alice", "bob", "root"], 1, [])
    assert [one["path"] for one in state["requests"]] == [UPDATE]
    assert "MARKER" not in answer.text


def test_read_only_and_users(double):
    assert order(double, "read_only", {"value": True}).status_code == 200
    assert change(double).status_code == 500
    order(double, "read_only", {"value": False})
    order(double, "users", {"set": {"alice": NEW}, "remove": ["bob"]})
    assert (double.users["alice"], "bob" in double.users) == (NEW, False)


def test_faults(double):
    number = order(double, "faults", {"kind": "gate", "path": "update_password"}).json()["id"]
    show = "%s/_double/faults/%d" % (double.url, number)
    assert requests.get(show, timeout=5).json() == {"kind": "gate", "fired": 0, "arrived": False}
    call = concurrent.futures.ThreadPoolExecutor(1).submit(change, double)
    assert double.faults[number].arrived.wait(5)
    assert requests.get(show, timeout=5).json()["arrived"] is True
    order(double, "faults/%d/release" % number)
    assert call.result(5).status_code == 200
    order(double, "faults", {"kind": "answer", "times": None})
    order(double, "stop-faults")
    assert change(double, old=NEW).status_code == 200
    order(double, "faults", {"kind": "real", "applies": "later"})
    change(double, old=NEW, new=OLD)
    order(double, "settle")
    assert double.users["alice"] == OLD
    order(double, "reset")
    assert double.requests == []


@pytest.mark.parametrize(
    "what, data, status",
    [
        ("faults", {"kind": "nonsense"}, 400),
        ("faults", {}, 400),
        ("read_only", {}, 400),
        ("users", [], 400),
        ("nonsense", {}, 404),
        ("faults/7/release", {}, 404),
    ],
)
def test_mistakes(double, what, data, status):
    assert order(double, what, data).status_code == status


def test_tls(tls_files):
    with MilvusDouble({"alice": OLD}, tls=tls_files.server) as double:
        assert double.url.startswith("https://")
        body, headers = {"userName": "alice"}, {"Authorization": "Bearer alice:" + OLD}
        assert requests.post(double.url + DESCRIBE, json=body, headers=headers, timeout=5, verify=tls_files.ca).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.post(double.url + DESCRIBE, json=body, headers=headers, timeout=5, verify=tls_files.other_ca)
        double.inject("drop", applies="now")
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.post(double.url + DESCRIBE, json=body, headers=headers, timeout=5, verify=tls_files.ca)


def test_a_certificate_for_another_name(tls_files):
    with MilvusDouble(tls=(tls_files.wrong_name_cert, tls_files.wrong_name_key)) as double:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(double.url, timeout=5, verify=tls_files.ca)


def test_client_certificates(tls_files):
    with MilvusDouble(tls=tls_files.server, client_ca=tls_files.ca) as double:
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(double.url, timeout=5, verify=tls_files.ca)
        cert = (tls_files.client_cert, tls_files.client_key)
        assert requests.get(double.url, timeout=5, verify=tls_files.ca, cert=cert).status_code == 401


def wait_for(condition, seconds=20):
    """Poll until the condition holds; fails when it does not in time."""
    bound = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < bound, "not in time"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_of_its_own(tmp_path, number):
    ready, users = tmp_path / "ready.json", tmp_path / "users.json"
    users.write_text(json.dumps({"bob": "S3cr3t-MARKER-bob"}), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "tests.doubles",
        "milvus",
        "--port",
        "0",
        "--ready-file",
        str(ready),
        "--user",
        "alice:with:colon",
        "--users-file",
        str(users),
        "--latency",
        "1",
        "--set",
        "success_code=200",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            wait_for(lambda: ready.exists() or process.poll() is not None)
            told = json.loads(ready.read_text(encoding="utf-8"))
            assert told["pid"] == process.pid
            answer = requests.post(told["url"] + DESCRIBE, json={"userName": "alice"}, headers={"Authorization": "Bearer alice:with:colon"}, timeout=5)
            assert answer.json()["code"] == 200
            os.kill(process.pid, number)
            assert process.wait(10) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()
