# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the three ways to a vendor have in common: a module, its action plugin in the controller's process, and a rotation."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.module_utils.basic import missing_required_lib

from .http import REQUESTS_IMPORT_ERROR


def missing_library() -> Optional[str]:
    """Return what to tell where a library that every vendor needs is not installed, or ``None``."""
    return str(missing_required_lib("requests")) if REQUESTS_IMPORT_ERROR else None


def as_module_result(result: Dict[str, Any], diff: bool) -> Dict[str, Any]:
    """Return the result of a call as a module returns it.

    :param result: from :func:`~._change.set_passwords`; it holds no secret.
    :param diff: whether the task wants to see the differences.
    """
    unwanted = {"diff": not diff, "failed": not result["failed"], "warnings": not result["warnings"]}
    return {key: value for key, value in result.items() if not unwanted.get(key)}
