# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds a job of AWX: a container of the execution environment, as far as it can be made without an image and without a container engine.

A job sees a root folder of its own, put together from mounts in a mount namespace of its own: the programs of this machine, the private data folder at
``/runner``, an empty ``/tmp``, and whatever a test mounts besides. Its user is a number that has no entry in /etc/passwd, with the group 0, as on OpenShift.
``HOME`` exists, and nobody but root can write to it.

That takes root, and a kernel that allows mounts. Without them a job runs as the user who runs the tests, and :func:`unavailable` says why.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RUNNER = "/runner"
HOME = "/home/runner"
USER = 1000750000  # the kind of number that OpenShift gives
ANOTHER_USER = 1000760000

_SETUP = """\
set -e
umask 022
root=$1
user=$2
if [ -n "$3" ]; then echo "$3" > /proc/sys/kernel/hostname; fi
shift 3
share() {
  mkdir -p "$root$2"
  mount --rbind "$1" "$root$2"
  if [ "$3" = ro ]; then mount -o remount,bind,ro "$root$2"; fi
}
mount -t tmpfs -o mode=755 job "$root"
for name in bin sbin lib lib32 lib64 libx32 usr etc dev proc; do
  if [ -L "/$name" ]; then ln -s "$(readlink "/$name")" "$root/$name"; elif [ -d "/$name" ]; then share "/$name" "/$name" rw; fi
done
mkdir -p "$root/home/runner"
while [ "$1" != -- ]; do share "$1" "$2" "$3"; shift 3; done
shift
exec chroot --userspec="+$user:+0" --groups=0 "$root" "$@"
"""


@dataclass(frozen=True)
class Mount:
    """A folder of this machine that a job sees."""

    outside: pathlib.Path
    inside: str
    read_only: bool = False


def _interpreter() -> list[Mount]:
    """The folders of the Python that runs the tests; in a root folder of one's own nobody is kept from reaching them."""
    return [Mount(pathlib.Path(folder), folder, True) for folder in dict.fromkeys((sys.base_prefix, sys.prefix)) if not folder.startswith("/usr")]


def command(root: pathlib.Path, user: int, mounts: Sequence[Mount], program: Sequence[str], machine: str = "") -> list[str]:
    """The command that runs a program in such a container; the process that it starts becomes the program.

    :param root: an empty folder, where the root folder of the job is mounted; nobody else sees that mount, and it ends with the job.
    :param user: the number of the job's user.
    :param mounts: in order: what is inside another one comes after it.
    :param machine: a host name of its own; by default it has that of this machine.
    """
    shared = [text for mount in [*mounts, *_interpreter()] for text in (str(mount.outside), mount.inside, "ro" if mount.read_only else "rw")]
    namespaces = ["--mount", "--propagation", "private", *(["--uts"] if machine else [])]
    return ["unshare", *namespaces, "sh", "-c", _SETUP, "job", str(root), str(user), machine, *shared, "--", *program]


@functools.cache
def unavailable() -> str | None:
    """Why there can be no such container here; ``None`` if there can."""
    if os.geteuid() != 0:
        return "only root can give a job a root folder and a user of its own"
    missing = [name for name in ("unshare", "chroot", "mount") if not shutil.which(name)]
    if missing:
        return "not installed: %s" % ", ".join(missing)
    root = pathlib.Path(subprocess.run(["mktemp", "-d", "/tmp/rekey-job-XXXXXX"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        tried = subprocess.run(
            command(root, USER, [], [sys.executable, "-c", "import os, ansible_runner; assert os.getuid() and not os.access('/home/runner', os.W_OK)"]),
            capture_output=True, text=True, check=False, env=environment({}),
        )  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            root.rmdir()
    return (tried.stderr.strip().splitlines() or ["it ended with %d" % tried.returncode])[-1] if tried.returncode else None


def environment(more: Mapping[str, str], home: str = HOME) -> dict[str, str]:
    """The variables of an execution environment, as its image sets them."""
    path = [str(pathlib.Path(sys.executable).parent), "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {"HOME": home, "PATH": os.pathsep.join(path), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}
