# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers as the HTTP client hands them on, and a client that gives them."""

from __future__ import annotations

import json

from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.http import Response


class _Raw:
    """What requests would hand on."""

    def __init__(self, status, body, headers):
        html = isinstance(body, str)
        self.status_code = status
        self.headers = dict({"Content-Type": "%s; charset=utf-8" % ("text/html" if html else "application/json")}, **headers)
        self.text = body if html else json.dumps(body)
        self.content = self.text.encode()

    def json(self):
        """The parsed body."""
        return json.loads(self.text)


def make_answer(status=200, body=None, headers=None, secrets=()):
    """An answer; a body that is no text is sent as JSON."""
    return Response(_Raw(status, {} if body is None else body, headers or {}), Scrubber(secrets))


class OneAnswer:
    """A client of one address that answers each request in the same way, and notes it."""

    def __init__(self, base_url, *answer, **more):
        self.base_url = base_url
        self.requests = []
        self._answer = make_answer(*answer, **more)

    def request(self, method, path, kind, json=None, headers=None):  # pylint: disable=redefined-outer-name,unused-argument
        """Answer."""
        self.requests.append((method, path, kind, json))
        return self._answer
