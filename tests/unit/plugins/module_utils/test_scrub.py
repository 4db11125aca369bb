# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No form in which a server, a proxy or a library may write a secret gets through."""

from __future__ import annotations

import base64
import concurrent.futures
import html
import json
import random
import string
import time
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.rekey.passwords.plugins.module_utils import scrub
from ansible_collections.rekey.passwords.plugins.module_utils.scrub import MASK, WITHHELD, Scrubber

AWKWARD = "S3cr3t-MARKER \"'\\/<>&%+=?#\u00e4\u20ac\U0001f600\n\t-end"


def inner(quoted):
    """Without the quotation marks around it."""
    return quoted[1:-1]


def lower_hex(quoted):
    """Percent encoding with small letters, as some libraries write it."""
    parts = quoted.split("%")
    return "%".join(parts[:1] + [part[:2].lower() + part[2:] for part in parts[1:]])


def go_json(text):
    """What encoding/json of Go makes of a text."""
    return inner(json.dumps(text, ensure_ascii=False)).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def upper_hex(dumped):
    """JSON whose escapes have capital letters."""
    first, *others = dumped.split("\\u")
    return first + "".join("\\u" + part[:4].upper() + part[4:] for part in others)


FORMS = {
    "plain": str,
    "json": lambda text: inner(json.dumps(text)),
    "json, capital digits": lambda text: upper_hex(inner(json.dumps(text))),
    "json, not ascii": lambda text: inner(json.dumps(text, ensure_ascii=False)),
    "json of Go": go_json,
    "json of PHP": lambda text: inner(json.dumps(text)).replace("/", "\\/"),
    "json in json": lambda text: inner(json.dumps(inner(json.dumps(text)))),
    "json, not ascii, in json": lambda text: inner(json.dumps(inner(json.dumps(text, ensure_ascii=False)))),
    "repr": lambda text: inner(repr(text)),
    "repr in json": lambda text: inner(json.dumps(inner(repr(text)))),
    "ascii()": lambda text: inner(ascii(text)),
    "repr of bytes": lambda text: inner(repr(text.encode())[1:]),
    "url": lambda text: quote(text, safe=""),
    "url, slash": quote,
    "url, small digits": lambda text: lower_hex(quote(text, safe="")),
    "url, slash, small digits": lambda text: lower_hex(quote(text)),
    "url of JavaScript": lambda text: quote(text, safe="!'()*"),
    "url, whole, of JavaScript": lambda text: quote(text, safe=";,/?:@&=+$#!'()*"),
    "url of Java": lambda text: quote_plus(text, safe="*").replace("~", "%7E"),
    "url twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "form, small digits": lambda text: lower_hex(quote_plus(text)),
    "html": html.escape,
    "html, no quotes": lambda text: html.escape(text, quote=False),
    "html of Go": lambda text: html.escape(text, quote=False).replace('"', "&#34;").replace("'", "&#39;"),
    "html in json": lambda text: inner(json.dumps(html.escape(text))),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, no padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex, capital": lambda text: text.encode().hex().upper(),
    "latin-1 misread": lambda text: text.encode().decode("latin-1"),
    "latin-1 misread, in json": lambda text: inner(json.dumps(text.encode().decode("latin-1"))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_awkward_secret(form):
    echoed = FORMS[form](AWKWARD)
    assert Scrubber([AWKWARD])("before " + echoed + " after") == "before %s after" % MASK


@pytest.mark.parametrize("alphabet", [
    string.printable, string.ascii_letters + "/~*", "ab\"\\", "\u00e4\u00f6\u0100\u20ac\U0001f600\u00ff\u0085", "%+& <>'=;a1",
])
def test_every_form_of_random_secrets(alphabet):
    chance = random.Random(20260101)
    for _number in range(40):
        secret = "".join(chance.choice(alphabet) for _character in range(chance.randint(scrub.SHORT, 40)))
        clean = Scrubber([secret])
        for name, form in FORMS.items():
            if name == "url of Java" and "~" in secret:
                continue
            echoed = form(secret)
            if len(echoed) < scrub.SHORT:
                continue
            assert clean("-" + echoed + "-") == "-%s-" % MASK, (name, secret)


@pytest.mark.parametrize("user", ["a", "al", "ali", "alice", "\u00e4"])
def test_a_secret_inside_a_basic_login(user):
    secret = "S3cr3t-MARKER-basic-login"
    echoed = base64.b64encode(("%s:%s" % (user, secret)).encode()).decode()
    text = Scrubber([secret])("Authorization: Basic %s." % echoed)
    assert MASK in text
    # What is left of it at the edges holds a bit of at most two letters.
    assert len(text) < len("Authorization: Basic . ") + len(MASK) + len(base64.b64encode(user.encode())) + 8


def test_a_secret_that_is_part_of_another():
    clean = Scrubber(["S3cr3t-MARKER", "S3cr3t-MARKER-2026", "xx-S3cr3t-MARKER-2026-yy"])
    assert clean("a S3cr3t-MARKER b S3cr3t-MARKER-2026 c xx-S3cr3t-MARKER-2026-yy d") == "a {0} b {0} c {0} d".format(MASK)


def test_secrets_that_overlap_leave_nothing():
    clean = Scrubber(["AAAA-MARKER-BBBB", "BBBB-MARKER-CCCC", "CCCC-MARKER-DDDD"])
    assert clean("<AAAA-MARKER-BBBB-MARKER-CCCC-MARKER-DDDD>") == "<%s>" % MASK
    assert Scrubber(["abab1"])("<abab1abab1>") == "<%s>" % (MASK * 2)


def test_a_secret_that_comes_again_and_again():
    assert Scrubber(["aaaa"])("<" + "a" * 41 + ">").count("a") == 0


@pytest.mark.parametrize("secret", ["a", "ab", "abc", "\u00e4", "a\"", "<", "\\", "\n"])
def test_a_short_secret_withholds_the_text_instead_of_showing_where_it_stood(secret):
    clean = Scrubber([secret])
    for name in ("plain", "json", "repr", "url", "html"):
        assert clean("zzz %s zzz" % FORMS[name](secret)) == WITHHELD
    assert clean("zzz") == "zzz"


def test_a_short_secret_beside_a_long_one():
    clean = Scrubber(["xyz", "S3cr3t-MARKER-xyz"])
    assert clean("password S3cr3t-MARKER-xyz") == "password " + MASK
    assert clean("password S3cr3t-MARKER-xyz or xyz") == WITHHELD


@pytest.mark.parametrize("text", [None, "", "nothing to see"])
def test_texts_without_a_secret(text):
    assert Scrubber(["S3cr3t-MARKER", "", None])(text) == text
    assert Scrubber()(text) == text


def test_a_text_that_was_cut_may_end_within_a_secret():
    secret = "S3cr3t-MARKER-\u00e4-cut"
    clean = Scrubber([secret])
    echoed = json.dumps(secret)
    for length in range(scrub.SHORT + 1, len(echoed)):
        assert clean("refused: " + echoed[:length], cut=True) == 'refused: "' + MASK
    # A whole text that only ends as the secret begins is no secret: to mask it would show how the secret begins.
    assert clean("it begins with S3cr3t") == "it begins with S3cr3t"


def test_secrets_that_come_later():
    clean = Scrubber(["S3cr3t-MARKER-one"])
    assert clean("S3cr3t-MARKER-one S3cr3t-MARKER-two") == MASK + " S3cr3t-MARKER-two"
    clean.add("S3cr3t-MARKER-two", None, "", "S3cr3t-MARKER-one")
    assert clean("S3cr3t-MARKER-one S3cr3t-MARKER-two") == MASK + " " + MASK


def test_it_does_not_print_what_it_knows():
    clean = Scrubber(["S3cr3t-MARKER-one", "ab"])
    clean("any text")
    assert (repr(clean), str(clean)) == ("<Scrubber of 2 secrets>", "<Scrubber of 2 secrets>")


def test_what_ansible_is_told_to_mask(monkeypatch):
    told = []
    monkeypatch.setattr(scrub, "register_secrets", told.extend)
    clean = Scrubber(["S3cr3t-MARKER-one", "abc", "", None])
    clean.add("S3cr3t-MARKER-two", "S3cr3t-MARKER-one")
    # To mask a short one everywhere would make all output useless.
    assert sorted(told) == ["S3cr3t-MARKER-one", "S3cr3t-MARKER-two"]


def test_secrets_that_are_not_text_in_any_character_set():
    secret = "S3cr3t-MARKER-\udcff\ud800"
    assert Scrubber([secret])("refused: %s." % secret) == "refused: %s." % MASK


def test_many_secrets_cost_no_more_than_few_for_each_text():
    secrets = ["%06d-S3cr3t-MARKER" % number for number in range(2000)]
    clean = Scrubber(secrets)
    clean("the forms are worked out once")
    begin = time.process_time()
    for number in range(1000):
        assert clean("The server said: " + secrets[number] + " is refused. " * 20).count(MASK) == 1
    assert time.process_time() - begin < 5


def test_several_threads_may_add_and_use_it():
    clean = Scrubber()

    def use(number):
        secret = "S3cr3t-MARKER-%04d" % number
        clean.add(secret)
        return clean("<%s>" % secret)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(300))) == {"<%s>" % MASK}
