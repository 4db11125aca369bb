# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of a vendor in this process, without waiting, and the verdict on its users."""

from __future__ import annotations

import importlib

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rekey.passwords.plugins.module_utils import _change

from tests.unit.plugins.module_utils.fake_vendor import Clock, params

MODULES = "ansible_collections.rekey.passwords.plugins.modules"
OLD = "Old-S3cr3t-MARKER-1"
NEW = "New-S3cr3t-MARKER-2"


def call(vendor, *users, check_mode=False, clock=None, sleep=None, **options):
    """One call of the change run.

    :param vendor: a vendor's class.
    :param users: names, or elements of ``users``; see :func:`~.fake_vendor.params`.
    :param clock: shows afterwards how long it would have waited.
    :param sleep: in place of the clock's.
    :param options: further options of the module, as the validator would hand them on.
    """
    clock = clock or Clock()
    return _change.set_passwords(vendor, params(vendor, *users, **options), check_mode, sleep or clock.sleep, clock)


def run(case, double, *names, check_mode=False, clock=None, entry=None, **options):
    """One call with the options of the stand.

    :param names: of the users, whose password :data:`OLD` is to become :data:`NEW`.
    :param clock: tells afterwards how long was waited.
    :param entry: further keys of each user.
    :param options: further options of the module; ``users`` in place of ``names``.
    :return: the result of the change run.
    """
    clock = clock or Clock()
    module = importlib.import_module("%s.%s_user_password" % (MODULES, case.vendor))
    users = options.pop("users", None) or [dict({"name": name, "password": NEW, "current_password": OLD}, **(entry or {})) for name in names]
    validated = ArgumentSpecValidator(**module.SPEC).validate(dict(case.connection(double), users=users, **options))
    assert not validated.error_messages
    return _change.set_passwords(module.VENDOR, validated.validated_parameters, check_mode=check_mode, sleep=clock.sleep, clock=clock)


def verdicts(result):
    """What became of the users, in their order: ``(state, verified, kind of error)``."""
    return [(user["state"], user["verified"], user["error"] and user["error"]["kind"]) for user in result["users"]]


def verdict(result):
    """What became of the first user."""
    return verdicts(result)[0]
