# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ansible-doc`` shows is what the code takes: every module, action, lookup and role (edge 52).

The other tests of the documentation read the files; Ansible resolves the fragments by rules of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import pkgutil
import subprocess
import sys

import pytest
import yaml

from tests.unit.test_documentation import MODULES, PLUGINS, ROLE, ROOT, argument_spec, differences, documentation, lookup

FRAGMENTS = sorted(item.name for item in pkgutil.iter_modules(importlib.import_module(PLUGINS + "doc_fragments").__path__))
LOOKUPS = sorted(item.name for item in pkgutil.iter_modules(importlib.import_module(PLUGINS + "lookup").__path__))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
OF_ROTATION = [name for name in MODULES if name.startswith("rotation_")]
OF_VENDORS = [name for name in MODULES if name not in OF_ROTATION and name != "awx_objects"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What ansible-doc shows, by kind and full name."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "ANSIBLE_COLLECTIONS_PATH": str(ROOT.parents[2]), "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(home / ".ansible"),
    }  # fmt: skip
    found = {}
    for kind, names in (("module", MODULES), ("lookup", LOOKUPS), ("role", ROLES)):
        program = str(pathlib.Path(sys.executable).with_name("ansible-doc"))
        command = [program, "--json", "--type", kind, *("rekey.passwords." + name for name in names)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found[kind] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_edge_52_a_modules_options(shown, name):
    told = shown["module"]["rekey.passwords." + name]["doc"]
    assert list(differences(argument_spec(name), told["options"])) == []


@pytest.mark.parametrize("name", MODULES)
def test_edge_52_a_modules_attributes(shown, name):
    attributes = shown["module"]["rekey.passwords." + name]["doc"]["attributes"]
    action = importlib.import_module(PLUGINS + "action." + name).ActionModule
    assert {"check_mode", "diff_mode", "idempotent"} <= set(attributes)
    assert attributes["check_mode"]["support"] == ("full" if action._supports_check_mode else "none")
    assert attributes["diff_mode"]["support"] == ("none" if name in OF_ROTATION else "full")
    assert all(attribute["description"] and attribute["support"] in ("full", "partial", "none", "N/A") for attribute in attributes.values())


@pytest.mark.parametrize("name", MODULES)
def test_edge_52_a_module_names_its_groups(shown, name):
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    member = {"rekey.passwords." + group for group, names in groups.items() if name in names}
    member |= {"rekey.passwords.all"} if name in OF_VENDORS else set()
    told = shown["module"]["rekey.passwords." + name]["doc"]["attributes"]["action_group"]
    assert set(told["membership"]) == member


@pytest.mark.parametrize("name", LOOKUPS)
def test_edge_52_a_lookups_options(shown, name):
    code = documentation(name, lookup)["options"]
    told = shown["lookup"]["rekey.passwords." + name]["doc"]["options"]
    assert {option: spec.get("default") for option, spec in told.items()} == {option: spec.get("default") for option, spec in code.items()}
    assert {option: spec["type"] for option, spec in told.items()} == {option: spec["type"] for option, spec in code.items()}


@pytest.mark.parametrize("name", ROLES)
def test_edge_52_a_roles_variables(shown, name):
    (entry_point,) = shown["role"]["rekey.passwords." + name]["entry_points"].values()
    told = entry_point["options"]
    assert list(differences(ROLE, told)) == []
    defaults = yaml.safe_load((ROOT / "roles" / name / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert {option for option, spec in told.items() if not spec.get("required")} == set(defaults)


def test_edge_52_no_fragment_can_be_taken_for_another():
    """Ansible looks for ``collection.a.b`` as the fragment ``b`` first, and only then as the part ``B`` of ``a``."""
    parts = {}
    for fragment in FRAGMENTS:
        names = [name.lower() for name in vars(importlib.import_module(PLUGINS + "doc_fragments." + fragment).ModuleDocFragment) if name.isupper()]
        parts.update({(fragment, name): name for name in names if name != "documentation"})
    assert len(parts) > 3
    assert not [place for place, name in parts.items() if name in FRAGMENTS]
