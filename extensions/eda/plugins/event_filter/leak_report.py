# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event filter of Event-Driven Ansible: from a report of a leak to the hosts and users that a table of yours lists for it.

Nothing of a report reaches the rules but a checked number or identifier: hosts and users come from the table only, so that no report can select what the
table does not list, or be taken for a template. The secret that a report may contain is dropped here, before anything prints or stores the event.
"""

from __future__ import annotations

import os
import re
from dataclasses import astuple, dataclass, fields
from typing import Any, Dict, List, Optional

import yaml

DOCUMENTATION = r"""
---
short_description: Map reports of leaked secrets to the hosts and users of a table
description:
  - Takes three kinds of reports. A generic one, C({"leak": {...}}); GitHub's events C(secret_scanning_alert) and C(secret_scanning_alert_location);
    an entry of an audit log of OpenBao or Vault.
  - The event becomes C({"leak": {...}}) with C(entry), C(hosts), C(users) and C(reason) if an entry of the table matches, and otherwise C({"ignored": {...}})
    with a C(message).
options:
  table:
    description: Path of the table. Default is the environment variable E(REKEY_LEAK_TABLE).
    type: path
"""

EXAMPLES = r"""
- eda.builtin.webhook:
    port: 5010
    hmac_secret: "{{ REKEY_LEAK_SECRET }}"
  filters:
    - rekey.passwords.leak_report:
        table: /etc/rekey/leaks.yml
"""

TABLE_VARIABLE = "REKEY_LEAK_TABLE"
_LONGEST = 512  # characters of a text of a report; a longer one counts as absent
# What of a report may be shown. No character of it means anything to Jinja, to a pattern or to a terminal.
_SHOWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:#/@+ -]{0,79}")
# What GitHub does to an alert, and what calls for a rotation.
_GITHUB_ACTIONS = ("created", "reopened", "publicly_leaked")
_ENTRY = {"name", "match", "hosts", "users"}


class TableError(ValueError):
    """The table cannot be used; the message says why."""


class Ignored(Exception):
    """A report that leads to nothing; the message says why, and holds nothing from the report."""


@dataclass(frozen=True)
class Report:
    """What a report says has leaked. All texts are as they came, and only compared with the table."""

    source: str  # generic, github or audit
    type: Optional[str] = None  # of the secret; in an audit log the operation
    repository: Optional[str] = None
    path: Optional[str] = None
    name: Optional[str] = None  # of an account, a token, a secret; in an audit log whose token it was
    id: Optional[str] = None  # of the report

    def __str__(self) -> str:
        """The parts that may be shown."""
        pairs = zip((field.name for field in fields(self)), astuple(self))
        return ", ".join(
            "%s %s" % (name, value if _may_be_shown(value) else "(not shown)") for name, value in pairs if value
        )


FIELDS = tuple(field.name for field in fields(Report) if field.name != "id")


def main(event: Any, table: Optional[str] = None) -> Dict[str, Any]:
    """Map one event.

    :param event: of the source, with ``payload``.
    :param table: the path of the table.
    :return: an event with ``leak`` or ``ignored``, and nothing else of the one that came. Never raises: that would end the rulebook.
    """
    try:
        path = table or os.environ.get(TABLE_VARIABLE)
        if not path:
            raise TableError("There is no table. Set the environment variable %s to its path." % TABLE_VARIABLE)
        return _leak(read_report(event.get("payload") if isinstance(event, dict) else None), read_table(path))
    except (Ignored, TableError) as why:
        return {"ignored": {"message": str(why)}}
    except Exception as exc:  # pylint: disable=broad-exception-caught
        # Its text may hold what was reported.
        return {"ignored": {"message": "A report could not be read (%s)." % type(exc).__name__}}


def read_report(payload: Any) -> Report:
    """What a report says.

    :param payload: what was sent.
    :raises Ignored: it does not report a leak.
    """
    if isinstance(payload, dict):
        for read in (_generic, _github, _audit):
            report = read(payload)
            if report:
                return report
    raise Ignored("Ignored what is not a report that this filter knows.")


def read_table(path: str) -> List[Dict[str, Any]]:
    """The entries of a table.

    :raises TableError: it cannot be read, or an entry is wrong.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            data = yaml.safe_load(stream)
    except (OSError, ValueError, yaml.YAMLError) as exc:
        raise TableError("The table %s cannot be read (%s)." % (path, type(exc).__name__)) from None
    entries = data.get("leaks") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise TableError("The table %s has no list called leaks." % path)
    for number, entry in enumerate(entries, 1):
        wrong = _wrong(entry)
        if wrong:
            raise TableError("The table %s: entry %d %s." % (path, number, wrong))
    return entries


