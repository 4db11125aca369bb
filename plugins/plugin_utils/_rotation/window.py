# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maintenance windows: on which days, and between which times of a time zone, new passwords may be set.

A window belongs to the day on which it begins, so one over midnight reaches into the next day. It lasts from the first moment at which its zone's clocks
show its beginning to the first moment after that at which they show its end. A time that a change to summer time skips is the end of the gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, FrozenSet, Iterator, Optional, Set, Tuple

import zoneinfo
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._arguments import plain, with_suggestion

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY = frozenset(range(7))
_DAY = 24 * 60  # minutes
_KEYS = ("days", "from", "to", "timezone", "unfinished")
_FINISH, _WAIT = "finish", "wait"
# A window of one day in the week that a change to summer time swallows opens again a week later.
_DAYS_AHEAD = 15
_OPTION = "window (in the role: rotate_window)"


@dataclass(frozen=True)
class Window:
    """One window.

    :param days: on which it begins, Monday is 0.
    :param begin: minutes after midnight.
    :param end: minutes after midnight of the day on which it begins; more than a day's for one over midnight.
    :param zone: whose clocks these are.
    """

    days: FrozenSet[int] = _EVERY_DAY
    begin: int = 0
    end: int = _DAY
    zone: tzinfo = timezone.utc

    def around(self, now: datetime, days_ahead: int) -> Iterator[Tuple[datetime, datetime]]:
        """The times, in UTC, at which it opens and closes: from the day before now."""
        today = now.astimezone(self.zone).date()
        for number in range(-1, days_ahead + 1):
            day = today + timedelta(days=number)
            if day.weekday() in self.days:
                yield _instant(day, self.begin, self.zone), _instant(day, self.end, self.zone)


@dataclass(frozen=True)
class Windows:
    """The windows of a task; without any, new work may always begin.

    :param windows: they add up.
    :param finishes: whether unfinished work is finished outside of them.
    """

    windows: Tuple[Window, ...] = ()
    finishes: bool = True

    def is_open(self, now: datetime) -> bool:
        """Whether new work may begin."""
        return not self.windows or any(
            opens <= now < closes for window in self.windows for opens, closes in window.around(now, 1)
        )

    def opens_at(self, now: datetime) -> Optional[datetime]:
        """When the next window opens, in UTC; ``None`` if none does."""
        coming = [
            opens
            for window in self.windows
            for opens, closes in window.around(now, _DAYS_AHEAD)
            if now < opens < closes
        ]
        return min(coming, default=None)


def read(value: Any) -> Windows:
    """The option ``window``: a dictionary, or a list of dictionaries. What is empty restricts nothing.

    :raises PasswordError: ``invalid_input``.
    """
    value = plain(value)
    # As an extra variable without JSON, an empty list is a text.
    if value is None or value == {} or (isinstance(value, str) and value.strip() in ("", "[]", "{}")):
        return Windows()
    given = value if isinstance(value, list) else [value]
    windows, policies = [], set()
    for number, one in enumerate(given, 1):
        where = "%s%s" % (_OPTION, ": element %d" % number if isinstance(value, list) else "")
        windows.append(_read_one(one, where))
        policies.add(_read_unfinished(one, where))
    policies.discard(None)
    if len(policies) > 1:
        raise _wrong(_OPTION, "all windows must have the same unfinished: what is outside of one is outside of all")
    return Windows(tuple(windows), _WAIT not in policies)


def _wrong(where: str, message: str) -> PasswordError:
    return PasswordError(errors.INVALID_INPUT, "%s: %s." % (where, message))


