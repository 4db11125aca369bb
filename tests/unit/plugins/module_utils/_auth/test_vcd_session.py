# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions and sessions of VMware Cloud Director, answer by answer."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._auth import vcd_session
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from tests.unit.plugins.module_utils.answers import make_answer

TOKEN = "S3cr3t-MARKER-token"
HEADERS = {"X-VMWARE-VCLOUD-ACCESS-TOKEN": TOKEN}
NAMESPACE = ' xmlns="http://www.vmware.com/vcloud/versions"'


def listing(*versions, namespace=NAMESPACE, element="VersionInfo"):
    """What the server answers to the question for its versions."""
    found = "".join('<%s deprecated="true"><Version>%s</Version><LoginUrl>https://x</LoginUrl></%s>' % (element, version, element) for version in versions)
    return '<?xml version="1.0" encoding="UTF-8"?>\n<SupportedVersions%s>%s</SupportedVersions>' % (namespace, found)


@pytest.mark.parametrize("namespace", [NAMESPACE, ""])
def test_the_versions_of_a_server(namespace):
    assert vcd_session.offered(make_answer(200, listing("36.3", " 37.10 ", "40.0.0-alpha", "", namespace=namespace))) == {(36, 3), (37, 10)}


@pytest.mark.parametrize("body", [
    "", "<html>", "<html></html>", "{}", listing(), listing("36.3", element="AlphaVersion"), listing("x"), listing("36.3")[:-5],
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&d;</a>",
])  # fmt: skip
def test_no_versions(body):
    with pytest.raises(PasswordError, match="is not a list of API versions") as caught:
        vcd_session.offered(make_answer(200, body))
    assert caught.value.kind == "unexpected_response"


@pytest.mark.parametrize("text, pair", [
    ("36.3", (36, 3)), ("9.0", (9, 0)), ("36.3\n", (36, 3)), ("36", None), ("36.3.1", None), ("a.b", None), ("\u0663\u0666.\u0663", None),
])  # fmt: skip
def test_a_version(text, pair):
    assert vcd_session.parsed(text) == pair


@pytest.mark.parametrize("body, headers", [
    ({"id": "urn:1", "user": {"id": "u-1"}, "org": {"id": "o-1"}}, HEADERS), ({"access_token": TOKEN, "token_type": "Bearer"}, {}), ([], HEADERS),
    ("<html>", HEADERS), ({"id": 5, "user": [], "org": None}, HEADERS),
])  # fmt: skip
def test_an_opened_session_is_learnt_at_once_and_not_shown(body, headers):
    learnt = []
    login = vcd_session.opened(make_answer(200, body, headers), learnt.append)
    assert login.token == TOKEN and TOKEN not in repr(login) and learnt[0] == TOKEN
    told = isinstance(body, dict) and body.get("id") == "urn:1"
    assert (login.user_id, login.org_id) == (("u-1", "o-1") if told else (None, None)) and learnt[1:] == (["urn:1"] if told else [])


@pytest.mark.parametrize("body", [{"id": TOKEN}, {"access_token": [TOKEN]}, TOKEN, {"access_token": ""}])
def test_a_login_without_a_token_shows_nothing_of_itself(body):
    with pytest.raises(PasswordError) as caught:
        vcd_session.opened(make_answer(200, body), [].append)
    assert caught.value.kind == "unexpected_response" and TOKEN not in caught.value.message
