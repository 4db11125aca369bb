# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example in the documentation runs: those of the modules and lookups, and each page as a reader would follow it.

A page's yaml blocks begin with the name of the file that they are (``# group_vars/milvus.yml``); its console blocks are commands. Both are taken from
the page as they stand; only the addresses become those of a double.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.plugin_utils._folder_trust import mark

from tests.integration.rotation import VAULT_PASSWORD
from tests.vendor_cases import CASES

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT.parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

HOST = "milvus-1.example.com"
OLD = {name: password for case in CASES.values() for name, password in case.users.items()}
VARIABLES = {name: value for case in CASES.values() for name, value in case.variables.items()}
for _name, _password in OLD.items():
    VARIABLES.update({"vault_" + _name: _password, "vault_%s_old" % _name: _password, "vault_%s_new" % _name: _name + "-After-1"} | VARIABLES)

# What a page needs besides its own blocks; the page's own win.
GIVEN = {
    "inventory.yml": "milvus:\n  hosts:\n    %s:\n" % HOST,
    "group_vars/all/vault.yml": yaml.safe_dump(VARIABLES),
    "secrets.yml": yaml.safe_dump(VARIABLES),
}
# Pages for readers whose passwords have been rotated already: the variables of their hosts, and the run that did it.
ROTATED = {"docs/how-to/%s.md" % name for name in ("deliver", "incident", "move-a-store", "own-tasks", "repair", "retire", "schedule")}
ROTATED.add("docs/reference/playbooks.md")
OF_ROTATED = """\
rotate_vendor: milvus
rotate_connection:
  url: "https://{{ inventory_hostname }}:19530"
rotate_users:
  - name: alice
    current_password: "{{ vault_alice }}"
rotate_store_path: "{{ lookup('env', 'HOME') }}/rekey-passwords"
"""
FIRST_RUN = "ansible-playbook -i inventory.yml --vault-password-file ~/.vault-password rekey.passwords.rotate -e rotate_store_create=true\n"
# Pages and examples for AWX; test_awx_documentation.py runs them.
AWX_PAGES = ("docs/how-to/awx-as-code.md", "docs/how-to/awx-several-operators.md", "docs/tutorial/awx.md")
AWX_EXAMPLES = ("awx_objects",)
# Commands that are not run here, and what runs them instead.
ELSEWHERE = {
    "make demo": "CI runs it as it stands",
    "make test": "this is it",
    "make check": "a part of make test",
    "pip install requests": "the environment of this test has it",
    "pip install ansible-rulebook": "tests/servers/rulebook.py does it",
}
# Beginnings of such commands.
ELSEWHERE_BY_BEGINNING = {
    "ansible-rulebook ": "test_eda.py runs it, with Java",
    "signature=$(python3 ": "the same, since it needs the rulebook",
    "curl --fail ": "the same",
}
# What a reader fills in.
FILLED_IN = {"OLD_PASSWORD=... NEW_PASSWORD=...": "OLD_PASSWORD=bob-before NEW_PASSWORD=bob-after"}


@pytest.fixture
def doubles():
    """A double of each vendor, by the name of the vendor."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(case.double(case.users)) for name, case in CASES.items()}


@pytest.fixture
def clusters():
    """Doubles for the addresses of an example that needs several endpoints of one vendor."""
    case = CASES["milvus"]
    with contextlib.ExitStack() as stack:
        yield {"https://milvus-%s.example.com:19530" % name: stack.enter_context(case.double(case.users)).url for name in ("east", "west")}


def environment_of(doubles):
    """The variables that the documentation relies on."""
    return {name: value for vendor, double in doubles.items() for name, value in CASES[vendor].environment(double).items()}


def blocks(page):
    """The fenced blocks of a page as (language, text)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def with_addresses(text, doubles, others=()):
    for address, url in dict(others).items():
        text = text.replace(address, url)
    for vendor, double in doubles.items():
        for address in CASES[vendor].addresses:
            text = text.replace(address, double.url)
    return text


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_kind_that_is_tested(page):
    for language, text in blocks(page):
        assert language in ("yaml", "console", "json", "text"), "%s has a block that is neither run nor plainly output: %s" % (page, text)
        if language == "yaml":
            assert re.match(r"# [\w./-]+\.yml\n", text), "%s: a yaml block must begin with the name of its file: %s" % (page, text)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text(encoding="utf-8")):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), "%s: %s" % (page, target)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page not in AWX_PAGES and any(language == "console" for language, _text in blocks(page))])
def test_a_page_works_as_it_stands(page, tmp_path, doubles, clusters):
    folder, home = tmp_path / "checkout", tmp_path / "home"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", "__pycache__", "tests"))
    home.mkdir()
    (home / ".vault-password").write_text(VAULT_PASSWORD, encoding="utf-8")
    files = dict(GIVEN, **{"group_vars/milvus.yml": OF_ROTATED} if page in ROTATED else {})
    files.update((text.split("\n", 1)[0][2:], text) for language, text in blocks(page) if language == "yaml")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(with_addresses(text, doubles, clusters), encoding="utf-8")

    ran = 0
    before = FIRST_RUN if page in ROTATED else ""
    for language, text in blocks(page):
        if language != "console":
            continue
        commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        assert commands, "%s: a console block without a command" % page
        commands = [command for command in commands if command not in ELSEWHERE and not command.startswith(tuple(ELSEWHERE_BY_BEGINNING))]
        script = with_addresses(before + "\n".join(commands), doubles)
        before = ""
        for placeholder, value in FILLED_IN.items():
            script = script.replace(placeholder, value)
        environment = {
            "PATH": str(pathlib.Path(sys.executable).parent) + os.pathsep + os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": "%s:%s" % (home / ".ansible" / "collections", COLLECTIONS), "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_REMOTE_TEMP": str(home / "tmp"), **environment_of(doubles),
        }  # fmt: skip
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, "%s:\n%s\n%s%s" % (page, script, done.stdout, done.stderr)
        ran += len(commands)
    assert ran


def documented(kind):
    """The plugins of a kind that have examples."""
    found = {}
    for path in sorted((ROOT / "plugins" / kind).glob("*.py")):
        module = importlib.import_module("ansible_collections.rekey.passwords.plugins.%s.%s" % (kind, path.stem))
        found[path.stem] = module.EXAMPLES
    return found


EXAMPLES = {name: text for kind in ("modules", "lookup") for name, text in documented(kind).items() if name not in AWX_EXAMPLES}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_plugin_run(name, ansible, doubles):
    store = str(ansible.shared / "store")
    # The examples are about a store that is there already.
    os.mkdir(store)
    mark(store)
    tasks = yaml.safe_load(with_addresses(EXAMPLES[name], doubles).replace("/srv/passwords", store))
    variables = dict(
        VARIABLES, my_users=[{"name": "alice", "current_password": OLD["alice"]}], rotate_vendor="milvus", rotate_store_path=store, ansible_host="localhost",
        rotate_connection=CASES["milvus"].connection(doubles["milvus"]),
        rotate_users=[{"name": "alice", "current_password": OLD["alice"]}],
    )  # fmt: skip
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": tasks}
    if name in ("login", "secret", "rotation_deliver", "rotation_info", "rotation_move"):
        # There must be something to read.
        play["roles"] = ["rekey.passwords.rotate"]
    run = ansible.playbook([play], inventory={"all": {"hosts": {HOST: {}}, "vars": variables}}, vault_password=VAULT_PASSWORD, env=environment_of(doubles))
    assert run.rc == 0, run.output
    assert [result.task for result in run.results if result.task in [task["name"] for task in tasks]] == [task["name"] for task in tasks]
