# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the API of AWX 24.6.1: the objects from which jobs are made, with AWX's own checks. No job ever runs.

From AWX's source (awx/api, awx/main/models, awx/main/fields.py), the release that the collection awx.awx 24.6.1 belongs to. What AWX allows a user by roles
is reduced to three kinds of users: administrators, system auditors, who read everything, and others, who see hardly anything.
"""

from __future__ import annotations

import copy
import hashlib
import pathlib
import secrets

from starlette.responses import JSONResponse, Response

from tests.doubles import controller_prompts
from tests.doubles.controller_fields import Refusal, body_of, forbidden, invalid, read
from tests.doubles.controller_kinds import KINDS, LISTED_TEMPLATES, UNIFIED
from tests.doubles.controller_lists import kind_of, page, select
from tests.doubles.controller_people import OPEN, SAFE, WithPeople
from tests.doubles.controller_rules import EDGES, SCM_CHANGES, associate, check
from tests.doubles.controller_secrets import delete_credential_type
from tests.doubles.controller_seeds import VERSION, plant
from tests.doubles.controller_store import WITH_SURVEY, Store, now
from tests.doubles.controller_views import API, show

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Controller(WithPeople):
    """An AWX with the organization Default and the managed credential types.

    :param users: names to passwords of further users, who are neither administrators nor auditors.
    :param token: a token of the administrator.
    :param auditor_token: a token of ``auditor``, a system auditor; without it there is no such user.
    :param username: the name of the administrator.
    :param password: the administrator's password; without one there is no login with it.
    :param playbooks: the playbooks that a project has once it has been updated; by default those of this collection.
    :param update_status: how project updates end, ``successful`` or ``failed``.
    :param update_polls: how many times a project update is still running when it is looked at.
    :param options: those of :class:`tests.doubles.base.Double`.
    """

    vendor = "controller"

    def __init__(
        self,
        users=None,
        *,
        token=None,
        auditor_token=None,
        username="admin",
        password=None,
        playbooks=None,
        update_status="successful",
        update_polls=0,
        **options,
    ):
        self.store = Store()
        plant(self.store, username)
        super().__init__(users, **options)
        self.playbooks = sorted("playbooks/" + path.name for path in (ROOT / "playbooks").glob("*.yml")) if playbooks is None else list(playbooks)
        self.update_status = update_status
        self.update_polls = update_polls
        self.people(username, password, token, auditor_token)

    def routes(self):
        routes = [("GET", path, handler) for path, handler in zip((*OPEN, API + "config/", API + "me/"), self._plain_pages(), strict=True)]
        routes += [(method, API + "{kind}/{key:int}/survey_spec/", self._survey) for method in ("GET", "POST", "DELETE")]
        routes += [
            ("POST", API + "projects/{key:int}/update/", self._update_project),
            ("GET", API + "projects/{key:int}/playbooks/", self._playbooks),
            ("POST", API + "workflow_job_template_nodes/{key:int}/create_approval_template/", self._create_approval),
        ]
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            routes += [
                (method, API + "{kind}/", self._collection),
                (method, API + "{kind}/{key:int}/", self._single),
                (method, API + "{kind}/{key:int}/{part}/", self._part),
            ]
        return [(method, path, self._guard(handler)) for method, path, handler in routes]

    def _plain_pages(self):
        addresses = {name: API + name + "/" for name in (*KINDS, UNIFIED, "ping", "config", "me")}
        known = {"version": VERSION, "ha": False, "active_node": "awx"}
        return (
            lambda _received: JSONResponse({"description": "AWX REST API", "current_version": API, "available_versions": {"v2": API}}),
            lambda _received: JSONResponse(addresses),
            lambda _received: JSONResponse({**known, "install_uuid": "00000000-0000-0000-0000-000000000000", "instances": [], "instance_groups": []}),
            lambda _received: JSONResponse({"version": VERSION, "time_zone": "UTC", "license_info": {"license_type": "open", "valid_key": True}}),
            lambda received: self._page(received, "users", [self._user(received.authenticated_as)]),
        )

    @staticmethod
    def _guard(handler):
        """The handler, with a refusal as its answer."""

        def guarded(received, **parameters):
            try:
                return handler(received, **parameters)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status)

        return guarded

    def error(self, status, message):
        return JSONResponse({"detail": message}, status)

    def not_found(self, received):
        return self.error(404, "The requested resource could not be found.")

    def _found(self, received, kind, key):
        """One object that the user may see, and change if that is what the request is about.

        :raises Refusal: there is none, or the user may not.
        """
        if kind not in KINDS:
            raise Refusal(404, "The requested resource could not be found.")
        item = self.store.get(kind, key)
        if item is None:
            raise Refusal(404, "No %s matches the given query." % KINDS[kind].model)
        if not self._visible(received, kind, [item]):
            raise forbidden()
        if received.method not in SAFE:
            self._may_change(received, kind, item)
        return item

    # Objects.

    def _commit(self, received, kind, change):
        """A change of state; one of tokens, with which clients log in and out, is no write."""
        if kind == "tokens":
            change()
        else:
            self.commit(received, change)

    def _put(self, kind, item, old=None):
        """Keep an object, and do what AWX does behind that."""
        self.store.put(kind, item)
        if kind == "users":
            if old:
                self.users.pop(old["username"], None)
            self.users[item["username"]] = item["password"]
        if kind == "workflow_job_template_nodes" and old and old["unified_job_template"] != item["unified_job_template"]:
            self.store.remove("workflow_approval_templates", old["unified_job_template"])

    def _show(self, received, kind, item, fresh=False):
        kind = kind_of(self.store, kind, item)
        return show(self.store, kind, item, self._user(received.authenticated_as), fresh=fresh)

    def _page(self, received, kind, items):
        query = received.query.decode("latin-1")
        items = select(self.store, kind, self._visible(received, kind, items), query)
        return JSONResponse(page(received.path, query, items, lambda item: self._show(received, kind, item)))

    def _collection(self, received, kind):
        if kind == UNIFIED:
            if received.method not in SAFE:
                raise Refusal(405, 'Method "%s" not allowed.' % received.method)
            return self._page(received, kind, [item for name in LISTED_TEMPLATES for item in self.store.all(name)])
        if kind not in KINDS or "GET" not in KINDS[kind].methods:
            return self.not_found(received)
        if received.method in SAFE:
            return self._page(received, kind, self.store.all(kind))
        if received.method != "POST" or "POST" not in KINDS[kind].methods:
            raise Refusal(405, 'Method "%s" not allowed.' % received.method)
        return self._create(received, kind, body_of(received))

    def _prepare(self, received, kind, body):
        """A new object out of a body, checked, and what has to be kept with it.

        :raises Refusal: it is refused.
        """
        given = read(KINDS[kind], body, self.store.exists, new=True, partial=False)
        new = self.store.new(kind, given)
        check(kind, self.store, None, new, given, False)
        if kind == "tokens":
            if not new["scope"] or set(new["scope"].split()) - {"read", "write"}:
                raise invalid("scope", "Must be a simple space-separated string with allowed scopes ['read', 'write'].")
            new.update(token=secrets.token_urlsafe(22), user=self._user(received.authenticated_as)["id"])
        return new

    def _create(self, received, kind, body, beside=None):
        """Create an object.

        :param beside: makes a further change; takes the object.
        """
        self._may_change(received, kind)
        new = self._prepare(received, kind, body)
        update = self._planned_update(None, new) if kind == "projects" else None

        def change():
            self._put(kind, new)
            self._begin_update(update)
            if beside:
                beside(new)

        self._commit(received, kind, change)
        return JSONResponse(self._show(received, kind, new, fresh=True), 201, headers={"Location": "%s%s/%d/" % (API, kind, new["id"])})

    def _single(self, received, kind, key):
        item = self._found(received, kind, key)
        method = received.method
        if method in SAFE:
            if kind == "project_updates":
                self._look_at_update(item)
            return JSONResponse(self._show(received, kind, item))
        if method == "POST" or method not in KINDS[kind].methods:
            raise Refusal(405, 'Method "%s" not allowed.' % method)
        return self._delete(received, kind, item) if method == "DELETE" else self._change(received, kind, item)

    def _change(self, received, kind, old):
        given = read(KINDS[kind], body_of(received), self.store.exists, new=False, partial=received.method == "PATCH")
        new = {**copy.deepcopy(old), **given, "modified": now()}
        check(kind, self.store, old, new, given, received.method == "PATCH")
        update = self._planned_update(old, new) if kind == "projects" else None

        def change():
            self._put(kind, new, old)
            self._begin_update(update)

        self._commit(received, kind, change)
        return JSONResponse(self._show(received, kind, new, fresh=update is not None))

    def _delete(self, received, kind, item):
        if kind == "credential_types":
            delete_credential_type(self.store, item)
        if item.get("managed"):
            raise forbidden()
        if kind == "users" and (item["username"] == received.authenticated_as or [item] == self.store.all("users", is_superuser=True)):
            raise forbidden("Cannot delete user.")

        def change():
            self.store.remove(kind, item["id"])
            if kind == "users":
                self.users.pop(item["username"], None)

        self._commit(received, kind, change)
        # AWX deletes an inventory in the background.
        return Response(status_code=202 if kind == "inventories" else 204)

    # Parts of objects.

    def _part(self, received, kind, key, part):
        parent = self._found(received, kind, key)
        declared = KINDS[kind]
        if part not in declared.lists and part not in declared.children:
            return self.not_found(received)
        to, field = declared.children.get(part) or (declared.lists[part], None)
        if received.method in SAFE:
            items = self.store.all(to, **{field: key}) if field else [self.store.get(to, one) for one in parent[part]]
            return self._page(received, to, items)
        if received.method != "POST":
            raise Refusal(405, 'Method "%s" not allowed.' % received.method)
        body = body_of(received)
        if field:
            return self._create(received, to, {**body, field: key})
        if "disassociate" in body:
            return self._disassociate(received, kind, parent, part, body.get("id"))
        return self._associate(received, kind, parent, part, body)

    def _associate(self, received, kind, parent, relation, body):
        to = KINDS[kind].lists[relation]
        if relation == "labels" and "id" not in body and {"name", "organization"} <= set(body):
            # A label that exists is used.
            found = self.store.all("labels", name=body["name"], organization=body["organization"])
            body = {"id": found[0]["id"]} if found else body
        other = body.get("id")
        if not other:
            if relation == "instance_groups" or (relation == "credentials" and kind != "job_templates"):
                raise Refusal(400, {"msg": "%s 'id' field is missing." % KINDS[to].label.title()})
            if relation in EDGES:
                body = {**body, "workflow_job_template": parent["workflow_job_template"]}
            return self._create(received, to, body, lambda new: self._link(kind, parent, relation, new["id"]))
        self._check_association(to, other)
        associate(kind, self.store, parent, relation, self.store.get(to, other))
        self.commit(received, lambda: self._link(kind, parent, relation, other))
        return Response(status_code=204)

    def _check_association(self, to, other):
        if isinstance(other, bool) or not isinstance(other, int):
            raise Refusal(400, {"msg": '"id" field must be an integer.'})
        if not self.store.exists(to, other):
            raise Refusal(400, "%s matching query does not exist." % KINDS[to].model)

    def _link(self, kind, parent, relation, other):
        current = self.store.get(kind, parent["id"])
        if current is not None and other not in current[relation]:
            self.store.put(kind, {**current, relation: [*current[relation], other]})

    def _disassociate(self, received, kind, parent, relation, other):
        if not other:
            raise Refusal(400, {"msg": '"id" is required to disassociate'})
        self._check_association(KINDS[kind].lists[relation], other)

        def change():
            current = self.store.get(kind, parent["id"])
            self.store.put(kind, {**current, relation: [one for one in current[relation] if one != other]})
            if relation == "labels":
                self.store.drop_label(other)

        self.commit(received, change)
        return Response(status_code=204)

    def _survey(self, received, kind, key):
        item = self._found(received, kind, key)
        if kind not in WITH_SURVEY:
            return self.not_found(received)
        if received.method == "GET":
            return JSONResponse(controller_prompts.shown_survey(item["survey_spec"]))
        spec = controller_prompts.survey(body_of(received), item["survey_spec"]) if received.method == "POST" else {}
        self.commit(received, lambda: self._put(kind, {**self.store.get(kind, key), "survey_spec": spec}))
        return Response(status_code=200)

    def _create_approval(self, received, key):
        node = self._found(received, "workflow_job_template_nodes", key)
        new = self._prepare(received, "workflow_approval_templates", body_of(received))

        def change():
            self.store.put("workflow_approval_templates", new)
            current = self.store.get("workflow_job_template_nodes", node["id"])
            self._put("workflow_job_template_nodes", {**current, "unified_job_template": new["id"]}, current)

        self.commit(received, change)
        return JSONResponse(self._show(received, "workflow_approval_templates", new), 201)

    # Project updates.

    def _planned_update(self, old, project):
        """The update that AWX starts for a new or changed project; ``None`` if it starts none."""
        changed = old is None or any(old[name] != project[name] for name in SCM_CHANGES)
        if not project["scm_type"] or not changed:
            return None
        values = {"name": project["name"], "project": project["id"], "status": "running", "failed": False, "started": now(), "finished": None, "elapsed": 0.0}
        return self.store.new("project_updates", {**values, "scm_revision": "", "polls": self.update_polls})

    def _begin_update(self, update):
        if update:
            self.store.put("project_updates", update)
            if not update["polls"]:
                self._finish_update(update)

    def _look_at_update(self, update):
        if update["polls"]:
            update["polls"] -= 1
            if not update["polls"]:
                self._finish_update(update)

    def _finish_update(self, update):
        project = self.store.get("projects", update["project"])
        successful = self.update_status == "successful"
        revision = hashlib.sha1(("%s %s" % (project["scm_url"], project["scm_branch"])).encode(), usedforsecurity=False).hexdigest()
        update.update(status=self.update_status, failed=not successful, finished=now(), scm_revision=revision if successful else "")
        if successful:
            project.update(scm_revision=revision, playbook_files=list(self.playbooks))

    def _update_project(self, received, key):
        project = self._found(received, "projects", key)
        update = self._planned_update(None, project)
        if update is None:
            raise Refusal(405, 'Method "POST" not allowed.')
        self.commit(received, lambda: self._begin_update(update))
        return JSONResponse({"project_update": update["id"], **self._show(received, "project_updates", update)}, 202)

    def _playbooks(self, received, key):
        return JSONResponse(self._found(received, "projects", key)["playbook_files"])

    # What a test calls.

    def summary(self):
        with self.lock:
            return {**super().summary(), "objects": {kind: len(self.store.all(kind)) for kind in KINDS}}

    def objects(self, kind):
        """All objects of a kind as they are kept, in clear."""
        with self.lock:
            return copy.deepcopy(self.store.all(kind))

    def find(self, kind, name):
        """The first object with this name (``username`` of users, ``identifier`` of nodes); ``None`` if there is none."""
        with self.lock:
            return copy.deepcopy(next(iter(self.store.all(kind, **{KINDS[kind].identity: name})), None))

    def _resolved(self, kind, fields):
        """The fields with ids for the names of other objects."""
        declared, ids = KINDS[kind], {}
        for name, value in fields.items():
            to = declared.fields[name].to if name in declared.fields else declared.lists.get(name, "")
            if isinstance(value, list) and to:
                ids[name] = [self.find(to, one)["id"] if isinstance(one, str) else one for one in value]
            elif isinstance(value, str) and to:
                ids[name] = next(one["id"] for one in self.store.all(to) if value in (one.get("name"), one.get("username")))
        return {**fields, **ids}

    def create(self, kind, /, **fields):
        """Create an object past all rules; other objects may be given by id or name. Returns it."""
        with self.lock:
            new = self.store.new(kind, self._resolved(kind, fields))
            self._put(kind, new)
            if kind == "projects":
                self._begin_update(self._planned_update(None, new))
            return copy.deepcopy(new)

    def change(self, kind, name, /, **fields):
        """Change an object past all rules, as a person would in the web interface; other objects may be given by id or name. Returns it.

        :raises KeyError: there is no such object.
        """
        with self.lock:
            old = self._named(kind, name)
            self._put(kind, {**old, **self._resolved(kind, fields), "modified": now()}, old)
            return self.find(kind, fields.get(KINDS[kind].identity, name))

    def remove(self, kind, name):
        """Delete an object, with what AWX deletes with it.

        :raises KeyError: there is no such object.
        """
        with self.lock:
            self.store.remove(kind, self._named(kind, name)["id"])

    def _named(self, kind, name):
        found = self.find(kind, name)
        if found is None:
            raise KeyError("%s: %s" % (kind, name))
        return found


DOUBLE = Controller
