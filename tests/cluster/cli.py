"""The real command line as a process of its own, and kubectl to look at what it did."""

from __future__ import annotations

import base64
import gzip
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from embedded import KINDS, objects

from helmtool.adapters import toolbox
from helmtool.adapters.local import kwok
from helmtool.adapters.local.objects import NAMESPACE
from helmtool.adapters.local.state import State

ROOT = Path(__file__).parents[2]
RELEASE = "newdqmgui"
REPOSITORY = "registry.cern.ch/cmsweb/newdqmgui"
UNSCHEDULABLE = ("--set", "nodeSelector.nowhere=here")
"""No node has that label, so the pod never starts."""
SHORT = ("--timeout", "3s")
"""How long a rollout may take that is to fail; one that works takes less than a second."""
PATIENCE = 30.0
LOCK_SECONDS = 3
"""How long a lock lasts in the checkout of `quick_lock`."""
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@dataclass(frozen=True)
class Result:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; anything else beside it fails the test."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error of an answer in JSON."""
        error: dict[str, Any] = self.json["error"]
        return error


@dataclass(frozen=True)
class Helmtool:
    """Runs `python -m helmtool` in a checkout, with an environment of its own."""

    project: Path = ROOT
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"} | dict(self.variables)

    def __call__(self, *arguments: str, code: int | None = 0) -> Result:
        """Runs one command to its end and requires its exit code, unless that is None."""
        running = self.start(*arguments)
        result = running.wait()
        assert code is None or result.code == code, result
        return result

    def start(self, *arguments: str, terminal: bool = False) -> Running:
        """Starts one command; with `terminal`, there is one to ask at."""
        return Running([sys.executable, "-m", "helmtool", *arguments], self.project, self.environment, terminal)


class Running:
    """A command line under way. Its stderr is read while it runs, so that a test can wait for a step."""

    def __init__(self, argv: list[str], folder: Path, environment: dict[str, str], terminal: bool) -> None:
        self._terminal, stdin = pty.openpty() if terminal else (None, subprocess.DEVNULL)
        self.process = subprocess.Popen(argv, cwd=folder, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if terminal:
            os.close(stdin)
        self._outputs = {"out": b"", "err": b""}
        self._readers = [threading.Thread(target=self._read, args=(name,)) for name in self._outputs]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "out" else self.process.stderr
        assert stream
        while some := os.read(stream.fileno(), 65536):
            self._outputs[name] += some
        stream.close()

    def saw(self, text: str) -> Running:
        """Waits until stderr shows the text."""
        wait_until(lambda: text.encode() in self._outputs["err"] or self.process.poll() is not None)
        assert text.encode() in self._outputs["err"], self._outputs
        return self

    def type(self, text: str) -> Running:
        """Types at the terminal."""
        assert self._terminal is not None
        os.write(self._terminal, text.encode())
        return self

    def send(self, number: signal.Signals) -> Running:
        self.process.send_signal(number)
        return self

    def wait(self, seconds: float = PATIENCE) -> Result:
        """Its result; one that does not end is killed, and fails the test."""
        try:
            code = self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()
            for reader in self._readers:
                reader.join()
            if self._terminal is not None:
                os.close(self._terminal)
        return Result(code, self._outputs["out"].decode(), self._outputs["err"].decode())


@dataclass(frozen=True)
class Kube:
    """What is in the cluster, as kubectl sees it."""

    state: State

    def __call__(self, *arguments: str, input: Any = None) -> str:
        """What kubectl prints; it must succeed. `input` is an object for `-f -`."""
        done = kwok.kubectl(self.state, *arguments, "-n", NAMESPACE, input=None if input is None else json.dumps(input).encode())
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def versions(self) -> dict[tuple[str, str], str]:
        """Every object of the namespace with its resource version: what changes whenever anything is written."""
        found = objects(self.state, KINDS)
        return {(item["kind"], item["metadata"]["name"]): item["metadata"]["resourceVersion"] for item in found}

    @property
    def deployment(self) -> dict[str, Any]:
        found = self.get("deployment", RELEASE)
        assert found
        return found

    @property
    def image(self) -> str:
        """The image that the Deployment asks for."""
        return str(self.deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    @property
    def serving(self) -> list[str]:
        """The images of the pods that are ready."""
        pods = json.loads(self("get", "pods", "-l", f"app={RELEASE}", "-o", "json"))["items"]
        return [str(pod["spec"]["containers"][0]["image"]) for pod in pods if serves(pod)]

    @property
    def revisions(self) -> dict[int, str]:
        """Helm's own status of every revision that it keeps, from the payload of its Secrets."""
        found = json.loads(self("get", "secrets", "-l", f"owner=helm,name={RELEASE}", "-o", "json"))["items"]
        stored = [stored_revision(secret) for secret in found]
        return dict(sorted((int(entry["version"]), str(entry["info"]["status"])) for entry in stored))

    def store_status(self, revision: int, status: str) -> None:
        """Writes a revision's status as Helm itself stores it; that of a killed helm stays `pending-…`."""
        name = f"sh.helm.release.v1.{RELEASE}.v{revision}"
        secret = self.get("secret", name)
        assert secret
        entry = stored_revision(secret)
        entry["info"]["status"] = status
        payload = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(entry).encode()))).decode()
        patch = {"data": {"release": payload}, "metadata": {"labels": {"status": status}}}
        self("patch", "secret", name, "--type=merge", "-p", json.dumps(patch))


