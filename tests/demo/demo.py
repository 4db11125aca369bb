# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the main job: rotate the passwords of several users on several endpoints, with what can go wrong.

The endpoints are doubles of the vendors within this process, on loopback; everything else is what a user has: the role, the playbook, the
embedded store. Run it by ``make demo``. Every step checks what it claims, so the demo fails if it is not so.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.doubles import acronis_identity, aria_logs
from tests.doubles.acronis import AcronisDouble
from tests.doubles.aria_logs import AriaLogsDouble
from tests.doubles.milvus import MilvusDouble
from tests.doubles.trove import INSTANCE, TroveDouble
from tests.doubles.vcd import VcdDouble

ROOT = Path(__file__).resolve().parents[2]  # of the collection
COLLECTIONS = ROOT.parents[2]

# What the users have before the first rotation. These are the passwords that must not work any more at the end.
USERS = ("alice", "bob", "carol", "app", "report", "erin@example.com", "frank", "grace", "heidi", "ivan")
BEFORE = {name: "Demo-OLD-%s-1" % name for name in USERS}

INVENTORY = """\
all:
  vars:
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
    rotate_store_path: "{folder}/store"
    old:  # a user would keep these in a file that ansible-vault has encrypted
{old}
milvus:
  vars:
    rotate_vendor: milvus
    rotate_connection:
      url: "{{{{ server }}}}"
      api_user: root
      # Before the first rotation root has the password of a fresh server; from then on the store knows it.
      api_password: "{{{{ lookup('rekey.passwords.secret', 'root', default='Milvus') }}}}"
  hosts:
    milvus-1:
      server: {milvus_1}
      rotate_users:
        - {{name: alice, current_password: "{{{{ old.alice }}}}"}}
        - {{name: bob, current_password: "{{{{ old.bob }}}}"}}
        - root
    milvus-2:
      server: {milvus_2}
      rotate_users:
        - {{name: carol, current_password: "{{{{ old.carol }}}}"}}{nobody}
databases:
  vars:
    rotate_vendor: rackspace_database
  hosts:
    database-1:
      rotate_connection:
        auth_url: {database}/v2.0
        api_user: operator
        api_key: operator-api-key
        instance_id: {instance}
      # The service never tells what the database made of a change, and this database can't be reached from here.
      rotate_accept_unverified: true
      rotate_users: [app, report]
backup:
  vars:
    rotate_vendor: acronis
  hosts:
    backup-1:
      server: {acronis}
      rotate_connection:
        url: {acronis}
        client_id: {client_id}
        client_secret: {client_secret}
      rotate_users: [erin@example.com]
clouds:
  vars:
    rotate_vendor: vcd
  hosts:
    cloud-1:
      server: {vcd}
      # Without an operator: each user logs in and changes its own password.
      rotate_connection:
        url: {vcd}
        org: acme
      rotate_users:
        - {{name: frank, current_password: "{frank}"}}
        - {{name: grace, current_password: "{{{{ old.grace }}}}"}}
logs:
  vars:
    rotate_vendor: aria_logs
  hosts:
    logs-1:
      server: {aria_logs}
      rotate_connection:
        url: {aria_logs}
        api_user: operator
        api_password: {logs_password}
      rotate_users: [heidi, ivan]
"""


def _old(*names):
    return {name: BEFORE[name] for name in names}


# What stands at which host of the inventory.
HOSTS = {"milvus_1": "milvus-1", "milvus_2": "milvus-2", "database": "database-1", "acronis": "backup-1", "vcd": "cloud-1", "aria_logs": "logs-1"}
DOUBLES = {
    "milvus_1": lambda: MilvusDouble(_old("alice", "bob")),
    "milvus_2": lambda: MilvusDouble(_old("carol")),
    "database": lambda: TroveDouble(_old("app", "report")),
    "acronis": lambda: AcronisDouble(_old("erin@example.com")),
    "vcd": lambda: VcdDouble(_old("frank", "grace"), org="acme"),
    "aria_logs": lambda: AriaLogsDouble(_old("heidi", "ivan")),
}


