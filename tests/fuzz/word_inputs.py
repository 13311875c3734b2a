"""Words of the command line: tags, `--set`, durations, dates, and options in a wild order."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import date

from cases import Case, codes, in_a_mode
from mutations import HOSTILE_TEXTS, text_flipped
from registry_inputs import GOOD_REGISTRY
from sites import Good, kubeconfig

CANARY = "cAnArY-of-a-set-7f3e"
# The grammar of domain.md once more, with the days that the months have; a tag has no year, so February may have 29.
TAG = re.compile(r"HG(?:(?:0[1-9]|1[0-9]|2[0-9])(?:0[1-9]|1[0-2])|30(?:0[13-9]|1[0-2])|31(?:0[13578]|1[02]))[a-z](?:-stable)?", re.ASCII)
DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s))+", re.ASCII)


def _word(rng: random.Random, good: str) -> str:
    """The word, or something like it; without NUL, which no argument can hold."""
    word = good
    for _ in range(rng.choice((0, 1, 1, 1, 2, 5))):
        word = text_flipped(rng, word)
    if rng.random() < 0.1:
        word = rng.choice((*HOSTILE_TEXTS, good * 500, good + "\udcff", good.translate({ord("0"): "\u0660", ord("1"): "\uff11"})))
    return word.replace("\0", "")


def tags(rng: random.Random, good: Good) -> Case:
    """A tag, for `tag check --offline` and the commands that need no cluster."""
    tag = f"HG{rng.randrange(0, 33):02d}{rng.randrange(0, 14):02d}{rng.choice('abzA1')}" + rng.choice(("", "", "-stable", "-Stable"))
    tag = _word(rng, tag) if rng.random() < 0.7 else tag
    valid = TAG.fullmatch(tag) is not None
    command = rng.choice((("tag", "check", "--offline"), ("tag", "check", "--offline"), ("values", "test4")))
    if command[0] == "values" and not tag:
        valid = True  # which is no tag at all there
    return Case((*in_a_mode(rng, *command), "--", tag), codes(0 if valid else 3))


def sets(rng: random.Random, good: Good) -> Case:
    """A `--set`: assignments that must arrive, or something like them."""
    command = ("values", "test4", "-o", "json") if rng.random() < 0.7 else in_a_mode(rng, "values", "test4", "--explain")
    if rng.random() < 0.3:
        path, value, text = _assignment(rng)
        return Case(("values", "test4", "-o", "json", f"--set={text}"), codes(0), check=_arrives(path, value))
    if rng.random() < 0.3:
        text = _word(rng, f"secrets.data.{rng.choice(('token', 'a/b', 'x[0]'))}={rng.choice(('', '{'))}{CANARY}")
        whole = CANARY in text and re.match(r"secrets\.data(?![A-Za-z0-9])", text) is not None
        return Case((*command, f"--set={text}"), codes(0, 3), canary=CANARY if whole else "", names=("--set",))
    text = _word(rng, rng.choice(("image.tag=HG0105a", "a.b[0].c={x,y}", "a=1,b=2", "nodeSelector.disk\\.type=ssd", "a[1001]=1", "x=null")))
    return Case((*command, f"--set={text}"), codes(0, 3), names=("--set",))


def _assignment(rng: random.Random) -> tuple[list[str], object, str]:
    path = [rng.choice(("fuzz", "image", "a-b", "ü", "x y")) for _ in range(rng.choice((1, 2, 5)))]
    path[0] = "fuzzed"
    value, text = rng.choice(((1, "1"), (True, "true"), ("01", "01"), ("a,b", "a\\,b"), (["x", 2], "{x,2}"), ("", ""), (-7, "-7")))
    return path, value, f"{'.'.join(path)}={text}"


def _arrives(path: list[str], value: object) -> Callable[[int, str, str], str]:
    def look(code: int, out: str, err: str) -> str:
        found = json.loads(out)
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return "" if found == value and type(found) is type(value) else f"{'.'.join(path)} is {found!r}, expected {value!r}"

    return look


def durations(rng: random.Random, good: Good) -> Case:
    """A duration for a command that then finds no cluster: 5, or 2 where it is none."""
    text = _word(rng, rng.choice(("10m", "1h30m", "300s", "1.5h", "250ms", "0s", "99999999999999999999h", "9" * 400 + "h")))
    valid = DURATION.fullmatch(text) is not None
    command = rng.choice((("rollback", "test4", f"--timeout={text}"), ("release", "test4", "HG0105a", f"--timeout={text}", "--dry-run")))
    config = {"home/config": kubeconfig("http://127.0.0.1:1")}
    return Case(in_a_mode(rng, "--kubeconfig", "{home}/config", *command), codes(2, 5) if valid else codes(2), config)


def dates(rng: random.Random, good: Good) -> Case:
    """A date for `tag next`, with a registry that is in order."""
    text = f"20{rng.randrange(100):02d}-{rng.randrange(14):02d}-{rng.randrange(33):02d}"
    text = _word(rng, text) if rng.random() < 0.6 else text
    valid = re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None and _is_day(text)
    arguments = in_a_mode(rng, "tag", "next", "--env", "test4", f"--date={text}")
    return Case(arguments, codes(0 if valid else 3), GOOD_REGISTRY.files(), answers=GOOD_REGISTRY)


def _is_day(text: str) -> bool:
    year, month, day = (int(part) for part in text.split("-"))
    try:
        return date(year, month, day).day == day
    except ValueError:
        return False


COMMANDS = (
    ("env", "list"),
    ("env", "show", "test4"),
    ("env", "use", "prod"),
    ("values", "test4"),
    ("values", "prod", "HG0105a", "--explain"),
    ("tag", "check", "HG0105a", "--offline"),
    ("status", "test4"),
    ("history", "prod"),
    ("diff", "test4", "HG0105a", "--against", "prod"),
    ("rollback", "test4", "3", "--dry-run"),
    ("secrets", "check", "test4", "--warn-days", "3"),
    ("secrets", "list", "test4"),
    ("unlock", "prod"),
)
OPTIONS = ("-o", "json", "text", "-q", "-v", "--no-color", "--config-dir", "{root}", "--kubeconfig", "{home}/none", "--kube-context", "--")


def arguments(rng: random.Random, good: Good) -> Case:
    """Command lines with words added, left away, changed and moved; none that could write anything."""
    words = [*rng.choice(COMMANDS)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        words.insert(rng.randrange(len(words) + 1), rng.choice((*OPTIONS, _word(rng, rng.choice(words)))))
    if rng.random() < 0.2:
        del words[rng.randrange(len(words))]
    writes = {"release", "adopt", "local", "image", "up", "down", "build", "push", "encrypt", "pin", "stable", "edit", "rotate", "apply"}
    words = [word for word in words if word not in writes]
    return Case(tuple(words), codes(0, 2, 3, 4, 5), documents=True, check=_one_document_or_none(words))


def _one_document_or_none(words: list[str]) -> Callable[[int, str, str], str]:
    def look(code: int, out: str, err: str) -> str:
        return "" if code == 0 or err or out else f"exit code {code} without a word"

    return look
