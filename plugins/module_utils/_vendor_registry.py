# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendors by name: each file in _vendors/ without a leading underscore is one."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import List, Type

from . import _vendors, errors
from .errors import PasswordError
from .vendor import Vendor


@lru_cache(maxsize=None)
def load(name: str) -> Type[Vendor]:
    """Return the vendor of this name. The first call imports it.

    :raises PasswordError: ``invalid_input``: the vendor does not exist.
    """
    if name not in names():
        raise PasswordError(
            errors.INVALID_INPUT, "The vendor %s does not exist. Choose one of: %s." % (name, ", ".join(names()))
        )
    found = vars(import_module("%s.%s" % (_vendors.__name__, name))).values()
    return next(item for item in found if isinstance(item, type) and getattr(item, "name", None) == name)


def names() -> List[str]:
    """Return the names of all vendors, sorted."""
    return sorted(item.name for item in iter_modules(_vendors.__path__) if not item.name.startswith("_"))
