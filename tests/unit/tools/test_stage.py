# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staged copy follows the working tree."""

from __future__ import annotations

import subprocess

import pytest

from tests.tools import layout, stage


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A checkout with one tracked, one new and one ignored file."""
    root, build = tmp_path / "checkout", tmp_path / "checkout" / ".build"
    monkeypatch.setattr(layout, "ROOT", root)
    monkeypatch.setattr(layout, "BUILD", build)
    monkeypatch.setattr(layout, "STAGED", build / "ansible_collections" / "rekey" / "passwords")
    monkeypatch.setattr(stage, "MANIFEST", build / "staged.json")
    (root / "plugins").mkdir(parents=True)
    (root / ".gitignore").write_text("/.build/\n*.pyc\n", encoding="utf-8")
    (root / "plugins" / "tracked.py").write_text("1\n", encoding="utf-8")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    (root / "new.py").write_text("2\n", encoding="utf-8")
    (root / "ignored.pyc").write_text("3\n", encoding="utf-8")
    return root


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def staged():
    found = (path.relative_to(layout.STAGED) for path in layout.STAGED.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.parts[0] != ".git")


def test_what_is_tracked_or_new_is_copied_and_known_to_git(tree):
    assert stage.stage() == "3 files, 3 copied, 0 removed"
    assert staged() == [".gitignore", "new.py", "plugins/tracked.py"]
    assert git(layout.STAGED, "ls-files").split() == staged()


def test_only_what_changed_is_copied_again(tree):
    stage.stage()
    assert stage.stage() == "3 files, 0 copied, 0 removed"
    (tree / "new.py").write_text("another text\n", encoding="utf-8")
    assert stage.stage() == "3 files, 1 copied, 0 removed"
    assert (layout.STAGED / "new.py").read_text(encoding="utf-8") == "another text\n"


def test_a_mode_counts_as_a_change(tree):
    stage.stage()
    (tree / "new.py").chmod(0o755)
    assert stage.stage() == "3 files, 1 copied, 0 removed"
    assert (layout.STAGED / "new.py").stat().st_mode & 0o111


def test_deletions_are_mirrored_with_the_folders_that_they_empty(tree):
    stage.stage()
    (tree / "plugins" / "tracked.py").unlink()
    assert stage.stage() == "2 files, 0 copied, 1 removed"
    assert not (layout.STAGED / "plugins").exists()
    assert "plugins/tracked.py" not in git(layout.STAGED, "ls-files")


def test_what_tools_leave_in_the_copy_stays(tree):
    stage.stage()
    (layout.STAGED / "left.pyc").write_text("by a tool\n", encoding="utf-8")
    (tree / "new.py").unlink()
    stage.stage()
    assert "left.pyc" in staged()


def test_a_copy_that_nobody_accounts_for_is_made_anew(tree):
    stage.stage()
    stage.MANIFEST.write_text("not JSON", encoding="utf-8")
    (layout.STAGED / "stale.py").write_text("from an earlier time\n", encoding="utf-8")
    assert stage.stage() == "3 files, 3 copied, 0 removed"
    assert "stale.py" not in staged()


def test_a_tree_that_is_no_checkout_is_listed_by_the_same_rules(tree):
    (tree / ".git").rename(tree / "elsewhere")
    (tree / ".gitignore").write_text("/.build/\n/elsewhere/\n*.pyc\n", encoding="utf-8")
    stage.stage()
    assert staged() == [".gitignore", "new.py", "plugins/tracked.py"]
