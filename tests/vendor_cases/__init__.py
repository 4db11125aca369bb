# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of all vendors need to know about each: how to start its double, how to reach it, and where to disturb it.

One file a vendor, each with a ``STAND``; :data:`STANDS` finds them, so that a further vendor is tested by adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field


def _nothing(_double):
    return {}


@dataclass(frozen=True)
class VendorCase:
    """A vendor under test.

    :param vendor: the module's name without ``_user_password``.
    :param double: makes a double that has not started: called with names to passwords, and options of :class:`tests.doubles.base.Double`.
    :param connection: given a running double, the module's options with which an operator may do everything.
    :param change: finds the request that changes a password: options of ``Double.inject``, such as ``path`` and ``method``.
    :param lookup: finds the request that looks users up.
    :param login: finds the request that logs somebody in.
    :param complaint: makes the body of an error in the vendor's form, which says the given text.
    :param refusal: how the vendor answers that request if its policy refuses the password: further options of ``Double.inject``.
    :param resets: options of ``double`` with which the operator needs to know no user's password.
    :param secrets: the operator's; unmistakable markers.
    :param end_logins: given a double, ends everything that the operator has got by logging in; ``None`` where there is nothing to be ended.
    :param refuses_with: the statuses with which the vendor itself refuses; ``None``: any from 400 to 499.
    :param takes_any_success: whether any 2xx in answer to a change counts as one, so that the login after it decides.
    :param proves: whether a login can prove a password here.
    :param operator: the operator's name, where it is one of the users.
    :param addresses: in the documentation, URLs that mean this vendor.
    :param users: those that the documentation names, to the passwords that they have before.
    :param variables: those that the documentation uses.
    :param environment: given a running double, the variables of the environment that the documentation relies on.
    :param locks_after: which failed login locks an account of the double; ``None`` where none does.
    :param locks: options of ``double`` with which that is so, where it is not by default.
    """

    vendor: str
    double: Callable
    connection: Callable
    change: dict
    lookup: dict
    login: dict
    complaint: Callable[[str], dict]
    refusal: dict
    resets: dict = field(default_factory=dict)
    secrets: tuple = ()
    end_logins: Callable | None = None
    refuses_with: tuple[int, ...] | None = None
    takes_any_success: bool = False
    proves: bool = True
    operator: str | None = None
    addresses: tuple = ()
    users: dict = field(default_factory=dict)
    variables: dict = field(default_factory=dict)
    environment: Callable = _nothing
    locks_after: int | None = None
    locks: dict = field(default_factory=dict)

    @property
    def module(self):
        """The module's full name."""
        return "rekey.passwords.%s_user_password" % self.vendor

    @property
    def capabilities(self):
        """What the collection says that the vendor can do."""
        # Not before it is needed: the doubles also run without the collection.
        name = "ansible_collections.rekey.passwords.plugins.modules.%s_user_password" % self.vendor
        return importlib.import_module(name).VENDOR.capabilities


def _found():
    names = sorted(item.name for item in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module("%s.%s" % (__name__, name)).CASE for name in names}


CASES = _found()
