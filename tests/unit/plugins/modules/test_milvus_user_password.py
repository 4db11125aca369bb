# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as people meet it: its documentation against its options, its examples, and whole runs in a process of its own."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.rekey.passwords.plugins.module_utils import change, errors
from ansible_collections.rekey.passwords.plugins.modules import milvus_user_password as module

from tests.simulators.milvus import MilvusDouble

ROOT = pathlib.Path(__file__).parents[4]
SOURCE = pathlib.Path(module.__file__)
NAME = "rekey.passwords." + SOURCE.stem
PACKAGE = module.__name__
OLD = "S3cr3t-MARKER-old"
NEW = "S3cr3t-MARKER-new"

# As Ansible runs it, with the arguments on standard input; a name there is one that cannot be imported.
START = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
order = json.load(sys.stdin)
for name in order["missing"]:
    sys.modules[name] = None
with patch_module_args(order["args"]):
    runpy.run_module(order["module"], run_name="__main__")
"""


@pytest.fixture(autouse=True)
def _no_options_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("MILVUS_"):
            monkeypatch.delenv(name)


def documented_options():
    """The options in the documentation, those of its fragments included."""
    documentation = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documentation["options"])
    for fragment in documentation["extends_documentation_fragment"]:
        name = fragment.rsplit(".", 1)[-1]
        text = importlib.import_module("ansible_collections.rekey.passwords.plugins.doc_fragments." + name).ModuleDocFragment.DOCUMENTATION
        added = yaml.safe_load(text).get("options", {})
        assert not set(added) & set(options)
        options.update(added)
    return options


def disagreements(documented, spec, path=""):
    """Everything in which the documentation is not what the module does."""
    found = ["%s%s is in only one of the two" % (path, name) for name in set(documented) ^ set(spec)]
    for name in set(documented) & set(spec):
        told, real = documented[name], spec[name]
        for key, default in (("type", "str"), ("default", None), ("required", False), ("choices", None), ("elements", None), ("aliases", [])):
            if told.get(key, default) != real.get(key, default):
                found.append("%s%s: %s is %r and not %r" % (path, name, key, real.get(key, default), told.get(key, default)))
        if not told.get("description"):
            found.append("%s%s: no description" % (path, name))
        found += disagreements(told.get("suboptions", {}), real.get("options", {}), path + name + ".")
    return found


def run(args, environment=None, missing=()):
    """The exit status and the result of the module in a process of its own."""
    order = json.dumps({"args": args, "module": PACKAGE, "missing": list(missing)})
    found = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.run(
        [sys.executable, "-c", START], input=order, capture_output=True, text=True, timeout=60, check=False,
        env=dict(os.environ, PYTHONPATH=found, PYTHONDONTWRITEBYTECODE="1", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", **(environment or {})),
    )  # fmt: skip
    assert "Traceback" not in process.stderr, process.stderr
    result = json.loads(process.stdout)
    # With it a module of ansible-core 2.22 tells the controller what to mask; it is no part of the result there.
    result.pop("_ansible_new_secrets", None)
    assert "MARKER" not in json.dumps(result) + process.stderr
    return process.returncode, result


def test_the_documentation_agrees_with_the_options():
    assert sorted(disagreements(documented_options(), module.SPEC["argument_spec"])) == []


def test_every_environment_variable_is_documented():
    documented = documented_options()
    for name, option in module.SPEC["argument_spec"].items():
        for variable in option.get("fallback", (None, []))[1]:
            assert "E(%s)" % variable in " ".join(documented[name]["description"]), name
    told = set(re.findall(r"E\((MILVUS_\w+)\)", module.DOCUMENTATION))
    assert told == {option["fallback"][1][0] for name, option in module.VENDOR.argument_spec.items()}


def test_every_example_would_be_accepted():
    examples = yaml.safe_load(module.EXAMPLES)
    assert len(examples) >= 3
    for task in examples:
        assert task["name"] and NAME in task
        result = ArgumentSpecValidator(**module.SPEC).validate(task[NAME])
        assert result.error_messages == []


def test_no_example_says_to_print_a_password():
    """A loop over users prints them; a password that is not a variable is one that somebody copies."""
    for task in yaml.safe_load(module.EXAMPLES):
        assert not any(key == "loop" or key.startswith("with_") for key in task)


def test_what_is_returned_is_documented():
    returned = yaml.safe_load(module.RETURN)
    error = errors.VendorError(errors.TIMED_OUT, "x").as_dict()
    account = {"name": "alice", "id": None, "state": "failed", "verified": None, "error": error, "failed_logins": 0}
    assert set(returned["users"]["contains"]) == set(account)
    assert set(returned["users"]["contains"]["error"]["contains"]) == set(account["error"])
    assert set(returned["users"]["sample"][0]) == set(account)
    assert set(returned["error"]["sample"]) == set(account["error"])
    states = " ".join(returned["users"]["contains"]["state"]["description"])
    assert all("V(%s)" % state in states for state in (change.CHANGED, change.UNCHANGED, change.WOULD_CHANGE, change.FAILED, change.UNKNOWN))


def test_the_module_is_a_declaration():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    texts = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    code = [node for node in tree.body if not (isinstance(node, ast.Assign) and node.targets[0].id in texts)]
    assert sum(node.end_lineno - node.lineno + 1 for node in code) <= 40
    assert "fail_json" not in "".join(ast.dump(node) for node in code)


def test_it_belongs_to_the_action_groups():
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert SOURCE.stem in groups["milvus"]
    assert "milvus" in groups["all"][0]["metadata"]["extend_group"]
    told = yaml.safe_load(module.DOCUMENTATION)["attributes"]["action_group"]["membership"]
    assert set(told) == {"rekey.passwords.milvus", "rekey.passwords.all"}


@pytest.mark.parametrize("missing", [["requests"], ["urllib3"]])
def test_without_requests(missing):
    status, result = run({"url": "http://127.0.0.1:1", "name": "alice", "password": NEW, "current_password": OLD}, missing=missing)
    assert (status, result["failed"]) == (1, True)
    assert result["msg"].startswith("Failed to import the required Python library (requests)")
    assert "Traceback" not in result["msg"]


def test_a_change_with_all_secrets_from_the_environment():
    with MilvusDouble({"root": "S3cr3t-MARKER-root", "alice": OLD}, super_users=["root"]) as double:
        environment = {"MILVUS_URL": double.url, "MILVUS_API_USER": "root", "MILVUS_API_PASSWORD": "S3cr3t-MARKER-root"}
        status, result = run({"name": "alice", "password": NEW}, environment)
        assert (status, result["changed"], double.users["alice"]) == (0, True, NEW)
        status, result = run({"users": [{"name": "alice", "password": NEW}], "_ansible_check_mode": True, "_ansible_diff": True}, environment)
        assert (status, result["changed"], double.writes) == (0, False, 1)
        assert result["diff"][0]["before"] == result["diff"][0]["after"]


def test_a_failure_in_a_process_of_its_own():
    with MilvusDouble({"alice": OLD}) as double:
        double.inject("echo", path="describe", form="repr", times=None)
        users = [{"name": "alice", "password": NEW + "'\"", "current_password": OLD}, {"name": "bob", "password": NEW}]
        status, result = run({"url": double.url, "users": users})
        assert (status, result["failed"], result["changed"]) == (1, True, False)
        assert [user["error"]["kind"] for user in result["users"]] == ["vendor_unavailable", "invalid_input"]
