"""Changes: what each does to the service, what is no change at all, and that a Secret's values are never in one."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from helmtool.model.change import CHANGED_SECRET, Change, Effect, classify, compare, impossible, normalise, summary, worst
from helmtool.model.manifest import LAST_APPLIED, Manifest, key_of
from helmtool.model.redaction import REDACTED

MARKER = "s3cret-marker"


def deployment(image: str = "i:1", labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    template = {"spec": {"containers": [{"image": image}]}}
    metadata = {"name": "d", **({"labels": labels} if labels else {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template, **spec}}


def of_kind(kind: str, **content: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "o"}, **content}


RECREATE = {"strategy": {"type": "Recreate"}}
ROLLING = {"strategy": {"type": "RollingUpdate"}}


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        (None, deployment(), Effect.IN_PLACE),
        (None, of_kind("ConfigMap"), Effect.IN_PLACE),
        (deployment(), None, Effect.DOWNTIME),
        (of_kind("Service"), None, Effect.DOWNTIME),
        (of_kind("ConfigMap"), None, Effect.IN_PLACE),
        (deployment(**ROLLING), deployment("i:2", **ROLLING), Effect.RESTART),
        (deployment(), deployment("i:2"), Effect.RESTART),
        (deployment(**RECREATE), deployment("i:2", **RECREATE), Effect.DOWNTIME),
        (deployment(**ROLLING), deployment("i:2", **RECREATE), Effect.DOWNTIME),
        (deployment(**RECREATE), deployment("i:2", **ROLLING), Effect.RESTART),
        (deployment(replicas=1), deployment(replicas=0), Effect.DOWNTIME),
        (deployment(), deployment(replicas=0), Effect.DOWNTIME),
        (deployment(replicas=1, **ROLLING), deployment("i:2", replicas=0, **ROLLING), Effect.DOWNTIME),
        (deployment(replicas=0), deployment(replicas=1), Effect.IN_PLACE),
        (deployment(replicas=1), deployment(replicas=2), Effect.IN_PLACE),
        (deployment(**ROLLING), deployment(**RECREATE), Effect.IN_PLACE),
        (deployment(), deployment(labels={"a": "b"}), Effect.NONE),
        (of_kind("ConfigMap", data={"a": "1"}), of_kind("ConfigMap", data={"a": "2"}), Effect.IN_PLACE),
        (of_kind("ConfigMap"), {**of_kind("ConfigMap"), "metadata": {"name": "o", "labels": {"a": "b"}}}, Effect.NONE),
    ],
)
def test_effect_of_a_change(old: Manifest | None, new: Manifest | None, effect: Effect) -> None:
    found, reason = classify(old, new)
    assert found is effect
    assert reason


def test_the_gravest_effect_counts_and_every_effect_has_words() -> None:
    assert worst([]) is Effect.NONE
    changes = [compare(key_of(new), None, new) for new in (deployment(), of_kind("Service"))]
    changes.append(impossible(key_of(deployment()), None, deployment(), "field is immutable"))
    assert worst([change for change in changes if change]) is Effect.IMPOSSIBLE
    assert [effect.label for effect in Effect] == ["no effect", "in place", "restarts the pod", "downtime", "impossible"]


def test_what_only_the_server_writes_is_no_change() -> None:
    live = deployment(labels={"app": "x"}) | {"status": {"readyReplicas": 1}}
    live["metadata"] |= {
        "managedFields": [{}],
        "resourceVersion": "7",
        "uid": "u",
        "generation": 3,
        "creationTimestamp": "t",
        "annotations": {LAST_APPLIED: MARKER, "deployment.kubernetes.io/revision": "4"},
    }
    after = deployment(labels={"app": "x"})
    assert compare(key_of(live), live, after) is None
    assert "annotations" not in normalise(live)["metadata"]
    assert MARKER not in str(normalise(live))


def test_every_other_field_is_a_change() -> None:
    live = of_kind("ConfigMap", immutable=True)
    change = compare(key_of(live), live, of_kind("ConfigMap"))
    assert change is not None
    assert change.verb == "change"


def test_the_order_of_keys_is_no_change() -> None:
    first = {"kind": "A", "metadata": {"name": "a", "labels": {"x": "1", "y": "2"}}, "apiVersion": "v1"}
    second = {"apiVersion": "v1", "kind": "A", "metadata": {"labels": {"y": "2", "x": "1"}, "name": "a"}}
    assert compare(key_of(first), first, second) is None


@pytest.mark.parametrize(
    ("old", "new", "verb", "labels"),
    [
        (None, of_kind("A"), "add", ("--- /dev/null", "+++ new A/o")),
        (of_kind("A"), None, "remove", ("--- live A/o", "+++ /dev/null")),
        (of_kind("A"), of_kind("A", data={}), "change", ("--- live A/o", "+++ new A/o")),
    ],
)
def test_verbs_and_labels(old: Manifest | None, new: Manifest | None, verb: str, labels: tuple[str, str]) -> None:
    change = compare(key_of(of_kind("A")), old, new)
    assert change is not None
    assert change.verb == verb
    assert tuple(change.unified()[:2]) == labels
    assert tuple(change.unified(names=("old", "other"))[:2]) == tuple(
        name.replace("live", "old").replace("new", "other") for name in labels
    )


def test_summary() -> None:
    one, two = (compare(key_of(m), None, m) for m in (of_kind("A"), of_kind("B")))
    assert one is not None
    assert two is not None
    assert [summary(changes) for changes in ([], [one], [one, two])] == [
        "no object changes",
        "1 object changes: in place",
        "2 objects change: in place",
    ]


def test_context_of_a_diff() -> None:
    before = of_kind("A", **{f"k{i}": i for i in range(20)})
    change = compare(key_of(before), before, before | {"k10": "new"})
    assert change is not None
    assert [line for line in change.unified(0) if not line.startswith(("---", "+++", "@@"))] == ["-k10: 10", "+k10: new"]
    assert len(change.unified(5)) == 3 + 2 + 10


def hidden(text: str) -> str:
    return base64.b64encode(f"{MARKER}{text}".encode()).decode()


def everything(change: Change | None) -> str:
    assert change is not None
    return f"{change} {change.before} {change.after} {change.reason} {change.problem} " + "\n".join(change.unified(100))


@pytest.mark.parametrize("section", ["data", "stringData"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, {"a": hidden("1")}),
        ({"a": hidden("1")}, None),
        ({"a": hidden("1")}, {"a": hidden("2")}),
        ({"a": hidden("1")}, {"a": hidden("1"), "b": hidden("2")}),
        ({"a": hidden("1"), "b": hidden("2")}, {"a": hidden("1")}),
        ({"a": hidden("1")}, {}),
        ({"a": hidden("1")}, hidden("text")),
        (hidden("text"), {"a": hidden("1")}),
        ([hidden("item")], [hidden("other")]),
    ],
)
def test_no_value_of_a_secret_in_any_part_of_a_change(section: str, old: Any, new: Any) -> None:
    sides = [None if side is None else of_kind("Secret", **{section: side}) for side in (old, new)]
    key = key_of(of_kind("Secret"))
    shown = everything(compare(key, *sides))
    if sides[1]:
        shown += everything(impossible(key, *sides, "immutable"))
    for value in (*_values(old), *_values(new)):
        assert value not in shown
    assert MARKER not in shown


def _values(side: Any) -> list[str]:
    return list(side.values()) if isinstance(side, dict) else side if isinstance(side, list) else [side] if side else []


def test_which_value_of_a_secret_differs_is_said() -> None:
    old, new = (of_kind("Secret", data=data) for data in ({"a": "1", "b": "2", "gone": "3"}, {"a": "1", "b": "9", "added": "4"}))
    change = compare(key_of(old), old, new)
    assert change is not None
    assert change.before is not None
    assert change.after is not None
    assert change.before["data"] == {"a": REDACTED, "b": REDACTED, "gone": REDACTED}
    assert change.after["data"] == {"a": REDACTED, "b": CHANGED_SECRET, "added": REDACTED}
