# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of awx_setup share: the collections, the tokens, and an AWX in which everything is set up."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.doubles.controller import Controller
from tests.integration.harness import Ansible
from tests.integration.real_stores import unavailable
from tests.servers import awx_collection, machine

COLLECTIONS = pathlib.Path(__file__).resolve().parents[5]
PLAYBOOK = "rekey.passwords.awx_setup"
TASK = "rekey.passwords.awx_objects"
MILVUS = "Milvus operator"
TOKEN = "MARKER-token-of-an-administrator"
AUDITOR = "MARKER-token-of-an-auditor"
PASSWORD = "MARKER-secret-of-an-administrator"
SECRETS = (TOKEN, AUDITOR, PASSWORD)


@pytest.fixture(scope="session")
def awx_collections():
    """ANSIBLE_COLLECTIONS_PATH with this collection and awx.awx."""
    try:
        return os.pathsep.join([str(COLLECTIONS), str(awx_collection.installed(machine.default_cache_dir()))])
    except machine.Unavailable as error:
        unavailable(error.reason)


def environment(double, collections):
    """The variables of a run against an AWX."""
    return {"ANSIBLE_COLLECTIONS_PATH": collections, "CONTROLLER_HOST": double.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}


@pytest.fixture
def awx_api():
    """An AWX in which nobody has set up anything."""
    with Controller(token=TOKEN, auditor_token=AUDITOR, username="admin", password=PASSWORD) as double:
        yield double


@pytest.fixture(scope="session")
def everything(tmp_path_factory, awx_collections):
    """The run that sets up everything, the secrets found in it, and what AWX has afterwards."""
    runner = Ansible(tmp_path_factory.mktemp("everything") / "ansible", COLLECTIONS)
    with Controller(token=TOKEN) as double:
        run = runner.playbook(PLAYBOOK, extra_vars={"rekey_awx_credentials": [MILVUS]}, env=environment(double, awx_collections), verbosity=3)
        leaked = runner.leaks(SECRETS)
        runner.close()
        return run, leaked, double.store
