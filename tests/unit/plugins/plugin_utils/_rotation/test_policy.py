# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The password policy and the generator."""

from __future__ import annotations

import random
import string
from collections import Counter

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError
from ansible_collections.rekey.passwords.plugins.module_utils.vendor import GeneratedPassword
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation import policy as policy_module
from ansible_collections.rekey.passwords.plugins.plugin_utils._rotation.policy import generate, policy_for, stricter_policy

from tests.unit.plugins.rotation_doubles import capabilities

NO_SYMBOLS = {"symbols": 0}
CLASSES = [("upper", string.ascii_uppercase), ("lower", string.ascii_lowercase), ("digits", string.digits), ("symbols", "-_.+=@%")]


def made(wishes=None, count=50, **changes):
    """Some passwords of a policy."""
    policy = policy_for(capabilities(**changes), wishes)
    return [generate(policy) for _number in range(count)]


def refusal(wishes=None, **changes):
    """What the user reads when a policy is refused."""
    with pytest.raises(PasswordError) as caught:
        policy_for(capabilities(**changes), wishes)
    assert caught.value.kind == "invalid_input"
    return caught.value.message


def test_without_wishes_the_vendor_decides():
    generated = GeneratedPassword(length=40, upper=2, lower=3, digits=4, symbols=5, symbol_characters="-_")
    for password in made(generated=generated):
        assert len(password) == 40
        assert sum(map(str.isupper, password)) >= 2 and sum(map(str.islower, password)) >= 3 and sum(map(str.isdigit, password)) >= 4
        assert sum(password.count(symbol) for symbol in "-_") >= 5
        assert set(password) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize("name, characters", CLASSES)
@pytest.mark.parametrize("least", [1, 10, 17])
def test_the_least_number_of_each_class(name, characters, least):
    for password in made({name: least, "length": 20}):
        assert len(password) == 20
        assert sum(character in characters for character in password) >= least


@pytest.mark.parametrize("name, characters", CLASSES)
def test_a_class_of_zero_is_left_out(name, characters):
    assert not set("".join(made({name: 0}))) & set(characters)


def test_classes_that_fill_the_length_exactly():
    for password in made({"length": 20, "upper": 5, "lower": 5, "digits": 5, "symbols": 5}):
        assert [sum(kind(character) for character in password) for kind in (str.isupper, str.islower, str.isdigit)] == [5, 5, 5]


def test_neither_excluded_nor_forbidden_characters_occur():
    passwords = made({"exclude": "0OIl1", "symbol_characters": "-_:@"}, password_forbidden=":@\u00e4")
    assert not set("".join(passwords)) & set("0OIl1:@")
    assert set("-_") <= set("".join(passwords))


def test_a_wish_does_not_bring_a_forbidden_character_back():
    assert ":" not in "".join(made({"exclude": "", "symbol_characters": ":-", "symbols": 10}, password_forbidden=":"))


def test_wishes_that_are_null_are_none():
    assert len(made({"length": None, "exclude": None, "symbols": None}, count=1)[0]) == 32


@pytest.mark.parametrize("length, accepted", [(19, False), (20, True), (64, True), (65, False), (0, False), (-1, False), (10**9, False)])
def test_the_bounds_of_the_length(length, accepted):
    if accepted:
        assert {len(password) for password in made({"length": length})} == {length}
    else:
        assert refusal({"length": length}) == "policy: length must be from 20 to 64 for Model."


def test_a_vendor_that_takes_fewer_than_20_characters_gets_the_most_it_takes():
    short = {"password_max": 12, "generated": GeneratedPassword(length=12)}
    assert {len(password) for password in made(**short)} == {12}
    assert refusal({"length": 11}, **short) == "policy: length must be from 12 to 12 for Model."


def test_a_vendor_that_wants_more_than_20_characters():
    assert refusal({"length": 25}, password_min=30) == "policy: length must be from 30 to 64 for Model."


@pytest.mark.parametrize(
    "wishes, told",
    [
        ({"upper": -1}, "must not be negative"),
        ({"symbols": 40}, "ask for more than length characters"),
        ({"length": 20, "upper": 6, "lower": 6, "digits": 6, "symbols": 3}, "ask for more than length characters"),
        ({"symbol_characters": ""}, "no character of the class symbols is left"),
        ({"exclude": "0123456789"}, "no character of the class digits is left"),
        ({"upper": 0, "lower": 0, "digits": 0, "symbols": 0}, "fewer than 10 different characters"),
        ({"upper": 0, "lower": 0, "digits": 0}, "fewer than 10 different characters"),
        ({"upper": 0, "lower": 0, "symbols": 0, "exclude": "7"}, "fewer than 10 different characters"),
        ({"symbol_characters": "a-"}, "only hold ASCII punctuation"),
        ({"symbol_characters": "- "}, "only hold ASCII punctuation"),
        ({"symbol_characters": "-\n"}, "only hold ASCII punctuation"),
        ({"symbol_characters": "-é"}, "only hold ASCII punctuation"),
        ({"symbol_characters": "-\u20ac"}, "only hold ASCII punctuation"),
    ],
)
def test_an_impossible_wish_is_told(wishes, told):
    assert told in refusal(wishes)


