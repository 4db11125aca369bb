# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came out of a run of Ansible."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.integration import leaks


@dataclass
class TaskResult:
    """The result of one task on one host.

    ``status`` is ``ok``, ``changed``, ``failed``, ``ignored``, ``unreachable`` or ``skipped``; ``result`` what the task returned,
    as callbacks get it: censored where the task says ``no_log``. ``task_result["key"]`` is short for ``task_result.result["key"]``.
    """

    task: str
    action: str
    host: str
    status: str
    result: dict = field(repr=False)
    resolved: str | None = field(default=None, repr=False)

    def __getitem__(self, key):
        return self.result[key]

    def is_called(self, name):
        """Whether ``name`` is the task's name, with or without its role, or its action, in short or in full."""
        return name in (self.task, self.task.rpartition(" : ")[2], self.action, self.resolved)


class Run:
    """A run that has ended.

    ``rc`` exit status (negative: ended by that signal); ``stdout``, ``stderr``, ``output`` (both); ``results`` list of :class:`TaskResult` in the order in
    which they came; ``started`` the names of the tasks that were begun; ``stats`` hosts to counts, ``artifacts`` what set_stats left, both empty if the run
    was killed; ``command_lines`` the process arguments seen, if the run was watched; ``folder`` everything the run could write to.
    """

    def __init__(self, rc, folder, command_lines):
        self.rc = rc
        self.folder = folder
        self.command_lines = command_lines
        self.stdout = self._text("stdout.txt")
        self.stderr = self._text("stderr.txt")
        self.results, self.started, self.stats, self.artifacts = [], [], {}, {}
        for line in self._text("record.jsonl").split("\n")[:-1]:
            # What stands behind the last line break was being written when the run was killed.
            entry = json.loads(line)
            event = entry.pop("event")
            if event == "result":
                self.results.append(TaskResult(**entry))
            elif event == "start":
                self.started.append(entry["task"])
            else:
                self.stats, self.artifacts = entry["stats"], entry["custom"]

    def __repr__(self):
        return "<Run rc=%s, %d results, %s>" % (self.rc, len(self.results), self.stats)

    def _text(self, name):
        path = self.folder / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def output(self):
        """Standard output and standard error."""
        return self.stdout + self.stderr

    def all_results(self, name, host=None):
        """The results of the tasks with this name or action."""
        return [one for one in self.results if one.is_called(name) and host in (None, one.host)]

    def result(self, name, host=None):
        """The one result of the task with this name or action; one that was skipped counts only if there is no other.

        :raises LookupError: there is none, or more than one.
        """
        found = self.all_results(name, host)
        found = [one for one in found if one.status != "skipped"] or found
        if len(found) != 1:
            raise LookupError("%d results of %r on %s; there are: %r\n%s" % (len(found), name, host or "any host", self.results, self.output))
        return found[0]

    def leaks(self, secrets):
        """Search everything that the run printed, returned or left on disk, and the process arguments if it was watched.

        :param secrets: texts of at least 8 bytes.
        :returns: a sorted list of :class:`~tests.integration.leaks.Leak`; empty is good.
        :raises ValueError: a secret is too short, or there is none.
        """
        return leaks.search(secrets, self.texts(), [self.folder])

    def texts(self):
        """What a search for secrets must see besides the folder: the results decoded, and the process arguments."""
        return {
            "results": leaks.strings([one.result for one in self.results]),
            "process arguments": b"\n".join(line.replace(b"\0", b" ") for line in sorted(self.command_lines)),
        }
