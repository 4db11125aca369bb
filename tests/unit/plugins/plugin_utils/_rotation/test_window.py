# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maintenance windows: when they are open, when they open next, and what is refused."""

from __future__ import annotations

import datetime
import sys
import zoneinfo

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import spread, window
from ansible_collections.rekey.passwords.plugins.plugin_utils._times import format_utc, parse_utc

BERLIN = "Europe/Berlin"
NIGHTS = {"days": "mon-fri", "from": "22:00", "to": "04:00", "timezone": BERLIN}
MINUTE, HOUR = datetime.timedelta(minutes=1), datetime.timedelta(hours=1)


def at(text):
    return parse_utc(text.replace(" ", "T") + ":00Z")


def is_open(value, text):
    return window.read(value).is_open(at(text))


def opens(value, text):
    found = window.read(value).opens_at(at(text))
    return found and format_utc(found)[:16].replace("T", " ")


def open_minutes(value, first, last):
    """The minutes, in UTC, at which it is open, as (first, last + 1) of each stretch."""
    windows, now, stretches = window.read(value), at(first), []
    while now < at(last):
        if windows.is_open(now):
            if stretches and stretches[-1][1] == now:
                stretches[-1][1] = now + MINUTE
            else:
                stretches.append([now, now + MINUTE])
        now += MINUTE
    return [tuple(format_utc(end)[:16].replace("T", " ") for end in stretch) for stretch in stretches]


@pytest.mark.parametrize("value", [None, "", " ", [], {}, "[]", "{}"], ids=repr)
def test_what_is_empty_is_no_restriction(value):
    assert window.read(value) == window.Windows() and is_open(value, "2026-11-28 15:00") and opens(value, "2026-11-28 15:00") is None


# 2026-11-27 is a Friday; Berlin is an hour ahead of UTC.
@pytest.mark.parametrize(
    "moment, is_it",
    [
        ("2026-11-27 20:59", False), ("2026-11-27 21:00", True), ("2026-11-27 23:30", True), ("2026-11-28 02:59", True), ("2026-11-28 03:00", False),
        ("2026-11-28 21:30", False), ("2026-11-29 22:00", False), ("2026-11-30 02:00", False), ("2026-11-30 21:00", True), ("2026-11-30 12:00", False),
    ],
)  # fmt: skip
def test_over_midnight_a_window_belongs_to_the_day_on_which_it_begins(moment, is_it):
    assert is_open(NIGHTS, moment) is is_it


@pytest.mark.parametrize(
    "moment, next_one",
    [
        ("2026-11-27 12:00", "2026-11-27 21:00"),
        ("2026-11-27 21:00", "2026-11-30 21:00"),
        ("2026-11-28 01:00", "2026-11-30 21:00"),
        ("2026-11-29 12:00", "2026-11-30 21:00"),
        ("2026-11-30 20:59", "2026-11-30 21:00"),
    ],
)
def test_when_it_opens_next(moment, next_one):
    assert opens(NIGHTS, moment) == next_one


@pytest.mark.parametrize(
    "days, expected",
    [
        ("mon-fri", {0, 1, 2, 3, 4}), ("sat-mon", {5, 6, 0}), ("mon-mon", {0}), ("Mon, WEDNESDAY", {0, 2}), (["sun", "mon - tue"], {6, 0, 1}),
        ("fri,fri", {4}), ("", set(range(7))), (None, set(range(7))), ([], set(range(7))), ("mon-sun", set(range(7))), ("tue,", {1}), ("thursday-fri", {3, 4}),
    ],
)  # fmt: skip
def test_days(days, expected):
    (made,) = window.read({"days": days}).windows
    assert made.days == expected and made.begin == 0 and made.end == 24 * 60


def test_a_window_that_is_always_open():
    for value in ({"timezone": BERLIN}, {"from": "00:00", "to": "24:00"}, [{"from": "00:00", "to": "12:00"}, {"from": "12:00", "to": "00:00"}]):
        assert open_minutes(value, "2026-03-28 00:00", "2026-03-30 12:00") == [("2026-03-28 00:00", "2026-03-30 12:00")]
        assert open_minutes(value, "2026-10-24 00:00", "2026-10-26 12:00") == [("2026-10-24 00:00", "2026-10-26 12:00")]


