# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Presets of the password policy: what they promise at every vendor, put through the places where passwords end up."""

from __future__ import annotations

import base64
import configparser
import os
import re
import string
import subprocess
import urllib.parse
import urllib.request

import jinja2.nativetypes
import psycopg.conninfo
import pymysql.optionfile
import pytest
import requests
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.utils.yaml import from_yaml
from ansible.template import Templar
from ansible_collections.rekey.passwords.plugins.module_utils import _vendor_registry
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import Account, GeneratedPassword
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import PRESETS, generate, policy_for, stricter_policy

from tests.unit.plugins.rotation_doubles import capabilities
from tests.vendor_cases import CASES

MANY = 40
NEEDS_SYMBOL = "aria_logs"
LETTERS = set(string.ascii_letters)


def rules_of(vendor):
    """The capabilities of a vendor."""
    return _vendor_registry.load(vendor).capabilities


TAKEN = [(vendor, preset) for vendor in CASES for preset in PRESETS if (vendor, preset) != (NEEDS_SYMBOL, "alphanumeric")]


@pytest.fixture(name="passwords", scope="module", params=TAKEN, ids="-".join)
def _passwords(request):
    """Many passwords of a preset at a vendor: the first ones, and those for another try after a refusal."""
    rules = rules_of(request.param[0])
    first = policy_for(rules, {"preset": request.param[1]})
    shortest = policy_for(rules, {"preset": request.param[1], "length": 20})
    return [generate(policy) for policy in (first, shortest, stricter_policy(first, rules)) for _number in range(MANY)]


def test_the_characters_and_the_first_one(passwords):
    assert set("".join(passwords)) <= LETTERS | set(string.digits + "-_.")
    assert all(password[0] in LETTERS and password[-1].isalnum() for password in passwords)


def test_the_vendor_itself_accepts_them(request, passwords):
    vendor = request.node.callspec.params["passwords"][0]
    vendor_class = _vendor_registry.load(vendor)
    made = vendor_class.__new__(vendor_class)
    made.params = dict.fromkeys(vendor_class.spec()["argument_spec"])
    for password in passwords:
        made.check(Account({"name": "alice", "password": password, "current_password": "x", "update_password": "always", "host": "%"}))


def test_the_user_part_of_a_url(passwords):
    for password in passwords:
        url = "https://alice:%s@db.example.com:8443/x?y=z" % password
        assert urllib.parse.urlsplit(url).password == password == urllib.parse.unquote(password) == urllib.parse.quote(password, safe="")
        prepared = requests.Request("GET", url).prepare()
        assert base64.b64decode(prepared.headers["Authorization"].split()[1]).decode() == "alice:" + password
        assert urllib.parse.parse_qs("password=%s&x=y" % password)["password"] == [password]


def through_a_shell(shell, script):
    """What a shell prints, by lines."""
    return subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True, cwd="/", env={"PATH": os.environ["PATH"]}).stdout.splitlines()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_command_line_of_a_shell(passwords, shell):
    assert through_a_shell(shell, "printf '%%s\\n' %s" % " ".join(passwords)) == passwords
    assert through_a_shell(shell, "for word in %s; do x=$word; echo $x; done" % " ".join(passwords)) == passwords
    # As the value of an option, and joined to one.
    assert through_a_shell(shell, "printf '%%s\\n' %s" % " ".join("--password=" + one for one in passwords)) == ["--password=" + one for one in passwords]


def test_an_environment_file_that_a_shell_reads(passwords, tmp_path):
    path = tmp_path / "app.env"
    path.write_text("".join("export P%d=%s\n" % pair for pair in enumerate(passwords)))
    names = " ".join('"$P%d"' % number for number in range(len(passwords)))
    assert through_a_shell("sh", ". %s; printf '%%s\\n' %s" % (path, names)) == passwords


def test_environment_files_of_docker_and_of_systemd(passwords):
    for password in passwords:
        # Docker: the first equals sign ends the name, the rest of the line is the value; a line that begins with # is a comment.
        line = "PASSWORD=%s\n" % password
        assert not line.startswith("#") and line.rstrip("\n").split("=", 1) == ["PASSWORD", password]
        # systemd: outside of quotes a backslash escapes, white space at the ends is removed, and in a unit a percent sign or a dollar sign begins a variable.
        assert password == password.strip() and not set(password) & set("\\\"'#;%$ \t")


