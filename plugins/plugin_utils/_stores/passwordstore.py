# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of pass and gopass: one file per user, encrypted by GnuPG for the keys that ``.gpg-id`` names.

Both programs write an entry in place, so that a kill leaves half of it. Here they never do: an entry is encrypted, read back and flushed beside the
old one, and takes its place in one step. What those programs do is described by the manual page pass(1) and the script itself; gpg's status lines
(``[GNUPG:] ...``) by the file DETAILS of GnuPG's documentation.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple
from urllib.parse import quote, unquote

from ansible.module_utils.common.process import get_bin_path
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._environment import from_environment
from ansible_collections.rekey.passwords.plugins.module_utils._parallel import run_parallel
from ansible_collections.rekey.passwords.plugins.module_utils.errors import Outside, PasswordError

from .._durable_files import Locked, behind_links, file_lock, make_folder, share, sync
from .._folder_notes import FolderNotes
from .._folder_trust import distrust, shared_option, why
from ..record import Record
from ..store import Entry, Note, Store, StoreConflict, damaged_record, failure, read_record

_SUFFIX = ".gpg"
_KEYS = ".gpg-id"
_LOCK = ".lock~"
_STAGE = ".new~"  # the beginning of the names of the folders in which new entries are made
_LOCK_WAIT = 120.0  # seconds; a thousand entries take another process half of that
_TRIES = 3
_PAUSE = 0.1  # seconds before the second try
_WORKERS = 4  # gpg-agent does one decryption at a time, and its locked memory is small

# Nobody is there to be asked. And no key may come from the network: it would belong to the present owner of that address.
_GPG_OPTIONS = ("--quiet", "--batch", "--no-auto-key-locate", "--pinentry-mode", "loopback", "--status-fd", "2")


