# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An object as AWX has it, in the form in which the data describes it: names instead of ids, and only the options that are described."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import yaml

from .controller import Controller, Object
from .kinds import Kind

ENCRYPTED = "$encrypted$"  # what AWX shows of a secret
NODES = "workflow_nodes"
# The modules of awx.awx look these up within the organisation of what refers to them, others by name alone.
OF_AN_ORGANIZATION = ("job_templates", "projects", "unified_job_templates", "workflow_job_templates")
_SURVEY = "survey_spec"
_NODE_TYPES = {"job": "job_template", "workflow_job": "workflow_job_template", "project_update": "project"}
_NEXT = ("success_nodes", "failure_nodes", "always_nodes")


class Current:
    """Finds objects in AWX.

    :param controller: a login to AWX.
    :param update_secrets: whether a secret that AWX does not show counts as another one than that of the description.
    """

    def __init__(self, controller: Controller, update_secrets: bool) -> None:
        self._controller = controller
        self._update_secrets = update_secrets
        self._ids: Dict[Tuple[str, str, Optional[str]], Optional[int]] = {}

    def find(self, kind: Kind, wanted: Object) -> Optional[Object]:
        """The object that a description means, as AWX shows it, or None.

        :raises AwxError: AWX refuses, or does not answer.
        """
        query: Dict[str, Any] = {}
        for parent in kind.parents:
            if parent in wanted:
                organization = wanted.get("organization") if parent != "organization" else None
                id_ = self.id_of(kind.references[parent], wanted[parent], organization)
                if id_ is None:
                    return None
                query[parent] = id_
        return self._controller.one(kind.endpoint, name=wanted["name"], **query)

    def id_of(self, endpoint: str, name: str, organization: Optional[str] = None) -> Optional[int]:
        """The id of the only object with a name, or None.

        :param organization: where AWX looks for it; not all kinds belong to one.
        :raises AwxError: several have it; or AWX refuses, or does not answer.
        """
        place = organization if endpoint in OF_AN_ORGANIZATION else None
        if (endpoint, name, place) not in self._ids:
            query = {"organization": self.id_of("organizations", place)} if place else {}
            found = self._controller.one(endpoint, name=name, **query) if None not in query.values() else None
            self._ids[endpoint, name, place] = found["id"] if found else None
        return self._ids[endpoint, name, place]

    def described(self, kind: Kind, found: Object, wanted: Object) -> Object:
        """What AWX has of the options that are described.

        :param found: the object as AWX shows it.
        :raises AwxError: AWX refuses, or does not answer.
        """
        return {option: self._option(kind, found, option, wanted[option]) for option in wanted}

    def _option(self, kind: Kind, found: Object, option: str, wanted: Any) -> Any:
        if option in kind.lists:
            return sorted(item["name"] for item in self._controller.all("%s%s/" % (found["url"], option)))
        if option == "organization" and option not in found:
            # A schedule belongs to the organisation of its template, and does not say so.
            return wanted
        if option in kind.references:
            return found.get("summary_fields", {}).get(option, {}).get("name")
        if option == _SURVEY:
            return self._controller.get("%ssurvey_spec/" % found["url"])
        if option == NODES:
            return self._nodes(found)
        if option in kind.serialized:
            return yaml.safe_load(found.get(option) or "{}")
        if option in kind.completed:
            return self._completed(found.get(option), wanted)
        return found.get(option)

    def _completed(self, value: Any, wanted: Any) -> Any:
        if isinstance(wanted, dict) and isinstance(value, dict):
            return {key: self._completed(value.get(key), inner) for key, inner in wanted.items()}
        unknown = value == ENCRYPTED and not (self._update_secrets and wanted)
        return wanted if unknown else value

    def _nodes(self, workflow: Object) -> List[Object]:
        nodes = self._controller.all("%sworkflow_nodes/" % workflow["url"])
        identifiers = {node["id"]: node["identifier"] for node in nodes}
        return sorted((self._node(node, identifiers) for node in nodes), key=lambda node: str(node["identifier"]))

    def _node(self, node: Object, identifiers: Dict[int, str]) -> Object:
        template = node.get("summary_fields", {}).get("unified_job_template") or {}
        kind = template.get("unified_job_type", "")
        described: Object = {
            "identifier": node["identifier"],
            "type": _NODE_TYPES.get(kind, kind),
            "name": template.get("name"),
            "extra_data": node.get("extra_data") or {},
            **{way: sorted(identifiers[id_] for id_ in node[way]) for way in _NEXT},
        }
        if kind == "workflow_approval":
            described.update(description=template.get("description"), timeout=template.get("timeout"))
        return described


def normalized(kind: Kind, wanted: Object) -> Object:
    """A description in the form of :meth:`Current.described`, so that both can be compared."""
    result: Object = {}
    for option, value in wanted.items():
        if option in kind.lists:
            result[option] = sorted(value)
        elif option == NODES:
            result[option] = sorted(map(_normalized_node, value), key=lambda node: str(node["identifier"]))
        elif option == "scm_type" and value == "manual":
            result[option] = ""
        else:
            result[option] = value
    return result


def _normalized_node(node: Object) -> Object:
    template, related = node["unified_job_template"], node.get("related", {})
    result: Object = {
        "identifier": node["identifier"],
        "type": template["type"],
        "name": template["name"],
        "extra_data": node.get("extra_data", {}),
        **{way: sorted(other["identifier"] for other in related.get(way, [])) for way in _NEXT},
    }
    if template["type"] == "workflow_approval":
        result.update(description=template.get("description", ""), timeout=template.get("timeout", 0))
    return result
