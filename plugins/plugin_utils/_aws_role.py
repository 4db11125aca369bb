# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role that the store aws_secretsmanager assumes, and the tags of sessions and secrets.

Facts: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html. The options are called as in the collection amazon.aws: assume_role_arn as in
its plugins, the others as in its module sts_assume_role.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

try:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    HAS_BOTOCORE = True
except ImportError:
    HAS_BOTOCORE = False

_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SESSION_SECONDS = (900, 43200)
# Seconds before the credentials of a role expire. Botocore's own 900 are all that the shortest session has.
_RENEWED_BEFORE = 300
_TAGS, _TAG_KEY, _TAG_VALUE = 50, 128, 256  # the most tags, and characters of each

_DeferredCredentials: Any = DeferredRefreshableCredentials if HAS_BOTOCORE else object


class RoleCredentials(_DeferredCredentials):
    """Credentials of an assumed role, which it is asked for when they are needed and again before they expire."""

    _advisory_refresh_timeout = _RENEWED_BEFORE  # one request renews them, the others go on
    _mandatory_refresh_timeout = _RENEWED_BEFORE // 2  # all wait for them

    def load_credentials(self) -> RoleCredentials:
        """What a session calls that has nothing else to find credentials with."""
        return self


def assume_role(
    options: Dict[str, Any], source: Any, make_client: Callable[..., Any], learn: Callable[..., None]
) -> RoleCredentials:
    """The credentials of the role that the options name; nothing is asked for yet.

    :param source: the credentials that assume it; ``None`` if there are none.
    :param make_client: takes a service and keys, as a session's ``client``.
    :param learn: takes secrets as they become known.
    :raises PasswordError: ``invalid_input``.
    """
    request = _request(options)
    if source is None:
        raise invalid("assume_role_arn: there are no credentials that could assume the role")
    fetcher = AssumeRoleCredentialFetcher(
        make_client, source, options["assume_role_arn"], extra_args=request, expiry_window_seconds=_RENEWED_BEFORE
    )

    def fetch() -> Dict[str, Any]:
        # A refusal may repeat what was signed.
        asking = source.get_frozen_credentials()
        learn(asking.secret_key, asking.token)
        found: Dict[str, Any] = fetcher.fetch_credentials()
        learn(found["secret_key"], found["token"])
        return found

    return RoleCredentials(fetch, "assume-role")


def _request(options: Dict[str, Any]) -> Dict[str, Any]:
    """What AssumeRole is asked for beside the role.

    :raises PasswordError: ``invalid_input``.
    """
    if not _ROLE.fullmatch(options["assume_role_arn"]):
        raise invalid("assume_role_arn must be the ARN of a role, such as arn:aws:iam::123456789012:role/rotation")
    if not _SESSION_NAME.fullmatch(options["role_session_name"]):
        raise invalid("role_session_name must be 2 to 64 letters, digits and characters of _+=,.@-")
    request = {"RoleSessionName": options["role_session_name"]}
    if options["external_id"]:
        request["ExternalId"] = options["external_id"]
    seconds = options["duration_seconds"]
    if seconds is not None:
        if not _SESSION_SECONDS[0] <= seconds <= _SESSION_SECONDS[1]:
            raise invalid("duration_seconds must be %d to %d" % _SESSION_SECONDS)
        request["DurationSeconds"] = seconds
    if options["session_tags"]:
        request["Tags"] = tags_of("session_tags", options["session_tags"])
    if options["transitive_tag_keys"]:
        if not set(options["transitive_tag_keys"]) <= set(options["session_tags"]):
            raise invalid("transitive_tag_keys may name keys of session_tags only")
        request["TransitiveTagKeys"] = options["transitive_tag_keys"]
    endpoint = options["sts_endpoint_url"]
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise invalid("sts_endpoint_url must begin with https://")
    return request


def tags_of(option: str, given: Dict[Any, Any]) -> List[Dict[str, str]]:
    """Tags as the services take them.

    :raises PasswordError: ``invalid_input``; the message does not repeat them.
    """
    if len(given) > _TAGS:
        raise invalid("%s: there are %d, and no more than %d are allowed" % (option, len(given), _TAGS))
    tags = []
    for key, value in given.items():
        # As YAML reads a cost centre; a longer number is refused below, since Python may refuse to write it.
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_TAG_VALUE:
            value = str(value)
        if not isinstance(key, str) or not 0 < len(key) <= _TAG_KEY or key.lower().startswith("aws:"):
            raise invalid(
                "%s: a key must be a text of 1 to %d characters that does not begin with aws:" % (option, _TAG_KEY)
            )
        if not isinstance(value, str) or len(value) > _TAG_VALUE:
            raise invalid("%s: a value must be a text of at most %d characters" % (option, _TAG_VALUE))
        if not _is_sound(key) or not _is_sound(value):
            raise invalid("%s: a key or value holds a NUL or a broken character" % option)
        tags.append({"Key": key, "Value": value})
    return tags


def _is_sound(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def invalid(message: str) -> PasswordError:
    """The error of a store that cannot be opened."""
    return PasswordError(errors.INVALID_INPUT, "The store aws_secretsmanager cannot be opened: %s." % message)
