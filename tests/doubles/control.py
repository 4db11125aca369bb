# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control of a double over HTTP, for those who run in another process: paths that begin with ``/_double/``.

``GET state``; ``POST reset``, ``settle``, ``stop-faults`` with ``{}``; ``POST read_only`` with ``{"value": true}``;
``POST users`` with ``{"set": {name: password}, "remove": [name]}``; ``POST faults`` with ``{"kind": ..., options}``, which
answers ``{"id": n}``; ``GET faults/n``; ``POST faults/n/release``.
"""

from __future__ import annotations

from starlette.responses import JSONResponse

PREFIX = "/_double/"


def concerns(received):
    """Whether a request is for the control and not for the vendor."""
    return received.path.startswith(PREFIX)


def answer(double, received):
    """Do what a control request asks for.

    :returns: 200 with JSON; 400 for a request that cannot be understood; 404 for what does not exist.
    """
    parts = received.path[len(PREFIX) :].split("/")
    try:
        if received.method == "GET":
            return _show(double, parts)
        if received.method == "POST":
            return _order(double, parts, received.json() if received.body else {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The text of the error could hold a password out of the request.
        return JSONResponse({"error": type(error).__name__}, 400)
    except IndexError:
        pass
    return JSONResponse({"error": "no such thing"}, 404)


def _show(double, parts):
    if parts == ["state"]:
        return JSONResponse(double.summary())
    if len(parts) == 2 and parts[0] == "faults":
        fault = double.faults[int(parts[1])]
        return JSONResponse({"kind": fault.kind, "fired": fault.fired, "arrived": fault.arrived.is_set()})
    raise IndexError


def _order(double, parts, data):
    result = {}
    if parts == ["read_only"]:
        double.read_only = bool(data["value"])
    elif parts == ["users"]:
        for name, password in data.get("set", {}).items():
            double.set_user(name, password)
        for name in data.get("remove", []):
            double.remove_user(name)
    elif parts == ["faults"]:
        with double.lock:
            double.inject(data.pop("kind"), **data)
            result = {"id": len(double.faults) - 1}
    elif len(parts) == 3 and parts[0] == "faults" and parts[2] == "release":
        double.faults[int(parts[1])].release()
    elif parts in (["settle"], ["reset"]):
        getattr(double, parts[0])()
    elif parts == ["stop-faults"]:
        double.clear_faults()
    else:
        raise IndexError
    return JSONResponse(result)
