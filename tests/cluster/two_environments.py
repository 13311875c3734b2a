"""Two environments on the embedded cluster whose images are in a real registry: prod, and preprod in a namespace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli import Helmtool, Kube
from registry.images import PATH, RealRegistry

from helmtool.adapters.local import LocalCluster
from helmtool.adapters.toolbox import cache_home

TESTBED = "preprod-dqm"


@pytest.fixture
def set_up(project: Path, registry: RealRegistry, cluster: LocalCluster, kube: Kube, tmp_path: Path) -> Callable[..., Helmtool]:
    """The command line, with prod and preprod on the embedded cluster and their image in the registry; `changes` are prod's own keys."""
    testbed = tmp_path / "testbed.kubeconfig"
    testbed.write_text(Path(cluster.kubeconfig).read_text().replace("kwok-helmtool", "cmsweb-testbed"))
    own = (project / "values/local.yaml").read_text() + f"\nimage: {{repository: '{registry.host}/{PATH}'}}\n"
    (project / "values/prod.yaml").write_text(own)
    (project / "values/preprod.yaml").write_text(own + "cvmfs: {claimName: ''}\n")  # its namespace has no claim
    file = project / "values/environments.yaml"

    def change(**changes: Any) -> Helmtool:
        document = yaml.safe_load(file.read_text())
        environments = document["environments"]
        policies = {"resolve": "required", "prepull": "off", "verify": "off"}
        environments["prod"] |= {"policies": policies} | changes
        environments["preprod"] |= {
            "cluster": {"nameEndsWith": ["cmsweb-testbed"]},
            "kubeconfig": str(testbed),
            "namespace": TESTBED,
            "secrets": "existing",
            "policies": policies,
        }
        environments.pop("test4", None)
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return Helmtool(project, {"XDG_CACHE_HOME": str(cache_home()), "HOME": str(tmp_path)})

    return change


@pytest.fixture
def testbed(kube: Kube) -> Iterator[str]:
    """The namespace of preprod."""
    kube("create", "namespace", TESTBED)
    yield TESTBED
    kube("delete", "namespace", TESTBED, "--wait=true")
