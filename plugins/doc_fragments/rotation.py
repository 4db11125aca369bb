# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that the rotation's modules share, as declared in plugin_utils/_rotation/options.py."""

    DOCUMENTATION = r"""
options:
  vendor:
    description: The vendor. This is its module's name without C(_user_password), for example V(milvus).
    type: str
    required: true
  users:
    description:
      - The users, each a name or a dictionary.
      - In a dictionary C(name) is the user and C(current_password) its password before the first rotation. The user's own C(max_age), C(policy), C(adopt)
        and C(accept_unverified) override the options of these names; a C(policy) replaces all of the other. With C(hold=true) a rotation skips the user,
        C(hold_reason) says why. Further keys are passed to the vendor's module.
    type: list
    elements: raw
    required: true
"""

    VENDOR_OPTIONS = r"""
options:
  connection:
    description:
      - The options of the vendor's module, except the users, their passwords and C(update_password).
      - An operator that is itself among the users is changed last. From its first rotation on, its password comes from the store.
    type: dict
    default: {}
"""

    WHO_IS_DUE = r"""
options:
  max_age:
    description: Skip passwords younger than this. A whole number followed by V(d), V(h), V(m) or V(s).
    type: str
    default: 30d
  force:
    description: Rotate all users, however recent their passwords are.
    type: bool
    default: false
  adopt:
    description:
      - Whether a user that is new to the store keeps its password. Its C(current_password) is proved by a login and becomes the current one in the store,
        nothing is changed at the vendor, and it is due after O(max_age). A user may have an C(adopt) of its own.
      - A user without a C(current_password), or whose password does not log in, is an error. With O(force) users are rotated instead.
    type: bool
    default: false
    version_added: 0.2.0
  adopt_spread:
    description:
      - Whether the users that are adopted are due at different times, spread evenly from now to the end of O(max_age), instead of all at its end. When
        depends on the name of the user, and of the host, only.
    type: bool
    default: false
    version_added: 0.2.0
  window:
    description:
      - When new passwords may be set, a dictionary or a list of dictionaries. Outside of all of them nobody new is rotated; the summary says until when they
        wait.
      - C(days), such as V([mon-fri]), on which it begins; every day by default. C(from) and C(to), such as V("22:00") and V("04:00"), in quotes; the whole day
        by default. C(timezone), such as V(Europe/Berlin); V(UTC) by default.
      - C(unfinished), V(finish) or V(wait), says whether passwords that an earlier run has sent are finished outside of the window; V(finish) by default.
      - O(force) does not override it. If it is empty, passwords may be set at any time.
    type: raw
    default: []
    version_added: 0.2.0
  spread:
    description:
      - How many users one run rotates at most, a number or a percentage of O(users) such as V("10%"), the oldest passwords first. The others wait for a later
        run. Unfinished work is done first and not counted, nor are users that are adopted.
      - O(force) does not override it. If it is empty, there is no limit.
    type: raw
    version_added: 0.2.0
"""

    WHICH_USERS = r"""
options:
  only:
    description:
      - Limits the task to these users, given as names or patterns such as V(app-*), in a list or in one string separated by commas. Other users are
        skipped.
      - If it is empty, all users are included. A name or pattern that matches no user of any host of the play is an error. The users of the other hosts are
        those in their variable C(rotate_users).
    type: raw
    default: []
    version_added: 0.2.0
"""

    REASON = r"""
options:
  reason:
    description: Why the passwords are rotated, for example a ticket number; at most 300 characters. It is kept in the records of the users that are
      due, and shown in the summary. It must not contain a secret.
    type: str
    version_added: 0.2.0
"""

    NEW_PASSWORDS = r"""
options:
  policy:
    description: Rules for generated passwords, to override the vendor's default.
    type: dict
    suboptions:
      preset:
        description:
          - V(url_safe) or V(alphanumeric), for passwords that need neither quotes nor escapes in URLs, shells, YAML, environment files, connection strings and
            similar places. They begin with a letter.
          - V(url_safe) has the symbols V(-), V(_) and V(.), as far as they are among the symbols that the vendor accepts everywhere. V(alphanumeric) has
            letters and digits only, and is an error at a vendor that requires a symbol.
          - The other suboptions may narrow a preset, not widen it.
        type: str
        version_added: 0.2.0
      length:
        description: Number of characters; at least 20 if the vendor allows that many.
        type: int
      upper:
        description: Minimum number of upper-case letters; V(0) excludes them.
        type: int
      lower:
        description: Minimum number of lower-case letters; V(0) excludes them.
        type: int
      digits:
        description: Minimum number of digits; V(0) excludes them.
        type: int
      symbols:
        description: Minimum number of symbols; V(0) excludes them.
        type: int
      symbol_characters:
        description: The symbols to choose from.
        type: str
      exclude:
        description: Characters to exclude.
        type: str
"""

    ACCEPTED_PROOF = r"""
options:
  accept_unverified:
    description: Whether a change that the vendor confirmed counts even if no login could prove it.
    type: bool
    default: false
"""

    MOST_ATTEMPTS = r"""
options:
  max_attempts:
    description: Number of consecutive runs, at least 1, after which a user is orphaned if neither its current nor its pending password has logged in.
    type: int
    default: 3
"""

    DELIVERED = r"""
options:
  deliver:
    description: Whether there are tasks that give new passwords to those who use them, so that users who wait for that are reported.
    type: bool
    default: false
    version_added: 0.2.0
"""

    OF_PAIRS = r"""
options:
  grace:
    description: How long the account of a pair that was used before keeps its password after a turn, since consumers may still use it. A whole number
      followed by V(d), V(h), V(m) or V(s).
    type: str
    default: 24h
    version_added: 0.2.0
"""
