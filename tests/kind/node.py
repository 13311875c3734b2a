"""A real cluster with one node, the registry that it pulls from, and what is looked at in it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from checkout import docker
from cli import Helmtool, copy_project
from watching import PodWatch

from helmtool.adapters import toolbox
from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import read_access
from helmtool.adapters.local.objects import NAMESPACE, prerequisites

CONFIG = Path(__file__).parent / "cluster.yaml"
RELEASE = "newdqmgui"
CLIENT = "dqm-client"
ADMIN = "/etc/kubernetes/admin.conf"
"""The kubeconfig on the node itself."""
DATA_CLAIM, LOGS_CLAIM = "newdqmgui-data", "newdqmgui-logs"
LOGS_FOLDER = "/var/lib/newdqmgui-logs"
VALUES = {
    "environment": "kind",
    "eos": {"enabled": False},
    "workDir": {"claimName": DATA_CLAIM, "createClaim": True, "storageClass": "standard", "size": "1Gi"},
    "logs": {"claimName": LOGS_CLAIM, "createClaim": True, "size": "1Gi"},
    "networkPolicy": {key: [{"namespace": NAMESPACE, "podLabels": {"app": CLIENT}}] for key in ("from", "metricsFrom")},
    "progressDeadlineSeconds": 100,
    "terminationGracePeriodSeconds": 20,
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}},
    "probes": {"startup": {"periodSeconds": 1, "failureThreshold": 90}, "readiness": {"periodSeconds": 1}},
}
"""No EOS, which would need a ticket; both claims. A stand-in compiles nothing, so its probes ask every second."""
PREPARE = """set -e
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
mkdir -p /etc/grid-security/certificates /var/eos /cvmfs/cms.cern.ch
echo "the node's certificate" >/etc/grid-security/hostcert.pem
echo 'echo "INFO CMSSW of the node"' >/cvmfs/cms.cern.ch/cmsset_default.sh
"""
POLICIES = dict.fromkeys(("resolve", "prepull", "verify"), "required")


@dataclass(frozen=True)
class Node:
    """The cluster's one node, a container of docker."""

    cluster: str
    kubeconfig: Path

    @property
    def container(self) -> str:
        return f"{self.cluster}-control-plane"

    def run(self, *arguments: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return docker("exec", "-i", self.container, *arguments, input=input, check=check, timeout=120)

    def kubectl(self, *arguments: str, input: Any = None) -> str:
        text = None if input is None else json.dumps(input)
        return self.run("kubectl", "--kubeconfig", ADMIN, "-n", NAMESPACE, *arguments, input=text).stdout

    def get(self, kind: str, selector: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-l", selector, "-o", "json"))["items"]
        return found

    def pod(self) -> dict[str, Any]:
        """The one pod of the service that is not on its way out."""
        (pod,) = [p for p in self.get("pods", f"app={RELEASE}") if "deletionTimestamp" not in p["metadata"]]
        return pod

    def prepull_pods(self) -> list[dict[str, Any]]:
        return self.get("pods", f"helmtool-release={RELEASE}")

    def client(self) -> Cluster:
        return Cluster(read_access(str(self.kubeconfig)), NAMESPACE)

    def watch(self) -> PodWatch:
        return PodWatch(self.client(), f"app={RELEASE}")

    def prepare(self) -> None:
        """What the chart expects of a node and of the namespace."""
        self.run("sh", "-c", PREPARE)
        items = [item for item in prerequisites()["items"] if item["kind"] != "Node"]
        self.kubectl("apply", "-f", "-", input={"apiVersion": "v1", "kind": "List", "items": [*items, logs_volume()]})

    def clear(self) -> None:
        """Nothing of the service in the namespace, whoever made it; then as before a first release."""
        self.helm("uninstall", RELEASE, "--ignore-not-found")
        named = {
            "deployment,service,configmap": RELEASE,
            "networkpolicy": f"{RELEASE}-network-policy",
            "configmap": f"{RELEASE}-releases",
            "pvc": f"{DATA_CLAIM} {LOGS_CLAIM}",
            "pv": LOGS_CLAIM,
            "secret": f"{RELEASE}-secrets-key",
        }
        for kinds, names in named.items():
            self.kubectl("delete", kinds, *names.split(), "--ignore-not-found", "--timeout=60s")
        self.kubectl("delete", "secret", "-l", "app.kubernetes.io/component=secret-version")
        wait_for("the pods are gone", lambda: not self.get("pods", f"app={RELEASE}"))
        self.run("rm", "-rf", LOGS_FOLDER)
        self.prepare()

    def inside(self, pod: dict[str, Any], script: str) -> subprocess.CompletedProcess[str]:
        """A shell script as root in the files of a pod, which `kubectl exec` would run as the pod's own user."""
        return self.run("nsenter", "-t", self.process(pod), "-m", "sh", "-c", script, check=False)

    def log(self, pod: str) -> str:
        """What a pod has said; nothing where it did not start yet."""
        return self.run("kubectl", "--kubeconfig", ADMIN, "-n", NAMESPACE, "logs", pod, check=False).stdout

    def process(self, pod: dict[str, Any]) -> str:
        """The number of the first process of a pod's container, on the node."""
        container = pod["status"]["containerStatuses"][0]["containerID"].partition("://")[2]
        return self.run("crictl", "inspect", "-o", "go-template", "--template", "{{.info.pid}}", container).stdout.strip()

    def ask(self, url: str) -> str:
        """What another pod of the namespace is answered; nothing where nobody answers."""
        script = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=10).read().decode())"
        argv = ("kubectl", "--kubeconfig", ADMIN, "-n", NAMESPACE, "exec", CLIENT, "--", "python3", "-c", script)
        return self.run(*argv, check=False).stdout

    def pull_from(self, host: str, port: int) -> None:
        """From now on images of `host` come from a port of this machine."""
        server = f"http://{gateway()}:{port}"
        text = f'server = "{server}"\n[host."{server}"]\n  capabilities = ["pull", "resolve"]\n'
        folder = f"/etc/containerd/certs.d/{host}"
        self.run("sh", "-c", f"mkdir -p '{folder}' && cat > '{folder}/hosts.toml'", input=text)

    def helm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        path, _ = toolbox.helm()
        argv = [str(path), *arguments, "--kubeconfig", str(self.kubeconfig), "--namespace", NAMESPACE]
        return subprocess.run(argv, capture_output=True, text=True, timeout=180)


