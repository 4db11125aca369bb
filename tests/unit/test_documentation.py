# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation says what the code does: options, types, defaults, and that everything is there."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
import pkgutil
import re

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.plugin_utils import _logins, record, store
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import policy
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation_action import TARGET

PLUGINS = "ansible_collections.rekey.passwords.plugins."
ROOT = pathlib.Path(__file__).parents[2]
MODULES = sorted(item.name for item in pkgutil.iter_modules(importlib.import_module(PLUGINS + "modules").__path__))
LOOKUPS = ("login", "secret")
STEPS = ("rotation_run", "rotation_stage", "rotation_change", "rotation_commit", "rotation_rollback")  # those that the role takes
PLAYBOOKS = {"rotation_info": ("status", "verify"), "rotation_repair": ("repair",), "rotation_move": ("move_store",), "rotation_retire": ("retire",)}
ROTATION = (*STEPS, *PLAYBOOKS)
# What the steps hand to each other, by the role's variable that holds it.
HANDED_ON = {"deliver": "rotate_deliver_tasks", "staged": "rotate_staged.users", "results": "rotate_result.users", "committed": "rotate_committed.users"}
# Options of the modules that only playbooks use, and where their variables have other names.
OF_PLAYBOOKS = {
    "repair": {
        "users": "rotate_repair_users",
        "reset": "rotate_repair_reset",
        "set_aside_damaged": "rotate_repair_set_aside_damaged",
        "forget_failed_logins": "rotate_repair_forget_failed_logins",
    },
    "status": {"fail_on": "rotate_status_fail_on"},
    "retire": {"users": "rotate_status.unlisted"},
    "verify": {"fail_on": "rotate_status_fail_on"},
}
RETURN_KEYS = {"description", "returned", "type", "elements", "contains", "sample", "version_added", "choices"}


def module(name):
    """The file of a module."""
    return importlib.import_module(PLUGINS + "modules." + name)


def lookup(name):
    """The file of a lookup."""
    return importlib.import_module(PLUGINS + "lookup." + name)


def documentation(name, file=module):
    """A module's documentation with that of its fragments, as ansible-doc shows it.

    :param file: where it is, by its name; default: among the modules.
    """
    found = yaml.safe_load(file(name).DOCUMENTATION)
    options, notes = {}, list(found.get("notes", []))
    for fragment in found.get("extends_documentation_fragment", []):
        file, _dot, part = fragment.removeprefix("rekey.passwords.").partition(".")
        shared = yaml.safe_load(getattr(importlib.import_module(PLUGINS + "doc_fragments." + file).ModuleDocFragment, part.upper() or "DOCUMENTATION"))
        options.update(shared.get("options", {}))
        notes += shared.get("notes", [])
    return dict(found, options=dict(options, **found.get("options", {})), notes=notes)


def argument_spec(name):
    """The options that the code of a module takes."""
    if hasattr(module(name), "SPEC"):
        return module(name).SPEC["argument_spec"]
    action = importlib.import_module(PLUGINS + "action." + name)
    return dict(action.ActionModule.SPEC, **action.ActionModule.STORE_SPEC)


def differences(spec, documented, where=""):
    """Yield where an argument spec and documented options are not the same."""
    for name in sorted(set(spec) ^ set(documented)):
        yield "%s%s: %s" % (where, name, "not documented" if name in spec else "documented, but the code knows no such option")
    for name in sorted(set(spec) & set(documented)):
        code, text = spec[name], documented[name]
        for key, absent in (("type", "str"), ("elements", None), ("required", False), ("choices", None)):
            if code.get(key, absent) != text.get(key, absent):
                yield "%s%s: %s is %r, documented %r" % (where, name, key, code.get(key, absent), text.get(key, absent))
        if code.get("default") != text.get("default") or type(code.get("default")) is not type(text.get("default")):
            yield "%s%s: default is %r, documented %r" % (where, name, code.get("default"), text.get("default"))
        if not text.get("description"):
            yield "%s%s: no description" % (where, name)
        yield from differences(code.get("options", {}), text.get("suboptions", {}), where + name + ".")


def undescribed(returned, where=""):
    """Yield which returned values lack a description or a type."""
    for name, value in returned.items():
        if not value.get("description") or not value.get("type"):
            yield where + name
        if set(value) - RETURN_KEYS:
            yield "%s%s: %s" % (where, name, sorted(set(value) - RETURN_KEYS))
        if not where and not value.get("returned"):
            yield "%s: returned" % name
        yield from undescribed(value.get("contains", {}), where + name + ".")


