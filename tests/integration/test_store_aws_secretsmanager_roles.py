# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager used as another role, and the tags that secrets get."""

from __future__ import annotations

import datetime
import os
import pathlib
from typing import Any, Iterator

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store
from ansible_collections.rekey.passwords.plugins.plugin_utils.record import Record
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Store

from tests.servers.secrets_manager import ACCOUNT, DROPPED, Call, SecretsManager, refused, refused_by_sts
from tests.store_cases.aws_secretsmanager import ACCESS_KEY, SECRET_KEY, AwsSecretsManagerCase
from tests.unit.plugins.rotation_doubles import loader

ALICE = "rekey/host-1/alice"
OLD, NEW = "S3cr3t-MARKER-old", "S3cr3t-MARKER-new"
USERS = ["user-%d" % number for number in range(8)]
ROLE = "arn:aws:iam::%s:role/team/rotation" % ACCOUNT


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    # How long the library waits before it tries again is not what is tested here.
    pytest.importorskip("boto3")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0)


@pytest.fixture(name="case")
def a_case(tmp_path: pathlib.Path) -> Iterator[AwsSecretsManagerCase]:
    with AwsSecretsManagerCase(tmp_path) as running:
        yield running


@pytest.fixture(name="service")
def a_service(case: AwsSecretsManagerCase) -> SecretsManager:
    return case.service


def opened(case: AwsSecretsManagerCase, **options: Any) -> Store:
    """The store with a role, unless an option of that name is ``None``."""
    given = {**case.options["store_options"], "assume_role_arn": ROLE, "sts_endpoint_url": case.service.url, **options}
    return open_store("aws_secretsmanager", "host-1", {"store_options": {name: value for name, value in given.items() if value is not None}}, loader())


def put(store: Store, password: str, *users: str) -> None:
    """Set the current password of users, whatever stood there."""
    entries = store.get(users)
    store.put({user: Entry(Record(user, password=password, status="current"), entries[user].version) for user in users})


