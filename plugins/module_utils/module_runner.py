# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where a typed error becomes fail_json."""

from __future__ import annotations

from ansible.module_utils.basic import missing_required_lib

from . import change
from .http import REQUESTS_IMPORT_ERROR


def run_module(module, vendor):
    """Run a vendor's module to its end.

    :param module: an AnsibleModule, made with what :func:`~.argument_spec.module_spec` gives.
    :param vendor: a subclass of :class:`~.vendor.Vendor`.
    """
    if REQUESTS_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    result = change.run(vendor, module.params, module.check_mode)
    for text in result.pop("warnings"):
        module.warn(text)
    if not module._diff:
        del result["diff"]
    if result.pop("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
