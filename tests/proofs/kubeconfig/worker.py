"""A process with helmtool imported, which forks a child for each combination: one line of JSON in, one out.

The child has the combination's own environment and folder, and nothing that an earlier one has read or cached.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TIMEOUT = 20
"""Seconds for one request."""


class Worker:
    """The process, for one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()

    def ask(self, kind: str, kubeconfig: str, context: str | None, folder: Path, environment: dict[str, str]) -> dict[str, str]:
        """The error's class (empty if the request was answered) and its words."""
        assert self._process.stdin
        assert self._process.stdout
        request = {"kind": kind, "kubeconfig": kubeconfig, "context": context, "folder": str(folder), "environment": environment}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        return answer


def send(kind: str, kubeconfig: str, context: str | None) -> None:
    """One request to the cluster of a kubeconfig. Raises HelmtoolError."""
    from helmtool.adapters.attach import run_in_pod
    from helmtool.adapters.cluster import Cluster
    from helmtool.adapters.kubeconfig import read_access

    cluster = Cluster(read_access(kubeconfig, context), "dqm")
    if kind == "exec":
        run_in_pod(cluster, "dqm-0", "dqm", ["true"], "")
    else:
        cluster.request("GET", "/api/v1/namespaces/dqm")


def serve() -> None:
    """Forks for each line until standard input ends."""
    _import_all()
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _become(json.loads(line), write)
        os.close(write)
        with os.fdopen(read) as answer:
            said = answer.read()
        os.waitpid(child, 0)
        print(said or json.dumps({"error": "died", "words": ""}), flush=True)


def _import_all() -> None:
    import importlib
    import pkgutil

    import helmtool.adapters

    for module in pkgutil.walk_packages(helmtool.adapters.__path__, "helmtool.adapters."):
        importlib.import_module(module.name)
    for name in ("urllib3", "urllib3.contrib.socks", "yaml", "websocket", "kubernetes.config", "kubernetes.client.rest"):
        importlib.import_module(name)


def _become(request: dict[str, Any], write: int) -> None:
    try:
        signal.alarm(TIMEOUT)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os.write(write, json.dumps(_outcome(request)).encode())
    finally:
        os._exit(0)


def _outcome(request: dict[str, Any]) -> dict[str, str]:
    from helmtool.errors import HelmtoolError

    try:
        send(request["kind"], request["kubeconfig"], request["context"])
    except HelmtoolError as error:
        problems = "".join(f"\n{problem}" for problem in error.problems)
        return {"error": type(error).__name__, "words": f"{error.message}\n{error.hint}{problems}"}
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if "helmtool/adapters" in frame.filename]
        return {"error": "traceback", "words": f"{type(error).__name__} at {' '.join(own)}: {error}"}
    return {"error": "", "words": ""}


if __name__ == "__main__":
    serve()