def failure_of(call: Any, *args: Any, kind: str = "store_failed", **kwargs: Any) -> str:
    """The message of a store that fails; never with a secret, nor with an exception behind it that holds one."""
    with pytest.raises(PasswordError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind == kind and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    assert "MARKER" not in caught.value.message, caught.value.message
    return caught.value.message


def signed_by(call: Call) -> tuple[str, str | None]:
    """The access key and the session token of a request."""
    return call.authorization.partition("Credential=")[2].partition("/")[0], call.token


def of_sts(service: SecretsManager) -> list[Call]:
    """The requests to assume a role."""
    return [call for call in service.calls if call.operation == "AssumeRole"]


def test_everything_is_done_as_the_role_which_is_assumed_once(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    store = opened(case)
    assert not service.calls, "nothing is asked before it is needed"
    put(store, OLD, *USERS)
    put(store, NEW, *USERS)
    assert store.list() == USERS
    store.write_note("lease", {"owner": "a"}, None)
    (role,) = service.assumed_roles
    (asked,) = of_sts(service)
    assert (role.role_arn, role.session_name) == (ROLE, "rekey") and signed_by(asked) == (ACCESS_KEY, None)
    assert {name: value for name, value in asked.params.items() if name not in ("Action", "Version")} == {"RoleArn": ROLE, "RoleSessionName": "rekey"}
    assert {signed_by(call) for call in service.calls if call is not asked} == {(role.access_key_id, role.session_token)}
    assert len(service.calls) > 50
    store.close()


def test_what_is_asked_for(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    store = opened(
        case, role_session_name="awx-17", external_id="ours", duration_seconds=900, session_tags={"team": "dba", "cost": 17}, transitive_tag_keys=["team"]
    )
    store.get(["alice"])
    store.close()
    (asked,) = of_sts(service)
    assert {name: value for name, value in asked.params.items() if name not in ("Action", "Version")} == {
        "RoleArn": ROLE, "RoleSessionName": "awx-17", "ExternalId": "ours", "DurationSeconds": "900", "TransitiveTagKeys.member.1": "team",
        "Tags.member.1.Key": "team", "Tags.member.1.Value": "dba", "Tags.member.2.Key": "cost", "Tags.member.2.Value": "17",
    }  # fmt: skip


def test_all_of_it_from_the_environment(case: AwsSecretsManagerCase, service: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "ASSUME_ROLE_ARN": ROLE, "ROLE_SESSION_NAME": "awx-17", "EXTERNAL_ID": "ours", "DURATION_SECONDS": "900",
        "SESSION_TAGS": '{"team": "dba", "job": "a=b"}',
        "TRANSITIVE_TAG_KEYS": "team,job", "TAGS": "owner=dba,stage=prod",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv("AWS_SECRETSMANAGER_" + name, value)
    for name, value in {"ACCESS_KEY_ID": "AKIA-env", "SECRET_ACCESS_KEY": SECRET_KEY, "SESSION_TOKEN": "S3cr3t-MARKER-env", "REGION": "eu-west-1"}.items():
        monkeypatch.setenv("AWS_" + name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = open_store("aws_secretsmanager", "host-1", {"store_options": {"endpoint_url": service.url}}, loader())
    put(store, NEW, "alice")
    store.close()
    (asked,) = of_sts(service)
    assert signed_by(asked) == ("AKIA-env", "S3cr3t-MARKER-env") and "/eu-west-1/sts/" in asked.authorization
    assert (asked.params["RoleSessionName"], asked.params["Tags.member.2.Value"], asked.params["TransitiveTagKeys.member.2"]) == ("awx-17", "a=b", "job")
    create = next(call.params for call in service.calls if call.operation == "CreateSecret")
    assert create["Tags"] == [{"Key": "owner", "Value": "dba"}, {"Key": "stage", "Value": "prod"}]


def test_a_role_that_a_pod_has_assumes_another_one(
    case: AwsSecretsManagerCase, service: SecretsManager, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, as EKS sets them, remain what boto3 reads."""
    (tmp_path / "web").write_text("S3cr3t-MARKER-web-identity", encoding="ascii")
    pod = "arn:aws:iam::%s:role/pod" % ACCOUNT
    for name, value in {"ROLE_ARN": pod, "WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "web"), "ENDPOINT_URL_STS": service.url}.items():
        monkeypatch.setenv("AWS_" + name, value)
    store = opened(case, access_key=None, secret_key=None, sts_endpoint_url=None)
    store.get(["alice"])
    store.close()
    first, second = service.assumed_roles
    assert (first.role_arn, second.role_arn) == (pod, ROLE)
    (asked,) = of_sts(service)
    assert signed_by(asked) == (first.access_key_id, first.session_token) and signed_by(service.calls[-1]) == (second.access_key_id, second.session_token)


def test_credentials_are_renewed_before_they_expire(case: AwsSecretsManagerCase, service: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.sts import models  # pylint: disable=import-outside-toplevel

    now = models.utcnow
    monkeypatch.setattr(models, "utcnow", lambda: now() - datetime.timedelta(seconds=840))
    store = opened(case, duration_seconds=900)
    put(store, OLD, "alice")
    # They are good for another minute, so they are replaced each time.
    nearly = len(of_sts(service))
    assert nearly > 2
    monkeypatch.undo()
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    put(store, NEW, "alice")
    # The shortest session is long enough not to be renewed at each request.
    assert len(of_sts(service)) == nearly + 1
    last = service.assumed_roles[-1]
    assert signed_by(service.calls[-1]) == (last.access_key_id, last.session_token)
    assert store.get(["alice"])["alice"].record.password == NEW and len(of_sts(service)) == nearly + 1
    store.close()


def test_a_role_that_is_refused_is_told_and_nothing_is_read(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    message = "User is not authorized to perform: sts:AssumeRole on resource %s; %s S3cr3t-MARKER-token" % (ROLE, SECRET_KEY)
    service.before = lambda call: refused_by_sts("AccessDenied", message) if call.operation == "AssumeRole" else None
    store = opened(case, session_token="S3cr3t-MARKER-token", concurrency=1)
    for call in (lambda: store.get(["alice", "bob", "carol"]), store.list, lambda: put(store, NEW, "alice"), lambda: store.write_note("lease", {}, None)):
        service.calls.clear()
        told = failure_of(call)
        assert told.startswith("AssumeRole of %s at %s was refused: AccessDenied (User is not authorized to perform" % (ROLE, service.url))
        assert "Is assume_role_arn right" in told and "external_id" in told
        assert set(service.operations()) == {"AssumeRole"}
    store.close()


def test_what_the_service_says_of_the_role_s_own_credentials_is_scrubbed(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    def repeat(call: Call) -> Any:
        if call.operation != "GetSecretValue":
            return None
        role = service.assumed_roles[-1]
        return refused("InvalidSignatureException", "should have been x-amz-security-token:%s with %s" % (role.session_token, role.secret_access_key))

    service.before = repeat
    store = opened(case)
    told = failure_of(store.get, ["alice"])
    role = service.assumed_roles[-1]
    assert "InvalidSignatureException" in told and role.session_token not in told and role.secret_access_key not in told
    assert "Check the secret key" in told
    store.close()


@pytest.mark.parametrize("trouble", [DROPPED, refused_by_sts("InternalFailure", status=500), (200, b"<html>a page</html>"), (200, b"{}")], ids=repr)
def test_sts_that_does_not_answer_is_told(case: AwsSecretsManagerCase, service: SecretsManager, trouble: Any) -> None:
    service.before = lambda call: trouble if call.operation == "AssumeRole" else None
    store = opened(case, retries=1)
    told = failure_of(store.get, ["alice"])
    assert "failed: " in told or "InternalFailure" in told
    store.close()


def test_a_request_to_sts_is_repeated(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    service.before = lambda call: DROPPED if call.number == 0 else None
    store = opened(case, retries=1)
    put(store, NEW, "alice")
    assert service.operations()[:2] == ["AssumeRole", "AssumeRole"]
    store.close()


def test_the_certificate_of_sts_is_checked(case: AwsSecretsManagerCase, tls_files: Any) -> None:
    with SecretsManager(tls=(str(tls_files.server_cert), str(tls_files.server_key))) as service:
        options = {"endpoint_url": service.url, "sts_endpoint_url": service.url, "retries": 0}
        assert "CERTIFICATE_VERIFY_FAILED" in failure_of(opened(case, **options).get, ["alice"])
        store = opened(case, ca_path=str(tls_files.ca), **options)
        put(store, NEW, "alice")
        assert len(of_sts(service)) == 1 == len(service.assumed_roles)
        store.close()


# Tags


def test_what_is_made_gets_the_tags_and_what_is_there_keeps_its_own(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    def tags(name: str) -> dict:
        return {tag["Key"]: tag["Value"] for tag in service.secrets[name].tags or ()}

    plain = opened(case, assume_role_arn=None)
    put(plain, OLD, "bob")
    plain.close()
    store = opened(case, assume_role_arn=None, tags={"owner": "dba", "cost": 4711, "empty": ""}, kms_key_id="alias/mine")
    put(store, OLD, "alice", "bob")
    version = store.write_note("lease", {"owner": "a"}, None)
    store.write_note("lease", {"owner": "b"}, version)
    wanted = {"owner": "dba", "cost": "4711", "empty": ""}
    assert tags(ALICE) == tags("rekey/.rekey/lease") == wanted and tags("rekey/host-1/bob") == {}
    assert all(call.params["KmsKeyId"] == "alias/mine" for call in service.calls if call.operation == "CreateSecret" and "Tags" in call.params)
    store.close()
    other = opened(case, assume_role_arn=None, tags={"owner": "somebody"})
    put(other, NEW, "alice")
    assert tags(ALICE) == wanted and not {"TagResource", "UntagResource"} & set(service.operations())
    other.close()


def test_a_refusal_to_tag_names_the_permissions(case: AwsSecretsManagerCase, service: SecretsManager) -> None:
    message = "is not authorized to perform: secretsmanager:TagResource"
    service.before = lambda call: refused("AccessDeniedException", message) if call.operation == "CreateSecret" else None
    store = opened(case, assume_role_arn=None, tags={"owner": "dba"})
    told = failure_of(put, store, NEW, "alice")
    assert message in told and "lists the permissions needed" in told
    store.close()
