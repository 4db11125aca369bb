# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doubles that the unit tests of the rotation share: a store in memory, a loader with vault passwords, a vendor, a task."""

from __future__ import annotations

import copy
import itertools
import json
import types
from dataclasses import replace

from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.template import Templar
from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry, errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities, Login, Vendor
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import task as task_module
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Entry, Note, Store, StoreConflict, content_version, read_record

CAPABILITIES = Capabilities(
    title="Model",
    changes_own=True,
    changes_others=True,
    others_need_current="yes",
    login_probe="ask the model",
    lockout="none",
    failed_logins_per_call=None,
    settle_seconds=0.0,
    password_min=8,
    password_max=64,
    password_unit="bytes",
)


def capabilities(**changes):
    """The model's capabilities with some of them otherwise."""
    return replace(CAPABILITIES, **changes)


class MemoryStore(Store):
    """Keeps records in memory, by the contract of :class:`Store`.

    ``before_put`` holds functions that are called once each, one at each :meth:`put`, before it looks: another writer in between.
    """

    def __init__(self, host="model-1", options=None, loader=None):
        super().__init__(host, options or {}, loader)
        self.data = {}
        self.notes = {}  # name -> (number of the write, content as text)
        self.before_note = []  # functions that are called once each, one at each write of a note, before it looks
        self.writes = 0
        self.before_put = []
        self.broken = False  # whether it is out of reach

    @classmethod
    def sharing(cls, other, host=None):
        """The same store as another process opens it, perhaps for another host."""
        made = cls(host or other.host)
        made.notes = other.notes
        if made.host == other.host:
            made.data = other.data
        return made

    def get(self, users):
        if self.broken:
            raise PasswordError(errors.STORE_FAILED, "The store is out of reach.")
        return {user: self._entry(user) for user in users}

    def put(self, entries):
        if self.before_put:
            self.before_put.pop(0)()
        conflicts = sorted(user for user, entry in entries.items() if self._entry(user).version != entry.version)
        for user, entry in entries.items():
            if user not in conflicts:
                self.keep(entry.record)
                self.writes += 1
        if conflicts:
            raise StoreConflict(conflicts)

    def list(self):
        return sorted(self.data)

    def read_note(self, name):
        if self.broken:
            raise PasswordError(errors.STORE_FAILED, "The store is out of reach.")
        number, text = self.notes.get(name, (None, "null"))
        return Note(json.loads(text), number)

    def write_note(self, name, content, version):
        if self.before_note:
            self.before_note.pop(0)()
        if self.broken:
            raise PasswordError(errors.STORE_FAILED, "The store is out of reach.")
        if self.notes.get(name, (None, ""))[0] != version:
            raise StoreConflict([name])
        self.notes[name] = ((version or 0) + 1, json.dumps(content))
        return self.notes[name][0]

    def keep(self, record):
        """Store a record whatever stood there, as another process would."""
        # Through text and back, as a real store: no object is shared between two readers.
        self.data[record.name] = json.loads(json.dumps(record.as_dict()))

    def record(self, user):
        """The record of a user, or ``None``."""
        return self._entry(user).record

    def _entry(self, user):
        if user not in self.data:
            return Entry(None, None)
        data = copy.deepcopy(self.data[user])
        return Entry(read_record(data, user, "memory", self.host), content_version(data))


def substitute_model(monkeypatch):
    """Let everybody find the model, whatever the name of the vendor that they ask for."""
    monkeypatch.setattr(_vendor_registry, "load", lambda name: ModelVendor)


def use_model(monkeypatch, *stores):
    """Let actions find the model vendor, and these stores in the order in which they open them; without a lock between runs.

    :return: the first of the stores.
    """
    opened = itertools.cycle(stores)
    monkeypatch.setattr(task_module, "open_store", lambda name, host, options, loader: next(opened))
    monkeypatch.setattr(task_module, "secrets_in", lambda name, options: [str(value) for value in (options.get("store_options") or {}).values()])
    substitute_model(monkeypatch)
    return stores[0]


def loader(*passwords, vault_ids=()):
    """A data loader that has these vault passwords, as that of a play."""
    made = DataLoader()
    ids = list(vault_ids) + ["default"] * (len(passwords) - len(vault_ids))
    made.set_vault_secrets([(vault_id, VaultSecret(password.encode())) for vault_id, password in zip(ids, passwords)])
    return made


class ModelVendor(Vendor):
    """A vendor in memory; a test sets the class attributes by :meth:`reset`."""

    name = "model"
    env_prefix = "MODEL"
    capabilities = CAPABILITIES
    argument_spec = dict(
        url=dict(type="str", required=True),
        api_user=dict(type="str"),
        api_password=dict(type="str", no_log=True),
    )
    user_spec = dict(scope=dict(type="str"))
    passwords: dict = {}  # what is in force
    troubles: dict = {}  # user -> function(account) that may raise; called before the change
    calls: list = []  # (what, user, password)
    unreachable: set = set()  # users for whom no login can be made

    @classmethod
    def target(cls, params):
        return params["url"]

    @classmethod
    def reset(cls, **passwords):
        """Start afresh with these users."""
        cls.passwords, cls.troubles, cls.calls, cls.unreachable = dict(passwords), {}, [], set()

    @classmethod
    def done(cls, what):
        """The users and passwords of all calls of a kind."""
        return [(user, password) for called, user, password in cls.calls if called == what]

    def open(self, accounts):
        user = self.params["api_user"]
        if user:
            self.calls.append(("operator", user, self.params["api_password"]))
            if self.passwords.get(user) != self.params["api_password"]:
                raise PasswordError(errors.AUTHENTICATION_FAILED, "The model refused the operator %s with %s." % (user, self.params["api_password"]))

    def find(self, accounts):
        for account in accounts:
            if account.name not in self.passwords:
                account.error = PasswordError(errors.USER_NOT_FOUND, "There is no %s." % account.name)

    def probe(self, account, password):
        self.calls.append(("probe", account.name, password))
        if account.name in self.unreachable:
            return Login.unknown("")
        return Login.RIGHT if self.passwords[account.name] == password else Login.WRONG

    def change(self, account):
        self.calls.append(("change", account.name, account.password))
        self.troubles.get(account.name, lambda _account: None)(account)
        self.passwords[account.name] = account.password


MODEL_MODULE = types.SimpleNamespace(VENDOR=ModelVendor, SPEC=ModelVendor.spec())


def action(action_class, args, vault=None, check_mode=False, transport="local", become=None):
    """An action plugin as the task executor makes it."""
    vault = vault or loader("S3cr3t-MARKER-vault")
    task = types.SimpleNamespace(
        args=args, check_mode=check_mode, async_val=0, action="rekey.passwords.something", diff=False, environment=None, delegate_to=None
    )  # fmt: skip
    shell = types.SimpleNamespace(tmpdir="/nowhere")
    connection = types.SimpleNamespace(transport=transport, become="sudo" if become else None, tmpdir="/nowhere", _shell=shell)
    return action_class(task, connection, types.SimpleNamespace(), vault, Templar(loader=vault), None)


def run_action(action_class, args, host="model-1", **more):
    """The result of an action plugin's task."""
    before = copy.deepcopy(args)
    result = action(action_class, args, **more).run(task_vars={"inventory_hostname": host})
    assert args == before, "an action has changed what belongs to the play"
    return result
