# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Write the table of vendors in README.md from their declared capabilities. A test compares the two.
"""

from __future__ import annotations

import importlib
import pathlib
import sys
import typing

START = "<!-- The table of vendors: written by make vendor-table -->"
END = "<!-- The end of the table -->"
HEADER = (
    "vendor", "module, `rotate_vendor`", "user changes its own", "operator sets it", "operator must know the current one", "proof by login",
    "lock-out at the vendor", "failed logins per user and call", "password",
)  # fmt: skip


def vendors() -> list[typing.Any]:
    """The vendors of all modules, in the order of their titles."""
    # This file is in the staged copy, whose path is that of a collection.
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[5]))
    registry = importlib.import_module("ansible_collections.rekey.passwords.plugins.module_utils._vendor_registry")
    found = [registry.load(name) for name in registry.names()]
    return sorted(found, key=lambda vendor: vendor.capabilities.title)


def _row(vendor: typing.Any) -> tuple[str, ...]:
    rules = vendor.capabilities
    most = rules.most_failed_logins
    size = "%d to %d %s" % (rules.password_min, rules.password_max, rules.password_unit)
    return (
        rules.title,
        "[%s_user_password](docs/reference/vendors/%s.md), `%s`" % (vendor.name, vendor.name, vendor.name),
        "yes" if rules.changes_own else "no",
        "yes" if rules.changes_others else "no",
        rules.others_need_current,
        rules.login_probe,
        rules.lockout,
        "not counted" if most is None else "at most %d" % most,
        size + (", none of `%s`" % rules.password_forbidden.replace("`", "") if rules.password_forbidden else ""),
    )


def table() -> str:
    """Return the table in Markdown, with the lines that mark its place."""
    rows = [HEADER, ("---",) * len(HEADER), *(_row(vendor) for vendor in vendors())]
    lines = ["| %s |" % " | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join([START, *lines, END])


def with_table(page: str) -> str:
    """Return a page with the current table.

    :raises ValueError: the page does not have these lines.
    """
    before, rest = page.split(START)
    return before + table() + rest.split(END)[1]


def main() -> int:
    """Write the table into README.md in the given folder."""
    path = pathlib.Path(sys.argv[1]) / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
