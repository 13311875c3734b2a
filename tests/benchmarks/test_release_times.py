"""A release and a diff against the programs that people would type instead, on one embedded cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from timing import CHECKOUT, Case, always, side_by_side

from helmtool.adapters import toolbox

ROUNDS = 9
LIMIT = 1.5
TAGS = ("HG0105a", "HG0105b")
CHART = str(CHECKOUT / "charts/newdqmgui")
NAMESPACE = ["--namespace", "dqm"]
WAIT = ["--install", "--wait", "--reset-values", "--server-side=true", "--timeout", "60s"]


@pytest.fixture
def values(tmp_path: Path, helmtool: list[str], cluster_environment: dict[str, str]) -> dict[str, str]:
    """For each tag a file with the values that helmtool would give to Helm; the first tag is released."""
    files = {}
    for tag in TAGS:
        merged = subprocess.run([*helmtool, "values", "local", tag], env=cluster_environment, capture_output=True, check=True).stdout
        files[tag] = str(tmp_path / f"{tag}.yaml")
        Path(files[tag]).write_bytes(merged)
    subprocess.run([*helmtool, "release", "local", TAGS[0], "--timeout", "60s"], env=cluster_environment, capture_output=True, check=True)
    return files


@pytest.fixture
def helm(kubeconfig: str) -> list[str]:
    return [str(toolbox.find("helm")), "--kubeconfig", kubeconfig, *NAMESPACE]


def test_release_that_changes_nothing(
    helmtool: list[str], helm: list[str], values: dict[str, str], cluster_environment: dict[str, str], show: Callable[..., None]
) -> None:
    """helmtool asks the API server and stops there; `helm upgrade` makes a new revision."""
    cases = [
        Case("helm upgrade --install --wait", always(*helm, "upgrade", "newdqmgui", CHART, *WAIT, "--values", values[TAGS[0]])),
        Case("helmtool release local", always(*helmtool, "release", "local", TAGS[0], "--timeout", "60s")),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment)
    show(f"a release that changes nothing, {ROUNDS} rounds", rows, {"helmtool release local": LIMIT})


def test_release_of_another_tag(
    helmtool: list[str], helm: list[str], values: dict[str, str], cluster_environment: dict[str, str], show: Callable[..., None]
) -> None:
    """Each round goes from one tag to the other and back, so that every command restarts the pod."""

    def by_helm(_: int) -> Sequence[str]:
        return [*helm, "upgrade", "newdqmgui", CHART, *WAIT, "--values", values[TAGS[1]]]

    cases = [
        Case("helm upgrade --install --wait", by_helm),
        Case("helmtool release local", always(*helmtool, "release", "local", TAGS[0], "--timeout", "60s")),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment)
    show(f"a release of another tag, {ROUNDS} rounds", rows, {"helmtool release local": LIMIT})


def test_diff_of_another_tag(
    helmtool: list[str],
    helm: list[str],
    values: dict[str, str],
    cluster_environment: dict[str, str],
    kubeconfig: str,
    tmp_path: Path,
    show: Callable[..., None],
) -> None:
    """`kubectl diff` gets the objects rendered already; helmtool renders them, tries the pod, and says what each change does."""
    rendered = subprocess.run(
        [*helm, "template", "newdqmgui", CHART, "--no-hooks", "--values", values[TAGS[1]]],
        env=cluster_environment, capture_output=True, check=True,
    ).stdout  # fmt: skip
    objects = tmp_path / "objects.yaml"
    objects.write_bytes(rendered)
    kubectl = [str(toolbox.find("kubectl")), "--kubeconfig", kubeconfig, *NAMESPACE]
    cases = [
        Case(
            "kubectl diff --server-side",
            always(*kubectl, "diff", "--server-side", "--field-manager", "helm", "--force-conflicts", "--filename", str(objects)),
        ),
        Case("helmtool diff local", always(*helmtool, "diff", "local", TAGS[1], "--detailed-exitcode")),
    ]
    # kubectl says with 1 that there are differences, helmtool with 2; anything else is a failure of either
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment, good=(1, 2))
    show(f"a diff, {ROUNDS} rounds", rows)
