# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""extensions/awx, included by Ansible: a module gets what the reference page shows, and the templates of AWX as they are."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.tools import awx

ROOT = pathlib.Path(__file__).parents[2]
# Takes what a module of awx.awx would take, and shows it.
MODULE = """
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec=dict(element=dict(type="dict"), again=dict(type="dict")))
module.exit_json(got=module.params["element"], again=module.params["again"])
"""
# infra.aap_configuration makes a text of these, in which it resolves a notation of its own for what Ansible must not take for a template, and leaves it to the
# module to make a dictionary of the text again. That must leave ours alone.
AS_A_TEXT = {"controller_credential_types": "injectors", "controller_notifications": "messages"}
OTHER_NOTATION = "regex_replace('{  {', '{_~~remove~~_{') | regex_replace('_~~remove~~_', '')"


@pytest.mark.parametrize(
    "name", ["controller_credential_types", "controller_notifications", "controller_templates", "controller_workflows", "controller_schedules"]
)
@pytest.mark.parametrize("variables", [{}, {"rekey_awx_prefix": "Team A: ", "rekey_awx_credentials": ["one", "two"]}], ids=["defaults", "variables"])
def test_a_module_gets_the_data(name, variables, tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "show.py").write_text("#!/usr/bin/python" + MODULE, encoding="utf-8")
    out = tmp_path / "out.json"
    include = {"ansible.builtin.include_vars": str(ROOT / awx.FOLDER / ("%s.yml" % name))}
    part = AS_A_TEXT.get(name)
    show = {
        "show": {"element": "{{ item }}", **({"again": "{{ item.%s | %s }}" % (part, OTHER_NOTATION)} if part else {})},
        "loop": "{{ %s }}" % name,
        "register": "shown",
    }
    write = {"ansible.builtin.copy": {"dest": str(out), "content": "{{ shown.results | to_json }}"}}
    play = [{"name": "Show", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [include, show, write]}]
    (tmp_path / "play.json").write_text(json.dumps(play), encoding="utf-8")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "play.json"]
    command += ["-e", json.dumps(dict(variables, ansible_python_interpreter=sys.executable))]
    run = subprocess.run(command, cwd=tmp_path, env=dict(os.environ, HOME=str(tmp_path)), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads(out.read_text(encoding="utf-8"))
    expected = awx.rendered(awx.objects(ROOT)[name], **variables)
    assert [result["got"] for result in results] == expected
    assert [result["again"] for result in results] == [element.get(part) for element in expected]
    if name == "controller_templates":
        # A list, even an empty one, would take away the credentials that somebody has attached by hand.
        assert [element.get("credentials") for element in expected] == [variables.get("rekey_awx_credentials")] * len(expected)
