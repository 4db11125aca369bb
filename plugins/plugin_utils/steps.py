# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a rotation as tasks take them, one each or all in one: from validated options to a result that holds no secret."""

from __future__ import annotations

import uuid
from contextlib import nullcontext

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError

from . import report, rotation
from .action import read_results
from .ages import parse_age, to_text, utc_now
from .host_lock import host_lock
from .policy import OPTIONS as POLICY
from .policy import policy_for
from .records import ORPHANED
from .sending import Sender
from .vendor_module import vendor_module

# The options that several of the actions have.
USERS = dict(vendor=dict(type="str", required=True), users=dict(type="list", elements="raw", required=True))
CONNECTION = dict(connection=dict(type="dict", default={}))
WHO_IS_DUE = dict(max_age=dict(type="str", default="30d"), force=dict(type="bool", default=False))
NEW_PASSWORDS = dict(policy=dict(type="dict", options=POLICY))
PROOF = dict(accept_unverified=dict(type="bool", default=False))
ENDURANCE = dict(max_attempts=dict(type="int", default=3))

_ROLLBACK = "rollback"


def stage(store, users, args, check_mode):
    """Decide who is due, and store a new password for each of them as pending.

    :param store: a :class:`~.stores.base.Store`.
    :param users: what :func:`~.action.read_users` returns.
    :param args: dict with the options :data:`USERS`, :data:`WHO_IS_DUE` and :data:`NEW_PASSWORDS`.
    :return: what :func:`.rotation.stage` returns.
    :raises VendorError: ``invalid_input``, ``store_failed``, ``store_conflict``.
    """
    max_age, wanted = _read(args)
    return rotation.stage(store, users, wanted, max_age, args["force"], uuid.uuid4().hex, utc_now(), check_mode)


def _read(args):
    wanted = policy_for(vendor_module(args["vendor"]).VENDOR.capabilities, args["policy"])
    return parse_age(args["max_age"], "max_age"), wanted


def sender(action, users, args, task_vars, scrub):
    """The way to the users that an action was given.

    :param users: what :func:`~.action.read_users` returns.
    :param args: dict with the options :data:`USERS` and :data:`CONNECTION`.
    :raises VendorError: ``invalid_input``.
    """
    given = {user["name"]: user for user in users}
    return Sender(action, task_vars, args["vendor"], args["connection"], given, scrub)


def change(way, store, staged, args, check_mode):
    """Hand those who are due to the vendor's module, or foretell what it would do. Whoever calls holds the host's lock.

    :param way: what :func:`sender` returned.
    :param staged: what :func:`stage` returned.
    :param args: dict with the option :data:`NEW_PASSWORDS`.
    :return: the module's result.
    :raises VendorError: concerns all users.
    """
    due = {user["name"]: user for user in staged if user["due"]}
    if not due:
        return dict(changed=False, users=[])
    return (way.foresee if check_mode else way.send)(store, due, policy_for(way.capabilities, args["policy"]))


def commit(store, staged, results, args, check_mode):
    """Bring the store in line with what became of the change.

    :param results: the users of the vendor module's result, as :func:`~.action.read_results` returns them.
    :param args: dict with the options :data:`PROOF` and :data:`ENDURANCE`.
    :return: the result, with changed, users, summary, and where any failed, failed and msg.
    :raises VendorError: ``invalid_input``, ``store_failed``, ``store_conflict``.
    """
    require(args)
    users = rotation.commit(store, staged, results, to_text(utc_now()), args["accept_unverified"], check_mode, args["max_attempts"])
    result = report.committed(users, len(staged))
    result["summary"][:0] = [report.line(user) for user in staged if not user["due"] and user["reason"] != ORPHANED]
    return result


def require(args):
    """Validate what needs neither the vendor nor the store.

    :param args: dict with some of the options above.
    :raises VendorError: ``invalid_input``.
    """
    if "max_age" in args:
        _read(args)
    if args.get("max_attempts", 1) < 1:
        raise VendorError(errors.INVALID_INPUT, "max_attempts (in the role: rotate_max_attempts) must be at least 1.")


def roll_back(way, store, committed, args, check_mode):
    """Set the previous passwords of those again whose new ones were promoted. Whoever calls holds the host's lock.

    :param committed: the users that :func:`commit` returned.
    :param args: dict with the option :data:`PROOF`.
    :return: the result, with changed, users, summary, warnings, and where any failed, failed and msg.
    :raises VendorError: ``store_failed``, ``store_conflict``.
    """
    promoted = [user["name"] for user in committed if user.get("action") == rotation.PROMOTED]
    if not promoted:
        return dict(changed=False, users=[], summary=[])
    wanted = dict.fromkeys(promoted, lambda record: record.previous if record.pending is None else None)
    staged = rotation.stage_these(store, wanted, _ROLLBACK, uuid.uuid4().hex, utc_now(), check_mode)
    due = {user["name"]: user for user in staged if user["due"]}
    kept = ["%s: keeps its new password, there is no previous one to go back to" % name for name in promoted if name not in due]
    if check_mode or not due:
        return dict(changed=bool(due), users=[], summary=["%s: would get its previous password again" % name for name in due] + kept)
    results = way.send(store, due, None)
    users = rotation.commit(store, staged, read_results(results["users"]), to_text(utc_now()), args["accept_unverified"])
    result = report.committed(users, len(due), "rolled back", "previous")
    return dict(result, summary=result["summary"] + kept, warnings=results.get("warnings") or [])


def locked(store, check_mode):
    """Keep other runs on this machine from changing passwords of the same host, where anything is going to be changed."""
    return host_lock(store, store.host) if not check_mode else nullcontext()
