# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store_create:
    description:
      - Whether to create a store in O(store_path) if there is none. Set it for the first rotation only, for example on the command line.
      - Otherwise a folder that holds neither records nor the mark of a store, for example because its volume is not mounted, is an error.
      - Read-only operations create none; with this option they treat a missing store as empty.
      - Only the store V(ansible_vault) needs it.
    type: bool
    default: false
"""
