# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs real Ansible for the tests: a process of its own, folders of its own, nothing of the user's settings."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

from tests.integration import leaks, processes
from tests.integration.results import Run

HERE = pathlib.Path(__file__).resolve().parent
# Variables that pass from the caller to a run; all others are made here.
PASSED = ("PATH", "LD_LIBRARY_PATH")
CONFIG = """[defaults]
bin_ansible_callbacks = True
callback_plugins = %(callbacks)s
callbacks_enabled = record, kill_at
collections_path = %(collections)s
interpreter_python = %(python)s
inventory = %(inventory)s
localhost_warning = False
retry_files_enabled = False
nocows = True
transport = local
"""


class Running:
    """A run that has been started.

    ``pid`` is its process, which leads a session of its own; ``run`` its mark in the environment of all its processes.
    """

    def __init__(self, process, run, folder, watcher, on_end):
        self._process = process
        self._folder = folder
        self._watcher = watcher
        self._on_end = on_end
        self.run = run
        self.pid = process.pid

    def poll(self):
        """The exit status, or ``None`` while it runs."""
        return self._process.poll()

    def progress(self):
        """The names of the tasks that have begun by now, without their role."""
        return [name.rpartition(" : ")[2] for name in Run(None, self._folder, set()).started]

    def kill_group(self, workers=True, timeout=10.0):
        """SIGKILL to the whole process group.

        :param workers: also to Ansible's workers, and the modules that they run, which have left the group; without, they may finish their work.
        :param timeout: the longest wait in seconds for the processes to end.
        :raises TimeoutError: something survives.
        """
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        if workers:
            processes.kill_run(self.run, timeout)
        self._process.wait(timeout)
        if self._watcher:
            self._watcher.stop()

    def wait(self, timeout=120.0):
        """Wait for the end.

        :param timeout: the longest wait in seconds; then everything is killed.
        :returns: the :class:`~tests.integration.results.Run`.
        :raises AssertionError: it took too long.
        """
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill_group()
            tail = "\n".join(path.read_text(encoding="utf-8", errors="replace")[-3000:] for path in sorted(self._folder.glob("std*.txt")))
            raise AssertionError("Ansible did not end within %s s\n%s" % (timeout, tail)) from None
        if self._watcher:
            self._watcher.stop()
        run = Run(self._process.returncode, self._folder, self._watcher.command_lines if self._watcher else set())
        self._on_end(run)
        return run


