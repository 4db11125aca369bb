# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same requests to a real OpenBao and to the double of it: where their answers differ, the double is wrong."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any, Iterator, NamedTuple, Protocol

import pytest

from tests.doubles.hashi_vault import ROLE_ID, ROOT_TOKEN, SECRET_ID, HashiVaultDouble, Mount, Role
from tests.servers.openbao import documented_policy
from tests.store_cases.hashi_vault import RULES
from tests.store_cases.openbao import OpenBaoCase

ENGINE = "engine-double"
POLICY = {path.replace("secret", ENGINE): capabilities for path, capabilities in RULES.items()}
ROOT, ROTATION, READER, UNKNOWN, NOBODY, BUDGET_SPENT_MESSAGE, REVOKED = "root", "rotation", "reader", "unknown", "nobody", "spent", "revoked"
# What differs from one server, engine or moment to another.
CHANGING = {
    "request_id",
    "created_time",
    "updated_time",
    "accessor",
    "uuid",
    "client_token",
    "entity_id",
    "policies",
    "token_policies",
    "role_name",
    "running_plugin_version",
}


class Fact(NamedTuple):
    """A request, one after the other; MOUNT stands for the name of the engine."""

    who: str
    method: str
    path: str
    body: Any = None


RECORD, OTHER, NOTE = "MOUNT/data/rekey/host-1/alice", "MOUNT/data/rekey/host-1/bob", "MOUNT/data/rekey/.rekey/lease"
META = "MOUNT/metadata/rekey/host-1/alice"
FACTS = {
    # Reading what is not there
    "no secret": Fact(ROTATION, "GET", RECORD),
    "no folder": Fact(ROTATION, "GET", "MOUNT/metadata/rekey/host-1?list=true"),
    "no folder, by LIST": Fact(ROTATION, "LIST", "MOUNT/metadata/rekey/host-1"),
    "no version": Fact(ROTATION, "GET", RECORD + "?version=7"),
    # Writing
    "without data": Fact(ROTATION, "POST", RECORD, {"options": {"cas": 0}}),
    "data that is no object": Fact(ROTATION, "POST", RECORD, {"data": "x"}),
    "first": Fact(ROTATION, "POST", RECORD, {"data": {"a": "1"}, "options": {"cas": 0}}),
    "first again": Fact(ROTATION, "POST", RECORD, {"data": {"a": "1"}, "options": {"cas": 0}}),
    "ahead": Fact(ROTATION, "POST", RECORD, {"data": {"a": "1"}, "options": {"cas": 2}}),
    "second": Fact(ROTATION, "PUT", RECORD, {"data": {"a": "2", "n": 5, "f": 1.5, "t": True, "d": {"e": ["ü", None]}}, "options": {"cas": 1}}),
    "cas as a text": Fact(ROTATION, "POST", RECORD, {"data": {"a": "3"}, "options": {"cas": "2"}}),
    "cas as nonsense": Fact(ROTATION, "POST", RECORD, {"data": {"a": "3"}, "options": {"cas": "x"}}),
    "read": Fact(ROTATION, "GET", RECORD),
    "read an old version": Fact(ROTATION, "GET", RECORD + "?version=2"),
    "no JSON": Fact(ROTATION, "POST", RECORD, b"{"),
    "a list as a body": Fact(ROTATION, "POST", RECORD, b"[]"),
    "no body": Fact(ROTATION, "POST", RECORD),
    "1,000 texts": Fact(ROTATION, "POST", OTHER, {"data": {"a": ["x"] * 997}}),
    "more texts": Fact(ROTATION, "POST", OTHER, {"data": {"a": ["x"] * 1001}}),
    "a note": Fact(ROTATION, "POST", NOTE, {"data": {"content": "{}"}, "options": {"cas": 0}}),
    # Listing
    "list": Fact(ROTATION, "GET", "MOUNT/metadata/rekey/host-1?list=true"),
    "list hosts": Fact(ROTATION, "GET", "MOUNT/metadata/rekey/?list=true"),
    "list a secret": Fact(ROTATION, "GET", META + "?list=true"),
    "list above the policy": Fact(ROTATION, "GET", "MOUNT/metadata/?list=true"),
    "root lists": Fact(ROOT, "LIST", "MOUNT/metadata/"),
    # What a policy does not allow
    "elsewhere": Fact(ROTATION, "GET", "MOUNT/data/other/a"),
    "write elsewhere": Fact(ROTATION, "POST", "MOUNT/data/other/a", {"data": {}}),
    "delete": Fact(ROTATION, "DELETE", RECORD),
    "read metadata": Fact(ROTATION, "GET", META),
    "read configuration": Fact(ROTATION, "GET", "MOUNT/config"),
    "reader reads": Fact(READER, "GET", RECORD),
    "reader writes": Fact(READER, "POST", RECORD, {"data": {}}),
    "reader makes": Fact(READER, "POST", "MOUNT/data/rekey/x", {"data": {}}),
    "reader lists": Fact(READER, "GET", "MOUNT/metadata/rekey/host-1?list=true"),
    # Tokens
    "unknown token": Fact(UNKNOWN, "GET", RECORD),
    "no token": Fact(NOBODY, "GET", RECORD),
    "unknown token at mounts": Fact(UNKNOWN, "GET", "sys/internal/ui/mounts/MOUNT"),
    "first use of two": Fact(BUDGET_SPENT_MESSAGE, "GET", NOTE),
    "second use of two": Fact(BUDGET_SPENT_MESSAGE, "GET", NOTE),
    "third use of two": Fact(BUDGET_SPENT_MESSAGE, "GET", NOTE),
    "end a token": Fact(REVOKED, "POST", "auth/token/revoke-self"),
    "the token that was ended": Fact(REVOKED, "GET", RECORD),
    "end none": Fact(UNKNOWN, "POST", "auth/token/revoke-self"),
    "ask for an end": Fact(ROTATION, "GET", "auth/token/revoke-self"),
    # Engines
    "what the mount is": Fact(ROTATION, "GET", "sys/internal/ui/mounts/MOUNT"),
    "below the mount": Fact(ROTATION, "GET", "sys/internal/ui/mounts/MOUNT/rekey"),
    "no such mount": Fact(ROTATION, "GET", "sys/internal/ui/mounts/nowhere"),
    "root asks for no such mount": Fact(ROOT, "GET", "sys/internal/ui/mounts/nowhere"),
    "no such engine": Fact(ROTATION, "GET", "nowhere/data/a"),
    "root asks no such engine": Fact(ROOT, "GET", "nowhere/data/a"),
    "no such path in it": Fact(ROOT, "GET", "MOUNT/nothing/a"),
    "data without a name": Fact(ROOT, "GET", "MOUNT/data/"),
    # Paths
    "two slashes": Fact(ROOT, "GET", "MOUNT/data/rekey//host-1/alice"),
    "up": Fact(ROOT, "GET", "MOUNT/data/rekey/../rekey/host-1/alice"),
    "two dots in a name": Fact(ROOT, "GET", "MOUNT/data/rekey/a..b"),
    "not printable": Fact(ROOT, "GET", "MOUNT/data/rekey/a%0Ab"),
    "a slash at the end": Fact(ROOT, "POST", "MOUNT/data/rekey/a/", {"data": {}}),
    "a quoted slash": Fact(ROOT, "GET", "MOUNT/data/rekey/host-1%2Falice"),
    # Settings
    "configuration": Fact(ROOT, "GET", "MOUNT/config"),
    "demand cas": Fact(ROOT, "POST", "MOUNT/config", {"cas_required": True}),
    "write without it": Fact(ROTATION, "POST", RECORD, {"data": {"a": "4"}}),
    "write with it": Fact(ROTATION, "POST", RECORD, {"data": {"a": "4"}, "options": {"cas": 3}}),
    "demand none": Fact(ROOT, "POST", "MOUNT/config", {"cas_required": False}),
    "delete after": Fact(ROOT, "POST", "MOUNT/config", {"delete_version_after": "3600s"}),
    "configuration then": Fact(ROOT, "GET", "MOUNT/config"),
    "a write that will be deleted": Fact(ROTATION, "POST", RECORD, {"data": {"a": "5"}, "options": {"cas": 4}}),
    "it is read": Fact(ROTATION, "GET", RECORD),
    "delete after none": Fact(ROOT, "POST", "MOUNT/config", {"delete_version_after": "0s"}),
    "a write that stays": Fact(ROTATION, "POST", RECORD, {"data": {"a": "6"}, "options": {"cas": 5}}),
    # Deleting
    "delete the newest": Fact(ROOT, "DELETE", RECORD),
    "read what is deleted": Fact(ROTATION, "GET", RECORD),
    "delete again": Fact(ROOT, "DELETE", RECORD),
    "write over it with 0": Fact(ROTATION, "POST", RECORD, {"data": {}, "options": {"cas": 0}}),
    "undelete": Fact(ROOT, "POST", "MOUNT/undelete/rekey/host-1/alice", {"versions": [6]}),
    "read it again": Fact(ROTATION, "GET", RECORD),
    "destroy": Fact(ROOT, "PUT", "MOUNT/destroy/rekey/host-1/alice", {"versions": [6]}),
    "read what is destroyed": Fact(ROTATION, "GET", RECORD),
    "undelete what is destroyed": Fact(ROOT, "POST", "MOUNT/undelete/rekey/host-1/alice", {"versions": [6]}),
    "still destroyed": Fact(ROTATION, "GET", RECORD),
    "no versions": Fact(ROOT, "POST", "MOUNT/undelete/rekey/host-1/alice", {}),
    "write over it": Fact(ROTATION, "POST", RECORD, {"data": {"a": "7"}, "options": {"cas": 6}}),
    "metadata": Fact(ROOT, "GET", META),
    "list with what is deleted": Fact(ROTATION, "GET", "MOUNT/metadata/rekey/host-1?list=true"),
    "forget": Fact(ROOT, "DELETE", META),
    "forgotten": Fact(ROTATION, "GET", RECORD),
    "no metadata": Fact(ROOT, "GET", META),
    "metadata first": Fact(ROOT, "POST", META, {"max_versions": 2}),
    "read only metadata": Fact(ROTATION, "GET", RECORD),
    "list only metadata": Fact(ROTATION, "GET", "MOUNT/metadata/rekey/host-1?list=true"),
    "number one again": Fact(ROTATION, "POST", RECORD, {"data": {}, "options": {"cas": 0}}),
    # Logins
    "wrong secret": Fact(NOBODY, "POST", "auth/approle/login", {"role_id": "ROLE", "secret_id": "S3cr3t-MARKER-wrong"}),
    "no such role": Fact(NOBODY, "POST", "auth/approle/login", {"role_id": "nobody", "secret_id": "SECRET"}),
    "no role": Fact(NOBODY, "POST", "auth/approle/login", {"secret_id": "SECRET"}),
    "a login without a secret": Fact(NOBODY, "POST", "auth/approle/login", {"role_id": "ROLE"}),
    "no such login": Fact(NOBODY, "POST", "auth/nowhere/login", {"role_id": "ROLE", "secret_id": "SECRET"}),
    "login by GET": Fact(NOBODY, "GET", "auth/approle/login"),
    "login": Fact(NOBODY, "POST", "auth/approle/login", {"role_id": "ROLE", "secret_id": "SECRET"}),
    **{"wrong again %d" % number: Fact(NOBODY, "POST", "auth/approle/login", {"role_id": "ROLE", "secret_id": "S3cr3t-MARKER-wrong"}) for number in range(6)},
    "right too late": Fact(NOBODY, "POST", "auth/approle/login", {"role_id": "ROLE", "secret_id": "SECRET"}),
}


