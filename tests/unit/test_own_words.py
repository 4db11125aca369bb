# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, states, kinds and our own sentences stay readable whatever the passwords are; what a server says does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _change, errors, module_runner
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import MASK, WITHHELD
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Outside, PasswordError

from tests.unit.calls import OLD, run, verdicts
from tests.unit.module_args import patch_module_args
from tests.unit.plugins.module_utils.fake_vendor import Clock, fails, make_vendor, params
from tests.unit.products import thinned
from tests.vendor_cases import CASES

USER = "app-demo"
# Passwords that are words of a result, or (a part of) the name.
WORDS = (
    "changed", "unchanged", "failed", "unknown", "password", "current", "current_password_wrong", "wrong", "demo", "app-demo", "app", "login", "alice", "true",
    "verified", "timed_out", "The", "user", "http", "null", "new", "name", "users", "error", "kind", "message", "outcome_unknown", "1", "a", "of", ".", "200",
)  # fmt: skip


def report(vendor: type, **user: Any) -> dict[str, Any]:
    """The result of a run for one user."""
    clock = Clock()
    return _change.set_passwords(vendor, params(vendor, dict({"name": USER}, **user)), False, clock.sleep, clock)


@pytest.mark.parametrize("word", [word for word in WORDS if len(word) > 1])
def test_edge_37_a_change_to_a_word_of_the_result(word: str) -> None:
    result = report(make_vendor({USER: OLD}), password=word, current_password=OLD)
    assert (result["users"][0]["name"], result["users"][0]["state"], result["users"][0]["verified"]) == (USER, "changed", True)
    assert MASK not in json.dumps(result) and WITHHELD not in json.dumps(result)


@pytest.mark.parametrize("kind", errors.KINDS)
@pytest.mark.parametrize("word", thinned(WORDS))
def test_edge_43_no_kind_is_masked(word: str, kind: str) -> None:
    sentence = "The current password of %s is wrong, or the login timed out." % USER
    result = report(make_vendor({USER: OLD}, change=fails(kind, sentence)), password="Other-9x", current_password=word)
    error = result["users"][0]["error"]
    assert (error["kind"], error["message"], result["users"][0]["name"], result["users"][0]["state"]) == (kind, sentence, USER, "failed")
    assert "(%s)" % kind in result["msg"] or result["msg"] == sentence


@pytest.mark.parametrize("word", [word for word in WORDS if len(word) > 3])
def test_edge_63_what_the_vendor_says_is_masked_and_what_we_say_is_not(word: str) -> None:
    def refuse(_vendor: object, _account: object) -> None:
        message = ("The login of %s is wrong. The server said: " % USER, Outside("no %s here" % word.upper()))
        raise PasswordError(errors.PASSWORD_REJECTED, message, 400, word, word)

    error = report(make_vendor({USER: OLD}, change=refuse), password=word, current_password=OLD)["users"][0]["error"]
    assert error["message"] == "The login of %s is wrong. The server said: no %s here" % (USER, MASK)
    assert (error["vendor_code"], error["request_id"]) == (MASK, MASK)


@pytest.mark.parametrize("word", WORDS)
def test_edge_37_a_module_of_its_own_masks_nothing_either(word: str, capfd: pytest.CaptureFixture[str]) -> None:
    vendor = make_vendor({USER: OLD}, change=fails(errors.CURRENT_PASSWORD_WRONG, "The current password of %s is wrong." % USER))
    options = {"url": "https://fake.invalid", "name": USER, "password": "Other-9x", "current_password": word, "_ansible_diff": True}
    with patch_module_args(options), pytest.raises(SystemExit):
        module_runner.run_module(vendor)
    result = json.loads(capfd.readouterr().out)
    assert [result["users"][0][key] for key in ("name", "state")] == [USER, "failed"]
    assert result["users"][0]["error"]["kind"] == "current_password_wrong" and result["diff"][0]["after_header"] == USER
    assert result["users"][0]["error"]["message"] == "The current password of %s is wrong." % USER


@pytest.mark.parametrize("vendor", CASES)
@pytest.mark.parametrize("name", ["alice", "Passw0rd-alice"])
def test_edge_37_a_name_that_is_its_own_password_at_every_vendor(vendor: str, name: str) -> None:
    case = CASES[vendor]
    with case.double({name: OLD}) as double:
        result = run(case, double, name, entry={"password": name if vendor != "aria_logs" else name + "-1A"}, update_password="always")
        assert (result["users"][0]["name"], result["users"][0]["error"] and result["users"][0]["error"]["kind"]) in ((name, None), (name, "password_rejected"))
        # And where there is no such user.
        result = run(case, double, "nobody-" + name, entry={"current_password": "nobody", "password": "nobody-" + name + "1A"}, update_password="always")
        assert result["users"][0]["name"] == "nobody-" + name and "nobody-" + name in result["msg"]
        assert verdicts(result)[0][2] in ("user_not_found", "invalid_input", "current_password_wrong")


@pytest.mark.parametrize("vendor", CASES)
@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_a_real_secret_never_leaves(vendor: str, status: int) -> None:
    case = CASES[vendor]
    new = "Tr0ub4dor&3-S3cr3t-MARKER"
    with case.double({"alice": OLD}) as double:
        for body in (new, new[3:14], new.upper(), "".join("&#%d;" % ord(letter) for letter in new), {"message": new, "error": {"message": new, "code": new}}):
            double.inject("answer", status=status, body=body, **case.change)
            result = run(case, double, "alice", entry={"password": new}, update_password="always")
            assert result["failed"]
            text = json.dumps(result).lower()
            assert not any(new.lower()[place : place + 8] in text for place in range(len(new) - 7)) and "&#" not in text


@pytest.mark.parametrize("vendor", CASES)
@pytest.mark.parametrize("what", ["\ud800", "\udfff and more", "a\x1b[31mred", "tab\there", "\u202eright to left", "\x00\x07\x9b", "\ufffe\U000e0001"])
def test_edge_49_what_a_vendor_says_can_be_printed_anywhere(vendor: str, what: str) -> None:
    case = CASES[vendor]
    form = case.complaint(what)
    with case.double({"alice": OLD}) as double:
        for body in (json.dumps(form), '{"x": "%s"}' % what.encode("utf-8", "surrogatepass").decode("latin-1")):
            for where in (case.change, case.lookup):
                double.clear_faults()
                double.inject("answer", status=400, body=body, headers={"Content-Type": "application/json"}, times=None, **where)
                result = run(case, double, "alice", update_password="always")
                for text in texts(result):
                    text.encode("utf-8")
                    assert all(character.isprintable() or character == "\n" for character in text), ascii(text)


def texts(value: Any) -> list[str]:
    """All texts within a value."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def test_edge_49_an_id_that_nobody_can_print() -> None:
    def find(_vendor: object, accounts: list[Any]) -> None:
        for account in accounts:
            account.id = "x\ud800y"

    assert report(make_vendor({USER: OLD}, find=find), password="Other-9x")["users"][0]["id"] == "x\ufffdy"
