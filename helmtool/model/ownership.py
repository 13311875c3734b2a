"""Who made a live object, from its marks and its managedFields, and the JSON patches that take it over and give it back.

Helm takes an object for its own by a label and two annotations; it prunes what its field manager `helm` has applied before. So both
are set: the marks, and one entry `helm`/Apply in the place of kubectl's. Nothing below `spec` or `data` is in the patches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from helmtool.model.change import CONTROLLER_ANNOTATIONS
from helmtool.model.fields import Fields, union, without
from helmtool.model.manifest import LAST_APPLIED, Manifest, belongs_to, owned_by_helm
from helmtool.model.reading import at, listing

HELM = "helm"
"""Helm's field manager."""
MANAGED_BY, NAME, NAMESPACE = "app.kubernetes.io/managed-by", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
ADOPTED = ("kubectl", "before-first-apply", HELM)
"""Field managers whose fields become Helm's, beside everything that starts with `kubectl-`. The second is the API server's own
word for what was there before anybody applied; the third is an earlier helm, which did not apply but update."""
OWN_WRITERS = (HELM, "kube-")
"""Beginnings of field managers that write in the release's name or for Kubernetes itself; helmtool's own begins as Helm's does."""
TOOLS = (
    ("argocd.argoproj.io/", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/", "Flux"),
    ("helm.toolkit.fluxcd.io/", "Flux"),
    ("fleet.cattle.io/", "Fleet"),
    ("config.k8s.io/owning-inventory", "kpt or Config Sync"),
)
"""Labels and annotations of tools that put an object back to what they know."""
TOOL_MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "fleetagent": "Fleet",
    "Terraform": "Terraform",
    "HashiCorp": "Terraform",
    "pulumi-kubernetes": "Pulumi",
}
# What no applied manifest says: what an update has taken of it stays with whoever else writes it, or with nobody.
NOT_HELMS = [("f:metadata", "f:annotations", f"f:{name}") for name in CONTROLLER_ANNOTATIONS] + [("f:status",)]


class Owner(NamedTuple):
    """Who holds an object: `makers` are the field managers whose fields an adoption takes over, `others` keep theirs.

    `ours` says that Helm holds it for the release already; `refusal` says in words why it may not be taken over, else it is empty.
    """

    ours: bool
    makers: tuple[str, ...]
    others: tuple[str, ...]
    refusal: str = ""


def judge_owner(live: Manifest, release: str, namespace: str) -> Owner:
    """Who holds a live object, and whether the release may take it over."""
    entries = _entries(live)
    makers = dict.fromkeys(_name(entry) for entry in entries if _is_adopted(entry))
    others = dict.fromkeys(_name(entry) for entry in entries if not _is_adopted(entry))
    ours = belongs_to(live, release, namespace)
    refusal = "" if ours else _other_release(live, release, namespace) or _other_tool(live)
    return Owner(ours, tuple(makers), tuple(others), refusal)


def adopted_fields(live: Manifest) -> Fields:
    """The fields that Helm will hold: those of every adopted entry, in the object's own API version."""
    fields = union(e.get("fieldsV1") or {} for e in _entries(live) if _is_adopted(e) and e.get("apiVersion") == live.get("apiVersion"))
    for path in NOT_HELMS:
        fields = without(fields, path)
    return fields


def kept_fields(live: Manifest) -> Fields:
    """The fields that other hands hold and keep."""
    return union(e.get("fieldsV1") or {} for e in _entries(live) if not _is_adopted(e))


def applied_fields(live: Manifest) -> Fields:
    """The fields of Helm's own entry: exactly what it has applied last."""
    return union(e.get("fieldsV1") or {} for e in _entries(live) if _name(e) == HELM and e.get("operation") == "Apply")


def adoption_patch(live: Manifest, release: str, namespace: str) -> list[dict[str, Any]]:
    """The JSON patch that makes the object Helm's; refused by the API server where the object has changed since it was read."""
    marks = owned_by_helm({"metadata": {}}, release, namespace)["metadata"]
    operations = [_guard(live), *_set(live, "labels", marks["labels"]), *_set(live, "annotations", marks["annotations"])]
    if LAST_APPLIED in _map(live, "annotations"):
        operations.append({"op": "remove", "path": _pointer("annotations", LAST_APPLIED)})
    if _entries(live):
        operations.append({"op": "add", "path": "/metadata/managedFields", "value": _entries_after(live)})
    return operations


def undo_patch(live: Manifest) -> list[dict[str, Any]]:
    """The JSON patch that removes the three marks of Helm, with the same guard."""
    marks = (("labels", MANAGED_BY), ("annotations", NAME), ("annotations", NAMESPACE))
    found = [(section, name) for section, name in marks if name in _map(live, section)]
    return [_guard(live), *({"op": "remove", "path": _pointer(section, name)} for section, name in found)]


