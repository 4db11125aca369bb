# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make awx` writes beside the credential types: the credentials, the pictures; and what the playbook awx_setup knows of the data."""

from __future__ import annotations

import pathlib
from xml.etree import ElementTree

import pytest
import yaml
from ansible_collections.rekey.passwords.plugins.module_utils._results import State
from ansible_collections.rekey.passwords.plugins.plugin_utils._awx.kinds import BY_VARIABLE
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import report
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.users import Action, CommittedUser, Reason

from tests.tools import awx, awx_pictures

ROOT = pathlib.Path(__file__).parents[2]
DATA = awx.objects(ROOT)
(PLAY,) = yaml.safe_load((ROOT / "playbooks" / "awx_setup.yml").read_text(encoding="utf-8"))
TASKS = {next(key for key in task if "." in key): task for task in PLAY["tasks"]}
OBJECTS_TASK = TASKS["rekey.passwords.awx_objects"]["rekey.passwords.awx_objects"]
# What only the playbook needs.
OF_THE_PLAYBOOK = {"rekey_awx_" + name for name in ("collection", "force", "leave_out", "state", "take_over", "update_secrets")}


def test_the_credentials_are_one_of_each_type():
    assert awx.credentials() == (ROOT / awx.CREDENTIALS).read_text(encoding="utf-8"), "run: make awx"
    types = [each["name"] for each in awx.rendered(DATA["controller_credential_types"])]
    assert [each["credential_type"] for each in awx.rendered(DATA["controller_credentials"])] == types
    assert not any("inputs" in each for each in DATA["controller_credentials"]), "what somebody has filled in would be overwritten"


@pytest.mark.parametrize("name, text", awx_pictures.pictures(ROOT).items())
def test_a_picture_is_what_the_data_says(name, text):
    assert text == (ROOT / awx_pictures.FOLDER / name).read_text(encoding="utf-8"), "run: make awx"
    picture = ElementTree.fromstring(text)
    assert picture.find("{http://www.w3.org/2000/svg}title").text
    tutorial = (ROOT / "docs" / "tutorial" / "awx.md").read_text(encoding="utf-8")
    assert "](../images/%s)" % name in tutorial


def test_a_survey_is_drawn_with_all_its_questions():
    texts = awx_pictures.pictures(ROOT)["awx-survey-repair.svg"]
    (spec,) = (each["survey_spec"] for each in DATA["controller_templates"] if each["name"].endswith("Repair passwords"))
    assert all(question["question_name"] in texts for question in spec["spec"])


def test_the_output_that_is_drawn_has_the_words_of_the_summary():
    users = [CommittedUser(name=name, reason=Reason.EXPIRED, state=State.CHANGED, action=Action.PROMOTED, verified=True) for name in ("alice", "bob")]
    shown = "\n".join(awx_pictures.OUTPUT)
    assert all('"%s"' % report.line(user, what="rotated", which="new") in shown for user in users)


def test_the_playbook_hands_over_every_list():
    assert set(OBJECTS_TASK["objects"]) == set(DATA) == set(BY_VARIABLE)


def test_the_playbook_knows_every_variable_and_the_pages_explain_them():
    known = PLAY["vars"]["rekey_variables"]
    assert known == sorted({*awx.variables(ROOT), *OF_THE_PLAYBOOK})
    page = (ROOT / "docs" / "how-to" / "awx-as-code.md").read_text(encoding="utf-8")
    assert all("| `%s` |" % name in page for name in OF_THE_PLAYBOOK)
    text = (ROOT / "playbooks" / "awx_setup.yml").read_text(encoding="utf-8")
    assert all(name + " |" in text or name + "," in text for name in OF_THE_PLAYBOOK)


@pytest.mark.parametrize("name", sorted(DATA))
def test_every_object_shows_where_it_comes_from(name):
    mark = OBJECTS_TASK["mark"]
    assert all(mark in each["description"] for each in awx.rendered(DATA[name])), "awx_setup would not know it for its own"


def test_names_that_are_given_are_taken_as_they_are():
    given = {"rekey_awx_prefix": "A: ", "rekey_awx_inventory": "All machines", "rekey_awx_project": "Infra"}
    for template in awx.rendered(DATA["controller_templates"], **given):
        assert (template["inventory"], template["project"], template["execution_environment"]) == ("All machines", "Infra", "A: rekey.passwords")
        assert template["name"].startswith("A: ")
