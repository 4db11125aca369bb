# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded store: one file per host, encrypted with the play's own vault password.

``ansible-vault view`` shows such a file. It is replaced as a whole, never written in place, so that it is readable at every moment;
a lock file beside it keeps two processes from overwriting each other's records.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple
from urllib.parse import quote

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.parsing.vault import VaultLib, VaultSecret, is_encrypted, match_encrypt_secret, parse_vaulttext_envelope
from ansible.utils.display import Display
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

from .._durable_files import Locked, behind_links, file_lock, make_folder, share, sync
from .._folder_notes import FolderNotes
from .._folder_trust import MARKER, distrust, is_begun, is_marked, mark, shared_option, why
from ..store import Entry, Note, Store, StoreConflict, content_version, failure, read_record

_FORMAT = 1
# Ansible reads no inventory from .txt files, and variables only from .yml, .yaml, .json and names without an extension.
_SUFFIX = ".rekey.txt"
_OLD_SUFFIX = ".yml"
# And whatever reads the file all the same fails here: "[`" is neither JSON, YAML nor TOML, and the whole no section of an INI file.
_FIRST_LINE = "[`Records of rekey.passwords. This line keeps Ansible from reading them as an inventory or as variables; leave it here.`]\n"
_BEGIN = "$ANSIBLE_VAULT"
_LOCK_TIMEOUT = 30.0  # seconds to wait for another process
_TRIES = 4
_WITHOUT_A_COPY = "If there is no copy, move it elsewhere, then run rotation_repair (playbook repair) with the passwords that are in force."
_PAUSE = 0.1  # seconds before the second try to read what ansible-vault may be writing just now


