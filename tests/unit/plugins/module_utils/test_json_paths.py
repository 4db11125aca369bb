# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading bodies that may hold anything."""

from __future__ import annotations

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _json_paths


@pytest.mark.parametrize(
    "body, path, found",
    [
        ({"a": {"b": "text"}}, ("a", "b"), "text"),
        ({"a": {"b": ""}}, ("a", "b"), None),
        ({"a": {"b": 7}}, ("a", "b"), None),
        ({"a": "text"}, ("a", "b"), None),
        (None, ("a",), None),
        ([], ("a",), None),
    ],
)
def test_texts(body, path, found):
    assert _json_paths.text_at(body, *path) == found


@pytest.mark.parametrize("body, found", [({"a": [{"b": 1}, "x", None]}, [{"b": 1}]), ({"a": {"b": 1}}, []), ({"a": None}, []), ({}, []), (None, []), ("a", [])])
def test_dicts(body, found):
    assert _json_paths.dicts_at(body, "a") == found
