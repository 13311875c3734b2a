"""A checkout whose environments are namespaces of one embedded cluster, each reached by a kubeconfig of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from timing import CHECKOUT

POLICIES = dict.fromkeys(("resolve", "prepull", "verify"), "off")


def write_checkout(folder: Path, kubeconfig: str, servers: Mapping[str, str]) -> None:
    """Writes chart and values, and for each name an environment whose API server has this address, or the cluster's own where it is empty.

    The namespace of each is `bench-NAME`.
    """
    for name in ("charts", "values"):
        shutil.copytree(CHECKOUT / name, folder / name)
    (folder / "values/bench.yaml").write_text((CHECKOUT / "values/local.yaml").read_text() + "cvmfs: {claimName: ''}\n")
    environments: dict[str, Any] = {}
    for name, server in servers.items():
        own = yaml.safe_load(Path(kubeconfig).read_text().replace("kwok-helmtool", f"cmsweb-{name}"))
        own["clusters"][0]["cluster"]["server"] = server or own["clusters"][0]["cluster"]["server"]
        (folder / f"config.{name}").write_text(yaml.safe_dump(own))
        environments[name] = {
            "description": name,
            "cluster": {"nameEndsWith": [f"cmsweb-{name}"]},
            "kubeconfig": f"{folder}/config.{name}",
            "namespace": f"bench-{name}",
            "release": "newdqmgui",
            "policies": POLICIES,
            "values": "bench",
        }
    (folder / "values/environments.yaml").write_text(yaml.safe_dump({"environments": environments}))
