# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a step with a module of awx.awx, and what a task returns."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, List

from .controller import AwxError, Object, with_advice
from .current import ENCRYPTED, NODES
from .data import SECRET_SETTINGS, masked
from .plan import STATUS, Step

_VERBS = {"created": "create", "updated": "update", "removed": "remove"}


@dataclasses.dataclass
class Outcome:
    """What was done, or would be done in check mode."""

    created: List[str] = dataclasses.field(default_factory=list)
    updated: List[str] = dataclasses.field(default_factory=list)
    removed: List[str] = dataclasses.field(default_factory=list)
    left: List[str] = dataclasses.field(default_factory=list)
    warnings: List[str] = dataclasses.field(default_factory=list)
    diff: List[Dict[str, Any]] = dataclasses.field(default_factory=list)

    def note(self, step: Step) -> None:
        """A step is done."""
        getattr(self, _what(step)).append(step.title)
        self.diff.append(
            dict(
                before_header=step.title,
                after_header=step.title,
                before=masked(step.before) if step.before is not None else "",
                after=masked(step.after) if step.after is not None else "",
            )
        )

    def as_result(self) -> Dict[str, Any]:
        """The part of a task's result."""
        result: Dict[str, Any] = dataclasses.asdict(self)
        warnings = result.pop("warnings")
        if warnings:
            result["warnings"] = warnings
        result["changed"] = bool(self.created or self.updated or self.removed)
        return result


def _what(step: Step) -> str:
    if step.before is None:
        return "created"
    return "removed" if step.after is None else "updated"


def arguments(step: Step) -> Object:
    """The options of the module for a step."""
    if step.after is None:
        # Only what finds the object, and what the module requires.
        needed = ("name", "organization", "credential_type", "unified_job_template")
        return {"state": "absent", **{name: step.wanted[name] for name in needed if name in step.wanted}}
    options = dict(step.wanted)
    if step.before is not None and NODES in step.before:
        # The module leaves nodes alone that are not described, and links that are no longer.
        options["destroy_current_nodes"] = True
    if step.before is not None and NODES not in step.before:
        options.pop(NODES, None)
    if step.before is not None and STATUS in step.before:
        options["update_project"] = True
    settings = options.get("notification_configuration")
    if step.before is not None and settings:
        # An empty text would take away a secret that was entered by hand.
        options["notification_configuration"] = {
            name: ENCRYPTED if name in SECRET_SETTINGS and value == "" else value for name, value in settings.items()
        }
    return options


def check(step: Step, result: Dict[str, Any]) -> None:
    """Raise what a module has to say if it failed.

    :raises AwxError: it did.
    """
    if not result.get("failed"):
        return
    message = with_advice(str(result.get("msg")))
    response = result.get("response")
    if isinstance(response, dict) and response.get("json"):
        message += " AWX says: %s." % json.dumps(response["json"])
    raise AwxError(
        "Could not %s the %s: %s What was done before it is listed; run this again to continue."
        % (_VERBS[_what(step)], step.title, message)
    )
