# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of all stores need to know about each: how to get one that works, how to make it fail, and how to damage a record in it.

One file a store, or for each server that a store is tested with, each with a class ``STAND``; :data:`STANDS` finds them, so that a further
store is tested by adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod

from ansible_collections.rekey.passwords.plugins.plugin_utils._store_registry import open_store

from tests.unit.plugins.rotation_doubles import loader

VAULT_PASSWORD = "S3cr3t-MARKER-vault-password"


class StoreCase(ABC):
    """One store under test, with a service or a folder of its own; use it as a context manager.

    :param folder: an empty folder for whatever the store needs on disk.
    """

    name = "none"  # of the store
    label = ""  # of the stand, where a store has several; empty: the store's name
    real = False  # whether it needs a server or programs that the environment of the tests does not bring
    secrets: tuple = ()  # what gives access to the store; unmistakable markers

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.label = cls.__dict__.get("label") or cls.name

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Stop what was started."""

    @property
    @abstractmethod
    def options(self):
        """The options ``store_path`` and ``store_options`` of an action, as a dict, and ``store_create`` where the store is begun by the first write."""

    @property
    def environment(self):
        """The variables that the store's own programs need, for a run of Ansible."""
        return {}

    def open(self, host="host-1"):
        """The store of a host, as an action opens it."""
        return open_store(self.name, host, self.options, loader(VAULT_PASSWORD))

    @abstractmethod
    def disturb(self):
        """Put the store out of reach."""

    @abstractmethod
    def mend(self):
        """Bring it back, with everything in it."""

    @abstractmethod
    def damage(self, user, host="host-1"):
        """Destroy what the store holds of a user, past all its rules."""

    @abstractmethod
    def swap(self, host: str, other: str) -> None:
        """Let the records of two hosts take each other's place, past all rules of the store."""

    @abstractmethod
    def shown(self, user, host="host-1"):
        """What an application finds that reads the user's entry with the store's own tools: (username or None, password or None)."""


def _found():
    names = sorted(item.name for item in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module("%s.%s" % (__name__, name)).CASE for name in names}


CASES = _found()
