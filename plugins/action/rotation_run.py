# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import List, Optional

from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import steps, unlisted
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.delivery import Delivery
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.recheck import recheck
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import (
    RotationAction,
    read_results,
    read_users,
)
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import parse_age, utc_now
from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_runner import prepare_for_workers
from ansible_collections.rekey.passwords.plugins.plugin_utils.store import Store

_PASSED_ON = ("warnings", "deprecations", "unreachable")

prepare_for_workers()


class ActionModule(RotationAction):
    """Takes all the steps of a rotation, from the look who is due to the store that is in line with the vendor."""

    SPEC = dict(
        **steps.USERS,
        **steps.CONNECTION,
        **steps.WHO_IS_DUE,
        **steps.NEW_PASSWORDS,
        **steps.PROOF,
        **steps.ENDURANCE,
        rollback=dict(type="bool", default=False),
        verify_after=dict(type="str", default="12h"),
        change_tasks=dict(type="path"),
    )

    def rotate(self, args, task_vars, scrub):
        steps.require(args)
        after = parse_age(args["verify_after"], "verify_after") if args["verify_after"] else None
        users = read_users(args["users"])
        if args["change_tasks"]:
            return dict(changed=False, skipped=True, skip_reason="The steps are tasks of their own.")
        delivery = steps.delivery(self, users, args, task_vars, scrub)
        store = self.open_store(args, task_vars)
        seen = steps.look(store, users, args, delivery)
        if not seen.due:
            # No lease: a run that finds nothing to do leaves no trace.
            return self._look_around(
                delivery,
                store,
                seen,
                seen.staged,
                after,
                dict(steps.commit(store, seen.staged, [], args, self.check_mode), due=[]),
            )
        with steps.locked(store, self.check_mode):
            staged = steps.stage(store, users, args, seen, delivery, self.check_mode)
            due = [user["name"] for user in staged if user["due"]]
            results = self._change(delivery, store, staged, args)
            result = self._commit(store, staged, results, args, delivery.sent)
            if args["rollback"] and any(user["error"] for user in result["users"]):
                self._roll_back(delivery, store, args, result)
        # A new or another pending password is a change of the store.
        return self._look_around(
            delivery, store, seen, staged, after, dict(result, changed=bool(due) or result["changed"], due=due)
        )

    @staticmethod
    def _look_around(
        delivery: Delivery, store: Store, seen: steps.Look, staged: List[dict], after: Optional[int], result: dict
    ) -> dict:
        """Look for passwords that somebody changed by hand, unless the operator was refused already, and for records that nobody rotates any more."""
        if after is not None and not result.get("error"):
            recheck(
                delivery,
                store,
                [user["name"] for user in staged if not user["due"] and not user["reason"]],
                after,
                utc_now(),
                result,
            )
        result["unlisted"] = []
        unlisted.tell(store, staged, seen.endpoint, result)
        return result

    def _change(self, delivery, store, staged, args):
        try:
            return steps.change(delivery, store, staged, args, self.check_mode)
        except PasswordError as error:
            # Whatever has happened, the store hears of it.
            return dict(self.failure(error), users=[])

    def _commit(self, store, staged, results, args, sent):
        try:
            result = steps.commit(store, staged, read_results(results.pop("users")), args, self.check_mode, sent)
        except PasswordError as error:
            error.message += " What was sent to the vendor is in the store as pending; the next run finishes it."
            raise
        result.update((key, results[key]) for key in _PASSED_ON if results.get(key))
        if results.get("error"):
            # One error of all users is the message of the task; the lines of the users do not repeat it.
            told = ": %s (%s)" % (results["error"].get("message"), results["error"].get("kind"))
            summary = [line.removesuffix(told) for line in result["summary"]]
            result.update(failed=True, msg=results["msg"], error=results["error"], summary=summary)
        return result

    def _roll_back(self, delivery, store, args, result):
        """Tell in the result what became of it."""
        try:
            back = steps.roll_back(delivery, store, result["users"], args, self.check_mode)
        except PasswordError as error:
            result.update(self.failure(error))
            return
        result.update(
            rolled_back=back["users"],
            summary=result["summary"] + back["summary"],
            warnings=result.get("warnings", []) + back.get("warnings", []),
        )
