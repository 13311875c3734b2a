"""Writes the identity of a cluster into environments.yaml, and leaves every other character of the file as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from helmtool.errors import InvalidInput

KEYS = ("server", "caFingerprint", "kubeSystemUid")


class CannotPin(InvalidInput):
    """The file is written in a way that cannot be changed by itself."""

    code = "cannot-pin"


def with_pins(text: str, environment: str, pins: Mapping[str, str]) -> str:
    """The text of environments.yaml with the pins under `environments.ENV.cluster`; a pin that is there is replaced.

    Only those lines change: comments, order and quotes of the file are its owner's. Raises CannotPin where the result would not be
    the same document with other pins (anchors, say), so that nothing is written.
    """
    cluster = _cluster(text, environment)
    for key in KEYS:
        if pins.get(key):
            text = _with_pin(text, cluster, key, pins[key])
            cluster = _cluster(text, environment)
    return text


def _cluster(text: str, environment: str) -> yaml.MappingNode:
    """The node of the environment's `cluster`."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in ("environments", environment, "cluster"):
        node = _value(node, key)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise _refusal(environment)
    return node


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _with_pin(text: str, cluster: yaml.MappingNode, key: str, pin: str) -> str:
    """One pin replaced where it stands, else added before the first key, in the style of the map."""
    written = f'"{pin}"'
    there = _value(cluster, key)
    if there is not None:
        return text[: there.start_mark.index] + written + text[there.end_mark.index :]
    first = cluster.value[0][0].start_mark
    separator = ", " if cluster.flow_style else "\n" + " " * first.column
    return f"{text[: first.index]}{key}: {written}{separator}{text[first.index :]}"


def require_same(before: str, after: str, environment: str, pins: Mapping[str, str]) -> None:
    """Raises CannotPin unless the second text is the first one's document with these pins and nothing else changed."""
    wanted, found = (json.loads(json.dumps(yaml.safe_load(text))) for text in (before, after))  # so that no map is shared by an anchor
    wanted["environments"][environment]["cluster"].update(pins)
    if wanted != found:
        raise _refusal(environment)


def _refusal(environment: str) -> CannotPin:
    return CannotPin(
        f"the cluster of {environment} is not written as a map of its own, so its pins cannot be added without changing other lines",
        hint=f"add {', '.join(KEYS)} under environments.{environment}.cluster by hand, then: helmtool env show {environment}",
    )
