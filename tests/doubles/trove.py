# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the users of OpenStack Trove, which are those of Rackspace Cloud Databases, too; its identity services are in the class above it."""

from __future__ import annotations

import json
import re
import time
import urllib.parse

from starlette.responses import Response

from tests.doubles.faults import http_date
from tests.doubles.trove_identity import IdentityDouble

INSTANCE = "11111111-2222-3333-4444-555555555555"
ANYWHERE = "%"
RESERVED = ("os_admin", "root")
LOST = {"mysql": "'\";,/\\`", "postgresql": "'"}


class TroveDouble(IdentityDouble):
    """The API, with one database that all its instances share.

    :param users: names to passwords; a name may have a host, as in ``bob@10.0.0.1``.
    :param instances: identifiers to status: ``ACTIVE``, ``BUILD``, ``SHUTDOWN``, or ``FOREIGN`` for one of somebody else.
    :param hostname: what instances tell as the host of their database; ``None`` for nothing.
    :param engine: ``mysql`` or ``postgresql``, which lose different passwords.
    :param delay: seconds between the answer to a change and the change; ``None`` waits for ``settle()``.
    :param refuses: whether passwords that would be lost are refused with 400, as at Rackspace and by releases up to 22.
    :param page_size: how many users a listing has at most.
    :param put_rate: how many changes a minute are taken; ``None`` for any number.
    :param retry_after: ``seconds`` or ``date``: how the answer beyond that tells when to come back.
    :param guest: ``well``, ``silent`` or ``without database``: how the part of Trove is that sits beside the database.
    :param odd_account: whether the database has an account that keeps Trove from listing any.
    :param readers: who may look but not change.
    :param options: those of :class:`tests.doubles.trove_identity.IdentityDouble`.
    """

    vendor = "trove"

    def __init__(
        self,
        users=None,
        *,
        instances=None,
        hostname="127.0.0.1",
        engine="mysql",
        delay=0.0,
        refuses=False,
        page_size=20,
        put_rate=None,
        retry_after="seconds",
        guest="well",
        odd_account=False,
        readers=(),
        **options,
    ):
        super().__init__(users, **options)
        self.instances = dict(instances or {INSTANCE: "ACTIVE"})
        self.hostname = hostname
        self.engine = engine
        self.delay = delay
        self.refuses = refuses
        self.page_size = page_size
        self.put_rate = put_rate
        self.retry_after = retry_after
        self.guest = guest
        self.odd_account = odd_account
        self.readers = set(readers)
        self.clock = time.monotonic
        self._puts = []

    def routes(self):
        instance = "/v1.0/{tenant}/instances/{instance}"
        return super().routes() + [
            ("GET", instance, self._show_instance),
            ("GET", instance + "/users", self._list),
            ("PUT", instance + "/users", self._change),
            ("GET", instance + "/users/{user:path}", self._show_user),
        ]

    def is_write(self, received):
        return received.method in ("PUT", "DELETE") or (received.method == "POST" and received.path.startswith("/v1.0/"))

    def inspect(self, received):
        super().inspect(received)
        if "/users/" in received.path:
            received.user = _plain(received.path.rpartition("/users/")[2])[0]
        try:
            wanted = [user for user in json.loads(received.body)["users"] if isinstance(user, dict)]
        except (ValueError, KeyError, TypeError):
            return
        received.user = next((user["name"] for user in wanted if isinstance(user.get("name"), str)), None)
        received.secrets = [user["password"] for user in wanted if isinstance(user.get("password"), str)] + received.secrets

    # What a test calls.

    def set_user(self, name, password):
        name, _at, host = name.partition("@")
        super().set_user(_key(name, host or ANYWHERE), password)

    def can_log_in(self, name, password, host=ANYWHERE):
        """Whether the database takes this password."""
        with self.lock:
            return self.users.get(_key(name, host)) == password

    # The API.

    def authenticate(self, received):
        if not received.path.startswith("/v1.0/"):
            return None
        refusal = self.check_token(received)
        if refusal is None and received.path.split("/")[2] != received.project:
            message = "Access was denied to this resource.<br /><br />\nUser with tenant id %s cannot access this resource.\n\n" % received.project
            return self.flat(received, 403, "Forbidden", message)
        return refusal

    def _begin(self, instance, running=True):
        """What precedes every operation; the refusal or ``None``."""
        status = self.instances.get(instance, "FOREIGN")
        if status == "FOREIGN":
            return self.error(404, "Resource %s cannot be found." % instance)
        if running and status != "ACTIVE":
            word = {"BUILD": "building"}.get(status, status.lower())
            return self.error(422, "Instance %s is not ready, status: %s." % (instance, word))
        return None

    def _ask_guest(self):
        """What Trove says if it cannot ask the part of it that is beside the database."""
        if self.guest == "silent":
            return self.error(400, "Timeout trying to connect to the Guest Agent.")
        if self.guest == "without database":
            return self.error(400, "An error occurred communicating with the guest: (2003, \"Can't connect to MySQL server on '127.0.0.1'\").")
        return None

    def _show_instance(self, received, tenant, instance):  # pylint: disable=unused-argument
        refusal = self._begin(instance, running=False)
        if refusal:
            return refusal
        shown = {
            "id": instance,
            "name": "database",
            "status": self.instances[instance],
            "region": self.regions[0],
            "datastore": {"type": self.engine, "version": "8.0"},
            "links": [{"rel": "self", "href": "https://127.0.0.1/v1.0/%s/instances/%s" % (tenant, instance)}],
        }
        if self.hostname:
            shown["hostname"] = self.hostname
        return self.json({"instance": shown})

    def _list(self, received, tenant, instance):  # pylint: disable=unused-argument
        refusal = self._begin(instance) or self._ask_guest()
        if refusal:
            return refusal
        if self.odd_account:
            return self.error(400, "An error occurred communicating with the guest: 'odd/name' is not a valid user name..")
        query = dict(urllib.parse.parse_qsl(received.query.decode("ascii")))
        size = min(int(query.get("limit", self.page_size)), self.page_size)
        every = sorted("%s@%s" % _split(key) for key in self.users)
        rest = [marker for marker in every if marker > query.get("marker", "") and marker.partition("@")[0] not in RESERVED]
        page = rest[:size]
        users = [{"name": name, "host": host, "databases": []} for name, _at, host in (marker.partition("@") for marker in page)]
        body = {"users": users}
        if len(rest) > size:
            # Encoded here, and once more by urlencode; and always https, whatever it came by.
            query["marker"] = urllib.parse.quote(page[-1])
            href = "https://%s%s?%s" % (self.url.partition("//")[2], received.path, urllib.parse.urlencode(query))
            body["links"] = [{"rel": "next", "href": href}]
        return self.json(body)

    def _show_user(self, received, tenant, instance, user):  # pylint: disable=unused-argument
        refusal = self._begin(instance)
        if refusal:
            return refusal
        if "." in user:
            # Rackspace's front takes what follows the dot for the ending of a file.
            user = user.rpartition(".")[0]
        name, host = _plain(user)
        refusal = self._reserved(name, "User show error") or self._ask_guest()
        if refusal:
            return refusal
        if len(name) > 16 and self.engine == "mysql":
            text = "An error occurred communicating with the guest: Username %s is not valid: User name '%s' is too long. Max length = 16.."
            return self.error(400, text % (name, name))
        if _key(name, host) not in self.users:
            return self.error(404, "User %s@%s cannot be found on the instance." % (name, host))
        return self.json({"user": {"name": name, "host": host, "databases": []}})

    def _change(self, received, tenant, instance):  # pylint: disable=unused-argument
        refusal = self._limit() or self._body_refusal(received) or self._begin(instance, running=False)
        if refusal:
            return refusal
        if received.authenticated_as in self.readers:
            return self.error(403, "Policy doesn't allow instance:extension:user:update_all to be performed.")
        wanted = [(user["name"], user.get("host") or ANYWHERE, user["password"]) for user in received.json()["users"]]
        for name, host, password in wanted:
            refusal = self._begin(instance) or self._reserved(name, "Error loading user") or self._ask_guest()
            if refusal:
                return refusal
            if self.refuses and (password != password.strip() or any(character in password for character in LOST[self.engine])):
                return self.error(400, "Error loading user: '%s' is not a valid password." % password)
            if _key(name, host) not in self.users:
                return self.error(404, "User %s@%s cannot be found on the instance." % (name, host))
        if received.fault is None and self.delay != 0:
            received.applies, received.delay = "later", self.delay
        self.commit(received, lambda: self._apply_changes(wanted))
        return Response(status_code=202, headers=self.new_id())

    def _apply_changes(self, wanted):
        for name, host, password in wanted:
            if self._is_lost(password):
                # The first that fails ends the work, and nobody learns of it.
                return
            if _key(name, host) in self.users:
                self.users[_key(name, host)] = password

    def _is_lost(self, password):
        if any(character in password for character in LOST[self.engine]):
            return True
        if self.engine != "mysql":
            return False
        # The last: what the server's library takes for a parameter of the statement.
        return password != password.strip() or not password.isprintable() or re.search(r"(?<![:\w]):(\w+)(?!:)", password) is not None

    def _reserved(self, name, doing):
        if name in RESERVED:
            return self.error(400, "%s: User name \"%s\" is on the reserved list: ['os_admin', 'root']." % (doing, name))
        return None

    def _limit(self):
        if self.put_rate is None:
            return None
        now = self.clock()
        self._puts = [at for at in self._puts if now - at < 60]
        if len(self._puts) < self.put_rate:
            self._puts.append(now)
            return None
        seconds = int(60 - (now - self._puts[0])) + 1
        message, details = "This request was rate-limited.", "Only %d PUT request(s) can be made to users every minute." % self.put_rate
        body = {"overLimit": {"code": 413, "message": message, "details": details, "retryAfter": str(seconds)}}
        return self.json(body, 413, {"Retry-After": str(seconds) if self.retry_after == "seconds" else http_date(seconds)})

    def _body_refusal(self, received):
        if not received.headers.get("content-type", "").startswith("application/json"):
            return self.flat(received, 415, "Unsupported Media Type", "The request media type is not supported by this server.<br /><br />\n\n\n")
        try:
            body = received.json()
        except ValueError:
            return self.flat(received, 400, "Bad Request", "Malformed request body<br /><br />\n\n\n")
        if not isinstance(body, dict) or not body:
            return self.error(500, "Internal Server Error. Please keep this ID to help us figure out what went wrong: (%s)." % INSTANCE)
        found = list(_schema_errors(body))
        return self.error(400, "Validation error: " + "; ".join(found)) if found else None


