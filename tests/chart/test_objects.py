"""What single values change in the rendered objects."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from rendering import (
    CHART,
    DIGEST,
    ENVIRONMENTS,
    TAG,
    Helm,
    by_name,
    chart_defaults,
    container,
    documents,
    is_hook,
    mounts,
    nested,
    pod_annotations,
    pod_spec,
    volumes,
)

FILES = {"dqm.keytab": base64.b64encode(b"dummy").decode()}
MODES: dict[str, dict[str, Any]] = {
    "existing": {},
    "versioned": {"secrets": {"mode": "versioned", "name": "newdqmgui-secrets-4f2a"}},
    "inline": {"secrets": {"mode": "inline", "name": "newdqmgui-own", "data": FILES}},
    "vault": {
        "secrets": {"mode": "vault", "vault": {"files": ["dqm.keytab", "Robot.pem"]}},
        "serviceAccount": {"name": "newdqmgui-sa", "create": True},
    },
}
MOUNTED = {"existing": "newdqmgui-secrets", "versioned": "newdqmgui-secrets-4f2a", "inline": "newdqmgui-own"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("mode", MOUNTED)
def test_a_mounted_secret(helm: Helm, environment: str, mode: str) -> None:
    objects = helm.objects(environment, MODES[mode])
    assert volumes(objects)["secrets"]["secret"] == {"secretName": MOUNTED[mode]}
    assert {"name": "secrets", "mountPath": "/etc/secrets", "readOnly": True} in container(objects)["volumeMounts"]
    assert not any(key.startswith("vault") for key in pod_annotations(objects))
    assert pod_spec(objects)["automountServiceAccountToken"] is False
    assert ("Secret/newdqmgui-own" in objects) == (mode == "inline")
    assert ("checksum/secret" in pod_annotations(objects)) == (mode == "inline")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_vault_injects_instead_of_a_mount(helm: Helm, environment: str) -> None:
    objects = helm.objects(environment, MODES["vault"])
    assert "secrets" not in volumes(objects)
    assert "/etc/secrets" not in mounts(objects)
    assert pod_spec(objects)["serviceAccountName"] == "newdqmgui-sa"
    assert pod_spec(objects)["automountServiceAccountToken"] is True
    assert objects["ServiceAccount/newdqmgui-sa"]["automountServiceAccountToken"] is False
    vault = {key.removeprefix("vault.hashicorp.com/"): text for key, text in pod_annotations(objects).items() if "vault" in key}
    path = "cmsweb/data/newdqmgui-secrets"
    assert vault == {
        "agent-inject": "true",
        "role": "newdqmgui-role",
        "secret-volume-path": "/etc/secrets",
        "agent-inject-secret-dqm.keytab": path,
        "agent-inject-template-dqm.keytab": f'{{{{- with secret "{path}" -}}}}{{{{ index .Data.data "dqm.keytab" }}}}{{{{- end -}}}}',
        "agent-inject-secret-Robot.pem": path,
        "agent-inject-template-Robot.pem": f'{{{{- with secret "{path}" -}}}}{{{{ index .Data.data "Robot.pem" }}}}{{{{- end -}}}}',
        "preserve-secret-case-Robot.pem": "true",
    }


def test_an_inline_secret_restarts_the_pod_when_its_content_changes(helm: Helm) -> None:
    other = {"secrets": {**MODES["inline"]["secrets"], "data": {"dqm.keytab": base64.b64encode(b"other").decode()}}}
    before, after = helm.objects("", MODES["inline"]), helm.objects("", other)
    assert before["Secret/newdqmgui-own"]["data"] == FILES
    assert pod_annotations(before)["checksum/secret"] != pod_annotations(after)["checksum/secret"]
    assert pod_annotations(before) == pod_annotations(helm.objects("", MODES["inline"]))


def test_what_an_inline_secret_shows_in_the_pod_says_nothing_of_its_content(helm: Helm) -> None:
    flags = ((), ("--namespace", "other"), ("--namespace", "third"))
    shown = {pod_annotations(helm.objects("", MODES["inline"], *flag))["checksum/secret"] for flag in flags}
    assert len(shown) == 3  # a guess that was tried for one is of no use for another
    content = json.dumps(FILES, separators=(",", ":")).encode()
    assert shown.isdisjoint(hashlib.sha256(text).hexdigest() for text in (content, *map(base64.b64decode, FILES.values())))


SCRIPT = "files/setup-certs-and-run.sh"


def test_the_checksum_is_of_the_script_alone(helm: Helm) -> None:
    content = (CHART / SCRIPT).read_bytes()
    assert pod_annotations(helm.objects())["checksum/config"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (b"\n", b"\r\n", True),
        (b"run.sh\n", b"run.sh", True),
        (b"run.sh\n", b"run.sh\n\n", True),
        (b"run.sh\n", b"run.sh\r\n\r\n\n", True),
        (b"run.sh\n", b"run.sh\n ", False),
        (b"\n\n", b"\n\n\n", False),
        (b"#!/bin/bash\n", b"#!/bin/bash\n\n", False),
    ],
)
def test_the_checksum_changes_exactly_when_the_config_map_does(helm: Helm, tmp_path: Path, old: bytes, new: bytes, same: bool) -> None:
    chart = Path(shutil.copytree(CHART, tmp_path / "chart"))
    content = (chart / SCRIPT).read_bytes()
    assert content.replace(old, new) != content
    (chart / SCRIPT).write_bytes(content.replace(old, new))
    before = helm.objects()
    after = by_name(
        m for m in documents(helm.run("template", "newdqmgui", chart, "-n", "dqm", "--set", f"image.tag={TAG}")) if not is_hook(m)
    )
    assert (before["ConfigMap/newdqmgui"]["data"] == after["ConfigMap/newdqmgui"]["data"]) is same
    assert (pod_annotations(before)["checksum/config"] == pod_annotations(after)["checksum/config"]) is same


def whole_numbers(value: Any, path: str = "") -> list[str]:
    """The dotted paths of the numbers in the chart's defaults."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in whole_numbers(inner, f"{path}.{key}".lstrip("."))]
    return [path] if isinstance(value, int) and not isinstance(value, bool) else []


