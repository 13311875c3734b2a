"""Releases that fail, each in another way, to real pods: the cause is said, early where it is certain; and slow ones that succeed.

HELMTOOL_SCENARIOS names them, with commas between (default: a seeded sample of some minutes; `all` with `make causes`).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from cli import Helmtool, Result
from images import HTPASSWD, RealRegistry, digest, free_port
from made import NORMAL, Scenario, scenarios, throttled
from node import RELEASE, Node
from recording import write

from helmtool.adapters.local.objects import NAMESPACE
from helmtool.model.manifest import ObjectKey
from helmtool.operations.evidence import with_logs
from helmtool.operations.observe import observe

WANTED = os.environ.get("HELMTOOL_SCENARIOS", "sample")
SEED = int(os.environ.get("HELMTOOL_SCENARIO_SEED", "20260105"))
SAMPLE = {False: 8, True: 3}
"""Of failures and of slow starts."""
RESULT = Path(os.environ.get("HELMTOOL_SCENARIO_RESULT", Path(__file__).with_name("result.json")))
RECORDS = os.environ.get("HELMTOOL_SCENARIO_RECORDS", "")
"""A folder where what is seen of each failure is kept."""
RATE = 1_000_000
"""Bytes a second of the throttled registry."""
SHELL = f'set -e\nkubectl() {{ command kubectl --kubeconfig /etc/kubernetes/admin.conf -n {NAMESPACE} "$@"; }}\n'
FOLDER = "/etc/scenarios"
FIRST = 3
"""Causes that an error tells; the expected one must be among them."""
HELM_ALONE = ("secret-missing", "crash-at-start", "node-selector", "image-missing-for-the-pod", "startup-too-short")
HELM_SECONDS = int(os.environ.get("HELMTOOL_HELM_SECONDS", "60"))
"""Scenarios that Helm alone goes through too, and the timeout that it is given."""


@dataclass
class Measured:
    """What one scenario gave: `rank` of the expected cause from 1, 0 where it was not told."""

    scenario: str
    expected: str
    told: list[str]
    rank: int
    early: bool
    timeout: int
    seconds: float


def chosen() -> list[Scenario]:
    found = scenarios()
    if WANTED == "all":
        return found
    if WANTED != "sample":
        return [s for s in found if s.name in WANTED.split(",")]
    draw = random.Random(SEED)
    return [s for heals, count in SAMPLE.items() for s in draw.sample([s for s in found if s.heals is heals], count)]


@pytest.fixture(scope="session")
def results() -> list[Measured]:
    """What is measured so far."""
    measured: list[Measured] = []
    return measured


def shell(node: Node, script: str) -> None:
    if script:
        done = node.run("timeout", "100", "sh", "-c", SHELL + script, check=False)  # docker's own end would leave it running
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def bad_registry(scenario: Scenario, node: Node, small: RealRegistry, start: Callable[..., RealRegistry], tmp_path: Path) -> Iterator[None]:
    """The node's way to the registry as the scenario has it; the command line's own stays as it is."""
    with ExitStack() as stack:
        if scenario.registry == "empty":
            node.pull_from(small.host, start().port)
        elif scenario.registry == "password":
            (tmp_path / "htpasswd").write_text(HTPASSWD + "\n")
            node.pull_from(small.host, start(auth={"htpasswd": {"realm": "r", "path": str(tmp_path / "htpasswd")}}).port)
        elif scenario.registry in ("down", "down-for-a-while"):
            node.pull_from(small.host, free_port())
        elif scenario.registry == "slow":
            node.pull_from(small.host, stack.enter_context(throttled(small.port, RATE)))
        try:
            yield
        finally:
            node.pull_from(small.host, small.port)


@contextmanager
def meanwhile(scenario: Scenario, node: Node, small: RealRegistry) -> Iterator[None]:
    """Runs what happens later beside the release; a failure of it fails the test."""
    ended, failed = threading.Event(), []

    def happen() -> None:
        later = scenario.later
        assert later
        while node.run("sh", "-c", SHELL + later.until, check=False).returncode:
            if ended.wait(0.3):
                failed.append("what it waits for did not happen")
                return
        ended.wait(later.wait)
        try:
            shell(node, later.run)
            if scenario.registry == "down-for-a-while":
                node.pull_from(small.host, small.port)
        except (AssertionError, subprocess.SubprocessError) as error:
            failed.append(str(error))

    thread = threading.Thread(target=happen)
    if scenario.later:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if scenario.later:
            thread.join()
    assert not failed, failed


@contextmanager
def changed(project: Helmtool, edit: Mapping[str, str]) -> Iterator[None]:
    """The checkout with one text of a file replaced by another; as it is where `edit` is empty."""
    if not edit:
        yield
        return
    file = project.project / edit["file"]
    before = file.read_text()
    assert edit["from"] in before
    file.write_text(before.replace(edit["from"], edit["to"], 1))
    try:
        yield
    finally:
        file.write_text(before)


def arguments(scenario: Scenario) -> list[str]:
    sets = [f"podAnnotations.scenario={scenario.name}", *scenario.set]
    if scenario.behaviour or scenario.later:
        sets.append(f"gridSecurity.hostPath={FOLDER}/{scenario.name}")
    return [word for text in sets for word in ("--set", text)]


def release(scenario: Scenario, project: Helmtool) -> Result:
    words = ["kind", scenario.tag, "--timeout", f"{scenario.timeout}s", "--no-rollback", "-o", "json", *scenario.options]
    return project("release", *words, *arguments(scenario), "--wait-lock", "1m", code=None)


@contextmanager
def staged(
    scenario: Scenario, project: Helmtool, node: Node, small: RealRegistry, start: Callable[..., RealRegistry], tmp_path: Path
) -> Iterator[None]:
    """Everything as the scenario wants it, and as it was afterwards."""
    folder = f"{FOLDER}/{scenario.name}"
    if scenario.tag != NORMAL:
        forget(scenario.tag, project, node, small)
    node.run("sh", "-c", f"mkdir -p {folder} && cat > {folder}/behaviour.sh", input=scenario.behaviour)
    try:
        shell(node, scenario.before)
        with changed(project, scenario.edit), bad_registry(scenario, node, small, start, tmp_path), meanwhile(scenario, node, small):
            yield
    finally:
        shell(node, scenario.after)


def forget(tag: str, project: Helmtool, node: Node, small: RealRegistry) -> None:
    """The node must not have the image, and no pod may run it; its other images stay, the one of every sandbox among them."""
    image = node.get("deployments", f"app={RELEASE}")[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    if f":{NORMAL}" not in image:
        project("release", "kind", NORMAL, "--timeout", "1m", "--wait-lock", "1m", "--no-verify", "--no-prepull")
    repository = f"{small.host}/cmsweb/newdqmgui"
    node.run("crictl", "rmi", f"{repository}@{digest(small.read(tag))}", check=False)


@pytest.mark.parametrize("scenario", chosen(), ids=lambda s: s.name)
def test_scenario(
    scenario: Scenario,
    project: Helmtool,
    node: Node,
    small: RealRegistry,
    start: Callable[..., RealRegistry],
    results: list[Measured],
    tmp_path: Path,
) -> None:
    with staged(scenario, project, node, small, start, tmp_path):
        began = time.monotonic()
        result = release(scenario, project)
        print(result)  # shown where what should happen meanwhile does not
        seconds = round(time.monotonic() - began, 1)
        record(scenario, node, seconds)
    told = result.error.get("causes", []) if "error" in result.json else ["deployed"]
    rank = told.index(scenario.expect) + 1 if scenario.expect in told else 0
    keep(results, Measured(scenario.name, scenario.expect, told, rank, scenario.early, scenario.timeout, seconds))
    assert result.code == (0 if scenario.heals else scenario.code), result
    assert 1 <= rank <= FIRST, result
    if scenario.early:
        assert seconds < scenario.timeout, result
    if scenario.code == 1 and not scenario.heals:
        assert recorded(project)["cause"] == told[0]


def keep(results: list[Measured], measured: Measured) -> None:
    """Writes down what is measured, in place of what the scenario gave before, where that is asked for."""
    results.append(measured)
    if WANTED == "all" or "HELMTOOL_SCENARIO_RESULT" in os.environ:
        before = json.loads(RESULT.read_text()) if RESULT.is_file() else []
        every = {one["scenario"]: one for one in [*before, *map(asdict, results)]}
        RESULT.write_text("[\n" + ",\n".join(json.dumps(every[name]) for name in sorted(every)) + "\n]\n")


def record(scenario: Scenario, node: Node, seconds: float) -> None:
    """Keeps what is seen of the pods that the release has left, where that is asked for."""
    if RECORDS and not scenario.heals and scenario.code == 1:
        seen = observe(node.client(), ObjectKey("apps/v1", "Deployment", NAMESPACE, RELEASE), seconds)
        write(with_logs(node.client(), seen), Path(RECORDS) / f"{scenario.name}.json")


def recorded(project: Helmtool) -> dict[str, Any]:
    record: dict[str, Any] = project("history", "kind", "-o", "json").json[0]["record"]
    return record


@pytest.mark.skipif(WANTED != "all", reason="Helm alone waits for minutes: make causes")
@pytest.mark.parametrize("scenario", [s for s in scenarios() if s.name in HELM_ALONE], ids=lambda s: s.name)
def test_helm_alone(
    scenario: Scenario,
    project: Helmtool,
    node: Node,
    small: RealRegistry,
    start: Callable[..., RealRegistry],
    results: list[Measured],
    tmp_path: Path,
) -> None:
    """Helm's own wait goes on to its timeout, and names neither pod nor reason."""
    values = tmp_path / "values.yaml"
    values.write_text(project("values", "kind", scenario.tag, *arguments(scenario), "--set", "podAnnotations.alone=yes").out)
    chart = str(project.project / "charts/newdqmgui")
    with staged(scenario, project, node, small, start, tmp_path):
        began = time.monotonic()
        words = ["--wait", "--timeout", f"{HELM_SECONDS}s", "--reset-values", "--server-side=true", "--force-conflicts"]
        done = node.helm("upgrade", RELEASE, chart, "--values", str(values), *words)
        seconds = round(time.monotonic() - began, 1)
    keep(results, Measured(f"{scenario.name} (helm alone)", scenario.expect, [done.stderr[-300:]], 0, False, HELM_SECONDS, seconds))
    assert done.returncode == 1, done.stdout
    assert seconds >= HELM_SECONDS
