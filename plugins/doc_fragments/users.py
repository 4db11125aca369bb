# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  users:
    description:
      - The users and their passwords. One call for many users is far faster than a loop, and a loop may print their passwords.
      - Every user is processed even if another fails; the task fails at the end if any did.
      - Either this or O(name) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: The user.
        type: str
        required: true
      password:
        description: The password to set.
        type: str
        required: true
      current_password:
        description: The user's current password, if the vendor requires it.
        type: str
      update_password:
        description: Overrides O(update_password) for this user.
        type: str
        choices: [when_changed, always, never]
      failed_logins:
        description:
          - Number of recent failed logins of this user that you know of. They count against the budget of the call, so that several
            calls together stay below the vendor's lock-out threshold.
        type: int
        default: 0
  name:
    description: The user, to set a single password. Mutually exclusive with O(users).
    type: str
  password:
    description: The password to set for O(name).
    type: str
  current_password:
    description: The current password of O(name), if the vendor requires it.
    type: str
  update_password:
    description:
      - With V(when_changed), a login checks whether the password is already right; it is changed only if it is not.
      - With V(always), the password is set without a check, so the task reports a change on every run.
      - With V(never), nothing is changed, and no current password is needed. One login checks whether O(password) is in force. If it is, the user's
        C(state) is V(unchanged) and C(verified) is V(true). If it is not, the user fails with the error C(current_password_wrong) and C(verified) is
        V(false). If the login is inconclusive, it fails with C(not_verified) or C(login_budget_spent).
    type: str
    choices: [when_changed, always, never]
    default: when_changed
  verify:
    description: Whether to log in with the new password after a change.
    type: bool
    default: true
  allow_control_characters:
    description:
      - Whether a new password may contain control characters, such as a line break or a tab. Usually one got there by mistake, such as the line
        break at the end of a YAML block with C(|) or from C(ansible-vault encrypt_string), so such a password is refused by default.
      - Passwords with characters that the vendor refuses or loses are refused in any case.
    type: bool
    default: false
notes:
  - Failed logins are counted per call. A repeated task (C(until), a loop over the same user) is a new call each time, and may lock accounts at
    vendors that lock them. Repeat a task only if every error is C(retryable) and no login has failed; see
    U(https://github.com/rekey/rekey.passwords/blob/main/docs/reference/vendors/vcd.md#a-task-that-is-repeated).
  - In check mode users are looked up and logins are tried, but nothing is written. With C(--diff) the task shows the state before and after for each
    user, never a password.
  - No return value contains a secret. Keep secrets out of C(loop), whose items Ansible prints.
  - If the task would run on the controller anyway (connection C(local), no C(become), C(async) or C(environment), and the controller's own Python), it runs
    within Ansible's own process, with the same results in far less time. To switch that off, set the variable C(rekey_in_process) to V(never); the
    default is V(auto).
  - In all other cases Ansible copies the module with its arguments into a temporary file, which stays behind if the run is killed at that moment. With
    pipelining (E(ANSIBLE_PIPELINING)) no file is written.
"""