def test_a_number_of_any_size_is_rendered_as_an_integer(helm: Helm) -> None:
    big = {path: 1_000_000 + 1_000 * place for place, path in enumerate(whole_numbers(chart_defaults()))}
    big["progressDeadlineSeconds"] = 2**40  # more than a start may take
    peers = [{"namespace": "monitoring", "podLabels": {"app": "prometheus"}}]
    ingress = {"enabled": True, "host": "dqm.example.org", "allowedSources": ["10.0.0.0/8"]}
    text = helm.template("", nested(big) | {"networkPolicy": {"metricsFrom": peers}, "ingress": ingress}, "--skip-schema-validation")
    assert not re.findall(r"^[^#\n]*\de\+\d.*", text, re.MULTILINE)
    assert [number for number in big.values() if not re.search(rf"\b{number}\b", text)] == []


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "registry.cern.ch/cmsweb/newdqmgui:HG0105a"),
        ({"digest": DIGEST}, f"registry.cern.ch/cmsweb/newdqmgui:HG0105a@{DIGEST}"),
        ({"digest": DIGEST, "tag": ""}, f"registry.cern.ch/cmsweb/newdqmgui@{DIGEST}"),
    ],
)
def test_image(helm: Helm, image: dict[str, str], expected: str) -> None:
    assert container(helm.objects("", {"image": image}))["image"] == expected
    assert helm.hooks("", {"image": image})["Pod/newdqmgui-test"]["spec"]["containers"][0]["image"] == expected


def test_where_the_pod_runs_and_how_it_pulls(helm: Helm) -> None:
    toleration = {"key": "dqm", "operator": "Exists", "effect": "NoSchedule"}
    values = {"image": {"pullSecrets": ["harbor"]}, "nodeSelector": {"disk": "ssd"}, "tolerations": [toleration]}
    for spec in (pod_spec(helm.objects("", values)), helm.hooks("", values)["Pod/newdqmgui-test"]["spec"]):
        assert spec["imagePullSecrets"] == [{"name": "harbor"}]
        assert spec["nodeSelector"] == {"disk": "ssd"}
        assert spec["tolerations"] == [toleration]


