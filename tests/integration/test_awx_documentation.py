# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages on AWX as a reader would follow them, and the examples of awx_objects, with awx.awx and a double of AWX."""

from __future__ import annotations

import copy
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from tests.integration import awx_setup
from tests.integration.test_documentation import AWX_EXAMPLES, AWX_PAGES, blocks, documented

pytestmark = pytest.mark.real
ADDRESS = "https://awx.example.com"


@pytest.fixture
def follow(tmp_path, awx_api, awx_collections):
    """Follows a page in an empty folder; returns the output, and for each playbook that ran how many tasks changed something."""

    def run(page):
        folder, home = tmp_path / "empty", tmp_path / "home"
        folder.mkdir()
        (home / ".ansible").mkdir(parents=True)
        (home / ".ansible" / "collections").symlink_to(awx_setup.COLLECTIONS)
        (home / ".awx-token").write_text(awx_setup.TOKEN + "\n", encoding="utf-8")
        for language, text in blocks(page):
            if language == "yaml":
                path = folder / text.split("\n", 1)[0][2:]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        commands = [line[2:] for language, text in blocks(page) if language == "console" for line in text.splitlines() if line.startswith("$ ")]
        environment = {
            "PATH": str(pathlib.Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            **awx_setup.environment(awx_api, awx_collections),
        }
        if page == "docs/tutorial/awx.md":
            # The reader sets them.
            del environment["CONTROLLER_HOST"], environment["CONTROLLER_OAUTH_TOKEN"]
        script = "\n".join(commands).replace(ADDRESS, awx_api.url)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, "%s:\n%s\n%s%s" % (page, script, done.stdout, done.stderr)
        assert awx_setup.TOKEN not in done.stdout + done.stderr
        return done.stdout, [int(number) for number in re.findall(r"^localhost +: .*changed=(\d+)", done.stdout, re.MULTILINE)]

    return run


@pytest.mark.slow
def test_the_tutorial(follow, awx_api):
    output, changed = follow("docs/tutorial/awx.md")
    # A look, the set-up, once more, the host, a look at the removal, the removal.
    assert changed == [1, 1, 0, 1, 1, 1]
    assert "To create: job template Rotate passwords" in output and "Created: job template Rotate passwords" in output
    assert "The inventory Endpoints stays: it has hosts, groups or sources." in output
    assert [host["name"] for host in awx_api.objects("hosts")] == ["milvus-1.example.com"]
    assert not awx_api.objects("job_templates") and not awx_api.objects("credentials")


@pytest.mark.slow
def test_awx_as_code(follow, awx_api):
    output, _changed = follow("docs/how-to/awx-as-code.md")
    assert "Team A: Rotate passwords" in output and awx_api.writes == 0


@pytest.mark.slow
def test_several_operators(follow, awx_api):
    _output, changed = follow("docs/how-to/awx-several-operators.md")
    assert changed == [1, 1]
    template = awx_api.find("job_templates", "East: Rotate passwords")
    assert template["credentials"] == [awx_api.find("credentials", "East: Milvus operator")["id"]]
    assert template["inventory"] == awx_api.find("inventories", "Endpoints in the east")["id"]
    assert awx_api.find("credential_types", "Milvus operators of both clusters")["injectors"]["extra_vars"]["milvus_operator_east"] == "{{ east }}"


def test_every_page_on_awx_is_followed():
    assert {page.rpartition("/")[2] for page in AWX_PAGES} == {"awx-as-code.md", "awx-several-operators.md", "awx.md"}


@pytest.mark.parametrize("name", AWX_EXAMPLES)
def test_the_examples_run(name, ansible, awx_api, everything, awx_collections):
    awx_api.store = copy.deepcopy(everything[2])
    tasks = yaml.safe_load(documented("modules")[name])
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    run = ansible.playbook([play], env=awx_setup.environment(awx_api, awx_collections))
    assert run.rc == 0 and all(result.status == "changed" for result in run.results), run.output
    assert awx_api.find("schedules", "Rotate passwords on Sundays")
    again = ansible.playbook([play], env=awx_setup.environment(awx_api, awx_collections))
    assert again.rc == 0 and all(result.status == "ok" for result in again.results), again.output
