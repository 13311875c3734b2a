"""A diff with the cause of each field, between two environments: the real helm, no cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from program import Inside

DIFF = ("diff", "preprod", "HG0105a", "--against", "test4")


def causes(inside: Inside, *arguments: str) -> dict[str, list[tuple[str, str, bool]]]:
    """What made each field differ: its source, its text, and whether it is a guess."""
    document = reviewed(inside, *arguments)
    return {
        f"{change['kind']} {field['path']}": [(p["source"], p["text"], p["guess"]) for p in field["provenance"]]
        for change in document["changes"]
        for field in change["fields"]
    }


def reviewed(inside: Inside, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = inside.run(*arguments, "--format", "json").document
    assert "error" not in document, document
    schema = json.loads((inside.root / "schemas/diff.schema.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    return document


def set_values(inside: Inside, environment: str, **values: Any) -> None:
    inside.write(f"values/{environment}.yaml", yaml.safe_dump({"environment": environment, **values}))


def test_each_field_names_the_line_of_its_value(inside: Inside) -> None:
    set_values(inside, "test4", progressDeadlineSeconds=500, logs={"claimName": "old-claim"})
    inside.write("values/preprod.yaml", "environment: preprod\nprogressDeadlineSeconds: 510\n\nlogs:\n  claimName: new-claim\n")
    found = causes(inside, *DIFF)
    assert found["Deployment spec.progressDeadlineSeconds"] == [
        ("value", "progressDeadlineSeconds: values/preprod.yaml:2, instead of values/test4.yaml:4", False)
    ]
    assert found["Deployment spec.template.spec.volumes[logs].persistentVolumeClaim.claimName"] == [
        ("value", "logs.claimName: values/preprod.yaml:5, instead of values/test4.yaml:3", False)
    ]
    assert found["Deployment spec.template.metadata.labels.env"][0][1].startswith("environment: values/preprod.yaml:1")


def test_one_value_alone(inside: Inside) -> None:
    for name in ("test4", "preprod"):
        inside.write(f"values/{name}.yaml", "environment: preprod\n")
    found = causes(inside, *DIFF, "--set", "progressDeadlineSeconds=520")
    assert found == {}
    inside.write("values/preprod.yaml", "environment: preprod\nrevisionHistoryLimit: 3\n")
    document = reviewed(inside, *DIFF)
    assert [(v["path"], v["file"], v["line"]) for v in document["values"]] == [("revisionHistoryLimit", "values/preprod.yaml", 2)]
    line = chart_line(inside, "revisionHistoryLimit")
    text = f"revisionHistoryLimit: values/preprod.yaml:2, instead of charts/newdqmgui/values.yaml:{line}"
    assert causes(inside, *DIFF) == {"Deployment spec.revisionHistoryLimit": [("value", text, False)]}


def chart_line(inside: Inside, key: str) -> int:
    lines = (inside.root / "charts/newdqmgui/values.yaml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:"))


def test_what_one_value_alone_does_not_do_is_told_as_done_by_several(inside: Inside) -> None:
    """Either value makes the claim be there, so putting one back alone changes nothing."""
    template = "charts/newdqmgui/templates/both.yaml"
    inside.write(
        template,
        '{{- if or (eq .Values.environment "preprod") (eq (int .Values.revisionHistoryLimit) 3) }}\n'
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: both}\ndata: {k: v}\n{{- end }}\n",
    )
    set_values(inside, "test4", revisionHistoryLimit=5)
    set_values(inside, "preprod", revisionHistoryLimit=3)
    assert causes(inside, *DIFF)["ConfigMap "] == [("value", "several of the 2 changed values together", False)]


def test_a_value_that_the_chart_does_not_render_without_is_guessed_by_its_text(inside: Inside) -> None:
    rule = '{{- if and (eq .Values.environment "preprod") (ne (int .Values.revisionHistoryLimit) 3) }}{{ fail "not apart" }}{{ end }}\n'
    inside.write("charts/newdqmgui/templates/rule.yaml", rule)
    set_values(inside, "test4", revisionHistoryLimit=5)
    inside.write("values/preprod.yaml", "environment: preprod\nrevisionHistoryLimit: 3\n")
    found = causes(inside, *DIFF)
    assert found["Deployment spec.revisionHistoryLimit"] == [
        ("value", "revisionHistoryLimit: values/preprod.yaml:2, instead of values/test4.yaml:2", True)
    ]
    assert found["Deployment spec.template.metadata.labels.env"][0][2] is False


def test_an_object_that_comes_is_caused_by_what_makes_it_come(inside: Inside) -> None:
    set_values(inside, "test4")
    inside.write(
        "values/preprod.yaml", "environment: preprod\ningress: {enabled: true, host: some.cern.ch, allowedSources: [10.1.0.0/16]}\n"
    )
    assert [text.split(",")[0] for _, text, _ in causes(inside, *DIFF)["Ingress "]] == ["ingress.enabled: values/preprod.yaml:2"]


def test_more_values_than_are_tried_are_guessed(inside: Inside) -> None:
    set_values(inside, "test4")
    numbers = {"revisionHistoryLimit": 3, "progressDeadlineSeconds": 521, "terminationGracePeriodSeconds": 45}
    ids = {"podSecurity": {"runAsUser": 1201, "runAsGroup": 1202, "fsGroup": 1203}}
    resources = {"resources": {"requests": {"cpu": "151m", "memory": "513Mi"}, "limits": {"cpu": "1501m", "memory": "4Gi"}}}
    set_values(inside, "preprod", **numbers, **ids, **resources)
    found = causes(inside, *DIFF)
    cause = found["Deployment spec.template.spec.containers[newdqmgui].resources.requests.cpu"][0]
    assert (cause[0], cause[2]) == ("value", True)
    assert cause[1].startswith("resources.requests.cpu: values/preprod.yaml:")
    assert {guess for sources in found.values() for _, text, guess in sources if "together" not in text} == {True}


def test_a_value_that_is_given_on_the_command_line(inside: Inside) -> None:
    found = causes(inside, "diff", "preprod", "HG0105a", "--against", "prod")
    assert found["Deployment spec.template.spec.containers[newdqmgui].image"] == [("tag", "image.tag: the TAG that was given", False)]


def test_the_pages_have_the_causes_too(inside: Inside) -> None:
    for name, begins in (("markdown", "## `preprod: test4 → preprod`"), ("html", "<!DOCTYPE html>")):
        ran = inside.run(*DIFF, "--format", name)
        assert (ran.code, ran.out[: len(begins)]) == (0, begins)
        assert "environment: values/preprod.yaml:3" in ran.out
        assert "rendering with each changed value" in ran.err


def test_text_looks_for_no_causes(inside: Inside) -> None:
    ran = inside.run(*DIFF)
    assert "rendering with each changed value" not in ran.err
    assert inside.run(*DIFF, "--format", "text").out == ran.out


def test_both_ways_to_ask_for_json_are_one(inside: Inside) -> None:
    assert inside.run(*DIFF, "-o", "json").document == reviewed(inside, *DIFF)
    assert inside.run(*DIFF, "--format", "json", "-o", "json").document == reviewed(inside, *DIFF)


@pytest.mark.parametrize("format", ["text", "markdown", "html", "json"])
def test_the_exit_code_does_not_depend_on_the_format(inside: Inside, format: str) -> None:
    assert inside.run(*DIFF, "--format", format, "--detailed-exitcode").code == 2
    same = inside.run("diff", "test4", "--against", "test4", "--format", format, "--detailed-exitcode")
    assert same.code == 0


def test_formats_that_do_not_go_together(inside: Inside) -> None:
    ran = inside.run(*DIFF, "--format", "html", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (2, "usage")
    ran = inside.run("diff", "preprod", "--engine", "helm-diff", "--format", "markdown")
    assert (ran.code, ran.out) == (2, "")
    assert "--format markdown needs helmtool's own diff" in ran.err


def test_an_error_is_json_where_the_format_is(inside: Inside) -> None:
    ran = inside.run("diff", "preprod", "nonsense", "--against", "test4", "--format", "json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "invalid-tag")
