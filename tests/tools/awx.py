# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Writes the credential types for AWX out of the options of vendors and stores, and the reference page out of all of extensions/awx; a test compares both.

Which options become fields:

- Those that are texts, files or switches, and that come from an environment variable. AWX hands them over in that variable.
- No numbers (time-outs, retries, concurrency): they tune a connection, so they belong to the inventory, as do options without a variable.

What AWX makes necessary:

- A field that was left empty arrives as a variable without a value, which counts as not given.
- AWX takes a switch that was not set for false, and turns false into true where that is the default. So a switch that is on by default becomes its contrary.
- The content of a file is a field, since a path means nothing in a container. Its variable stays empty where the field is empty: AWX writes the file even then.
- A field must not have the name of something that every Jinja template knows, such as "namespace": left empty, it would be that.
- No field has AWX's format "url": it refuses host names without a dot, which are usual within Kubernetes.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import yaml
from ansible.module_utils.parsing.convert_bool import boolean
from jinja2 import nativetypes, nodes
from jinja2.defaults import DEFAULT_NAMESPACE

FOLDER = pathlib.Path("extensions", "awx")
CREDENTIAL_TYPES = FOLDER / "controller_credential_types.yml"
CREDENTIALS = FOLDER / "controller_credentials.yml"
PAGE = pathlib.Path("docs", "reference", "awx.md")
COLLECTION = "ansible_collections.rekey.passwords.plugins"
LICENCE = """\
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
PREFIX = "{{ rekey_awx_prefix | default('') }}"

# These options distinguish endpoints. They are never required: the inventory may set them per host, so that one credential serves many.
OF_THE_ENDPOINT = ("url", "org", "auth_url", "endpoint")
# Files that a credential carries with it, and whether their content is a secret. Other paths, such as that of a mounted token, stay paths.
FILES = {"ca_path": False, "client_cert": False, "client_key": True}
PATHS = ("jwt_path",)

# The ways to log in that are a form of their own, with its name; or None and the reason why there is none.
VENDOR_LOGINS: dict[str, dict[str, str | None]] = {
    "rackspace_database": {
        "rackspace": "Rackspace Cloud Databases operator",
        "keystone": "OpenStack Trove operator",
        "token": None,  # such a token ends within hours
    },
}
STORE_LOGINS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    # The login, the name of the form, and the fields that not every login has.
    "hashi_vault": {
        "approle": ("HashiCorp Vault or OpenBao store, by AppRole", ("role_id", "secret_id", "approle_mount_point", "auth_mount_point")),
        "cert": ("HashiCorp Vault or OpenBao store, by certificate", ("role_id", "auth_mount_point")),
        "jwt": ("HashiCorp Vault or OpenBao store, by JWT", ("role_id", "jwt", "jwt_path", "auth_mount_point")),
        "kubernetes": ("HashiCorp Vault or OpenBao store, by Kubernetes", ("role_id", "jwt_path", "auth_mount_point")),
        "token": ("HashiCorp Vault or OpenBao store, by token", ("token",)),
    },
}
STORES_WITHOUT_TYPE = {
    "ansible_vault": "It uses the vault password of the job: attach a credential of AWX's own type *Vault*.",
    "aws_secretsmanager": "Attach a credential of AWX's own type *Amazon Web Services*.",
    "passwordstore": "Its keys are in a folder that is mounted into the execution environment, so there is nothing to enter.",
}
# What a login by itself requires, beside what the options themselves do.
REQUIRED = {"approle": ("role_id",), "cert": ("client_cert",), "jwt": ("role_id",), "kubernetes": ("role_id",), "token": ("token",)}

LABELS = {
    "account_id": "Account number",
    "api_key": "API key",
    "api_password": "Operator's password",
    "api_provider": "Operator's authentication source",
    "api_token": "API token",
    "api_user": "Operator",
    "api_version": "API version",
    "application_credential_id": "Application credential ID",
    "application_credential_secret": "Application credential secret",
    "approle_mount_point": "AppRole mount point",
    "auth_mount_point": "Auth method mount point",
    "auth_url": "Identity service URL",
    "ca_path": "CA certificates",
    "client_cert": "Client certificate",
    "client_id": "API client ID",
    "client_key": "Client private key",
    "client_secret": "API client secret",
    "endpoint": "Service URL",
    "jwt": "JWT",
    "jwt_path": "JWT file",
    "mount_point": "KV mount point",
    "namespace_name": "Namespace",
    "no_validate_certs": "Do not verify TLS certificates",
    "org": "Organisation",
    "path": "Path",
    "project_domain_id": "Project domain ID",
    "project_domain_name": "Project domain",
    "project_id": "Project ID",
    "project_name": "Project",
    "role_id": "Role",
    "secret_id": "Secret ID",
    "tenant_id": "Tenant ID",
    "url": "URL",
    "user_domain_id": "Operator's domain ID",
    "user_domain_name": "Operator's domain",
}
# Where the documentation of the option says it for a task rather than for a form.
HELP = {
    "api_password": "The operator's password.",
    "api_provider": "Where the operator's password is checked.",
    "ca_path": "CA certificates (PEM) to trust. Leave empty for those of the execution environment.",
    "client_cert": "Client certificate (PEM), for a server that asks for one.",
    "client_key": "Private key (PEM) of the client certificate, without a passphrase.",
    "no_validate_certs": "Accept any server certificate. For tests only: anyone between AWX and the server could read the passwords.",
}
STORE_HELP = {
    **HELP,
    "approle_mount_point": "Where the AppRole auth method is enabled.",
    "auth_mount_point": "Where the auth method is enabled, if not at its default path.",
    "jwt": "A JWT from an identity provider. It must be valid whenever a job logs in.",
    "jwt_path": "Path of a file in the job's container that holds the JWT. It is read at each login. Kubernetes mounts one by default.",
    "mount_point": "Where the KV secrets engine, version 2, is enabled.",
    "namespace_name": "Namespace of all requests. Leave empty if there is none.",
    "path": "Folder of all records, below the KV mount point.",
    "role_id": "Role to log in to: for AppRole its role ID, otherwise its name.",
    "secret_id": "Secret ID of the role. Leave empty if the role needs none.",
    "token": "Token to use. It must stay valid while a job runs; nothing renews it.",
    "url": "URL of the server, for example https://vault.example.com:8200.",
}
LEAVE_EMPTY = "Leave empty if the inventory sets it."


class Unsafe(str):
    """A text that Ansible must not take for a template: it is one of AWX."""


class _Dumper(yaml.SafeDumper):
    """YAML as yamllint wants it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


