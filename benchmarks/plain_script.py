# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of many users at one host: what somebody would write who needs no error told, no doubt resolved and no secret kept."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import requests
import requests.adapters


def main(path):
    """Change the password of every user, with the same requests as the module."""
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=given["concurrency"]))
    operator = "%s:%s" % (given["api_user"], given["api_password"])

    def post(operation, body, login):
        answer = session.post(given["url"] + "/v2/vectordb/users/" + operation, json=body, headers={"Authorization": "Bearer " + login}, timeout=30)
        return answer.json()

    def change(user):
        name, old, new = user["name"], user["current_password"], user["password"]
        if post("describe", {"userName": name}, "%s:%s" % (name, new))["code"] == 0:
            return
        if post("update_password", {"userName": name, "password": old, "newPassword": new}, operator)["code"] != 0:
            sys.exit("%s was not changed" % name)
        if post("describe", {"userName": name}, "%s:%s" % (name, new))["code"] != 0:
            sys.exit("%s cannot log in" % name)

    known = set(post("list", {}, operator)["data"])
    with ThreadPoolExecutor(given["concurrency"]) as pool:
        list(pool.map(change, [user for user in given["users"] if user["name"] in known]))


if __name__ == "__main__":
    main(sys.argv[1])