class AnsibleVaultStore(Store):
    """Records in ``<store_path>/<host>.rekey.txt``. Files of the old name, ``<host>.yml``, are read, and moved by the first write."""

    argument_spec = dict(shared=shared_option("REKEY_ANSIBLE_VAULT_SHARED"))
    lists_for_free = True

    def __init__(self, host: str, options: Dict[str, Any], loader: Any) -> None:
        super().__init__(host, options, loader)
        self._shared = bool(options.get("shared"))
        folder = options.get("store_path")
        if not folder:
            raise PasswordError(
                errors.INVALID_INPUT,
                "store_path (in the role: rotate_store_path) is missing. Name a folder that outlives the run; the passwords are kept there.",
            )
        if not os.path.isabs(os.path.expanduser(folder)):
            # Relative to what the command was started in, another start would find no passwords and make new ones.
            raise PasswordError(
                errors.INVALID_INPUT,
                "store_path (in the role: rotate_store_path) must be an absolute path, such as /srv/passwords.",
            )
        secrets = getattr(getattr(loader, "_vault", None), "secrets", None)
        if not secrets:
            raise PasswordError(
                errors.INVALID_INPUT,
                "The store ansible_vault needs the play's vault password. Run with --vault-password-file, --vault-id or --ask-vault-pass "
                "(in AWX: attach a vault credential).",
            )
        self._vault = _Vault(secrets)
        # The digest of what was last decrypted or encrypted, and its text: most of the time goes into the key of a file.
        self._last: Tuple[Optional[bytes], Any] = (None, None)
        self._folder = os.path.normpath(os.path.expanduser(folder))
        # Any inventory name becomes one file name: no "/", no dot at the beginning, and no "~", which ends it in the names beside it.
        name = quote(host, safe="").replace("~", "%7E")
        self._path = os.path.join(self._folder, (("%2E" + name[1:]) if name.startswith(".") else name) + _SUFFIX)
        self._old_path = self._path[: -len(_SUFFIX)] + _OLD_SUFFIX
        self._may_begin = bool(options.get("store_create"))
        self._notes = FolderNotes(lambda: self._folder, self._shared)

    @property
    def is_begun(self) -> bool:
        return is_begun(self._folder, _is_record)

    def get(self, users: Iterable[str]) -> Dict[str, Entry]:
        data = self._read()
        return {user: self._entry(data, user) for user in users}

    def put(self, entries: Dict[str, Entry]) -> None:
        if not entries:
            return
        self._require_store()
        with self._host_lock():
            text, conflicts = self._merged(entries)
            if len(conflicts) < len(entries):
                self._mark()
                self._move_old()
                if self._write(text) != self._content():
                    # Written by somebody who does not know our lock. Reading again shows what happened to our records.
                    raise StoreConflict(sorted(entries))
        if conflicts:
            raise StoreConflict(sorted(conflicts))

    def list(self) -> List[str]:
        return sorted(self._read())

    def read_note(self, name: str) -> Note:
        self._require_store()
        return self._notes.read(name)

    def write_note(self, name: str, content: Dict[str, Any], version: Any) -> Any:
        self._require_store()
        self._mark()
        return self._notes.write(name, content, version)

    def _require_store(self) -> None:
        """Refuse an empty folder: it may be where a volume is not mounted. Unless somebody wants to begin a store there.

        :raises PasswordError: ``store_failed``.
        """
        if os.path.islink(self._folder) and not os.path.exists(self._folder):
            raise failure(
                "The folder %s cannot be used: No such file or directory. It is a link. Is its volume mounted?"
                % self._folder
            )
        self._require_trust()
        try:
            begun = is_begun(self._folder, _is_record)
        except OSError as exc:
            raise failure("The folder %s cannot be used: %s." % (self._folder, exc.strerror)) from None
        if not begun and not self._may_begin:
            raise failure(
                "There is no store in %s: it holds neither a record nor the file %s. Is its volume mounted? A new store is begun by a rotation with "
                "store_create (in the role: rotate_store_create)." % (self._folder, MARKER)
            )

    def _require_trust(self) -> None:
        """Refuse a folder to which others may write, or that belongs to somebody else.

        :raises PasswordError: ``store_failed``.
        """
        for folder in dict.fromkeys((self._folder, os.path.dirname(self._file()))):
            if complaint := distrust(folder, self._shared):
                raise failure(complaint)

    def _mark(self) -> None:
        """Make the folder a store, if it is none yet or one from before there was a mark."""
        try:
            if not is_marked(self._folder):
                make_folder(self._folder, self._shared)
                mark(self._folder, self._shared)
        except OSError as exc:
            raise failure("The folder %s cannot be used: %s." % (self._folder, exc.strerror)) from None

    def _merged(self, entries: Dict[str, Entry]) -> Tuple[str, Set[str]]:
        """What the file is to hold, and the names of those that somebody else has changed meanwhile, as a set."""
        data = self._read()
        conflicts = {user for user, entry in entries.items() if self._entry(data, user).version != entry.version}
        data.update((user, entry.known.as_short_dict()) for user, entry in entries.items() if user not in conflicts)
        return _as_text(data, self.host), conflicts

    def _entry(self, data: Dict[str, Any], user: str) -> Entry:
        if user not in data:
            return Entry(None, None)
        return Entry(read_record(data[user], user, self._path, self.host), content_version(data[user]))

    def _read(self) -> Dict[str, Any]:
        """All records as plain data, by user."""
        self._require_trust()
        seen: Any = self
        for number in range(_TRIES):
            encrypted = self._content()
            if encrypted is not None:
                try:
                    return self._users(encrypted)
                except PasswordError:
                    if encrypted == seen or number == _TRIES - 1:
                        raise
            elif seen is None or (number == 0 and not os.path.lexists(self._beside(self._path) + "lock")):
                self._last = (None, None)
                return {}
            # ansible-vault removes a file that it has edited, and then copies the new one to its place.
            seen = encrypted
            time.sleep(_PAUSE)
        raise failure("%s is being replaced by another program. Run again." % self._path)

    def _content(self) -> Optional[bytes]:
        """The bytes of the file; ``None`` if there is none."""
        # The new name once more: between the two looks somebody may have moved the file.
        for path in (self._path, self._old_path, self._path):
            try:
                with open(path, "rb") as stream:
                    return stream.read()
            except FileNotFoundError:
                # A new file in place of a link whose target is missing just now would forget the passwords.
                self._real(path)
            except OSError as exc:
                raise failure("%s cannot be read: %s" % (path, why(exc, self._folder, self._shared))) from None
        self._require_store()
        return None

    def _file(self) -> str:
        """The file that is locked, swept and replaced. Behind a link it is the one where it leads; the link stays."""
        for path in (self._path, self._old_path):
            if os.path.islink(path):
                return self._real(path)
            if os.path.lexists(path):
                break
        return self._path

    @staticmethod
    def _real(path: str) -> str:
        """Where a path leads.

        :raises PasswordError: ``store_failed``: it is a link that leads nowhere.
        """
        try:
            return behind_links(path)
        except FileNotFoundError:
            raise failure("%s is a link to a file that does not exist. Is its volume mounted?" % path) from None
        except OSError as exc:
            raise failure("%s is a link that leads nowhere: %s." % (path, exc.strerror)) from None

    def _move_old(self) -> None:
        """Give the file its name of today, in one step."""
        if not os.path.lexists(self._old_path):
            return
        if os.path.lexists(self._path):
            Display().warning(
                "%s is a file of an earlier version, and %s is the one that counts. Remove the former."
                % (self._old_path, self._path)
            )
            return
        try:
            os.rename(self._old_path, self._path)
            self._sweep(self._old_path)
            with suppress(FileNotFoundError):
                os.unlink(self._beside(self._old_path) + "lock")
            sync(self._folder)
        except OSError as exc:
            raise failure("%s cannot be moved to %s: %s." % (self._old_path, self._path, exc.strerror)) from None

    def _users(self, encrypted: bytes) -> Dict[str, Any]:
        """The records in the bytes of the file."""
        damaged = "Restore it from a copy; it is not overwritten. " + _WITHOUT_A_COPY
        if not is_encrypted(encrypted):
            raise failure("%s is not encrypted by ansible-vault. %s" % (self._path, damaged))
        try:
            digest = hashlib.sha256(encrypted).digest()
            text = self._last[1] if digest == self._last[0] else self._vault.decrypt(encrypted)
        except AnsibleError:
            raise failure(
                "%s cannot be decrypted with the vault passwords of this play; or it is damaged: then restore it from a copy. %s"
                % (self._path, _WITHOUT_A_COPY)
            ) from None
        self._last = (digest, text)
        try:
            content = json.loads(_without_first_line(text))
            version, users, owner = content["format"], content["users"], content.get("host")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise failure("%s does not hold records. %s" % (self._path, damaged)) from None
        if version != _FORMAT:
            raise failure("%s was written in the format %s, which this version does not know." % (self._path, version))
        if not isinstance(users, dict):
            raise failure("%s does not hold records. %s" % (self._path, damaged))
        if owner not in (None, self.host):
            raise PasswordError(
                errors.TARGET_MISMATCH,
                "%s holds the records of %s, not of %s. Were files swapped or copied? Then put them back. If the host was renamed, keep the old name for "
                "its records: rotate_target (option target)." % (self._path, owner, self.host),
            )
        return users

    def _write(self, text: str) -> bytes:
        known = self._last[0] is not None  # there was a file before
        self._last = (None, None)  # the encryption takes much room by itself
        encrypted = self._encrypted(text, known)
        path = self._file()
        temporary = None
        kept = "What it held before is untouched"
        try:
            self._sweep(path)
            folder, prefix = os.path.dirname(path), os.path.basename(self._beside(path))
            handle, temporary = tempfile.mkstemp(prefix=prefix, dir=folder)  # mode 0600
            with os.fdopen(handle, "wb") as stream:
                stream.write(encrypted)
                stream.flush()
                os.fsync(stream.fileno())
            if self._shared:
                share(temporary)
            os.rename(temporary, path)
            self._last = (hashlib.sha256(encrypted).digest(), text)
            kept = "It holds the new records, which may not survive a crash of the machine"
            sync(os.path.dirname(path))
        except OSError as exc:
            if temporary:
                with suppress(OSError):
                    os.unlink(temporary)
            raise failure("%s cannot be written: %s. %s." % (self._path, exc.strerror, kept)) from None
        return encrypted

    def _encrypted(self, text: str, known: bool) -> bytes:
        """The bytes of a file with that text.

        :param known: whether there was a file before, which has just been decrypted.
        """
        identity = constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
        ids = list(dict.fromkeys(vault_id for vault_id, _secret in self._vault.secrets))
        if not identity and known:
            # Those who could read it must still be able to.
            vault_id, secret = self._vault.used
        elif not identity and len(ids) > 1:
            raise failure(
                "%s would be new, and the play has several vault ids (%s). Name the one that encrypts it: vault_encrypt_identity in ansible.cfg, or the "
                "environment variable ANSIBLE_VAULT_ENCRYPT_IDENTITY." % (self._path, ", ".join(ids))
            )
        else:
            try:
                vault_id, secret = match_encrypt_secret(self._vault.secrets, encrypt_vault_id=identity)
            except AnsibleError:
                raise failure(
                    "%s cannot be encrypted: no vault password of this play fits vault_encrypt_identity." % self._path
                ) from None
        self._vault.used = (vault_id, secret)
        try:
            encrypted: bytes = self._vault.encrypt(text, secret=secret, vault_id=vault_id)
            return encrypted
        except AnsibleError:
            raise failure("%s cannot be encrypted with the vault id %s." % (self._path, vault_id)) from None

    @staticmethod
    def _beside(path: str) -> str:
        """The beginning of the names of the files that lie beside a file."""
        return os.path.join(os.path.dirname(path), ".%s~" % os.path.basename(path))

    def _sweep(self, path: str) -> None:
        """Remove what a killed process left behind; nobody else writes while we hold the lock."""
        folder, beside = os.path.split(self._beside(path))
        for name in os.listdir(folder):
            if name.startswith(beside) and name != beside + "lock":
                os.unlink(os.path.join(folder, name))

    @contextmanager
    def _host_lock(self) -> Iterator[None]:
        """Keep other processes out of the host's file; the kernel ends the lock if this process is killed."""
        with ExitStack() as held:
            try:
                make_folder(self._folder, self._shared)
                held.enter_context(file_lock(self._beside(self._file()) + "lock", _LOCK_TIMEOUT, self._shared))
            except Locked:
                raise failure(
                    "%s has been locked by another process for %d seconds." % (self._path, _LOCK_TIMEOUT)
                ) from None
            except OSError as exc:
                # Only what concerns a file or a folder names it.
                if exc.filename:
                    raise failure("The folder %s cannot be used: %s." % (self._folder, exc.strerror)) from None
                raise failure("%s cannot be locked: %s." % (self._path, exc.strerror)) from None
            yield