class Loader(yaml.SafeLoader):
    """YAML with Ansible's tag for texts that are not templates."""


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "{{" in text else None))
_Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))
Loader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))  # type: ignore[arg-type]


@dataclasses.dataclass
class Form:
    """What becomes a credential type."""

    name: str
    description: str
    options: dict[str, dict[str, Any]]  # the argument spec of the fields
    variables: dict[str, str]  # by option
    helps: dict[str, str]  # by field
    required: tuple[str, ...] = ()
    constants: dict[str, str] = dataclasses.field(default_factory=dict)  # variables with a fixed value

    def field_id(self, option: str) -> str:
        """The field of an option; a switch that is on by default is its contrary."""
        if option in DEFAULT_NAMESPACE:
            return option + "_name"
        return "no_" + option if self._is_contrary(option) else option

    def _is_contrary(self, option: str) -> bool:
        spec = self.options[option]
        return spec.get("type") == "bool" and bool(spec.get("default"))

    def fields(self) -> Iterator[dict[str, Any]]:
        """The fields, as AWX takes them."""
        for name, option in self.options.items():
            id_ = self.field_id(name)
            field: dict[str, Any] = {"id": id_, "label": LABELS.get(id_, id_.replace("_", " ").capitalize())}
            field["type"] = "boolean" if option.get("type") == "bool" else "string"
            if name in FILES:
                field["multiline"] = True
            if option.get("no_log") or FILES.get(name):
                field["secret"] = True
            if option.get("choices"):
                field["choices"] = list(option["choices"])
            field["help_text"] = self.helps[id_]
            if name in OF_THE_ENDPOINT:
                field["help_text"] += " " + LEAVE_EMPTY
            elif isinstance(option.get("default"), str):
                field["help_text"] += " Default: %s." % option["default"]
            yield field

    def injectors(self) -> dict[str, Any]:
        """The variables and files of a job, as AWX takes them."""
        env: dict[str, str] = dict(self.constants)
        files = {}
        for name, option in self.options.items():
            if name in FILES:
                files["template.%s" % name] = Unsafe("{{ %s }}" % name)
                value = "{%% if %s %%}{{ tower.filename.%s }}{%% endif %%}" % (name, name)
            elif self._is_contrary(name):
                value = "{%% if %s %%}%s{%% endif %%}" % (self.field_id(name), _text_for_false(option))
            else:
                value = "{{ %s }}" % self.field_id(name)
            env[self.variables[name]] = Unsafe(value)
        return {"env": env, **({"file": files} if files else {})}

    def as_data(self) -> dict[str, Any]:
        """An element of ``controller_credential_types``."""
        inputs: dict[str, Any] = {"fields": list(self.fields())}
        required = [field["id"] for field in inputs["fields"] if field["id"] in self.required]
        if required:
            inputs["required"] = required
        return {"name": PREFIX + self.name, "description": self.description, "kind": "cloud", "inputs": inputs, "injectors": self.injectors()}


