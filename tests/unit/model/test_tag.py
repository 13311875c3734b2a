"""Tags: the grammar, one reason per mistake, and the policy of an environment."""

from __future__ import annotations

import random
import string
from datetime import date, timedelta

import pytest

from helmtool.model.tag import InvalidTag, StableTag, Tag, TagPolicyRefused, deployed_tag, parse_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("HG0105a", Tag(1, 5, "a")),
        ("HG0105a-stable", Tag(1, 5, "a", stable=True)),
        ("HG2902z", Tag(29, 2, "z")),
        ("HG2212d", Tag(22, 12, "d")),
        ("HG3112a", Tag(31, 12, "a")),
        ("HG3004a", Tag(30, 4, "a")),
    ],
)
def test_reads_and_writes_a_tag(text: str, tag: Tag) -> None:
    assert parse_tag(text) == tag
    assert str(tag) == text


@pytest.mark.parametrize(
    ("text", "reason", "suggestion"),
    [
        ("", "it is empty", ""),
        ("HG3201a", "there is no day 32", ""),
        ("HG0001a", "there is no day 00", ""),
        ("HG0113a", "there is no month 13 (the order is day, month)", "HG1301a"),
        ("HG0100a", "there is no month 00 (the order is day, month)", ""),
        ("HG3104a", "April has 30 days", ""),
        ("HG3109a", "September has 30 days", ""),
        ("HG3002a", "February has at most 29 days", ""),
        ("hg0105a", "HG must be in capitals", "HG0105a"),
        ("Hg0105a", "HG must be in capitals", "HG0105a"),
        ("HX0105a", "it does not start with HG", ""),
        ("latest", "it does not start with HG", ""),
        ("HG0105", "the version letter a-z is missing after the date", ""),
        ("HG0105-stable", "the version letter a-z is missing after the date", ""),
        ("HG0105ab", "the version is one letter a-z, found `ab`", ""),
        ("HG0105A", "the version is one small letter a-z, found `A`", "HG0105a"),
        ("HG01051", "expected four digits for day and month after HG, found 5", ""),
        ("HG105a", "expected four digits for day and month after HG, found 3", ""),
        ("HG\uff10\uff11\uff10\uff15a", "the digit at position 3 (U+FF10) is not ASCII", "HG0105a"),
        ("HG\u0660\u0661\u0660\u0665a", "the digit at position 3 (U+0660) is not ASCII", "HG0105a"),
        ("HG010\u00b2a", "the digit at position 6 (U+00B2) is not ASCII", ""),
        ("HG0105\u0430", "the character at position 7 (U+0430) is not ASCII", ""),
        (" HG0105a", "blanks around it", "HG0105a"),
        ("HG0105a\n", "blanks around it", "HG0105a"),
        ("HG0105a\u00a0", "blanks around it", "HG0105a"),
        ("HG 0105a", "there is a blank or a control character inside it", "HG0105a"),
        ("HG0105a\x00", "there is a blank or a control character inside it", ""),
        ("vHG0105a", "a `v` leads it", "HG0105a"),
        ("HG0105a-Stable", "the only ending is one -stable in small letters, found `-Stable`", "HG0105a-stable"),
        ("HG0105a-stable-stable", "the only ending is one -stable in small letters, found `-stable`", ""),
        ("HG0105a-", "the only ending is one -stable in small letters, found `-`", ""),
        ("HG0105a_stable", "the version is one letter a-z, found `a_stable`", ""),
        ("registry.cern.ch/cmsweb/newdqmgui:HG0105a", "it carries a repository; only the tag is expected", "HG0105a"),
        ("newdqmgui:HG0105a", "it carries a repository; only the tag is expected", "HG0105a"),
        ("../HG0105a", "it carries a repository; only the tag is expected", "HG0105a"),
        ("HG0105a@sha256:00", "it carries a digest; only the tag is expected", "HG0105a"),
        ("-stable", "it does not start with HG", ""),
    ],
)
def test_refuses_with_its_own_reason(text: str, reason: str, suggestion: str) -> None:
    with pytest.raises(InvalidTag) as caught:
        parse_tag(text)
    assert caught.value.reason == reason
    assert caught.value.suggestion == suggestion
    assert caught.value.exit_code == 3
    assert caught.value.code == "invalid-tag"
    assert (suggestion or "HG0105a-stable") in caught.value.hint
    assert caught.value.message.isprintable()


