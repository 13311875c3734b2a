"""What helm and helmtool ask the API server for, counted in its audit log: where a cluster is far away, each request is a round trip."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit import LOG, audited_tools
from compared import CHART, helmfile_release
from conftest import Unheard
from timing import own_environment, run

from helmtool.adapters import local, toolbox

RULES = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted", "Panic"],
    "rules": [{"level": "Metadata"}],
}
TAGS = ("HG0105a", "HG0105b")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The audit log of a running embedded cluster."""
    folder = Path(tempfile.mkdtemp(prefix="helmtool-bench-")).resolve()
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name, value in {**audited_tools(folder, RULES), "XDG_STATE_HOME": str(folder)}.items():
        monkeypatch.setenv(name, value)
    try:
        local.up(Unheard())
        yield folder / LOG
    finally:
        local.down(Unheard())
        shutil.rmtree(folder, ignore_errors=True)


def requests(log: Path) -> Counter[str]:
    """How many requests there were, by the program that sent them."""
    found: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        agent = json.loads(line).get("userAgent", "")
        found[agent.partition("/")[0].partition(" ")[0].lower()] += 1
    return found


def test_requests_of_a_release(helmtool: list[str], log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = own_environment(XDG_STATE_HOME=str(log.parent))

    def counted(*argv: str) -> tuple[int, int]:
        """Those of helm and those of helmtool itself while a command runs."""
        before = requests(log)
        run(argv, environment)
        since = requests(log) - before
        return since["helm"], since["helmtool"]

    release: Callable[[str], list[str]] = lambda tag: [*helmtool, "release", "local", tag, "--timeout", "60s"]  # noqa: E731
    run(release(TAGS[0]), environment)
    values = tmp_path / "values.yaml"
    values.write_bytes(run([*helmtool, "values", "local", TAGS[1]], environment))
    upgrade = [str(toolbox.find("helm")), "--kubeconfig", str(local.kubeconfig_path()), "--namespace", "dqm", "upgrade", "newdqmgui", CHART]
    upgrade += ["--install", "--wait", "--reset-values", "--server-side=true", "--timeout", "60s", "--values", str(values)]
    rows = [
        ("helm upgrade --install --wait, another tag", counted(*upgrade)),
        ("helm upgrade --install --wait, nothing changes", counted(*upgrade)),
        ("helmtool release local, another tag", counted(*release(TAGS[0]))),
        ("helmtool release local, nothing changes", counted(*release(TAGS[0]))),
        ("helmtool diff local, another tag", counted(*helmtool, "diff", "local", TAGS[1])),
        ("helmtool status local", counted(*helmtool, "status", "local")),
    ]
    if by_helmfile := helmfile_release(str(values), str(local.kubeconfig_path()), tmp_path):
        rows.append((f"helmfile {by_helmfile[-1]}, another tag", counted(*by_helmfile)))
    with capsys.disabled():
        print("\nrequests to the API server\n  " + "".ljust(48) + "  helm  helmtool")
        for name, (by_helm, by_helmtool) in rows:
            print(f"  {name:48}  {by_helm:4}  {by_helmtool:8}")
    assert all(sum(counts) for _, counts in rows)
