# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Milvus, with the root user as the operator."""

from __future__ import annotations

from tests.doubles.milvus import DESCRIBE, LIST, UPDATE, MilvusDouble
from tests.vendor_cases import VendorCase

_ROOT = "root-S3cr3t-MARKER-milvus"
_USERS = {name: name + "-before" for name in ("bob", "carol", "dave", "app_a", "app_b")}


def _connection(double):
    return {"url": double.url, "api_user": "root", "api_password": double.users["root"]}


CASE = VendorCase(
    vendor="milvus",
    double=lambda users, **options: MilvusDouble(dict({"root": _ROOT}, **users), **options),
    connection=_connection,
    change={"path": UPDATE},
    lookup={"path": LIST},
    login={"path": DESCRIBE},
    complaint=lambda text: {"code": text, "message": text},
    refusal={"status": 200, "body": {"code": 1100, "message": "invalid password: three of four classes are needed"}},
    # It answers nearly everything with 200, so any other status may come from something in between.
    refuses_with=(403, 404, 413, 429),
    resets={"super_users": ("root",)},
    secrets=(_ROOT,),
    operator="root",
    addresses=("https://{{ inventory_hostname }}:19530", "https://milvus-1.example.com:19530", "https://milvus.example.com:19530"),
    users=dict(_USERS, root="Milvus", alice="alice-before-the-first-rotation"),
    variables={"vault_root_password": "Milvus"},
)
