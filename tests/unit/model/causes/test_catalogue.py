from __future__ import annotations

import re
from string import Formatter

import pytest

from helmtool.adapters.project import find_project
from helmtool.model.causes import Certainty
from helmtool.model.causes.catalogue import CATALOGUE, KINDS, LONGEST, Kind, make
from helmtool.model.causes.pods import VOLUME_SETTINGS
from helmtool.model.document import parse_document
from helmtool.model.path import Path, dotted

NAMES = {field for kind in KINDS for text in (kind.text, kind.next) for _, field, _, _ in Formatter().parse(text) if field}


def defaults() -> dict[str, object]:
    project = find_project(None)
    return dict(parse_document("values.yaml", (project.chart / "values.yaml").read_bytes()).data)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.code)
def test_each_kind_is_one_sentence_and_one_command(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert kind.text[0] != " "
    assert not kind.text.endswith(".")
    assert re.match(r"(kubectl|helmtool|curl) ", kind.next)
    assert (kind.highest is Certainty.CERTAIN) != kind.when.startswith("never"), "what is never certain says so"
    cause = make(kind.code, dict.fromkeys(NAMES, "name"), ["seen"], Certainty.CERTAIN)
    assert cause.certainty is kind.highest
    assert "{" not in cause.text + cause.next.replace("{.metadata.finalizers}", "")


def test_codes_are_unique() -> None:
    assert len(CATALOGUE) == len(KINDS)


@pytest.mark.parametrize("path", sorted({k.setting for k in KINDS if k.setting} | set(VOLUME_SETTINGS.values())), ids=dotted)
def test_each_setting_is_one_of_the_chart(path: Path) -> None:
    found: object = defaults()
    for part in path:
        assert isinstance(found, dict)
        assert part in found
        found = found[part]


def test_what_nobody_named_is_a_question_mark_and_evidence_is_bounded() -> None:
    cause = make("secret-missing", {}, ["a  b\nc", "", "x" * 1000, "a b c"], Certainty.LIKELY)
    assert cause.text == "there is no Secret ?"
    assert cause.evidence[0] == "a b c"
    assert [len(line) for line in cause.evidence] == [5, LONGEST]
