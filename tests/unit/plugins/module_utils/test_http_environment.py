# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment may change (proxies) and what it may not (the login)."""

from __future__ import annotations

import contextlib

import pytest
import requests
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, HttpClient

from tests.unit.plugins.module_utils.loopback import Answer, Loopback, closed_port

LOGIN_OF_TASK = "Bearer alice:S3cr3t-MARKER-task"
PROXY_PASSWORD = "S3cr3t-MARKER-proxy"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def post(url, kind=READ, headers=None, waits=None, **options):
    """One request with a login."""
    sleep = (waits if waits is not None else []).append
    here = HttpClient(url, Scrubber(), **dict({"timeout": 20.0, "retries": 0, "sleep": sleep}, **options))
    with contextlib.closing(here):
        return here.request("POST", "/x", kind, json={}, headers={"Authorization": LOGIN_OF_TASK.encode()} if headers is None else headers)


@pytest.fixture(name="netrc", params=["HOME", "NETRC"])
def a_netrc(request, tmp_path, monkeypatch):
    """A file with logins for every host."""
    path = tmp_path / (".netrc" if request.param == "HOME" else "some-netrc")
    path.write_text("machine 127.0.0.1 login mallory password S3cr3t-MARKER-netrc\ndefault login mallory password S3cr3t-MARKER-netrc\n")
    path.chmod(0o600)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv(request.param, str(tmp_path if request.param == "HOME" else path))


@pytest.mark.usefixtures("netrc")
def test_netrc_neither_replaces_nor_adds_a_login():
    with Loopback() as server:
        post(server.url)
        post(server.url, headers={})
        assert [request.headers.get("authorization") for request in server.requests] == [LOGIN_OF_TASK, None]


@pytest.mark.usefixtures("netrc")
def test_netrc_is_not_read_for_a_proxy_either(monkeypatch):
    with Loopback() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        post("http://milvus.invalid:19530")
        assert proxy.requests[0].headers["authorization"] == LOGIN_OF_TASK
        assert "MARKER-netrc" not in str(proxy.requests)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_http_goes_through_the_proxy_of_the_environment(monkeypatch, name):
    with Loopback(Answer(200, {"by": "proxy"})) as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert post("http://milvus.invalid:19530").json() == {"by": "proxy"}
        assert [(request.method, request.path) for request in proxy.requests] == [("POST", "http://milvus.invalid:19530/x")]
        assert proxy.requests[0].headers["authorization"] == LOGIN_OF_TASK


@pytest.mark.parametrize("excepted", ["127.0.0.1", "example.com,127.0.0.1", "127.0.0.0/8", "*"])
def test_no_proxy(monkeypatch, excepted):
    with Loopback() as proxy, Loopback() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", excepted)
        assert post(server.url).status == 200
        assert (len(proxy.requests), len(server.requests)) == (0, 1)


def test_the_environment_is_read_once_and_not_for_each_request(monkeypatch):
    with Loopback() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with contextlib.closing(HttpClient("http://milvus.invalid:19530", Scrubber(), retries=0)) as here:
            monkeypatch.setattr("requests.sessions.get_environ_proxies", lambda *_args, **_options: pytest.fail("read again"))
            for _number in range(2):
                assert here.request("POST", "/x", READ).status == 200
        assert len(proxy.requests) == 2


def test_a_proxy_with_a_password_of_its_own(monkeypatch):
    with Loopback() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//someone:%s@" % PROXY_PASSWORD))
        post("http://milvus.invalid:19530")
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
        assert proxy.requests[0].headers["authorization"] == LOGIN_OF_TASK


@pytest.mark.parametrize("kind", [READ, LOGIN, WRITE])
def test_a_proxy_that_refuses_the_tunnel(monkeypatch, kind):
    with Loopback(Answer(403, b"not for you")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//someone:%s@" % PROXY_PASSWORD))
        with pytest.raises(PasswordError) as caught:
            post("https://milvus.invalid:19530", kind)
        # The login stays out of the request for a tunnel, which anyone can read.
        assert [request.method for request in proxy.requests] == ["CONNECT"]
        assert "authorization" not in proxy.requests[0].headers
    error = caught.value
    assert (error.kind, error.maybe_applied) == (errors.CONNECTION_FAILED, False)
    assert error.message == "Connection to https://milvus.invalid:19530 failed: the proxy refused or could not be reached."


@pytest.mark.parametrize("url", ["http://milvus.invalid:19530", "https://milvus.invalid:19530"])
def test_a_proxy_that_is_not_there(monkeypatch, url):
    waits = []
    monkeypatch.setenv("ALL_PROXY", "http://someone:%s@127.0.0.1:%d" % (PROXY_PASSWORD, closed_port()))
    with pytest.raises(PasswordError) as caught:
        post(url, WRITE, waits=waits, retries=2)
    assert (caught.value.kind, caught.value.maybe_applied, len(waits)) == (errors.CONNECTION_FAILED, False, 2)
    assert caught.value.message == "Connection to %s failed: the proxy refused or could not be reached." % url


@pytest.mark.parametrize("proxy", ["gopher://someone:%s@proxy.invalid", "http://[%s", "socks5://someone:%s@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used(monkeypatch, proxy):
    if proxy.startswith("socks"):
        # What requests raises where PySocks is not installed.
        monkeypatch.setattr("requests.adapters.SOCKSProxyManager", _no_socks)
    monkeypatch.setenv("ALL_PROXY", proxy % PROXY_PASSWORD)
    with pytest.raises(PasswordError) as caught:
        post("http://milvus.invalid:19530", WRITE)
    assert PROXY_PASSWORD not in caught.value.message
    assert (caught.value.kind, caught.value.maybe_applied) == (errors.INVALID_INPUT, False)


def _no_socks(*_args, **_options):
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
