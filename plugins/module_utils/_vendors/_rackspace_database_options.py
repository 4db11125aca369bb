# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of Rackspace Cloud Databases and OpenStack Trove: the options, which of them each auth_type requires, and their environment variables."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List, Tuple

from ansible.module_utils.basic import missing_required_lib

from .. import errors
from .._auth import cloud_config, database_login, rackspace_identity
from .._urls import normalized, without_ending
from ..errors import PasswordError
from ..http import check_url

_INTERFACES = ("public", "internal", "admin")

ARGUMENT_SPEC: Dict[str, Any] = dict(
    auth_type=dict(type="str", choices=["rackspace", "keystone", "token"], default="rackspace"),
    auth_url=dict(type="str"),
    api_user=dict(type="str"),
    api_password=dict(type="str", no_log=True),
    api_key=dict(type="str", no_log=True),
    account_id=dict(type="str"),
    cloud=dict(type="str"),
    project_name=dict(type="str"),
    project_id=dict(type="str"),
    user_domain_name=dict(type="str"),
    user_domain_id=dict(type="str"),
    project_domain_name=dict(type="str"),
    project_domain_id=dict(type="str"),
    application_credential_id=dict(type="str"),
    application_credential_secret=dict(type="str", no_log=True),
    api_token=dict(type="str", no_log=True),
    endpoint=dict(type="str"),
    region=dict(type="str"),
    interface=dict(type="str", choices=list(_INTERFACES)),
    instance_id=dict(type="str", required=True),
    database_login=dict(
        type="dict",
        options=dict(
            engine=dict(type="str", choices=["mysql", "postgresql"], default="mysql"),
            host=dict(type="str"),
            port=dict(type="int"),
            database=dict(type="str"),
            ssl=dict(type="bool"),
            ca_path=dict(type="path"),
            client_cert=dict(type="path"),
            client_key=dict(type="path", no_log=False),
            timeout=dict(type="float", default=5.0),
        ),
    ),
)

# What each auth_type requires: one alternative of each line.
NEEDS: Dict[str, List[List[Tuple[str, ...]]]] = {
    "rackspace": [[("api_user", "api_key"), ("api_user", "api_password")]],
    "keystone": [
        [("auth_url",)],
        [("api_user", "api_password", "project_name"), ("application_credential_id", "application_credential_secret")],
    ],
    "token": [[("api_token", "endpoint")]],
}
# The environment variables of each service's own tools. One environment may hold those of several services; auth_type decides which count.
VARIABLES = {
    "rackspace": dict(
        api_user=["RACKSPACE_USERNAME"],
        api_key=["RACKSPACE_API_KEY"],
        api_password=["RACKSPACE_API_PASSWORD"],
        account_id=["RACKSPACE_ACCOUNT_ID"],
        auth_url=["RACKSPACE_AUTH_URL"],
        region=["RACKSPACE_REGION"],
        endpoint=["RACKSPACE_DATABASE_ENDPOINT"],
    ),
    "keystone": dict(
        api_user=["OS_USERNAME"],
        api_password=["OS_PASSWORD"],
        project_name=["OS_PROJECT_NAME", "OS_TENANT_NAME"],
        project_id=["OS_PROJECT_ID", "OS_TENANT_ID"],
        user_domain_name=["OS_USER_DOMAIN_NAME"],
        user_domain_id=["OS_USER_DOMAIN_ID"],
        project_domain_name=["OS_PROJECT_DOMAIN_NAME"],
        project_domain_id=["OS_PROJECT_DOMAIN_ID"],
        application_credential_id=["OS_APPLICATION_CREDENTIAL_ID"],
        application_credential_secret=["OS_APPLICATION_CREDENTIAL_SECRET"],
        auth_url=["OS_AUTH_URL"],
        region=["OS_REGION_NAME"],
        interface=["OS_INTERFACE", "OS_ENDPOINT_TYPE"],
        ca_path=["OS_CACERT"],
    ),
    "token": dict(
        api_token=["OS_TOKEN"],
        endpoint=["OS_ENDPOINT"],
        interface=["OS_INTERFACE", "OS_ENDPOINT_TYPE"],
        ca_path=["OS_CACERT"],
    ),
}
# Ignore the variable of the key if the task sets one of the options listed: it must not override them.
_RIVALS = dict(
    api_key=["api_password"],
    api_password=["api_key", "application_credential_id"],
    application_credential_secret=["api_password"],
    application_credential_id=["api_password", "api_user"],
    api_user=["application_credential_id"],
    project_name=["project_id"],
    project_id=["project_name"],
    user_domain_name=["user_domain_id"],
    user_domain_id=["user_domain_name"],
    project_domain_name=["project_domain_id"],
    project_domain_id=["project_domain_name"],
)
# What OS_AUTH_TYPE excludes, even if another cloud left it in the environment.
_APPLICATION_CREDENTIAL = ("application_credential_id", "application_credential_secret")
_RULED_OUT = {
    cloud_config.APPLICATION_CREDENTIAL: ("api_user", "api_password", "project_name", "project_id"),
    **dict.fromkeys(cloud_config.PASSWORD_TYPES, _APPLICATION_CREDENTIAL),
}
# The names of the options in clouds.yaml, below "auth" and beside it.
_IN_CLOUD_AUTH = dict(
    auth_url="auth_url",
    api_user="username",
    api_password="password",
    project_name="project_name",
    project_id="project_id",
    user_domain_name="user_domain_name",
    user_domain_id="user_domain_id",
    project_domain_name="project_domain_name",
    project_domain_id="project_domain_id",
    application_credential_id="application_credential_id",
    application_credential_secret="application_credential_secret",
)
_IN_CLOUD = dict(region="region_name", interface="interface", ca_path="cacert", client_cert="cert", client_key="key")
# Paths that people copy along with the URL of an identity service.
_AUTH_ENDINGS = r"v3(/auth(/tokens)?)?|v2\.0(/tokens)?"
_LONGEST_TIMEOUT = 86400  # seconds


