# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores, by their names."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Dict, List, Type

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import SHORT, Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ._arguments import validated
from .store import Store

_STORES = "ansible_collections.rekey.passwords.plugins.plugin_utils._stores"


def open_store(name: str, host: str, options: Dict[str, Any], loader: Any) -> Store:
    """The store of that name; a store is a file of the folder ``_stores`` with a class ``STORE``.

    :param options: dict with the options that :data:`~.store.OPTIONS` describes, except ``store``.
    :raises PasswordError: ``invalid_input``: there is none, or its options are wrong.
    """
    store = store_class(name)
    spec = dict(store.constraints, argument_spec=store.argument_spec)
    try:
        validated_options = validated(spec, dict(options.get("store_options") or {}))
        _require_sound_texts(validated_options)
    except PasswordError as error:
        # Ansible repeats a value of a wrong type, and a secret may be in the wrong place.
        texts = [str(value) for value in (options.get("store_options") or {}).values()]
        message = Scrubber(text for text in texts if len(text) >= SHORT)(error.message)
        error.message = "store_options (in the role: rotate_store_options) of %s: %s" % (name, message)
        raise
    return store(
        host,
        dict(validated_options, store_path=options.get("store_path"), store_create=options.get("store_create")),
        loader,
    )


def _require_sound_texts(options: Dict[str, Any]) -> None:
    """Refuse what no path, header or JSON can hold.

    :raises PasswordError: ``invalid_input``.
    """
    for name, value in options.items():
        if isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise PasswordError(errors.INVALID_INPUT, "%s holds a NUL or a broken character." % name)


def store_class(name: str) -> Type[Store]:
    """The class of the store of that name.

    :raises PasswordError: ``invalid_input``, if there is none.
    """
    known = sorted(item.name for item in iter_modules(import_module(_STORES).__path__))
    if name not in known:
        raise PasswordError(errors.INVALID_INPUT, "There is no store %s; there are: %s." % (name, ", ".join(known)))
    store: Type[Store] = import_module("%s.%s" % (_STORES, name)).STORE
    return store


def secrets_in(name: str, options: Dict[str, Any]) -> List[str]:
    """The options of a store that must not be shown: its secrets, and any option that it does not know.

    :param name: of the store.
    :param options: see :func:`open_store`.
    """
    spec = dict(store_class(name).argument_spec)
    for option in list(spec.values()):
        spec.update(dict.fromkeys(option.get("aliases", ()), option))
    store_options = options.get("store_options") or {}
    return [str(value) for key, value in store_options.items() if spec.get(key, {"no_log": True}).get("no_log")]
