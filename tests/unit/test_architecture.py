# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the house: what every vendor has, how small a module is, and that nothing imports anything above it."""

from __future__ import annotations

import ast
import importlib
import pathlib
import pkgutil
import re

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.doc_fragments import users
from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_action import UserPasswordAction

from tests.doubles.__main__ import VENDORS as DOUBLES
from tests.tools import public_interface, vendor_table
from tests.vendor_cases import CASES

ROOT = pathlib.Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
COLLECTION = "ansible_collections.rekey.passwords.plugins."
SUFFIX = "_user_password"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*" + SUFFIX + ".py"))
VENDORS = [name[: -len(SUFFIX)] for name in MODULES]
DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN")
MOST_CODE = 40  # lines of a module behind its documentation
MOST_LINES_OF_AN_ACTION = 36  # with the licence and all options of rotation_run

# What each part may import of the collection, by the beginning of the name; a vendor's file of options belongs to the vendor.
BELOW = {
    "_environment": (),
    "_moments": (),
    "errors": (),
    "_scrub": (),
    "_wire": (),
    "_answer": ("errors",),
    "http": ("_answer", "_wire", "errors", "_scrub"),
    "_refusals": ("errors", "http"),
    "_json_paths": ("errors",),
    "_options": ("errors",),
    "_urls": ("http",),
    "_auth": ("_json_paths", "errors", "http", "_refusals", "_auth"),
    "_argument_spec": ("_environment",),
    "_adapter": ("_change", "_options", "errors", "http", "vendor"),
    "vendor": ("_argument_spec", "_urls", "errors", "http"),
    "_vendors": ("_environment", "_urls", "_json_paths", "errors", "http", "_refusals", "_auth", "vendor", "_vendors"),
    "_parallel": (),
    "_vendor_registry": ("_vendors", "errors", "vendor"),
    "_text_enum": (),
    "_results": ("_text_enum", "errors"),
    "_change": ("_moments", "_options", "_argument_spec", "errors", "http", "_parallel", "_results", "_scrub", "vendor"),
    "module_runner": ("_adapter", "_options", "_argument_spec", "_change", "errors", "http", "vendor"),
}


# The floors of plugin_utils, the lowest first: a file may import what is on a floor below its own, and module_utils. All stores are on one floor.
FLOORS = (
    ("_times", "_arguments", "_durable_files", "_deliveries.formats", "_awx.controller", "_awx.kinds", "_rotation.artifacts", "_rotation.policy"),
    (
        "record",
        "_folder_trust",
        "_vendor_runner",
        "_awx.current",
        "_rotation.connection",
        "_rotation.results",
        "_rotation.selection",
        "_rotation.spread",
        "_rotation.user_options",
        "_rotation.variables",
        "_rotation.window",
    ),
    ("store", "_vendor_action", "_awx.plan", "_rotation.users", "_rotation.mismatch"),
    ("_awx.data", "_logins", "_rotation.due", "_rotation.settlement"),
    (
        "_folder_notes",
        "_awx.execution",
        "_aws_role",
        "_vault_logins",
        "_rotation.options",
        "_rotation.pairs",
        "_rotation.read_only",
        "_rotation.updates",
        "_rotation.report",
        "_rotation.retry_time",
        "_rotation.unlisted",
    ),
    ("_stores", "_awx_action", "_rotation.lease", "_rotation.login_notes", "_rotation.postponement", "_rotation.restoration", "_rotation.turns"),
    ("_store_registry", "_rotation.target_note", "_rotation.protocol", "_deliveries.options"),
    (
        "_rotation.claims",
        "_rotation.operator_counters",
        "_password_lookup",
        "_deliveries.files",
        "_deliveries.kubernetes",
        "_deliveries.vault",
        "_deliveries.webhook",
    ),
    ("_rotation.operator",),
    ("_rotation.operator_account",),
    ("_rotation.sender",),
    ("_rotation.task", "_rotation.proof", "_rotation.recheck"),
    ("_rotation.owners", "_rotation.hosts", "_rotation.commit", "_rotation.consumers", "_rotation.previous", "_deliveries.deliver"),
    ("_rotation.adoption", "_rotation.reset"),
    (
        "_rotation.stage",
        "_rotation.reconciliation",
        "_rotation.change",
        "_rotation.rollback",
        "_rotation.move",
        "_rotation.repair",
        "_rotation.retire",
        "_rotation.status",
        "_rotation.emergency",
    ),
    ("_rotation.run", "_rotation_action"),
)
# Folders whose files are on different floors.
FOLDERS = ("_awx", "_deliveries", "_rotation")
FLOOR_OF = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def vendor_class(vendor):
    return importlib.import_module(COLLECTION + "modules." + vendor + SUFFIX).VENDOR


