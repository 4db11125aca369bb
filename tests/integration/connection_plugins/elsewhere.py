# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests: a connection that Ansible takes for one to another machine, and that leads to this one."""

from __future__ import annotations

DOCUMENTATION = r"""
name: elsewhere
short_description: Run tasks on this machine as if it were another one
description:
  - For the tests of this collection only.
author:
  - rekey.passwords contributors
extends_documentation_fragment:
  - connection_pipelining
options: {}
"""

from ansible.plugins.connection.local import Connection as LocalConnection


class Connection(LocalConnection):
    """Like ssh, this is not ``local``."""

    transport = "elsewhere"
