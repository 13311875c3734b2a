"""Each rule of the schemas refuses something and accepts something, and Helm (Go) agrees with helmtool (Python) on all of it."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import schema_cases
import yaml
from jsonschema import Draft7Validator
from schema_cases import ROOT, Case, Schema

from helmtool.adapters import toolbox
from helmtool.errors import InvalidInput
from helmtool.model.tag import parse_tag

GENERATOR = schema_cases.load_generator()
SOURCES = {name: GENERATOR.load_source(ROOT / "schemas" / f"{name}.schema.yaml") for name in ("values", "environments")}
SCHEMAS = {name: GENERATOR.build(source) for name, source in SOURCES.items()}
CASES = {name: schema_cases.cases(source) for name, source in SOURCES.items()}
NODES = [node for source in SOURCES.values() for node in schema_cases.nodes(source)]
TRIED: dict[tuple[int, bool], list[Case]] = defaultdict(list)
for tried_case in (case for name in CASES for case in CASES[name]):
    TRIED[id(tried_case.node.source), tried_case.node.names].append(tried_case)
VALUES = yaml.safe_load((ROOT / "charts/newdqmgui/values.yaml").read_text(encoding="utf-8"))
ALL_OPTIONS = yaml.safe_load((ROOT / "tests/chart/all-options.yaml").read_text(encoding="utf-8"))

RULES = {"enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties"}
RULES |= {"maxProperties", "required"}

# What Go and Python read differently, or only one of them knows.
NOT_SHARED = re.compile(r"\\[a-zA-Z](?<!\\n)|\(\?|\[\[:|\$.|.\^(?<!\[\^)")


@pytest.mark.parametrize("node", NODES, ids=str)
def test_every_rule_refuses_and_accepts(node: schema_cases.Node) -> None:
    validator = Draft7Validator(GENERATOR.build(node.source))
    tried = TRIED[id(node.source), node.names]
    for case in tried:
        broken = {error.validator for error in validator.iter_errors(case.value)}
        assert case.rule in broken if case.rule else not broken, case
    assert any(not case.rule for case in tried)
    assert RULES & node.source.keys() <= {case.rule for case in tried} | (
        {"pattern", "maxLength"} if node.source.get("x-secret") else set()
    )


def expected_refusals(cases: list[Case]) -> set[str]:
    return {f"c{number}" for number, case in enumerate(cases) if case.rule}


def template(folder: Path, values: Any, chart: Path = ROOT / "charts/newdqmgui") -> subprocess.CompletedProcess[str]:
    """`helm template` with these values."""
    file = folder / "cases.json"
    file.write_text(json.dumps(values))
    argv = [toolbox.find("helm"), "template", "newdqmgui", chart, "--values", file]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def batch(name: str) -> tuple[Schema, dict[str, Any]]:
    """All cases of a schema as one document, with the schema for it: one run of Helm tries them all.

    Names are tried as values: Helm's message has the wrong place for a name (its library reuses the path's memory).
    """
    whole = schema_cases.sample(SOURCES[name])
    numbered = {f"c{number}": case for number, case in enumerate(CASES[name])}
    documents = {key: schema_cases.document(whole, case) for key, case in numbered.items() if not case.node.names}
    names = {key: case for key, case in numbered.items() if case.node.names}
    rules = {
        "cases": {"additionalProperties": SCHEMAS[name]},
        "names": {"properties": {key: GENERATOR.build(case.node.source) for key, case in names.items()}},
    }
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "properties": rules}
    return schema, {"cases": documents, "names": {key: case.value for key, case in names.items()}}


@pytest.mark.parametrize("name", ["values", "environments"])
def test_python_refuses_exactly_the_bad_documents(name: str) -> None:
    schema, documents = batch(name)
    refused = {str(error.absolute_path[1]) for error in Draft7Validator(schema).iter_errors(documents)}
    assert refused == expected_refusals(CASES[name])


@pytest.mark.parametrize("name", ["values", "environments"])
def test_helm_refuses_exactly_the_bad_documents(name: str, tmp_path: Path) -> None:
    schema, documents = batch(name)
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: cases, version: 0.0.1}")
    (tmp_path / "values.schema.json").write_text(json.dumps(schema))
    done = template(tmp_path, documents, chart=tmp_path)
    refused = set(re.findall(r"^ *- at '/(?:cases|names)/(c[0-9]+)[/']", done.stderr, re.MULTILINE))
    assert refused == expected_refusals(CASES[name])


@pytest.mark.parametrize("name", ["", "a/b/c", "team\n"])
def test_helm_and_python_refuse_the_name_of_a_label(name: str, tmp_path: Path) -> None:
    values = {"podLabels": {name: "a"}}
    assert not Draft7Validator(SCHEMAS["values"]).is_valid({**VALUES, **values})
    done = template(tmp_path, values)
    assert done.returncode == 1
    assert "invalid propertyName" in done.stderr


@pytest.mark.parametrize("node", [node for node in NODES if not node.names], ids=str)
def test_every_key_is_described_and_bounded(node: schema_cases.Node) -> None:
    schema = node.source
    assert schema["title"]
    assert schema["description"][-1] == "."
    bounds = {
        "string": {"maxLength"} if "enum" not in schema else {"enum"},
        "integer": {"minimum", "maximum"},
        "array": {"maxItems", "items"},
        "object": {"additionalProperties", "properties"} if "properties" in schema else {"additionalProperties", "maxProperties"},
    }
    if node.where != ("global",):
        assert bounds.get(schema["type"], set()) <= schema.keys()
        assert schema.get("properties") or schema["type"] == "array" or "examples" in schema or "additionalProperties" in schema
    if "properties" in schema:
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("node", [node for node in NODES if "pattern" in node.source], ids=str)
def test_patterns_are_read_alike_by_go_and_python(node: schema_cases.Node) -> None:
    pattern = node.source["pattern"]
    assert pattern[0] == "^"
    assert pattern[-1] == "$"
    assert pattern.isascii()
    assert not NOT_SHARED.search(pattern), "use only what both know: no look-around, no \\d, \\w, \\b, no anchor inside"
    assert node.source["x-refused"], "a pattern needs values that it refuses"
    assert node.source["examples"], "a pattern needs values that it accepts"


@pytest.mark.parametrize("pattern", [r"^\d$", r"^\w$", r"^(?=a)$", "^(?i)a$", r"^a$\n$", "^a^b$", "^[[:alpha:]]$"])
def test_a_pattern_that_they_read_differently_is_found(pattern: str) -> None:
    assert NOT_SHARED.search(pattern)


def test_a_bare_anchor_would_not_be_enough() -> None:
    """The reason for the rule beside each pattern: Python's `$` fits before the last line break."""
    pattern = SCHEMAS["values"]["properties"]["environment"]["pattern"]
    assert re.search(pattern, "prod\n")
    assert not Draft7Validator(SCHEMAS["values"]["properties"]["environment"]).is_valid("prod\n")