def test_from_or_to_alone():
    assert open_minutes({"from": "22:00"}, "2026-11-27 00:00", "2026-11-28 00:00") == [("2026-11-27 22:00", "2026-11-28 00:00")]
    assert open_minutes({"to": "04:00"}, "2026-11-27 00:00", "2026-11-28 00:00") == [("2026-11-27 00:00", "2026-11-27 04:00")]
    assert open_minutes({"from": "22:00", "to": "00:00", "days": "fri"}, "2026-11-27 00:00", "2026-11-28 12:00") == [("2026-11-27 22:00", "2026-11-28 00:00")]


# In Berlin 02:00 becomes 03:00 at 01:00 UTC on 2026-03-29, and 03:00 becomes 02:00 at 01:00 UTC on 2026-10-25.
@pytest.mark.parametrize(
    "times, stretches",
    [
        (("01:00", "04:00"), [("2026-03-29 00:00", "2026-03-29 02:00")]),
        (("02:30", "04:00"), [("2026-03-29 01:00", "2026-03-29 02:00")]),
        (("01:00", "02:30"), [("2026-03-29 00:00", "2026-03-29 01:00")]),
        (("02:00", "03:30"), [("2026-03-29 01:00", "2026-03-29 01:30")]),
        (("02:15", "02:45"), []),
        (("02:00", "03:00"), []),
    ],
)
def test_the_day_on_which_an_hour_is_skipped(times, stretches):
    value = {"from": times[0], "to": times[1], "timezone": BERLIN}
    assert open_minutes(value, "2026-03-28 12:00", "2026-03-29 12:00") == stretches


@pytest.mark.parametrize(
    "times, stretches",
    [
        (("01:00", "04:00"), [("2026-10-24 23:00", "2026-10-25 03:00")]),
        (("02:30", "04:00"), [("2026-10-25 00:30", "2026-10-25 03:00")]),
        (("01:00", "02:30"), [("2026-10-24 23:00", "2026-10-25 00:30")]),
        (("02:15", "02:45"), [("2026-10-25 00:15", "2026-10-25 00:45")]),
        (("02:00", "03:00"), [("2026-10-25 00:00", "2026-10-25 02:00")]),
        (("22:00", "02:30"), [("2026-10-24 20:00", "2026-10-25 00:30")]),
    ],
)
def test_the_day_on_which_an_hour_comes_twice(times, stretches):
    value = {"from": times[0], "to": times[1], "timezone": BERLIN}
    assert open_minutes(value, "2026-10-24 12:00", "2026-10-25 12:00") == stretches


def test_a_window_that_the_change_of_the_clocks_swallows_opens_a_week_later():
    value = {"days": "sun", "from": "02:15", "to": "02:45", "timezone": BERLIN}
    assert opens(value, "2026-03-25 00:00") == "2026-04-05 00:15"


def test_a_zone_that_changes_its_clocks_at_midnight():
    # Beirut skipped 00:00 to 01:00 on 2022-03-27: midnight came at 22:00 UTC as 01:00.
    value = {"from": "00:00", "to": "00:30", "timezone": "Asia/Beirut"}
    assert open_minutes(value, "2022-03-26 12:00", "2022-03-27 12:00") == []
    value = {"days": "sun", "from": "00:00", "to": "02:00", "timezone": "Asia/Beirut"}
    assert open_minutes(value, "2022-03-26 12:00", "2022-03-27 12:00") == [("2022-03-26 22:00", "2022-03-26 23:00")]


def test_zones_far_from_utc():
    assert open_minutes({"days": "sat", "timezone": "Pacific/Kiritimati"}, "2026-11-27 00:00", "2026-11-29 00:00") == [("2026-11-27 10:00", "2026-11-28 10:00")]
    assert open_minutes({"days": "fri", "timezone": "Pacific/Pago_Pago"}, "2026-11-27 00:00", "2026-11-29 00:00") == [("2026-11-27 11:00", "2026-11-28 11:00")]


def test_what_it_says_of_every_minute_of_a_year_agrees_with_itself():
    """When it is not open, it opens at the minute that it says, and not before."""
    windows = window.read([NIGHTS, {"days": "sun", "from": "02:30", "to": "03:15", "timezone": BERLIN}])
    now = at("2026-01-01 00:07")
    while now < at("2026-12-31 00:00"):
        if not windows.is_open(now):
            opens_at = windows.opens_at(now)
            assert now < opens_at and windows.is_open(opens_at) and not windows.is_open(opens_at - datetime.timedelta(seconds=1)), now
        now += 7 * HOUR + 11 * MINUTE


