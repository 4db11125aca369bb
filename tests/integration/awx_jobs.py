# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the shipped playbooks as jobs, made as AWX makes them, from the job templates and credential types in extensions/awx.

What AWX 24 does to run a job (awx/main/tasks/jobs.py, awx/main/models/inventory.py, awx/main/models/jobs.py):

- a private data folder with the project's copy, an inventory, ``env/`` and ``artifacts/``;
- the inventory as a program that prints JSON, each slice with every n-th host of the sorted names;
- the answers of the survey and the job's own variables as ``-e @FILE``, in which each text is tagged ``!unsafe``;
- credentials by its own code, which is published as ``awx-plugins-interfaces``: variables and files, and a safe form of the variables, which it stores;
- vault passwords by ``--vault-id NAME@prompt``, typed in by ansible-runner. A script that prints the password does the same; :class:`Vault` has both;
- then ansible-runner in a container of the execution environment (:mod:`tests.integration.awx_container`).
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import types
import typing as t
import uuid

import yaml

from tests.integration import awx_container, leaks, processes
from tests.integration.awx_container import RUNNER, Mount
from tests.tools import awx
from tests.unit import awx_rules as rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT.parents[1]
MOST_DETAIL = 5  # the highest verbosity of a job
LIMIT = 180.0  # seconds for a job
# What the container's process does: the parameters come through a pipe, so that no secret is on disk or in the list of processes.
DRIVER = "import json, sys, ansible_runner; sys.exit(ansible_runner.interface.run(**json.load(sys.stdin)).rc)"


@functools.cache
def _objects(kind: str) -> dict[str, dict[str, t.Any]]:
    """The elements of one list below extensions/awx, by name."""
    return {element["name"]: element for element in awx.rendered(awx.objects(ROOT)["controller_" + kind])}


class _UnsafeDumper(yaml.SafeDumper):
    """Tags each text, as AWX does with what people enter: Ansible must not take it for a template."""

    def represent_data(self, data: t.Any) -> t.Any:
        return self.represent_scalar("!unsafe", data) if isinstance(data, str) else super().represent_data(data)


class Credential:
    """A credential of one type, as AWX's code asks for it.

    :param type_: the type: ``inputs`` and ``injectors``; for one of AWX's own types also ``custom_injectors``.
    :param values: the fields that are filled in.
    """

    def __init__(self, type_: dict[str, t.Any], values: dict[str, t.Any]) -> None:
        own = type_.get("custom_injectors")
        self.kind = types.SimpleNamespace(inputs=type_["inputs"], injectors=type_["injectors"], managed=bool(own), custom_injectors=own)
        self._values = values
        unknown = set(values) - {field["id"] for field in type_["inputs"]["fields"]}
        assert not unknown, "no fields: %s" % unknown
        assert set(type_["inputs"].get("required", [])) <= set(values)

    @property
    def secrets(self) -> set[str]:
        """The values of the fields that are secret."""
        return {str(self._values[field["id"]]) for field in self.kind.inputs["fields"] if field.get("secret") and self._values.get(field["id"])}

    def get_input_keys(self) -> list[str]:
        return list(self._values)

    def get_input(self, name: str, default: t.Any = None) -> t.Any:
        return self._values.get(name, default)

    def has_input(self, name: str) -> bool:
        return name in self._values


def operator(title: str, options: dict[str, t.Any], **more: t.Any) -> tuple[Credential, dict[str, t.Any]]:
    """A credential of one of our types from the options of a connection.

    :param title: the name of the type.
    :param options: of the vendor's module or the store.
    :param more: further fields.
    :return: the credential, and the options that have no field, which belong to the inventory.
    """
    (form,) = [form for form in awx.forms() if form.name == title]
    fields = {option: form.field_id(option) for option in form.options}
    values = {fields[name]: value for name, value in options.items() if name in fields}
    return Credential(_objects("credential_types")[title], {**values, **more}), {name: value for name, value in options.items() if name not in fields}


def amazon(access_key: str, secret_key: str, token: str = "") -> Credential:
    """A credential of AWX's own type *Amazon Web Services*."""

    def inject(credential: Credential, env: dict[str, str], _folder: str) -> None:
        env["AWS_ACCESS_KEY_ID"] = credential.get_input("username")
        env["AWS_SECRET_ACCESS_KEY"] = credential.get_input("password")
        if credential.has_input("security_token"):
            env["AWS_SECURITY_TOKEN"] = env["AWS_SESSION_TOKEN"] = credential.get_input("security_token")

    fields = [{"id": "username"}, {"id": "password", "secret": True}, {"id": "security_token", "secret": True}]
    values = {"username": access_key, "password": secret_key, **({"security_token": token} if token else {})}
    return Credential({"inputs": {"fields": fields}, "injectors": {}, "custom_injectors": inject}, values)


