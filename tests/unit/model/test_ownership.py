"""Who made an object, who may not be robbed of it, and the patches that take it over and give it back."""

from __future__ import annotations

from typing import Any

import pytest

from helmtool.model.manifest import LAST_APPLIED, Manifest, belongs_to
from helmtool.model.ownership import (
    adds_to,
    adopted_fields,
    adoption_patch,
    applied_fields,
    field_writer,
    judge_owner,
    kept_fields,
    other_writers,
    undo_patch,
)

GUARD = {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
LABEL = "app.kubernetes.io/managed-by"
NAME, NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
OURS = {"labels": {LABEL: "Helm"}, "annotations": {NAME: "r", NAMESPACE: "n"}}
LEAF: dict[str, Any] = {}


def entry(manager: str, operation: str = "Update", fields: Any = None, version: str = "v1", **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": fields or {}, **more}


def live(*entries: dict[str, Any], **metadata: Any) -> Manifest:
    fields = {"managedFields": list(entries)} if entries else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "resourceVersion": "7", **fields, **metadata},
        "spec": {"a": 1},
    }


def carried_out(manifest: Manifest, operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The metadata after a patch; an operation on anything else, or on what is not there, fails."""
    metadata = {k: dict(v) if isinstance(v, dict) else v for k, v in manifest["metadata"].items()}
    for operation in operations:
        first, section, *rest = operation["path"].removeprefix("/").split("/")
        assert first == "metadata"
        if rest:
            name = rest[0].replace("~1", "/").replace("~0", "~")
            if operation["op"] == "remove":
                del metadata[section][name]
            else:
                metadata[section][name] = operation["value"]
        else:
            metadata[section] = operation["value"]
    return metadata


@pytest.mark.parametrize(
    "manager",
    [
        "kubectl",
        "kubectl-client-side-apply",
        "kubectl-create",
        "kubectl-edit",
        "kubectl-label",
        "kubectl-annotate",
        "kubectl-set",
        "kubectl-patch",
        "helm",
        "before-first-apply",
    ],
)
@pytest.mark.parametrize("operation", ["Update", "Apply"])
def test_these_managers_are_taken_over(manager: str, operation: str) -> None:
    found = live(entry(manager, operation, {"f:spec": {"f:a": LEAF}}))
    owner = judge_owner(found, "r", "n")
    assert (owner.ours, owner.makers, owner.others, owner.refusal) == (False, (manager,), (), "")
    after = carried_out(found, adoption_patch(found, "r", "n"))["managedFields"]
    assert after == [entry("helm", "Apply", {"f:spec": {"f:a": LEAF}})]


@pytest.mark.parametrize(
    "other",
    [
        entry("kube-controller-manager", fields={"f:status": LEAF}),
        entry("kube-controller-manager", fields={"f:status": LEAF}, subresource="status"),
        entry("kubectl", fields={"f:spec": {"f:replicas": LEAF}}, subresource="scale"),
        entry("somebody", fields={"f:spec": {"f:b": LEAF}}),
        entry("kubectlish", "Apply", {"f:spec": {"f:b": LEAF}}),
    ],
)
def test_these_keep_their_fields(other: dict[str, Any]) -> None:
    found = live(entry("kubectl-create", fields={"f:spec": {"f:a": LEAF}}), other)
    assert judge_owner(found, "r", "n").others == (other["manager"],)
    assert carried_out(found, adoption_patch(found, "r", "n"))["managedFields"][1:] == [other]
    assert kept_fields(found) == other["fieldsV1"]


def test_several_become_one() -> None:
    mine = {"f:metadata": {"f:annotations": {".": LEAF, f"f:{LAST_APPLIED}": LEAF}}, "f:spec": {"f:a": LEAF}}
    found = live(
        entry("kubectl-client-side-apply", fields=mine, time="2026-01-01T00:00:00Z"),
        entry("kubectl-edit", fields={"f:spec": {"f:b": LEAF}, "f:status": {"f:c": LEAF}}, time="2026-02-01T00:00:00Z"),
        entry("helm", "Apply", {"f:spec": {"f:d": LEAF}}),
    )
    expected = {"f:metadata": {"f:annotations": {".": LEAF}}, "f:spec": {"f:a": LEAF, "f:b": LEAF, "f:d": LEAF}}
    assert adopted_fields(found) == expected
    after = carried_out(found, adoption_patch(found, "r", "n"))["managedFields"]
    assert after == [entry("helm", "Apply", expected, time="2026-02-01T00:00:00Z")]
    assert applied_fields(found) == {"f:spec": {"f:d": LEAF}}


def test_fields_of_another_version_of_the_kind_are_nobodys() -> None:
    found = live(entry("kubectl-edit", fields={"f:old": LEAF}, version="v1beta1"), entry("kubectl", "Apply", {"f:spec": {"f:a": LEAF}}))
    assert carried_out(found, adoption_patch(found, "r", "n"))["managedFields"] == [entry("helm", "Apply", {"f:spec": {"f:a": LEAF}})]
    alone = live(entry("kubectl-edit", fields={"f:old": LEAF}, version="v1beta1"))
    assert carried_out(alone, adoption_patch(alone, "r", "n"))["managedFields"] == []


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {}, "annotations": {}},
        {"labels": {"app": "x"}, "annotations": {"note": "~/x"}},
        {"labels": {LABEL: "Helm"}},
        {"annotations": {LAST_APPLIED: "{}", "note": "kept"}},
        {"annotations": {NAME: "r"}},
    ],
)
def test_the_marks_and_back(metadata: dict[str, Any]) -> None:
    found = live(entry("kubectl-create", fields={"f:spec": LEAF}), **metadata)
    operations = adoption_patch(found, "r", "n")
    assert operations[0] == GUARD
    after = found | {"metadata": carried_out(found, operations)}
    assert belongs_to(after, "r", "n")
    assert LAST_APPLIED not in after["metadata"]["annotations"]
    assert judge_owner(after, "r", "n").ours
    undo = undo_patch(after)
    assert undo[0] == GUARD
    back = carried_out(after, undo)
    marks = {LABEL, NAME, NAMESPACE, LAST_APPLIED}
    for section in ("labels", "annotations"):
        assert back[section] == {k: v for k, v in (metadata.get(section) or {}).items() if k not in marks}


def test_without_managed_fields_only_the_marks_are_set() -> None:
    assert [o["path"] for o in adoption_patch(live(), "r", "n")] == [GUARD["path"], "/metadata/labels", "/metadata/annotations"]
    assert undo_patch(live()) == [GUARD]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (live(annotations={NAME: "other", NAMESPACE: "n"}), "another release: other in namespace n"),
        (live(annotations={NAME: "r", NAMESPACE: "m"}), "another release: r in namespace m"),
        (live(annotations={NAME: "other"}), "another release: other"),
        (live(labels={"argocd.argoproj.io/instance": "x"}), "Argo CD holds it"),
        (live(annotations={"argocd.argoproj.io/tracking-id": "x"}), "Argo CD holds it"),
        (live(labels={"helm.toolkit.fluxcd.io/name": "x"}), "Flux holds it"),
        (live(entry("kustomize-controller", "Apply")), "Flux writes it (field manager kustomize-controller)"),
        (live(entry("argocd-controller", "Apply")), "Argo CD writes it"),
        (live(labels={LABEL: "pulumi"}), "says pulumi"),
        (live(ownerReferences=[{"kind": "Application", "name": "x", "controller": True}]), "Application/x made it"),
    ],
)
def test_who_else_holds_it(found: Manifest, words: str) -> None:
    owner = judge_owner(found, "r", "n")
    assert not owner.ours
    assert words in owner.refusal


@pytest.mark.parametrize(
    "found",
    [live(**OURS), live(labels={LABEL: "Helm"}), live(ownerReferences=[{"kind": "X", "name": "x"}]), live(labels={"app": "argocd"})],
)
def test_nobody_else_holds_it(found: Manifest) -> None:
    assert judge_owner(found, "r", "n").refusal == ""


@pytest.mark.parametrize(
    ("entries", "added"),
    [
        ((entry("helm", "Apply", {"f:spec": LEAF}),), False),
        ((entry("kube-controller-manager", fields={"f:spec": {"f:volumeName": LEAF}}),), False),
        ((entry("kubectl-label", fields={"f:metadata": {"f:labels": LEAF}}),), False),
        ((entry("node", fields={"f:spec": LEAF}, subresource="status"),), False),
        ((entry("kubectl-set", fields={"f:spec": {"f:template": LEAF}}),), True),
        ((entry("kubectl", fields={"f:spec": {"f:replicas": LEAF}}, subresource="scale"),), True),
        ((entry("kubectl-edit", fields={"f:data": {"f:x": LEAF}}),), True),
    ],
)
def test_what_other_hands_have_added(entries: tuple[dict[str, Any], ...], added: bool) -> None:
    assert adds_to(live(*entries)) is added


REPLICAS = {"f:spec": {"f:replicas": {}}}
EARLY, LATE = {"time": "2026-05-01T10:00:00Z"}, {"time": "2026-05-01T11:00:00Z"}
BY_HPA = entry("kube-controller-manager", fields=REPLICAS, subresource="scale")


@pytest.mark.parametrize(
    ("entries", "writer"),
    [
        ([entry("helm", "Apply", REPLICAS, **LATE)], ""),
        (
            [entry("helm", "Apply", REPLICAS, **LATE), entry("kubectl-edit", fields=REPLICAS, **EARLY)],
            "kubectl-edit at 2026-05-01 10:00 UTC",
        ),
        ([entry("kubectl-edit", fields=REPLICAS, **EARLY), entry("k9s", fields=REPLICAS, **LATE)], "k9s at 2026-05-01 11:00 UTC"),
        ([entry("kubectl-edit", fields={"f:spec": {"f:paused": {}}}, **LATE)], ""),
        ([BY_HPA], "a HorizontalPodAutoscaler"),
        ([entry("kubectl", fields=REPLICAS, subresource="scale")], "kubectl"),
        ([entry("x", fields={"f:spec": 5})], ""),
        ([], ""),
    ],
)
def test_who_wrote_a_field(entries: list[dict[str, Any]], writer: str) -> None:
    assert field_writer(live(*entries), "spec", "replicas") == writer
    assert field_writer(None, "spec", "replicas") == ""


def test_an_autoscaler_is_a_writer_and_other_controllers_are_none() -> None:
    status = entry("kube-controller-manager", fields={"f:status": {}}, subresource="status", **LATE)
    assert other_writers(live(status, BY_HPA)) == ("a HorizontalPodAutoscaler",)
    assert not adds_to(live(status, BY_HPA)), "it changes a field of the release, and adds none"
