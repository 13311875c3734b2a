"""What stands for CERN's network: namespaces of the embedded cluster for its clusters, a registry on loopback for registry.cern.ch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster.encrypted import Checkout, make_checkout
from place import Place, git
from registry.images import RealRegistry, registries
from registry.named import Authority, Proxy

from helmtool.adapters.local import LocalCluster, kwok
from helmtool.adapters.local.objects import prerequisites
from helmtool.adapters.local.state import State

REGISTRY = "registry.cern.ch"
TAGS = ("HG0105a", "HG0105b", "HG0205a")
FILES = {"token.txt": b"a token\n", "app.json": b'{"key": "value"}\n'}
CLUSTERS = {"test4": "cmsweb-test4", "preprod": "cmsweb-testbed", "prod": "cmsweb-k8s-services-prod"}
ROW, ROW_NAMES = "test{1..3}", ("test1", "test2", "test3")
"""A shorter row than CMSWEB's 16, for the sake of time."""
LOGS = {"preprod": "logs-cephfs-claim-preprod-dqm", "prod": "logs-cephfs-claim-prod-dqm"}


VERIFIED = """\
kubectl "$@" get configmap newdqmgui-releases -o json | python3 -c '
import json, sys
found = json.load(sys.stdin)
records = json.loads(found["data"]["records.json"])
records[-1]["checks"] = ["ok: / answers 200 (service proxy)", "ok: /api/v1/latest_runs answers 200 (service proxy)"]
print(json.dumps({"data": {"records.json": json.dumps(records)}}))' >"$HOME/patch"
kubectl "$@" patch configmap newdqmgui-releases --type=merge --patch-file "$HOME/patch"
"""
"""A program that writes into the newest record what a verification sees, for simulated pods answer nobody."""


KILLED = """\
hook=charts/newdqmgui/templates/hang.yaml
cat >$hook <<'END'
apiVersion: batch/v1
kind: Job
metadata:
  name: hang
  annotations: {helm.sh/hook: pre-upgrade}
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {nowhere: here}
      containers: [{name: hang, image: "registry.cern.ch/cmsweb/newdqmgui:HG0105a"}]
END
helmtool release local HG0505a --timeout 100s >/dev/null 2>&1 &
killed=$!
tries=0
until helm history newdqmgui --namespace dqm | grep -q pending-upgrade; do
    tries=$((tries + 1)); [ $tries -lt 100 ] || exit 1
    sleep 0.3
done
kill -9 $killed
rm $hook
"""
"""A program that leaves a release as one that was killed in the middle: a hook that never ends holds Helm up until then."""


@dataclass(frozen=True)
class Clusters:
    """The embedded cluster, which each environment reaches under the name of its own cluster."""

    cluster: LocalCluster
    state: State

    def stand_for(self, place: Place, names: tuple[str, ...], keys: Path) -> None:
        """Namespaces with all that a release needs, kubeconfigs where environments.yaml has them, and that file changed to match."""
        file = place.checkout / "values/environments.yaml"
        document = yaml.safe_load(with_row(file.read_text()) if ROW in names else file.read_text())
        prefix = place.folder.name.lower().replace("_", "-")
        for name in names:
            change(document["environments"][name], f"{prefix}-{name.replace(ROW, 'test{n}')}")
        for name in [one for given in names for one in (ROW_NAMES if given == ROW else [given])]:
            self._lead(place, name, f"{prefix}-{name}", keys)
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        git(place.checkout, "commit", "-qam", "stand-ins")

    def _lead(self, place: Place, name: str, namespace: str, keys: Path) -> None:
        cluster = CLUSTERS.get(name, f"cmsweb-{name}")
        file = place.home / "K8s_tokens" / f"config.{cluster}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(Path(self.cluster.kubeconfig).read_text().replace("kwok-helmtool", cluster))
        place.variables[f"NAMESPACE_{name}"] = namespace
        self.apply(furnished(namespace, LOGS.get(name, ""), keys.read_text()))

    def apply(self, items: list[dict[str, Any]]) -> None:
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()
        done = kwok.kubectl(self.state, "apply", "--server-side", "-f", "-", input=content)
        assert done.returncode == 0, done.stderr.decode()


