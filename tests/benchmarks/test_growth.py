"""How the cost of a command grows with the values, the objects, the revisions, the tags and the pods."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from growth import growing
from registry.images import PATH, RealRegistry, registries, require_registry
from timing import CHECKOUT, Case, always, own_environment

from helmtool.adapters import toolbox

RELEASE = "newdqmgui"
NAMESPACE = "dqm"
TAG = "HG0105a"
KEYS = (10, 100, 1_000, 10_000)
OBJECTS = (10, 100, 1_000)
REVISIONS = (1, 10, 100)
TAGS = (10, 100, 1_000, 10_000)
LISTED = 1_000
"""Of so many tags at most a list is made: it asks for each one."""
PODS = (1, 10, 100, 500)

Kubectl = Callable[..., bytes]
ShowGrowth = Callable[..., None]

MANY_OBJECTS = """\
{{- range $number := until %d }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ printf "many-%%d" $number }}
  namespace: {{ $.Release.Namespace }}
data:
  number: {{ quote $number }}
{{- end }}
"""
WATCH = """
import asyncio, sys
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import read_access
from helmtool.operations.progress import Silent
from helmtool.operations.watch import watch_rollout

key = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many", "namespace": sys.argv[2]}}
asyncio.run(watch_rollout(Cluster(read_access(sys.argv[1]), sys.argv[2]), [key], seconds=240, progress=Silent()))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The charts and values, to be changed."""
    for name in ("charts", "values"):
        shutil.copytree(CHECKOUT / name, tmp_path / "checkout" / name)
    return tmp_path / "checkout"


@pytest.fixture
def command(helmtool: list[str], checkout: Path) -> list[str]:
    """helmtool for that copy."""
    return [helmtool[0], "--config-dir", str(checkout)]


@pytest.fixture
def kubectl(kubeconfig: str) -> Kubectl:
    """kubectl in the namespace of the embedded cluster; it must succeed, and gives what it prints."""
    argv = [str(toolbox.find("kubectl")), "--kubeconfig", kubeconfig, "--namespace", NAMESPACE]

    def run(*arguments: str, document: object = None) -> bytes:
        content = None if document is None else json.dumps(document).encode()
        return subprocess.run([*argv, *arguments], input=content, capture_output=True, check=True).stdout

    return run


@pytest.fixture
def released(command: list[str], cluster_environment: dict[str, str], kubeconfig: str, kubectl: Kubectl) -> Iterator[None]:
    """One release alone, with one revision and one record; nothing of it is left afterwards."""
    helm = [str(toolbox.find("helm")), "--kubeconfig", kubeconfig, "--namespace", NAMESPACE]

    def forget() -> None:
        subprocess.run([*helm, "uninstall", RELEASE, "--ignore-not-found"], env=cluster_environment, capture_output=True, check=True)
        kubectl("delete", "configmap", f"{RELEASE}-releases", "--ignore-not-found")

    forget()
    subprocess.run([*command, "release", "local", TAG, "--timeout", "60s"], env=cluster_environment, capture_output=True, check=True)
    yield
    forget()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """An empty registry on loopback (Debian: docker-registry)."""
    require_registry()
    with registries(tmp_path) as begin:
        yield begin()


def test_values_of_many_keys(command: list[str], checkout: Path, show_growth: ShowGrowth) -> None:
    """The keys stand below `global`, the one map that takes any number of them."""
    file = checkout / "values/local.yaml"
    plain = yaml.safe_load(file.read_text())

    def cases(size: int) -> list[Case]:
        file.write_text(yaml.safe_dump({**plain, "global": {f"key{number}": f"value {number}" for number in range(size)}}))
        return [
            Case("helmtool values local HG0105a", always(*command, "values", "local", TAG)),
            Case("helmtool validate local", always(*command, "validate", "local")),
        ]

    show_growth("values of many keys", "keys", growing(cases, KEYS, own_environment()))


def test_manifests_of_many_objects(
    command: list[str], checkout: Path, released: None, cluster_environment: dict[str, str], show_growth: ShowGrowth
) -> None:
    """The chart has one more template; none of its objects is in the cluster, so each is new to it."""

    def cases(size: int) -> list[Case]:
        (checkout / "charts/newdqmgui/templates/many.yaml").write_text(MANY_OBJECTS % size)
        return [Case("helmtool diff local HG0105a", always(*command, "diff", "local", TAG))]

    show_growth("manifests of many objects", "objects", growing(cases, OBJECTS, cluster_environment))


def test_history_of_many_revisions(
    command: list[str], released: None, cluster_environment: dict[str, str], kubectl: Kubectl, show_growth: ShowGrowth
) -> None:
    """The revisions are copies of one, with higher numbers; the last one is the one that serves."""
    first = json.loads(kubectl("get", "secret", f"sh.helm.release.v1.{RELEASE}.v1", "-o", "json"))

    def cases(size: int) -> list[Case]:
        revisions = [revision(first, number, "deployed" if number == size else "superseded") for number in range(1, size + 1)]
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", document={"apiVersion": "v1", "kind": "List", "items": revisions})
        return [
            Case("helmtool history local", always(*command, "history", "local")),
            Case("helmtool status local", always(*command, "status", "local")),
        ]

    show_growth("a history of many revisions", "revisions", growing(cases, REVISIONS, cluster_environment))


def revision(first: dict[str, Any], number: int, status: str) -> dict[str, Any]:
    """Helm's Secret of a revision, made of that of the first one."""
    entry = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(first["data"]["release"]))))
    entry["version"], entry["info"]["status"] = number, status
    payload = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(entry).encode()))).decode()
    metadata = {
        "name": f"sh.helm.release.v1.{RELEASE}.v{number}",
        "namespace": NAMESPACE,
        "labels": {**first["metadata"]["labels"], "version": str(number), "status": status},
    }
    return {"apiVersion": "v1", "kind": "Secret", "type": first["type"], "metadata": metadata, "data": {"release": payload}}


