# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of a record that is used for an account whose password it does not hold."""

from __future__ import annotations

from typing import Optional

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from ..record import Identity, Record


def mismatch(record: Record, identity: Identity, host: str) -> Optional[PasswordError]:
    """The error if a record must not be used for that account, else ``None``.

    :param identity: whose password is to be used or set, as far as that is known.
    :param host: the name under which the record is kept.
    """
    return None if record.belongs_to(identity) else foreign(record, identity, host)


def foreign(record: Record, identity: Identity, host: str) -> PasswordError:
    """The error of a record that holds the password of another account."""
    held, asked = (
        "%s of %s at %s" % (item.account or record.username, item.vendor, item.target or "?")
        for item in (record.identity, identity)
    )
    return PasswordError(
        errors.TARGET_MISMATCH,
        "The record of %s under the name %s holds the password of %s, not of %s. "
        "If both are right, give this one records of its own (variable rotate_target, option target). "
        "If the endpoint has moved, run rotation_repair (playbook repair): it adopts the record when its password logs in there."
        % (record.username, host, held, asked),
    )


def claimed(name: str, identity: Identity, host: str, claimed_by: str) -> PasswordError:
    """The error of an account whose password is in the records of another name.

    :param name: of the user.
    :param host: the name under which its record would be kept.
    :param claimed_by: the other name.
    """
    return PasswordError(
        errors.TARGET_MISMATCH,
        "The password of %s at %s is kept in the records of %s already, not in those of %s. Rotate each account under one name only: remove it from "
        "one of the hosts, or name the records that are there (variable rotate_target, option target)."
        % (name, identity.target, claimed_by, host),
    )