def change(environment: dict[str, Any], namespace: str) -> None:
    """Gives an environment the namespace that it has here. Its pods are simulated, so no server can be asked whether it answers."""
    environment["namespace"] = namespace
    environment["policies"] = environment["policies"] | {"verify": "off"}
    if "promotion" in environment:
        environment["promotion"]["afterHours"] = 0


def with_row(text: str) -> str:
    """environments.yaml with the row that stands there as a comment, of fewer clusters."""
    begin = text.index("  # test{1..16}:")
    end = text.index("\n\n", begin)
    row = text[begin:end].replace("  # ", "  ").replace("test{1..16}", ROW)
    return text[:begin] + row + text[end:]


def furnished(namespace: str, logs: str, keys: str) -> list[dict[str, Any]]:
    """A namespace as `helmtool local up` makes one, with the key of its secrets, and the claim of its logs where it has one."""
    items = []
    for item in prerequisites()["items"]:
        text = (
            json.dumps(item)
            .replace('"namespace": "dqm"', f'"namespace": "{namespace}"')
            .replace("csi-cvmfs-cms-local", f"cvmfs-{namespace}")
        )
        made = json.loads(text)
        if made["kind"] == "Namespace":
            made["metadata"]["name"] = namespace
        if made["metadata"]["name"] == "dqm-keys-secrets":
            made["metadata"]["name"] = f"{namespace}-keys-secrets"
            made |= {"data": {}, "stringData": {f"{namespace}-keys.txt": keys}}
        if made["kind"] not in ("Node", "StorageClass"):
            items.append(made)
    return items + (_claim(namespace, logs) if logs else [])


def _claim(namespace: str, name: str) -> list[dict[str, Any]]:
    size, mode, volume = "1Gi", ["ReadWriteMany"], f"logs-{namespace}"
    claimed = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}
    bound = {"accessModes": mode, "storageClassName": ""}
    of_volume = bound | {"capacity": {"storage": size}, "hostPath": {"path": "/logs"}, "claimRef": claimed}
    of_claim = bound | {"resources": {"requests": {"storage": size}}, "volumeName": volume}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": of_volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace}, "spec": of_claim},
    ]


@contextmanager
def registry_under_its_name(place: Place, authority: Authority) -> Iterator[None]:
    """registry.cern.ch as the page writes it: HTTPS_PROXY leads to a real registry on loopback, SSL_CERT_FILE names its authority."""
    folder = place.folder / "registries"
    folder.mkdir()
    with registries(folder) as start:
        plain: RealRegistry = start()
        for tag in TAGS:
            plain.push(tag, created=f"2026-{tag[4:6]}-{tag[2:4]}T10:00:00Z")
        named = start(data=plain.folder / "data", tls=authority.tls)
        proxy = Proxy(named.port)
        for_index = {f"INDEX_{name}": place.variables[name] for name in ("HTTPS_PROXY", "SSL_CERT_FILE") if name in place.variables}
        place.variables |= for_index | {
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
            "NO_PROXY": "127.0.0.1,localhost",
            "SSL_CERT_FILE": str(authority.ca),
        }
        try:
            yield
        finally:
            proxy.stop()


def services_config(place: Place) -> Checkout:
    """A git repository services_config in the working directory, with two encrypted files; beside it dqm-keys.txt, which opens them."""
    made = make_checkout(place.folder / "secrets")
    made.put(FILES)
    made.folder.rename(place.checkout / "services_config")
    made.identity.rename(place.checkout / "dqm-keys.txt")
    folder = place.checkout / "services_config"
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "secrets of the service")
    return Checkout(folder, place.checkout / "dqm-keys.txt", made.recipient)
