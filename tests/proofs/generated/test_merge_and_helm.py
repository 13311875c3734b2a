"""helmtool's merged values are what Helm shows a template, for generated defaults, files and `--set` arguments."""

from __future__ import annotations

import base64
import json
import queue
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import running
from pairs import Pair, pair
from rendering_many import HelmMany
from results import write_result

from helmtool.adapters.project import Project
from helmtool.errors import InvalidInput
from helmtool.model.environment import Environment
from helmtool.model.values import Values, to_helm_json
from helmtool.operations.compose import load_values

SAMPLE = 600
SHOWN = 5
ALIKE = "merged alike"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata: {values: {{ .Values | toJson | b64enc }}}\n"
CHART_YAML = "{apiVersion: v2, name: newdqmgui, version: 0.0.1}\n"


@dataclass(frozen=True)
class Compared:
    """What both made of a pair: `kind` says who refused, or that both merged; `wrong` is what must not be."""

    kind: str
    wrong: str = ""
    reason: str = ""


class Merger:
    """A checkout with a chart that shows its values, and Helm; not safe for several threads."""

    def __init__(self, folder: Path) -> None:
        chart = folder / "charts/newdqmgui"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(CHART_YAML)
        (chart / "templates/values.yaml").write_text(TEMPLATE)
        (folder / "values").mkdir()
        self._project = Project(folder)
        self._environment = Environment("made", "dqm", "newdqmgui")
        self._helm = HelmMany(chart)

    def close(self) -> None:
        self._helm.close()

    def compare(self, made: Pair) -> Compared:
        """Both merge the same texts; what helmtool hands to Helm is merged once more."""
        values, refused = self._merged(made)
        helm, helm_refused = self._helm_values(made, made.file.encode(), made.sets)
        if values is None:
            return Compared("refused by both" if helm_refused else "refused by helmtool", reason=refused)
        if helm_refused:
            return Compared("", f"Helm refuses it, helmtool does not: {helm_refused}")
        if _typed(values.data) != _typed(helm):
            return Compared("", f"helmtool {json.dumps(values.data)}, Helm {json.dumps(helm)}")
        again, refused = self._helm_values(made, to_helm_json(values.for_helm()), ())
        if refused or _typed(again) != _typed(helm):
            return Compared("", f"what helmtool hands over: {refused or json.dumps(again)}, Helm's own {json.dumps(helm)}")
        return Compared(ALIKE)

    def _merged(self, made: Pair) -> tuple[Values | None, str]:
        (self._project.root / "charts/newdqmgui/values.yaml").write_text(made.defaults)
        (self._project.root / "values/made.yaml").write_text(made.file)
        try:
            return load_values(self._project, self._environment, None, made.sets), ""
        except InvalidInput as error:
            return None, error.problems[0].message if error.problems else error.message

    def _helm_values(self, made: Pair, file: bytes, sets: tuple[str, ...]) -> tuple[Any, str]:
        rendered = self._helm.render(file, sets=sets, files={"values.yaml": made.defaults})
        if rendered.error:
            return None, rendered.error
        found = re.search(r"values: (\S+)\}$", rendered.manifests, re.MULTILINE)
        assert found, rendered.manifests
        return json.loads(base64.b64decode(found[1])), ""


def _typed(value: Any) -> Any:
    """The value with its kinds: JSON has one kind of number, and true is none."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return ("number", float(value)) if number else (type(value).__name__, value)


def test_kinds_are_told_apart() -> None:
    assert _typed({"a": [1, True]}) == _typed({"a": [1.0, True]})
    for other in (True, "1", None, [1], {"a": 1}, 1.5):
        assert _typed(other) != _typed(1)


@pytest.fixture(scope="module")
def mergers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[queue.SimpleQueue[Merger]]:
    made: queue.SimpleQueue[Merger] = queue.SimpleQueue()
    for _ in range(running.WORKERS):
        made.put(Merger(tmp_path_factory.mktemp("merged")))
    yield made
    while not made.empty():
        made.get().close()


def shorter(made: Pair) -> Iterator[Pair]:
    """The pair with one line, or one `--set`, less."""
    for index in range(len(made.sets)):
        yield replace(made, sets=made.sets[:index] + made.sets[index + 1 :])
        yield replace(made, sets=(*made.sets[:index], *made.sets[index].split(",")[:1], *made.sets[index + 1 :]))
        yield replace(made, sets=(*made.sets[:index], *made.sets[index].split(",")[-1:], *made.sets[index + 1 :]))
    for name in ("defaults", "file"):
        lines = getattr(made, name).splitlines(keepends=True)
        for index in range(len(lines)):
            yield replace(made, **{name: "".join(lines[:index] + lines[index + 1 :]) or "{}\n"})


def shrunk(made: Pair, fails: Callable[[Pair], bool]) -> Pair:
    """The shortest pair found that still fails."""
    for _ in range(200):
        less = next((less for less in shorter(made) if less != made and fails(less)), None)
        if less is None:
            break
        made = less
    return made


def test_merged_as_helm_merges(mergers: queue.SimpleQueue[Merger]) -> None:
    def run(number: int) -> tuple[int, Pair, Compared]:
        merger, made = mergers.get(), pair(running.SEED, number)
        try:
            return number, made, merger.compare(made)
        finally:
            mergers.put(merger)

    results = running.until("merged", SAMPLE, run, lambda result: result[2].kind == ALIKE)
    counts = Counter(compared.kind for _, _, compared in results)
    stricter = Counter(_kind(compared.reason) for _, _, compared in results if compared.kind == "refused by helmtool")
    bad = [(number, made, compared) for number, made, compared in results if compared.wrong]
    failures = [_explained(mergers, *found) for found in bad[:SHOWN]]
    write_result(
        "merged",
        {"pairs": len(results), "failures": len(bad), "counts": dict(sorted(counts.items())), "stricter": dict(stricter.most_common())},
    )
    assert not bad, f"{len(bad)} of {len(results)}:\n" + "\n".join(failures)
    assert running.ONLY or counts[ALIKE] >= (running.RUNS or SAMPLE), counts


def _explained(mergers: queue.SimpleQueue[Merger], number: int, made: Pair, compared: Compared) -> str:
    merger = mergers.get()
    try:
        smallest = shrunk(made, lambda less: merger.compare(less).wrong[:20] == compared.wrong[:20])
        said = merger.compare(smallest).wrong
    finally:
        mergers.put(merger)
    return f"number {number}: {said}\n  smallest: {smallest}\n  again: {running.again(number)}"


def _kind(reason: str) -> str:
    """A reason without what it quotes."""
    return re.sub(r"`[^`]*`|\"[^\"]*\"|\d+|\S*\.yaml\S*|--set \S+", "…", reason)
