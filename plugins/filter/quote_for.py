# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: quote_for
short_description: Write a value as an environment file, .pgpass or .my.cnf does
version_added: 0.2.0
description:
  - Quotes and escapes a value, so that what reads the file gets back each of its characters. For templates of your own; the task file
    C(deliver/file.yml) of the role P(rekey.passwords.rotate#role) uses it by itself.
  - Fails if the format cannot hold a character. The message names only the character.
author:
  - rekey.passwords contributors (@rekey)
positional: format
options:
  _input:
    description: The value.
    type: str
    required: true
  format:
    description:
      - V(env) is a file that a shell sources, or that systemd reads (C(EnvironmentFile)). The value is put into double quotes. C(docker run --env-file) takes
        no quotes, so it cannot read such a file.
      - V(pgpass) is a field of a password file of PostgreSQL, without quotes.
      - V(my_cnf) is the value of an option in an option file of MySQL or MariaDB, in double quotes.
    type: str
    choices: [env, pgpass, my_cnf]
    required: true
"""

EXAMPLES = r"""
- name: Write a file of an application
  ansible.builtin.template:
    src: app.env.j2
    dest: /etc/app/app.env
    mode: "0600"
  diff: false
  no_log: true
  # The template has the line
  # DB_PASSWORD={{ lookup('rekey.passwords.secret', 'app') | rekey.passwords.quote_for('env') }}
"""

RETURN = r"""
_value:
  description: The value as the file writes it.
  type: str
"""

from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._deliveries.formats import quoted


def _quote_for(value: Any, format: str) -> str:  # pylint: disable=redefined-builtin
    try:
        return quoted(str(value), format)
    except PasswordError as error:
        raise AnsibleFilterError("rekey.passwords.quote_for: %s" % error.message) from None


class FilterModule:
    """Writes values into files."""

    def filters(self) -> Dict[str, Callable[..., str]]:
        return {"quote_for": _quote_for}