def test_what_the_vendor_forbids_counts_too():
    assert "no character of the class symbols is left after exclude and what Model refuses" in refusal(password_forbidden="-_.+=@%")


def test_ten_digits_are_enough_to_choose_from():
    assert all(password.isdigit() for password in made({"upper": 0, "lower": 0, "symbols": 0}))


def test_both_ends_are_letters_or_digits():
    for password in made({"symbols": 25, "length": 32}, count=300):
        assert password[0].isalnum() and password[-1].isalnum()


@pytest.mark.parametrize("wishes", [{"upper": 0, "lower": 0, "digits": 0}, {"upper": 0, "lower": 0, "digits": 1, "symbols": 19, "length": 20}])
def test_ends_of_a_password_with_hardly_a_letter(wishes):
    # Nothing can stand at the ends but symbols: it must neither fail nor loop.
    wishes = dict(wishes, symbol_characters=string.punctuation)
    for password in made(wishes):
        assert len(password) == wishes.get("length", 32)


def test_every_accepted_policy_gives_what_it_promises():
    chance = random.Random(2)
    accepted = 0
    for _number in range(400):
        wishes = {name: chance.choice([None, 0, 1, 2, 5, 12, 30]) for name in ("upper", "lower", "digits", "symbols")}
        wishes["length"] = chance.randint(18, 66)
        wishes["exclude"] = "".join(chance.sample(string.printable, chance.randint(0, 60)))
        try:
            policy = policy_for(capabilities(password_forbidden=chance.choice(["", ":", "\"'\\"])), wishes)
        except PasswordError:
            continue
        accepted += 1
        password = generate(policy)
        assert len(password) == wishes["length"]
        assert not set(password) & set(policy.exclude)
        for name, characters, least in policy.alphabets():
            assert sum(character in characters for character in password) >= least, name
    assert accepted > 50


def test_all_characters_occur_about_equally_often():
    # The least numbers are 1, so that a small class is a little more frequent; nothing may be rare, or missing.
    counts = Counter("".join(made(NO_SYMBOLS, count=3000)))
    assert len(counts) == 62
    assert max(counts.values()) < 2 * min(counts.values())


def test_no_two_passwords_are_equal():
    assert len(set(made(count=2000))) == 2000


def test_the_source_of_randomness_is_the_operating_system(monkeypatch):
    # A seed must not make passwords repeat themselves.
    random.seed(1)
    first = made(count=5)
    random.seed(1)
    assert made(count=5) != first
    # All draws go through the module secrets: without it there is no password at all.
    drawn = []
    monkeypatch.setattr(policy_module.secrets, "choice", lambda characters: drawn.append(characters) or characters[0])
    policy = policy_for(capabilities())
    password = generate(policy)
    assert len(drawn) >= len(password)


def test_a_policy_never_shows_a_password():
    policy = policy_for(capabilities())
    assert generate(policy) not in repr(policy)


@pytest.mark.parametrize("wishes", [{"symbols": 0, "digits": 0}, {"length": 20}, {}])
def test_a_better_password_has_more_of_every_class(wishes):
    rules = capabilities()
    password = generate(stricter_policy(policy_for(rules, wishes), rules))
    assert len(password) == 32
    for _name, characters in CLASSES:
        assert sum(character in characters for character in password) >= 2


def test_a_better_password_is_no_shorter_and_has_no_fewer_of_anything():
    rules = capabilities()
    password = generate(stricter_policy(policy_for(rules, {"length": 50, "digits": 9}), rules))
    assert len(password) == 50 and sum(map(str.isdigit, password)) >= 9


def test_a_better_password_holds_nothing_that_is_excluded_or_that_the_vendor_refuses():
    rules = capabilities(password_forbidden="%")
    policy = stricter_policy(policy_for(rules, {"symbols": 0, "exclude": "-_.+=@aA1"}), rules)
    for _number in range(50):
        assert not set(generate(policy)) & set("-_.+=@%aA1")


def test_where_nothing_better_fits_the_policy_stays():
    rules = capabilities(password_max=12, generated=GeneratedPassword(length=12))
    policy = policy_for(rules, {"upper": 9, "lower": 1, "digits": 1, "symbols": 0})
    assert stricter_policy(policy, rules) == policy
