# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as Ansible's own validator sees them, outside of a module."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import VendorError


def validated(spec, args):
    """The options as the module itself would see them: defaults, environment fallbacks and types applied.

    :param spec: keyword arguments of ArgumentSpecValidator.
    :raises VendorError: ``invalid_input``.
    """
    result = ArgumentSpecValidator(**spec).validate(args)
    if result.errors.errors:
        # Ansible's own text of this error begins with the wrong name, and tells not what is wrong with it.
        texts = [("Unsupported options: %s" if isinstance(error, UnsupportedError) else "%s") % error.msg for error in result.errors.errors]
        raise VendorError(errors.INVALID_INPUT, " ".join(texts))
    return result.validated_parameters
