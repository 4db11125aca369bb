# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of Rackspace Cloud Databases and OpenStack Trove: which there are, which of them a way to a token needs, and their variables."""

from __future__ import annotations

import os

from ansible.module_utils.basic import missing_required_lib

from .. import errors
from .._urls import normalized
from ..auth import database_login, rackspace_identity
from ..errors import VendorError
from ..http import check_url

ARGUMENT_SPEC = dict(
    auth_type=dict(type="str", choices=["rackspace", "keystone", "token"], default="rackspace"),
    auth_url=dict(type="str"),
    api_user=dict(type="str"),
    api_password=dict(type="str", no_log=True),
    api_key=dict(type="str", no_log=True),
    account_id=dict(type="str"),
    project_name=dict(type="str"),
    user_domain_name=dict(type="str"),
    project_domain_name=dict(type="str"),
    application_credential_id=dict(type="str"),
    application_credential_secret=dict(type="str", no_log=True),
    api_token=dict(type="str", no_log=True),
    endpoint=dict(type="str"),
    region=dict(type="str"),
    interface=dict(type="str", choices=["public", "internal", "admin"], default="public"),
    instance_id=dict(type="str", required=True),
    database_login=dict(
        type="dict",
        options=dict(
            engine=dict(type="str", choices=["mysql", "postgresql"], default="mysql"),
            host=dict(type="str"),
            port=dict(type="int"),
            database=dict(type="str"),
            ssl=dict(type="bool", default=False),
            ca_path=dict(type="path"),
            timeout=dict(type="float", default=5.0),
        ),
    ),
)

# What each way to a token needs: of each line one alternative.
_NEEDS = {
    "rackspace": [[("api_user", "api_key"), ("api_user", "api_password")]],
    "keystone": [
        [("auth_url",)],
        [("api_user", "api_password", "project_name"), ("application_credential_id", "application_credential_secret")],
    ],
    "token": [[("api_token", "endpoint")]],
}
# The variables of each service's own tools. Those of several services may be in one environment: which count depends on auth_type.
_VARIABLES = {
    "rackspace": dict(
        api_user="RACKSPACE_USERNAME", api_key="RACKSPACE_API_KEY", api_password="RACKSPACE_API_PASSWORD", account_id="RACKSPACE_ACCOUNT_ID",
        auth_url="RACKSPACE_AUTH_URL", region="RACKSPACE_REGION", endpoint="RACKSPACE_DATABASE_ENDPOINT",
    ),
    "keystone": dict(
        api_user="OS_USERNAME", api_password="OS_PASSWORD", project_name="OS_PROJECT_NAME", user_domain_name="OS_USER_DOMAIN_NAME",
        project_domain_name="OS_PROJECT_DOMAIN_NAME", application_credential_id="OS_APPLICATION_CREDENTIAL_ID",
        application_credential_secret="OS_APPLICATION_CREDENTIAL_SECRET", auth_url="OS_AUTH_URL", region="OS_REGION_NAME",
    ),
    "token": dict(api_token="OS_TOKEN", endpoint="OS_ENDPOINT"),
}  # fmt: skip
# No variable for the first where the task itself gives the second: it must not replace the login that was asked for.
_RIVALS = dict(
    api_key="api_password", api_password="api_key", application_credential_id="api_password", application_credential_secret="api_password",
)  # fmt: skip
# Paths that people copy along with the URL of an identity service.
_AUTH_ENDINGS = r"v3(/auth(/tokens)?)?|v2\.0(/tokens)?"
_LONGEST_TIMEOUT = 86400  # seconds


def with_environment(params, learn):
    """The options, with what is not given taken from the environment.

    :param learn: called with each secret that is found there.
    """
    found = dict(params)
    for name, variable in _VARIABLES[params["auth_type"]].items():
        if params[name] is None and os.environ.get(variable) and not params.get(_RIVALS.get(name)):
            found[name] = os.environ[variable]
            if ARGUMENT_SPEC[name].get("no_log"):
                learn(found[name])
    for name in ("user_domain_name", "project_domain_name"):
        found[name] = found[name] or "Default"
    return found


def target(params: dict) -> str:
    """What identifies the instance, see :meth:`~..vendor.Vendor.target`."""
    params = with_environment(params, lambda secret: None)
    if params["endpoint"]:
        parts = [normalized(params["endpoint"], option="endpoint")]
    else:
        auth_url = params["auth_url"] or (rackspace_identity.URL if params["auth_type"] == "rackspace" else "")
        parts = [normalized(auth_url, _AUTH_ENDINGS, "auth_url"), "region %s" % params["region"] if params["region"] else ""]
    if params["auth_type"] == "rackspace" and params["account_id"]:
        parts.append("account %s" % params["account_id"])
    elif params["auth_type"] == "keystone" and params["project_name"]:
        parts.append("project %s in domain %s" % (params["project_name"], params["project_domain_name"]))
    return " ".join(filter(None, parts + ["instance %s" % params["instance_id"].lower()]))


def check(params):
    """Refuse what is certainly wrong.

    :raises VendorError: ``invalid_input``.
    """
    given = {name for name, value in params.items() if value}
    for ways in _NEEDS[params["auth_type"]]:
        if not any(given.issuperset(way) for way in ways):
            raise _wrong("auth_type %s needs %s." % (params["auth_type"], ", or ".join(" and ".join(way) for way in ways)))
    if not params["instance_id"]:
        raise _wrong("instance_id is empty.")
    for name in ("auth_url", "endpoint"):
        if params[name]:
            check_url(params[name], name)
    if params["database_login"] is not None:
        _check_login(params["database_login"])


def _check_login(login):
    missing = database_login.library_for(login["engine"])
    if missing:
        raise _wrong("database_login: " + missing_required_lib(missing))
    if not 0 < login["timeout"] <= _LONGEST_TIMEOUT:
        raise _wrong("database_login: timeout must be more than 0 and at most %d seconds." % _LONGEST_TIMEOUT)
    if login["port"] is not None and not 0 < login["port"] < 65536:
        raise _wrong("database_login: port must be from 1 to 65535.")
    if login["ca_path"] and not os.access(login["ca_path"], os.R_OK):
        raise _wrong("database_login: there is no readable file %s (ca_path)." % login["ca_path"])


def _wrong(text):
    return VendorError(errors.INVALID_INPUT, text)
