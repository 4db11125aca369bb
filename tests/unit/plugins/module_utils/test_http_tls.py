# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS: private authorities, wrong ones, wrong names, client certificates, and files that cannot be used."""

from __future__ import annotations

import re
import warnings

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import LOGIN, READ, WRITE, HttpClient

from tests.unit.plugins.module_utils.loopback import Loopback


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="server")
def a_server(tls_files):
    """A server with a certificate of a private authority."""
    with Loopback(tls=tls_files.server) as running:
        yield running


def paths(options):
    """The options with text instead of path objects, as the module gets them."""
    return {name: value if isinstance(value, bool) else str(value) for name, value in options.items()}


def talk(url, kind=READ, **options):
    """The status of an answer; the connections are closed."""
    here = HttpClient(url, Scrubber(), timeout=20.0, retries=2, sleep=lambda seconds: None, **paths(options))
    try:
        return here.request("POST", "/", kind, json={}).status
    finally:
        here.close()


def failure(url, kind=READ, **options):
    """The error that stands instead of an answer."""
    with pytest.raises(PasswordError) as caught:
        talk(url, kind, **options)
    return caught.value


def test_an_authority_that_nobody_knows(server):
    for kind in (READ, LOGIN, WRITE):
        error = failure(server.url, kind)
        assert (error.kind, error.maybe_applied, error.retryable) == (errors.TLS_FAILED, False, False)
        assert error.message.startswith("TLS with %s failed: " % server.url) and "certificate" in error.message
    assert server.requests == []


def test_a_wrong_certificate_is_no_reason_to_try_again(server):
    failure(server.url)
    assert len(server.connections) == 1


def test_the_right_authority(server, tls_files):
    assert talk(server.url, ca_path=tls_files.ca) == 200


def test_another_authority(server, tls_files):
    assert failure(server.url, ca_path=tls_files.other_ca).kind == errors.TLS_FAILED


def test_a_certificate_for_another_host(tls_files):
    with Loopback(tls=(tls_files.wrong_name_cert, tls_files.wrong_name_key)) as server:
        error = failure(server.url, ca_path=tls_files.ca)
        assert (error.kind, server.requests) == (errors.TLS_FAILED, [])
        assert re.search("IP address mismatch|Hostname mismatch|for another host", error.message)
        # The same server, unchecked.
        assert talk(server.url, validate_certs=False) == 200


def test_without_validation_nothing_is_printed(server, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert talk(server.url, validate_certs=False) == 200
    assert capfd.readouterr() == ("", "")


def test_without_validation_the_authority_does_not_matter(server, tls_files):
    assert talk(server.url, validate_certs=False, ca_path=tls_files.other_ca) == 200


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_what_the_environment_says_about_authorities(server, tls_files, monkeypatch, name):
    monkeypatch.setenv(name, str(tls_files.ca))
    assert talk(server.url) == 200
    # The options of the task win over it.
    assert failure(server.url, ca_path=tls_files.other_ca).kind == errors.TLS_FAILED
    monkeypatch.setenv(name, str(tls_files.other_ca))
    assert failure(server.url).kind == errors.TLS_FAILED
    assert talk(server.url, ca_path=tls_files.ca) == 200
    assert talk(server.url, validate_certs=False) == 200


def test_the_environment_names_a_file_that_is_not_there(server, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    error = failure(server.url, WRITE)
    assert (error.kind, error.maybe_applied) == (errors.INVALID_INPUT, False)
    assert "REQUESTS_CA_BUNDLE" in error.message


def test_a_client_certificate(tls_files, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(tls_files.client_cert.read_bytes() + tls_files.client_key.read_bytes())
    with Loopback(tls=tls_files.server, client_ca=tls_files.ca) as server:
        assert talk(server.url, ca_path=tls_files.ca, client_cert=tls_files.client_cert, client_key=tls_files.client_key) == 200
        assert talk(server.url, ca_path=tls_files.ca, client_cert=both) == 200
        assert len(server.requests) == 2


def test_a_client_certificate_that_is_missing(tls_files):
    with Loopback(tls=tls_files.server, client_ca=tls_files.ca) as server:
        error = failure(server.url, ca_path=tls_files.ca)
        # With TLS 1.3 the refusal comes after the client has begun to send.
        assert error.kind in (errors.TLS_FAILED, errors.CONNECTION_FAILED)
        assert server.requests == []


def test_https_to_a_server_that_speaks_http():
    with Loopback() as server:
        error = failure(server.url.replace("http:", "https:"), WRITE)
        assert (error.kind, error.maybe_applied, server.requests) == (errors.TLS_FAILED, False, [])


def test_http_to_a_server_that_speaks_https(tls_files):
    with Loopback(tls=tls_files.server) as server:
        assert failure(server.url.replace("https:", "http:")).kind == errors.CONNECTION_FAILED
        assert server.requests == []


@pytest.mark.parametrize("option", ["ca_path", "client_cert", "client_key"])
def test_a_file_that_is_not_there_is_named_before_any_connection(server, tls_files, option):
    options = dict({"client_cert": tls_files.client_cert, "client_key": tls_files.client_key}, **{option: "/nowhere/file.pem"})
    error = failure(server.url, **options)
    assert (error.kind, server.connections) == (errors.INVALID_INPUT, [])
    assert option in error.message and "/nowhere/file.pem" in error.message


@pytest.mark.parametrize("option", ["client_cert", "client_key"])
def test_a_folder_instead_of_a_file(server, tls_files, tmp_path, option):
    error = failure(server.url, **dict({"client_cert": tls_files.client_cert, "client_key": tls_files.client_key}, **{option: tmp_path}))
    assert (error.kind, error.message) == (errors.INVALID_INPUT, "%s: %s is not a file." % (option, tmp_path))


def test_a_key_without_a_certificate(server, tls_files):
    error = failure(server.url, client_key=tls_files.client_key)
    assert (error.kind, error.message) == (errors.INVALID_INPUT, "client_key needs client_cert.")


@pytest.mark.parametrize("head", ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED"])
@pytest.mark.parametrize("separate", [True, False])
def test_an_encrypted_key_is_refused_instead_of_asking_for_its_pass_phrase(server, tls_files, tmp_path, separate, head):
    key = tmp_path / "key.pem"
    key.write_text(head + "\nAAAA\n")
    options = {"client_cert": tls_files.client_cert, "client_key": key} if separate else {"client_cert": key}
    error = failure(server.url, **options)
    assert (error.kind, server.connections) == (errors.INVALID_INPUT, [])
    assert error.message == "The client key in %s is encrypted; give one without a pass phrase." % key


@pytest.mark.parametrize(
    "options",
    [
        {"ca_path": "garbage"},
        {"client_cert": "garbage"},
        {"client_cert": "client_cert"},
        {"client_cert": "client_cert", "client_key": "server_key"},
        {"client_cert": "client_cert", "client_key": "garbage"},
    ],
)
def test_files_that_hold_something_else(server, tls_files, tmp_path, options):
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("S3cr3t-MARKER-no-pem")
    files = {option: garbage if name == "garbage" else getattr(tls_files, name) for option, name in options.items()}
    error = failure(server.url, WRITE, **dict({"ca_path": tls_files.ca}, **files))
    assert (error.kind, error.maybe_applied, server.requests) == (errors.TLS_FAILED, False, [])
    assert "MARKER" not in error.message
