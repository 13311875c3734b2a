"""A release and a diff against the programs that people would type instead, on one embedded cluster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from compared import CHART, has_helm_diff, helmfile_release
from timing import Case, always, run, side_by_side

from helmtool.adapters import toolbox

ROUNDS = 9
LIMIT = 1.3
TAGS = ("HG0105a", "HG0105b", "HG0105c")
NAMESPACE = ["--namespace", "dqm"]
WAIT = ["--install", "--wait", "--reset-values", "--server-side=true", "--timeout", "60s"]


@pytest.fixture
def values(tmp_path: Path, helmtool: list[str], cluster_environment: dict[str, str]) -> dict[str, str]:
    """For each tag a file with the values that helmtool would give to Helm; the first tag is released."""
    files = {}
    for tag in TAGS:
        merged = run([*helmtool, "values", "local", tag], cluster_environment)
        files[tag] = str(tmp_path / f"{tag}.yaml")
        Path(files[tag]).write_bytes(merged)
    run([*helmtool, "release", "local", TAGS[0], "--timeout", "60s"], cluster_environment)
    return files


@pytest.fixture
def helm(kubeconfig: str) -> list[str]:
    return [str(toolbox.find("helm")), "--kubeconfig", kubeconfig, *NAMESPACE]


@pytest.fixture
def releases(helmtool: list[str], helm: list[str], values: dict[str, str], kubeconfig: str, tmp_path: Path) -> Callable[..., list[Case]]:
    """The same release by helm, by helmtool and, where it is built, by helmfile, each of a tag of its own."""

    def cases(by_helm: str, by_helmtool: str, by_helmfile: str) -> list[Case]:
        others = helmfile_release(values[by_helmfile], kubeconfig, tmp_path)
        return [
            Case("helm upgrade --install --wait", always(*helm, "upgrade", "newdqmgui", CHART, *WAIT, "--values", values[by_helm])),
            Case("helmtool release local", always(*helmtool, "release", "local", by_helmtool, "--timeout", "60s")),
            *([Case(f"helmfile {others[-1]}", always(*others))] if others else []),
        ]

    return cases


def test_release_that_changes_nothing(
    releases: Callable[..., list[Case]], cluster_environment: dict[str, str], show: Callable[..., None]
) -> None:
    """helmtool asks the API server and stops there; `helm upgrade` makes a new revision."""
    rows = side_by_side(releases(TAGS[0], TAGS[0], TAGS[0]), rounds=ROUNDS, environment=cluster_environment)
    show(f"a release that changes nothing, {ROUNDS} rounds", rows, {"helmtool release local": LIMIT})


def test_release_of_another_tag(
    releases: Callable[..., list[Case]], cluster_environment: dict[str, str], show: Callable[..., None]
) -> None:
    """Every command of a round restarts the pod."""
    rows = side_by_side(releases(TAGS[1], TAGS[0], TAGS[2]), rounds=ROUNDS, environment=cluster_environment)
    show(f"a release of another tag, {ROUNDS} rounds", rows, {"helmtool release local": LIMIT})


def test_diff_of_another_tag(
    helmtool: list[str],
    helm: list[str],
    values: dict[str, str],
    cluster_environment: dict[str, str],
    kubeconfig: str,
    show: Callable[..., None],
) -> None:
    """What a person would type for a diff renders too; helmtool also tries the pod, and says what each change does."""
    kubectl = shlex.join([str(toolbox.find("kubectl")), "--kubeconfig", kubeconfig, *NAMESPACE])
    render = shlex.join([*helm, "template", "newdqmgui", CHART, "--no-hooks", "--values", values[TAGS[1]]])
    by_hand = f"{render} | {kubectl} diff --server-side --field-manager helm --force-conflicts --filename -"
    cases = [
        Case("helm template | kubectl diff --server-side", always("sh", "-c", by_hand)),
        Case("helmtool diff local", always(*helmtool, "diff", "local", TAGS[1], "--detailed-exitcode")),
    ]
    if has_helm_diff():
        plugin = [*helm, "diff", "upgrade", "newdqmgui", CHART, "--reset-values", "--values", values[TAGS[1]], "--detailed-exitcode"]
        cases.append(Case("helm diff upgrade (the plugin)", always(*plugin)))
    # kubectl says with 1 that there are differences, helmtool and the plugin with 2; anything else is a failure of either
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment, good=(1, 2))
    show(f"a diff, {ROUNDS} rounds", rows)