def test_the_modules_are_found():
    assert set(ROTATION) < set(MODULES) and "milvus_user_password" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_documented_as_it_is(name):
    assert list(differences(argument_spec(name), documentation(name)["options"])) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_all_its_parts(name):
    told = documentation(name)
    assert told["module"] == name and told["short_description"] and told["version_added"] and told["author"] and told["description"]
    assert not told["short_description"].endswith(".")
    examples = yaml.safe_load(module(name).EXAMPLES)
    # One example may show several modules at work, but its own is among them.
    assert any("rekey.passwords." + name in task for task in examples) and all(task.get("name") for task in examples)
    assert list(undescribed(yaml.safe_load(module(name).RETURN))) == []


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_only_options_that_there_are(name):
    for task in yaml.safe_load(module(name).EXAMPLES):
        for used, args in task.items():
            short = used.split(".")[-1]
            if used.startswith("rekey.passwords.") and short in MODULES:
                assert set(args or {}) <= set(argument_spec(short)), task["name"]
                missing = [option for option, spec in argument_spec(short).items() if spec.get("required") and option not in args]
                assert not missing, task["name"]


@pytest.mark.parametrize("name", ROTATION)
def test_a_rotation_module_is_only_the_documentation_of_its_action(name):
    lines = pathlib.Path(module(name).__file__).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("import", "from", "def", "class"))] == ["from __future__ import annotations"]


@pytest.mark.parametrize("name", ("rotation_run", "rotation_stage", "rotation_change", "rotation_repair"))
def test_the_policy_is_documented_as_it_is(name):
    assert list(differences(policy.OPTIONS, documentation(name)["options"]["policy"]["suboptions"])) == []


@pytest.mark.parametrize(
    "name, keys",
    [
        (
            "rotation_stage",
            {"name", "due", "reason", "run_id", "fresh", "rotated_at", "note", "accept_unverified", "pair", "adopted", "verified"},
        ),
        ("rotation_change", {"name", "id", "state", "verified", "error", "failed_logins"}),
        ("rotation_run", {"name", "reason", "state", "verified", "action", "error"}),
        ("rotation_commit", {"name", "reason", "state", "verified", "action", "error"}),
        ("rotation_rollback", {"name", "reason", "state", "verified", "action", "error"}),
        ("rotation_repair", {"name", "action", "password", "verified", "error"}),
        ("rotation_move", {"name", "status", "pending", "action", "error"}),
        (
            "rotation_info",
            {
                "name", "status", "rotated_at", "age", "due_at", "due", "pending", "pending_since", "attempts", "failed_logins", "last_error", "verified",
                "error", "vendor", "target", "reason", "held", "hold_reason", "active", "delivered_at", "undelivered", "adopted_at", "previous_refused",
                "previous_error",
            },
        ),
    ],
)  # fmt: skip
def test_what_is_told_of_a_user_is_documented(name, keys):
    assert set(yaml.safe_load(module(name).RETURN)["users"]["contains"]) == keys


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_lookup_takes_the_options_of_the_store(name):
    told = documentation(name, lookup)
    options = told["options"]
    assert set(options) == {"_terms", "host", "version", "default"} | set(store.OPTIONS) | set(store.BEGIN_OPTIONS) | set(TARGET)
    for option, spec in {**store.OPTIONS, **store.BEGIN_OPTIONS}.items():
        assert (options[option]["type"], options[option].get("default")) == (spec["type"], spec.get("default")), option
        # Each is a variable of the role, so that a play that is configured for it names nothing but the user.
        assert options[option]["vars"] == [{"name": "rotate_" + option}]
    assert options["version"]["choices"] == list(_logins.VERSIONS) and options["version"]["default"] == "current"
    assert all(option.get("description") and option.get("type") for option in options.values())
    assert told["name"] == name and yaml.safe_load(lookup(name).EXAMPLES) and yaml.safe_load(lookup(name).RETURN)["_raw"]["description"]


def role(path):
    """A file of the role, as data."""
    return yaml.safe_load((ROOT / "roles" / "rotate" / path).read_text(encoding="utf-8"))


