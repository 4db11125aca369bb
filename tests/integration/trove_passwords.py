# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that a real Trove loses on MariaDB, and such as it keeps.

One list for both proofs: that the server does so, by plain requests, and that the module knows it.
"""

from __future__ import annotations

LOST = [
    "quote'9",
    'double"9',
    "semicolon;9",
    "back`tick9",
    "com,ma9",
    "sla/sh9",
    "back\\slash9",
    "backslash-last9\\",
    " leading9",
    "trailing9 ",
    "\tleading9",
    "tab\tulator9",
    "trailing9\n",
    "bell\a9",
    "delete\x7f9",
    # Whatever Python would not print: the blank that does not break, one of no width, the soft hyphen, what has no meaning yet.
    "no\u00a0break9",
    "no\u200bwidth9",
    "soft\u00adhyphen9",
    "ideographic\u3000space9",
    "unassigned\u03789",
    # SQLAlchemy takes a colon with a word behind it for a parameter, unless there is a word or a colon before it.
    "!:zz9",
    ":zz9",
    "blank :zz9",
    "-:9",
    "é!:é9",
]
KEPT = [
    "blank within9",
    "a:b9",
    "a::b9",
    "zz9:",
    "!: zz9",
    "!:-zz9",
    "!::zz9",
    "!:zz9:",
    "!:zz9:x",
    "!:$zz9",
    ":$9",
    "per%cent9",
    "%s%(name)s%%9",
    "!@#$^&*()_+-=[]{}|<>?~.9",
    "--9",
    "#9",
    "*9*",
    "$$9",
    "é-ß-密码-9",
    "\U0001f511-9",
    "9",
    "x" * 255,
]
# Some of those that it keeps, though by luck: the rule that forbids the likes of them is simple where the server's own is not.
KEPT_BUT_REFUSED = ["!:zz9:", "!:zz9:x"]