@pytest.mark.parametrize("load", [yaml.safe_load, from_yaml], ids=["PyYAML", "Ansible"])
def test_a_plain_scalar_in_yaml_stays_a_text(passwords, load):
    document = "map: {%s}\n" % ", ".join("p%d: %s" % pair for pair in enumerate(passwords))
    document += "block:\n" + "".join("  - %s\n" % password for password in passwords) + "".join("k%d: %s # comment\n" % pair for pair in enumerate(passwords))
    loaded = load(document)
    assert all(isinstance(one, str) for one in loaded["block"])
    assert list(loaded["map"].values()) == list(loaded["block"]) == [loaded["k%d" % number] for number in range(len(passwords))] == passwords


def test_no_word_that_yaml_knows_can_be_a_password():
    # All of them, in YAML 1.1 and 1.2, are short or begin with a digit, a sign or a dot.
    for word in ("null", "yes", "no", "on", "off", "true", "false", "y", "n", "1e5", "0x1F", "1_000", "12:30:45", "2026-01-31", "-1", ".inf", ".nan", "0o17"):
        assert len(word) < 20 - 10 or not word[0].isalpha()


def fields_of_pgpass(line):
    """The fields of a line of .pgpass, by the rules of the manual: a colon ends a field, a backslash makes the next character an ordinary one."""
    return [re.sub(r"\\(.)", r"\1", field) for field in re.findall(r"((?:\\.|[^\\:])*)(?::|$)", line)][:5]


def test_pgpass(passwords):
    for password in passwords:
        assert fields_of_pgpass("db.example.com:5432:app:alice:%s" % password)[4] == password


def test_my_cnf(passwords, tmp_path):
    path = tmp_path / "my.cnf"
    path.write_text("".join("[client%d]\nuser=alice\npassword=%s\n" % pair for pair in enumerate(passwords)))
    parser = pymysql.optionfile.Parser()
    parser.read(path)
    assert [parser.get("client%d" % number, "password") for number in range(len(passwords))] == passwords


def test_connection_strings(passwords):
    for password in passwords:
        assert psycopg.conninfo.conninfo_to_dict("postgresql://alice:%s@db.example.com:5432/app" % password)["password"] == password
        assert psycopg.conninfo.conninfo_to_dict("host=db user=alice password=%s dbname=app" % password)["password"] == password
        parts = urllib.parse.urlsplit("mysql://alice:%s@db.example.com/app?charset=utf8" % password)
        assert (parts.username, parts.password, parts.hostname, parts.path) == ("alice", password, "db.example.com", "/app")
        jdbc = urllib.parse.urlsplit("jdbc:postgresql://db.example.com/app?user=alice&password=%s&ssl=true".removeprefix("jdbc:") % password)
        assert urllib.parse.parse_qs(jdbc.query) == {"user": ["alice"], "password": [password], "ssl": ["true"]}
        # SQL Server's and ODBC's: a semicolon ends a value, a brace begins a quoted one.
        assert dict(part.split("=") for part in ("Server=db;Uid=alice;Pwd=%s;Encrypt=yes" % password).split(";"))["Pwd"] == password


@pytest.mark.parametrize("interpolation", [configparser.BasicInterpolation(), configparser.ExtendedInterpolation(), None], ids=["basic", "extended", "none"])
def test_an_ini_file(passwords, interpolation):
    parser = configparser.ConfigParser(interpolation=interpolation, inline_comment_prefixes=("#", ";"))
    parser.read_string("[app]\n" + "".join("p%d = %s\n" % pair for pair in enumerate(passwords)))
    assert [parser["app"]["p%d" % number] for number in range(len(passwords))] == passwords


