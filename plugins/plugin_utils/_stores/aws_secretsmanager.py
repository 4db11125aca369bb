# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Secrets Manager: one secret per user, whose versions are whole records and whose staging labels say which of them count.

Versions never change; only labels move. ``AWSPENDING`` marks the newest record, and moving it is the compare-and-set: the service refuses
unless it still stands where the writer says (``RemoveFromVersionId`` of UpdateSecretVersionStage). ``AWSCURRENT`` marks the newest record whose
password is proved and which holds no pending one, so that is all that other readers see. It follows ``AWSPENDING`` in a call of its own; where
it is to go is noted in the version itself, so the next reader finishes what a killed writer has left.

Notes are secrets of their own, ``<path_prefix>/.rekey/<name>``, in one version after the other: the identifier of each follows from the name and its
number, and the service refuses a version that exists with another content. So of two writers of a number one is refused.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/ is where the facts about the service come from.
"""

from __future__ import annotations

import base64
import io
import json
import os
import time
import uuid
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, NoReturn, Optional, Tuple
from urllib.parse import quote, unquote

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._environment import from_environment
from ansible_collections.rekey.passwords.plugins.module_utils._parallel import run_parallel
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.http import ANSWER_LIMIT, DEADLINES, check_numbers

from .._aws_role import RoleCredentials, assume_role, invalid, tags_of
from ..record import Record
from ..store import Entry, Note, Store, StoreConflict, damaged_record, failure, read_record, sets_aside, sound

try:
    import boto3
    import botocore.session
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, ResponseStreamingError
    from botocore.loaders import create_loader

    HAS_BOTO3 = True
except ImportError:
    HAS_BOTO3 = False

AWSPENDING, AWSCURRENT, AWSPREVIOUS = "AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"
# A version cannot be written without a label; this one only carries it until AWSPENDING comes.
REKEY_WRITTEN = "REKEY_WRITTEN"
# The version with which every secret begins. It holds no password, since the service gives AWSCURRENT to the first version in any case.
# Its identifier and its content are always the same, so the service ignores a second writer.
BEGINNING = "72656b65-7900-4000-8000-000000000000"

_NOTES = ".rekey"  # in place of a host
_NAMESPACE = uuid.UUID("72656b65-7900-5000-8000-000000000001")  # of the identifiers of the notes' versions
_LABELS = "labels"  # the key beside a record's own for what a writer does with the labels
_NAME_MAX = 512  # characters
_TRIES = 10  # how often a record may change while it is read
_PIECE = 65536  # bytes that are read at once
_PAGES = 5000  # of a listing; a region has no more secrets than that
# Refusals that say something about a secret.
_ORDINARY = {
    "create_secret": ("ResourceExistsException",),
    "describe_secret": ("ResourceNotFoundException",),
    "get_secret_value": ("ResourceNotFoundException", "InvalidRequestException"),
}
_HINTS = {
    "AccessDeniedException": "The documentation of this store lists the permissions needed.",
    "DecryptionFailure": "Is the KMS key enabled, and may it be used with these credentials?",
    "EncryptionFailure": "Is the KMS key enabled, and may it be used with these credentials?",
    "ExpiredTokenException": "Get new credentials.",
    "InvalidSignatureException": "Check the secret key, and the clock of this machine.",
    "LimitExceededException": "A quota of the account is used up; one is that of the versions that a secret may get in a day.",
    "ThrottlingException": "Lower the concurrency, or run again later.",
    "UnrecognizedClientException": "Check the access key and the session token, and whether they are of this region.",
}


def _read_by_boto3(*_names: str) -> NoReturn:
    """A fallback that only names variables: boto3 reads them itself, since it knows which of them, of profiles and of roles belong together."""
    raise AnsibleFallbackNotFound


class _Refused(PasswordError):
    """The service has answered, and refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(errors.STORE_FAILED, message)
        self.code = code


class _OutOfReach(PasswordError):
    """No answer came; the next request would get none, either."""

    def __init__(self, message: str) -> None:
        super().__init__(errors.STORE_FAILED, message)


class _Body(io.BytesIO):
    """What was read of an answer, as the library reads an answer."""

    def stream(self) -> Iterator[bytes]:
        """All of it."""
        yield self.getvalue()


