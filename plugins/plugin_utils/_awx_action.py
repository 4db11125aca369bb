# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind awx_objects: plan, then carry the plan out, and fail without a secret."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ._arguments import plain, validated
from ._awx import data, execution
from ._awx.controller import CONNECTION, AwxError, Controller
from ._awx.plan import Planner


class AwxAction(ActionBase):
    """An action on objects of AWX; a subclass declares ``SPEC``."""

    SPEC: ClassVar[dict[str, Any]] = {}
    STORE_SPEC: ClassVar[dict[str, Any]] = {}

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Plan, then carry the plan out; every failure becomes a result with ``msg``."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        scrub = Scrubber()
        outcome = execution.Outcome()
        try:
            args = validated(dict(argument_spec=self.SPEC), plain(self._task.args))
            scrub.add(*data.secrets(args))
            scrub.keep("CONTROLLER_OAUTH_TOKEN", "CONTROLLER_PASSWORD")
            self._carry_out(args, outcome, task_vars or {})
        except (AwxError, PasswordError) as error:
            result.update(failed=True, msg=str(scrub(str(error))))
        result.update(outcome.as_result())
        return result

    def _carry_out(self, args: dict[str, Any], outcome: execution.Outcome, task_vars: dict[str, Any]) -> None:
        """Do the work, and note in the outcome what is done.

        :raises AwxError: the data, or AWX, does not allow it.
        """
        objects = data.checked(args["objects"], args["leave_out"])
        connection = {name: args[name] for name in CONNECTION if args[name] is not None}
        with Controller(args["collection"], connection) as controller:
            planner = Planner(controller, args["mark"], args["update_secrets"])
            if args["state"] == "present":
                plan = planner.present(objects, args["take_over"])
            else:
                plan = planner.absent(objects, args["force"])
            outcome.warnings += controller.warnings
        outcome.left += plan.left
        for step in plan.steps:
            if not self._task.check_mode:
                arguments = {**execution.arguments(step), **connection}
                module = "%s.%s" % (args["collection"], step.kind.module)
                # Modules note their options in the system's log, with secrets that awx.awx does not declare as such.
                variables = {**task_vars, "ansible_no_target_syslog": True}
                execution.check(step, self._execute_module(module, arguments, task_vars=variables))
            outcome.note(step)
