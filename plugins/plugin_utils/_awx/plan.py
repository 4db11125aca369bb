# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done in AWX, found out before anything is written."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from .controller import AwxError, Controller, Object
from .current import NODES, Current, normalized
from .kinds import KINDS, Kind

Objects = Mapping[str, List[Object]]  # by the names of the lists

STATUS = "status"  # of a project: whether its playbooks have been fetched
# The modules of awx.awx look these up by name alone.
_BY_NAME_ALONE = ("credentials", "inventories", "notification_templates")


@dataclasses.dataclass(frozen=True)
class Step:
    """One object to create, update or remove."""

    kind: Kind
    wanted: Object
    before: Optional[Object]  # None: there is none yet; otherwise the options that change
    after: Optional[Object]  # None: it goes

    @property
    def title(self) -> str:
        """What to call the object in a message."""
        return title(self.kind, self.wanted)


@dataclasses.dataclass
class Plan:
    """What has to be done, in order, and a sentence for what stays as it is."""

    steps: List[Step] = dataclasses.field(default_factory=list)
    left: List[str] = dataclasses.field(default_factory=list)


def title(kind: Kind, item: Object) -> str:
    """What to call an object in a message."""
    return "%s %s" % (kind.title, item["name"])


class Planner:
    """Compares descriptions with AWX.

    :param controller: a login to AWX.
    :param mark: the text by which the description of an object shows that it was made from this data.
    :param update_secrets: whether to set secrets that AWX does not show.
    """

    def __init__(self, controller: Controller, mark: str, update_secrets: bool = False) -> None:
        self._controller = controller
        self._current = Current(controller, update_secrets)
        self._mark = mark

    def present(self, objects: Objects, take_over: bool) -> Plan:
        """What has to be created and updated.

        :param take_over: whether to update objects of these names that somebody else has made.
        :raises AwxError: objects are in the way, or others are missing; or AWX refuses, or does not answer.
        """
        plan, foreign = Plan(), []
        for kind, wanted in _each(objects):
            found, normal = self._current.find(kind, wanted), normalized(kind, wanted)
            if found is None:
                plan.steps.append(Step(kind, wanted, None, normal))
                continue
            before = self._current.described(kind, found, normal)
            changed = [option for option in normal if before[option] != normal[option]]
            obstacle = self._why_it_cannot_change(kind, found, wanted, changed)
            if _needs_update(kind, found):
                before, normal, changed = (
                    {**before, STATUS: found[STATUS]},
                    {**normal, STATUS: "successful"},
                    [*changed, STATUS],
                )
            if not changed:
                continue
            if not take_over and not self._is_ours(kind, found, before, normal):
                foreign.append(title(kind, wanted))
            elif obstacle:
                plan.left.append(obstacle)
            else:
                plan.steps.append(
                    Step(
                        kind, wanted, {each: before[each] for each in changed}, {each: normal[each] for each in changed}
                    )
                )
        if foreign:
            raise AwxError(
                "AWX has objects of these names that were not made from this data: %s. Leave them out, use a prefix, or "
                "take them over. Nothing was changed." % ", ".join(foreign)
            )
        self._check_references(objects, plan)
        return plan

    def absent(self, objects: Objects, force: bool) -> Plan:
        """What has to be removed.

        :param force: whether to remove what somebody has put something into, too.
        :raises AwxError: AWX refuses, or does not answer.
        """
        plan = Plan()
        going: Set[Tuple[str, int]] = set()
        for kind, wanted in reversed(list(_each(objects))):
            found = self._current.find(kind, wanted)
            if found is None:
                continue
            if self._is_marked(found):
                reason = self._why_it_stays(kind, found, going, force)
            else:
                reason = "it was not made from this data"
            if reason:
                plan.left.append("The %s stays: %s." % (title(kind, wanted), reason))
            else:
                before = self._current.described(kind, found, normalized(kind, wanted))
                plan.steps.append(Step(kind, wanted, before, None))
                going.add((kind.endpoint, found["id"]))
        return plan

    def _is_marked(self, found: Object) -> bool:
        return self._mark in (found.get("description") or "")

    def _is_ours(self, kind: Kind, found: Object, before: Object, normal: Object) -> bool:
        if self._is_marked(found):
            return True
        return bool(kind.telling) and all(
            option in normal and before[option] == normal[option] for option in kind.telling
        )

    def _why_it_stays(self, kind: Kind, found: Object, going: Set[Tuple[str, int]], force: bool) -> str:
        users = self._users(kind, found, going)
        if users:
            return "it is used by %s" % ", ".join(users)
        if not force and self._is_filled(kind, found):
            return kind.filled
        if self._is_running(kind, found):
            return "it is running, or waiting for an approval"
        return ""

    def _is_filled(self, kind: Kind, found: Object) -> bool:
        """Whether somebody has put something into it."""
        if kind.module == "credential" and any((found.get("inputs") or {}).values()):
            return True
        return any(self._controller.all(endpoint, **{option: found["id"]}) for endpoint, option in kind.contents)

    def _why_it_cannot_change(self, kind: Kind, found: Object, wanted: Object, changed: List[str]) -> str:
        if "inputs" in changed and kind.module == "credential_type" and self._users(kind, found, set()):
            return (
                "The %s differs in its fields, which AWX does not change while it has credentials: rename it, "
                "run this again, and move its credentials to the new one." % title(kind, wanted)
            )
        if NODES in changed and self._is_running(kind, found):
            # New nodes take the place of the old ones, and AWX would deny the approvals that wait for somebody.
            return "The %s differs, and is running or waiting for an approval: run this again later." % title(
                kind, wanted
            )
        return ""

    def _is_running(self, kind: Kind, found: Object) -> bool:
        if kind.module != "workflow_job_template":
            return False
        unfinished = "new,pending,waiting,running"
        return bool(self._controller.all("workflow_jobs", workflow_job_template=found["id"], status__in=unfinished))

    def _users(self, kind: Kind, found: Object, going: Set[Tuple[str, int]]) -> List[str]:
        """What needs an object, without what goes as well."""
        names = []
        for endpoint, option in kind.users:
            for user in self._controller.all(endpoint, **{option: found["id"]}):
                user_endpoint, user_id, name = endpoint, user["id"], user.get("name") or user.get("description")
                if endpoint == "workflow_job_template_nodes":
                    user_endpoint, user_id = "workflow_job_templates", user["workflow_job_template"]
                    name = user.get("summary_fields", {}).get("workflow_job_template", {}).get("name")
                if (user_endpoint, user_id) not in going:
                    names.append("the %s %s" % (_TITLES[user_endpoint], name))
        return sorted(set(names))

    def _check_references(self, objects: Objects, plan: Plan) -> None:
        """Refuse names that mean no object, or several.

        :raises AwxError: there are such names; or AWX refuses, or does not answer.
        """
        new = {(step.kind.endpoint, step.wanted["name"]) for step in plan.steps if step.before is None}
        missing, ambiguous = [], []
        for kind, wanted in _each(objects):
            organization = wanted.get("organization")
            for option, endpoint, name in _references(kind, wanted):
                places = _TEMPLATES if endpoint == "unified_job_templates" else (endpoint,)
                is_new = any((place, name) in new for place in places)
                if endpoint in _BY_NAME_ALONE and is_new and self._current.id_of(endpoint, name):
                    ambiguous.append("%s %s" % (_TITLES[endpoint], name))
                elif not is_new and not any(self._current.id_of(place, name, organization) for place in places):
                    missing.append("%s of the %s: %s" % (option, title(kind, wanted), name))
        if ambiguous:
            raise AwxError(
                "Another organisation has objects of the same names, which the modules of awx.awx do not distinguish: %s. "
                "Use a prefix. Nothing was changed." % ", ".join(sorted(set(ambiguous)))
            )
        if missing:
            raise AwxError("AWX does not have what the data refers to: %s. Nothing was changed." % "; ".join(missing))


