# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendor modules in process: what a result is cleaned of."""

from __future__ import annotations

import time

import pytest
from ansible_collections.rekey.passwords.plugins.plugin_utils._vendor_action import occurring

SECRETS = {"alice", "S3cr3t-MARKER", "11", "ü", "not there"}


@pytest.mark.parametrize(
    "value, found",
    [
        ({"users": [{"name": "alice", "error": {"message": "it was S3cr3t-MARKER."}}]}, {"alice", "S3cr3t-MARKER"}),
        ({"alice": [None, True, 2110], "warnings": ("fünf",)}, {"11", "ü"}),
        ({"users": [], "changed": False}, set()),
        ("malice", {"alice"}),
    ],
)
def test_only_what_stands_in_a_result_needs_to_be_taken_out_of_it(value, found):
    # A key is no value: remove_values leaves it as it is.
    assert occurring(SECRETS, value) == found


def test_thousands_of_users_take_no_time():
    secrets = {"S3cr3t-MARKER-%d" % number for number in range(20000)}
    result = {"users": [{"name": "user-%d" % number, "state": "changed"} for number in range(10000)], "msg": "S3cr3t-MARKER-19999"}
    started = time.process_time()
    assert occurring(secrets, result) == {"S3cr3t-MARKER-%d" % number for number in (1, 19, 199, 1999, 19999)}
    assert time.process_time() - started < 5