class PasswordStore(Store):
    """Records in ``<directory>/<path>/<host>/<user>.gpg``.

    The version of a record is a digest of its file. No two encryptions are equal, so not even a password that comes back passes for the old record.
    """

    argument_spec = dict(
        directory=dict(type="path", default="~/.password-store", fallback=(from_environment, ["PASSWORD_STORE_DIR"])),
        path=dict(type="str", default="rekey", fallback=(from_environment, ["REKEY_PASSWORDSTORE_PATH"])),
        backend=dict(
            type="str",
            default="pass",
            choices=["pass", "gpg"],
            fallback=(from_environment, ["REKEY_PASSWORDSTORE_BACKEND"]),
        ),
        executable=dict(type="path", fallback=(from_environment, ["REKEY_PASSWORDSTORE_EXECUTABLE"])),
        gnupg_home=dict(type="path", fallback=(from_environment, ["GNUPGHOME"])),
        timeout=dict(type="int", default=30, fallback=(from_environment, ["REKEY_PASSWORDSTORE_TIMEOUT"])),
        shared=shared_option("REKEY_PASSWORDSTORE_SHARED"),
    )

    def __init__(self, host: str, options: Dict[str, Any], loader: Any) -> None:
        super().__init__(host, options, loader)
        directory: str = os.path.expanduser(options["directory"])
        parts: List[str] = options["path"].split("/")
        if not os.path.isabs(directory):
            # Relative to what the command was started in, another start would find no passwords and make new ones.
            raise _invalid("directory must be an absolute path")
        if any(part.startswith((".", "-")) or not part for part in parts):
            raise _invalid("path must name a folder within the store, such as rekey or teams/rekey")
        if options["timeout"] <= 0:
            raise _invalid("timeout must be positive")
        self._root = os.path.normpath(directory)
        self._parts = [*parts, _quoted(host)]
        self._folder = os.path.join(self._root, *self._parts)
        self._shared = bool(options["shared"])
        self._notes = FolderNotes(self._folder_of_notes, self._shared)
        self._timeout = options["timeout"]
        self._backend = options["backend"]
        self._home = options["gnupg_home"]
        self._gpg = _program("gpg")
        self._program = _program(options["executable"] or self._backend)
        # As pass puts them together.
        self._options = [*os.environ.get("PASSWORD_STORE_GPG_OPTS", "").split(), *_GPG_OPTIONS]

    # The interface of a store

    def get(self, users: Iterable[str]) -> Dict[str, Entry]:
        users = list(dict.fromkeys(users))
        self._require_trust()
        return dict(zip(users, run_parallel(self._entry, users, _WORKERS)))

    def put(self, entries: Dict[str, Entry]) -> None:
        if not entries:
            return
        self._require_store()
        with self._failing("cannot be written; no entry is torn, and those that were not replaced are untouched"):
            make_folder(self._folder, self._shared)
            places = {user: self._file(user) for user in entries}
            # Beside those that links lead to as well; always in the same order, so that two processes never wait for each other.
            elsewhere = {os.path.dirname(place) for place in places.values()} - {
                self._folder,
                os.path.realpath(self._folder),
            }
            with ExitStack() as held:
                for folder in [self._folder, *sorted(elsewhere)]:
                    held.enter_context(self._file_lock(os.path.join(folder, _LOCK)))
                    self._sweep(folder)
                conflicts = self._replace(entries, places)
            if len(conflicts) < len(entries):
                self._commit()
        if conflicts:
            raise StoreConflict(sorted(conflicts))

    def list(self) -> List[str]:
        self._require_store()
        with self._failing("cannot be read"):
            names = os.listdir(self._folder) if os.path.lexists(self._folder) else []
        users = [
            (name, unquote(name[: -len(_SUFFIX)]))
            for name in names
            if name.endswith(_SUFFIX) and not name.startswith(".")
        ]
        # Files with another kind of name belong to somebody else.
        return sorted(user for name, user in users if name == _quoted(user) + _SUFFIX)

    def read_note(self, name: str) -> Note:
        return self._notes.read(name)

    def write_note(self, name: str, content: Dict[str, Any], version: Any) -> Any:
        written = self._notes.write(name, content, version)
        # They concern the runs that share this folder, not its clones.
        ignored = os.path.join(self._folder_of_notes(), ".rekey", ".gitignore")
        with self._failing("cannot be written", ignored):
            if not os.path.lexists(ignored):
                with open(ignored, "w", encoding="ascii") as stream:
                    stream.write("*\n")
        return written

    def _folder_of_notes(self) -> str:
        with self._failing("cannot be read"):
            self._require_store()
        return os.path.dirname(self._folder)

    # Files

    def _path(self, user: str) -> str:
        return os.path.join(self._folder, _quoted(user) + _SUFFIX)

    def _file(self, user: str) -> str:
        """The file itself of an entry. Behind a link it is replaced where it lies; the link stays."""
        path = self._path(user)
        try:
            return behind_links(path)
        except FileNotFoundError:
            raise failure("%s is a link to a file that does not exist." % path) from None

    def _require_store(self) -> None:
        """A store that is merely unreachable must not be begun again: the passwords in it would be forgotten."""
        self._require_trust()
        folder = self._root
        for part in ("", *self._parts):
            folder = os.path.join(folder, part) if part else folder
            if os.path.islink(folder) and not os.path.exists(folder):
                raise failure("%s is a link to something that does not exist." % folder)
        self._key_file()

    def _require_trust(self) -> None:
        """Refuse a folder to which others may write: they could add keys of their own, and passwords would be encrypted for them.

        :raises PasswordError: ``store_failed``.
        """
        for depth in range(len(self._parts) + 1):
            if complaint := distrust(os.path.join(self._root, *self._parts[:depth]), self._shared):
                raise failure(complaint)

    def _key_file(self) -> str:
        """The ``.gpg-id`` that counts here: the nearest one upwards."""
        for depth in range(len(self._parts), -1, -1):
            path = os.path.join(self._root, *self._parts[:depth], _KEYS)
            if os.path.isfile(path):
                return path
        raise failure(
            "There is no password store in %s (no %s). Is it mounted? A new one is made by: pass init KEY."
            % (self._root, _KEYS)
        )

    def _content(self, user: str) -> Optional[bytes]:
        """The bytes of an entry's file; ``None`` if there is none."""
        path = self._path(user)
        with self._failing("cannot be read", path), suppress(FileNotFoundError), open(path, "rb") as stream:
            return stream.read()
        # It may be missing along with everything else.
        self._require_store()
        self._file(user)
        return None

    def _entry(self, user: str) -> Entry:
        for number in range(_TRIES):
            time.sleep(_PAUSE * number)
            content = self._content(user)
            if content is None:
                return Entry(None, None)
            text, why, final = self._decrypted(content)
            if text is not None:
                return Entry(_record(text, user, self._path(user), host=self.host), _version(content))
            # Somebody may be writing it in place just now, as pass does, or the agent is short of memory.
            if final:
                break
        raise failure(("%s cannot be decrypted: " % self._path(user), Outside(why)))

    def _replace(self, entries: Dict[str, Entry], places: Dict[str, str]) -> Set[str]:
        """Put new entries in the place of the old ones.

        :param places: the file of each user.
        :return: the users whose entries somebody else has changed.
        """
        conflicts = {user for user, entry in entries.items() if self._version(user) != entry.version}
        texts = {user: _text(entry.known, user) for user, entry in entries.items() if user not in conflicts}
        keys = self._key_file()
        for folder in sorted({os.path.dirname(places[user]) for user in texts}):
            some = {user: text for user, text in texts.items() if os.path.dirname(places[user]) == folder}
            conflicts |= self._replace_in(folder, some, entries=entries, places=places, keys=keys)
        return conflicts

    def _replace_in(
        self, folder: str, texts: Dict[str, str], *, entries: Dict[str, Entry], places: Dict[str, str], keys: str
    ) -> Set[str]:
        """The same for the entries in one folder."""
        conflicts = set()
        stage = tempfile.mkdtemp(prefix=_STAGE, dir=folder)
        try:
            # A small password store of its own: pass makes no commits for what is not finished.
            for suffix in ("", ".sig"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(keys + suffix, os.path.join(stage, _KEYS + suffix))
            # One alone: where keys are new, gpg first brings its trust database up to date, which several at a time can damage.
            first, *others = texts
            made = [self._encrypt(stage, first, texts[first], keys=keys)]
            made += run_parallel(lambda user: self._encrypt(stage, user, texts[user], keys=keys), others, _WORKERS)
            for user in texts:
                # Once more, for those who know nothing of the lock: pass itself, an editor, git.
                if self._version(user) != entries[user].version:
                    conflicts.add(user)
                    continue
                os.rename(os.path.join(stage, _quoted(user) + _SUFFIX), places[user])
            sync(folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        # And for those for whom our lock is none, as on some network file systems.
        return conflicts | {
            user for user, version in zip(texts, made) if user not in conflicts and self._version(user) != version
        }

    def _version(self, user: str) -> Optional[str]:
        content = self._content(user)
        return None if content is None else _version(content)

    def _sweep(self, folder: str) -> None:
        """Remove what a killed process left behind; nobody else writes while we hold the lock."""
        for name in os.listdir(folder):
            if name.startswith(_STAGE):
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)

    @contextmanager
    def _file_lock(self, path: str) -> Iterator[None]:
        try:
            with file_lock(path, _LOCK_WAIT, self._shared):
                yield
        except Locked:
            raise failure("%s has been locked by another process for %d seconds." % (path, _LOCK_WAIT)) from None

    @contextmanager
    def _failing(self, what: str, path: Optional[str] = None) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise failure("%s %s: %s" % (path or self._folder, what, why(exc, self._root, self._shared))) from None

    # The programs

    def _encrypt(self, folder: str, user: str, text: str, *, keys: str) -> str:
        """Make an entry in a folder, and see that it comes back as it was given.

        :return: its version.
        """
        path = os.path.join(folder, _quoted(user) + _SUFFIX)
        command = self._encryption(_quoted(user), path, keys)
        status, _output, stderr = self._run(command, folder, text.encode())
        if status or not os.path.isfile(path):
            raise failure(("%s cannot be encrypted: " % self._path(user), Outside(_why_not_encrypted(stderr, keys))))
        # If it could not be read back, the old entry would be lost for one that is of no use here.
        with open(path, "rb") as stream:
            content = stream.read()
        again, why, _final = self._decrypted(content)
        if again != text:
            why = "its content is not what was written." if again is not None else why
            parts = (
                "The new entry for %s cannot be read back: " % self._path(user),
                Outside(why),
                " The old one is untouched.",
            )
            raise failure(parts)
        if self._backend == "gpg":
            os.chmod(path, 0o600)
        if self._shared:
            share(path)
        sync(path)
        return _version(content)

    def _encryption(self, name: str, path: str, keys: str) -> List[str]:
        """The command that encrypts its standard input."""
        if self._backend == "pass":
            return [self._program, "insert", "--multiline", "--force", "--", name]
        options = [*self._options, "--yes", "--compress-algo", "none", "--no-encrypt-to"]
        return [self._program, *options, "--encrypt", *_recipients(keys), "--output", path]

    def _decrypted(self, content: bytes) -> Tuple[Optional[str], str, bool]:
        """The text of an entry. By gpg itself with any backend: pass would read the file once more, and that may be another one by then.

        :param content: the bytes of its file.
        :return: (text or ``None``, why there is none, whether another try is of no use).
        """
        status, text, stderr = self._run([self._gpg, *self._options, "--decrypt"], self._root, content)
        # gpg takes a message that nobody has encrypted for a good one, and the beginning of one, too.
        if not status and "[GNUPG:] DECRYPTION_OKAY" in stderr:
            return text, "", True
        if "NEED_PASSPHRASE" in stderr:
            return (
                None,
                "the secret key is locked. Unlock it in gpg-agent beforehand (gpg-preset-passphrase), or use one without a pass phrase.",
                True,
            )
        if "No secret key" in stderr:
            where = self._home or "GnuPG's folder (option gnupg_home)"
            return None, "the secret key that opens it is not in %s. Import it there: gpg --import." % where, True
        return (
            None,
            "%s If it is damaged, restore it from a copy; it is not overwritten. If there is no copy, move it elsewhere, then run rotation_repair "
            "(playbook repair) with the password that is in force." % _said(stderr),
            False,
        )

    def _run(self, command: List[str], folder: str, stdin: bytes = b"") -> Tuple[int, str, str]:
        """Run a program.

        :param folder: where it runs; for pass, the password store.
        :param stdin: what it reads from its standard input, the only way on which a password goes.
        :return: (exit status, standard output, standard error).
        :raises PasswordError: it cannot be started or does not end in time.
        """
        environment = dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="", PASSWORD_STORE_DIR=folder)
        environment["PASSWORD_STORE_GPG_OPTS"] = " ".join(self._options)
        environment.pop("GNUPGHOME", None)
        if self._home:
            environment["GNUPGHOME"] = self._home
        for name in ("GPG_TTY", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            environment.pop(name, None)
        # A session of its own: neither can it ask on the terminal, nor do its children survive it.
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, start_new_session=True, stdin=pipe, stdout=pipe, stderr=pipe
            )
        except OSError as exc:
            raise failure("%s cannot be started: %s." % (command[0], exc.strerror)) from None
        with process:
            try:
                output, stderr = process.communicate(stdin, self._timeout)
            except BaseException as exc:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(exc, subprocess.TimeoutExpired):
                    raise failure(
                        "%s has not answered for %d seconds (option timeout)." % (command[0], self._timeout)
                    ) from None
                raise
        return process.returncode, output.decode(errors="replace"), stderr.decode(errors="replace")

    # git

    def _commit(self) -> None:
        """Commit this host's entries where the store is a git repository, those too that a killed run has left uncommitted."""
        roots = [os.path.join(self._root, *self._parts[:depth]) for depth in range(len(self._parts), -1, -1)]
        if not any(os.path.lexists(os.path.join(root, ".git")) for root in roots):
            return
        # Behind a link the entries may lie outside of it.
        if "not a git repository" in self._run(["git", "rev-parse"], self._folder)[2]:
            return
        ignored = os.path.join(self._folder, ".gitignore")
        if not os.path.lexists(ignored):
            with open(ignored, "w", encoding="ascii") as stream:
                stream.write("/.gitignore\n/%s\n/%s*\n" % (_LOCK, _STAGE))
        entries = ["--", ":(glob)*" + _SUFFIX]
        # One process at a time: git itself does not wait for another one.
        with self._file_lock(os.path.join(self._git("rev-parse", "--absolute-git-dir").strip(), "rekey.lock")):
            self._git("add", "--all", *entries)
            if self._git("status", "--porcelain", *entries):
                sign = ["--gpg-sign"] * (
                    self._git("config", "--bool", "--default", "false", "--get", "pass.signcommits").strip() == "true"
                )
                self._git(
                    "commit", "--quiet", *sign, "--message", "Store passwords of %s." % "/".join(self._parts), *entries
                )

    def _git(self, *arguments: str) -> str:
        for number in range(_TRIES):
            time.sleep(10 * _PAUSE * number)
            status, output, stderr = self._run(["git", *arguments], self._folder)
            # Somebody's own git is at work.
            if "index.lock" not in stderr:
                break
        if status:
            lines = [
                line for line in stderr.splitlines() if line.startswith(("fatal:", "error:"))
            ] or stderr.splitlines()[-1:]
            raise failure(
                (
                    "The entries in %s are written, but git %s fails: " % (self._folder, arguments[0]),
                    Outside(" ".join(lines)),
                )
            )
        return output