TEXTS = ["a\nb\u2028c", "\u2028\n", "\x85\n", "1e3", "<<", "\U0001f600", '"', "\\", "\t", "", "{{ x }}", "a: b # c", "\x7f\ufeff"]


def test_an_annotation_is_any_text(helm: Helm) -> None:
    texts = {f"example.org/t{number}": text for number, text in enumerate(TEXTS)}
    account = {"name": "sa", "create": True, "annotations": texts}
    ingress = {"enabled": True, "host": "a.cern.ch", "allowedSources": ["10.0.0.0/8"], "annotations": texts}
    objects = helm.objects("", {"podAnnotations": texts, "serviceAccount": account, "ingress": ingress})
    for found in (
        pod_annotations(objects),
        *(objects[name]["metadata"]["annotations"] for name in ("ServiceAccount/sa", "Ingress/ing-dqm-offline")),
    ):
        assert {name: found[name] for name in texts} == texts


def test_further_labels_and_annotations(helm: Helm) -> None:
    objects = helm.objects("", {"podLabels": {"team": "dqm"}, "podAnnotations": {"note": "yes"}})
    template = objects["Deployment/newdqmgui"]["spec"]["template"]["metadata"]
    assert template["labels"] == {"app": "newdqmgui", "env": "k8s-prod", "team": "dqm"}
    assert template["annotations"]["note"] == "yes"