def _leak(report: Report, entries: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The event of a report: that of the first entry that matches."""
    for entry in entries:
        if all(getattr(report, field) in _listed(wanted) for field, wanted in entry["match"].items()):
            number = " %s" % report.id if report.id and _may_be_shown(report.id) else ""
            reason = "Leak reported by %s%s: %s" % (report.source, number, entry["name"])
            return {"leak": dict(entry=entry["name"], hosts=entry["hosts"], users=entry["users"], reason=reason)}
    raise Ignored("No entry of the table matches this report, so nothing is rotated: %s" % report)


def _wrong(entry: Any) -> Optional[str]:
    """What is wrong with an entry of the table; ``None``: nothing."""
    if not isinstance(entry, dict) or set(entry) != _ENTRY:
        return "needs these keys, and no others: %s" % ", ".join(sorted(_ENTRY))
    if not isinstance(entry["name"], str) or not _may_be_shown(entry["name"]):
        return "has a name that is not a short text of letters, digits and common punctuation"
    match = entry["match"]
    if not isinstance(match, dict) or not set(match) - {"source"} or set(match) - set(FIELDS):
        return "must match at least one of type, repository, path and name, and nothing besides them and source"
    for key, value in (("hosts", entry["hosts"]), ("users", entry["users"]), *match.items()):
        texts = _listed(value)
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            return "has something else than texts in %s" % key
        if key in ("hosts", "users") and (isinstance(value, str) or any("{" in text for text in texts)):
            return "must have a list of names in %s, without templates" % key
    return None


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value]


def _may_be_shown(text: str) -> bool:
    return _SHOWN.fullmatch(text) is not None


def _text(data: Any, *keys: str) -> Optional[str]:
    """A text within nested objects; ``None`` if there is none, or if it is very long."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, str) and data and len(data) <= _LONGEST else None


def _generic(payload: Dict[str, Any]) -> Optional[Report]:
    leak = payload.get("leak")
    if not isinstance(leak, dict):
        return None
    return Report("generic", **{name: _text(leak, name) for name in (*FIELDS[1:], "id")})


def _github(payload: Dict[str, Any]) -> Optional[Report]:
    if isinstance(payload.get("zen"), str) and "hook" in payload:
        raise Ignored("GitHub's ping has arrived: the webhook works.")
    alert = payload.get("alert")
    secret_type, repository = _text(alert, "secret_type"), _text(payload, "repository", "full_name")
    if not secret_type or not repository:
        return None
    if payload.get("action") not in _GITHUB_ACTIONS:
        raise Ignored(
            "Ignored what has happened to an alert of GitHub: only these call for a rotation: %s."
            % ", ".join(_GITHUB_ACTIONS)
        )
    number = alert.get("number")
    return Report(
        "github",
        type=secret_type,
        repository=repository,
        path=_text(payload, "location", "details", "path"),
        id="alert %d" % number if isinstance(number, int) and not isinstance(number, bool) else None,
    )


def _audit(payload: Dict[str, Any]) -> Optional[Report]:
    path = _text(payload, "request", "path")
    if payload.get("type") not in ("request", "response") or not path:
        return None
    if payload["type"] == "request" or payload.get("error"):
        # Each access is logged twice. Only the response says whether it succeeded.
        raise Ignored("Ignored an entry of an audit log that does not show a successful access.")
    return Report(
        "audit", type=_text(payload, "request", "operation"), path=path, name=_text(payload, "auth", "display_name")
    )


# A filter has no other moment before the first report, and a table that cannot be used should be noticed before it is needed.
if os.environ.get(TABLE_VARIABLE):
    read_table(os.environ[TABLE_VARIABLE])