def _text_for_false(option: dict[str, Any]) -> str:
    """What the variable of a switch must hold to switch it off: for some it has the opposite meaning."""
    read, names = option["fallback"]
    for text in ("false", "true"):
        with mock.patch.dict(os.environ, {names[0]: text}):
            if boolean(read(*names)) is False:
                return text
    raise ValueError("no text switches %s off" % names[0])


def _import(name: str) -> Any:
    # This file is in the staged copy, whose folders are those of a collection.
    root = str(pathlib.Path(__file__).resolve().parents[5])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module("%s.%s" % (COLLECTION, name))


def _is_field(name: str, option: dict[str, Any]) -> bool:
    kind = option.get("type", "str")
    if kind == "path" and name not in FILES and name not in PATHS:
        raise ValueError("the option %s takes a path: say in tests/tools/awx.py whether a credential carries the file (FILES) or not (PATHS)" % name)
    return kind in ("str", "bool", "path")


def _documentation(vendor: str) -> dict[str, str]:
    """The first sentence on each option of a vendor's module, in plain text."""
    module = _import("modules.%s_user_password" % vendor)
    documentation = yaml.safe_load(module.DOCUMENTATION)
    helps = {}
    for name, option in documentation["options"].items():
        text = option["description"] if isinstance(option["description"], str) else option["description"][0]
        text = re.sub(r",? for O\(auth_type=\w+\)", "", text)
        text = re.sub(r"\bO\((\w+)\)", lambda match: '"%s"' % LABELS.get(match.group(1), match.group(1)), text)
        text = re.sub(r"\b[A-Z]\(([^()]*)\)", r"\1", text)
        helps[name] = re.split(r"(?<=\.)\s", text)[0]
    return {**helps, **HELP}


def vendor_forms() -> Iterator[Form]:
    """A form per vendor, or per way to log in at it."""
    registry = _import("module_utils._vendor_registry")
    for vendor in map(registry.load, registry.names()):
        spec = vendor.spec()["argument_spec"]
        # The vendor's own options first, then those of the connection.
        names = [*vendor.argument_spec, *(name for name in spec if name not in vendor.argument_spec)]
        shared = {name: spec[name] for name in names if "fallback" in spec[name] and _is_field(name, spec[name])}
        variables = {name: option["fallback"][1][0] for name, option in shared.items()}
        description = "Operator and connection for password rotation at %s. Part of the collection rekey.passwords."
        product = vendor.capabilities.title
        helps = _documentation(vendor.name)
        logins = getattr(vendor, "variables", {})
        if not logins:
            required = tuple(name for name, option in shared.items() if option.get("required") and name not in OF_THE_ENDPOINT)
            yield Form(product + " operator", description % product, shared, variables, helps, required)
            continue
        for login, names_of in logins.items():
            title = VENDOR_LOGINS[vendor.name][login]
            if not title:
                continue
            own = {name: vendor.argument_spec[name] for name in vendor.argument_spec if name in names_of and name not in shared}
            mine = {name: option for name, option in {**own, **shared}.items() if _is_field(name, option)}
            needed = [set.intersection(*map(set, alternatives)) for alternatives in vendor.needs[login]]
            required = tuple(name for name in mine if any(name in names for names in needed) and name not in OF_THE_ENDPOINT)
            text = "%s Set auth_type: %s in rotate_connection." % (description % title.removesuffix(" operator"), login)
            yield Form(title, text, mine, {**{name: names_of[name][0] for name in own}, **variables}, helps, required)


