# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the body of a request as Django REST framework reads it for AWX: what is not known is ignored, types are coerced, errors are collected."""

from __future__ import annotations

import copy
import json

from tests.doubles.controller_kinds import REQUIRED

TRUE = ("t", "y", "yes", "true", "on", "1", 1)
FALSE = ("f", "n", "no", "false", "off", "0", 0)


class Refusal(Exception):
    """An answer that is no success.

    :param status: the HTTP status.
    :param body: the answer; a text becomes ``{"detail": ...}``.
    """

    def __init__(self, status, body):
        super().__init__(str(body))
        self.status = status
        self.body = {"detail": body} if isinstance(body, str) else body


def invalid(name, *messages):
    """The refusal of the value of one field."""
    return Refusal(400, {name: list(messages)})


def forbidden(message="You do not have permission to perform this action."):
    """The refusal of what this user, or anybody, may not do."""
    return Refusal(403, message)


def body_of(received):
    """The body as a dictionary.

    :raises Refusal: it is none.
    """
    try:
        body = json.loads(received.body or b"{}")
    except ValueError as error:
        raise Refusal(400, "JSON parse error - %s\nPossible cause: trailing comma." % error) from None
    if not isinstance(body, dict):
        raise Refusal(400, "JSON parse error - not a JSON object")
    return body


def read(kind, body, exists, *, new, partial):
    """The fields of a body, coerced.

    :param kind: a :class:`tests.doubles.controller_kinds.Kind`.
    :param exists: ``(kind, id)`` to whether there is such an object.
    :param new: whether an object is created.
    :param partial: whether fields that are missing stay as they are (PATCH).
    :returns: names to values; with defaults unless partial.
    :raises Refusal: a field is missing or wrong; all errors together, as AWX does it.
    """
    given, errors = {}, {}
    for name, field in kind.fields.items():
        if field.read_only or (field.new_only and not new):
            continue
        if name not in body:
            if partial:
                continue
            if field.default is REQUIRED:
                errors[name] = ["This field is required."]
            elif new or field.kind != "reference":
                # A PUT resets what it does not name, except references.
                given[name] = copy.deepcopy(field.default)
            continue
        try:
            given[name] = READERS[field.kind](field, body[name], exists)
        except ValueError as error:
            errors[name] = [str(error)]
    if errors:
        raise Refusal(400, errors)
    return given


def _text(field, value, _exists):
    if value is None and field.null:
        return None
    value = "" if value is None else value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("Not a valid string.")
    value = str(value).strip()
    if not value and not field.blank:
        raise ValueError("This field may not be blank.")
    if field.longest is not None and len(value) > field.longest:
        raise ValueError("Ensure this field has no more than %d characters." % field.longest)
    return value


def _choice(field, value, _exists):
    if value is None and field.null:
        return None
    value = "" if value is None else value
    if value == "" and field.blank:
        return None if field.null else ""
    by_text = {str(one): one for one in field.choices}
    if str(value) not in by_text:
        raise ValueError('"%s" is not a valid choice.' % (value,))
    return by_text[str(value)]


def _boolean(field, value, _exists):
    if value is None:
        return None if field.null else False
    plain = value.lower() if isinstance(value, str) else value
    if isinstance(plain, (str, int)) and plain in TRUE:
        return True
    if isinstance(plain, (str, int)) and plain in FALSE:
        return False
    raise ValueError("Must be a valid boolean.")


def _integer(field, value, _exists):
    if value is None and field.null:
        return None
    if value is None:
        raise ValueError("This field may not be null.")
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError("A valid integer is required.") from None
    if field.least is not None and number < field.least:
        raise ValueError("Ensure this value is greater than or equal to %d." % field.least)
    return number


def _json(field, value, _exists):
    if value is None and not field.null:
        raise ValueError("This field may not be null.")
    return copy.deepcopy(value)


def _reference(field, value, exists):
    if value in (None, ""):
        if field.null:
            return None
        raise ValueError("This field may not be null.")
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).isdigit():
        raise ValueError("Incorrect type. Expected pk value, received %s." % type(value).__name__)
    if not exists(field.to, int(value)):
        raise ValueError('Invalid pk "%s" - object does not exist.' % value)
    return int(value)


READERS = {"text": _text, "choice": _choice, "boolean": _boolean, "integer": _integer, "json": _json, "reference": _reference}
