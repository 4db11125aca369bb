# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that the double of AWX keeps: dictionaries by kind and id, with their references, and what goes when one of them is deleted."""

from __future__ import annotations

import copy
import datetime
import itertools

from tests.doubles.controller_fields import Refusal, invalid
from tests.doubles.controller_kinds import KINDS, REQUIRED, TEMPLATES, UNIFIED

WITH_SURVEY = ("job_templates", "workflow_job_templates")
WITH_ANSWERS = ("schedules", "workflow_job_template_nodes")


def now():
    """The time as AWX writes it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Store:
    """All objects. What it gives out are the objects themselves; who changes one puts a changed copy back."""

    def __init__(self):
        self.tables = {name: {} for name in KINDS}
        shared = itertools.count(1)
        self._ids = {name: shared if name in TEMPLATES else itertools.count(1) for name in KINDS}

    def new(self, kind, values):
        """An object with an id and all defaults, which is not in the store yet."""
        declared = KINDS[kind]
        item = {"id": next(self._ids[kind]), "created": now(), "modified": now(), **copy.deepcopy(declared.shown)}
        item.update((name, None if field.default is REQUIRED else copy.deepcopy(field.default)) for name, field in declared.fields.items())
        item.update((relation, []) for relation in declared.lists)
        if kind in WITH_SURVEY:
            item["survey_spec"] = {}
        if kind in WITH_ANSWERS:
            item["survey_passwords"] = []
        if kind == "projects":
            item.update(scm_revision="", playbook_files=[])
        item.update(copy.deepcopy(values))
        return item

    def put(self, kind, item):
        """Keep an object, new or changed."""
        self.tables[kind][item["id"]] = item

    def all(self, kind, /, **wanted):
        """The objects of a kind whose members have these values."""
        tables = [self.tables[name] for name in (TEMPLATES if kind == UNIFIED else (kind,))]
        return [one for table in tables for one in table.values() if all(one.get(name) == value for name, value in wanted.items())]

    def get(self, kind, key):
        """One object by its id; ``None`` if there is none."""
        return next(iter(self.all(kind, id=key)), None)

    def exists(self, kind, key):
        """Whether there is such an object."""
        return self.get(kind, key) is not None

    def template(self, key):
        """``(kind, object)`` of a template by its id; ``(None, None)`` if there is none."""
        return next(((name, self.tables[name][key]) for name in TEMPLATES if key in self.tables[name]), (None, None))

    def check_unique(self, kind, item, ignored=()):
        """Refuse what another object has already.

        :param ignored: fields that AWX leaves out of the check; the database then refuses it in its own words.
        :raises Refusal: it is taken.
        """
        declared = KINDS[kind]
        for names in declared.unique:
            values = {name: item[name] for name in names}
            if None in values.values() and not declared.soft:
                continue
            if not any(one["id"] != item["id"] for one in self.all(kind, **values)):
                continue
            if kind == "users":
                raise invalid("username", "A user with that username already exists.")
            if set(names) & set(ignored):
                raise Refusal(400, 'duplicate key value violates unique constraint "main_%s_uniq"' % declared.type.replace("_", ""))
            if declared.soft:
                raise invalid("__all__", "%s with this (%s) combination already exists." % (declared.model, ", ".join(names)))
            labels = [name.replace("_", " ").capitalize() for name in names]
            together = " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)
            raise invalid(names[0] if len(names) == 1 else "__all__", "%s with this %s already exists." % (declared.label, together))

    def remove(self, kind, key):
        """Delete an object, and do to all that refer to it what AWX's database does."""
        item = self.tables[kind].pop(key, None)
        if item is None:
            return
        targets = {kind, UNIFIED} if kind in TEMPLATES else {kind}
        for name, declared in KINDS.items():
            for field_name, field in declared.fields.items():
                if field.to in targets:
                    self._forget(name, field_name, field, key)
            for relation, to in declared.lists.items():
                if to == kind:
                    for one in self.all(name):
                        one[relation] = [other for other in one[relation] if other != key]
        if kind == "workflow_job_template_nodes" and item["unified_job_template"] in self.tables["workflow_approval_templates"]:
            # The approval belongs to the node.
            self.remove("workflow_approval_templates", item["unified_job_template"])
        for label in item.get("labels", []):
            self.drop_label(label)

    def _forget(self, kind, name, field, key):
        for one in self.all(kind, **{name: key}):
            if field.cascade:
                self.remove(kind, one["id"])
            else:
                one[name] = None

    def drop_label(self, key):
        """Delete a label that nothing has any more."""
        users = (one for name, declared in KINDS.items() if "labels" in declared.lists for one in self.all(name))
        if not any(key in one["labels"] for one in users):
            self.remove("labels", key)