def _read_one(given: Any, where: str) -> Window:
    if not isinstance(given, dict):
        example = '{"rotate_window": {"days": "mon-fri", "from": "22:00", "to": "04:00"}}'
        raise _wrong(
            where,
            "a window is a dictionary with any of %s; as an extra variable: -e '%s'" % (", ".join(_KEYS), example),
        )
    unknown = [with_suggestion(key, _KEYS) for key in given if key not in _KEYS]
    if unknown:
        raise _wrong(where, "unknown keys: %s. There are %s" % (", ".join(unknown), ", ".join(_KEYS)))
    begin = _read_time(given.get("from"), "from", where, default=0)
    end = _read_time(given.get("to"), "to", where, default=_DAY)
    if begin == end:
        raise _wrong(where, "from and to are the same time; leave both out for the whole day")
    if begin == _DAY:
        raise _wrong(where, 'from must be before "24:00"')
    return Window(
        _read_days(given.get("days"), where),
        begin,
        end if end > begin else end + _DAY,
        _read_zone(given.get("timezone"), where),
    )


def _read_unfinished(given: Any, where: str) -> Optional[str]:
    value = given.get("unfinished")
    if value in (None, ""):
        return None
    if value not in (_FINISH, _WAIT):
        raise _wrong(where, "unfinished must be %s or %s" % (_FINISH, _WAIT))
    return str(value)


def _read_time(value: Any, key: str, where: str, *, default: int) -> int:
    """A time of the day in minutes."""
    if value in (None, ""):
        return default
    match = re.fullmatch(r"\s*([0-9]{1,2}):([0-9]{2})\s*", value) if isinstance(value, str) else None
    minutes = int(match.group(1)) * 60 + int(match.group(2)) if match else -1
    if match is None or int(match.group(2)) > 59 or minutes > _DAY:
        hint = "" if isinstance(value, str) else "; without quotes YAML reads it as a number"
        raise _wrong(where, '%s must be a time from "00:00" to "24:00", in quotes%s' % (key, hint))
    return minutes


def _read_days(value: Any, where: str) -> FrozenSet[int]:
    """Names of days and ranges of them: a list, or a text with commas."""
    parts = value.split(",") if isinstance(value, str) else [] if value is None else value
    wrong = _wrong(
        where, "days must be days such as mon and ranges such as mon-fri, in a list or with commas between them"
    )
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise wrong
    found: Set[int] = set()
    for part in filter(None, (part.strip().lower() for part in parts)):
        first, dash, last = (end.strip() for end in part.partition("-"))
        numbers = [_number_of(name) for name in ((first, last) if dash else (first,))]
        if None in numbers:
            raise wrong
        begin, end = numbers[0] or 0, numbers[-1] or 0
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found) or _EVERY_DAY


def _number_of(name: str) -> Optional[int]:
    for names in (_DAYS, _FULL_DAYS):
        if name in names:
            return names.index(name)
    return None


def _read_zone(value: Any, where: str) -> tzinfo:
    if value in (None, ""):
        return timezone.utc
    if not isinstance(value, str):
        raise _wrong(where, "timezone must be a name such as Europe/Berlin")
    name = value.strip()
    if name.upper() in ("UTC", "Z", "ETC/UTC"):
        # These work without a time zone database.
        return timezone.utc
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
    if not known:
        raise _wrong(
            where,
            "this machine has no time zone database, so only UTC is known. Install the package tzdata of the system, or of Python (pip install tzdata)",
        )
    raise _wrong(where, "there is no time zone %s" % with_suggestion(name[:60], known))


def _instant(day: date, minutes: int, zone: tzinfo) -> datetime:
    """The first moment, in UTC, at which the clocks of a zone show that time, or a later one if they skip it.

    :param minutes: after midnight of that day.
    """
    shown = datetime.combine(day, time()) + timedelta(minutes=minutes)
    earliest, latest = sorted(shown.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    if latest.astimezone(zone).replace(tzinfo=None) == shown or earliest == latest:
        return earliest
    # In a gap the two readings are on both sides of the change.
    before = earliest.astimezone(zone).utcoffset()
    while latest - earliest > timedelta(seconds=1):
        middle = earliest + (latest - earliest) / 2
        earliest, latest = (middle, latest) if middle.astimezone(zone).utcoffset() == before else (earliest, middle)
    return latest.replace(microsecond=0)
