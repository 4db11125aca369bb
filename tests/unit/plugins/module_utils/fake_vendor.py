# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vendor without a network, for the tests of what all vendors share: it does what a test tells it, and notes each call."""

from __future__ import annotations

import threading

from ansible_collections.rekey.passwords.plugins.module_utils._argument_spec import module_spec
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Capabilities, Login, Vendor

OLD = "S3cr3t-MARKER-old"
NEW = "S3cr3t-MARKER-new"
ROOT = "S3cr3t-MARKER-root"


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def sleep(self, seconds):
        """Wait."""
        assert seconds >= 0
        self.waits.append(seconds)
        self.now += seconds

    def __call__(self):
        return self.now


# The outcome of a login that a behaviour gives as true, false or none.
LOGINS = {True: Login.RIGHT, False: Login.WRONG, None: Login.unknown("")}


def make_vendor(
    passwords=(), failed_logins_per_call=None, settle_seconds=0.0, bulk=0, others_need_current="yes", rules=None, **behaviour
):  # fmt: skip
    """A new class of vendor, with notes of its own.

    :param passwords: names to the passwords in force.
    :param rules: further capabilities.
    :param behaviour: for ``check``, ``open``, ``find``, ``change_needed``, ``probe``, ``change``, ``change_all`` (only with ``bulk``) and ``close``:
        something to do instead, called with the vendor and what the method was called with. ``needs_current`` is what that method returns.
    :return: the class; ``calls`` is the list of calls, ``passwords`` what is in force, ``failed_logins`` counts by name.
    """

    class Fake(Vendor):
        """See above."""

        name = "fake"
        env_prefix = "FAKE"
        capabilities = Capabilities(
            title="Fake", changes_own=True, changes_others=True, others_need_current=others_need_current, login_probe="a look", lockout="none",
            failed_logins_per_call=failed_logins_per_call, settle_seconds=settle_seconds, password_min=2, password_max=64, password_unit="characters",
            password_forbidden="\n", bulk=bulk, **(rules or {}),
        )  # fmt: skip
        argument_spec = dict(
            url=dict(type="str", required=True), api_user=dict(type="str"), api_password=dict(type="str", no_log=True),
            api_keys=dict(type="list", elements="str", no_log=True),
        )  # fmt: skip
        user_spec = dict(domain=dict(type="str"), pin=dict(type="str", no_log=True, required=True))
        constraints = dict(required_together=[("api_user", "api_password")], mutually_exclusive=[("api_keys", "api_user")], required_by=dict(api_keys="url"))
        calls = []
        lock = threading.Lock()
        failed_logins = {}

        def _do(self, what, *args):
            with self.lock:
                self.calls.append((what,) + tuple(getattr(arg, "name", arg) for arg in args))
            return behaviour[what](self, *args) if what in behaviour else getattr(self, "usual_" + what)(*args)

        def check(self, account):
            super().check(account)
            if "check" in behaviour:
                behaviour["check"](self, account)

        def open(self, accounts):
            self._do("open", len(accounts))

        def find(self, accounts):
            with self.lock:
                self.calls.append(("find",) + tuple(account.name for account in accounts))
            if "find" in behaviour:
                behaviour["find"](self, accounts)

        def change_needed(self, account):
            return behaviour["change_needed"](self, account) if "change_needed" in behaviour else None

        def needs_current(self, account):
            return behaviour.get("needs_current", False)

        def probe(self, account, password):
            right = self._do("probe", account, password)
            if right is False:
                with self.lock:
                    self.failed_logins[account.name] = self.failed_logins.get(account.name, 0) + 1
            return right if isinstance(right, Login) else LOGINS[right]

        def change(self, account):
            self._do("change", account)

        def change_all(self, accounts):
            if not bulk:
                super().change_all(accounts)
                return
            with self.lock:
                self.calls.append(("change_all",) + tuple(account.name for account in accounts))
            behaviour.get("change_all", Fake.usual_change_all)(self, accounts)

        def close(self):
            self._do("close")

        def usual_open(self, number):
            """Nothing to do."""

        def usual_close(self):
            """Nothing to do."""

        def usual_probe(self, account, password):
            """Compare with the password in force."""
            return self.passwords.get(account.name) == password

        def usual_change(self, account):
            """Set it."""
            self.passwords[account.name] = account.password

        def usual_change_all(self, accounts):
            """Set them."""
            for account in accounts:
                self.usual_change(account)

        @classmethod
        def names(cls, what):
            """For whom something was called, in this order."""
            return [call[1] for call in cls.calls if call[0] == what]

    Fake.passwords = dict(passwords)
    Fake.calls = []
    Fake.failed_logins = {}
    return Fake


def params(vendor, *users, **options):
    """The options as the validator would hand them on.

    :param users: names, or dicts; those without a password get :data:`NEW`.
    """
    spec = module_spec(vendor)["argument_spec"]
    entries = [dict(dict.fromkeys(spec["users"]["options"]), **({"name": user, "password": NEW} if isinstance(user, str) else user)) for user in users]
    defaults = {name: option.get("default") for name, option in spec.items()}
    return dict(defaults, **dict({"url": "https://fake.invalid", "users": entries, "concurrency": 1}, **options))


def fails(kind, message="no", **more):
    """A behaviour that ends in a typed error."""

    def fail(_vendor, *_args):
        raise PasswordError(kind, message, **more)

    return fail


def breaks(exception):
    """A behaviour that ends in an exception that nobody foresaw."""

    def fail(_vendor, *_args):
        raise exception

    return fail
