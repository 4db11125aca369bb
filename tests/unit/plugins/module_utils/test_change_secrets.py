# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No result holds a secret, whatever a vendor sends and wherever it stands."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import MASK
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.calls import call
from tests.unit.plugins.module_utils.fake_vendor import make_vendor

SECRETS = {
    "password": "S3cr3t-MARKER-new-\u00e4\"'\\&", "current_password": "S3cr3t-MARKER-old <%+>", "pin": "S3cr3t-MARKER-pin",
    "api_password": "S3cr3t-MARKER-root", "api_keys": "S3cr3t-MARKER-key",
}  # fmt: skip
USER = {"name": "alice", "password": SECRETS["password"], "current_password": SECRETS["current_password"], "pin": SECRETS["pin"]}
ECHO = "You said %s and %s, %s and %s." % (
    " ".join(SECRETS.values()),
    json.dumps(list(SECRETS.values())),
    " ".join(map(repr, SECRETS.values())),
    " ".join(map(urllib.parse.quote, SECRETS.values())),
)
CLEAN = ("You said {0} {0} {0} {0} {0} and [%s], %s and {0} {0} {0} {0} {0}." % (", ".join(['"{0}"'] * 5), " ".join(["'{0}'"] * 5))).format(MASK)


def run(vendor, *users, **options):
    """The result of a run with a secret in every option that may hold one."""
    options = dict({"api_user": "root", "api_password": SECRETS["api_password"], "api_keys": [SECRETS["api_keys"]]}, **options)
    return call(vendor, *users, **options)


def echo(_vendor, *_args, maybe_applied=False):
    """An error with all secrets in all places."""
    raise PasswordError(errors.PASSWORD_REJECTED, ECHO, 400, ECHO, ECHO, maybe_applied=maybe_applied)


@pytest.mark.parametrize("what", ["open", "find", "probe", "change", "check"])
def test_a_vendor_that_repeats_everything(what):
    result = run(make_vendor({}, **{what: echo}), USER)
    assert "MARKER" not in json.dumps(result, ensure_ascii=False)
    error = result["users"][0]["error"]
    assert (error["vendor_code"], error["request_id"]) == (CLEAN, CLEAN)
    assert CLEAN in result["msg"]


def test_in_the_shorthand_too():
    vendor = make_vendor({}, change=echo)
    result = run(vendor, users=None, name="alice", password=USER["password"], current_password=USER["current_password"], pin=USER["pin"])
    assert result["users"][0]["error"]["message"] == CLEAN


@pytest.mark.parametrize("probe", [None, False])
def test_after_a_doubt(probe):
    vendor = make_vendor({}, change=lambda *args: echo(*args, maybe_applied=True), probe=lambda *_args: probe)
    result = run(vendor, USER)
    assert CLEAN in result["users"][0]["error"]["message"] and "MARKER" not in json.dumps(result, ensure_ascii=False)


def test_in_warnings():
    def talkative(vendor, account, password):
        vendor.warn(ECHO)
        return vendor.usual_probe(account, password)

    result = run(make_vendor({}, probe=talkative), USER)
    assert result["warnings"] == [CLEAN]
    # And in that of a change that could not be verified.
    result = run(make_vendor({}, probe=echo), dict(USER, update_password="always"))
    assert result["warnings"] == ["The new password of alice could not be verified: " + CLEAN]


def test_secrets_of_other_users_too():
    """One server's answer about one user may hold the request about another, for example in a list."""

    def about(_vendor, _account):
        raise PasswordError(errors.PASSWORD_REJECTED, "S3cr3t-MARKER-of-alice S3cr3t-MARKER-of-bob")

    users = [{"name": name, "password": "S3cr3t-MARKER-of-" + name} for name in ("alice", "bob")]
    result = run(make_vendor({}, change=about), *users)
    assert [user["error"]["message"] for user in result["users"]] == [f"{MASK} {MASK}"] * 2


def test_a_short_password_withholds_the_text():
    def about(_vendor, _account):
        raise PasswordError(errors.PASSWORD_REJECTED, "pw7 is too short")

    result = run(make_vendor({}, change=about), {"name": "alice", "password": "pw7"})
    assert result["users"][0]["error"]["message"] == "(text withheld: it may contain a secret)"


@pytest.mark.parametrize("state", ["changed", "unchanged", "failed"])
def test_neither_result_nor_diff_repeat_what_was_given(state):
    vendor = make_vendor({"alice": USER["password"] if state == "unchanged" else "other"}, **({"change": echo} if state == "failed" else {}))
    result = run(vendor, USER)
    assert result["users"][0]["state"] == state
    assert "MARKER" not in json.dumps(result, ensure_ascii=False)
    assert set(result["users"][0]) == {"name", "id", "state", "verified", "error", "failed_logins"}


def test_a_result_is_plain_data():
    result = run(make_vendor({}, change=echo), USER)
    assert json.loads(json.dumps(result)) == result
