# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores as jobs of AWX use them: what is in the inventory, which credentials a job has, and what is mounted into its container."""

from __future__ import annotations

import pathlib
import typing as t

from tests.integration.awx_container import Mount
from tests.integration.awx_jobs import Controller, Credential, Vault, amazon, operator
from tests.store_cases import VAULT_PASSWORD
from tests.store_cases.ansible_vault import AnsibleVaultCase
from tests.store_cases.aws_secretsmanager import ACCESS_KEY, SECRET_KEY, AwsSecretsManagerCase
from tests.store_cases.openbao import OpenBaoCase

SESSION_TOKEN = "S3cr3t-MARKER-aws-session-token"


class JobStore:
    """A store for the jobs of one test.

    ``variables`` belong to the inventory, ``credentials`` and ``mounts`` to each job; ``secrets`` give access to the store.
    """

    name = ""
    variables: dict[str, t.Any]
    credentials: list[Credential | Vault]
    mounts: list[Mount]
    secrets: set[str]

    def __init__(self, case: t.Any) -> None:
        self.case = case
        self.mounts = []

    def records(self, host: str, *users: str) -> dict[str, t.Any]:
        """The records of some users, for those who have one."""
        store = self.case.open(host)
        try:
            return {user: entry.record for user, entry in store.get(users).items() if entry.record}
        finally:
            store.close()


class _Shared(AnsibleVaultCase):
    """The folder as whoever has the vault password sees it from outside."""

    @property
    def options(self) -> dict[str, t.Any]:
        return {**super().options, "store_options": {"shared": True}}


class MountedVault(JobStore):
    """The folder of ansible_vault on a volume that the group 0 may write to.

    :param by: how a job gets the vault password, see :class:`Vault`.
    """

    name = "ansible_vault"

    def __init__(self, controller: Controller, folder: pathlib.Path, by: str = "script", **options: t.Any) -> None:
        super().__init__(_Shared(folder))
        self.folder = folder / "store"
        self.folder.mkdir()
        self.folder.chmod(0o2770)
        self.mounts = [Mount(self.folder, "/srv/passwords")]
        self.variables = {
            "rotate_store": self.name,
            "rotate_store_path": controller.inside(self.mounts[0]),
            "rotate_store_create": True,
            "rotate_store_options": {"shared": True, **options},
        }
        self.credentials = [Vault("rekey", VAULT_PASSWORD, by)]
        self.secrets = {VAULT_PASSWORD}


class Bao(JobStore):
    """An engine on OpenBao, with a login by AppRole."""

    name = "hashi_vault"

    def __init__(self, case: OpenBaoCase) -> None:
        super().__init__(case)
        credential, rest = operator("HashiCorp Vault or OpenBao store, by AppRole", case.options["store_options"])
        self.variables = {"rotate_store": self.name, "rotate_store_options": rest}
        self.credentials = [credential]
        self.secrets = set(case.secrets)


class Amazon(JobStore):
    """Secrets Manager, with AWX's own credential of a temporary login."""

    name = "aws_secretsmanager"

    def __init__(self, case: AwsSecretsManagerCase) -> None:
        super().__init__(case)
        options = {name: value for name, value in case.options["store_options"].items() if not name.endswith("_key")}
        self.variables = {"rotate_store": self.name, "rotate_store_options": options}
        self.credentials = [amazon(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN)]
        self.secrets = {SECRET_KEY, SESSION_TOKEN}
