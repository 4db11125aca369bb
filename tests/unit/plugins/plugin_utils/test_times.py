# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ages and points in time."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, parse_age, parse_utc, utc_now


@pytest.mark.parametrize(
    "text, seconds", [("30d", 2592000), ("12h", 43200), ("90m", 5400), ("45s", 45), ("0s", 0), (" 7 d ", 604800), ("9999999d", 863999913600)]
)
def test_age(text, seconds):
    assert parse_age(text, "max_age") == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "+1d", "1.5d", "1e3d", "30D", "1w", "1d12h", "30d\x00", "tomorrow", None, 30, True, [], {"d": 1}])
def test_what_is_no_age_is_refused_by_the_name_of_its_option(text):
    with pytest.raises(PasswordError) as caught:
        parse_age(text, "max_age")
    assert caught.value.kind == "invalid_input"
    assert caught.value.message == "max_age must be a whole number and a unit, such as 30d, 12h, 90m or 45s."


def test_an_age_that_no_calendar_has_is_refused_as_well():
    # int() of so many digits is a ValueError of Python, which nobody could understand.
    with pytest.raises(PasswordError) as caught:
        parse_age("9" * 5000 + "d", "max_age")
    assert caught.value.kind == "invalid_input"


def test_a_moment_survives_the_way_to_text_and_back():
    now = utc_now()
    assert parse_utc(format_utc(now)) == now
    assert now.utcoffset() == datetime.timedelta(0) and now.microsecond == 0


def test_a_moment_of_another_zone_is_told_in_utc():
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    assert format_utc(datetime.datetime(2026, 1, 1, 2, 0, 0, tzinfo=zone)) == "2025-12-31T20:30:00Z"


def test_a_leap_day():
    assert format_utc(parse_utc("2028-02-29T23:59:59Z")) == "2028-02-29T23:59:59Z"


@pytest.mark.parametrize("text", ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00", "2026-02-30T12:00:00Z", "now"])
def test_what_is_no_moment_is_no_moment(text):
    with pytest.raises(ValueError):
        parse_utc(text)
