# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the variables, and what is said of a template that fails."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import variables

from tests.unit.test_documentation import ROLE, ROOT

FILES = [*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").glob("*.yml")]
# As they stand in messages and documentation of the role, without being variables.
PARTS = {"rotate_my_", "rotate_"}


def used():
    """Every name that the role and the playbooks use."""
    return {name for path in FILES for name in re.findall(r"\brotate_\w*", pathlib.Path(path).read_text(encoding="utf-8"))} - PARTS


def test_edge_58_the_known_variables_are_those_that_are_used():
    assert used() - variables.KNOWN == set()
    assert set(ROLE) <= variables.ROLE
    registered = {
        name for path in FILES if "awx_setup" not in str(path) for name in re.findall(r"register: (\w+)", pathlib.Path(path).read_text(encoding="utf-8"))
    }
    # Those of the ready-made deliveries cannot be taken for variables of the user.
    assert {name for name in registered if not name.startswith("__")} <= variables.RESULTS
    assert not variables.ROLE & variables.PLAYBOOKS and not (variables.ROLE | variables.PLAYBOOKS) & variables.RESULTS
    assert not [name for name in variables.KNOWN if name.startswith(variables.OWN_PREFIX)]
    assert yaml.safe_load((ROOT / "roles" / "rotate" / "meta" / "argument_specs").read_text(encoding="utf-8")) == {"argument_specs": {}}


def test_edge_58_every_known_variable_is_used():
    assert variables.KNOWN - used() == set()


@pytest.mark.parametrize(
    "names, found",
    [
        (["rotate_onyl"], ["rotate_onyl"]),
        (["rotate_force", "rotate_my_thing", "other", "rotat_force"], []),
        (["rotate_", "rotate_forse"], ["rotate_", "rotate_forse"]),
    ],
)
def test_edge_58_unknown_names(names, found):
    assert variables.unknown(names) == found


def test_edge_58_the_message_suggests_a_name():
    assert "rotate_forse (did you mean rotate_force?)" in variables.complaint(["rotate_forse", "rotate_2x2x9"])
    assert "rotate_2x2x9." in variables.complaint(["rotate_forse", "rotate_2x2x9"])


SECRET = "S3cr3t-MARKER"


@pytest.mark.parametrize(
    "error, said",
    [
        (ValueError("could not read %s" % SECRET), "its template failed (ValueError)"),
        (ValueError("'vault_root' is undefined"), "the variable vault_root is not defined"),
        (ValueError("Syntax error in template: No filter named 'nope' in %s" % SECRET), "there is no filter nope"),
        (ValueError("The lookup plugin 'ansible.builtin.file' failed: %s" % SECRET), "the lookup ansible.builtin.file failed"),
        (
            ValueError("The lookup plugin 'x' failed: rekey.passwords.secret: the store has no current password of root on m1."),
            "the store has no current password",
        ),
    ],
)
def test_edge_41_what_is_said_of_a_failing_template(error, said):
    outer = RuntimeError("Error while resolving %s" % SECRET)
    outer.__cause__ = error
    told = variables.why_unresolved({"connection": variables.unresolved(outer), "users": ["alice"]})
    assert said in told and SECRET not in told and "connection (in the role: rotate_connection)" in told


def test_edge_41_nothing_is_said_of_options_that_are_resolved():
    assert variables.why_unresolved({"connection": {"url": "x"}, "users": []}) is None