_TEMPLATES = ("job_templates", "workflow_job_templates", "projects")
_TITLES: Dict[str, str] = {
    **{kind.endpoint: kind.title for kind in KINDS},
    "credential_input_sources": "credential that takes values from it:",
    "inventory_sources": "inventory source",
    "organizations": "organisation",
}


def _needs_update(kind: Kind, found: Object) -> bool:
    """Whether the playbooks of a project were never fetched, so that no job template can name one."""
    return (
        kind.module == "project"
        and not found.get("scm_revision")
        and bool(found.get("scm_type"))
        and found.get(STATUS) in ("never updated", "failed", "error", "canceled")
    )


def _each(objects: Objects) -> Iterator[Tuple[Kind, Object]]:
    for kind in KINDS:
        for wanted in objects.get(kind.variable, []):
            yield kind, wanted


def _references(kind: Kind, wanted: Object) -> Iterator[Tuple[str, str, str]]:
    """Every name of another object: the option, where AWX keeps such objects, the name."""
    for option, endpoint in kind.references.items():
        if wanted.get(option):
            yield option, endpoint, wanted[option]
    for option, endpoint in kind.lists.items():
        for name in wanted.get(option) or []:
            yield option, endpoint, name
    for node in wanted.get(NODES, []):
        template: Dict[str, Any] = node["unified_job_template"]
        if template["type"] != "workflow_approval":
            yield NODES, "unified_job_templates", template["name"]