@dataclass
class _Version:
    """A version of a secret, and what its writer did, or was about to do, with the labels."""

    id: str
    record: Optional[Record]  # None at the beginning
    after: str  # where AWSPENDING was before
    source: str  # where AWSCURRENT was before
    target: str  # where AWSCURRENT belongs from then on
    is_newest: bool = True  # False if no version has AWSPENDING


class AwsSecretsManagerStore(Store):
    """Records in secrets ``<path_prefix>/<host>/<user>``."""

    argument_spec = dict(
        region=dict(type="str", fallback=(from_environment, ["AWS_REGION", "AWS_DEFAULT_REGION"])),
        profile=dict(type="str", fallback=(_read_by_boto3, ["AWS_PROFILE"])),
        access_key=dict(type="str", no_log=True, fallback=(_read_by_boto3, ["AWS_ACCESS_KEY_ID"])),
        secret_key=dict(type="str", no_log=True, fallback=(_read_by_boto3, ["AWS_SECRET_ACCESS_KEY"])),
        session_token=dict(type="str", no_log=True, fallback=(_read_by_boto3, ["AWS_SESSION_TOKEN"])),
        assume_role_arn=dict(type="str", fallback=(from_environment, ["AWS_SECRETSMANAGER_ASSUME_ROLE_ARN"])),
        role_session_name=dict(
            type="str", default="rekey", fallback=(from_environment, ["AWS_SECRETSMANAGER_ROLE_SESSION_NAME"])
        ),
        external_id=dict(type="str", fallback=(from_environment, ["AWS_SECRETSMANAGER_EXTERNAL_ID"])),
        session_tags=dict(type="dict", fallback=(from_environment, ["AWS_SECRETSMANAGER_SESSION_TAGS"])),
        transitive_tag_keys=dict(
            type="list",
            elements="str",
            no_log=False,
            fallback=(from_environment, ["AWS_SECRETSMANAGER_TRANSITIVE_TAG_KEYS"]),
        ),
        duration_seconds=dict(type="int", fallback=(from_environment, ["AWS_SECRETSMANAGER_DURATION_SECONDS"])),
        sts_endpoint_url=dict(type="str", fallback=(from_environment, ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])),
        endpoint_url=dict(
            type="str", fallback=(from_environment, ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"])
        ),
        ca_path=dict(type="path", fallback=(from_environment, ["AWS_CA_BUNDLE"])),
        kms_key_id=dict(type="str", no_log=False, fallback=(from_environment, ["AWS_SECRETSMANAGER_KMS_KEY_ID"])),
        tags=dict(type="dict", fallback=(from_environment, ["AWS_SECRETSMANAGER_TAGS"])),
        path_prefix=dict(type="str", default="rekey", fallback=(from_environment, ["AWS_SECRETSMANAGER_PATH_PREFIX"])),
        timeout=dict(type="float", default=10.0, fallback=(from_environment, ["AWS_SECRETSMANAGER_TIMEOUT"])),
        deadline=dict(type="float", fallback=(from_environment, ["AWS_SECRETSMANAGER_DEADLINE"])),
        retries=dict(type="int", default=4, fallback=(from_environment, ["AWS_SECRETSMANAGER_RETRIES"])),
        concurrency=dict(type="int", default=10, fallback=(from_environment, ["AWS_SECRETSMANAGER_CONCURRENCY"])),
    )
    constraints = dict(
        mutually_exclusive=[("profile", "access_key")],
        required_together=[("access_key", "secret_key")],
        required_by=dict(
            session_token=("access_key",),
            external_id=("assume_role_arn",),
            session_tags=("assume_role_arn",),
            transitive_tag_keys=("session_tags",),
            duration_seconds=("assume_role_arn",),
        ),
    )
    keeps_versions = True
    lease_seconds = 300.0  # the service asks for no more than one version of a secret in ten minutes, and forgets only those beyond a hundred

    def __init__(self, host: str, options: Dict[str, Any], loader: Any) -> None:
        super().__init__(host, options, loader)
        if not HAS_BOTO3:
            raise PasswordError(
                errors.INVALID_INPUT, missing_required_lib("boto3", reason="for the store aws_secretsmanager")
            )
        for name, least in (("timeout", 0.001), ("retries", 0), ("concurrency", 1)):
            if not options[name] >= least:
                raise invalid("%s must be at least %s" % (name, least))
        check_numbers(options["timeout"], options["retries"], options["concurrency"], options["deadline"])
        if options["ca_path"] and not os.path.isfile(options["ca_path"]):
            raise invalid("ca_path: there is no file %s" % options["ca_path"])
        prefix = options["path_prefix"].strip("/")
        if not prefix or _quoted(prefix, safe="/=") != prefix:
            raise invalid("path_prefix may hold ASCII letters, digits and /_+=.@- only, and must not be empty")
        self._prefix = "%s/%s/" % (prefix, "=2Erekey" if host == _NOTES else _quoted(host))
        self._notes = "%s/%s/" % (prefix, _NOTES)
        # What a secret gets when it is made.
        self._properties: Dict[str, Any] = {"KmsKeyId": options["kms_key_id"]} if options["kms_key_id"] else {}
        if options["tags"]:
            self._properties["Tags"] = tags_of("tags", options["tags"])
        self._concurrency = options["concurrency"]
        self._secrets = [options["secret_key"], options["session_token"]]
        self._deadline = options["deadline"] or DEADLINES * options["timeout"]
        self._assumed_role = options["assume_role_arn"]
        self._clients: List[Any] = []
        self._client = self._connect(options)
        self._location = "%s (%s)" % (self._client.meta.endpoint_url, self._client.meta.region_name)

    def _connect(self, options: Dict[str, Any]) -> Any:
        # The library reads many more variables than there are options, and most of them at a later time.
        for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value]:
            del os.environ[name]
        # Every request may be repeated: versions have identifiers that were chosen here, and labels are moved from where they are known to be.
        config = Config(
            connect_timeout=options["timeout"],
            read_timeout=options["timeout"],
            max_pool_connections=self._concurrency,
            retries={"mode": "standard", "total_max_attempts": options["retries"] + 1},
        )
        try:
            session = self._session(options)
            if options["assume_role_arn"]:
                ask = partial(self._client_of, session, options["sts_endpoint_url"], options["ca_path"], config)
                session = self._session(options, assume_role(options, session.get_credentials(), ask, self._learn))
            return self._client_of(session, options["endpoint_url"], options["ca_path"], config, "secretsmanager")
        except ValueError as exc:
            raise invalid("endpoint_url: %s" % Scrubber(self._secrets)(str(exc))) from None
        except BotoCoreError as exc:
            raise invalid("%s (%s)" % (Scrubber(self._secrets)(str(exc)), type(exc).__name__)) from None

    def _session(self, options: Dict[str, Any], role: Optional[RoleCredentials] = None) -> Any:
        """A session with the credentials of the options, of whatever else boto3 finds, or of a role."""
        core = botocore.session.Session(profile=options["profile"])
        core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
        if options["ca_path"]:
            # Also of the requests by which boto3 finds credentials.
            core.set_config_variable("ca_bundle", options["ca_path"])
        if role:
            core.register_component("credential_provider", role)
            return boto3.session.Session(botocore_session=core, region_name=options["region"])
        return boto3.session.Session(
            botocore_session=core,
            aws_access_key_id=options["access_key"],
            aws_secret_access_key=options["secret_key"],
            aws_session_token=options["session_token"],
            region_name=options["region"],
        )

    def _learn(self, *secrets: Optional[str]) -> None:
        self._secrets = [*self._secrets, *secrets]

    def _client_of(
        self, session: Any, endpoint_url: Optional[str], ca_path: Optional[str], config: Any, service: str, **keys: Any
    ) -> Any:
        """A client of a service, which is closed with the store."""
        client = session.client(service, endpoint_url=endpoint_url, verify=ca_path, config=config, **keys)
        client.meta.events.register("before-send.%s" % service, partial(self._send, client))
        self._clients.append(client)
        return client

    def _send(self, client: Any, request: Any, **_more: Any) -> Any:
        """Send a request for the library, which would read whatever comes for as long as it comes.

        :return: the answer; ``None`` leaves the request to the library.
        """
        delivery = getattr(getattr(client, "_endpoint", None), "http_session", None)
        if delivery is None:
            return None
        end = time.monotonic() + self._deadline
        request.stream_output = True
        answer = delivery.send(request)
        try:
            body = self._body(answer, end)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # Python's own reader of HTTP has more ways to fail than it documents.
            answer.raw.close()
            raise ResponseStreamingError(error=exc) from None
        return AWSResponse(answer.url, answer.status_code, answer.headers, _Body(body))

    def _body(self, answer: Any, end: float) -> bytes:
        # Below the library's own reading, which waits until a piece is full.
        source, body = getattr(answer.raw, "_fp", answer.raw), bytearray()
        while True:
            piece = source.read1(_PIECE)
            if not piece:
                break
            body += piece
            if len(body) > ANSWER_LIMIT:
                raise OSError("an answer of more than %d bytes" % ANSWER_LIMIT)
            if time.monotonic() > end:
                raise OSError("an answer that did not end within %g seconds (deadline)" % self._deadline)
        if getattr(source, "length", None):
            raise OSError("the connection ended in the middle of an answer")
        # The connection serves the next request.
        source.close()
        answer.raw.release_conn()
        return bytes(body)

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def get(self, users: Iterable[str]) -> Dict[str, Entry]:
        users = list(users)
        heads = zip(users, self._each(self._read, users))
        return {
            user: Entry(head.record, head.id) if head and head.record else Entry(None, None) for user, head in heads
        }

    def put(self, entries: Dict[str, Entry]) -> None:
        written = self._each(lambda user: self._write(user, entries[user]), entries)
        conflicts = sorted(user for user, done in zip(entries, written) if not done)
        if conflicts:
            raise StoreConflict(conflicts)

    def list(self) -> List[str]:
        users: List[str] = []
        page: Dict[str, str] = {}
        for _page in range(_PAGES):
            answer = self._call(
                "list_secrets",
                self._prefix,
                Filters=[{"Key": "name", "Values": [self._prefix]}],
                IncludePlannedDeletion=True,
                MaxResults=100,
                **page,
            )
            for secret in answer["SecretList"]:
                name, versions = secret["Name"], secret.get("SecretVersionsToStages") or {}
                # The service's filter may be broader; and a secret that has only begun does not hold one.
                if name.startswith(self._prefix) and _by_label(versions).get(AWSPENDING, BEGINNING) != BEGINNING:
                    users.append(self._user(name))
            if not answer.get("NextToken"):
                return sorted(users)
            page = {"NextToken": answer["NextToken"]}
        raise failure(
            "The list of the secrets %s* at %s does not end: %d pages were read."
            % (self._prefix, self._location, _PAGES)
        )

    def read_note(self, name: str) -> Note:
        held = self._read_note(self._named(self._notes, name))
        return Note(held["content"], held["number"]) if held else Note(None, None)

    def write_note(self, name: str, content: Dict[str, Any], version: Any) -> int:
        secret, number, writer = self._named(self._notes, name), (version or 0) + 1, str(uuid.uuid4())
        # Two writers may write the same content, so it does not show whose it is.
        text = json.dumps({"content": content, "number": number, "writer": writer}, sort_keys=True)
        params = {"ClientRequestToken": str(uuid.uuid5(_NAMESPACE, "%s %d" % (secret, number))), "SecretString": text}
        try:
            if version:
                self._call("put_secret_value", secret, SecretId=secret, **params)
            else:
                self._call("create_secret", secret, Name=secret, **self._properties, **params)
            return number
        except PasswordError as error:
            trouble = error
        # It may be refused because an earlier try of ours was carried out and its answer lost.
        held = self._read_note(secret)
        if held and held["writer"] == writer:
            return number
        if (
            getattr(trouble, "code", None) != "ResourceExistsException"
            and (held["number"] if held else None) == version
        ):
            raise trouble
        raise StoreConflict([name])

    def _read_note(self, secret: str) -> Optional[Dict[str, Any]]:
        """The newest version of a note; ``None`` if it does not exist."""
        for _try in range(_TRIES):
            answer, refusal = self._try("get_secret_value", secret, SecretId=secret)
            if not refusal:
                break
            if self._labels(secret) is None:  # says why
                return None
        else:
            raise failure("%s It is a note of the rotation; delete it for good." % refusal.message)
        try:
            held: Dict[str, Any] = json.loads(answer["SecretString"])
            if (
                isinstance(held["content"], dict)
                and isinstance(held["number"], int)
                and isinstance(held["writer"], str)
            ):
                return held
        except (KeyError, ValueError, TypeError):
            pass
        raise failure(
            "The secret %s in %s is not a note of the rotation. Delete it for good, or choose another path_prefix."
            % (secret, self._location)
        )

    # ---- one user ----

    def _user(self, name: str) -> str:
        """The user of a secret."""
        return unquote(name[len(self._prefix) :].replace("=", "%"))

    def _name(self, user: str) -> str:
        return self._named(self._prefix, user)

    def _named(self, folder: str, text: str) -> str:
        name = folder + _quoted(text)
        if len(name) > _NAME_MAX:
            raise failure(
                "The name of the secret of %s would have %d characters; Secrets Manager allows %d."
                % (text, len(name), _NAME_MAX)
            )
        return name

    def _read(self, user: str, writing: bool = False) -> Optional[_Version]:
        """The newest record, with AWSCURRENT where it belongs.

        :param writing: whether a label that cannot be moved is an error; a reader gets the record all the same.
        :return: ``None`` if the secret does not exist or is empty.
        """
        name = self._name(user)
        labels: Dict[str, str] = {}
        for _try in range(_TRIES):
            answer, refusal = self._try("get_secret_value", name, SecretId=name, VersionStage=AWSPENDING)
            if refusal:
                labels = self._labels(name) or {}  # says why
                if not labels:
                    return None
                if AWSPENDING not in labels:
                    return self._foreign(name, user, labels)
                continue
            version = self._parsed(name, answer)
            if AWSCURRENT in answer["VersionStages"] and version.target == version.id:
                return version
            labels = self._labels(name) or {}
            if labels.get(AWSPENDING) != version.id:
                continue  # somebody else has written meanwhile
            self._finish(name, version, labels, writing)
            return version
        if refusal:
            message = "%s The label %s is there. Give it to a version that holds a record." % (
                refusal.message,
                AWSPENDING,
            )
            return self._no_record(message, user, None, labels[AWSPENDING], labels.get(AWSCURRENT))
        raise failure(
            "The secret %s in %s keeps changing; run again when nothing else rotates it." % (name, self._location)
        )

    def _finish(self, name: str, version: _Version, labels: Dict[str, str], writing: bool) -> None:
        """Move AWSCURRENT where the writer of the newest version was about to move it.

        :raises PasswordError: ``store_failed``: somebody else has moved it, or it may not be moved.
        """
        if labels.get(AWSCURRENT) == version.target:
            return
        # If AWSCURRENT had been there and was taken back, the service would have left AWSPREVIOUS there.
        if labels.get(AWSCURRENT) != version.source or labels.get(AWSPREVIOUS) == version.target:
            raise failure(
                "In the secret %s in %s somebody else has moved the label %s: it stands at the version %s and not at %s. Look at both, and move it back or "
                "repair the record; nothing is overwritten."
                % (name, self._location, AWSCURRENT, labels.get(AWSCURRENT), version.target)
            )
        try:
            self._move(name, AWSCURRENT, source=version.source, target=version.target)
        except _Refused as denial:
            if writing or denial.code != "AccessDeniedException":
                raise

    def _foreign(self, name: str, user: str, labels: Dict[str, Any]) -> _Version:
        """A secret without AWSPENDING, which somebody else has made.

        :raises PasswordError: unless damaged records are set aside.
        """
        message = (
            "The secret %s in %s was not written by the rotation: no version has the label %s. Give the label to the version that holds "
            "username and password, and the rotation takes it over; or move the secret away."
            % (name, self._location, AWSPENDING)
        )
        current = labels.get(AWSCURRENT)
        content = None
        if sets_aside() and current:
            content = _content(self._call("get_secret_value", name, SecretId=name, VersionId=current))
        return replace(self._no_record(message, user, content, current, current), is_newest=False)

    def _no_record(
        self, message: str, user: str, content: Any, version: Optional[str], current: Optional[str]
    ) -> _Version:
        """A version that holds something else than a record, as one with a record that holds only that.

        :param current: where AWSCURRENT is.
        :raises PasswordError: unless damaged records are set aside; or there is no AWSCURRENT that could follow.
        """
        if not version or not current:
            raise failure(message) from None
        return _Version(version, damaged_record(message, content, user, self.host), version, current, current)

    def _write(self, user: str, entry: Entry) -> bool:
        """Write a record.

        :return: False if somebody else has changed it.
        """
        name, head = self._name(user), self._read(user, writing=True)
        if (head.id if head and head.record else None) != entry.version:
            return False
        if head is None:
            if not self._begin(name, user):
                return False
            head = _Version(BEGINNING, None, BEGINNING, BEGINNING, BEGINNING)
        # The service refuses if another version has got the label meanwhile.
        if not head.is_newest and not self._move(name, AWSPENDING, source=None, target=head.id):
            return False
        record, new = entry.known, str(uuid.uuid4())
        source = target = head.target
        if record.password != (head.record.password if head.record else None):
            # AWSCURRENT moves only if the password does, or AWSPREVIOUS would lose the one before.
            target = new
            if record.pending:
                target = str(uuid.uuid4())
                self._store(name, replace(record, pending=None), _Version(target, None, head.id, source, target))
        self._store(name, record, _Version(new, None, head.id, source, target))
        if not self._move(name, AWSPENDING, source=head.id, target=new) and not self._was_written(name, new, head.id):
            return False
        if target != source:
            self._move(name, AWSCURRENT, source=source, target=target)
        return True

    def _begin(self, name: str, user: str) -> bool:
        """Make the secret, with a first version that has both labels and no password.

        :return: False if there is something in it by now.
        """
        _answer, refusal = self._try("create_secret", name, Name=name, **self._properties)
        # If it exists it was made by another writer just now, or by one that was killed here.
        if refusal and self._labels(name):
            return False
        self._put(name, BEGINNING, {"username": user}, labels=[AWSCURRENT, AWSPENDING])
        return True

    def _store(self, name: str, record: Record, version: _Version) -> None:
        labels = {AWSPENDING: version.after, AWSCURRENT: [version.source, version.target]}
        content = dict(record.as_dict(), **{_LABELS: labels})
        self._put(name, version.id, content, labels=[REKEY_WRITTEN], secrets=record.secrets)

    def _put(
        self, name: str, version: str, content: Dict[str, Any], *, labels: List[str], secrets: Iterable[str] = ()
    ) -> None:
        # In one form always, so that the service takes a repetition for one.
        text = json.dumps(content, sort_keys=True)
        self._call(
            "put_secret_value",
            name,
            secrets,
            SecretId=name,
            ClientRequestToken=version,
            SecretString=text,
            VersionStages=labels,
        )

    def _move(self, name: str, label: str, *, source: Optional[str], target: str) -> bool:
        """Move a label if it is at the source; if the answer is lost, look.

        :param source: a version; ``None``: no version may have the label.
        :return: False if it is elsewhere by now.
        """
        try:
            origin = {"RemoveFromVersionId": source} if source else {}
            self._call(
                "update_secret_version_stage", name, SecretId=name, VersionStage=label, MoveToVersionId=target, **origin
            )
            return True
        except PasswordError as error:
            trouble = error
        now_at = (self._labels(name) or {}).get(label)
        if now_at == source:
            raise trouble
        return now_at == target

    def _was_written(self, name: str, new: str, old: str) -> bool:
        """Whether a version was the newest for a while, although the answer said otherwise or was lost."""
        head = (self._labels(name) or {}).get(AWSPENDING)
        for _step in range(_TRIES):
            if head in (new, old, None):
                break
            head = self._parsed(name, self._call("get_secret_value", name, SecretId=name, VersionId=head)).after
        return head == new

    def _labels(self, name: str) -> Optional[Dict[str, str]]:
        """Where each label stands; empty if the secret has no version, ``None`` if there is no secret."""
        secret, refusal = self._try("describe_secret", name, SecretId=name)
        if refusal:
            return None
        if secret.get("DeletedDate"):
            raise failure(
                "The secret %s in %s is scheduled for deletion. Restore it (aws secretsmanager restore-secret --secret-id %s); if its passwords are of no use "
                "any more, delete it for good." % (name, self._location, name)
            )
        return _by_label(secret.get("VersionIdsToStages") or {})

    def _parsed(self, name: str, answer: Dict[str, Any]) -> _Version:
        version, where = (
            answer["VersionId"],
            "the version %s of the secret %s in %s" % (answer["VersionId"], name, self._location),
        )
        try:
            content = json.loads(answer["SecretString"])
            noted = content.pop(_LABELS, None)
            # A version that somebody else has made does not say what to do with the labels.
            labels = noted or {AWSPENDING: version, AWSCURRENT: (version, version)}
            after, (source, target) = labels[AWSPENDING], labels[AWSCURRENT]
        except (KeyError, ValueError, TypeError, AttributeError):
            message = (
                "There is no record in %s. Restore it from a copy, or from an earlier version; it is not overwritten."
                % where
            )
            current = (self._labels(name) or {}).get(AWSCURRENT) if sets_aside() else version
            return self._no_record(message, self._user(name), _content(answer), version, current)
        record = read_record(content, self._user(name), where, self.host)
        if not noted and sets_aside() and record.set_aside and "set_aside" not in content:
            # It was damaged, so it does not say where AWSCURRENT belongs, either.
            source = target = (self._labels(name) or {}).get(AWSCURRENT) or version
        return _Version(version, None if version == BEGINNING else record, after, source, target)

    # ---- requests ----

    def _each(self, work: Callable[[str], Any], users: Iterable[str]) -> List[Any]:
        """Do the work for all users and return the results in their order. A refusal concerns one user; if the service is unreachable, no more are tried."""
        return run_parallel(
            work,
            users,
            self._concurrency,
            lambda error: isinstance(error, PasswordError) and not isinstance(error, _OutOfReach),
        )

    def _try(self, operation: str, name: str, **params: Any) -> Tuple[Any, Any]:
        """Make a request that may well be refused because something exists already, or does not.

        :return: (the answer, the refusal); one of them is ``None``.
        """
        try:
            return self._call(operation, name, **params), None
        except _Refused as refusal:
            if refusal.code not in _ORDINARY[operation]:
                raise
            return None, refusal

    def _call(self, operation: str, what: str, secrets: Iterable[Optional[str]] = (), **params: Any) -> Any:
        """Make a request.

        :param what: its subject, for messages.
        :param secrets: what it holds that no message may show.
        :raises PasswordError: ``store_failed``, as :class:`_Refused` or :class:`_OutOfReach`.
        """
        scrub = Scrubber((*self._secrets, *secrets))
        request = "%s of %s at %s" % (self._client.meta.method_to_api_mapping[operation], what, self._location)
        try:
            answer = getattr(self._client, operation)(**params)
        except ClientError as exc:
            # The role may have been assumed, or refused, only now.
            scrub.add(*self._secrets)
            error = exc.response.get("Error", {})
            code, message = str(error.get("Code")), error.get("Message")
            if exc.operation_name != self._client.meta.method_to_api_mapping[operation]:
                raise _OutOfReach(scrub(self._no_credentials(exc.operation_name, code, message))) from None
            text = "%s was refused: %s (%s). %s" % (request, code, message, _HINTS.get(code, ""))
            raise _Refused(code, scrub(text.strip())) from None
        except BotoCoreError as exc:
            scrub.add(*self._secrets)
            raise _OutOfReach(
                scrub("%s failed: %s (%s)" % (request, str(exc).rstrip("."), type(exc).__name__))
            ) from None
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # An answer that the library cannot read; its text may hold what was sent.
            raise _OutOfReach("%s failed: %s." % (request, type(exc).__name__)) from None
        if ("SecretList" if operation == "list_secrets" else "ARN") not in answer:
            # Something in between has answered, such as a proxy with a page of its own. Read as an answer that would be an empty store.
            raise _OutOfReach("%s failed: the answer is not from Secrets Manager." % request)
        return answer

    def _no_credentials(self, operation: str, code: str, message: Optional[str]) -> str:
        """What to say where a request was not sent, since there are no credentials for it."""
        if operation != "AssumeRole" or not self._assumed_role:
            return "The request for credentials (%s) was refused: %s (%s)." % (operation, code, message)
        return (
            "AssumeRole of %s at %s was refused: %s (%s). Is assume_role_arn right, may these credentials assume it, and does its trust policy let them "
            "(with external_id and session_tags, if those are given)?"
            % (self._assumed_role, self._clients[-1].meta.endpoint_url, code, message)
        )


@lru_cache
def _loader(data_path: str) -> Any:
    """What reads the library's descriptions of services; shared, since that is most of what it costs to open a store."""
    return create_loader(data_path)


def _quoted(text: str, safe: str = "") -> str:
    """A text in the characters that a secret's name may have; ``=`` begins what is quoted, as ``%`` does in a URL."""
    return quote(sound(text), safe=safe + "@+").replace("~", "%7E").replace("%", "=")


def _content(answer: Dict[str, Any]) -> Optional[str]:
    """What a version holds, as text."""
    if "SecretBinary" in answer:
        return base64.b64encode(answer["SecretBinary"]).decode("ascii")
    return answer.get("SecretString")


def _by_label(versions: Dict[str, Any]) -> Dict[str, str]:
    return {label: version for version, labels in versions.items() for label in labels or ()}


STORE = AwsSecretsManagerStore