def test_schema_stays_in_one_file_and_strips_notes() -> None:
    text = json.dumps(SCHEMAS["values"])
    for word in ('"$ref"', '"x-', '"definitions"', '"if"', '"patternProperties"', '"format"'):
        assert word not in text


def test_defaults_are_those_of_the_chart() -> None:
    defaults = {path: schema["default"] for path, schema in GENERATOR.leaves(SOURCES["values"])}
    assert defaults == {path: _dotted(VALUES, path) for path in defaults}
    assert _shape(VALUES, SOURCES["values"]) == []
    assert Draft7Validator(SCHEMAS["values"]).is_valid(VALUES)


def test_every_default_may_not_be_deleted() -> None:
    """`key: null` deletes a default in Helm; templates rely on all but the CPU limit."""
    optional = [
        str(node)
        for node in schema_cases.nodes(SOURCES["values"])
        for name, inner in node.source.get("properties", {}).items()
        if "default" in inner and name not in node.source.get("required", [])
    ]
    assert optional == ["resources.limits"]


def test_all_options_sets_every_key() -> None:
    # `global` is Helm's; files of Vault and an inline Secret exclude each other.
    assert list(_missing(ALL_OPTIONS, SOURCES["values"])) == ["global", "secrets.vault.files[0]"]
    assert not list(Draft7Validator(SCHEMAS["values"]).iter_errors(ALL_OPTIONS))


def test_all_options_differs_from_the_defaults() -> None:
    """A key that is set to its default would not show that the chart reads it. Here there is no other that fits the rest."""
    same = {path for path, schema in GENERATOR.leaves(SOURCES["values"]) if path and _dotted(ALL_OPTIONS, path) == schema.get("default")}
    switches = {"strategy", "metrics.scrape", "eos.enabled", "networkPolicy.enabled", "secrets.vault.files"}
    assert same == {"image.repository", "logs.mountPath", "workDir.path"} | switches