def _entries_after(live: Manifest) -> list[dict[str, Any]]:
    """managedFields with one entry of Helm's in the place of the adopted ones."""
    adopted = [entry for entry in _entries(live) if _is_adopted(entry)]
    kept = [entry for entry in _entries(live) if not _is_adopted(entry)]
    fields = adopted_fields(live)
    if not fields:
        return kept
    when = max((str(entry["time"]) for entry in adopted if entry.get("time")), default="")
    entry = {"manager": HELM, "operation": "Apply", "apiVersion": live.get("apiVersion"), "fieldsType": "FieldsV1", "fieldsV1": fields}
    return [entry | ({"time": when} if when else {}), *kept]


def adopted_manager(manager: str) -> bool:
    """Whether the field manager is one of hands that apply or edit manifests, so that its fields become Helm's."""
    return manager in ADOPTED or manager.startswith("kubectl-")


def adds_to(live: Manifest) -> bool:
    """Whether other hands hold fields beside its metadata: what they have added stays whatever is applied (server-side apply)."""
    return any(set(entry.get("fieldsV1") or {}) - {"f:metadata", "f:status"} for entry in _others(live))


def other_writers(live: Manifest) -> tuple[str, ...]:
    """Who has written the object beside Helm, this program and Kubernetes' own controllers, and when; the newest first.

    An autoscaler counts too: it changes what somebody released.
    """
    writers = [*_others(live), *filter(_is_autoscaler, _entries(live))]
    newest = sorted(writers, key=lambda entry: str(entry.get("time") or ""), reverse=True)
    return tuple(map(_written, newest))


def field_writer(live: Manifest | None, *path: str) -> str:
    """Who wrote one field last, beside Helm, and when; empty if nobody else holds it."""
    holders = [
        e
        for e in listing(live, "metadata", "managedFields")
        if at(e, "fieldsV1", *(f"f:{name}" for name in path)) is not None and _name(e) != HELM
    ]
    return max(((str(e.get("time") or ""), _written(e)) for e in holders), default=("", ""))[1]


def _written(entry: Mapping[str, Any]) -> str:
    name = "a HorizontalPodAutoscaler" if _is_autoscaler(entry) else _name(entry)
    when = str(entry.get("time") or "")[:16].replace("T", " ")  # the API server gives none to what sets the scale alone
    return f"{name} at {when} UTC" if when else name


def _is_autoscaler(entry: Mapping[str, Any]) -> bool:
    """Whether the entry is the HPA controller's: no other one of Kubernetes' own scales a Deployment through its subresource."""
    return _name(entry) == "kube-controller-manager" and entry.get("subresource") == "scale"


def _others(live: Manifest) -> list[dict[str, Any]]:
    return [e for e in _entries(live) if e.get("subresource") != "status" and not _name(e).startswith(OWN_WRITERS)]


def _is_adopted(entry: Mapping[str, Any]) -> bool:
    """Whether the entry goes over; what was set through a subresource (`scale`) stays with who did it."""
    return not entry.get("subresource") and adopted_manager(_name(entry))


def _other_release(live: Manifest, release: str, namespace: str) -> str:
    annotations = _map(live, "annotations")
    other, place = annotations.get(NAME, ""), annotations.get(NAMESPACE, "")
    if (other and other != release) or (place and place != namespace):
        return f"Helm holds it for another release: {other or release} in namespace {place or namespace}"
    return ""


def _other_tool(live: Manifest) -> str:
    marks = [*_map(live, "labels"), *_map(live, "annotations")]
    by_mark = next((f"{tool} holds it ({mark})" for prefix, tool in TOOLS for mark in marks if mark.startswith(prefix)), "")
    by_manager = _first(f"{TOOL_MANAGERS[m]} writes it (field manager {m})" for m in map(_name, _entries(live)) if m in TOOL_MANAGERS)
    label = _map(live, "labels").get(MANAGED_BY, "Helm")
    by_label = f"its label {MANAGED_BY} says {label}" if label != "Helm" else ""
    owners = (live.get("metadata") or {}).get("ownerReferences") or []
    by_owner = _first(f"{owner.get('kind')}/{owner.get('name')} made it and owns it" for owner in owners if owner.get("controller"))
    return by_mark or by_manager or by_label or by_owner


def _first(texts: Iterable[str]) -> str:
    return next(iter(texts), "")


def _entries(live: Manifest) -> list[dict[str, Any]]:
    return (live.get("metadata") or {}).get("managedFields") or []


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("manager") or "")


def _map(live: Manifest, section: str) -> dict[str, str]:
    return (live.get("metadata") or {}).get(section) or {}


def _guard(live: Manifest) -> dict[str, Any]:
    """A JSON patch that names an old resource version is answered with 409."""
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}


def _set(live: Manifest, section: str, marks: Mapping[str, str]) -> list[dict[str, Any]]:
    if not _map(live, section):
        return [{"op": "add", "path": f"/metadata/{section}", "value": dict(marks)}]
    return [{"op": "add", "path": _pointer(section, name), "value": value} for name, value in marks.items()]


def _pointer(section: str, name: str) -> str:
    """The JSON pointer (RFC 6901) of one label or annotation."""
    return f"/metadata/{section}/" + name.replace("~", "~0").replace("/", "~1")