def store_forms() -> Iterator[Form]:
    """A form per way to log in at a store."""
    registry = _import("plugin_utils._store_registry")
    for store, logins in STORE_LOGINS.items():
        spec = registry.store_class(store).argument_spec
        methods = spec["auth_method"]
        of_some_login = {name for _title, names in logins.values() for name in names}
        for login in methods["choices"]:
            if login not in logins:
                raise ValueError("the store %s has a login %s: name its form and its fields in STORE_LOGINS of tests/tools/awx.py" % (store, login))
            title, own = logins[login]
            options = {
                name: option
                for name, option in spec.items()
                if name != "auth_method" and "fallback" in option and _is_field(name, option) and (name in own or name not in of_some_login)
            }
            variables = {name: option["fallback"][1][0] for name, option in options.items()}
            description = "Login and connection for the password store %s. Part of the collection rekey.passwords." % store
            required = tuple(name for name in options if name in REQUIRED[login])
            yield Form(title, description, options, variables, STORE_HELP, required, {methods["fallback"][1][0]: login})


def forms() -> list[Form]:
    """All of them, by name."""
    return sorted([*vendor_forms(), *store_forms()], key=lambda form: form.name)


def dumped(data: Any) -> str:
    """YAML in this repository's style."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140, explicit_start=True)


def credential_types() -> str:
    """The file as it has to be today."""
    head = "# Written by make awx out of the options of vendors and stores; see tests/tools/awx.py.\n"
    return LICENCE + head + dumped({"controller_credential_types": [form.as_data() for form in forms()]})


def credentials() -> str:
    """The file of the credentials as it has to be today: one of each type, to be filled in."""
    head = "# Written by make awx. Their fields are filled in by hand, in AWX.\n"
    items = [
        {
            "name": PREFIX + form.name,
            "description": "To be filled in. Part of the collection rekey.passwords.",
            "organization": "{{ rekey_awx_organization | default('Default') }}",
            "credential_type": PREFIX + form.name,
        }
        for form in forms()
    ]
    return LICENCE + head + dumped({"controller_credentials": items})


# The reference page

OMIT = object()  # what Ansible's variable of this name is for


def _combine(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {**first, **second}


def rendered(value: Any, **variables: Any) -> Any:
    """The data as Ansible renders it: templates resolved, those of AWX untouched."""
    if isinstance(value, Unsafe):
        return str(value)
    if isinstance(value, dict):
        items = {key: rendered(inner, **variables) for key, inner in value.items()}
        return {key: inner for key, inner in items.items() if inner is not OMIT}
    if isinstance(value, list):
        return [rendered(inner, **variables) for inner in value]
    if isinstance(value, str) and "{{" in value:
        environment = nativetypes.NativeEnvironment()
        environment.filters["combine"] = _combine
        return environment.from_string(value).render(omit=OMIT, **variables)
    return value


def objects(root: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """All lists below extensions/awx, as they are written."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((root / FOLDER).glob("controller_*.yml")):
        found.update(yaml.load(path.read_text(encoding="utf-8"), Loader=Loader))
    return found