class Side(Protocol):
    """One of the two."""

    url: str
    words: dict[str, str]
    tokens: dict[str, str]


class RealSide:
    """The real server."""

    def __init__(self, case: OpenBaoCase) -> None:
        server, mount = case.server, case.mount
        self.url = server.url
        self.words = {"MOUNT": mount, "ROLE": case.role.role_id, "SECRET": case.role.secret_id}
        policy, reading = documented_policy(mount), 'path "%s/data/rekey/*" { capabilities = ["read"] }' % mount
        self.tokens = {
            ROOT: server.root_token, ROTATION: server.make_token(policy), READER: server.make_token(reading), UNKNOWN: "s.S3cr3tMARKER", NOBODY: "",
            BUDGET_SPENT_MESSAGE: server.make_token(policy, num_uses=2), REVOKED: server.make_token(policy),
        }  # fmt: skip


class DoubleSide:
    """The double."""

    def __init__(self, double: HashiVaultDouble) -> None:
        self.url = double.url
        self.words = {"MOUNT": ENGINE, "ROLE": ROLE_ID, "SECRET": SECRET_ID}
        self.tokens = {
            ROOT: ROOT_TOKEN, ROTATION: double.issue(POLICY), READER: double.issue({ENGINE + "/data/rekey/*": {"read"}}), UNKNOWN: "s.S3cr3tMARKER", NOBODY: "",
            BUDGET_SPENT_MESSAGE: double.issue(POLICY, uses=2), REVOKED: double.issue(POLICY),
        }  # fmt: skip


