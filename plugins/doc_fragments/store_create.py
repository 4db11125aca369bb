# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store_create:
    description:
      - Whether to create a store in O(store_path) if it does not exist. Set it for the first rotation only, for example on the command line;
        if it stays set, there is a warning.
      - Otherwise a folder with neither records nor the mark of a store is an error. Its volume may not be mounted, for example.
      - Read-only operations never create a store; with this option they treat a missing one as empty.
      - Only the store V(ansible_vault) needs it.
    type: bool
    default: false
"""