def reasons(path: pathlib.Path) -> dict[str, dict[str, str]]:
    """The comments beside the keys of each object: by its name, then by the key."""
    found: dict[str, dict[str, str]] = {}
    name, above = "", ""
    for line in path.read_text(encoding="utf-8").splitlines():
        start = re.match(r"  - name: (.+)", line)
        comment = re.match(r"    # (.+)", line)
        key = re.match(r"    (\w+): ", line)
        if start:
            name, above = start.group(1).strip("\"'"), ""
        elif comment:
            above = (above + " " + comment.group(1)).strip()
        elif key:
            if above:
                found.setdefault(name, {})[key.group(1)] = above
            above = ""
    return found


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| %s |" % " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in [header, ("---",) * len(header), *rows]]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value in ("", [], None) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _credential_type(data: dict[str, Any]) -> str:
    type_ = rendered(data)
    required = type_["inputs"].get("required", [])
    templates = {name: text for name, text in type_["injectors"]["env"].items() if "{" in text}
    used = {field["id"]: [name for name, text in templates.items() if re.search(r"\b%s\b" % field["id"], text)] for field in type_["inputs"]["fields"]}
    rows = []
    for field in type_["inputs"]["fields"]:
        kind = "switch" if field["type"] == "boolean" else "file" if field.get("multiline") else "choice" if field.get("choices") else "text"
        marks = [kind, *(["required"] if field["id"] in required else []), *(["secret"] if field.get("secret") else [])]
        help_text = field["help_text"] + (" One of: %s." % ", ".join(field["choices"]) if field.get("choices") else "")
        rows.append((field["label"], ", ".join(marks), ", ".join("`%s`" % name for name in used[field["id"]]), help_text))
    constants = ["`%s=%s`" % (name, text) for name, text in type_["injectors"]["env"].items() if name not in templates]
    extra = ["It also sets %s." % ", ".join(constants)] if constants else []
    return "\n\n".join(["### %s" % type_["name"], type_["description"], *extra, _table(("field", "", "variable", "help"), rows)])


def _survey(spec: dict[str, Any]) -> str:
    rows = [
        (
            question["question_name"],
            "`%s`" % question["variable"],
            question["type"] + (", required" if question["required"] else ""),
            _shown(question.get("default")),
            question["question_description"] + (" One of: %s." % ", ".join(question["choices"]) if question.get("choices") else ""),
        )
        for question in spec["spec"]
    ]
    return _table(("question", "variable", "type", "default", "help"), rows)


def _template(data: dict[str, Any], why: dict[str, str]) -> str:
    template = rendered(data)
    rows = [("`%s`" % key, _shown(template[key]), why[key]) for key in template if key in why]
    parts = ["### %s" % template["name"], "%s Playbook: `%s`." % (template["description"], template["playbook"])]
    if template.get("survey_spec"):
        parts.append(_survey(template["survey_spec"]))
    return "\n\n".join([*parts, _table(("setting", "value", "why"), rows)])


def _workflow(data: dict[str, Any]) -> str:
    workflow = rendered(data)
    rows = []
    for node in workflow["workflow_nodes"]:
        after = ["%s: %s" % (name.removesuffix("_nodes"), _shown([each["identifier"] for each in nodes])) for name, nodes in node["related"].items() if nodes]
        rows.append((node["identifier"], node["unified_job_template"]["type"].replace("_", " "), node["unified_job_template"]["name"], "; ".join(after)))
    return "\n\n".join(["### %s" % workflow["name"], workflow["description"], _survey(workflow["survey_spec"]), _table(("node", "", "what", "then"), rows)])


def _notification(data: dict[str, Any]) -> tuple[str, ...]:
    template = rendered(data)
    return template["name"], template["notification_type"], template["description"]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str) and not isinstance(value, Unsafe):
        yield value


def variables(root: pathlib.Path) -> dict[str, str]:
    """The variables by which the data can be changed, with their defaults."""
    found: dict[str, str] = {}
    environment = nativetypes.NativeEnvironment()
    environment.filters["combine"] = _combine
    for text in _strings(objects(root)):
        for node in environment.parse(text).find_all(nodes.Filter):
            if node.name == "default" and isinstance(node.node, nodes.Name):
                try:
                    default = node.args[0].as_const()
                except nodes.Impossible:
                    default = rendered(text)
                found[node.node.name] = "" if default in ("", OMIT) else "`%s`" % (default,)
    return dict(sorted(found.items()))