def with_environment(params: dict[str, Any], learn: Callable[..., None]) -> dict[str, Any]:
    """Return the options, with missing ones taken from clouds.yaml or the environment.

    :param learn: called with each secret found there.
    :raises PasswordError: ``invalid_input``.
    """
    found = dict(params)
    if params["auth_type"] == "keystone" and not params.get("cloud"):
        found["cloud"] = os.environ.get("OS_CLOUD") or None
    elif params.get("cloud") and params["auth_type"] != "keystone":
        raise _wrong("cloud needs auth_type: keystone.")
    others = _of_cloud(found["cloud"]) if found.get("cloud") else _of_environment(params["auth_type"])
    for name, value in others.items():
        if not params.get(name) and not any(params.get(rival) for rival in _RIVALS.get(name, ())):
            found[name] = value
            if ARGUMENT_SPEC.get(name, {}).get("no_log"):
                learn(value)
    # Old openrc files say publicURL.
    found["interface"] = re.sub("URL$", "", found.get("interface") or "public")
    for domain in ("user_domain", "project_domain"):
        if not found.get(domain + "_id"):
            found[domain + "_name"] = found.get(domain + "_name") or "Default"
    return found


def _of_environment(auth_type: str) -> dict[str, str]:
    """Return the options that environment variables give for an auth_type."""
    ruled_out = _RULED_OUT.get(os.environ.get("OS_AUTH_TYPE", ""), ()) if auth_type == "keystone" else ()
    found = {}
    for name, variables in VARIABLES[auth_type].items():
        value = next(filter(None, (os.environ.get(variable) for variable in variables)), None)
        if value and name not in ruled_out:
            found[name] = value
    return found


def _of_cloud(name: str) -> dict[str, str]:
    """Return the options that clouds.yaml gives for a cloud."""
    cloud = cloud_config.read_cloud(name)
    auth_type, auth = cloud.get("auth_type") or cloud_config.PASSWORD_TYPES[0], cloud.get("auth")
    auth = auth if isinstance(auth, dict) else {}
    if auth_type not in _RULED_OUT:
        raise _wrong(
            "cloud: %s uses auth_type %s; only %s are supported." % (name, auth_type, ", ".join(sorted(_RULED_OUT)))
        )
    found = {option: auth.get(key) for option, key in _IN_CLOUD_AUTH.items() if option not in _RULED_OUT[auth_type]}
    found.update({option: cloud.get(key) for option, key in _IN_CLOUD.items()})
    # YAML turns some ids into numbers.
    return {option: str(value) for option, value in found.items() if value}


