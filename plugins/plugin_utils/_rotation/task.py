# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task of the rotation: its options, the stores that it opens, and the way to its users."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain
from .._folder_trust import is_marked_since, read_by_ansible
from .._store_registry import open_store, secrets_in
from ..record import Identity
from ..store import DamagedRecordError, Store
from .options import Options
from .pairs import Pair, expand
from .read_only import ReadOnlyStore
from .selection import limited_to
from .sender import Sender

Result = Dict[str, Any]  # of an action

_FIRST_RUN = 3600.0  # seconds; longer than that hardly any takes
_WAY_OUT = (
    " Where there is no copy, rotation_repair can set the damaged record aside and begin another one with a password that you give "
    "(option set_aside_damaged; playbook repair: rotate_repair_set_aside_damaged)."
)


class Task:
    """One task of the rotation.

    :param action: the action plugin that runs it.
    :param args: its validated options.
    :param task_vars: its variables.
    :param scrub: learns the secrets that are read, so that no message shows them.
    :raises PasswordError: ``invalid_input``.
    """

    def __init__(self, action: ActionBase, args: Dict[str, Any], task_vars: Dict[str, Any], scrub: Scrubber) -> None:
        self.action, self.args, self.task_vars, self.scrub = action, args, task_vars, scrub
        self.check_mode: bool = action._task.check_mode
        self.pairs: List[Pair] = []
        if isinstance(args.get("users"), list):
            # From here on an account of a pair is a user like any other.
            args["users"], self.pairs = expand(args["users"])
        self.options = Options.read(args)
        self.stores: List[Store] = []  # those that were opened

    def record_name(self) -> str:
        """The name under which the store keeps the records of the endpoint that the task is about.

        :raises PasswordError: ``invalid_input``.
        """
        name = (
            self.args.get("target")
            or self.action._templar.template(self.task_vars.get("rotate_target"))
            or self.task_vars["inventory_hostname"]
        )
        if not isinstance(name, str):
            raise PasswordError(
                errors.INVALID_INPUT, "target (in the role: rotate_target) is not a text; put it into quotes."
            )
        return str(plain(name))

    def limited(self, users: List[Dict[str, Any]], *, by_account: bool = False) -> List[Dict[str, Any]]:
        """Those of the users that the option ``only`` names; the accounts of a pair under the name of the pair.

        :param by_account: whether they go by their own names, where no account is changed.
        :raises PasswordError: ``invalid_input``: a name or a pattern fits nobody at any host of the play.
        """
        pair_of = {account: pair.name for pair in self.pairs for account in pair.accounts}
        return limited_to(users, self.args["only"], self.task_vars, pair_of, by_account=by_account)

    def identity(self) -> Identity:
        """Whose records the task is about, as far as that is known without the options of the connection."""
        return Identity(vendor=self.options.named.name if self.options.named else None)

    def open_store(self, name: Optional[str] = None, store_args: Optional[Dict[str, Any]] = None) -> Store:
        """A store; in check mode what is written to it goes nowhere.

        :param name: of the records; those of the task's endpoint if it is ``None``.
        :param store_args: the options that choose the store; the task's if it is ``None``.
        :raises PasswordError: ``invalid_input``.
        """
        args = self.args if store_args is None else store_args
        if name is None:
            self._warn_of_the_folder(args)
            name = self.record_name()
        self.scrub.add(*secrets_in(args["store"], args))
        self.stores.append(open_store(args["store"], name, args, self.action._loader))
        return ReadOnlyStore(self.stores[-1]) if self.check_mode else self.stores[-1]

    def _warn_of_the_folder(self, args: Dict[str, Any]) -> None:
        folder = args["store_path"]
        if args["store"] != "ansible_vault" or not folder:
            return
        why = read_by_ansible(folder, self.task_vars.get("ansible_inventory_sources") or ())
        if why:
            Display().warning("Keep the store %s elsewhere: %s." % (folder, why))
        # Not in the run that has begun the store, however many hosts it has.
        if args.get("store_create") and is_marked_since(folder, _FIRST_RUN):
            Display().warning(
                "store_create (in the role: rotate_store_create) is still set, although the store %s exists. Remove it: should the volume of the store not "
                "be mounted one day, a new store would be begun in its place, and all passwords reset." % folder
            )

    def close_stores(self) -> None:
        """End the sessions of all stores that were opened. Never raises."""
        for store in self.stores:
            store.close()

    def sender(self, users: Iterable[Dict[str, Any]]) -> Sender:
        """The way to users.

        :param users: what :func:`~.options.read_users` returned.
        :raises PasswordError: ``invalid_input``.
        """
        by_name = {user["name"]: user for user in users}
        return Sender(
            self.action,
            self.task_vars,
            vendor=self.options.vendor,
            connection=self.args["connection"],
            users=by_name,
            scrub=self.scrub,
            policies=self.options.policies,
        )

    def failure(self, error: PasswordError) -> Dict[str, Any]:
        """The result of an error that concerns the whole task.

        :param error: its message may hold a secret.
        """
        return failure(error, self.scrub)


def failure(error: PasswordError, scrub: Scrubber) -> Dict[str, Any]:
    """The result of an error that concerns a whole task, without a secret."""
    described = error.as_dict(scrub)
    if isinstance(error, DamagedRecordError):
        described["message"] += _WAY_OUT
    return dict(failed=True, msg=described["message"], error=described)