def _invalid(message: str) -> PasswordError:
    return PasswordError(errors.INVALID_INPUT, "%s (in the role: rotate_store_options)." % message)


def _program(name: str) -> str:
    """The path of a program.

    :raises PasswordError: ``invalid_input``: it is not installed.
    """
    try:
        path: str = get_bin_path(name)
        return path
    except ValueError as exc:
        message = (
            "%s. The store passwordstore needs pass and GnuPG (Debian: apt-get install pass gnupg), with the backend gpg only the latter"
            % exc
        )
        raise _invalid(message) from None


def _quoted(name: str) -> str:
    """One part of a path out of any name: no ``/``, no dot or dash at the beginning, nothing that the programs or a shell take for something else."""
    text = quote(name, safe="@+").replace("~", "%7E")
    return "%%%02X%s" % (ord(text[0]), text[1:]) if text.startswith((".", "-")) else text


def _version(content: bytes) -> str:
    return sha256(content).hexdigest()


def _text(record: Record, user: str) -> str:
    """An entry: the current password, the user, and everything else as JSON, one line each."""
    data = record.as_dict()
    for password in (data["password"], data["pending"] and data["pending"]["password"]):
        # A pending one becomes the first line some day. Readers know more line breaks than one.
        if password and password.splitlines() != [password]:
            raise failure(
                "A password of %s has a line break: the first line of an entry cannot hold it. Nothing was written."
                % user
            )
    password, name = data.pop("password") or "", data.pop("username")
    plain = name.splitlines() == [name] and name == name.strip() and not name.startswith('"')
    return "%s\nusername: %s\n%s\n" % (password, name if plain else json.dumps(name), json.dumps(data, sort_keys=True))