def told(side: Side) -> dict[str, Any]:
    """What a server answers to all facts: the status, and the parts of the body that do not change from one to the next."""
    return {name: _answer(side, fact) for name, fact in FACTS.items()}


def _answer(side: Side, fact: Fact) -> tuple[int, Any]:
    def named(text: str) -> str:
        for word, value in side.words.items():
            text = re.sub(r"\b%s\b" % word, value, text)
        return text

    headers = {"X-Vault-Request": "true"}
    if side.tokens[fact.who]:
        headers["X-Vault-Token"] = side.tokens[fact.who]
    body = fact.body if isinstance(fact.body, bytes) or fact.body is None else named(json.dumps(fact.body)).encode()
    connection = http.client.HTTPConnection(side.url.partition("://")[2], timeout=30)
    try:
        # No library in between that would put the path in order.
        connection.request(fact.method, "/v1/" + named(fact.path), body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    try:
        content = json.loads(text.replace(side.words["MOUNT"], "MOUNT")) if text else None
    except ValueError:
        content = "not JSON"
    return answer.status, _steady(content)


def _steady(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _steady(value) for key, value in content.items() if key not in CHANGING}
    if isinstance(content, str) and re.match(r"\d{4}-\d\d-\d\dT", content):
        return "a time"
    return content


@pytest.fixture(name="double")
def a_double() -> Iterator[HashiVaultDouble]:
    with HashiVaultDouble(openbao=True) as running:
        running.mounts = {("", ENGINE): Mount()}
        running.roles["", "approle", ROLE_ID] = Role(SECRET_ID, POLICY, ttl=1200)
        yield running


def test_the_double_answers_as_the_real_server(openbao: OpenBaoCase, double: HashiVaultDouble) -> None:
    real, modelled = told(RealSide(openbao)), told(DoubleSide(double))
    different = ["%s:\n  real:   %s\n  double: %s" % (name, real[name], modelled[name]) for name in FACTS if real[name] != modelled[name]]
    assert not different, "%d of %d answers differ:\n%s" % (len(different), len(FACTS), "\n".join(different))
