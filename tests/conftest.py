# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import pathlib
import types

import pytest

# The fixtures of the real servers live beside what starts those; named here, since pytest takes plugins from the topmost conftest only.
pytest_plugins = [
    name
    for name in ("tests.integration.real_milvus", "tests.integration.real_trove", "tests.integration.real_stores", "tests.integration.real_openbao")
    if (pathlib.Path(__file__).parents[1] / (name.replace(".", "/") + ".py")).exists()
]

MARKERS = (
    "real: needs a real server of the vendor; runs in `make test`, not in `make check`",
    "slow: takes more than a few seconds, or is one of many of a kind; runs in `make test`, not in `make check`",
    "secrets: searches everything a run printed or left on disk for passwords; runs on every ansible-core that is there, not in `make check`",
)


def pytest_configure(config):
    """Here and not in pyproject.toml, since ansible-test brings a configuration of its own."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def milvus_double():
    """A fresh double of Milvus with ``root`` and nobody else; a test adds users with ``set_user``."""
    from tests.doubles.milvus import MilvusDouble  # pylint: disable=import-outside-toplevel

    with MilvusDouble() as double:
        yield double


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory):
    """PEM files of an authority and what it signed.

    ``ca``; ``server_cert`` and ``server_key`` for 127.0.0.1 and localhost; ``wrong_name_cert`` and ``wrong_name_key`` for another host;
    ``client_cert`` and ``client_key``; ``other_ca``, which signed nothing of these; ``server`` is ``(server_cert, server_key)``.
    """
    if importlib.util.find_spec("trustme") is None:
        pytest.skip("trustme is not installed")
    import trustme  # pylint: disable=import-outside-toplevel

    folder = tmp_path_factory.mktemp("tls")
    files = types.SimpleNamespace()

    def issue(label, authority, name):
        # Who is known by a certificate is known by its common name.
        issued = authority.issue_cert(*name, common_name=name[0])
        for kind, blobs in (("cert", issued.cert_chain_pems), ("key", [issued.private_key_pem])):
            path = folder / ("%s_%s.pem" % (label, kind))
            path.write_bytes(b"".join(blob.bytes() for blob in blobs))
            setattr(files, "%s_%s" % (label, kind), path)

    authority = trustme.CA(organization_name="rekey.passwords tests")
    files.ca, files.other_ca = folder / "ca.pem", folder / "other_ca.pem"
    authority.cert_pem.write_to_path(str(files.ca))
    trustme.CA(organization_name="somebody else").cert_pem.write_to_path(str(files.other_ca))
    issue("server", authority, ("127.0.0.1", "localhost"))
    issue("wrong_name", authority, ("elsewhere.invalid",))
    issue("client", authority, ("client@rekey.invalid",))
    files.server = (files.server_cert, files.server_key)
    return files
