"""The document of a review: as its schema describes it, the gravest first, and without any secret's value."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from helmtool.cli.review.document import review_document
from helmtool.cli.review.markdown import markdown
from helmtool.cli.review.page import page
from helmtool.model.change import compare
from helmtool.model.difference import differences
from helmtool.model.manifest import Manifest, key_of
from helmtool.model.provenance import ABSENT, Provenance, Source, ValueChange, provenance_of
from helmtool.model.review import ExplainedChange, ExplainedField, Review
from helmtool.model.values import Origin

SCHEMA = json.loads((Path(__file__).parents[4] / "schemas/diff.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
CANARY = "the-Keytab-Nobody-May-See"
VALUE = ValueChange(("secrets", "data", "keytab"), CANARY, f"{CANARY}2", Origin("values/prod.yaml", 3, 9, "", 3, 5))
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"


def explained(before: Manifest | None, after: Manifest | None) -> ExplainedChange:
    side = after or before
    assert side
    change = compare(key_of(side), before, after)
    assert change
    return ExplainedChange(change, tuple(ExplainedField(d, (provenance_of(VALUE),)) for d in differences(change.before, change.after)))


def of_kind(kind: str, name: str, **content: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **content}


def secret(text: str) -> Manifest:
    return of_kind("Secret", "s", data={"keytab": base64.b64encode(text.encode()).decode()}, stringData={"k": text})


def sample(*changes: ExplainedChange, **more: Any) -> Review:
    return Review("prod", "live", "new", changes, **{"values": (VALUE,), "values_of": "revision 4", **more})


EVERYTHING = sample(
    explained(of_kind("ConfigMap", "c", data={"k": "1"}), of_kind("ConfigMap", "c", data={"k": "2", "l": "3"})),
    explained(of_kind("Service", "gone"), None),
    explained(None, of_kind("ServiceAccount", "new")),
    ExplainedChange(
        explained(secret("a"), secret("b")).change, (ExplainedField(differences({"a": None}, {})[0], (Provenance(Source.HANDS, "x"),)),)
    ),
    values=(VALUE, ValueChange(("a",), ABSENT, 1, Origin("TAG", 1, 1, "")), ValueChange(("b",), 1, ABSENT)),
    warnings=("w",),
    conflicts=("c",),
)


@pytest.mark.parametrize(
    "review", [EVERYTHING, sample(), Review("prod", "live", "new", ())], ids=["everything", "no change", "no revision"]
)
def test_it_is_as_the_schema_describes_it(review: Review) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert [error.message for error in VALIDATOR.iter_errors(review_document(review))] == []


@pytest.mark.parametrize("key", ["version", "impact", "changes", "valuesFrom"])
def test_the_schema_refuses(key: str) -> None:
    document = review_document(EVERYTHING)
    assert not VALIDATOR.is_valid({k: v for k, v in document.items() if k != key})
    assert not VALIDATOR.is_valid({**document, "another": 1})
    assert not VALIDATOR.is_valid({**document, key: {}})


def test_the_gravest_comes_first_and_is_counted() -> None:
    document = review_document(EVERYTHING)
    assert [change["name"] for change in document["changes"]] == ["gone", "c", "new", "s"]
    assert document["summary"] == {
        "objects": 4,
        "added": 1,
        "changed": 2,
        "removed": 1,
        "effects": {"impossible": 0, "downtime": 1, "restarts the pod": 0, "in place": 3, "no effect": 0},
    }
    assert document["impact"]["downtime"] is True
    assert [reason["object"] for reason in document["impact"]["reasons"]] == ["Service/gone"]


def test_a_field_has_its_sides_and_its_place() -> None:
    fields = next(c for c in review_document(EVERYTHING)["changes"] if c["name"] == "c")["fields"]
    assert [(f["path"], f.get("before"), f.get("after")) for f in fields] == [("data.k", "1", "2"), ("data.l", None, "3")]
    assert "before" not in fields[1]
    place = {"file": "values/prod.yaml", "line": 3, "column": 5}
    assert fields[0]["provenance"] == [
        {"source": "value", "text": "secrets.data.keytab: values/prod.yaml:3", "guess": False, "value": "secrets.data.keytab", **place}
    ]


def test_no_value_of_a_secret_is_in_any_form() -> None:
    encoded = base64.b64encode(CANARY.encode()).decode()
    reviews = [
        sample(explained(secret("before"), secret(CANARY))),
        sample(explained(secret(CANARY), secret("after"))),
        sample(explained(None, secret(CANARY))),
        sample(explained(secret(CANARY), None)),
    ]
    for review in reviews:
        document = review_document(review)
        for text in (json.dumps(document), markdown(document), page(document)):
            assert CANARY not in text
            assert encoded not in text
            assert "keytab" in text
    length = {len(json.dumps(review_document(sample(explained(None, secret("x" * n)))))) for n in (1, 99)}
    assert len(length) == 1


def test_a_key_over_several_lines_is_struck_where_it_should_not_be() -> None:
    document = review_document(sample(explained(of_kind("ConfigMap", "c", data={"k": "1"}), of_kind("ConfigMap", "c", data={"k": PEM}))))
    for text in (json.dumps(document), markdown(document), page(document)):
        assert "MIIEvQ" not in text
        assert "AASCBK" not in text
