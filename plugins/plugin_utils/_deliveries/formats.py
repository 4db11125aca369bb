# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How files of three formats write a value, so that their readers get back each of its characters.

Facts: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_03 (what a shell reads between double quotes) and
https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile= (which reads them as a shell does),
https://www.postgresql.org/docs/current/libpq-pgpass.html, https://dev.mysql.com/doc/refman/en/option-files.html and
https://mariadb.com/docs/server/server-management/install-and-upgrade-mariadb/configuring-mariadb/configuring-mariadb-with-option-files.
"""

from __future__ import annotations

import re
from typing import Callable, Dict

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What option files of MySQL and MariaDB write for characters that would end a value, or would be taken for a quote.
_OPTION_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b"}


def _refuse(text: str, characters: str, title: str) -> None:
    """Refuse what a format has no way to write.

    :raises PasswordError: ``invalid_input``; the message names the character, and nothing else of the text.
    """
    for character in text:
        if character in characters or "\ud800" <= character <= "\udfff":
            raise PasswordError(
                errors.INVALID_INPUT, "It holds the character U+%04X, which %s cannot hold." % (ord(character), title)
            )


def _env(text: str) -> str:
    _refuse(text, "\0", "an environment file")
    return '"%s"' % re.sub(r'(["\\$`])', r"\\\1", text)


def _pgpass(text: str) -> str:
    _refuse(text, "\0\n\r", "a password file of PostgreSQL")
    return re.sub(r"([:\\])", r"\\\1", text)


def _my_cnf(text: str) -> str:
    _refuse(text, "\0", "an option file of MySQL or MariaDB")
    return '"%s"' % "".join(_OPTION_ESCAPES.get(character, character) for character in text)


FORMATS: Dict[str, Callable[[str], str]] = {"env": _env, "my_cnf": _my_cnf, "pgpass": _pgpass}


def quoted(text: str, file_format: str) -> str:
    """Return a value as a file writes it, with its quotes.

    :param file_format: one of :data:`FORMATS`.
    :raises PasswordError: ``invalid_input``: there is no such format, or it cannot hold a character; the message says nothing else of the text.
    """
    if file_format not in FORMATS:
        raise PasswordError(
            errors.INVALID_INPUT, "There is no format %s; there are: %s." % (file_format, ", ".join(sorted(FORMATS)))
        )
    return FORMATS[file_format](text)


def is_variable(name: str) -> bool:
    """Whether an environment file can set a variable of that name."""
    return _VARIABLE.fullmatch(name) is not None
