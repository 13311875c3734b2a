"""A row of environments on the embedded cluster: each with a namespace, a kubeconfig and a name of its own for the same API server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import RELEASE, Helmtool, Kube, serves

from helmtool.adapters.local import LocalCluster, kwok

_numbers = itertools.count(1)
NOWHERE = {"nodeSelector": {"nowhere": "here"}}
"""No node has that label, so the pod never starts."""


@dataclass(frozen=True)
class Fleet:
    """The command line in a checkout with `dev1`, `dev2`, …, and what their namespaces hold."""

    helmtool: Helmtool
    kube: Kube
    prefix: str
    folder: Path

    def namespace(self, name: str) -> str:
        return f"{self.prefix}-{name.removeprefix('dev')}"

    def values(self, name: str, values: dict[str, Any]) -> None:
        """Gives an environment a values file of its own, over those that all share."""
        shared = yaml.safe_load((self.helmtool.project / "values/dev.yaml").read_text())
        (self.helmtool.project / f"values/{name}.yaml").write_text(yaml.safe_dump(shared | {"environment": name} | values))

    def image(self, name: str) -> str:
        """The tag of the pod that serves there; empty where none does."""
        found = self._get(name, "pods", "-l", f"app={RELEASE}")
        return next((str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2] for pod in found if serves(pod)), "")

    def versions(self, name: str) -> dict[str, str]:
        """Every object that a release makes with its resource version."""
        found = self._get(name, "deployments,services,configmaps,secrets,networkpolicies,leases")
        return {f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in found}

    def revisions(self, name: str) -> list[str]:
        """Helm's own status of each revision."""
        found = self._get(name, "secrets", "-l", "owner=helm")
        return [str(secret["metadata"]["labels"]["status"]) for secret in found]

    def point_at(self, name: str, address: str) -> None:
        """Has the environment's kubeconfig lead elsewhere."""
        file = self.folder / f"config.{name.removeprefix('dev')}"
        content = yaml.safe_load(file.read_text())
        content["clusters"][0]["cluster"]["server"] = address
        file.write_text(yaml.safe_dump(content))

    def delete(self, name: str, kind: str, object_name: str) -> None:
        """Removes an object of the environment's namespace."""
        done = kwok.kubectl(self.kube.state, "delete", kind, object_name, "-n", self.namespace(name))
        assert done.returncode == 0, done.stderr.decode()

    def _get(self, name: str, *arguments: str) -> list[dict[str, Any]]:
        done = kwok.kubectl(self.kube.state, "get", *arguments, "-n", self.namespace(name), "-o", "json")
        assert done.returncode == 0, done.stderr.decode()
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return items


@pytest.fixture
def make_fleet(project: Path, cluster: LocalCluster, kube: Kube, tmp_path: Path) -> Iterator[Callable[[int], Fleet]]:
    """Makes a row of so many environments; their namespaces are deleted at the end."""
    made: list[str] = []

    def make(size: int) -> Fleet:
        prefix = f"fleet{next(_numbers)}"
        kubeconfig = Path(cluster.kubeconfig).read_text()
        for number in range(1, size + 1):
            (tmp_path / f"config.{number}").write_text(kubeconfig.replace("kwok-helmtool", f"cmsweb-dev{number}"))
            kube("create", "namespace", f"{prefix}-{number}")
            made.append(f"{prefix}-{number}")
        (project / "values/dev.yaml").write_text((project / "values/local.yaml").read_text() + "cvmfs: {claimName: ''}\n")
        file = project / "values/environments.yaml"
        document = yaml.safe_load(file.read_text())
        document["environments"][f"dev{{1..{size}}}"] = {
            "description": "Cluster {n}",
            "cluster": {"nameEndsWith": ["cmsweb-dev{n}"]},
            "kubeconfig": f"{tmp_path}/config.{{n}}",
            "namespace": f"{prefix}-{{n}}",
            "release": RELEASE,
            "policies": dict.fromkeys(("resolve", "prepull", "verify"), "off"),
            "values": "dev",
        }
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return Fleet(Helmtool(project), kube, prefix, tmp_path)

    yield make
    if made:
        kube("delete", "namespace", *made, "--wait=false")
