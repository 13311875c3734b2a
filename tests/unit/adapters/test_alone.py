"""Modules without the code of their packages, and the packages as whole as ever afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLIENT = """
from helmtool.adapters.client import PACKAGES, module_alone
rest = module_alone("kubernetes.client.rest", *PACKAGES)
"""
HELM = "import helmtool.adapters.helm as own\n"
HEAVY = "import sys; assert not {'pydantic', 'requests', 'kubernetes', 'pyhelm3', 'kubernetes.utils'} & set(sys.modules)\n"


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "after",
    [
        "import kubernetes; kubernetes.client.CoreV1Api, kubernetes.config.load_kube_config, kubernetes.utils.create_from_yaml",
        "from kubernetes.client import rest as again; assert again is rest",
        "from kubernetes.client import ApiException; assert ApiException is rest.ApiException",
        "from kubernetes import client; client.ApiClient(client.Configuration(host='http://127.0.0.1:1'))",
        "from kubernetes.stream import portforward, ws_client",
    ],
)
def test_the_client_is_whole_for_who_wants_it(after: str) -> None:
    run(CLIENT + HEAVY + after)


def test_pyhelm3_is_whole_for_who_wants_it() -> None:
    run(HELM + HEAVY + "from pyhelm3 import Client, Command; assert Command is own.Command")


def test_what_is_loaded_already_is_used_as_it_is() -> None:
    run("import kubernetes.client, kubernetes.utils, pyhelm3\n" + CLIENT + HELM + "assert own.Command is pyhelm3.Command")


def test_what_is_not_there_is_said_and_nothing_stays() -> None:
    code = "from helmtool.adapters.alone import module_alone\nimport sys\ntry:\n  module_alone('kubernetes.nosuch', 'kubernetes')\n"
    run(code + "except ModuleNotFoundError: pass\nelse: raise SystemExit('found')\nassert 'kubernetes' not in sys.modules")
