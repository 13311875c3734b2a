"""Image tags: `HG<day><month><version>` with an optional `-stable` (the grammar of CMSWEB's deployment guide), and the policy on them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from helmtool.errors import InvalidInput, Refused
from helmtool.model.text import visible

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
# 29 February is valid: a tag has no year.
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SUFFIX = "-stable"
_GRAMMAR = "a tag is HG, day, month, one letter, and -stable if it is accepted: HG0105a, HG0105a-stable"


class Tag(NamedTuple):
    """A valid image tag. It has no year, so its order and age are not in it: ask the registry."""

    day: int
    month: int
    letter: str
    stable: bool = False

    def __str__(self) -> str:
        """The tag as the registry has it."""
        return f"HG{self.day:02d}{self.month:02d}{self.letter}{_SUFFIX if self.stable else ''}"

    @property
    def base(self) -> str:
        """The tag without `-stable`."""
        return str(self._replace(stable=False))

    def as_stable(self) -> Tag:
        """The tag's stable twin: the same image under the name that the registry's clean-up spares."""
        return self._replace(stable=True)


class InvalidTag(InvalidInput):
    """A text that is no image tag, with the reason."""

    code = "invalid-tag"

    def __init__(self, text: str, reason: str, *, suggestion: str = "") -> None:
        hint = f"did you mean {suggestion}?" if suggestion else _GRAMMAR
        super().__init__(f"`{_shown(text)}` is not an image tag: {reason}", hint=hint)
        self.text = text
        self.reason = reason
        self.suggestion = suggestion


class StableTag(Enum):
    """What an environment asks of a tag: nothing, that it is stable, or that its stable twin is found or made."""

    OFF = "off"
    REQUIRE = "require"
    ADD = "add"


class TagPolicyRefused(Refused):
    """A valid tag that this environment does not take."""

    code = "tag-policy"

    def __init__(self, tag: Tag, environment: str) -> None:
        super().__init__(
            f"{environment} takes only stable tags, and {tag} is not one (stableTag in values/environments.yaml)",
            hint=f"once the image is accepted: helmtool tag stable {tag}, then release {tag.as_stable()}",
        )
        self.tag = tag
        self.environment = environment


def parse_tag(text: str) -> Tag:
    """The tag that the text is. Raises InvalidTag with the first reason why it is none, and the tag that was probably meant."""
    reason = _reason(text)
    if reason:
        raise InvalidTag(text, reason, suggestion=_meant(text))
    return Tag(int(text[2:4]), int(text[4:6]), text[6], text.endswith(_SUFFIX))


def deployed_tag(tag: Tag, policy: StableTag, environment_name: str) -> Tag:
    """The tag that is deployed where this one was asked for: with ADD its stable twin. Raises TagPolicyRefused."""
    if policy is StableTag.REQUIRE and not tag.stable:
        raise TagPolicyRefused(tag, environment_name)
    return tag.as_stable() if policy is StableTag.ADD else tag


def _reason(text: str) -> str:
    """Why the text is no tag; empty if it is one."""
    return _wrong_surroundings(text) or _wrong_shape(text, text.removesuffix(_SUFFIX)) or _wrong_date(int(text[2:4]), int(text[4:6]))


def _wrong_surroundings(text: str) -> str:
    if not text:
        return "it is empty"
    if text != text.strip():
        return "blanks around it"
    foreign = next((index for index, character in enumerate(text) if not character.isascii()), None)
    if foreign is not None:
        kind = "digit" if text[foreign].isdigit() else "character"
        return f"the {kind} at position {foreign + 1} (U+{ord(text[foreign]):04X}) is not ASCII"
    if any(character in text for character in "@/:"):
        return f"it carries a {'digest' if '@' in text else 'repository'}; only the tag is expected"
    if not text.isprintable() or " " in text:
        return "there is a blank or a control character inside it"
    return ""


def _wrong_shape(text: str, base: str) -> str:
    """Everything but the calendar, from left to right."""
    if text[0] in "vV":
        return "a `v` leads it"
    if not base.startswith("HG"):
        return "HG must be in capitals" if base[:2].upper() == "HG" else "it does not start with HG"
    digits = len(base[2:]) - len(base[2:].lstrip(_DIGITS))
    if digits != 4:
        return f"expected four digits for day and month after HG, found {digits}"
    return _wrong_version(base[6:])


def _wrong_version(version: str) -> str:
    """What follows the date, without a correct `-stable`."""
    letters = version.partition("-")[0]
    if not letters:
        return "the version letter a-z is missing after the date"
    if len(letters) == 1 and letters not in _LETTERS:
        return f"the version is one small letter a-z, found `{letters}`"
    if len(letters) > 1:
        return f"the version is one letter a-z, found `{_shown(letters)}`"
    if version != letters:
        return f"the only ending is one -stable in small letters, found `{_shown(version[1:])}`"
    return ""


def _wrong_date(day: int, month: int) -> str:
    if not 1 <= month <= 12:
        return f"there is no month {month:02d} (the order is day, month)"
    if not 1 <= day <= 31:
        return f"there is no day {day:02d}"
    if day > _DAYS[month - 1]:
        return f"{_MONTHS[month - 1]} has {'at most ' if month == 2 else ''}{_DAYS[month - 1]} days"
    return ""


def _meant(text: str) -> str:
    """The tag that was probably meant, or an empty text: case, blanks, digits of other scripts, prefixes and a swapped date are mended."""
    ascii_text = "".join(map(_ascii_twin, "".join(text.split())))
    name = ascii_text.partition("@")[0].rpartition("/")[2].rpartition(":")[2].lstrip("vV")
    candidate = name[:2].upper() + name[2:].lower()
    swapped = candidate[:2] + candidate[4:6] + candidate[2:4] + candidate[6:]
    return next((tag for tag in (candidate, swapped) if not _reason(tag)), "")


def _ascii_twin(character: str) -> str:
    """The ASCII twin of a full-width character or of any script's digit."""
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    return str(int(character)) if character.isdecimal() else character


def _shown(text: str) -> str:
    """The text as a message can hold it."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return visible(short, besides="")