def identity_url(params: dict[str, Any]) -> str:
    """Return the identity service's URL, without any of its paths that were copied along."""
    if not params["auth_url"]:
        return rackspace_identity.URL
    return without_ending(params["auth_url"], _AUTH_ENDINGS).rstrip("/") + (
        "/v2.0" if params["auth_type"] == "rackspace" else ""
    )


def target(params: dict[str, Any]) -> str:
    """Identify the instance, see :meth:`~..vendor.Vendor.target`."""
    params = with_environment(params, lambda secret: None)
    if params["endpoint"]:
        parts = [normalized(params["endpoint"], option="endpoint")]
    else:
        auth_url = params["auth_url"] or (rackspace_identity.URL if params["auth_type"] == "rackspace" else "")
        parts = [
            normalized(auth_url, _AUTH_ENDINGS, "auth_url"),
            "region %s" % params["region"] if params["region"] else "",
        ]
    if params["auth_type"] == "rackspace" and params["account_id"]:
        parts.append("account %s" % params["account_id"])
    elif params["auth_type"] == "keystone" and not params["application_credential_id"]:
        parts.append(project(params))
    return " ".join(filter(None, parts + ["instance %s" % params["instance_id"].lower()]))


def project(params: dict[str, Any]) -> str:
    """Return the operator's project, for messages."""
    if params["project_id"]:
        return "project %s" % params["project_id"]
    return "project %s of domain %s" % (
        params["project_name"],
        params["project_domain_id"] or params["project_domain_name"],
    )


def who(params: dict[str, Any]) -> str:
    """Return who the operator is, and where, for messages."""
    if params["application_credential_id"]:
        return "application credential %s" % params["application_credential_id"]
    domain = params["user_domain_id"] or params["user_domain_name"]
    return "user %s of domain %s, %s" % (params["api_user"], domain, project(params))


def check(params: dict[str, Any]) -> None:
    """Refuse options that cannot be right.

    :raises PasswordError: ``invalid_input``.
    """
    given = {name for name, value in params.items() if value}
    if params["project_id"]:
        given.add("project_name")
    for ways in NEEDS[params["auth_type"]]:
        if not any(given.issuperset(delivery) for delivery in ways):
            text = "auth_type %s needs %s." % (
                params["auth_type"],
                ", or ".join(" and ".join(delivery) for delivery in ways),
            )
            raise _wrong(text + (" project_id may replace project_name." if "project_name" in text else ""))
    if params["interface"] not in _INTERFACES:
        raise _wrong("interface (OS_INTERFACE) must be one of: %s." % ", ".join(_INTERFACES))
    if not params["instance_id"]:
        raise _wrong("instance_id must not be empty.")
    for name in ("auth_url", "endpoint"):
        if params[name]:
            check_url(params[name], name)
    if params["database_login"] is not None:
        _check_login(params["database_login"])


def _check_login(login: dict[str, Any]) -> None:
    missing = database_login.library_for(login["engine"])
    if missing:
        raise _wrong("database_login: " + missing_required_lib(missing))
    if not 0 < login["timeout"] <= _LONGEST_TIMEOUT:
        raise _wrong("database_login: timeout must be more than 0 and at most %d seconds." % _LONGEST_TIMEOUT)
    if login["port"] is not None and not 0 < login["port"] < 65536:
        raise _wrong("database_login: port must be from 1 to 65535.")
    for name in ("ca_path", "client_cert", "client_key"):
        if login.get(name) and not os.access(login[name], os.R_OK):
            raise _wrong("database_login: there is no readable file %s (%s)." % (login[name], name))
    if login.get("client_key") and not login.get("client_cert"):
        raise _wrong("database_login: client_key needs client_cert.")
    if login.get("ssl") is False and login.get("client_cert"):
        raise _wrong("database_login: client_cert needs TLS, but ssl is false.")
    key = login.get("client_key") or login.get("client_cert")
    if key:
        with open(key, "rb") as stream:
            if b"ENCRYPTED" in stream.read():
                # The library would prompt for the pass phrase on a terminal.
                raise _wrong("database_login: the client key in %s is encrypted. Use one without a pass phrase." % key)


def _wrong(text: str) -> PasswordError:
    return PasswordError(errors.INVALID_INPUT, text)
