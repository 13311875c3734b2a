"""Schema problems: each rule in own words, at the place of the value or key, without a secret's value or length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helmtool.errors import Problem
from helmtool.model.document import parse_document
from helmtool.model.schema import SchemaInvalid, check
from helmtool.model.values import Layer, Values, merge, parse_set

CHART = Path(__file__).parents[3] / "charts" / "newdqmgui"


def one_key(rule: dict[str, Any], name: str = "a") -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {name: rule}}


def values_of(text: str) -> Values:
    return merge([Layer("empty", parse_document("values.yaml", b"{}")), Layer("x", parse_document("values/x.yaml", text.encode()))])


@pytest.mark.parametrize(
    ("rule", "text", "path", "message"),
    [
        ({"type": "integer"}, "a: x", "a", "expected integer, found string: write it without quotes"),
        ({"type": "integer"}, "a: 1.5", "a", "expected integer, found number"),
        ({"type": "integer"}, "a: true", "a", "expected integer, found boolean"),
        ({"type": "string"}, "a: 7", "a", "expected string, found integer: put it in quotes"),
        ({"type": "boolean"}, "a: 'true'", "a", "expected boolean, found string: write it without quotes"),
        ({"type": "object"}, "a: [x]", "a", "expected object, found array"),
        ({"type": "array"}, "a: {b: 1}", "a", "expected array, found object"),
        ({"type": "string"}, "a: null", "a", "expected string, found null"),
        ({"type": ["string", "integer"]}, "a: true", "a", "expected string or integer, found boolean"),
        ({"enum": ["Always", "Never"]}, "a: Allways", "a", 'expected one of "Always", "Never" (did you mean Always?), found "Allways"'),
        ({"enum": [1, True, None]}, "a: x", "a", 'expected one of 1, true, null, found "x"'),
        ({"const": 3}, "a: 4", "a", "expected 3, found 4"),
        ({"minimum": 1}, "a: 0", "a", "expected at least 1, found 0"),
        ({"maximum": 5}, "a: 6", "a", "expected at most 5, found 6"),
        ({"exclusiveMinimum": 1}, "a: 1", "a", "expected more than 1, found 1"),
        ({"exclusiveMaximum": 1}, "a: 1", "a", "expected less than 1, found 1"),
        ({"multipleOf": 2}, "a: 3", "a", "expected a multiple of 2, found 3"),
        ({"minLength": 2}, "a: x", "a", "expected at least 2 characters, found 1"),
        ({"maxLength": 2}, "a: xyz", "a", "expected at most 2 characters, found 3"),
        ({"minItems": 1}, "a: []", "a", "expected at least 1 items, found 0"),
        ({"maxItems": 1}, "a: [1, 2]", "a", "expected at most 1 items, found 2"),
        ({"uniqueItems": True}, "a: [1, 1]", "a", "an item stands here twice"),
        ({"minProperties": 1}, "a: {}", "a", "expected at least 1 keys, found 0"),
        ({"maxProperties": 1}, "a: {b: 1, c: 2}", "a", "expected at most 1 keys, found 2"),
        (
            {"pattern": "^[a-z]+$", "title": "Name of a thing", "examples": ["", "one", "two"]},
            "a: X",
            "a",
            'does not have the form that is expected (Name of a thing), for example "one", "two", found "X"',
        ),
        ({"pattern": "^a$"}, "a: " + "x" * 100, "a", "does not have the form that is expected"),
        ({"not": {"pattern": "\n"}}, 'a: "x\\n"', "a", "a line break is not allowed"),
        ({"not": {"const": 3}, "title": "T"}, "a: 3", "a", "this value is not allowed (T)"),
        ({"contains": {"const": 3}, "title": "T"}, "a: [4]", "a", "breaks the rule `contains` of the schema (T)"),
        (
            {"properties": {"repository": {}, "tag": {}}, "additionalProperties": False},
            "a: {tga: 1}",
            "a.tga",
            "unknown key, did you mean tag?",
        ),
        ({"properties": {"x": {}}, "additionalProperties": False}, "a: {longer: 1}", "a.longer", "unknown key, known here: x"),
        ({"additionalProperties": False}, "a: {b: 1}", "a.b", "unknown key, known here: none"),
        ({"required": ["b"]}, "a: {}", "a.b", "is missing"),
        ({"items": {"required": ["b"]}}, "a: [{b: 1}, {}]", "a[1].b", "is missing"),
        ({"propertyNames": {"pattern": "^[a-z]+$", "title": "Label"}}, "a: {B: 1}", "a.B", "a key like this is not allowed (Label)"),
        ({"additionalProperties": {"type": "string"}}, "a: {b.c: 1}", r"a.b\.c", "expected string, found integer: put it in quotes"),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "a: true",
            "a",
            "expected string, found boolean: put it in quotes or expected integer",
        ),
        ({"oneOf": [{"required": ["b"]}, {"type": "string"}]}, "a: {c: 1}", "a", ""),
        ({"allOf": [{"minimum": 3}]}, "a: 1", "a", "expected at least 3, found 1"),
        ({"if": {"minimum": 3}, "then": {"multipleOf": 2}}, "a: 5", "a", "expected a multiple of 2, found 5"),
    ],
)
def test_each_rule_in_own_words(rule: dict[str, Any], text: str, path: str, message: str) -> None:
    [problem] = check(values_of(text), one_key(rule))
    assert message in problem.message
    assert problem.path.startswith(path)
    assert problem.file == "values/x.yaml"
    assert problem.line == 1
    assert problem.column > 0


def place(problem: Problem) -> tuple[str, int, int]:
    return problem.file, problem.line, problem.column


def test_places() -> None:
    schema = one_key(
        {"type": "object", "additionalProperties": False, "required": ["need"], "properties": {"k": {"type": "integer"}, "need": {}}}
    )
    found = {problem.path: problem for problem in check(values_of("a:\n  k:   x\n  m: 1\n"), schema)}
    assert place(found["a.k"]) == ("values/x.yaml", 2, 8)
    assert place(found["a.m"]) == ("values/x.yaml", 3, 3)
    assert place(found["a.need"]) == ("values/x.yaml", 1, 1)
    assert list(found) == ["a.need", "a.k", "a.m"]


def test_the_place_is_the_layer_that_wrote_it() -> None:
    layers = [
        Layer("d", parse_document("values.yaml", b"a: 1\nb: 1\n")),
        Layer("x", parse_document("x.yaml", b"\na: x\n")),
        parse_set("c=1,b=y"),
    ]
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "additionalProperties": False}
    assert {problem.path: place(problem) for problem in check(merge(layers), schema)} == {
        "a": ("x.yaml", 2, 4),
        "b": ("--set", 1, 5),
        "c": ("--set", 1, 1),
    }


def test_a_null_that_deletes_what_is_required() -> None:
    layers = [Layer("d", parse_document("values.yaml", b"a: {b: 1}")), Layer("x", parse_document("x.yaml", b"a:\n  b: null\n"))]
    [problem] = check(merge(layers), one_key({"required": ["b"]}))
    assert problem.message == "is missing: the null here deletes it"
    assert place(problem) == ("x.yaml", 2, 6)


def test_one_problem_for_one_value() -> None:
    [problem] = check(values_of("a: 5"), one_key({"type": "string", "enum": ["x"], "pattern": "x", "maximum": 2}))
    assert problem.message.startswith("expected string")


def test_all_problems_at_once() -> None:
    schema = {"properties": {name: {"type": "integer"} for name in "abc"}, "required": ["d"], "additionalProperties": False}
    assert [problem.path for problem in check(values_of("a: x\nb: x\nc: x\ne: 1\n"), schema)] == ["d", "a", "b", "c", "e"]


RULES_OF_SECRETS = [
    {"type": "integer"},
    {"enum": ["x"]},
    {"const": "x"},
    {"pattern": "^x$"},
    {"maxLength": 1},
    {"minLength": 100},
    {"not": {"minLength": 1}},
    {"anyOf": [{"type": "integer"}, {"maxLength": 1}]},
    {"format": "x", "contentEncoding": "base64", "enum": []},
]


@pytest.mark.parametrize("rule", RULES_OF_SECRETS)
def test_no_secret_is_shown_nor_its_length(rule: dict[str, Any]) -> None:
    values = values_of("secrets: {data: {x: hunter2}}")
    [problem] = check(values, one_key({"properties": {"data": {"additionalProperties": rule}}}, "secrets"))
    assert problem.path == "secrets.data.x"
    assert "hunter" not in problem.message
    assert "7" not in problem.message


def test_the_charts_own_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = Layer("defaults", parse_document("values.yaml", (CHART / "values.yaml").read_bytes()))
    assert check(merge([defaults]), schema) == []
    found = check(
        merge([defaults, parse_set(r"imag.tag=x,image.tag=hg0105a,service.port=0,podLabels.a b=c,secrets.data.x=hunter2!")]), schema
    )
    assert {problem.path for problem in found} == {"imag", "image.tag", "service.port", "podLabels.a b", "secrets.data.x"}
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/nowhere"}, {"type": 5}])
def test_a_schema_that_leads_nowhere_is_said(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaInvalid):
        check(values_of("a: 5"), schema)
