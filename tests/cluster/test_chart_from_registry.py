"""A chart that was published is installed from the registry by plain Helm, as the command says at its end."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli import ROOT, Helmtool, Kube
from registry.images import RealRegistry
from registry.keys import Keys, made_keys

from helmtool.adapters import toolbox
from helmtool.adapters.local import LocalCluster


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    yield from made_keys(tmp_path)


def test_the_printed_command_installs_it_and_checks_the_signature(
    helmtool: Helmtool, kube: Kube, cluster: LocalCluster, registry: RealRegistry, keys: Keys, tmp_path: Path
) -> None:
    sign = ("--sign", "plain", "--keyring", str(keys.plain), "--allow-dirty")
    published = helmtool("chart", "publish", "7.8.9", "--to", f"oci://{registry.host}/cmsweb/charts", *sign)
    printed = published.err.partition("to install it:\n")[2].replace("\\\n", " ")
    line = printed.replace("PUBLIC_KEYS", str(keys.public)).replace("ENV.yaml", "local.yaml").replace("=TAG", "=HG0105a")
    program, *arguments = shlex.split(line)
    assert program == "helm"
    # With a cache of its own: helm keeps a chart's signature by the chart's digest, also one by the key of an earlier run.
    variables = {**os.environ, "KUBECONFIG": cluster.kubeconfig, "HELM_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run([str(toolbox.find("helm")), *arguments], cwd=ROOT, env=variables, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    deployment = kube.get("deployment", "newdqmgui")
    assert deployment
    assert deployment["metadata"]["labels"]["helm.sh/chart"] == "newdqmgui-7.8.9"