class Ansible:
    """Starts runs of Ansible under one folder.

    ``inputs`` holds what tests write as input (playbooks, inventories, passwords of the vault); no search for secrets looks there.
    ``shared`` is for what must outlive one run, such as a store; it is searched.

    :param folder: an empty folder.
    :param collections: the folder that holds ``ansible_collections`` with the staged collection.
    """

    def __init__(self, folder, collections):
        self.inputs = pathlib.Path(folder, "inputs")
        self.shared = pathlib.Path(folder, "shared")
        self._folder = pathlib.Path(folder)
        self._collections = collections
        # multiprocessing binds sockets below TMPDIR, whose paths must not exceed 107 bytes, and the folders of tests are longer.
        self._short = pathlib.Path(tempfile.mkdtemp(prefix="rekey-", dir="/tmp"))
        self._counter = itertools.count(1)
        self._started = []
        self.runs = []
        for path in (self.inputs, self.shared):
            path.mkdir(parents=True)

    def playbook(self, plays, *, timeout=120.0, **options):
        """Run a playbook to its end.

        :param plays: a list of plays, or the path or full name of a playbook.
        :param timeout: the longest wait in seconds.
        :param options: see :meth:`start_playbook`.
        :returns: the :class:`~tests.integration.results.Run`.
        :raises AssertionError: it took too long.
        """
        return self.start_playbook(plays, **options).wait(timeout)

    def adhoc(self, module, args=None, *, hosts="localhost", timeout=120.0, **options):
        """Run one module to its end, as ``ansible HOSTS -m MODULE -a ARGS`` does.

        The arguments stand in the list of processes: secrets come from the environment, or from ``extra_vars`` with a template.

        :param args: a dict, or a string for ``-a``.
        :param timeout: the longest wait in seconds.
        :param options: see :meth:`start_playbook`.
        :returns: the :class:`~tests.integration.results.Run`.
        :raises AssertionError: it took too long.
        """
        command = [hosts, "-m", module]
        if args:
            command += ["-a", args if isinstance(args, str) else json.dumps(args)]
        return self._start("ansible", command, **options).wait(timeout)

    def start_playbook(self, plays, **options):
        """Start a playbook and return at once.

        Options: ``inventory`` (a dict as in a YAML inventory, a list of names, or a path; default: localhost), ``check``, ``diff``,
        ``verbosity`` (number of ``-v``), ``extra_vars`` (a dict; goes through a file), ``env`` (further variables of the environment),
        ``vault_password`` (goes through a file), ``tags``, ``skip_tags``, ``limit``, ``forks``, ``kill_at`` (the name or the action of
        the task at whose start the run kills itself), ``watch`` (collect the command lines of its processes), ``args`` (further
        arguments).

        :returns: a :class:`Running`.
        """
        number = next(self._counter)
        if not isinstance(plays, (str, pathlib.Path)):
            path = self._input(number, "playbook.yml")
            path.write_text(json.dumps(plays, indent=2), encoding="utf-8")
            plays = path
        return self._start("ansible-playbook", [str(plays)], number=number, **options)

    def start(self, program, command, **options):
        """Start another program of Ansible's, such as ``ansible-runner``, in the same surroundings, and return at once.

        :param command: its arguments.
        :param options: ``env`` and ``watch``, see :meth:`start_playbook`.
        :returns: a :class:`Running`.
        """
        return self._start(program, command, **options)

    def leaks(self, secrets):
        """Search all runs so far, and ``shared``; see :meth:`tests.integration.results.Run.leaks`.

        :param secrets: texts of at least 8 bytes.
        :returns: a list of :class:`~tests.integration.leaks.Leak`; empty is good.
        """
        texts = {"%s of %s" % (name, run.folder.name): text for run in self.runs for name, text in run.texts().items()}
        return leaks.search(secrets, texts, [self._folder], excluded=[self.inputs])

    def close(self):
        """Kill whatever still lives of the runs started here; their folders stay."""
        for running in self._started:
            running.kill_group()
        shutil.rmtree(self._short, ignore_errors=True)

    def _input(self, number, name):
        folder = self.inputs / ("run-%d" % number)
        folder.mkdir(exist_ok=True)
        return folder / name

    def _inventory(self, number, inventory):
        if isinstance(inventory, (str, pathlib.Path)):
            return inventory
        if inventory is None:
            inventory = ["localhost"]
        if not isinstance(inventory, dict):
            inventory = {"all": {"hosts": {name: {} for name in inventory}}}
        path = self._input(number, "inventory.yml")
        path.write_text(json.dumps(inventory, indent=2), encoding="utf-8")
        return path

    def _start(
        self,
        program,
        command,
        *,
        number=None,
        inventory=None,
        check=False,
        diff=False,
        verbosity=0,
        extra_vars=None,
        env=None,
        vault_password=None,
        tags=None,
        skip_tags=None,
        limit=None,
        forks=None,
        kill_at=None,
        watch=False,
        args=(),
    ):
        number = number or next(self._counter)
        run = uuid.uuid4().hex
        folder = self._folder / ("run-%d" % number)
        for name in ("home", "tmp", "local", "remote", "cwd"):
            (folder / name).mkdir(parents=True)
        config = self._input(number, "ansible.cfg")
        config.write_text(
            CONFIG
            % {
                "callbacks": HERE / "callback_plugins",
                "collections": self._collections,
                "python": sys.executable,
                "inventory": self._inventory(number, inventory),
            },
            encoding="utf-8",
        )
        command = [str(pathlib.Path(sys.executable).parent / program), *command]
        command += ["--check"] * check + ["--diff"] * diff + (["-" + "v" * verbosity] if verbosity else [])
        for option, value in (("--tags", tags), ("--skip-tags", skip_tags), ("--limit", limit), ("--forks", forks)):
            if value is not None:
                command += [option, str(value)]
        if extra_vars:
            path = self._input(number, "extra_vars.json")
            path.write_text(json.dumps(extra_vars), encoding="utf-8")
            command += ["--extra-vars", "@%s" % path]
        if vault_password is not None:
            path = self._input(number, "vault_password")
            path.write_text(vault_password, encoding="utf-8")
            path.chmod(0o600)
            command += ["--vault-password-file", str(path)]
        (self._short / str(number)).symlink_to(folder / "tmp")
        environment = self._environment(folder, config, run)
        environment["TMPDIR"] = str(self._short / str(number))
        if kill_at:
            environment["REKEY_TEST_KILL_AT"] = kill_at
        environment.update(env or {})
        watcher = processes.ArgumentWatcher(run) if watch else None
        if watcher:
            watcher.start()
        # Files and not pipes: a worker that outlives its run would keep a pipe open, and with it the test waiting.
        with open(folder / "stdout.txt", "wb") as stdout, open(folder / "stderr.txt", "wb") as stderr:
            process = subprocess.Popen(
                [*command, *args],
                cwd=folder / "cwd",
                env=environment,
                stdin=subprocess.DEVNULL,  # pylint: disable=consider-using-with
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        running = Running(process, run, folder, watcher, self.runs.append)
        self._started.append(running)
        return running

    @staticmethod
    def _environment(folder, config, run):
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        environment["PATH"] = os.pathsep.join(filter(None, [str(pathlib.Path(sys.executable).parent), environment.get("PATH")]))
        environment.update(
            {
                "LANG": "C.UTF-8",
                "LC_ALL": "C.UTF-8",
                "TZ": "UTC",
                "USER": "tester",
                "LOGNAME": "tester",
                "HOME": str(folder / "home"),
                "ANSIBLE_HOME": str(folder / "home" / ".ansible"),
                "ANSIBLE_CONFIG": str(config),
                "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
                "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "REKEY_TEST_RECORD": str(folder / "record.jsonl"),
                processes.MARK: run,
            }
        )
        return environment