def imports(path):
    """The names of what a file of module_utils imports of the collection, as seen from module_utils."""
    inside = path.relative_to(PLUGINS / "module_utils").parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = inside[: len(inside) - node.level + 1]
            yield from (".".join((*package, *filter(None, (node.module,)), name.name)).partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            # By its full name it would not be found once a module is packed.
            assert not (node.module or "").startswith("ansible_collections.rekey"), path


def test_there_are_vendors():
    assert len(VENDORS) >= 5 and {"milvus", "rackspace_database"} < set(VENDORS)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_has_all_its_parts(vendor):
    declared = vendor_class(vendor)
    assert declared.name == vendor and declared.__module__ == COLLECTION + "module_utils._vendors." + vendor
    assert declared.__doc__ and (PLUGINS / "module_utils" / "_vendors" / (vendor + ".py")).is_file()
    page = (ROOT / "docs" / "reference" / "vendors" / (vendor + ".md")).read_text(encoding="utf-8")
    for text in (vendor + SUFFIX, "rotate_vendor: " + vendor, "## Environment", declared.env_prefix + "_", "kind"):
        assert text in page, "docs/reference/vendors/%s.md lacks: %s" % (vendor, text)
    module = importlib.import_module(COLLECTION + "modules." + vendor + SUFFIX)
    assert all(yaml.safe_load(getattr(module, name)) for name in DOCUMENTATION)
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert vendor + SUFFIX in groups[vendor] and vendor in groups["all"][0]["metadata"]["extend_group"]
    with CASES[vendor].double({}) as double:
        assert type(double) in DOUBLES.values()
    assert (ROOT / "tests" / "unit" / "plugins" / "module_utils" / "_vendors" / ("test_%s.py" % vendor)).is_file(), "no unit tests"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_a_declaration(name):
    path = PLUGINS / "modules" / (name + ".py")
    lines = path.read_text(encoding="utf-8").splitlines()
    last = max(node.end_lineno for node in tree(path).body if isinstance(node, ast.Assign) and node.targets[0].id in DOCUMENTATION)
    code = [line for line in lines[last:] if line.strip()]
    assert len(code) <= MOST_CODE
    text = "\n".join(code)
    for word in ("fail_json", "requests", "http", "AnsibleModule(", "if ", "for "):
        assert word not in text.replace('if __name__ == "__main__"', ""), word


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_an_action_of_its_name_and_tells_of_it(name):
    assert (PLUGINS / "action" / (name + ".py")).is_file(), "Ansible would start another Python for each task"
    assert importlib.import_module(COLLECTION + "action." + name).ActionModule.__bases__ == (UserPasswordAction,)
    declared = tree(PLUGINS / "action" / (name + ".py")).body[-1]
    assert isinstance(declared, ast.ClassDef) and len(declared.body) == 1 and ast.get_docstring(declared)
    fragments = yaml.safe_load(importlib.import_module(COLLECTION + "modules." + name).DOCUMENTATION)["extends_documentation_fragment"]
    assert "rekey.passwords.users" in fragments


def test_an_alias_of_a_module_has_its_action():
    routing = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["plugin_routing"]
    assert routing["action"] == routing["modules"]


def test_the_documentation_tells_how_to_ship_a_module():
    notes = yaml.safe_load(users.ModuleDocFragment.DOCUMENTATION)["notes"]
    texts = [" ".join(notes), *((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/decisions/0008-run-in-process.md"))]
    assert all("rekey_in_process" in text and "never" in text for text in texts)


def test_the_map_of_the_architecture_names_every_file():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    files = [
        path
        for folder in ("module_utils", "plugin_utils", "plugin_utils/_awx", "plugin_utils/_deliveries", "plugin_utils/_rotation")
        for path in (PLUGINS / folder).glob("*.py")
    ]
    assert [path.name for path in files if path.name != "__init__.py" and "`%s`" % path.name not in page] == []


def test_only_one_place_fails_a_module():
    found = [path.name for path in PLUGINS.rglob("*.py") if re.search(r"\b(fail_json|exit_json)\(", path.read_text(encoding="utf-8"))]
    assert found == ["module_runner.py"]


def test_only_one_place_talks_http():
    libraries = re.compile(r"^\s*(import|from) (requests|urllib3|http\.client|urllib\.request)", re.MULTILINE)
    found = [path.name for path in PLUGINS.rglob("*.py") if libraries.search(path.read_text(encoding="utf-8"))]
    assert found == ["http.py"]


@pytest.mark.parametrize("path", sorted((PLUGINS / "module_utils").rglob("*.py")), ids=lambda path: path.relative_to(PLUGINS).as_posix())
def test_nothing_imports_anything_above_it(path):
    part = path.relative_to(PLUGINS / "module_utils").parts[0].replace(".py", "")
    if part == "__init__":
        assert not list(imports(path))
        return
    assert set(imports(path)) <= set(BELOW[part])
    if part in ("_change", "vendor", "_argument_spec", "http", "errors", "_scrub"):
        assert "AnsibleModule(" not in path.read_text(encoding="utf-8")


def parts(path):
    """What a file of the controller's plugins imports of the collection, in whatever way: pairs of a folder of plugins and a part of it."""
    inside = path.relative_to(PLUGINS).parts[:-1]
    for node in ast.walk(tree(path)):
        names = []
        if isinstance(node, ast.ImportFrom):
            base = ".".join((*inside[: len(inside) - node.level + 1], *filter(None, (node.module,)))) if node.level else node.module.removeprefix(COLLECTION)
            names = [base + "." + name.name for name in node.names] if node.level or base != node.module else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(COLLECTION):
            names = [node.value.removeprefix(COLLECTION)]
        for name in names:
            folder, _dot, rest = name.partition(".")
            first, _dot, second = rest.partition(".")
            yield folder, first + "." + second.partition(".")[0] if first in FOLDERS else first


@pytest.mark.parametrize("path", sorted((PLUGINS / "plugin_utils").rglob("*.py")), ids=lambda path: path.relative_to(PLUGINS).as_posix())
def test_no_floor_of_plugin_utils_knows_a_higher_one(path):
    if path.stem == "__init__":
        return
    name, *rest = path.relative_to(PLUGINS / "plugin_utils").with_suffix("").parts
    own = ".".join((name, *rest)) if name in FOLDERS else name
    for folder, part in parts(path):
        if folder == "plugin_utils":
            assert FLOOR_OF[part] < FLOOR_OF[own], "%s imports %s" % (own, part)
        else:
            assert folder == "module_utils", "%s imports plugins/%s" % (own, folder)


def test_every_file_of_plugin_utils_has_a_floor():
    found = {path.relative_to(PLUGINS / "plugin_utils").with_suffix("").parts for path in (PLUGINS / "plugin_utils").rglob("*.py") if path.stem != "__init__"}
    assert {".".join(names) if names[0] in FOLDERS else names[0] for names in found} == set(FLOOR_OF)


@pytest.mark.parametrize("path", sorted((PLUGINS / "action").glob("*.py")), ids=lambda path: path.stem)
def test_an_action_is_a_declaration_and_a_call(path):
    assert {folder for folder, _part in parts(path)} <= {"plugin_utils"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_AN_ACTION
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, (ast.If, ast.For, ast.Try, ast.With))]


def identifiers(path):
    """Every name and text of a file's code; documentation, docstrings and comments left out."""
    code = tree(path)
    code.body = [node for node in code.body if not (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in DOCUMENTATION)]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(code) if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(code):
        for key in ("name", "id", "attr", "module", "arg"):
            if isinstance(getattr(node, key, None), str):
                yield getattr(node, key)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


SHARED = [path for path in PLUGINS.rglob("*.py") if not any(part in path.as_posix() for part in ("/_vendors/", "/modules/", "/_auth/", "/doc_fragments/"))]


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.relative_to(PLUGINS).as_posix())
def test_no_shared_file_names_a_vendor(path):
    names = "|".join([*(vendor.partition("_")[0] for vendor in VENDORS), "zilliz", "trove", "cloud director", "log insight"])
    found = [text for text in identifiers(path) if re.search(r"\b(%s)\b" % names, text.replace("_", " ").lower())]
    assert not found


def test_the_role_names_no_vendor():
    for path in (ROOT / "roles" / "rotate" / "tasks").glob("*.yml"):
        assert not [vendor for vendor in VENDORS if vendor in path.read_text(encoding="utf-8")], path.name


def test_every_vendor_file_belongs_to_a_module():
    files = {item.name for item in pkgutil.iter_modules([str(PLUGINS / "module_utils" / "_vendors")])}
    assert all(any(name == vendor or name.startswith("_%s_" % vendor) for vendor in VENDORS) for name in files)


def test_the_table_in_the_readme_is_what_the_vendors_declare():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert vendor_table.with_table(page) == page, "run: make vendor-table"
    assert all("[%s%s](docs/reference/vendors/%s.md)" % (vendor, SUFFIX, vendor) in page for vendor in VENDORS)


def test_the_page_on_the_public_interface_is_what_its_files_say():
    page = (ROOT / public_interface.PAGE).read_text(encoding="utf-8")
    assert public_interface.page(ROOT) == page, "run: make public-interface"


def test_every_public_file_is_on_the_page_on_the_public_interface():
    files = {"%s.%s" % (path.parent.name, path.stem) for folder in ("module_utils", "plugin_utils") for path in (PLUGINS / folder).glob("[!_]*.py")}
    assert files == set(public_interface.MODULES)


def test_the_capabilities_are_complete():
    for vendor in VENDORS:
        rules = vendor_class(vendor).capabilities
        assert rules.title and rules.login_probe and rules.lockout and 1 <= rules.password_min <= rules.generated.length <= rules.password_max
        assert rules.settle_seconds >= 0 and not set(rules.generated.symbol_characters) & set(rules.password_forbidden)
        if rules.failed_logins_per_call is not None:
            assert (rules.failed_probes_per_call or 0) <= rules.failed_logins_per_call <= 2, "three failed logins lock an account at more than one vendor"
