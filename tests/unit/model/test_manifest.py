"""Objects: their key, their marks of ownership, and that no value of a Secret is left in what may be shown."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from helmtool.errors import Problem
from helmtool.model.manifest import (
    LAST_APPLIED,
    REDACTED,
    Manifest,
    ManifestUnreadable,
    ObjectKey,
    belongs_to,
    dump_manifest,
    dump_manifests,
    is_hook,
    key_of,
    owned_by_helm,
    parse_manifests,
    redact,
    repeated_objects,
)

MARKER = "s3cret-marker"


def secret(**content: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, **content}


@pytest.mark.parametrize(
    ("manifest", "key"),
    [
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}, ObjectKey("v1", "Pod", "n", "a")),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}, ObjectKey("apps/v1", "Deployment", "", "a")),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": None}, ObjectKey("v1", "Pod", "", "None")),
    ],
)
def test_key(manifest: Manifest, key: ObjectKey) -> None:
    assert key_of(manifest) == key
    assert str(key) == f"{key.kind}/{key.name}"


def test_parses_documents_and_leaves_empty_ones_out() -> None:
    assert parse_manifests("---\n# only a comment\n---\nkind: A\n---\n- not an object\n---\nkind: B\n") == [{"kind": "A"}, {"kind": "B"}]


def test_dumps_what_it_parses() -> None:
    manifests = [{"kind": "A", "data": {"x": "one\ntwo\n"}}, {"kind": "B"}]
    assert parse_manifests(dump_manifests(manifests)) == manifests


@pytest.mark.parametrize(
    ("metadata", "hook"),
    [({"annotations": {"helm.sh/hook": "test"}}, True), ({"annotations": {"a": "b"}}, False), ({"annotations": None}, False), ({}, False)],
)
def test_hooks(metadata: dict[str, Any], hook: bool) -> None:
    assert is_hook({"kind": "Pod", "metadata": metadata}) is hook


def test_helms_marks_are_added_without_touching_the_rendered_object() -> None:
    rendered = {"kind": "A", "metadata": {"name": "a", "labels": {"app": "x"}, "annotations": None}}
    before = copy.deepcopy(rendered)
    owned = owned_by_helm(rendered, "rel", "ns")
    assert rendered == before
    assert belongs_to(owned, "rel", "ns")
    assert owned["metadata"]["labels"] == {"app": "x", "app.kubernetes.io/managed-by": "Helm"}


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        ({}, {"meta.helm.sh/release-name": "rel", "meta.helm.sh/release-namespace": "ns"}),
        ({"app.kubernetes.io/managed-by": "kubectl"}, {"meta.helm.sh/release-name": "rel", "meta.helm.sh/release-namespace": "ns"}),
        ({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "ns"}),
        ({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "rel", "meta.helm.sh/release-namespace": "other"}),
        ({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "rel"}),
        (None, None),
    ],
)
def test_an_object_without_all_marks_belongs_to_somebody_else(labels: Any, annotations: Any) -> None:
    assert not belongs_to({"metadata": {"labels": labels, "annotations": annotations}}, "rel", "ns")


@pytest.mark.parametrize(
    "manifest",
    [
        secret(data={"k": MARKER}),
        secret(stringData={"k": MARKER}),
        secret(data={"k": {"nested": MARKER}}),
        secret(data=MARKER),
        secret(stringData=[MARKER]),
        secret(metadata={"name": "s", "annotations": {LAST_APPLIED: MARKER}}, data={"k": MARKER}),
        {"apiVersion": "v1", "kind": "List", "items": [secret(data={"k": MARKER})]},
        {"apiVersion": "v1", "kind": "SecretList", "items": [secret(data={"k": MARKER}), "x"]},
        {"kind": "ConfigMap", "metadata": {"annotations": {LAST_APPLIED: MARKER, "kept": "yes"}}, "data": {"open": "text"}},
    ],
)
def test_no_value_of_a_secret_is_left_and_the_object_itself_stays(manifest: Manifest) -> None:
    before = copy.deepcopy(manifest)
    shown = dump_manifest(redact(manifest))
    # Not even letter by letter: a text taken for a map would give its letters as keys.
    assert MARKER not in shown
    assert "'3'" not in shown
    assert manifest == before


def test_redaction_keeps_keys_and_everything_else() -> None:
    assert redact(secret(data={"a": "1", "b": "2"}, type="Opaque")) == secret(data={"a": REDACTED, "b": REDACTED}, type="Opaque")
    assert redact(secret(data=None)) == secret(data={})
    config = {"kind": "ConfigMap", "metadata": {"annotations": {LAST_APPLIED: "x", "kept": "yes"}}, "data": {"open": "text"}}
    assert redact(config) == {"kind": "ConfigMap", "metadata": {"annotations": {"kept": "yes"}}, "data": {"open": "text"}}


@pytest.mark.parametrize("text", ["a: [", "\x00", "- " * 3000, "[" * 50_000, "a: &a [1]\nb: !!python/object:a.b {}"])
def test_a_manifest_that_is_none(text: str) -> None:
    with pytest.raises(ManifestUnreadable):
        parse_manifests(text)


def test_objects_of_other_kinds_than_they_should_be() -> None:
    assert key_of({"metadata": 5}).name == "None"
    assert not is_hook({"metadata": {"annotations": 5}})


def rendered(*objects: tuple[str, str]) -> bytes:
    """What `helm template` prints for templates and the YAML of their objects."""
    return "".join(f"---\n# Source: newdqmgui/templates/{template}\n{text}\n" for template, text in objects).encode()


def config(version: str = "v1", kind: str = "ConfigMap", hook: str = "", metadata: str = "name: a") -> str:
    annotations = f", annotations: {{helm.sh/hook: '{hook}'}}" if hook else ""
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{{metadata}{annotations}}}\ndata: {{text: '---'}}"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (config(), config(), True),
        (config(), config(metadata="name: b"), False),
        (config(), config(kind="Secret"), False),
        (config(), config(metadata="name: a, namespace: dqm"), True),
        (config(), config(metadata="name: a, namespace: other"), False),
        (config("autoscaling/v1", "A"), config("autoscaling/v2", "A"), True),
        (config("one.example.org/v1", "A"), config("two.example.org/v1", "A"), False),
        (config("storage.k8s.io/v1", "StorageClass"), config("storage.k8s.io/v1", "StorageClass", metadata="name: a, namespace: x"), True),
        (config(), config(hook="test"), True),
        (config(hook="pre-install"), config(hook="pre-upgrade"), False),
        (config(hook="pre-install, pre-upgrade"), config(hook="pre-upgrade"), True),
    ],
)
def test_an_object_that_two_templates_make(one: str, other: str, same: bool) -> None:
    found = repeated_objects(rendered(("a.yaml", one), ("z.yaml", config(metadata="name: z")), ("a.yaml.bak", other)), "dqm")
    said = "is rendered 2 times, by templates/a.yaml and templates/a.yaml.bak"
    expected = [Problem(said, "templates/a.yaml", path=str(key_of(parse_manifests(one)[0])))]
    assert found == (expected if same else [])


def test_an_object_that_one_template_makes_twice() -> None:
    (problem,) = repeated_objects(rendered(("a.yaml", config()), ("a.yaml", config())), "dqm")
    assert problem.message == "is rendered 2 times, by templates/a.yaml alone"
