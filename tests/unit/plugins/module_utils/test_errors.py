# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error kinds, which playbooks test, and the form of an error in results."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import MASK, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Outside, PasswordError

SECRET = "S3cr3t-MARKER-errors"

# Playbooks of others compare with these texts: one may be added, none may change or go.
PUBLIC = {
    "authentication_failed", "current_password_wrong", "permission_denied", "user_not_found", "target_not_found", "user_not_local", "account_locked",
    "account_inactive", "password_rejected", "password_reused", "rate_limited", "target_not_ready", "vendor_unavailable", "connection_failed", "tls_failed",
    "timed_out", "unsupported", "unexpected_response", "not_verified", "outcome_unknown", "invalid_input",
}  # fmt: skip


def test_no_kind_has_gone_or_changed_its_name():
    assert PUBLIC <= set(errors.KINDS)
    assert len(errors.KINDS) == len(set(errors.KINDS))


def test_each_kind_has_a_name_and_is_listed():
    names = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)}
    assert names == set(errors.KINDS)
    assert all(getattr(errors, kind.upper()) == kind for kind in errors.KINDS)


def test_what_is_worth_another_run():
    """A wrong password, a missing right or a bad argument does not get better by itself."""
    assert {kind for kind in errors.KINDS if PasswordError(kind, "x").retryable} == {
        "rate_limited", "target_not_ready", "vendor_unavailable", "connection_failed", "timed_out", "outcome_unknown", "login_budget_spent",
        "not_delivered",
    }  # fmt: skip


def test_an_unknown_kind_is_a_defect():
    with pytest.raises(ValueError, match="unknown error kind: forgotten"):
        raise PasswordError("forgotten", "x")


def test_the_form_in_results():
    error = PasswordError(errors.PASSWORD_REJECTED, "Too short.", 400, 1100, "r-1")
    assert error.as_dict() == {
        "kind": "password_rejected", "message": "Too short.", "http_status": 400, "vendor_code": 1100, "request_id": "r-1", "retryable": False,
    }  # fmt: skip
    assert PasswordError(errors.TIMED_OUT, "Late.").as_dict() == {
        "kind": "timed_out", "message": "Late.", "http_status": None, "vendor_code": None, "request_id": None, "retryable": True,
    }  # fmt: skip


@pytest.mark.parametrize("code", [SECRET, [SECRET], {"code": {"deep": SECRET}}, {SECRET: 1}])
def test_every_text_of_the_vendor_is_scrubbed(code):
    told = PasswordError(errors.PASSWORD_REJECTED, "No: %s." % SECRET, 400, code, "id of " + SECRET).as_dict(Scrubber([SECRET]))
    assert "MARKER" not in json.dumps(told)
    assert (told["message"], told["request_id"]) == ("No: %s." % MASK, "id of " + MASK)
    assert isinstance(told["vendor_code"], str)


@pytest.mark.parametrize("code", [0, 1100, -1, None, "Policy.TooShort"])
def test_a_plain_code_stays_as_it_is(code):
    assert PasswordError(errors.PASSWORD_REJECTED, "x", vendor_code=code).as_dict(Scrubber([SECRET]))["vendor_code"] == code


def test_a_message_that_is_made_of_another_still_knows_what_came_from_outside():
    error = PasswordError(errors.PASSWORD_REJECTED, ("It is wrong. The server said: ", Outside("wrong")))
    clean = Scrubber(["wrong"])
    assert error.as_dict(clean)["message"] == "It is wrong. The server said: " + MASK
    told = error.with_message("This is wrong, too: %s And so on." % error.message, errors.OUTCOME_UNKNOWN)
    assert told.as_dict(clean)["message"] == "This is wrong, too: It is wrong. The server said: %s And so on." % MASK
    error.message += " Wrong!"
    assert error.as_dict(clean)["message"] == "It is wrong. The server said: %s Wrong!" % MASK
    error.message = error.message.replace("server", "wrong")
    assert "wrong" not in error.as_dict(clean)["message"]
    error = PasswordError(errors.PASSWORD_REJECTED, "It is wrong.")
    error.message += " Wrong!"
    assert error.as_dict(clean)["message"] == "It is wrong. Wrong!"
