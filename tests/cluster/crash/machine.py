"""An embedded cluster of one's own, asked over one connection, whose API server can be killed and started again."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import yaml
from cli import RELEASE, Helmtool, serves, stored_revision

from helmtool.adapters.local.objects import NAMESPACE
from helmtool.adapters.local.processes import Found, end, processes_below
from helmtool.adapters.local.state import State

API_SERVER = "kube-apiserver"
START_PATIENCE = 240.0
"""Seconds that bound a mistake of the suite; helmtool's own patience is shorter."""
BUSY, BUSY_PATIENCE = (429, 500, 503, 504), 60.0
KINDS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
}
"""Where each kind lies; `{}` is the namespace."""
Object = dict[str, Any]


class Machine:
    """The cluster, up for the time of the block."""

    def __init__(self, home: Path) -> None:
        self._environment = Helmtool(variables={"XDG_STATE_HOME": str(home)}).environment
        self.kubeconfig = Path(json.loads(self._local("up"))["kubeconfig"])
        self.state = State(self.kubeconfig.parent)
        document = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self._server = urlsplit(cluster["server"])
        self._context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._context.load_cert_chain(user["client-certificate"], user["client-key"])
        self._connection = self.connect()
        self._commands = {found.program: _command_of(found) for found in self._processes()}
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._connection.close()
        self._local("down")
        for process in self._started:
            process.wait()

    def _local(self, verb: str) -> bytes:
        argv = [sys.executable, "-m", "helmtool", "local", verb, "-o", "json"]
        return subprocess.run(argv, env=self._environment, stdout=subprocess.PIPE, check=True, timeout=START_PATIENCE).stdout

    def kubeconfig_through(self, host: str, file: Path) -> Path:
        """Writes a kubeconfig that leads to the same cluster through a proxy."""
        document = yaml.safe_load(self.kubeconfig.read_text())
        document["clusters"][0]["cluster"] = {"server": f"http://{host}"}
        document["users"][0]["user"] = {}
        file.write_text(yaml.safe_dump(document))
        return file

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._server.hostname or "", self._server.port, context=self._context, timeout=60)

    def restart(self) -> None:
        """Kills the API server and starts it again; does not wait until it is ready."""
        for found in self._processes():
            if found.program.name == API_SERVER:
                end(found)
                self._start(found.program)

    def mend(self) -> None:
        """Waits until the API server is ready, and starts what has ended meanwhile: controllers give up where it was away for long."""
        until = time.monotonic() + START_PATIENCE
        while not self._is_ready():
            assert time.monotonic() < until, "the API server is not ready again"
            time.sleep(0.1)
        running = {found.program for found in self._processes()}
        for program in self._commands.keys() - running:
            self._start(program)

    def _is_ready(self) -> bool:
        try:
            return self._once("GET", "/readyz", None)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _processes(self) -> list[Found]:
        return [found for found in processes_below(self.state.folder) if found.program.name != "kwokctl"]

    def _start(self, program: Path) -> None:
        argv, environment, folder = self._commands[program]
        with self.state.log(program.name).open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    argv, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            )

    def _ask(self, method: str, path: str, body: Object | None = None) -> tuple[int, bytes]:
        """The answer; a server that is busy is asked again, as is one that has ended an idle connection."""
        until = time.monotonic() + BUSY_PATIENCE
        while True:
            try:
                status, content = self._once(method, path, body)
                if status not in BUSY or time.monotonic() > until:
                    return status, content
            except (OSError, http.client.HTTPException):
                if time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def _once(self, method: str, path: str, body: Object | None) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request connects anew
            raise

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """The objects of a kind in the namespace."""
        status, content = self._ask("GET", KINDS[kind].format(NAMESPACE) + (f"?labelSelector={selector}" if selector else ""))
        assert status == 200, content
        items: list[Object] = json.loads(content)["items"]
        return items

    def delete(self, kind: str, name: str) -> None:
        """Deletes an object, if it is there, and has what it owns deleted."""
        status, content = self._ask("DELETE", f"{KINDS[kind].format(NAMESPACE)}/{name}", {"propagationPolicy": "Background"})
        assert status in (200, 202, 404), content

    def get(self, kind: str, name: str) -> Object | None:
        status, content = self._ask("GET", f"{KINDS[kind].format(NAMESPACE)}/{name}")
        assert status in (200, 404), content
        found: Object = json.loads(content)
        return found if status == 200 else None

    @property
    def tag(self) -> str:
        """The tag that the Deployment asks for; nothing where there is none."""
        deployment = self.get("Deployment", RELEASE)
        return tag_in(deployment["spec"]["template"]) if deployment else ""

    @property
    def serving(self) -> dict[str, str]:
        """The pods that are ready by UID, with their tags."""
        pods = self.list("Pod", f"app={RELEASE}")
        return {pod["metadata"]["uid"]: tag_in(pod) for pod in pods if serves(pod)}

    @property
    def revisions(self) -> dict[int, Object]:
        """What Helm keeps, by number."""
        stored = [stored_revision(secret) for secret in self.list("Secret", f"owner=helm,name={RELEASE}")]
        return dict(sorted((int(entry["version"]), entry) for entry in stored))

    @property
    def outcomes(self) -> dict[int, str]:
        """How each revision ended, from the records."""
        found = self.get("ConfigMap", f"{RELEASE}-releases")
        return {entry["revision"]: entry["outcome"] for entry in json.loads(found["data"]["records.json"])} if found else {}


def tag_in(pod: Object) -> str:
    return str(pod["spec"]["containers"][0]["image"]).partition(":")[2]


def _command_of(found: Found) -> tuple[list[str], dict[str, str], str]:
    """How a process was started: its command line, environment and folder."""
    folder = Path("/proc") / str(found.pid)
    argv = (folder / "cmdline").read_text().rstrip("\0").split("\0")
    environment = dict(entry.split("=", 1) for entry in (folder / "environ").read_text().split("\0") if "=" in entry)
    return argv, environment, str((folder / "cwd").readlink())
