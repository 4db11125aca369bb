# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The organisations of VMware Cloud Director, their people and the sessions of these."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from tests.doubles.received import SecretDict

ROLES = ("Organization Administrator", "System Administrator", "vApp User")


def urn(kind, *parts):
    """An identifier that is the same in each run."""
    return "urn:vcloud:%s:%s" % (kind, uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


@dataclass
class Organisation:
    """A tenant, or the provider; ``users`` and ``api_tokens`` are by the names of its people."""

    name: str
    users: SecretDict
    api_tokens: SecretDict
    people: dict = field(default_factory=dict, repr=False)

    @property
    def ref(self):
        """How the API refers to it."""
        return {"name": self.name, "id": urn("org", self.name)}


@dataclass(slots=True)
class Person:
    """What is known of a user besides the password. Tests set what they want; a misspelt name is an error."""

    name: str
    org: Organisation = field(repr=False)
    roles: list
    full_name: str = ""
    description: str = ""
    email: str | None = None
    enabled: bool = True
    provider_type: str = "LOCAL"
    locked: bool = False
    stranded: bool = False
    is_group_role: bool = False
    deployed_vm_quota: int = 0
    stored_vm_quota: int = 0
    bad_logins: int = field(default=0, repr=False)
    locked_until: float | None = field(default=None, repr=False)

    @property
    def urn(self):
        """The identifier in paths."""
        return urn("user", self.org.name, self.name)

    @property
    def ref(self):
        """How the API refers to it."""
        return {"name": self.name, "id": self.urn}

    @property
    def org_ref(self):
        """How the API refers to the organisation."""
        return self.org.ref

    @property
    def role_refs(self):
        """How the API refers to the roles."""
        return [{"name": role, "id": urn("role", role)} for role in self.roles]

    @property
    def is_admin(self):
        """Whether it may look at and change others."""
        return bool(set(self.roles) & set(ROLES[:2]))


@dataclass
class Session:
    """What somebody got a token for; ``kind`` is ``password`` or ``api token``, ``closed`` is why it is over."""

    id: str
    person: Person
    kind: str
    expires: float
    token: str = field(repr=False)
    closed: str | None = None
