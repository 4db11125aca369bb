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

from tests.simulators.milvus import MilvusDouble
from tests.simulators.trove import INSTANCE, TroveDouble

ROOT = Path(__file__).resolve().parents[2]  # of the collection
COLLECTIONS = ROOT.parents[2]

# What the users have before the first rotation. These are the passwords that must not work any more at the end.
BEFORE = {name: "Demo-OLD-%s-1" % name for name in ("alice", "bob", "carol", "dave", "app", "report")}

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
      url: "{{{{ milvus_url }}}}"
      api_user: root
      # Before the first rotation root has the password of a fresh server; from then on the store knows it.
      api_password: "{{{{ lookup('rekey.passwords.secret', 'root', default='Milvus') }}}}"
  hosts:
    milvus-1:
      milvus_url: {urls[0]}
      rotate_users:
        - {{name: alice, current_password: "{{{{ old.alice }}}}"}}
        - {{name: bob, current_password: "{{{{ old.bob }}}}"}}
        - root
    milvus-2:
      milvus_url: {urls[1]}
      # This server wants three of the four classes of characters.
      rotate_policy: {policy}
      rotate_users:
        - {{name: alice, current_password: "{{{{ old.alice }}}}"}}
        - {{name: carol, current_password: "{{{{ old.carol }}}}"}}
    milvus-3:
      milvus_url: {urls[2]}
      rotate_users:
        - {{name: alice, current_password: "{{{{ old.alice }}}}"}}
        - {{name: dave, current_password: "{{{{ old.dave }}}}"}}{nobody}
databases:
  vars:
    rotate_vendor: rackspace_database
  hosts:
    database-1:
      rotate_connection:
        auth_url: {database_url}/v2.0
        api_user: operator
        api_key: operator-api-key
        instance_id: {instance}
      # The service never tells what the database made of a change, and this database can't be reached from here.
      rotate_accept_unverified: true
      rotate_users: [app, report]
"""


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

    def write_inventory(self, doubles, database, fixed):
        """Write the inventory, with the two mistakes or without them."""
        old = "".join("      %s: %s\n" % item for item in sorted(BEFORE.items()))
        text = INVENTORY.format(
            folder=self._folder,
            urls=[double.url for double in doubles],
            database_url=database.url,
            instance=INSTANCE,
            old=old.rstrip("\n"),
            policy="{}" if fixed else "{digits: 0, symbols: 0}",
            nobody="" if fixed else "\n        - {name: nobody, current_password: guessed}",
        )
        self._inventory.write_text(text, encoding="utf-8")

    def stored(self, host):
        """What the store holds of a host: names to current passwords."""
        command = ["ansible-vault", "view", "--vault-password-file", str(self._vault_password), str(self._folder / "store" / (host + ".yml"))]
        shown = subprocess.run(command, env=self._environment(), stdout=subprocess.PIPE, check=True, text=True)
        return {name: record["password"] for name, record in json.loads(shown.stdout)["users"].items()}

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
    everyone = "-e {rotate_serial: 100%, rotate_max_fail_percentage: 100}".split(" ", 1)

    say("1. Three Milvus servers and a database instance (doubles, on this machine), each with its users and their old passwords")
    with ExitStack() as stack:
        doubles = [
            stack.enter_context(MilvusDouble(users={name: BEFORE[name] for name in names}, strict=strict))
            for names, strict in ((("alice", "bob"), False), (("alice", "carol"), True), (("alice", "dave"), False))
        ]
        for number, double in enumerate(doubles, 1):
            print("milvus-%d at %s: %s" % (number, double.url, ", ".join(sorted(double.users))))
        database = stack.enter_context(TroveDouble(users={name: BEFORE[name] for name in ("app", "report")}))
        print("database-1 at %s: app, report" % database.url)

        say("2. Rotate. Two things are wrong: the policy for milvus-2 is too weak for that server, and milvus-3 has no user nobody")
        demo.write_inventory(doubles, database, fixed=False)
        status, output = demo.ansible("rekey.passwords.rotate", *everyone)
        must(status == 2, "the run should have failed for the two mistakes")
        for text in ("password_rejected", "user_not_found", "alice (new): rotated, verified by a login", "app (new): rotated, NOT verified by a login"):
            must(text in output, "the run should have said: %s" % text)
        print("\nThe mistakes are named, and nobody else was held up by them. Who was refused keeps the old password, in the store and at the server.")

        say("3. Rotate again, with both mistakes mended: only who is still due is changed")
        demo.write_inventory(doubles, database, fixed=True)
        status, output = demo.ansible("rekey.passwords.rotate", *everyone)
        must(status == 0 and "carol (new): rotated" in output and "bob: not due" in output, "the mended run should have succeeded")

        say("4. Rotate once more, now as the shipped playbook does by default, host after host: nothing is due, nothing changes")
        status, output = demo.ansible("rekey.passwords.rotate")
        must(status == 0 and changes(output) == 0, "the last run should have changed nothing")

        say("5. The proof: log in as every user with the password from the store, and with the old one")
        status, output = demo.ansible(str(ROOT / "tests" / "demo" / "prove.yml"))
        must(status == 0, "a login with a stored password failed")
        for name, password in sorted(demo.stored("database-1").items()):
            must(database.can_log_in(name, password) and not database.can_log_in(name, BEFORE[name]), "%s cannot log in to the database" % name)
            print("database-1: %s: the database takes the stored password, and the old one no more" % name)

    say("Done in %.0f seconds: every user has a new password that works, and none of the old ones does." % (time.monotonic() - started))
    print("\nLook for yourself:")
    here = folder.resolve().relative_to(COLLECTIONS.parent)
    print("  .venv/bin/ansible-vault view --vault-password-file %s/vault-password %s/store/milvus-1.yml" % (here, here))


if __name__ == "__main__":
    main()