def test_a_crontab(passwords):
    # In a command an unescaped percent sign is a line break, and the rest is the input.
    commands = re.split(r"(?<!\\)%", "15 2 * * * env PASSWORD=%s app" % " ".join(passwords))
    assert len(commands) == 1 and not set("".join(passwords)) & set("\n\\")


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # Jinja asks Python whether it is a literal
def test_a_template(passwords):
    native = jinja2.nativetypes.NativeEnvironment()
    templar = Templar(loader=DataLoader(), variables={"p": "x"})
    for password in passwords[::4]:
        assert jinja2.Template(password).render() == password == native.from_string("{{ p }}").render(p=password)
        assert templar.template(password) == password


@pytest.mark.parametrize("vendor", CASES)
def test_what_of_the_symbols_the_vendor_accepts_in_its_strictest_variant(vendor):
    rules = rules_of(vendor)
    made = "".join(generate(policy_for(rules, {"preset": "url_safe"})) for _number in range(MANY))
    used = set(made) - LETTERS - set(string.digits)
    assert used == set("-_.") & set(rules.generated.symbol_characters) and used >= set("-_")
    # At least one in each, since variants of vendors require one.
    assert policy_for(rules, {"preset": "url_safe"}).symbols >= 1


def refusal(wishes, rules=None):
    """What the user reads when a policy is refused."""
    with pytest.raises(PasswordError) as caught:
        policy_for(rules or capabilities(), wishes)
    assert caught.value.kind == "invalid_input"
    return caught.value.message


def test_a_vendor_that_always_requires_a_symbol():
    assert refusal({"preset": "alphanumeric"}, rules_of(NEEDS_SYMBOL)) == (
        "policy: with the preset alphanumeric the passwords contain none of the class symbols, which VMware Aria Operations for Logs requires. "
        "Use the preset url_safe."
    )
    assert "none of the class digits" in refusal({"preset": "url_safe", "digits": 0}, rules_of(NEEDS_SYMBOL))


def test_a_vendor_none_of_whose_symbols_fits():
    rules = capabilities(generated=GeneratedPassword(symbol_characters="!$"))
    assert generate(policy_for(rules, {"preset": "url_safe"})).isalnum()
    assert "none of the class symbols" in refusal({"preset": "url_safe"}, capabilities(generated=rules.generated, password_classes=("symbols",)))


@pytest.mark.parametrize(
    "wishes, message",
    [
        ({"preset": "URL_SAFE"}, "policy: preset must be one of url_safe, alphanumeric."),
        ({"preset": "0"}, "policy: preset must be one of url_safe, alphanumeric."),
        (
            {"preset": "url_safe", "symbol_characters": "-!"},
            "the preset url_safe allows only the symbols -_.. Remove symbols and symbol_characters, or the preset.",
        ),
        ({"preset": "alphanumeric", "symbols": 1}, "the preset alphanumeric allows only letters and digits. Remove"),
        ({"preset": "alphanumeric", "symbol_characters": "-"}, "the preset alphanumeric allows only letters and digits. Remove"),
        ({"preset": "url_safe", "upper": 0, "lower": 0}, "begins with a letter, so upper and lower must not both be 0"),
        ({"preset": "url_safe", "exclude": "-_."}, "no character of the class symbols is left"),
        ({"preset": "url_safe", "length": 19}, "length must be from 20 to 64 for Model."),
    ],
    ids=str,
)
def test_what_a_preset_cannot_promise_is_an_error(wishes, message):
    assert message in refusal(wishes)


@pytest.mark.parametrize("preset", ["", None])
def test_an_empty_preset_is_none(preset):
    assert policy_for(capabilities(), {"preset": preset}) == policy_for(capabilities())


@pytest.mark.parametrize("wishes", [{"upper": 1, "lower": 0, "digits": 19}, {"upper": 0, "lower": 1, "digits": 1, "symbols": 18}], ids=str)
def test_a_single_letter_is_the_first_character(wishes):
    for _number in range(300):
        password = generate(policy_for(capabilities(), dict({"preset": "url_safe", "length": 20, "symbols": 0}, **wishes)))
        assert password[0] in LETTERS


def test_another_try_keeps_to_the_preset():
    rules = capabilities()
    for preset, allowed in PRESETS.items():
        made = "".join(generate(stricter_policy(policy_for(rules, {"preset": preset, "symbols": 0}), rules)) for _number in range(MANY))
        assert set(made) - LETTERS - set(string.digits) == set(allowed)
