# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of OpenStack's services, in all their shapes."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth import openstack_faults

from tests.unit.plugins.module_utils.answers import make_answer

SECRET = "S3cr3t-MARKER-\"'\\ <br />\u00e4"


@pytest.mark.parametrize(
    "body, text, code",
    [
        ({"itemNotFound": {"code": 404, "message": "User nope@% cannot be found."}}, "User nope@% cannot be found.", 404),
        ({"error": {"code": 401, "title": "Unauthorized", "message": "No."}}, "No.", 401),
        ({"error": {"code": 401, "title": "Unauthorized"}}, "Unauthorized", 401),
        ({"message": "Access was denied.<br /><br />\n\n\n", "code": "403 Forbidden", "title": "Forbidden"}, "Access was denied.", "403 Forbidden"),
        ({"overLimit": {"code": 413, "message": "Slowly.", "details": "Only 1.", "retryAfter": "20"}}, "Slowly.", 413),
        ({"id": "x", "badRequest": {"code": 400, "message": "Bad."}}, "Bad.", 400),
        ("<html><head><title>503 Service Unavailable</title></head><body>Later.</body></html>", "503 Service Unavailable Later.", None),
        ({"badRequest": {"code": 400, "message": None}}, '{"badRequest": {"code": 400, "message": null}}', None),
        ({"badRequest": "text"}, '{"badRequest": "text"}', None),
        ([], "[]", None),
        ("null", "null", None),
    ],
)
def test_shapes(body, text, code):
    error = openstack_faults.fault(make_answer(400, body), errors.INVALID_INPUT, "Wrong.")
    assert (error.message, error.vendor_code, error.http_status) == ("Wrong. The service said: " + text, code, 400)


def test_nothing_was_said():
    assert openstack_faults.fault(make_answer(500, ""), errors.VENDOR_UNAVAILABLE, "It failed.").message == "It failed."


@pytest.mark.parametrize("name", ["X-Openstack-Request-Id", "X-Compute-Request-Id"])
def test_the_identifier_of_the_request(name):
    assert openstack_faults.fault(make_answer(500, {}, {name: "req-1"}), errors.VENDOR_UNAVAILABLE, "It failed.").request_id == "req-1"
    assert openstack_faults.fault(make_answer(500, {}), errors.VENDOR_UNAVAILABLE, "It failed.").request_id is None


@pytest.mark.parametrize(
    "body",
    [
        {"badRequest": {"code": 400, "message": "'%s' is too long" % SECRET}},
        {"badRequest": {"code": 400, "message": "%r is too long" % SECRET}},
        {"message": SECRET, "code": "400 Bad Request"},
        "<p>%s</p>" % SECRET,
    ],
)
def test_no_secret_leaves(body):
    answer = make_answer(400, body, secrets=[SECRET])
    message = openstack_faults.fault(answer, errors.PASSWORD_REJECTED, "Wrong.").message
    assert "MARKER" not in message and "********" in message


def test_a_text_as_it_was_sent():
    assert openstack_faults.fault_text(make_answer(400, {"badRequest": {"message": SECRET}}, secrets=[SECRET])) == SECRET
    assert openstack_faults.fault_text(make_answer(400, "<html>")) is None
