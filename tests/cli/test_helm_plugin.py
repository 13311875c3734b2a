"""helmtool as a plugin that the real Helm installs: the same program, its options, outputs and exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from program import PATIENCE, Cli

from helmtool import __version__
from helmtool.adapters import toolbox

ROOT = Path(__file__).parents[2]
Run = subprocess.CompletedProcess[str]


class Helm:
    """The real Helm with a data folder of its own."""

    def __init__(self, cli: Cli, data: Path) -> None:
        self._cli, self._variables = cli, dict(cli.variables) | {"HELM_DATA_HOME": str(data)}

    def __call__(self, *arguments: str) -> Run:
        argv = [str(toolbox.find("helm")), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, cwd=self._cli.root, env=self._variables, timeout=PATIENCE)


@pytest.fixture
def helm(cli: Cli, tmp_path: Path) -> Helm:
    helm = Helm(cli, tmp_path / "data")
    installed = helm("plugin", "install", str(ROOT / "tools/helm-plugin"))
    assert installed.returncode == 0, installed.stderr
    return helm


def test_it_is_listed_with_the_version_of_the_program(helm: Helm) -> None:
    assert helm("plugin", "list").stdout.splitlines()[1].split()[:3] == ["newdqmgui", __version__, "cli/v1"]
    assert helm("newdqmgui", "--version").stdout == f"helmtool {__version__}\n"


def test_output_and_exit_code_are_those_of_the_program(helm: Helm) -> None:
    refused = helm("newdqmgui", "tag", "check", "HG3201a", "--offline", "-o", "json")
    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (3, "invalid-tag")
    assert helm("newdqmgui", "env", "list", "-q").returncode == 0
    assert helm("newdqmgui", "status", "nowhere").returncode == 3


def test_the_flags_that_helm_takes_for_its_own_reach_it(helm: Helm, cli: Cli) -> None:
    (cli.home / "config").write_text("{}")
    refused = helm("newdqmgui", "status", "test4", "--kubeconfig", str(cli.home / "config"), "--kube-context", "elsewhere", "-o", "json")
    assert refused.returncode == 3
    assert "has no context 'elsewhere'" in json.loads(refused.stdout)["error"]["message"]
    assert str(cli.home / "config") in refused.stdout