VARIABLES = {
    "rekey_awx_credentials": "the full names of the credentials of all job templates; unless it is set, they keep those that were attached by hand",
    "rekey_awx_email": "the settings of the e-mail server, as a dictionary",
    "rekey_awx_execution_environment": "the full name of the execution environment",
    "rekey_awx_image": "its image",
    "rekey_awx_inventory": "the full name of the inventory",
    "rekey_awx_notify": "the full names of the notification templates for failures and approvals",
    "rekey_awx_organization": "the organisation that owns everything",
    "rekey_awx_playbooks": "the folder of the playbooks in the project, with a trailing slash",
    "rekey_awx_prefix": "a prefix for the default names",
    "rekey_awx_project": "the full name of the project",
    "rekey_awx_project_branch": "its branch or tag",
    "rekey_awx_project_url": "its git repository",
    "rekey_awx_slack": "the token and the channels of Slack, as a dictionary",
    "rekey_awx_time_zone": "the time zone of the schedules",
    "rekey_awx_webhook": "the settings of the webhook, as a dictionary",
}
IN_USE = """\
AWX refuses to change the fields, or even their help texts, of a credential type that already has credentials. If a new version of this collection changes a
type that you use, rename yours first, which AWX allows. Then create the new type, create its credentials, and delete the old ones."""
SHARED = """\
A job takes one credential of each type. Attach only one of those for `hashi_vault`. The types for Rackspace Cloud Databases and OpenStack Trove share the
variables of the connection (`RACKSPACE_VALIDATE_CERTS`, `RACKSPACE_CA_PATH` and so on), so a job with both needs the same values in both."""
INTRODUCTION = """\
<!--
Copyright (c) 2026 rekey.passwords contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by make awx.
-->

# AWX: credential types, job templates, schedules, workflow

`extensions/awx/` contains what a rotation needs in AWX or automation controller, as data: lists such as `controller_templates`, whose elements have the options
of the `awx.awx` modules. The collection `infra.aap_configuration` takes them as they are. Strings tagged `!unsafe` are AWX templates, not Ansible's.
"""


def page(root: pathlib.Path) -> str:
    """The reference page as it has to be today.

    :param root: the folder of the collection.
    """
    data = objects(root)
    why = reasons(root / FOLDER / "controller_templates.yml")
    parts = [INTRODUCTION.rstrip(), "## Variables", "Set these where you include the data; all have defaults."]
    parts.append(_table(("variable", "default", ""), [("`%s`" % name, default, VARIABLES[name]) for name, default in variables(root).items()]))
    parts += ["## Credential types", "A field left empty changes nothing. Where both a credential and the inventory set an option, the inventory wins."]
    parts.append(IN_USE)
    parts.append(SHARED)
    parts += [_credential_type(each) for each in data["controller_credential_types"]]
    parts += ["### Stores without a credential type of their own"]
    parts.append(_table(("store", ""), [("`%s`" % store, text) for store, text in STORES_WITHOUT_TYPE.items()]))
    parts += ["## Job templates", *(_template(each, why.get(each["name"], {})) for each in data["controller_templates"])]
    parts += ["## Schedules"]
    rows = [tuple(_shown(rendered(each)[key]) for key in ("name", "unified_job_template", "rrule", "description")) for each in data["controller_schedules"]]
    parts.append(_table(("schedule", "starts", "rule", ""), rows))
    parts += ["## Workflow", *(_workflow(each) for each in data["controller_workflows"])]
    parts += ["## Notification templates", _table(("name", "type", ""), [_notification(each) for each in data["controller_notifications"]])]
    parts.append(
        "They contain the counts, the names that failed and the kinds of errors that [the playbooks leave](playbooks.md#what-a-workflow-finds). Where there "
        "are none, they say how many hosts failed. AWX knows nothing else about a job when it sends a notification, and for a workflow it has neither."
    )
    parts += ["## Project, inventory, execution environment"]
    rows = []
    for kind in ("projects", "inventories", "execution_environments"):
        rows += [
            (kind.replace("_", " ")[:-1].replace("inventorie", "inventory"), rendered(each)["name"], each["description"]) for each in data["controller_" + kind]
        ]
    parts.append(_table(("", "name", ""), rows))
    parts.append("How to build the image: [requirements and execution environments](requirements.md).")
    return "\n\n".join(parts) + "\n"


def write(root: pathlib.Path) -> None:
    """Write the files below the folder that is given."""
    (root / CREDENTIAL_TYPES).write_text(credential_types(), encoding="utf-8")
    (root / CREDENTIALS).write_text(credentials(), encoding="utf-8")
    (root / PAGE).write_text(page(root), encoding="utf-8")
