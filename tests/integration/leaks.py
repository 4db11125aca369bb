# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching what a run printed or left on disk for secrets, in the forms in which texts carry them."""

from __future__ import annotations

import base64
import html
import json
import os
import pathlib
import re
import shlex
import urllib.parse
from dataclasses import dataclass

SHORTEST = 8
_BLANK = re.compile(rb"\s+")


@dataclass(frozen=True, order=True)
class Leak:
    """Where a secret was found, without the secret.

    ``source`` is a stream or a file relative to the folder searched, ``form`` how the secret was written, ``number`` which one of
    the secrets it was, from 1.
    """

    source: str
    form: str
    number: int


def _base64_cores(data):
    """The characters of base64 that depend on ``data`` alone, for its three positions within a longer text."""
    cores = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        first, behind_last = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
        cores.append(encoded[first:behind_last])
    return cores


def forms(secret):
    """How a text may carry a secret.

    :param secret: at least 8 bytes of UTF-8; less cannot be told from ordinary text.
    :returns: names of forms to sets of byte strings, lower case where letters of either case mean the same.
    :raises ValueError: the secret is too short.
    """
    data = secret.encode("utf-8")
    if len(data) < SHORTEST:
        raise ValueError("a secret of fewer than %d bytes cannot be searched for" % SHORTEST)
    json_ascii, json_text = json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
    as_repr = {repr(secret)[1:-1], repr(secret + "'\"")[1:-4], repr(data)[2:-1], ascii(secret)[1:-1]}
    cores = _base64_cores(data)
    texts = {
        "json": {
            json_ascii,
            json_text,
            json_ascii.replace("/", "\\/"),
            json_text.replace("/", "\\/"),
            json.dumps(json_ascii)[1:-1],
            json.dumps(json_text, ensure_ascii=False)[1:-1],
            json_ascii.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
        },
        "html": {
            html.escape(secret),
            html.escape(secret, quote=False),
            html.escape(secret).replace("&#x27;", "&#39;"),
            html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
            html.escape(secret).encode("ascii", "xmlcharrefreplace").decode(),
        },
        "url": {urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret), urllib.parse.quote_plus(secret)},
        "repr": as_repr,
        "shell": {shlex.quote(secret)[1:-1] if shlex.quote(secret) != secret else secret},
        "hex": {data.hex()},
    }
    found = {"plain": {data}, "base64": {*cores, *(core.replace(b"+", b"-").replace(b"/", b"_") for core in cores)}}
    try:
        found["latin-1"] = {secret.encode("latin-1")} - found["plain"]
    except UnicodeEncodeError:
        pass
    for form, values in texts.items():
        found[form] = {value.encode("utf-8") for value in values} - found["plain"]
    for form in ("url", "hex", "json", "html", "repr"):
        found[form] = {value.lower() for value in found[form]}
    return found


def forms_in(content, secret_forms):
    """The names of the forms that occur in ``content``."""
    lowered = content.lower()
    # Encoders break long lines.
    unbroken, lowered_unbroken = _BLANK.sub(b"", content), _BLANK.sub(b"", lowered)
    texts = {"plain": (content,), "latin-1": (content,), "shell": (content,), "base64": (content, unbroken), "hex": (lowered, lowered_unbroken)}
    return [form for form, values in secret_forms.items() if any(value in text for value in values for text in texts.get(form, (lowered,)))]


def search(secrets, texts, folders, excluded=()):
    """Look for secrets.

    :param secrets: what to look for.
    :param texts: names of streams to their bytes.
    :param folders: folders to look through: content and names of files, and targets of symbolic links.
    :param excluded: folders and files to leave out.
    :returns: a sorted list of :class:`Leak`.
    :raises ValueError: a secret is too short, or there is none.
    """
    wanted = [forms(secret) for secret in secrets]
    if not wanted:
        raise ValueError("no secret to search for")
    leaks = set()
    excluded = {pathlib.Path(path).resolve() for path in excluded}

    def look(source, content):
        leaks.update(Leak(source, form, number) for number, secret in enumerate(wanted, 1) for form in forms_in(content, secret))

    for source, content in texts.items():
        look(source, content)
    for folder in folders:
        for path in _files(pathlib.Path(folder), excluded):
            source = str(path.relative_to(folder))
            look("name of a file in %s" % path.parent.name, os.fsencode(path.name))
            if path.is_symlink():
                look(source, os.fsencode(os.readlink(path)))
            elif path.is_file():
                look(source, path.read_bytes())
    return sorted(leaks)


def _files(folder, excluded):
    for entry in sorted(folder.iterdir()):
        if entry.resolve() in excluded and not entry.is_symlink():
            continue
        yield entry
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry, excluded)


def strings(value):
    """All texts within a structure of JSON, keys included, as one byte string."""
    if isinstance(value, dict):
        return b"\n".join(strings(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return b"\n".join(strings(part) for part in value)
    return str(value).encode("utf-8", "surrogatepass")
