# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests that run real Ansible."""

from __future__ import annotations

import pathlib

import pytest

from tests.integration import vendor_sample
from tests.integration.awx_fixtures import controller, site, store  # noqa: F401  pylint: disable=unused-import
from tests.integration.awx_setup import awx_api, awx_collections, everything  # noqa: F401  pylint: disable=unused-import
from tests.integration.harness import Ansible

COLLECTIONS = pathlib.Path(__file__).resolve().parents[5]


def pytest_collection_modifyitems(config, items):
    vendor_sample.drop(config, items)


@pytest.fixture
def ansible(tmp_path):
    """Runs of real Ansible with folders of their own; see :class:`tests.integration.harness.Ansible`."""
    if pathlib.Path(__file__).resolve().parents[4].name != "ansible_collections":
        pytest.fail("these tests run in the staged copy of the collection, .build/ansible_collections/rekey/passwords")
    runner = Ansible(tmp_path / "ansible", COLLECTIONS)
    yield runner
    runner.close()
