# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for secrets finds what is planted, in every form, and nothing else."""

from __future__ import annotations

import base64
import html
import json
import os
import shlex
import textwrap
import urllib.parse

import pytest

from tests.integration import leaks

pytestmark = pytest.mark.secrets
SECRET = "S3cr3t-MARKER'\"&<\\/ ä-alice"
PLAIN = "S3cr3t-MARKER-alice"
DATA = SECRET.encode("utf-8")


def found(tmp_path, content, *secrets):
    """The forms found in a file with this content."""
    path = tmp_path / "folder" / "below" / "file"
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    result = leaks.search(secrets or [SECRET], {}, [tmp_path / "folder"])
    assert {leak.source for leak in result} <= {"below/file"}
    return {leak.form for leak in result}


@pytest.mark.parametrize(
    "form, text",
    [
        ("plain", "password: %s." % SECRET),
        ("latin-1", b"x" + SECRET.encode("latin-1")),
        ("json", json.dumps({"password": SECRET})),
        ("json", json.dumps({"password": SECRET}, ensure_ascii=False)),
        ("json", json.dumps(json.dumps({"password": SECRET}))),
        ("json", json.dumps(SECRET).replace("/", "\\/")),
        ("json", json.dumps(SECRET).replace("&", "\\u0026").replace("<", "\\u003c")),
        ("json", json.dumps(SECRET).replace("\\u00e4", "\\u00E4")),
        ("url", "?p=" + urllib.parse.quote(SECRET, safe="")),
        ("url", "?p=" + urllib.parse.quote(SECRET)),
        ("url", urllib.parse.urlencode({"p": SECRET})),
        ("url", urllib.parse.quote(SECRET, safe="").lower()),
        ("html", "<b>%s</b>" % html.escape(SECRET)),
        ("html", "<b>%s</b>" % html.escape(SECRET, quote=False)),
        ("html", html.escape(SECRET).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")),
        ("html", html.escape(SECRET).encode("ascii", "xmlcharrefreplace")),
        ("repr", repr({"password": SECRET})),
        ("repr", repr({"password": DATA})),
        ("repr", ascii(SECRET)),
        ("shell", "curl -u %s" % shlex.quote("alice:" + SECRET)),
        ("hex", DATA.hex()),
        ("hex", DATA.hex().upper()),
        ("hex", textwrap.fill(DATA.hex(), 20)),
        ("base64", base64.b64encode(DATA)),
        ("base64", base64.urlsafe_b64encode(DATA)),
        ("base64", base64.b64encode(b"a:" + DATA + b"\n")),
        ("base64", base64.b64encode(b"al:" + DATA + b"more behind it")),
        ("base64", base64.b64encode(b"ali:" + DATA)),
        ("base64", textwrap.fill(base64.b64encode(b"Basic alice:" + DATA).decode(), 10)),
    ],
)
def test_every_form_is_found(tmp_path, form, text):
    assert form in found(tmp_path, text)


@pytest.mark.parametrize(
    "text, forms",
    [
        ("user alice logged in", set()),
        (PLAIN[:-1], set()),
        (PLAIN.lower(), set()),
        (base64.b64encode(PLAIN[:-2].encode()), set()),
        (PLAIN, {"plain"}),
        (PLAIN.encode().hex(), {"hex"}),
    ],
)
def test_a_simple_secret_has_few_forms_and_no_false_hit(tmp_path, text, forms):
    assert found(tmp_path, text, PLAIN) == forms


def test_streams_names_and_links(tmp_path):
    (tmp_path / PLAIN).mkdir()
    os.symlink("/nowhere/" + PLAIN, tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    result = leaks.search(["another-one", PLAIN], {"stdout": b"it is " + PLAIN.encode(), "stderr": b""}, [tmp_path])
    assert [(leak.source, leak.form, leak.number) for leak in result] == [
        ("link", "plain", 2),
        ("name of a file in %s" % tmp_path.name, "plain", 2),
        ("stdout", "plain", 2),
    ]
    assert PLAIN not in repr(result)


def test_excluded_folders_are_left_out(tmp_path):
    for name in ("inputs", "outputs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(PLAIN, encoding="utf-8")
    assert [leak.source for leak in leaks.search([PLAIN], {}, [tmp_path], excluded=[tmp_path / "inputs"])] == ["outputs/file"]


@pytest.mark.parametrize("secrets", [[], ["short"], [PLAIN, ""]])
def test_a_search_that_could_find_nothing_is_refused(tmp_path, secrets):
    with pytest.raises(ValueError):
        leaks.search(secrets, {}, [tmp_path])


def test_texts_of_a_structure():
    assert leaks.strings({"a": [1, "b", {"c": None}]}) == b"a\n1\nb\nc\nNone"