ROLE = role("meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def test_the_defaults_of_the_role_are_the_documented_ones():
    assert role("defaults/main.yml") == {name: option.get("default") for name, option in ROLE.items() if not option.get("required")}
    assert all(name.startswith("rotate_") and option.get("description") and option.get("type") for name, option in ROLE.items())
    assert [name for name, option in ROLE.items() if option.get("required")] == ["rotate_vendor", "rotate_users"]


@pytest.mark.parametrize("name", STEPS)
def test_the_roles_variables_are_the_options_of_its_steps(name):
    for option, spec in argument_spec(name).items():
        variable = ROLE.get("rotate_" + option)
        if option in HANDED_ON:
            # Handed from step to step.
            assert variable is None
            continue
        assert variable["type"] == spec.get("type", "str") and variable.get("elements") == spec.get("elements"), option
        default = {} if option == "policy" else spec.get("default")
        assert variable.get("default") == default and variable.get("required", False) == spec.get("required", False), option


def tasks(nodes):
    """All tasks in a list of tasks and blocks."""
    for node in nodes:
        for part in ("block", "rescue", "always"):
            yield from tasks(node.get(part, []))
        yield node


ROLE_TASKS = list(tasks([task for path in sorted((ROOT / "roles" / "rotate" / "tasks").glob("*.yml")) for task in role("tasks/" + path.name)]))


def test_the_role_hands_every_variable_to_every_step_that_knows_it():
    for name in STEPS:
        (args,) = [task["rekey.passwords." + name] for task in ROLE_TASKS if "rekey.passwords." + name in task]
        assert set(args) == set(argument_spec(name)), name
        for option, text in args.items():
            assert HANDED_ON.get(option, "rotate_" + option) in text, (name, option)


def playbook(name):
    """The tasks of a playbook."""
    return yaml.safe_load((ROOT / "playbooks" / (name + ".yml")).read_text(encoding="utf-8"))[0]["tasks"]


@pytest.mark.parametrize("name, book", [(name, book) for name, books in PLAYBOOKS.items() for book in books])
def test_a_playbook_hands_every_option_to_its_module(name, book):
    (args,) = [task["rekey.passwords." + name] for task in playbook(book) if "rekey.passwords." + name in task]
    # The state of the records alone asks no vendor.
    absent = {"vendor", "connection", "verify", "check_previous"} if book == "status" else set()
    assert set(args) == set(argument_spec(name)) - absent
    for option, text in args.items():
        assert text is True or OF_PLAYBOOKS.get(book, {}).get(option, "rotate_" + option) in text, option


def test_the_playbooks_use_the_roles_variables_and_those_that_the_page_names():
    page = (ROOT / "docs" / "reference" / "playbooks.md").read_text(encoding="utf-8")
    of_the_role = {task["register"] for task in ROLE_TASKS if "register" in task}
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        assert "rekey.passwords.%s" % path.stem in page, "docs/reference/playbooks.md does not name the playbook %s" % path.stem
        text = path.read_text(encoding="utf-8")
        own = set(re.findall(r"register: (\w+)", text)) | {"rotate_names", "rotate_first", "rotate_again_for"}
        for variable in set(re.findall(r"\brotate_\w+", text)) - own - of_the_role - set(ROLE):
            assert "`%s`" % variable in page, (path.name, variable)


def test_the_record_is_documented():
    page = (ROOT / "docs" / "reference" / "records.md").read_text(encoding="utf-8")
    for field in [*dataclasses.fields(record.Record), *dataclasses.fields(record.Pending)]:
        assert "`%s`" % field.name in page, field.name
    for status in (record.CURRENT, record.PENDING, record.ORPHANED):
        assert "| `%s` |" % status in page, status


def test_every_kind_of_error_is_documented():
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(errors.KINDS)


def test_the_roles_tasks_never_loop():
    # A loop prints its items, and costs a task a user. Names of files may be printed.
    files = "ansible.builtin.include_tasks"
    assert not [task for task in ROLE_TASKS if ("loop" in task and files not in task) or [key for key in task if key.startswith("with_")]]


def test_every_vendor_module_is_in_its_action_group_and_in_that_of_all():
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    extended = [name for element in groups["all"] if isinstance(element, dict) for name in element["metadata"]["extend_group"]]
    for name in MODULES:
        if name.endswith("_user_password"):
            vendor = name[: -len("_user_password")]
            assert name in groups[vendor] and vendor in extended
    assert groups["rotation"] == [name for name in MODULES if name.startswith("rotation_")]
