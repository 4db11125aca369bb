# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A webhook: whom a change concerns is sent to a URL, signed, and as often as it takes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any, Dict, List
from urllib.parse import urlsplit

from ansible_collections.rekey.passwords.plugins.module_utils import errors, http
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .options import USERS, Setting

EVENT = "password_changed"
_LONGEST_PAUSE = 10.0  # seconds
SIGNATURE = "X-Hub-Signature-256"  # as GitHub signs, which most receivers can check

SPEC = dict(
    argument_spec=dict(
        users=USERS,
        url=dict(type="str", required=True),
        send_password=dict(type="bool", default=False, no_log=False),
        secret=dict(type="str", no_log=True),
        headers=dict(type="dict", default={}, no_log=True),
        timeout=dict(type="float", default=30.0),
        retries=dict(type="int", default=3),
        validate_certs=dict(type="bool", default=True),
        ca_path=dict(type="path"),
        client_cert=dict(type="path"),
        client_key=dict(type="path", no_log=False),
    )
)
OF_USERS: Dict[str, Any] = {}


def check(setting: Setting) -> None:
    """Refuse what would fail in the middle of a delivery, or send a password readable.

    :raises PasswordError: ``invalid_input``.
    """
    options = setting.options
    try:
        http.check_url(options["url"].partition("?")[0])
        http.check_numbers(options["timeout"], options["retries"], 1)
    except PasswordError as error:
        raise setting.wrong(error.message) from None
    if not all(isinstance(value, str) for value in options["headers"].values()):
        raise setting.wrong("The value of a header is not a text; put it into quotes.")
    parts = urlsplit(options["url"])
    if options["send_password"] and (parts.scheme != "https" or not options["validate_certs"]):
        raise setting.wrong("send_password needs a URL with https:// and validate_certs.")
    if parts.scheme != "https" and not http.is_loopback(options["url"]):
        raise setting.wrong("url must begin with https://.")


def key_of(setting: Setting, target: str) -> str:
    """The idempotency key: the same for each try to deliver the same passwords to the same URL, in this run and in later ones."""
    changes = [[recipient.login.username, recipient.login.rotated_at] for recipient in setting.recipients]
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([setting.options["url"], target, sorted(changes)])))


def body_of(setting: Setting, target: str) -> bytes:
    """What is sent, as JSON."""
    users: List[Dict[str, Any]] = []
    for recipient in setting.recipients:
        login = recipient.login
        user = {"name": recipient.name, "username": login.username, "rotated_at": login.rotated_at}
        users.append(dict(user, password=login.password) if setting.options["send_password"] else user)
    return json.dumps({"event": EVENT, "target": target, "users": users}, sort_keys=True).encode()


def deliver(setting: Setting, *, target: str, scrub: Scrubber, check_mode: bool) -> bool:
    """Send the request.

    :param target: the name of the records.
    :return: whether it was sent.
    :raises PasswordError: it was not received.
    """
    options = setting.options
    scrub.add(*filter(None, [options["secret"], *options["headers"].values()]))
    if check_mode:
        return True
    url = urlsplit(options["url"])
    body = body_of(setting, target)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key_of(setting, target), **options["headers"]}
    if options["secret"]:
        headers[SIGNATURE] = "sha256=" + hmac.new(options["secret"].encode(), body, hashlib.sha256).hexdigest()
    client = http.HttpClient(
        "%s://%s" % (url.scheme, url.netloc),
        scrub,
        options["timeout"],
        options["retries"],
        options["validate_certs"],
        options["ca_path"],
        options["client_cert"],
        options["client_key"],
    )
    try:
        answer = _sent(client, url.path + ("?" + url.query if url.query else ""), body, headers, options["retries"])
    finally:
        client.close()
    if not 200 <= answer.status < 300:
        kind = errors.VENDOR_UNAVAILABLE if answer.status >= 500 else errors.UNEXPECTED_RESPONSE
        raise PasswordError(
            kind, "%s://%s responded with HTTP status %d." % (url.scheme, url.netloc, answer.status), answer.status
        )
    return True


def _sent(client: http.HttpClient, path: str, body: bytes, headers: Dict[str, Any], retries: int) -> http.Response:
    """The answer, after as many tries as it takes: with the same key a request may be sent again after any failure, as one that only reads."""
    for attempt in range(retries + 1):
        answer = client.request("POST", path, http.READ, data=body, headers=headers)
        if answer.status != 500 or attempt == retries:
            return answer
        # The client itself does not take this status for a passing fault.
        time.sleep(min(2**attempt, _LONGEST_PAUSE))
    raise AssertionError("unreachable")