def test_a_new_chart_version_does_not_restart_the_pod(helm: Helm) -> None:
    objects = helm.objects("prod")
    assert set(objects["Deployment/newdqmgui"]["spec"]["template"]["metadata"]["labels"]) == {"app", "env"}
    assert "0.1.0" not in str(objects["Deployment/newdqmgui"]["spec"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_selector_and_the_one_writer_stay(helm: Helm, environment: str) -> None:
    spec = helm.objects(environment)["Deployment/newdqmgui"]["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "newdqmgui"}}
    assert spec["replicas"] == 1
    assert helm.objects(environment)["Service/newdqmgui"]["spec"]["selector"] == {"app": "newdqmgui"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_object_is_in_the_namespace_and_labelled(helm: Helm, environment: str) -> None:
    for item in helm.objects(environment).values():
        assert item["metadata"]["namespace"] == "dqm"
        assert item["metadata"]["labels"]["app"] == "newdqmgui"
        assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_mount_has_its_volume_and_only_the_written_ones_are_writable(helm: Helm, environment: str) -> None:
    values = {"workDir": {"claimName": "work"}}
    objects = helm.objects(environment, values)
    assert set(mounts(objects).values()) == set(volumes(objects))
    writable = {mount["name"] for mount in container(objects)["volumeMounts"] if not mount.get("readOnly")}
    assert writable <= {"fuse", "work-dir", "logs"}


def test_without_eos(helm: Helm) -> None:
    objects = helm.objects("", {"eos": {"enabled": False}})
    assert not {"eos", "eos-krb"} & set(volumes(objects))
    assert not {"/eos", "/tmp/krb"} & set(mounts(objects))


def test_without_cvmfs(helm: Helm) -> None:
    objects = helm.objects("", {"cvmfs": {"claimName": ""}}, "--skip-schema-validation")
    assert "cms-pvc" not in volumes(objects)
    assert "/cvmfs/cms.cern.ch" not in mounts(objects)


def test_without_scrape(helm: Helm) -> None:
    assert set(pod_annotations(helm.objects("", {"metrics": {"scrape": False}}))) == {"checksum/config"}


def test_the_metrics_port_is_one_everywhere(helm: Helm) -> None:
    peers = [{"namespace": "monitoring", "podLabels": {"app": "prometheus"}}]
    objects = helm.objects("", {"metrics": {"port": 9100}, "networkPolicy": {"metricsFrom": peers}})
    assert pod_annotations(objects)["prometheus.io/port"] == "9100"
    assert container(objects)["ports"][1]["containerPort"] == 9100
    assert objects["Service/newdqmgui"]["spec"]["ports"][1]["port"] == 9100
    server, metrics = objects["NetworkPolicy/newdqmgui-network-policy"]["spec"]["ingress"]
    assert server["ports"] == [{"protocol": "TCP", "port": 8889}]
    assert metrics["ports"] == [{"protocol": "TCP", "port": 9100}]
    assert metrics["from"][0]["podSelector"] == {"matchLabels": {"app": "prometheus"}}


def test_another_service_port_still_reaches_the_server(helm: Helm) -> None:
    objects = helm.objects("", {"service": {"port": 80}})
    assert objects["Service/newdqmgui"]["spec"]["ports"][0] == {"name": "newdqmgui", "port": 80, "targetPort": 8889}
    assert container(objects)["ports"][0]["containerPort"] == 8889


@pytest.mark.parametrize(
    ("key", "name", "mode", "size", "storage_class"),
    [
        ("logs", "logs-own", "ReadWriteMany", "100Gi", ""),
        ("workDir", "work-own", "ReadWriteOnce", "20Gi", ""),
        ("cvmfs", "cvmfs-own", "ReadOnlyMany", "1Gi", "csi-cvmfs-cms"),
    ],
)
def test_a_claim_outlives_the_release(helm: Helm, key: str, name: str, mode: str, size: str, storage_class: str) -> None:
    claim = helm.objects("", {key: {"claimName": name, "createClaim": True}})[f"PersistentVolumeClaim/{name}"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["accessModes"] == [mode]
    assert claim["spec"]["resources"]["requests"]["storage"] == size
    assert claim["spec"]["storageClassName"] == storage_class


def test_logs_lie_below_the_work_directory(helm: Helm) -> None:
    paths = list(mounts(helm.objects("", {"logs": {"claimName": "logs"}, "workDir": {"claimName": "work"}})))
    assert paths.index("/home/cmsusr/dqmgui/data") < paths.index("/home/cmsusr/dqmgui/data/logs")


def test_ingress(helm: Helm) -> None:
    values = nested({"ingress.enabled": True, "ingress.host": "dqm.example.org", "ingress.path": "/dqm/new/"})
    values["ingress"]["allowedSources"] = ["192.0.2.1/32", "198.51.100.0/24"]
    values["ingress"]["annotations"] = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "120"}
    ingress = helm.objects("", values, "--skip-schema-validation")["Ingress/ing-dqm-offline"]
    assert ingress["metadata"]["annotations"] == {
        "nginx.ingress.kubernetes.io/rewrite-target": "/$2",
        "nginx.ingress.kubernetes.io/use-regex": "true",
        "nginx.ingress.kubernetes.io/whitelist-source-range": "192.0.2.1/32,198.51.100.0/24",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "120",
    }
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/dqm/new(/|$)(.*)"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_pod_is_as_hard_as_the_service_allows(helm: Helm, environment: str) -> None:
    spec = pod_spec(helm.objects(environment))
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert container(helm.objects(environment))["securityContext"] == {"privileged": True, "runAsNonRoot": True}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)


def test_the_pod_of_helm_test_is_hard_and_never_served(helm: Helm) -> None:
    pod = helm.hooks()["Pod/newdqmgui-test"]
    assert pod["metadata"]["labels"]["app"] != "newdqmgui"
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "volumes" not in pod["spec"]
    assert pod["spec"]["containers"][0]["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_pod_of_helm_test_is_admitted_while_it_runs(helm: Helm) -> None:
    policy = helm.hooks()["NetworkPolicy/newdqmgui-test"]
    pod = helm.hooks()["Pod/newdqmgui-test"]
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": pod["metadata"]["labels"]["app"]}}}]
    assert policy["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded,hook-failed"
    assert "NetworkPolicy/newdqmgui-test" not in helm.hooks("", {"networkPolicy": {"enabled": False}})


def test_a_policy_that_is_off_is_not_there(helm: Helm) -> None:
    assert "NetworkPolicy/newdqmgui-network-policy" not in helm.objects("", {"networkPolicy": {"enabled": False}})