@pytest.mark.parametrize("secrets", [{}, {"mode": "vault", "data": {}, "vault": {"files": ["newdqmgui.keytab"]}}], ids=["inline", "vault"])
def test_all_options_renders(secrets: dict[str, Any], tmp_path: Path) -> None:
    values = ALL_OPTIONS | {"secrets": {**ALL_OPTIONS["secrets"], **secrets}}
    done = template(tmp_path, values)
    assert done.returncode == 0, done.stderr
    kinds = {document["kind"] for document in yaml.safe_load_all(done.stdout) if document}
    expected = {
        "Deployment",
        "Service",
        "ConfigMap",
        "NetworkPolicy",
        "ServiceAccount",
        "Ingress",
        "PersistentVolumeClaim",
        "StorageClass",
        "Pod",
    }
    assert kinds == expected | (set() if secrets else {"Secret"})


def test_helm_shows_neither_secret_nor_length(tmp_path: Path) -> None:
    secret = "a plain password of 42 characters, or so.."
    values = {"image": {"tag": "HG0105a"}, "secrets": {"mode": "inline", "data": {"short": secret, "long": "QUJD" * 300_000}}}
    done = template(tmp_path, values)
    assert done.returncode == 1
    assert "/secrets/data/short" in done.stderr
    assert "/secrets/data/long" in done.stderr
    assert not re.search("password|QUJD|42|1200000", done.stderr)


@pytest.mark.parametrize("suffix", ["", "-stable"])
def test_tags_are_the_days_of_a_leap_year(suffix: str) -> None:
    tag = Draft7Validator(SCHEMAS["values"]["properties"]["image"]["properties"]["tag"])
    for day in range(100):
        for month in range(100):
            text = f"HG{day:02}{month:02}a{suffix}"
            assert tag.is_valid(text) == _is_date(day, month) == _parses(text), text


def test_addresses_are_those_of_the_standard_library() -> None:
    schema: Any = SCHEMAS["values"]["properties"]["ingress"]["properties"]["allowedSources"]["items"]
    address = Draft7Validator(schema)
    groups = ["0", "1", "ffff", "", "::", ":", "12345", "a.b"]
    texts = {":".join(parts) for count in range(1, 10) for parts in (["1"] * count, [*["1"] * (count - 1), ""], ["", *["1"] * count])}
    texts |= {f"{left}::{right}" for left in (":".join(["a"] * n) for n in range(8)) for right in (":".join(["b"] * n) for n in range(8))}
    texts |= {f"{a}:{b}:{c}" for a in groups for b in groups for c in groups}
    texts |= {
        f"{a}.{b}.0.{c}" for a in (0, 9, 10, 99, 199, 249, 255, 256, 300, "00", "01") for b in (1, 255, 256) for c in ("", 0, 255, "1.1")
    }
    texts |= {f"{base}/{length}" for base in ("0.0.0.0", "::") for length in range(140)}
    for text in texts:
        assert address.is_valid(text) == _is_address(text), text


def test_environments_file_keeps_its_schema() -> None:
    data = yaml.safe_load((ROOT / "values/environments.yaml").read_text(encoding="utf-8"))
    assert not list(Draft7Validator(SCHEMAS["environments"]).iter_errors(data))
    assert all((ROOT / "values" / f"{name}.yaml").is_file() for name in data["environments"])


def _is_date(day: int, month: int) -> bool:
    try:
        return bool(date(2024, month, day))
    except ValueError:
        return False


def _parses(text: str) -> bool:
    try:
        return str(parse_tag(text)) == text
    except InvalidInput:
        return False


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return False


def _dotted(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = data[name]
    return data


def _missing(data: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """Every key, item of a list and entry of a map that the schema knows and the data does not have."""
    if "properties" in schema:
        parts = {f"{path}.{name}".lstrip("."): (data.get(name), inner) for name, inner in schema["properties"].items()}
    elif isinstance(schema.get("additionalProperties"), dict):
        parts = {f"{path}.*": (next(iter(data.values()), None), schema["additionalProperties"])}
    elif schema["type"] == "array":
        parts = {f"{path}[0]": (data[0] if data else None, schema["items"])}
    else:
        return
    for name, (value, inner) in parts.items():
        yield from [name] if value is None else _missing(value, inner, name)


def _shape(data: Any, schema: Schema, path: str = "") -> list[str]:
    """Keys of the data that the schema does not have, or the other way round, but for what is free or belongs to Helm."""
    if not isinstance(data, dict) or "default" in schema or "properties" not in schema:
        return []
    odd = [f"{path}{name}" for name in data.keys() ^ schema["properties"].keys() if name != "global"]
    return odd + [bad for name in data for bad in _shape(data[name], schema["properties"].get(name, {}), f"{path}{name}.")]
