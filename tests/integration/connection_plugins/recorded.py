# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests: a connection that leads to this machine, and writes down which host it was asked for."""

from __future__ import annotations

DOCUMENTATION = r"""
name: recorded
short_description: Run tasks on this machine as if it were another one, and record its name
description:
  - For the tests of this collection only.
author:
  - rekey.passwords contributors
extends_documentation_fragment:
  - connection_pipelining
options:
  host:
    description: The host.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  unreachable:
    description: Whether the host cannot be reached.
    type: bool
    default: false
    vars:
      - name: recorded_unreachable
  file:
    description: Where each command's host is recorded, a line each.
    type: str
    env:
      - name: REKEY_RECORDED
"""

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection


class Connection(LocalConnection):
    """Like ssh, this is not ``local``."""

    transport = "recorded"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Record the host, and run the command."""
        with open(self.get_option("file"), "a", encoding="utf-8") as file:
            file.write("%s\n" % self.get_option("host"))
        if self.get_option("unreachable"):
            raise AnsibleConnectionFailure("%s cannot be reached" % self.get_option("host"))
        return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
