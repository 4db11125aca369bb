# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a double as a process of its own, in the foreground, until SIGTERM or SIGINT.

python -m tests.doubles milvus --port 0 --ready-file ready.json --user alice:password --latency 20
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import signal
import sys
import threading

from tests import doubles


def _doubles():
    """The doubles by name: one file of this folder each."""
    files = (importlib.import_module("tests.doubles." + item.name) for item in pkgutil.iter_modules(doubles.__path__) if item.name != "__main__")
    return {file.__name__.rpartition(".")[2]: file.DOUBLE for file in files if hasattr(file, "DOUBLE")}


VENDORS = _doubles()


def _value(text):
    """``name=JSON`` as a pair."""
    name, _equals, value = text.partition("=")
    return name, json.loads(value)


def _arguments(argv):
    parser = argparse.ArgumentParser(prog="python -m tests.doubles", description="A stateful double of a vendor's service.")
    parser.add_argument("vendor", choices=sorted(VENDORS))
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--ready-file", help="file that gets {url, pid} as JSON once connections are accepted")
    parser.add_argument("--user", action="append", default=[], metavar="NAME:PASSWORD", help="a user that exists; may be repeated")
    parser.add_argument("--users-file", help="JSON file of names to passwords, which keeps them out of the list of processes")
    parser.add_argument("--latency", type=float, default=0, metavar="MS", help="milliseconds that every request takes")
    parser.add_argument("--read-only", action="store_true", help="refuse every write")
    parser.add_argument("--tls-cert", help="PEM file of the server's certificate; makes it HTTPS")
    parser.add_argument("--tls-key", help="PEM file of its key")
    parser.add_argument("--client-ca", help="PEM file; clients must show a certificate of this authority")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_value,
        metavar="OPTION=JSON",
        help="an option of the double, such as success_code=200 or 'super_users=[\"root\"]'",
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Run until a signal comes.

    :returns: the exit status, 0.
    :raises OSError: the port is taken, or a file cannot be read or written.
    """
    args = _arguments(argv)
    users = {}
    if args.users_file:
        with open(args.users_file, encoding="utf-8") as file:
            users.update(json.load(file))
    for entry in args.user:
        name, _colon, password = entry.partition(":")
        users[name] = password
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_ignored: leave.set())
    tls = (args.tls_cert, args.tls_key) if args.tls_cert else None
    with VENDORS[args.vendor](
        users, port=args.port, tls=tls, client_ca=args.client_ca, latency=args.latency / 1000, read_only=args.read_only, **dict(args.set)
    ) as double:
        ready = json.dumps({"url": double.url, "pid": os.getpid()})
        if args.ready_file:
            # Renamed into place, so that who waits for the file never reads half of it.
            with open(args.ready_file + ".new", "w", encoding="utf-8") as file:
                file.write(ready)
            os.replace(args.ready_file + ".new", args.ready_file)
        else:
            print(ready, flush=True)
        leave.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