def test_registry_of_many_tags(command: list[str], checkout: Path, tmp_path: Path, registry: RealRegistry, show_growth: ShowGrowth) -> None:
    """All tags name one image; they are copied in the registry's own storage, for it takes minutes to put them by requests."""
    file = checkout / "values/prod.yaml"
    file.write_text(f"{file.read_text()}\nimage: {{repository: '{registry.host}/{PATH}'}}\n")
    names = tags()
    registry.push(names[0])
    folder = registry.folder / "data/docker/registry/v2/repositories" / PATH / "_manifests/tags"

    def cases(size: int) -> list[Case]:
        for name in names[len(list(folder.iterdir())) : size]:
            shutil.copytree(folder / names[0], folder / name)
        asked = json.load(registry.call("GET", "/tags/list"))["tags"]
        assert len(asked) == size
        found = [Case("helmtool tag next", always(*command, "tag", "next", "--date", "2026-05-01"))]
        return found + ([Case("helmtool tag list", always(*command, "tag", "list"))] if size <= LISTED else [])

    environment = own_environment(XDG_CACHE_HOME=str(tmp_path / "cache"))
    show_growth("a registry of many tags", "tags", growing(cases, TAGS, environment))


def tags() -> list[str]:
    """Every tag of every day but 1 May, then their stable ones."""
    days = [date(2028, 1, 1) + timedelta(number) for number in range(366)]  # a leap year
    plain = [f"HG{day:%d%m}{letter}" for day in days if (day.day, day.month) != (1, 5) for letter in "abcdefghijklmnopqrstuvwxyz"]
    return plain + [f"{name}-stable" for name in plain]


def test_watch_of_many_pods(kubeconfig: str, cluster_environment: dict[str, str], kubectl: Kubectl, show_growth: ShowGrowth) -> None:
    """A Deployment is made anew before each run, and watched from then on until it is complete."""
    size_now = 0

    def make() -> None:
        kubectl("delete", "deployment", "many", "--ignore-not-found", "--cascade=foreground", "--timeout=240s")
        kubectl("create", "-f", "-", document=deployment(size_now))

    def cases(size: int) -> list[Case]:
        nonlocal size_now
        size_now = size
        return [Case("watch_rollout", always(sys.executable, "-c", WATCH, kubeconfig, NAMESPACE))]

    try:
        growths = growing(cases, PODS, cluster_environment, before=make)
    finally:
        kubectl("delete", "deployment", "many", "--ignore-not-found", "--cascade=foreground", "--timeout=240s")
    show_growth("a rollout of many pods", "pods", growths)


def deployment(replicas: int) -> dict[str, Any]:
    labels = {"app": "many"}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "nosuch:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
