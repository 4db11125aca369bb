# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential types in the code with which AWX itself makes the environment of a job, beside the one of these tests."""

from __future__ import annotations

import pathlib
import types
from typing import Any

import pytest

from tests.unit import awx_rules as rules
from tests.unit import test_awx

injection = pytest.importorskip("awx_plugins.interfaces._temporary_private_inject_api")


class Credential:
    """What AWX asks of a credential."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get_input_keys(self) -> list[str]:
        return list(self._values)

    def get_input(self, name: str) -> Any:
        return self._values[name]

    def has_input(self, name: str) -> bool:
        return name in self._values


def injected(type_: dict[str, Any], values: dict[str, Any], folder: pathlib.Path) -> tuple[dict[str, str], dict[str, str]]:
    """The environment of a job, and what AWX stores and shows of it."""
    environment: dict[str, str] = {}
    shown: dict[str, str] = {}
    arguments: list[str] = []
    (folder / "env").mkdir(parents=True)
    kind = types.SimpleNamespace(inputs=type_["inputs"], injectors=type_["injectors"], managed=False, custom_injectors=None)
    injection.inject_credential(kind, Credential(values), environment, shown, arguments, str(folder), container_root=str(folder))
    assert not arguments
    return environment, shown


def with_contents(environment: dict[str, str], folder: pathlib.Path) -> dict[str, str]:
    """The variables, with the content of a file in place of its path, which differs from run to run."""
    contents = {}
    for variable, text in environment.items():
        # AWX names the file as the container sees it.
        path = folder / "env" / pathlib.Path(text).name if text.startswith("/") else pathlib.Path()
        contents[variable] = path.read_text(encoding="utf-8") if path.is_file() else text
    return contents


@pytest.mark.parametrize("name, given", list(test_awx.cases()))
def test_awx_itself_gives_the_same_and_shows_no_secret(name: str, given: set[str], tmp_path: pathlib.Path) -> None:
    type_ = test_awx.TYPES[name]
    fields = {field["id"]: field for field in type_["inputs"]["fields"]}
    values = {id_: test_awx.value_of(fields[id_]) for id_ in given}
    (tmp_path / "ours" / "env").mkdir(parents=True)
    ours = with_contents(rules.inject(type_, values, tmp_path / "ours" / "env"), tmp_path / "ours")
    # A form gives an empty text for a field that was left empty, the API may give nothing.
    empty = {id_: "" for id_, field in fields.items() if id_ not in given and field["type"] != "boolean"}
    for number, filled_in in enumerate((values, {**values, **empty})):
        folder = tmp_path / str(number)
        environment, shown = injected(type_, filled_in, folder)
        assert with_contents(environment, folder) == ours
        secrets = [values[id_].strip() for id_ in given if fields[id_].get("secret")]
        assert not any(secret in text for secret in secrets for text in shown.values())
