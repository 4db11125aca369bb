# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  store:
    description:
      - Where the passwords are kept. V(ansible_vault) is one encrypted file per host.
      - For the other stores see U(https://github.com/rekey/rekey.passwords/blob/main/docs/reference/stores.md).
    type: str
    default: ansible_vault
  store_path:
    description:
      - The folder of the store V(ansible_vault), an absolute path on the controller. It must outlive the run.
      - The files in it are encrypted with the vault password of the play.
    type: path
  store_options:
    description:
      - Options of the other stores, such as their address. See U(https://github.com/rekey/rekey.passwords/blob/main/docs/reference/stores.md).
      - Each can come from the environment instead, which is better for secrets.
    type: dict
    default: {}
  target:
    description:
      - The name under which the records of this endpoint are kept. Defaults to the value of the variable C(rotate_target), or else to the inventory name of
        the play's current host.
      - Set it if one host serves several endpoints, such as V(localhost) in a loop over clusters, or a host with two vendors. After renaming a host, set it
        to the old name.
    type: str
notes:
  - Runs on the controller.
  - The role P(rekey.passwords.rotate#role) and the collection's playbooks set its options from the C(rotate_*) variables.
  - No return value contains a secret.
"""
