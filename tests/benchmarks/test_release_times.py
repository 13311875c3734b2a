"""A release and a diff against the programs that people would type instead, on one embedded cluster."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml
from timing import CHECKOUT, Case, always, side_by_side

from helmtool.adapters import toolbox

ROUNDS = 9
LIMIT = 1.3
TAGS = ("HG0105a", "HG0105b", "HG0105c")
CHART = str(CHECKOUT / "charts/newdqmgui")
NAMESPACE = ["--namespace", "dqm"]
HELMFILE = CHECKOUT / "tests/benchmarks/helmfile/go.mod"
WAIT = ["--install", "--wait", "--reset-values", "--server-side=true", "--timeout", "60s"]

Helmfile = Callable[[str], list[Case]]


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


@pytest.fixture
def helmfile(tmp_path: Path, helm: list[str], values: dict[str, str], kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> Helmfile:
    """What helmfile's users would type; no case where helmfile is not built, and `apply` only where there is helm-diff."""

    def cases(tag: str) -> list[Case]:
        found = re.search(r"helmfile/helmfile v(\S+)", HELMFILE.read_text())
        assert found
        if not toolbox.is_pinned("helmfile", found[1]):
            with capsys.disabled():
                sys.stdout.write("\nskipped: helmfile is not built; python3 tools/build.py benchmarks\n")
            return []
        defaults = {"wait": True, "timeout": 60}
        release = {"name": "newdqmgui", "namespace": "dqm", "chart": CHART, "values": [values[tag]]}
        file = tmp_path / f"helmfile-{tag}.yaml"
        file.write_text(yaml.safe_dump({"helmDefaults": defaults, "releases": [release]}))
        program = [str(toolbox.pinned_path("helmfile", found[1])), "--helm-binary", helm[0], "--file", str(file)]
        verbs = ("sync", "apply") if _has_helm_diff(helm) else ("sync",)
        return [Case(f"helmfile {verb}", always("env", f"KUBECONFIG={kubeconfig}", *program, verb)) for verb in verbs]

    return cases


def test_release_that_changes_nothing(
    helmtool: list[str],
    helm: list[str],
    helmfile: Helmfile,
    values: dict[str, str],
    cluster_environment: dict[str, str],
    show: Callable[..., None],
) -> None:
    """helmtool asks the API server and stops there; `helm upgrade` makes a new revision."""
    cases = [
        Case("helm upgrade --install --wait", always(*helm, "upgrade", "newdqmgui", CHART, *WAIT, "--values", values[TAGS[0]])),
        Case("helmtool release local", always(*helmtool, "release", "local", TAGS[0], "--timeout", "60s")),
        *helmfile(TAGS[0]),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment)
    show(f"a release that changes nothing, {ROUNDS} rounds", rows, {"helmtool release local": LIMIT})


def test_release_of_another_tag(
    helmtool: list[str],
    helm: list[str],
    helmfile: Helmfile,
    values: dict[str, str],
    cluster_environment: dict[str, str],
    show: Callable[..., None],
) -> None:
    """Each program has a tag of its own, so that every command of a round restarts the pod."""

    def by_helm(_: int) -> Sequence[str]:
        return [*helm, "upgrade", "newdqmgui", CHART, *WAIT, "--values", values[TAGS[1]]]

    cases = [
        Case("helm upgrade --install --wait", by_helm),
        Case("helmtool release local", always(*helmtool, "release", "local", TAGS[0], "--timeout", "60s")),
        *helmfile(TAGS[2])[-1:],
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment)
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
    if _has_helm_diff(helm):
        plugin = [*helm, "diff", "upgrade", "newdqmgui", CHART, "--reset-values", "--values", values[TAGS[1]], "--detailed-exitcode"]
        cases.append(Case("helm diff upgrade (the plugin)", always(*plugin)))
    # kubectl says with 1 that there are differences, helmtool and the plugin with 2; anything else is a failure of either
    rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment, good=(1, 2))
    show(f"a diff, {ROUNDS} rounds", rows)


def _has_helm_diff(helm: list[str]) -> bool:
    return subprocess.run([*helm, "diff", "version"], capture_output=True).returncode == 0
