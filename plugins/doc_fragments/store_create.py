# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store_create:
    description:
      - Whether a new store may be begun in O(store_path) if there is none. Set it for the first rotation only, for example on the command line.
      - Otherwise a folder that holds neither records nor the mark of a store, for example because its volume is not mounted, is an error.
      - What only reads begins none; with this it takes a store that is not there for one without records.
      - Only the store V(ansible_vault) needs it.
    type: bool
    default: false
"""
