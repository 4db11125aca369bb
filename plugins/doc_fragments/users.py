# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  users:
    description:
      - The users and their passwords. Many users in one call are far faster than a loop, and a loop may print their passwords.
      - Every user is tried even if another one fails; the task fails at the end if any did.
      - Either this or O(name) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: The user.
        type: str
        required: true
      password:
        description: The password that the user shall have.
        type: str
        required: true
      current_password:
        description: The password that the user has now, where the vendor wants to know it.
        type: str
      update_password:
        description: As O(update_password), for this user alone.
        type: str
        choices: [when_changed, always, never]
      failed_logins:
        description:
          - How many logins of this user have failed of late, as far as you know. They count against the number that a call may cause, so that several
            calls together stay below the vendor's lock-out.
        type: int
        default: 0
  name:
    description: The user, if it is only one. Cannot be combined with O(users).
    type: str
  password:
    description: The password that O(name) shall have.
    type: str
  current_password:
    description: The password that O(name) has now, where the vendor wants to know it.
    type: str
  update_password:
    description:
      - With V(when_changed) a login finds out whether the password is already right, and it is changed only if it is not.
      - With V(always) it is changed without a look, so that the task reports a change on each run.
      - With V(never) nothing is changed, and no current password is needed. One login finds out whether O(password) is in force. If it is, the user's
        C(state) is V(unchanged) and C(verified) is V(true). If it is not, the user fails with the error C(current_password_wrong) and C(verified) is
        V(false). If no login can tell, it fails with C(not_verified) or C(login_budget_spent).
    type: str
    choices: [when_changed, always, never]
    default: when_changed
  verify:
    description: Whether to log in with the new password after a change.
    type: bool
    default: true
  allow_control_characters:
    description:
      - Whether a new password may hold a control character, such as a line break or a tab. As a rule one is there by mistake, for example the line
        break at the end of a text from a block with C(|) or from C(ansible-vault encrypt_string), so that such a password is refused.
      - A vendor that takes none, or loses one, refuses it all the same.
    type: bool
    default: false
notes:
  - Failed logins are counted within one call. A task that is repeated (C(until), a loop over the same user) is a new call each time, and may lock an account at
    vendors that do so. Repeat only where each error says C(retryable) and no login has failed; the collection's page on VMware Cloud Director shows how.
  - In check mode users are looked up and logins are tried, but nothing is written. With C(--diff) the task tells before and after of each
    user, never a password.
  - Nothing that the module returns holds a secret. Keep secrets out of C(loop), whose items Ansible prints.
  - Where the task would run on the controller anyway (connection C(local), no C(become), C(async) or C(environment), and no other Python than the
    controller's), it runs within Ansible's own process, with the same results in far less time. The variable C(rekey_in_process) switches that off
    with V(never); it is V(auto) by default.
  - In all other cases Ansible copies the module with its arguments into a temporary file, which stays behind if the run is killed at that moment. With
    pipelining (E(ANSIBLE_PIPELINING)) there is no such file.
"""