def _record(text: str, user: str, path: str, *, host: Optional[str] = None) -> Record:
    """The record in an entry."""
    try:
        password, name, rest, end = text.split("\n")
        label, name = name[:10], name[10:]
        data = dict(
            json.loads(rest), password=password or None, username=json.loads(name) if name.startswith('"') else name
        )
        if label != "username: " or end:
            raise ValueError
    except (ValueError, TypeError):
        message = (
            "%s does not hold a record. Move it away if it is yours; it is not overwritten. Or restore it from a copy."
            % path
        )
        return damaged_record(message, text, user, host)
    return read_record(data, user, path, host)


def _recipients(keys: str) -> List[str]:
    """For whom gpg encrypts: the keys in ``.gpg-id``, without comments, or those that pass would take instead."""
    instead = os.environ.get("PASSWORD_STORE_KEY", "").split()
    with open(keys, encoding="utf-8") as stream:
        names = instead or [line.split("#", 1)[0].strip() for line in stream]
    return [argument for name in names if name for argument in ("--recipient", name)]


def _said(stderr: str) -> str:
    """What the programs said, without gpg's status lines."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("[GNUPG:]")]
    return " ".join(lines[-2:]) or "no reason was given."


def _why_not_encrypted(stderr: str, keys: str) -> str:
    bad = [line.split()[3] for line in stderr.splitlines() if line.startswith("[GNUPG:] INV_RECP ")]
    if bad:
        return (
            "the key %s, which %s names, is missing, expired or not trusted. Import and sign it (gpg --import, gpg --lsign-key). %s"
            % (", ".join(bad), keys, _said(stderr))
        )
    return _said(stderr)


STORE = PasswordStore