def serves(pod: dict[str, Any]) -> bool:
    """Whether the pod is ready, and not about to end."""
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    return ready and "deletionTimestamp" not in pod["metadata"]


def stored_revision(secret: dict[str, Any]) -> dict[str, Any]:
    """Helm's own document of a revision, from the Secret that it keeps it in."""
    entry: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return entry


def wait_until(condition: Callable[[], object]) -> None:
    """Looks again until the condition holds; for what takes milliseconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def copy_project(folder: Path, kubeconfig: str) -> Path:
    """A checkout that a test may change, in which `prod` is the embedded cluster under its own name; its values are those of `local`."""
    for name in ("charts", "values"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(folder / "values/local.yaml", folder / "values/prod.yaml")
    file = folder / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"]["prod"] |= {
        "cluster": {"nameEndsWith": ["kwok-helmtool"]},
        "kubeconfig": kubeconfig,
        "policies": dict.fromkeys(("resolve", "prepull", "verify"), "off"),
        "secrets": "existing",
    }
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def add_values(project: Path, environment: str, values: dict[str, Any]) -> None:
    """Sets top-level keys in an environment's file of a copied project."""
    file = project / "values" / f"{environment}.yaml"
    file.write_text(yaml.safe_dump((yaml.safe_load(file.read_text()) or {}) | values))


def add_hanging_hook(project: Path, moment: str = "pre-upgrade") -> None:
    """A hook whose pod never starts, so that helm stays in the middle of its work."""
    (project / "charts/newdqmgui/templates/hang.yaml").write_text(f"""\
apiVersion: batch/v1
kind: Job
metadata:
  name: hang
  namespace: {{{{ .Release.Namespace }}}}
  annotations:
    helm.sh/hook: {moment}
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector:
        nowhere: here
      containers:
        - name: hang
          image: {REPOSITORY}:HG0105a
""")


def other_helm(folder: Path, script: str) -> dict[str, str]:
    """The variables of a helmtool whose helm runs shell lines first; in them `real` is the real helm, `$1` its command."""
    helm = folder / "cache/helmtool/tools" / f"helm-{toolbox.VERSIONS['helm']}" / "helm"
    helm.parent.mkdir(parents=True)
    helm.write_text(f'#!/bin/sh\nreal={toolbox.find("helm")}\n{script}\nexec $real "$@"\n')
    helm.chmod(0o755)
    return {"XDG_CACHE_HOME": str(folder / "cache")}


@dataclass(frozen=True)
class PausedHelm:
    """A helm that waits before one of its commands until it is let go on."""

    folder: Path
    variables: dict[str, str]

    def wait(self) -> None:
        """Until it waits itself."""
        wait_until((self.folder / "paused").exists)

    def go_on(self) -> None:
        (self.folder / "go").touch()


def helm_that_pauses(folder: Path, command: str) -> PausedHelm:
    """A helm for the variables of a helmtool that is to be met right before `helm COMMAND`."""
    pause = f"touch {folder}/paused; while [ ! -e {folder}/go ]; do sleep 0.1; done"
    return PausedHelm(folder, other_helm(folder, f"if [ $1 = {command} ]; then {pause}; fi"))


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a helmtool and the helm that it started, as a machine that goes down does it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    children += [child for thread in threads for child in (thread / "children").read_text().split()]
    process.kill()
    for child in set(children):
        os.kill(int(child), signal.SIGKILL)