@pytest.mark.parametrize(
    "values, finishes",
    [([None], True), (["finish"], True), (["wait"], False), ([None, "wait"], False), (["wait", "wait"], False), (["", "finish"], True)],
)
def test_what_becomes_of_unfinished_work(values, finishes):
    windows = [{"from": "%02d:00" % number, "to": "20:00", "unfinished": value} for number, value in enumerate(values)]
    assert window.read(windows).finishes is finishes


@pytest.mark.parametrize("name", ["UTC", "utc", "Z", "", None, " Europe/Berlin "])
def test_names_of_zones(name):
    assert window.read({"timezone": name}).windows


KEYS = "days, from, to, timezone, unfinished"
TIME = 'must be a time from "00:00" to "24:00", in quotes'
DAYS = "days must be days such as mon and ranges such as mon-fri, in a list or with commas between them"


@pytest.mark.parametrize(
    "value, message",
    [
        *((value, ": a window is a dictionary with any of " + KEYS) for value in (True, False, 0, 5, "mon-fri", "22:00-04:00")),
        ([{}, "mon"], ": element 2: a window is a dictionary"),
        ([NIGHTS, None], ": element 2: a window is a dictionary"),
        ([[NIGHTS]], ": element 1: a window is a dictionary"),
        ({"day": "mon"}, ": unknown keys: day (did you mean days?). There are " + KEYS),
        ({5: "mon"}, ": unknown keys: 5. There are"),
        ([NIGHTS, {"till": "04:00"}], ": element 2: unknown keys: till"),
        *(({"from": value}, ": from " + TIME + ".") for value in ("22", "22h", "24:01", "25:00", "12:60", "-1:00", "10pm", "ab:cd", "12:5", "12:30:00")),
        *(({"to": value}, ": to " + TIME + "; without quotes YAML reads it as a number.") for value in (1320, 22, 4.5, True, [22], {"h": 22})),
        ({"from": "08:00", "to": "08:00"}, ": from and to are the same time; leave both out for the whole day."),
        ({"from": "24:00", "to": "04:00"}, ': from must be before "24:00".'),
        ({"from": "24:00"}, ": from and to are the same time"),
        *(({"days": value}, ": " + DAYS) for value in (["mon", None], "mon;fri")),
        *(({"days": value}, ": " + DAYS) for value in ("moon", "mon-", "-fri", "mon-fri-sun", "1-5", "weekdays", 5, True, [1], {"mon": True})),
        ({"timezone": "Europe/Berlin1"}, ": there is no time zone Europe/Berlin1 (did you mean Europe/Berlin?)."),
        *(({"timezone": value}, ": there is no time zone ") for value in ("CET+1x", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000)),
        *(({"timezone": value}, ": timezone must be a name such as Europe/Berlin.") for value in (1, True, ["UTC"], {"name": "UTC"})),
        *(({"unfinished": value}, ": unfinished must be finish or wait.") for value in ("Finish", True, False, 5, ["wait"], {"x": 1})),
        ([{"unfinished": "wait"}, {"unfinished": "finish"}], ": all windows must have the same unfinished"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_what_is_wrong_says_where_and_what(value, message):
    with pytest.raises(PasswordError) as caught:
        window.read(value)
    assert caught.value.kind == "invalid_input" and len(caught.value.message) < 400
    assert caught.value.message.startswith("window (in the role: rotate_window)" + message)


def test_a_machine_without_a_time_zone_database(monkeypatch):
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        with pytest.raises(PasswordError) as caught:
            window.read({"timezone": BERLIN})
        assert "no time zone database" in caught.value.message and "tzdata" in caught.value.message
        assert window.read({"timezone": "UTC"}).is_open(at("2026-11-28 12:00"))
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    "value, users, limit",
    [
        (None, 10, None), ("", 10, None), ("  ", 10, None), (1, 10, 1), (25, 10, 25), ("3", 10, 3), (" 3 ", 10, 3), ("10%", 10, 1), ("10 %", 11, 2),
        ("1%", 5, 1), ("100%", 7, 7), ("50%", 1, 1), ("10%", 0, 0),
    ],
)  # fmt: skip
def test_the_limit_of_a_run(value, users, limit):
    assert spread.read(value, users) == limit


@pytest.mark.parametrize("value", [0, -1, "0", "-3", "0%", "101%", "ten", "5 users", 2.5, True, False, [5], {"n": 5}, "1e3", "%", "0x10", "٣"], ids=repr)
def test_a_limit_that_is_none(value):
    with pytest.raises(PasswordError) as caught:
        spread.read(value, 10)
    assert caught.value.kind == "invalid_input" and caught.value.message.startswith("spread (in the role: rotate_spread) must be a number of users, at least 1")