class Vault(t.NamedTuple):
    """A credential of AWX's own type *Vault*.

    :param by: ``prompt`` as AWX itself does it, or ``script``.
    """

    name: str
    password: str
    by: str = "script"


class Inventory(t.NamedTuple):
    """An inventory in AWX: variables of all hosts, and those of each."""

    variables: dict[str, t.Any]
    hosts: dict[str, dict[str, t.Any]]

    def script(self, number: int, count: int) -> str:
        """What AWX writes for a job, or for one slice of it."""
        names = sorted(self.hosts)[number - 1 :: count] if count > 1 else sorted(self.hosts)
        ids = {"remote_%s_%s" % (prefix, key): value for prefix in ("host", "tower") for key, value in (("enabled", "true"), ("id", 1))}
        variables = {name: {**self.hosts[name], **ids} for name in names}
        data = {"all": {"vars": self.variables, "hosts": [], "children": ["endpoints"]}, "endpoints": {"hosts": names}, "_meta": {"hostvars": variables}}
        return "#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint(%r)\n" % json.dumps(data)


class Job:
    """A job that has been started; after :meth:`wait` it has its results.

    ``rc`` and ``status`` are ansible-runner's; ``events`` all events in order; ``stats`` hosts to counts; ``artifacts`` what set_stats left;
    ``failed_hosts`` those that *Relaunch on failed hosts* takes; ``safe_env`` the variables as AWX stores and shows them.
    """

    def __init__(self, folder: pathlib.Path, process: subprocess.Popen[bytes], mark: str, ident: str, safe_env: dict[str, str], watch: bool) -> None:
        self.folder, self.safe_env = folder, safe_env
        self.kept = folder / "runner" / "artifacts" / ident
        self._process, self._mark = process, mark
        self._watcher = processes.ArgumentWatcher(mark) if watch else None
        if self._watcher:
            self._watcher.start()
        self.rc: int | None = None

    def __repr__(self) -> str:
        return "<Job %s: %s>" % (self.kept.name, self.status)

    @property
    def status(self) -> str:
        path = self.kept / "status"
        return path.read_text(encoding="utf-8") if path.exists() else "none"

    @property
    def stdout(self) -> str:
        # Before Ansible starts, ansible-runner itself may have failed.
        paths = (self.kept / "stdout", self.folder / "driver.txt")
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths if path.exists())

    @property
    def events(self) -> list[dict[str, t.Any]]:
        paths = (self.kept / "job_events").glob("[0-9]*-*.json")
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(paths, key=lambda path: int(path.name.partition("-")[0]))]

    def _end(self) -> dict[str, t.Any]:
        found = [event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        return found[0] if found else {}

    @property
    def stats(self) -> dict[str, dict[str, int]]:
        end = self._end()
        counts = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")
        return {host: {count: end.get(count, {}).get(host, 0) for count in counts} for host in end.get("processed", {})}

    @property
    def artifacts(self) -> dict[str, t.Any]:
        return self._end().get("artifact_data", {})

    @property
    def failed_hosts(self) -> list[str]:
        return sorted(host for host, counts in self.stats.items() if counts["failures"] or counts["dark"])

    def has_begun(self, task: str) -> bool:
        """Whether a task of this name has begun."""
        return any(event["event"] == "playbook_on_task_start" and _is_called(event, task) for event in self.events)

    def results(self, task: str) -> dict[str, dict[str, t.Any]]:
        """The results of a task, by host."""
        endings = ("runner_on_ok", "runner_on_failed")
        found = [event["event_data"] for event in self.events if event["event"] in endings and _is_called(event, task)]
        return {data["host"]: data["res"] for data in found}

    def wait(self, timeout: float = LIMIT) -> Job:
        """Wait for the end.

        :param timeout: the longest wait in seconds; then everything is killed.
        :raises AssertionError: it took too long.
        """
        try:
            self.rc = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the job did not end within %s s\n%s" % (timeout, self.stdout[-5000:])) from None
        if self._watcher:
            self._watcher.stop()
        return self

    def cancel(self, timeout: float = 60.0) -> Job:
        """What becomes of a job that somebody cancels: SIGTERM to ansible-runner, which kills Ansible; then the container ends, and everything in it.

        :param timeout: the longest wait in seconds.
        """
        self._process.send_signal(signal.SIGTERM)
        self.rc = self._process.wait(timeout)
        self.kill()
        return self

    def kill(self) -> None:
        """End every process of the job, as the end of a container does."""
        processes.kill_run(self._mark)
        self._process.wait(30)
        if self._watcher:
            self._watcher.stop()

    def leaks(self, secrets: t.Iterable[str]) -> list[leaks.Leak]:
        """Search whatever the job printed or left, what AWX stores of it, and the arguments of its processes if it was watched.

        Not searched: what AWX itself has written for the job, and ``command``, in which ansible-runner repeats the environment. Both end with the container.

        :param secrets: texts of at least 8 bytes.
        """
        lines = self._watcher.command_lines if self._watcher else set()
        texts = {
            "events": leaks.strings(self.events),
            "stored environment": leaks.strings(self.safe_env),
            "process arguments": b"\n".join(line.replace(b"\0", b" ") for line in sorted(lines)),
        }
        excluded = [self.folder / "runner" / name for name in ("env", "inventory", "project")]
        return leaks.search(secrets, texts, [self.folder], excluded=[*excluded, self.kept / "command"])


def _is_called(event: dict[str, t.Any], task: str) -> bool:
    return event["event_data"].get("task", "").rpartition(" : ")[2] == task


class Controller:
    """Launches jobs; each has a folder of its own below ``folder``.

    :param folder: an empty folder.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self.jobs: list[Job] = []
        self.contained = awx_container.unavailable() is None
        self._project = folder / "checkout"
        shutil.copytree(ROOT / "playbooks", self._project / "playbooks")
        for path in [self._project, *self._project.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)

    def close(self) -> None:
        """Kill whatever still lives; the folders stay."""
        for job in self.jobs:
            job.kill()
        for path in self._project.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)

    def inside(self, mount: Mount) -> str:
        """The path under which a job finds a folder that is mounted."""
        return mount.inside if self.contained else str(mount.outside)

    def run(self, template: str, inventory: Inventory, credentials: t.Sequence[t.Any], **options: t.Any) -> Job:
        """Launch, and wait for the end; see :meth:`launch`."""
        return self.launch(template, inventory, credentials, **options).wait()

    def launch(
        self,
        template: str,
        inventory: Inventory,
        credentials: t.Sequence[t.Any],
        *,
        answers: dict[str, t.Any] | None = None,
        job_type: str = "run",
        limit: str = "",
        part: tuple[int, int] = (1, 1),
        verbosity: int = 0,
        fact_cache: bool | Job = False,
        mounts: t.Sequence[Mount] = (),
        user: int = awx_container.USER,
        machine: str = "",
        watch: bool = False,
    ) -> Job:
        """Launch a job template.

        :param template: its name, such as "Rotate passwords".
        :param credentials: :class:`Credential` and :class:`Vault`.
        :param answers: those questions of the survey that are not answered by their default.
        :param part: the number of the slice, and of how many.
        :param fact_cache: whether facts are kept; after a job that has kept them, that job: AWX hands on those of the hosts of the inventory.
        :param mounts: the volumes of the container.
        :param user: the number of the container's user.
        :param machine: the host name of the container; those that have none take each other for processes of one machine.
        :param watch: collect the command lines of its processes.
        """
        settings = _objects("templates")[template]
        assert job_type == settings["job_type"] or settings["ask_job_type_on_launch"]
        assert not limit or settings["ask_limit_on_launch"]
        number = next(self._numbers)
        folder = self._folder / ("job-%d" % number)
        private = folder / "runner"
        for name in ("project", "inventory", "env", "artifacts", "requirements_collections", "cp"):
            (private / name).mkdir(parents=True)
        given = _answers(settings["survey_spec"], answers or {})
        meta = {"awx_job_id": number, "tower_job_id": number, "awx_job_launch_type": "manual", "awx_inventory_name": settings["inventory"]}
        if isinstance(fact_cache, Job):
            shutil.copytree(fact_cache.kept / "fact_cache", private / "artifacts" / str(number) / "fact_cache")
        _write(private / "env" / "extravars", "".join(yaml.dump({key: value}, Dumper=_UnsafeDumper) for key, value in {**given, **meta}.items()))
        _write(private / "inventory" / "hosts", inventory.script(*part), 0o700)
        arguments = ["--check"] if job_type == "check" else []
        arguments += ["-u", "root"]
        passwords = {}
        for vault in (one for one in credentials if isinstance(one, Vault)):
            arguments += ["--vault-id", "%s@%s" % (vault.name, self._ask(vault, private))]
            if vault.by == "prompt":
                passwords[r"Vault password \(%s\):\s*?$" % vault.name] = vault.password
        arguments += ["-l", limit] if limit else []
        arguments += ["-" + "v" * verbosity] if verbosity else []
        env = self._variables(number, private)
        safe_env = dict(env)
        for credential in (one for one in credentials if isinstance(one, Credential)):
            _inject(credential, env, safe_env, arguments, private)
        env = {name: self._outside(text, private) for name, text in env.items()}
        _write(private / "env" / "cmdline", shlex.join(arguments))
        kept = {"job_timeout": settings["timeout"], "suppress_ansible_output": True, "suppress_output_file": False, "pexpect_timeout": 1}
        _write(private / "env" / "settings", json.dumps(kept))
        parameters = {
            "ident": str(number), "private_data_dir": self._outside(RUNNER, private), "playbook": settings["playbook"],
            "inventory": self._outside(RUNNER + "/inventory/hosts", private), "passwords": passwords, "suppress_env_files": True, "envvars": env,
            "fact_cache_type": "jsonfile" if fact_cache else "",
        }  # fmt: skip
        return self._start(folder, parameters, mounts, (user, machine), safe_env, watch)

    def _ask(self, vault: Vault, private: pathlib.Path) -> str:
        if vault.by == "prompt":
            return "prompt"
        name = "vault-" + vault.name
        _write(private / "env" / name, "#!/bin/sh\nprintf '%%s\\n' %s\n" % shlex.quote(vault.password), 0o700)
        return self._outside("%s/env/%s" % (RUNNER, name), private)

    def _outside(self, text: str, private: pathlib.Path) -> str:
        """A path of the container, or where it is if there is none."""
        return text if self.contained else re.sub("(^|:)%s(?=/|$)" % RUNNER, lambda match: match[1] + str(private), text)

    @staticmethod
    def _variables(number: int, private: pathlib.Path) -> dict[str, str]:
        collections = "~/.ansible/collections:/usr/share/ansible/collections"
        return {
            "ANSIBLE_COLLECTIONS_PATH": "%s/requirements_collections:%s" % (RUNNER, collections),
            "ANSIBLE_FORCE_COLOR": "True",
            # Of an administrator, in AWX's settings: no Ansible starts that cannot write to its folder, which is below HOME by default.
            "ANSIBLE_HOME": "/tmp/.ansible",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_ROLES_PATH": "%s/requirements_roles:~/.ansible/roles" % RUNNER,
            "ANSIBLE_SSH_CONTROL_PATH_DIR": RUNNER + "/cp",
            "AWX_HOST": "https://awx.example.com",
            "AWX_PRIVATE_DATA_DIR": str(private),
            "INVENTORY_ID": "1",
            "JOB_ID": str(number),
            "MAX_EVENT_RES": "700000",
            "PROJECT_REVISION": "0" * 40,
        }

    def _start(
        self, folder: pathlib.Path, parameters: dict[str, t.Any], mounts: t.Sequence[Mount], who: tuple[int, str], safe_env: dict[str, str], watch: bool
    ) -> Job:
        user, machine = who
        private, root, home, temporary = (folder / name for name in ("runner", "root", "home", "tmp"))
        for path in (root, home, temporary):
            path.mkdir()
        mark = uuid.uuid4().hex
        program = [sys.executable, "-c", DRIVER]
        if self.contained:
            for path in [private, *private.rglob("*")]:
                os.chown(path, user, 0)
            private.chmod(0o700)
            temporary.chmod(0o1777)
            own = [
                Mount(temporary, "/tmp"),
                Mount(private, RUNNER),
                Mount(self._project, RUNNER + "/project", True),
                Mount(COLLECTIONS, "%s/requirements_collections/%s" % (RUNNER, COLLECTIONS.name), True),
            ]
            program = awx_container.command(root, user, [*own, *mounts], program, machine)
            environment = awx_container.environment({processes.MARK: mark})
        else:
            (private / "project").rmdir()
            (private / "project").symlink_to(self._project)
            (private / "requirements_collections" / COLLECTIONS.name).symlink_to(COLLECTIONS)
            home.chmod(0o555)
            parameters["envvars"]["ANSIBLE_HOME"] = str(temporary / ".ansible")
            environment = awx_container.environment({processes.MARK: mark, "TMPDIR": str(temporary)}, str(home))
        with open(folder / "driver.txt", "wb") as output:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                program, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )  # fmt: skip
        job = Job(folder, process, mark, parameters["ident"], safe_env, watch)
        self.jobs.append(job)
        assert process.stdin
        process.stdin.write(json.dumps(parameters).encode())
        process.stdin.close()
        return job


def _answers(spec: dict[str, t.Any], given: dict[str, t.Any]) -> dict[str, t.Any]:
    """The answers of somebody who leaves the other questions as the form shows them."""
    shown = {question["variable"]: question["default"] for question in spec["spec"] if "default" in question}
    complaints = list(rules.answers(spec, {**shown, **given}))
    assert not complaints, complaints
    return {**shown, **given}


def _inject(credential: Credential, env: dict[str, str], safe_env: dict[str, str], arguments: list[str], private: pathlib.Path) -> None:
    from awx_plugins.interfaces._temporary_private_inject_api import inject_credential  # pylint: disable=import-outside-toplevel

    inject_credential(t.cast(t.Any, credential.kind), t.cast(t.Any, credential), t.cast(t.Any, env), t.cast(t.Any, safe_env), arguments, str(private))


def _write(path: pathlib.Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
