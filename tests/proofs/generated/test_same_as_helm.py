"""tools/helm-many gives exactly what the program `helm template` gives, errors included: the proofs would prove nothing otherwise."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import mutated
from judges import TAG_LAYER
from pairs import pair
from rendering_many import CHART, NAMESPACE, HelmMany, Rendered
from test_merge_and_helm import CHART_YAML, TEMPLATE

from helmtool.adapters import toolbox
from helmtool.model.values import to_helm_json

SEED = "the same"


@pytest.fixture(scope="module")
def many() -> Iterator[HelmMany]:
    helm = HelmMany()
    yield helm
    helm.close()


def template(chart: Path, folder: Path, *values: bytes, sets: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """What the program prints: exit code, output, error."""
    argv = [str(toolbox.find("helm")), "template", "newdqmgui", str(chart), "--namespace", NAMESPACE]
    for number, text in enumerate(values):
        file = folder / f"values-{number}.yaml"
        file.write_bytes(text)
        argv += ["--values", str(file)]
    argv += [part for text in sets for part in ("--set", text)]
    done = subprocess.run(argv, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def same(rendered: Rendered, code: int, output: str, error: str, folder: Path) -> bool:
    """Whether both said the same; Helm's program adds a hint to some errors, and neither has an order of problems or keys."""
    if code == 0:
        return not rendered.error and rendered.manifests == output
    return bool(rendered.error) and words(rendered.error) <= words(error.replace(str(folder), ""))


def words(error: str) -> set[str]:
    """Of an error: without where the file lies that it names."""
    return set(re.split(r"[\s,]+", error.partition("values-")[2] or error))


@pytest.mark.parametrize("number", range(20))
def test_the_chart(many: HelmMany, tmp_path: Path, number: int) -> None:
    values = [to_helm_json(mutated(SEED, number)[0]), TAG_LAYER]
    rendered = many.render(*values)
    assert same(rendered, *template(CHART, tmp_path, *values), tmp_path), rendered.error


@pytest.mark.parametrize("number", [number for number in range(18) if number % 3])
def test_merged_values(tmp_path: Path, number: int) -> None:
    made = pair(SEED, number)
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(CHART_YAML)
    (tmp_path / "templates/values.yaml").write_text(TEMPLATE)
    (tmp_path / "values.yaml").write_text("overwritten: true\n")
    helm = HelmMany(tmp_path)
    rendered = helm.render(made.file.encode(), sets=made.sets, files={"values.yaml": made.defaults})
    helm.close()
    (tmp_path / "values.yaml").write_text(made.defaults)
    assert same(rendered, *template(tmp_path, tmp_path, made.file.encode(), sets=made.sets), tmp_path), rendered.error


def test_the_sample_holds_both(many: HelmMany) -> None:
    errors = [bool(many.render(to_helm_json(mutated(SEED, number)[0]), TAG_LAYER).error) for number in range(20)]
    assert {True, False} == set(errors)


def test_nothing_is_kept_from_one_request_to_the_next(many: HelmMany) -> None:
    first = many.render(TAG_LAYER)
    many.render(b"{podLabels: {team: dqm}, secrets: null, extra: 1}", TAG_LAYER)
    assert many.render(TAG_LAYER) == first
