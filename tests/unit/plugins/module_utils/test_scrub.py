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
from urllib.parse import quote, quote_plus, unquote

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import _scrub
from ansible_collections.rekey.passwords.plugins.module_utils._scrub import MASK, WITHHELD, Scrubber

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
    "cp1252 misread": lambda text: text.encode().decode("cp1252", "replace"),
    "cp1252 misread, in json": lambda text: inner(json.dumps(text.encode().decode("cp1252", "replace"))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_awkward_secret(form):
    echoed = FORMS[form](AWKWARD)
    assert Scrubber([AWKWARD])("before " + echoed + " after") == "before %s after" % MASK


@pytest.mark.parametrize(
    "alphabet",
    [
        string.printable,
        string.ascii_letters + "/~*",
        'ab"\\',
        "\u00e4\u00f6\u0100\u20ac\U0001f600\u00ff\u0085",
        "%+& <>'=;a1",
    ],
)
def test_every_form_of_random_secrets(alphabet):
    chance = random.Random(20260101)
    for _number in range(40):
        secret = "".join(chance.choice(alphabet) for _character in range(chance.randint(_scrub.SHORT, 40)))
        clean = Scrubber([secret])
        for name, form in FORMS.items():
            if name == "url of Java" and "~" in secret:
                continue
            echoed = form(secret)
            if len(echoed) < _scrub.SHORT:
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
    assert clean("a S3cr3t-MARKER b S3cr3t-MARKER-2026 c xx-S3cr3t-MARKER-2026-yy d") == f"a {MASK} b {MASK} c {MASK} d"


def test_secrets_that_overlap_leave_nothing():
    clean = Scrubber(["AAAA-MARKER-BBBB", "BBBB-MARKER-CCCC", "CCCC-MARKER-DDDD"])
    assert clean("<AAAA-MARKER-BBBB-MARKER-CCCC-MARKER-DDDD>") == "<%s>" % MASK
    assert Scrubber(["abab1"])("<abab1abab1>") == "<%s>" % (MASK * 2)


def test_a_secret_that_comes_again_and_again():
    assert Scrubber(["aaaa"])("<" + "a" * 41 + ">").count("a") == 0


@pytest.mark.parametrize("secret", ["a", "ab", "abc", "\u00e4", 'a"', "<", "\\", "\n"])
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
    for length in range(_scrub.SHORT + 1, len(echoed)):
        assert clean("refused: " + echoed[:length], cut=True) == 'refused: "' + MASK
    # A whole text that only ends as the secret begins is no secret: to mask it would show how the secret begins.
    assert clean("it begins with S3cr3t") == "it begins with S3cr3t"


def test_secrets_that_come_later():
    # They have less in common than what is masked as a part of a secret.
    clean = Scrubber(["S3cr3t-one-MARKER"])
    assert clean("S3cr3t-one-MARKER S3cr3t-two-MARKER") == MASK + " S3cr3t-two-MARKER"
    clean.add("S3cr3t-two-MARKER", None, "", "S3cr3t-one-MARKER")
    assert clean("S3cr3t-one-MARKER S3cr3t-two-MARKER") == MASK + " " + MASK


def test_it_does_not_print_what_it_knows():
    clean = Scrubber(["S3cr3t-MARKER-one", "ab"])
    clean("any text")
    assert (repr(clean), str(clean)) == ("<Scrubber of 2 secrets>", "<Scrubber of 2 secrets>")


def test_what_ansible_is_told_to_mask(monkeypatch):
    told = []
    monkeypatch.setattr(_scrub, "register_secrets", told.extend)
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


# Edge 50: a part of a secret, in any case and however it is written.

WHOLE = 'Qx7!kZ-w\u00e4R%t/9&Lm<2 pV"j'
WRITTEN = {
    "plain": str,
    "capital": str.upper,
    "small": str.lower,
    "swapped": str.swapcase,
    "decimal entities": lambda text: "".join("&#%d;" % ord(character) for character in text),
    "decimal entities with zeros": lambda text: "".join("&#%05d;" % ord(character) for character in text),
    "decimal entities without an end": lambda text: "".join("&#%d" % ord(character) for character in text) + " ",
    "hexadecimal entities": lambda text: "".join("&#x%x;" % ord(character) for character in text),
    "hexadecimal entities, capital": lambda text: "".join("&#X%X;" % ord(character) for character in text),
    "entities for some": lambda text: "".join(character if number % 2 else "&#%d;" % ord(character) for number, character in enumerate(text)),
    "named entities": lambda text: html.escape(text).replace("\u00e4", "&auml;").replace("!", "&excl;").replace("%", "&percnt;"),
    "a segment of a path": lambda text: quote(text, safe=":@!$&'()*+,;="),
    "a segment of a path, small digits": lambda text: lower_hex(quote(text, safe=":@!$&'()*+,;=")),
    "all of it in a URL": lambda text: "".join("%%%02X" % byte for byte in text.encode()),
    "a URL in latin-1": lambda text: quote(text.encode("latin-1"), safe=""),
    "form": quote_plus,
    "a URL in an entity": lambda text: html.escape(quote(text, safe="").replace("%", "&#37;"), quote=False).replace("&amp;#37;", "&#37;"),
    "an entity in a URL": lambda text: quote("".join("&#%d;" % ord(character) for character in text), safe=""),
    "json": lambda text: "".join("\\u%04x" % ord(character) for character in text),
    "json, capital": lambda text: "".join("\\u%04X" % ord(character) for character in text),
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "javascript": lambda text: "".join("\\x%02x" % ord(character) for character in text),
    "braces": lambda text: "".join("\\u{%x}" % ord(character) for character in text),
    "old javascript": lambda text: "".join("%%u%04x" % ord(character) for character in text),
    "with what nobody sees between": "\u200b".join,
    "soft hyphens": "\u00ad".join,
}


@pytest.mark.parametrize("written", WRITTEN)
def test_edge_50_a_part_of_a_secret_however_it_is_written(written):
    clean = Scrubber([WHOLE])
    for size in (8, 11, len(WHOLE)):
        for start in range(len(WHOLE) - size + 1):
            part = WHOLE[start : start + size]
            if part != part.strip():
                continue
            echoed = "zz " + WRITTEN[written](part) + " zz"
            text = clean(echoed)
            left = html.unescape(unquote(text)).lower()
            assert MASK in text and not any(part.lower()[place : place + 3] in left for place in range(size - 2)), (echoed, text)


@pytest.mark.parametrize("secret", ["demo", "hello", "Passw0", "sesame7"])
@pytest.mark.parametrize("written", ["plain", "capital", "decimal entities", "all of it in a URL", "json"])
def test_edge_50_a_secret_that_is_shorter_than_such_a_part(secret, written):
    assert Scrubber([secret])("zz %s zz" % WRITTEN[written](secret)) == "zz %s zz" % MASK


def test_edge_50_less_than_a_part_is_no_part():
    assert Scrubber(["abcdefghijkl"])("abcdefg bcdefgh fghijkl") == "abcdefg bcdefgh fghijkl"


@pytest.mark.parametrize("written", ["decimal entities", "all of it in a URL", "json"])
def test_edge_50_a_very_short_secret_in_another_way_of_writing(written):
    assert Scrubber(["p7x"])("zz %s zz" % WRITTEN[written]("p7x")) == WITHHELD


def test_edge_50_a_part_of_a_token():
    token = "".join(random.Random(7).choice(string.ascii_letters + string.digits) for _number in range(1500))
    text = Scrubber([token])("zz %s zz" % token[200:500])
    assert MASK in text and not any(token[start : start + 16] in text for start in range(1500 - 16))


def test_edge_50_what_it_costs():
    """Thousands of secrets, and a text of 20 kB in which each letter is written in another way."""
    chance = random.Random(20260202)
    secrets = ["".join(chance.choice(string.printable[:90]) for _character in range(32)) for _number in range(5000)]
    clean = Scrubber(secrets)
    clean("the forms are worked out once")
    text = "".join("&#%d;" % ord(character) for character in "nothing to see here, " * 180)[:20000]
    begin = time.process_time()
    for _number in range(10):
        clean(text)
    assert time.process_time() - begin < 5
    assert MASK in clean(text + secrets[4321].upper()[3:20])


# Edges 37, 43 and 63: our own words and the names that the user gave.


@pytest.mark.parametrize("secret, text", [
    ("wrong", "The current password of alice is wrong."), ("password", "The current password of alice is wrong."), ("alice", "The password of alice is wrong."),
    ("app-demo", "There is no user app-demo."), ("demo", "There is no user app-demo."), ("500", "HTTP 500 was not expected."), (".", "It is."),
    ("is wrong", "It is wrong."), ("x7-Qk!2abc", "There is no user x7-Qk!2abc on this server."), ("7-Qk!2ab", "There is no user x7-Qk!2abc on this server."),
    ("v2", "There is no API v2."), ("https", "Give https://."), ("true", "validate_certs is true."),
])  # fmt: skip
def test_edge_63_our_own_words_and_names_stay(secret, text):
    clean = Scrubber([secret])
    clean.keep("x7-Qk!2abc", "alice", None, "")
    assert clean.own(text) == text
    # The same in what came from outside does not.
    assert clean(text) != text


@pytest.mark.parametrize("secret", ["S3cr3t-MARKER-x", "pw7", "correct!horse", "12345678"])
def test_a_secret_that_is_no_word_is_masked_even_in_our_own_words(secret):
    clean = Scrubber([secret])
    clean.keep("alice")
    assert secret not in clean.own("The password of alice is %s, which is wrong." % secret)