class Demo:
    """The files and the Ansible runs of the demo.

    :param folder: everything that the demo writes is in here.
    """

    def __init__(self, folder):
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._vault_password = folder / "vault-password"
        self._vault_password.touch(0o600)
        self._vault_password.write_text(secrets.token_urlsafe(16) + "\n", encoding="utf-8")
        self._inventory = folder / "inventory.yml"
        self._config = folder / "ansible.cfg"
        self._config.touch()  # empty, so that a reader's own settings do not change what is shown

    def write_inventory(self, doubles, fixed):
        """Write the inventory, with the two mistakes or without them."""
        old = "".join("      %s: %s\n" % item for item in sorted(BEFORE.items()))
        text = INVENTORY.format(
            folder=self._folder,
            old=old.rstrip("\n"),
            instance=INSTANCE,
            client_id=acronis_identity.CLIENT_ID,
            client_secret=acronis_identity.CLIENT_SECRET,
            logs_password=aria_logs.OPERATOR_PASSWORD,
            frank="{{ old.frank }}" if fixed else "something else",
            nobody="" if fixed else "\n        - {name: nobody, current_password: guessed}",
            **{name: double.url for name, double in doubles.items()},
        )
        self._inventory.write_text(text, encoding="utf-8")

    def stored(self, host):
        """What the store holds of a host: names to current passwords."""
        command = ["ansible-vault", "view", "--vault-password-file", str(self._vault_password), str(self._folder / "store" / (host + ".rekey.txt"))]
        shown = subprocess.run(command, env=self._environment(), stdout=subprocess.PIPE, check=True, text=True)
        return {name: record["password"] for name, record in json.loads(shown.stdout.partition("\n")[2])["users"].items()}

    def _environment(self):
        return dict(
            os.environ, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS), ANSIBLE_HOME=str(self._folder / "ansible"), ANSIBLE_CONFIG=str(self._config),
            ANSIBLE_DISPLAY_SKIPPED_HOSTS="false", ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
            PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        )  # fmt: skip

    def ansible(self, *arguments):
        """Run ansible-playbook and show its output as it comes.

        :return: (exit status, output).
        """
        command = ["ansible-playbook", "-i", str(self._inventory), "--vault-password-file", str(self._vault_password), *arguments]
        print("\n$ ansible-playbook -i inventory.yml --vault-password-file vault-password %s\n" % shlex.join(arguments), flush=True)
        lines = []
        with subprocess.Popen(command, cwd=ROOT, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout:
                print("  " + line, end="", flush=True)
                lines.append(line)
        return process.returncode, "".join(lines)


def say(text):
    """A heading."""
    print("\n=== %s" % text, flush=True)


def must(fact, text):
    """Stop the demo if something that it claims is not so."""
    if not fact:
        sys.exit("demo: FAILED: %s" % text)


def changes(output):
    """How many changes the recap tells, over all hosts."""
    return sum(int(number) for number in re.findall(r"changed=(\d+)", output))


def main():
    started = time.monotonic()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else COLLECTIONS / "demo"
    demo = Demo(folder.resolve())
    together = ["-e", "{rotate_serial: 100%}"]

    say("1. Six endpoints of five vendors (simulators, on this machine), each with its users and their old passwords")
    with ExitStack() as stack:
        doubles = {name: stack.enter_context(make()) for name, make in DOUBLES.items()}
        for name, double in doubles.items():
            print("%-11s %s: %s" % (HOSTS[name], double.url, ", ".join(sorted(set(double.users) & set(USERS)))))

        say("2. Rotate. Two things are wrong: the old password of frank is not the one that cloud-1 knows, and milvus-2 has no user called nobody")
        print("A host that fails does not keep the others from being rotated. All hosts are one batch here (-e), and the store is a new one.")
        print("For database-1 nothing says how to log in to the database itself, so the run warns that it cannot verify; step 5 logs in there.")
        demo.write_inventory(doubles, fixed=False)
        # The first run begins the store; for the later ones it must be there.
        status, output = demo.ansible("rekey.passwords.rotate", *together, "-e", "rotate_store_create=true")
        must(status == 2, "the run should have failed for the two mistakes")
        for text in (
            "current_password_wrong",
            "user_not_found",
            "alice (new): rotated, verified by a login",
            "app (new): rotated, NOT verified by a login",
            "2 of 6 hosts failed: milvus-2, cloud-1",
        ):
            must(text in output, "the run should have said: %s" % text)
        print("\nThe mistakes are named, and nobody else was held up by them. The users that failed keep their old passwords; the new ones wait in the store.")

        say("3. Rotate again, with both mistakes corrected: only those still due are changed")
        print("The user nobody has left the inventory. Its password of the first run is still in the store, so each run warns of it until it is retired.")
        demo.write_inventory(doubles, fixed=True)
        status, output = demo.ansible("rekey.passwords.rotate", *together)
        must(status == 0 and "frank (unfinished): rotated" in output and "bob: not due" in output, "the corrected run should have succeeded")

        say("4. Rotate once more, now in the batches of the shipped playbook: nothing is due, nothing changes")
        status, output = demo.ansible("rekey.passwords.rotate")
        must(status == 0 and changes(output) == 0, "the last run should have changed nothing")

        say("5. The proof: log in as every user with the password from the store, and with the old one")
        status, output = demo.ansible(str(ROOT / "tests" / "demo" / "prove.yml"))
        must(status == 0, "a login with a stored password failed")
        for name, password in sorted(demo.stored("database-1").items()):
            taken, old_taken = (doubles["database"].can_log_in(name, one) for one in (password, BEFORE[name]))
            must(taken and not old_taken, "%s cannot log in to the database" % name)
            print("database-1: %s: the database takes the stored password, and no longer the old one" % name)

    say("Done in %.0f seconds: every user has a new password that works, and none of the old ones does." % (time.monotonic() - started))
    print("\nLook for yourself:")
    here = folder.resolve().relative_to(COLLECTIONS.parent)
    print("  .venv/bin/ansible-vault view --vault-password-file %s/vault-password %s/store/milvus-1.rekey.txt" % (here, here))


if __name__ == "__main__":
    main()
