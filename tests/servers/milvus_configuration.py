# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and configuration files of one real Milvus."""

from __future__ import annotations

import json
import pathlib
import random
import socket
import typing as t

_PORTS = (
    "root_coord",
    "query_coord",
    "data_coord",
    "query_node",
    "data_node",
    "index_node",
    "proxy",
    "proxy_internal",
    "metrics",
    "etcd",
    "etcd_peer",
)
#: Below the range from which the kernel takes ports for outgoing connections: those could otherwise be gone before the server binds them.
_PORT_RANGE = range(20000, 32000)


def free_ports() -> dict[str, int]:
    """A port for everything that the server binds. Nothing keeps others from taking one until it does."""
    ports: dict[str, int] = {}
    candidates = iter(random.sample(_PORT_RANGE, 1000))
    for name in _PORTS:
        for candidate in candidates:
            with socket.socket() as probe:
                try:
                    # On all addresses, since that is how Milvus binds.
                    probe.bind(("", candidate))
                except OSError:
                    continue
            ports[name] = candidate
            break
        else:
            raise OSError("there are not enough free ports")
    return ports


def write_configuration(work_dir: pathlib.Path, ports: t.Mapping[str, int], authorization: bool, super_users: str) -> None:
    configs, data = work_dir / "configs", work_dir / "data"
    configs.mkdir(exist_ok=True)
    etcd_client, etcd_peer = (f"http://127.0.0.1:{ports[name]}" for name in ("etcd", "etcd_peer"))
    etcd = {
        "name": "default",
        "data-dir": str(data / "etcd"),
        "listen-client-urls": etcd_client,
        "advertise-client-urls": etcd_client,
        "listen-peer-urls": etcd_peer,
        "initial-advertise-peer-urls": etcd_peer,
        "initial-cluster": f"default={etcd_peer}",
        # The only member waits for nobody's vote; the default of a second is half of the start.
        "heartbeat-interval": 20,
        "election-timeout": 200,
    }
    local = {"ip": "127.0.0.1"}
    milvus = {
        "etcd": {
            "endpoints": f"127.0.0.1:{ports['etcd']}",
            "rootPath": "by-dev",
            "use": {"embed": True},
            "data": {"dir": str(data / "etcd")},
            "config": {"path": str(configs / "etcd.yaml")},
        },
        "localStorage": {"path": str(data / "local")},
        "mq": {"type": "rocksmq"},
        "rocksmq": {"path": str(data / "rocksmq")},
        "rootCoord": {**local, "port": ports["root_coord"]},
        "queryCoord": {**local, "port": ports["query_coord"]},
        "dataCoord": {**local, "port": ports["data_coord"]},
        "queryNode": {**local, "port": ports["query_node"]},
        "dataNode": {**local, "port": ports["data_node"]},
        "indexNode": {**local, "port": ports["index_node"]},
        "proxy": {**local, "port": ports["proxy"], "internalPort": ports["proxy_internal"]},
        "log": {"level": "warn"},
        "common": {
            "storageType": "local",
            "session": {"ttl": 5},
            "security": {"authorizationEnabled": authorization, "superUsers": super_users, "tlsMode": 0},
        },
    }
    # JSON is YAML. The server crashes without a glog.conf; the logging of its C++ half is of no use here.
    glog = "--logtostderr=true\n--minloglevel=2\n"
    for name, text in (("etcd.yaml", json.dumps(etcd)), ("milvus.yaml", json.dumps(milvus, indent=1)), ("glog.conf", glog)):
        # In one step, as the server may read at any moment.
        temporary = configs / f"{name}.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(configs / name)
