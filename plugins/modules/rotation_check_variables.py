#!/usr/bin/python
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is the documentation of an action plugin: the code is plugins/action/rotation_check_variables.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_check_variables
short_description: Check that the variables of a rotation can be resolved
version_added: 0.2.0
description:
  - Resolves each variable of the role P(rekey.passwords.rotate#role), and fails if one cannot be resolved. The message names the variable and the cause, but
    never repeats the template or a value in it, since they may contain passwords.
  - On ansible-core 2.16 to 2.18 the role and the playbooks run this module first, because these versions print a failing template before a plugin can
    prevent it. From ansible-core 2.19 on, every module of the rotation checks its own options.
author:
  - rekey.passwords contributors (@rekey)
extends_documentation_fragment:
  - rekey.passwords.attributes.of_the_rotation
notes:
  - Runs on the controller, and sends nothing.
"""

EXAMPLES = r"""
- name: Check the variables before they are used
  rekey.passwords.rotation_check_variables:
"""

RETURN = r"""
error:
  description: Which variable is wrong, and why, with C(kind), C(message), C(http_status), C(vendor_code), C(request_id) and C(retryable).
  returned: failure
  type: dict
"""
