# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ready-made deliveries: what their settings may be, what files hold, what a webhook gets."""

from __future__ import annotations

import subprocess
import types

import pytest
from ansible.errors import AnsibleError
from ansible_collections.rekey.passwords.plugins.filter.quote_for import FilterModule
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import Scrubber
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.plugin_utils._deliveries import files, kubernetes, options, vault, webhook
from ansible_collections.rekey.passwords.plugins.plugin_utils._deliveries.formats import FORMATS, quoted
from ansible_collections.rekey.passwords.plugins.plugin_utils._logins import Login

from tests.doubles.webhook import KEY, PATH, WebhookDouble

GROUPS = {"all": ["app1", "app2", "db"], "apps": ["app1", "app2"]}
CHARACTERS = [chr(number) for number in (*range(1, 0x180), 0x2028, 0x1F511)]
PASSWORD = "S3cr3t-MARKER-new"
KINDS = {"file": files, "kubernetes": kubernetes, "vault": vault, "webhook": webhook}


def around(character):
    """A password with a character within it, and at its end."""
    return "A%sb%s" % (character, character)


def read(kind, *elements, logins=None):
    """The settings of a kind, with the logins of their users."""
    settings = options.read(kind, list(elements), KINDS[kind].SPEC, KINDS[kind].OF_USERS)
    for setting in settings:
        {"file": lambda one: files.check(one, GROUPS), "kubernetes": kubernetes.planned, "vault": vault.check, "webhook": webhook.check}[kind](setting)
    found = logins or {}
    return [
        options.Setting(
            kind,
            one.index,
            one.options,
            tuple(
                options.Recipient(each.name, found.get(each.name, Login(each.name, PASSWORD, "2026-01-02T03:04:05Z")), each.options) for each in one.recipients
            ),
        )
        for one in settings
    ]


# Formats


