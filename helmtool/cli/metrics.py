"""What `status -o openmetrics` prints: OpenMetrics text that a textfile collector of Prometheus reads too.

Only gauges, since the collector's parser knows no other type of OpenMetrics: https://prometheus.io/docs/specs/om/open_metrics_spec/ and
https://prometheus.io/docs/instrumenting/exposition_formats/. Labels name environment, image and state; never a person, never what a
cluster says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

Labels = dict[str, str]
STATES = ("running", "not-ready", "pending", "failed", "not-released", "unknown")
"""Of `Status.state`."""
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class _Metric(NamedTuple):
    """One family: its name, its unit, what it says, and its samples of one environment."""

    name: str
    unit: str
    help: str
    samples: Callable[[Any], Iterator[tuple[Labels, float]]]


def openmetrics(statuses: Sequence[Any]) -> str:
    """The states of environments as metrics, each family once; what is not known has no sample."""
    lines: list[str] = []
    for metric in METRICS:
        lines.append(f"# TYPE {metric.name} gauge")
        lines += [f"# UNIT {metric.name} {metric.unit}"] if metric.unit else []
        lines.append(f"# HELP {metric.name} {metric.help}")
        for status in statuses:
            lines += [_sample(metric.name, {"environment": status.environment, **more}, value) for more, value in metric.samples(status)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _sample(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{text.translate(ESCAPES)}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value:.0f}"


def _reachable(status: Any) -> Iterator[tuple[Labels, float]]:
    yield {}, 0 if status.error else 1


def _state(status: Any) -> Iterator[tuple[Labels, float]]:
    for state in STATES:
        yield {"state": state}, status.state == state


def _info(status: Any) -> Iterator[tuple[Labels, float]]:
    if status.image:
        repository, tag = _image(status.image)
        yield {"repository": repository, "tag": tag, "digest": status.digest}, 1


def _revision(status: Any) -> Iterator[tuple[Labels, float]]:
    if status.revision is not None:
        yield {}, status.revision


def _updated(status: Any) -> Iterator[tuple[Labels, float]]:
    try:
        yield {}, datetime.fromisoformat(status.updated).timestamp()
    except (TypeError, ValueError, OverflowError):
        return


def _ready(status: Any) -> Iterator[tuple[Labels, float]]:
    if status.revision is not None:
        yield {}, status.ready


def _desired(status: Any) -> Iterator[tuple[Labels, float]]:
    if status.revision is not None:
        yield {}, status.desired


def _drift(status: Any) -> Iterator[tuple[Labels, float]]:
    if status.revision is not None and status.drift is not None:
        yield {}, len(status.drift)


def _image(image: str) -> tuple[str, str]:
    """Repository and tag of a reference; the tag is empty where it has none."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


METRICS = (
    _Metric("helmtool_environment_reachable", "", "Whether its cluster could be asked.", _reachable),
    _Metric("helmtool_release_state", "", "1 for the state that the release is in.", _state),
    _Metric("helmtool_release_info", "", "The image that the release runs.", _info),
    _Metric("helmtool_release_revision", "", "The revision that serves.", _revision),
    _Metric("helmtool_release_updated_timestamp_seconds", "seconds", "When that revision was made.", _updated),
    _Metric("helmtool_release_ready_replicas", "", "Pods that are ready.", _ready),
    _Metric("helmtool_release_desired_replicas", "", "Pods that there should be.", _desired),
    _Metric("helmtool_release_drift", "", "Changes that other hands have made since.", _drift),
)