def test_a_long_text_is_shown_short() -> None:
    with pytest.raises(InvalidTag) as caught:
        parse_tag("x" * 10_000)
    assert len(caught.value.message) < 200


def test_stable_twin_and_base() -> None:
    tag = parse_tag("HG0105a")
    assert str(tag.as_stable()) == "HG0105a-stable"
    assert tag.as_stable().as_stable() == tag.as_stable()
    assert tag.as_stable().base == tag.base == "HG0105a"


@pytest.mark.parametrize(
    ("text", "policy", "deployed"),
    [
        ("HG0105a", StableTag.OFF, "HG0105a"),
        ("HG0105a-stable", StableTag.OFF, "HG0105a-stable"),
        ("HG0105a-stable", StableTag.REQUIRE, "HG0105a-stable"),
        ("HG0105a", StableTag.ADD, "HG0105a-stable"),
        ("HG0105a-stable", StableTag.ADD, "HG0105a-stable"),
    ],
)
def test_what_a_policy_deploys(text: str, policy: StableTag, deployed: str) -> None:
    assert str(deployed_tag(parse_tag(text), policy, "prod")) == deployed


def test_require_refuses_what_is_not_stable() -> None:
    with pytest.raises(TagPolicyRefused) as caught:
        deployed_tag(parse_tag("HG0105a"), StableTag.REQUIRE, "prod")
    assert caught.value.exit_code == 4
    assert caught.value.code == "tag-policy"
    assert "prod" in caught.value.message
    assert "HG0105a-stable" in caught.value.hint


# The grammar once more, in another form than the program has it.
EVERY_DAY = [date(2024, 1, 1) + timedelta(days=number) for number in range(366)]
EVERY_TAG = {f"HG{day:%d%m}{letter}{end}" for day in EVERY_DAY for letter in string.ascii_lowercase for end in ("", "-stable")}
ALPHABET = "HG0123456789abz-stableAZ @:/.v\u0660\uff11\u0430\n\x00"


def test_every_day_and_letter_is_a_tag() -> None:
    assert len(EVERY_TAG) == 366 * 26 * 2
    for text in EVERY_TAG:
        tag = parse_tag(text)
        assert str(tag) == text
        assert str(tag.as_stable()) in EVERY_TAG
        assert tag.base in EVERY_TAG


def a_text(chance: random.Random) -> str:
    """Something near a tag: digits alone, one with a mistake or two, or letters at random."""
    kind = chance.randrange(3)
    if kind == 0:
        return f"HG{chance.randrange(10_000):04d}{chance.choice(string.ascii_lowercase)}{chance.choice(('', '-stable'))}"
    if kind == 1:
        text = list(f"HG{chance.randrange(10_000):04d}{chance.choice(string.ascii_lowercase)}{chance.choice(('', '-stable'))}")
        for _ in range(chance.randint(1, 2)):
            place = chance.randrange(len(text) + 1)
            text[place : place + chance.randrange(2)] = chance.choice(ALPHABET)
        return "".join(text)
    return "".join(chance.choices(ALPHABET, k=chance.randrange(16)))


def test_a_hundred_thousand_others_are_refused() -> None:
    chance, refused, taken = random.Random(20260501), 0, 0
    while refused < 100_000:
        text = a_text(chance)
        if text in EVERY_TAG:
            assert str(parse_tag(text)) == text
            taken += 1
            continue
        with pytest.raises(InvalidTag) as caught:
            parse_tag(text)
        error = caught.value
        assert error.message.isprintable(), text
        assert len(error.message) < 200, text
        assert error.suggestion == "" or error.suggestion in EVERY_TAG, text
        refused += 1
    assert taken > 1000  # the generator comes near enough to meet real ones