def _key(name, host):
    # A name with an "@" in it is nobody's.
    return name if host == ANYWHERE and "@" not in name else "%s@%s" % (name, host)


def _split(key):
    name, _at, host = key.partition("@")
    return name, host or ANYWHERE


def _plain(user):
    """Name and host of what is left in a path that was decoded once."""
    name, at, host = urllib.parse.unquote(user).rpartition("@")
    return (name, host) if at and host else (name or host, ANYWHERE)


def _schema_errors(body):
    """What the schema says; like the original, it repeats what it refuses."""
    users = body.get("users")
    if not isinstance(users, list):
        yield "'users' is a required property" if users is None else "users %r is not of type 'array'" % (users,)
        return
    for number, user in enumerate(users):
        where = "users[%d]" % number
        if not isinstance(user, dict):
            yield "%s %r is not of type 'object'" % (where, user)
            continue
        for member, longest, pattern in (("name", None, "^.*[0-9a-zA-Z]+.*$"), ("password", 255, "^.*[0-9a-zA-Z]+.*$"), ("host", None, r"^[%]?[\w(-).]*[%]?$")):
            if member not in user:
                if member != "host":
                    yield "%s '%s' is a required property" % (where, member)
            elif not isinstance(user[member], str):
                yield "%s['%s'] %r is not of type 'string'" % (where, member, user[member])
            elif longest and len(user[member]) > longest:
                yield "%s['%s'] %r is too long" % (where, member, user[member])
            elif not re.search(pattern, user[member]):
                yield "%s['%s'] %r does not match %r" % (where, member, user[member], pattern)


DOUBLE = TroveDouble