class _Vault(VaultLib):
    """Remembers under which id, and with which secret, the last file was encrypted."""

    used: tuple[Optional[str], Optional[VaultSecret]] = (None, None)

    # Up to ansible-core 2.18 there are further arguments, for messages.
    def decrypt_and_get_vault_id(self, vaulttext: Any, *args: Any, **kwargs: Any) -> Any:
        """As in VaultLib."""
        decrypted = super().decrypt_and_get_vault_id(vaulttext, *args, **kwargs)
        # The id of the file, which need not be that of the secret; ansible-vault keeps it, too.
        self.used = (parse_vaulttext_envelope(vaulttext)[3], decrypted[2])
        return decrypted


def _is_record(path: str) -> bool:
    """Whether a file in the folder is one of a host, of this version or an earlier one."""
    if os.path.basename(path).startswith(".") or not path.endswith((_SUFFIX, _OLD_SUFFIX)):
        return False
    with suppress(OSError), open(path, "rb") as stream:
        return stream.read(len(_BEGIN)) == _BEGIN.encode()
    return False


def _without_first_line(text: Any) -> str:
    """The JSON in a file, without the first line, which files of earlier versions and edited ones lack."""
    content: str = to_text(text, errors="surrogate_or_strict")
    return content.partition("\n")[2] if content.startswith(_FIRST_LINE[:2]) else content


def _as_text(users: Dict[str, Any], host: str) -> str:
    # One line per user: somebody may look at it with ansible-vault, and the ciphertext takes four times its length.
    lines = ("%s: %s" % (json.dumps(user), json.dumps(users[user], sort_keys=True)) for user in sorted(users))
    return '%s{"format": %d, "host": %s, "users": {\n%s\n}}\n' % (
        _FIRST_LINE,
        _FORMAT,
        json.dumps(host),
        ",\n".join(lines),
    )


STORE = AnsibleVaultStore