@pytest.mark.parametrize("shell", ("sh", "bash"))
def test_a_shell_reads_back_every_character(tmp_path, shell):
    path = tmp_path / "app.env"
    path.write_text("".join("V%d=%s\n" % (number, quoted(around(one), "env")) for number, one in enumerate(CHARACTERS)), encoding="utf-8", newline="")
    script = '. "$0"; ' + "".join('printf "%%s\\0" "$V%d";' % number for number in range(len(CHARACTERS)))
    done = subprocess.run([shell, "-c", script, str(path)], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == [around(one) for one in CHARACTERS]


def test_the_library_of_postgresql_reads_back_every_character_that_a_line_can_hold(tmp_path):
    psycopg = pytest.importorskip("psycopg", reason="the library of PostgreSQL comes with the Python package psycopg")
    path = tmp_path / "pgpass"
    path.touch(mode=0o600)
    # No server is there: the file is read before a connection is tried.
    parameters = "host=db:1 hostaddr=127.0.0.1 port=1 user=alice dbname=x passfile=%s" % path
    for character in CHARACTERS:
        if character in "\n\r":
            with pytest.raises(PasswordError, match=r"U\+000[AD]"):
                quoted(around(character), "pgpass")
            continue
        fields = [quoted(text, "pgpass") for text in ("db:1", "*", "*", "alice", around(character))]
        path.write_text(":".join(fields) + "\n", encoding="utf-8", newline="")
        assert psycopg.pq.PGconn.connect_start(parameters.encode()).password.decode() == around(character)


@pytest.mark.parametrize("name", FORMATS)
def test_a_character_that_no_file_holds_is_named_and_nothing_else_of_the_password(name):
    with pytest.raises(AnsibleError) as caught:
        FilterModule().filters()["quote_for"](PASSWORD + "\0", name)
    assert "U+0000" in str(caught.value) and PASSWORD not in str(caught.value)
    with pytest.raises(AnsibleError, match="There is no format toml; there are: env, my_cnf, pgpass"):
        FilterModule().filters()["quote_for"]("x", "toml")


# Settings

FILE = {"path": "/etc/app.env", "hosts": ["apps"], "format": "env", "users": ["app"]}
SECRET = {"namespace": "shop", "secret": "database", "users": ["app"]}
VAULT = {"url": "https://vault.example.com", "token": "S3cr3t-MARKER-token", "path": "shop/database", "users": ["app"]}
HOOK = {"url": "https://hooks.example.com/x", "users": ["app"]}


@pytest.mark.parametrize(
    "kind, element, message",
    [
        ("file", "/etc/app.env", "It is not a dictionary with settings."),
        ("file", {**FILE, "users": []}, "users must name at least one user, and each only once."),
        ("file", {**FILE, "users": ["app", "app"]}, "users must name at least one user, and each only once."),
        ("file", {**FILE, "format": None}, "one of the following is required: format, template"),
        ("file", {**FILE, "template": "a.j2"}, "parameters are mutually exclusive: format|template"),
        ("file", {**FILE, "path": "app.env"}, "path is not absolute: app.env."),
        ("file", {**FILE, "mode": 0o600}, 'mode is not a text; put it into quotes, such as "0600".'),
        ("file", {**FILE, "hosts": ["ap1"]}, "The inventory has neither a host nor a group ap1."),
        ("file", {**FILE, "users": [{"name": "app", "host": "db"}]}, "A file in the format env does not take host for app."),
        ("file", {**FILE, "users": [{"name": "app", "password": "A-B"}]}, "A-B of app is not the name of a variable."),
        ("file", {**FILE, "users": ["app", "report"]}, "It has several users, so each needs a name for its password (app lacks password)."),
        ("file", {**FILE, "users": [{"name": name, "password": "P"} for name in ("app", "report")]}, "password is used twice: P."),
        ("file", {**FILE, "format": "my_cnf", "users": ["app", "report"]}, "Several users have the same section; give each its own."),
        ("file", {**FILE, "users": [{"name": "app", "passwrod": "P"}]}, "Unsupported options: passwrod"),
        ("kubernetes", {**SECRET, "workloads": [{"kind": "Pod", "name": "x"}]}, "value of kind must be one of: Deployment, StatefulSet, DaemonSet"),
        ("kubernetes", {**SECRET, "secret": None}, "missing required arguments: secret"),
        ("vault", {**VAULT, "path": "../x"}, "path is not the path of a secret: ../x."),
        ("vault", {**VAULT, "timeout": "long"}, "argument 'timeout' is of type"),
        ("webhook", {**HOOK, "url": "http://hooks.example.com/x"}, "url must begin with https://."),
        ("webhook", {**HOOK, "url": "http://127.0.0.1/x", "send_password": True}, "send_password needs a URL with https:// and validate_certs."),
        ("webhook", {**HOOK, "validate_certs": False, "send_password": True}, "send_password needs a URL with https:// and validate_certs."),
        ("webhook", {**HOOK, "retries": -1}, "retries must be at least 0."),
        ("webhook", {**HOOK, "headers": {"X": 1}}, "The value of a header is not a text; put it into quotes."),
    ],
)
def test_a_wrong_setting_is_named(kind, element, message):
    good = {"file": FILE, "kubernetes": SECRET, "vault": VAULT, "webhook": HOOK}[kind]
    with pytest.raises(PasswordError) as caught:
        read(kind, good, element)
    assert caught.value.message.startswith(options.VARIABLES[kind] + "[1]: ") and message in caught.value.message


def test_a_secret_in_the_wrong_place_is_not_repeated():
    with pytest.raises(PasswordError) as caught:
        read("vault", {**VAULT, "timeout": 5, "retries": "S3cr3t-MARKER-token"})
    with pytest.raises(PasswordError) as unknown:
        read("webhook", {**HOOK, "secrets": "S3cr3t-MARKER-key", "timeout": "S3cr3t-MARKER-key"})
    assert "S3cr3t" not in caught.value.message + unknown.value.message


def test_a_file_goes_to_every_host_of_a_group_once():
    (setting,) = read("file", {**FILE, "hosts": ["app1", "apps"], "restart": ["shop"]})
    planned = files.planned(setting, GROUPS)
    assert [(each["host"], [(one["name"], one["host"], one["state"]) for one in each["services"]]) for each in planned] == [
        (host, [("shop", host, "restarted")]) for host in ("app1", "app2")
    ]
    assert planned[0]["users"] == [{"name": "app", "part": part, "variable": part.upper()} for part in ("username", "password")]


def test_two_settings_for_one_file_are_refused():
    settings = read("file", FILE, {**FILE, "hosts": ["app2"]})
    with pytest.raises(PasswordError, match=r"rotate_deliver_files\[1\]: Another element writes /etc/app.env on app2, too."):
        files.require_one_each(settings, GROUPS)
    files.require_one_each(read("file", {**FILE, "hosts": ["app1"]}, {**FILE, "hosts": ["app2"]}), GROUPS)


def test_no_delivery_goes_into_the_folder_of_the_store():
    inside, beside = read("vault", {**VAULT, "path": "/rekey/db/app"}, {**VAULT, "path": "rekeyed/db"})
    with pytest.raises(PasswordError, match="path is in the folder of the store itself: rekey/db/app"):
        vault.check(inside, "rekey")
    vault.check(inside, None)
    vault.check(beside, "rekey")


def test_what_a_format_cannot_hold_is_known_before_anything_is_written():
    (setting,) = read("file", {**FILE, "format": "pgpass"}, logins={"app": Login("app", PASSWORD + "\n")})
    with pytest.raises(PasswordError) as caught:
        files.require_writable(setting)
    assert "rotate_deliver_files[0]: The password of app cannot be written to /etc/app.env. It holds the character U+000A" in caught.value.message
    assert PASSWORD not in caught.value.message


def test_kubernetes_without_its_collection(monkeypatch):
    monkeypatch.setattr(kubernetes, "find_spec", lambda name: None)
    with pytest.raises(PasswordError, match="ansible-galaxy collection install kubernetes.core"):
        kubernetes.require_collection()


# Webhooks


def call(receiver, *, check_mode=False, target="milvus-1", **more):
    """Deliver to a receiver."""
    element = {"url": receiver.url + PATH, "users": ["app"], "secret": KEY, "timeout": 1, "retries": 2, **more}
    (setting,) = read("webhook", element)
    return webhook.deliver(setting, target=target, scrub=Scrubber(), check_mode=check_mode)


def test_a_webhook_gets_names_and_no_password():
    with WebhookDouble() as receiver:
        assert call(receiver) is True
        (event,) = receiver.events.values()
        assert PASSWORD not in receiver.requests[0].body.decode()
    assert event == {
        "event": "password_changed",
        "target": "milvus-1",
        "users": [{"name": "app", "username": "app", "rotated_at": "2026-01-02T03:04:05Z"}],
    }


@pytest.mark.parametrize("fault", [{"kind": "answer", "status": 500}, {"kind": "answer", "status": 503, "applies": "now"}, {"kind": "hang", "applies": "now"}])
def test_a_webhook_is_called_again_with_the_same_key(monkeypatch, fault):
    monkeypatch.setattr(webhook, "time", types.SimpleNamespace(sleep=lambda seconds: None))
    with WebhookDouble() as receiver:
        receiver.inject(**fault)
        assert call(receiver) is True
        # The next run, after this one was killed before it could note the delivery.
        assert call(receiver) is True
        assert len(receiver.requests) == 3 and len(receiver.events) == 1
        assert call(receiver, target="another") is True and len(receiver.events) == 2


def test_a_webhook_that_refuses_is_a_failure():
    with WebhookDouble() as receiver:
        with pytest.raises(PasswordError, match="responded with HTTP status 401"):
            call(receiver, secret="S3cr3t-MARKER-other")
        assert len(receiver.requests) == 1 and not receiver.events


def test_a_password_goes_only_where_it_was_asked_for_and_in_check_mode_nothing_does(tls_files):
    with WebhookDouble(tls=tls_files.server) as receiver:
        assert call(receiver, send_password=True, ca_path=str(tls_files.ca), check_mode=True) is True
        assert not receiver.requests
        assert call(receiver, send_password=True, ca_path=str(tls_files.ca)) is True
        assert [user["password"] for event in receiver.events.values() for user in event["users"]] == [PASSWORD]
