"""tag check on a machine without kubeconfigs, and beside a cluster that takes connections and never answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from images import PATH, RealRegistry

from helmtool.adapters import cluster
from helmtool.operations import where


def kubeconfig(file: Path, port: int, cluster_name: str = "cmsweb-test4") -> str:
    document = {
        "current-context": "c",
        "clusters": [{"name": cluster_name, "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": cluster_name, "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    }
    file.write_text(yaml.safe_dump(document))
    return str(file)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_cluster_that_never_answers_is_said_and_the_facts_come_all_the_same(
    registry: RealRegistry, tool: Any, silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "FIRST_TIMEOUT", 0.4)
    named = registry.push("HG0105a")
    env = {"KUBECONFIG": kubeconfig(tmp_path / "config", silent)}
    begun = time.monotonic()
    text, script = tool(registry.host, "check", "HG0105a", env=env), tool(registry.host, "check", "HG0105a", "-o", "json", env=env)
    assert time.monotonic() - begun < 15
    assert (text.code, script.code, script.document["digest"]) == (0, 0, named)
    places = {place["environment"]: place for place in script.document["environments"]}
    assert list(places) == ["test4", "preprod", "prod", "local"]
    assert {place["runs"] for place in places.values()} == {"unknown"}
    assert "does not answer" in places["test4"]["reason"]
    assert "no kubeconfig at" in places["prod"]["reason"]  # its own is tried where KUBECONFIG leads to another cluster
    assert "runs in      not known" in text.out
    assert "test4      not known: the API server" in text.out


def test_one_that_takes_longer_than_anybody_waits(
    registry: RealRegistry, tool: Any, silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "FIRST_TIMEOUT", 4.0)
    monkeypatch.setattr(where, "PATIENCE", 1.0)
    registry.push("HG0105a")
    begun = time.monotonic()
    ran = tool(registry.host, "check", "HG0105a", "-o", "json", env={"KUBECONFIG": kubeconfig(tmp_path / "config", silent)})
    assert time.monotonic() - begun < 3.5
    assert ran.document["environments"][0]["reason"] == "no answer within 1 s"


def test_offline_asks_nobody(tool: Any, silent: int, tmp_path: Path) -> None:
    ran = tool("127.0.0.1:1", "check", "HG0105a", "--offline", "-o", "json", env={"KUBECONFIG": kubeconfig(tmp_path / "config", silent)})
    assert ran.code == 0
    assert set(ran.document) == {"tag", "day", "month", "version", "stable"}


def test_without_kubeconfigs_nothing_of_kubernetes_is_loaded(registry: RealRegistry, checkout: Path, tmp_path: Path) -> None:
    registry.push("HG0105a")
    with (checkout / "values/prod.yaml").open("a") as file:
        file.write(f"\nimage: {{repository: '{registry.host}/{PATH}'}}\n")
    argv = [sys.executable, "-X", "importtime", "-m", "helmtool", "tag", "check", "HG0105a"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, check=True, timeout=60)
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "urllib3" in loaded
    assert loaded & {"kubernetes", "pyhelm3", "pydantic", "jsonschema"} == set()
    assert done.stdout.count("not known: no kubeconfig at ~/K8s_tokens/") == 3
