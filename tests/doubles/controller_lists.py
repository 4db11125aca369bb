# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the double of AWX: filters in the query, order, and pages of 25 objects."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

from tests.doubles.controller_fields import Refusal
from tests.doubles.controller_kinds import KINDS, TEMPLATES, UNIFIED

PAGE, LARGEST_PAGE = 25, 200
# What is no filter.
RESERVED = ("page", "page_size", "format", "order", "order_by", "search", "type", "count_disabled")
LOOKUPS = {
    "exact": lambda value, wanted: value == wanted,
    "iexact": lambda value, wanted: str(value).lower() == str(wanted).lower(),
    "contains": lambda value, wanted: str(wanted) in str(value),
    "icontains": lambda value, wanted: str(wanted).lower() in str(value).lower(),
    "startswith": lambda value, wanted: str(value).startswith(str(wanted)),
    "istartswith": lambda value, wanted: str(value).lower().startswith(str(wanted).lower()),
    "endswith": lambda value, wanted: str(value).endswith(str(wanted)),
    "iendswith": lambda value, wanted: str(value).lower().endswith(str(wanted).lower()),
    "regex": lambda value, wanted: re.search(str(wanted), str(value)) is not None,
    "iregex": lambda value, wanted: re.search(str(wanted), str(value), re.IGNORECASE) is not None,
    "gt": lambda value, wanted: value is not None and value > wanted,
    "gte": lambda value, wanted: value is not None and value >= wanted,
    "lt": lambda value, wanted: value is not None and value < wanted,
    "lte": lambda value, wanted: value is not None and value <= wanted,
    "in": lambda value, wanted: value in wanted,
    "isnull": lambda value, wanted: (value is None) is wanted,
}
SECRET = ("password", "inputs", "token", "notification_configuration", "survey_spec", "extra_vars", "host_config_key", "messages")


def select(store, kind, items, query):
    """The objects that a query asks for, in its order.

    :param kind: their kind; ``unified_job_templates`` for templates of all kinds.
    :param query: the query string.
    :raises Refusal: a field is unknown, must not be asked for, or a value is of the wrong type.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    either = []
    for key, value in pairs:
        if key in RESERVED:
            continue
        negated, alternative, path, lookup = _parse(key)
        test = _test(store, kind, path, lookup, value)
        if alternative:
            either.append((test, negated))
        else:
            items = [item for item in items if test(item) is not negated]
    if either:
        items = [item for item in items if any(test(item) is not negated for test, negated in either)]
    options = dict(pairs)
    if "type" in options:
        types = options["type"].split(",")
        items = [item for item in items if KINDS[kind_of(store, kind, item)].type in types]
    if options.get("search"):
        words = options["search"].lower()
        items = [item for item in items if any(words in str(item.get(name, "")).lower() for name in ("name", "description", "username"))]
    return _ordered(kind, items, options.get("order_by"))


def kind_of(store, kind, item):
    """The kind of an object out of a list of templates of all kinds."""
    return store.template(item["id"])[0] if kind == UNIFIED else kind


def _parse(key):
    """``(negated, alternative, path, lookup)`` of a name in the query, such as ``or__not__organization__name__iexact``."""
    parts = key.split("__")
    negated = alternative = False
    while parts[0] in ("or", "not", "chain"):
        negated, alternative = negated or parts[0] == "not", alternative or parts[0] == "or"
        parts = parts[1:] or [""]
    lookup = parts.pop() if len(parts) > 1 and parts[-1] in LOOKUPS else "exact"
    return negated, alternative, parts, lookup


def _test(store, kind, path, lookup, text):
    """A function that tells whether an object fits."""
    name, rest = path[0], path[1:]
    field = _field(kind, name)
    if rest:
        if field is None or field.kind != "reference":
            raise Refusal(400, "%s has no field named '%s'" % (_model(kind), "__".join(path)))
        inner = _test(store, field.to, rest, lookup, text)
        return lambda item: item.get(name) is not None and inner(store.get(field.to, item[name]))
    wanted = _value(field, name, lookup, text)
    compare = LOOKUPS[lookup]
    if name in _lists(kind):
        return lambda item: any(compare(one, wanted) for one in item.get(name, []))
    return lambda item: compare(item.get(name), wanted)


def _model(kind):
    return "UnifiedJobTemplate" if kind == UNIFIED else KINDS[kind].model


def _lists(kind):
    return {} if kind == UNIFIED else KINDS[kind].lists


def _field(kind, name):
    """The declaration of a field; ``None`` for one that cannot be written.

    :raises Refusal: there is none, or it must not be asked for.
    """
    if name in SECRET:
        raise Refusal(403, "Filtering on %s is not allowed." % name)
    kinds = [KINDS[one] for one in (TEMPLATES if kind == UNIFIED else (kind,))]
    found = next((one.fields[name] for one in kinds if name in one.fields), None)
    known = ("id", "created", "modified")
    if found is None and not any(name in known or name in one.shown or name in one.lists for one in kinds):
        raise Refusal(400, "%s has no field named '%s'" % (_model(kind), name))
    return found


def _value(field, name, lookup, text):
    """The value of a filter, of the type of the field.

    :raises Refusal: it cannot be one.
    """
    if lookup == "in":
        return [_value(field, name, "exact", one) for one in text.split(",")]
    if lookup == "isnull" or (field and field.kind == "boolean") or name == "managed":
        if text.lower() not in ("true", "1", "false", "0"):
            raise Refusal(400, 'Unable to convert "%s" to boolean' % text)
        return text.lower() in ("true", "1")
    number = name == "id" or field is None and name not in ("created", "modified", "namespace", "status") or field and field.kind in ("reference", "integer")
    if not number:
        return text
    if name != "id" and text.lower() in ("none", "null"):
        return None
    try:
        return int(text)
    except ValueError:
        message = "Invalid %s id: %s" % (name, text) if field and field.kind == "reference" else "Field '%s' expected a number but got '%s'." % (name, text)
        raise Refusal(400, message) from None


def _ordered(kind, items, order_by):
    names = [name for name in (order_by or "").split(",") if name] or ["name" if kind == UNIFIED else KINDS[kind].order]
    items = sorted(items, key=lambda item: item["id"])
    for name in reversed(names):
        plain = name.lstrip("-")
        items.sort(key=lambda item: (item.get(plain) is not None, item.get(plain) if item.get(plain) is not None else 0), reverse=name.startswith("-"))
    return items


def page(path, query, items, show):
    """One page of a list.

    :param show: makes the representation of an object.
    :raises Refusal: there is no such page.
    """
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    try:
        number, size = int(pairs.get("page", 1)), min(max(int(pairs.get("page_size", PAGE)), 1), LARGEST_PAGE)
    except ValueError:
        raise Refusal(404, "Invalid page.") from None
    last = max((len(items) + size - 1) // size, 1)
    if not 1 <= number <= last:
        raise Refusal(404, "Invalid page.")

    def link(other):
        return "%s?%s" % (path, urlencode({**pairs, "page": other})) if 1 <= other <= last else None

    shown = [show(item) for item in items[(number - 1) * size : number * size]]
    return {"count": len(items), "next": link(number + 1), "previous": link(number - 1), "results": shown}
