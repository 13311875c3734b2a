"""Release, diff and status where a round trip to the cluster takes its time, against what people would type instead."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from checkout import write_checkout
from compared import CHART
from link import far
from timing import Case, always, run, side_by_side

from helmtool.adapters import toolbox

ROUNDS = 5
SIZE = 16
NAMES = [f"far{number}" for number in range(1, SIZE + 1)]
TAGS = ("HG0105a", "HG0105b")
WAIT = ["--install", "--wait", "--reset-values", "--server-side=true", "--timeout", "60s"]
LIMITS = {"helmtool release": 1.3, "helmtool diff": 1.0, f"status of {SIZE}": 1.5}


@pytest.fixture(params=[20, 100])
def milliseconds(request: pytest.FixtureRequest) -> int:
    """Of a round trip: within Europe, and over the Atlantic."""
    return int(request.param)


@pytest.fixture
def checkout(tmp_path: Path, kubeconfig: str, milliseconds: int) -> Iterator[Path]:
    """A checkout with a row of environments behind the link, each of them released."""
    server = yaml.safe_load(Path(kubeconfig).read_text())["clusters"][0]["cluster"]["server"]
    with far(urlsplit(server).port or 443, milliseconds / 1000) as port:
        write_checkout(tmp_path, kubeconfig, dict.fromkeys(NAMES, f"https://127.0.0.1:{port}"))
        kubectl = [str(toolbox.find("kubectl")), "--kubeconfig", kubeconfig]
        namespaces = [f"bench-{name}" for name in NAMES]
        for namespace in namespaces:
            run([*kubectl, "create", "namespace", namespace])
        yield tmp_path
        run([*kubectl, "delete", "namespace", *namespaces, "--wait=true"])


def test_a_cluster_far_away(
    helmtool: list[str], checkout: Path, milliseconds: int, cluster_environment: dict[str, str], show: Callable[..., None]
) -> None:
    command = [helmtool[0], "--config-dir", str(checkout)]
    run([*command, "release", "far*", TAGS[0], "--yes"], cluster_environment)
    name = NAMES[0]
    config = ["--kubeconfig", str(checkout / f"config.{name}"), "--namespace", f"bench-{name}"]
    helm, kubectl = ([str(toolbox.find(program)), *config] for program in ("helm", "kubectl"))
    values = checkout / "values.yaml"
    values.write_bytes(run([*command, "values", name, TAGS[1]], cluster_environment))
    render = shlex.join([*helm, "template", "newdqmgui", CHART, "--no-hooks", "--values", str(values)])
    by_hand = f"{render} | {shlex.join(kubectl)} diff --server-side --field-manager helm --force-conflicts --filename -"

    def table(what: str, *cases: Case, good: tuple[int, ...] = (0,)) -> None:
        rows = side_by_side(cases, rounds=ROUNDS, environment=cluster_environment, good=good)
        show(f"{what}, {milliseconds} ms a round trip, {ROUNDS} rounds", rows, LIMITS)

    table(
        "a release of another tag",
        Case("helm upgrade --install --wait", always(*helm, "upgrade", "newdqmgui", CHART, *WAIT, "--values", str(values))),
        Case("helmtool release", always(*command, "release", name, TAGS[0], "--yes", "--timeout", "60s")),
    )
    table(
        "a diff",
        Case("helm template | kubectl diff --server-side", always("sh", "-c", by_hand)),
        Case("helmtool diff", always(*command, "diff", name, TAGS[1], "--detailed-exitcode")),
        good=(1, 2),
    )
    table("the state", Case("status of 1", always(*command, "status", name)), Case(f"status of {SIZE}", always(*command, "status", *NAMES)))
