"""What the chart promises of a pod, seen in a pod that runs."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from cli import Helmtool
from node import LOGS_FOLDER, NAMESPACE, RELEASE, Node, wait_for

READ_ONLY = (
    "/etc/proxy",
    "/etc/secrets",
    "/etc/robots",
    "/etc/hmac",
    "/etc/token",
    "/host/etc/grid-security",
    "/opt/setup-certs-and-run",
    "/cvmfs/cms.cern.ch",
)
WRITABLE = ("/home/cmsusr/dqmgui/data", "/home/cmsusr/dqmgui/data/logs")
FUSE = "/dev/fuse"
OPEN_FUSE = f"python3 -c 'import os; os.write(1, str(os.open(\"{FUSE}\", os.O_RDWR) > 0).encode())'"


def mounts(node: Node, pod: dict[str, Any]) -> dict[str, str]:
    """Every mount point of a pod with `ro` or `rw`, as the kernel has them."""
    lines = node.run("cat", f"/proc/{node.process(pod)}/mounts").stdout.splitlines()
    return {line.split()[1]: line.split()[3].split(",")[0] for line in lines}


def test_the_pod_is_ready_and_the_start_script_ran(serving: Helmtool, node: Node) -> None:
    pod = node.pod()
    (status,) = pod["status"]["containerStatuses"]
    assert (status["ready"], status["started"], status["restartCount"]) == (True, True, 0)
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= pod["spec"]["containers"][0].keys()
    log = node.kubectl("logs", pod["metadata"]["name"])
    assert "INFO not a file, not copied: /host/etc/grid-security/certificates" in log
    assert "INFO CMSSW of the node" in log
    assert "WARNING not copied" not in log
    assert node.inside(pod, "cat /etc/grid-security/hostcert.pem").stdout == "the node's certificate\n"


@pytest.mark.usefixtures("serving")
def test_every_mount_of_the_chart_has_its_mode(node: Node) -> None:
    pod = node.pod()
    (container,) = pod["spec"]["containers"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {FUSE, *READ_ONLY, *WRITABLE}
    found = mounts(node, pod)
    assert {path: found[path] for path in READ_ONLY} == dict.fromkeys(READ_ONLY, "ro")
    assert {path: found[path] for path in (FUSE, *WRITABLE)} == dict.fromkeys((FUSE, *WRITABLE), "rw")
    for path in READ_ONLY:
        assert "Read-only file system" in node.inside(pod, f"touch {path}/written").stderr
    for path in WRITABLE:
        done = node.inside(pod, f"touch {path}/written && rm {path}/written")
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("serving")
def test_the_claims_hold_what_the_server_writes(node: Node) -> None:
    pod = node.pod()
    assert "dqmgui.sqlite" in node.inside(pod, "ls /home/cmsusr/dqmgui/data").stdout
    # The logs' volume is a folder of the node.
    assert "started" in node.run("cat", f"{LOGS_FOLDER}/dqmgui.log").stdout


@pytest.mark.usefixtures("serving")
def test_the_container_is_privileged_and_opens_fuse(node: Node) -> None:
    pod = node.pod()
    of_the_node, of_the_pod = (node.run("cat", f"/proc/{number}/status").stdout for number in ("1", node.process(pod)))
    bounds = [next(line for line in text.splitlines() if line.startswith("CapBnd")) for text in (of_the_node, of_the_pod)]
    assert bounds[0] == bounds[1]
    # The first process has become root by sudo, with all of them.
    assert bounds[1].replace("CapBnd", "CapEff") in of_the_pod.splitlines()
    opened = node.inside(pod, OPEN_FUSE)
    assert opened.stdout == "True", opened.stderr
    assert node.kubectl("exec", pod["metadata"]["name"], "--", "id", "-u").strip() == "1000"


@pytest.mark.usefixtures("serving", "client")
def test_another_pod_reaches_it_by_name_and_by_address(node: Node) -> None:
    address = node.kubectl("get", "service", RELEASE, "-o", "jsonpath={.spec.clusterIP}")
    for host in (RELEASE, f"{RELEASE}.{NAMESPACE}.svc.cluster.local", address, node.pod()["status"]["podIP"]):
        for path, words in {"8889/api/v1/latest_runs": "316142", "18889/metrics": "stand_in_samples 1"}.items():
            # A new Service, and the name server of a new cluster, take a moment.
            wait_for(f"{host}:{path} answers", functools.partial(answers, node, f"http://{host}:{path}", words))


def answers(node: Node, url: str, words: str) -> bool:
    return words in node.ask(url)
