# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorization headers."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth.basic import basic, bearer
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

SECRET = "S3cr3t-MARKER-basic"


@pytest.mark.parametrize("password", [SECRET, ":", "a:b:", " blank ", "", "\u00e4\u20ac\U0001f600", "line\nbreak\r\0", "%20+"])
def test_basic_carries_any_password(password):
    scheme, encoded = basic("alice", password).split(b" ", 1)
    assert scheme == b"Basic"
    assert base64.b64decode(encoded, validate=True).decode("utf-8").split(":", 1) == ["alice", password]


def test_basic_of_a_long_login_is_one_line():
    assert b"\n" not in basic("u" * 300, "p" * 300)


def test_the_examples_of_the_standards():
    assert basic("Aladdin", "open sesame") == b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert basic("test", "123\u00a3") == b"Basic dGVzdDoxMjPCow=="
    assert bearer("mF_9.B5f-4.1JqM") == b"Bearer mF_9.B5f-4.1JqM"


def test_bearer_sends_utf8():
    assert bearer("alice:\u00e4\u20ac") == "Bearer alice:\u00e4\u20ac".encode()


@pytest.mark.parametrize("make", [lambda text: basic("alice", text), lambda text: basic(text, "x"), bearer])
def test_what_utf8_cannot_carry_is_said_without_saying_it(make):
    """An environment variable with bytes of another character set arrives like this."""
    with pytest.raises(PasswordError, match="UTF-8 cannot encode") as caught:
        make(SECRET + "\udce4")
    assert caught.value.kind == errors.INVALID_INPUT
    assert "MARKER" not in caught.value.message
    assert caught.value.__suppress_context__