def logs_volume() -> dict[str, Any]:
    """The logs' claim is a static one, and for several pods: no class of this node makes such a volume."""
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": LOGS_CLAIM}
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "capacity": {"storage": "1Gi"}, "claimRef": reference}
    host = {"hostPath": {"path": LOGS_FOLDER, "type": "DirectoryOrCreate"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": LOGS_CLAIM}, "spec": spec | host}


def client_pod(image: str) -> dict[str, Any]:
    """A pod that may reach the service."""
    container = {"name": "client", "image": image, "command": ["sleep", "infinity"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "enableServiceLinks": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CLIENT, "labels": {"app": CLIENT}}, "spec": spec}


def create(cluster: str, kubeconfig: Path) -> Node:
    """A new cluster, with the node image of KIND_NODE_IMAGE where that is set."""
    image = os.environ.get("KIND_NODE_IMAGE")
    argv = ["kind", "create", "cluster", "--name", cluster, "--config", str(CONFIG), "--kubeconfig", str(kubeconfig), "--wait", "120s"]
    made = subprocess.run([*argv, *(["--image", image] if image else [])], capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stderr
    return Node(cluster, kubeconfig)


def delete(cluster: str) -> None:
    subprocess.run(["kind", "delete", "cluster", "--name", cluster], capture_output=True, timeout=120)


def gateway() -> str:
    """The address of this machine as the node sees it."""
    found = docker("network", "inspect", "kind", "--format", "{{range .IPAM.Config}}{{println .Gateway}}{{end}}").stdout.split()
    return next(address for address in found if ":" not in address)


def make_project(folder: Path, node: Node, repository: str) -> Helmtool:
    """A checkout with the environment `kind`, every policy required; nothing answers at its public address."""
    project = copy_project(folder, str(node.kubeconfig))
    file = project / "values/environments.yaml"
    document = yaml.safe_load(file.read_text())
    document["environments"]["kind"] = {
        "description": "Real pods",
        "cluster": {"nameEndsWith": [f"kind-{node.cluster}"]},
        "kubeconfig": str(node.kubeconfig),
        "namespace": NAMESPACE,
        "release": RELEASE,
        "endpoint": "https://127.0.0.1:9/dqm/",
        "stableTag": "off",
        "lockSeconds": 10,
        "policies": POLICIES,
    }
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    (project / "values/kind.yaml").write_text(yaml.safe_dump({**VALUES, "image": {"repository": repository}}))
    return Helmtool(project)


def wait_for(what: str, condition: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.3)
