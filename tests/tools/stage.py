# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staged copy: the working tree at the path that Ansible expects of a collection."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

from tests.tools import layout, locks

MANIFEST = layout.BUILD / "staged.json"


def stage() -> str:
    """Update .build/ansible_collections/rekey/passwords from the working tree; return what was done, as text."""
    with locks.exclusive("stage"):
        return _stage_locked()


def _stage_locked() -> str:
    known = _read_manifest()
    present = {name: _state(layout.ROOT / name) for name in _listed_files()}
    changed = [name for name, state in present.items() if known.get(name) != state or not os.path.lexists(layout.STAGED / name)]
    gone = [name for name in known if name not in present]
    if changed or gone:
        # An interrupted copy must not count as complete.
        MANIFEST.unlink(missing_ok=True)
    for name in gone:
        _remove(layout.STAGED / name)
    for name in changed:
        _copy(layout.ROOT / name, layout.STAGED / name)
    if changed or gone or not (layout.STAGED / ".git").exists():
        _let_git_know()
        MANIFEST.write_text(json.dumps(present), encoding="utf-8")
    return f"{len(present)} files, {len(changed)} copied, {len(gone)} removed"


def _listed_files() -> list[str]:
    git = ["git", "-c", "safe.directory=*"]
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = _run([*git, *listing])
    if result.returncode:
        # Not a clone but an unpacked archive: an empty repository beside the tree lists its files by the same rules.
        aside = layout.BUILD / "listing.git"
        _run([*git, "init", "--quiet", "--bare", str(aside)])
        result = _run([*git, f"--git-dir={aside}", f"--work-tree={layout.ROOT}", *listing])
    if result.returncode:
        raise SystemExit(f"git cannot list the files of {layout.ROOT}: {result.stderr.decode(errors='replace').strip()}")
    names = {os.fsdecode(name) for name in result.stdout.split(b"\0") if name}
    # Git also lists files whose deletion is not committed yet, and a nested repository as a folder.
    return sorted(name for name in names if os.path.lexists(layout.ROOT / name) and not (layout.ROOT / name).is_dir())


def _run(command: list[str], cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[bytes]:
    # A hook or another git command that calls make must not lead these calls to its own repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(command, cwd=cwd or layout.ROOT, env=environment, capture_output=True, check=False)


def _state(path: pathlib.Path) -> list[int]:
    status = path.lstat()
    return [status.st_size, status.st_mtime_ns, status.st_mode]


def _read_manifest() -> dict[str, list[int]]:
    try:
        manifest: dict[str, list[int]] = json.loads(MANIFEST.read_text(encoding="utf-8"))
        return manifest
    except (OSError, ValueError):
        # Without it nobody knows which files are ours to remove.
        shutil.rmtree(layout.STAGED, ignore_errors=True)
        return {}


def _remove(path: pathlib.Path) -> None:
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == layout.STAGED:
            break
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        try:
            folder.rmdir()
        except OSError:
            break


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # A process that reads the old file at this moment must never see half of the new one.
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    shutil.copy2(source, part, follow_symlinks=False)
    os.replace(part, target)


def _let_git_know() -> None:
    # ansible-test checks only what git lists.
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        result = _run(command, layout.STAGED)
        if result.returncode:
            raise SystemExit(f"{' '.join(command)} failed in the staged copy: {result.stderr.decode(errors='replace').strip()}")
