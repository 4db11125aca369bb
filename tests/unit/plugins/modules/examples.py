# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the examples of every vendor's module have to be."""

from __future__ import annotations

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator


def assert_examples_are_accepted(module, *names, least=3):
    """Each has a name, would be accepted, and prints no password: a loop over users prints them.

    :param module: a vendor's module, imported.
    :param names: the full names under which it may be called.
    :param least: how many examples there must be.
    """
    examples = yaml.safe_load(module.EXAMPLES)
    assert len(examples) >= least
    for task in examples:
        (called,) = set(names) & set(task)
        assert task["name"]
        assert ArgumentSpecValidator(**module.SPEC).validate(task[called]).error_messages == []
        assert not any(key == "loop" or key.startswith("with_") for key in task)
