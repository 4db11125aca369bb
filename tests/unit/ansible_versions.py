# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests need of ansible-core, and what does not look the same in all supported versions."""

from __future__ import annotations

from ansible.playbook.conditional import Conditional
from ansible.template import Templar

try:
    # Since ansible-core 2.19 a template is rendered only where it is known to be the play's own.
    from ansible.template import trust_as_template
except ImportError:

    def trust_as_template(text):
        """Earlier versions render any text."""
        return text


def is_true(condition, loader, variables):
    """Whether a condition of a task holds.

    :param condition: the text after ``when`` or ``until``.
    """
    templar = Templar(loader, variables)
    if hasattr(templar, "evaluate_conditional"):  # since ansible-core 2.19
        return templar.evaluate_conditional(trust_as_template(condition))
    task = Conditional(loader)
    task.when = [condition]
    return task.evaluate_conditional(templar, variables)


__all__ = ("is_true", "trust_as_template")
