"""Every rule of `_validate.tpl`: values that it refuses, with both keys in the message, and the same values mended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from rendering import TAG, Helm, Refused, chart_defaults, merge, nested

from helmtool.model.document import parse_document
from helmtool.model.rules import check_rules
from helmtool.model.values import Layer
from helmtool.model.values import merge as merge_layers

FILES = {"dqm.keytab": "ZHVtbXk="}
VAULT = {"secrets.mode": "vault", "secrets.vault.files": ["dqm.keytab"], "serviceAccount.name": "newdqmgui-sa"}
INGRESS = {"ingress.enabled": True, "ingress.host": "dqm.example.org", "ingress.allowedSources": ["192.0.2.0/24"]}
DATA = "/home/cmsusr/dqmgui/data"


@dataclass(frozen=True)
class Case:
    """Values (by dotted key) that one rule refuses, the two keys of its message, and what mends them."""

    bad: dict[str, Any]
    keys: tuple[str, str]
    mend: dict[str, Any] = field(default_factory=dict)


CASES = {
    "no image": Case({"image.tag": ""}, ("image.tag", "image.digest"), {"image.tag": TAG}),
    "no image, mended by a digest": Case({"image.tag": ""}, ("image.tag", "image.digest"), {"image.digest": "sha256:" + "0" * 64}),
    "a tag without a repository": Case(
        {"image.tag": TAG, "image.repository": ""}, ("image.tag", "image.repository"), {"image.repository": "registry.example.org/x"}
    ),
    "digest without repository": Case(
        {"image.digest": "sha256:" + "0" * 64, "image.repository": ""},
        ("image.digest", "image.repository"),
        {"image.repository": "registry.example.org/x"},
    ),
    "two writers of the index": Case(
        {"strategy": "RollingUpdate", "workDir.claimName": "work"}, ("strategy", "workDir.claimName"), {"strategy": "Recreate"}
    ),
    "two writers of the index, mended without a claim": Case(
        {"strategy": "RollingUpdate", "workDir.claimName": "work"}, ("strategy", "workDir.claimName"), {"workDir.claimName": ""}
    ),
    "two writers of the logs": Case(
        {"strategy": "RollingUpdate", "logs.claimName": "logs"}, ("strategy", "logs.claimName"), {"logs.claimName": ""}
    ),
    "start longer than the deadline": Case(
        {"progressDeadlineSeconds": 479}, ("probes.startup", "progressDeadlineSeconds"), {"progressDeadlineSeconds": 480}
    ),
    "request above the limit, cpu": Case(
        {"resources.requests.cpu": "1.5"}, ("resources.requests.cpu", "resources.limits.cpu"), {"resources.limits.cpu": "1500m"}
    ),
    "request above the limit, memory": Case(
        {"resources.requests.memory": "3073Mi"}, ("resources.requests.memory", "resources.limits.memory"), {"resources.limits.memory": "4G"}
    ),
    "one port twice in the Service": Case({"metrics.port": 8889}, ("metrics.port", "service.port"), {"metrics.port": 18889}),
    "one port twice in the container": Case(
        {"metrics.port": 8889, "service.port": 80}, ("metrics.port", "service.port"), {"metrics.port": 9100}
    ),
    "data that nothing reads": Case({"secrets.data": FILES}, ("secrets.data", "secrets.mode"), {"secrets.mode": "inline"}),
    "data beside a versioned Secret": Case(
        {"secrets.data": FILES, "secrets.mode": "versioned"}, ("secrets.data", "secrets.mode"), {"secrets.data": {}}
    ),
    "data beside Vault": Case({**VAULT, "secrets.data": FILES}, ("secrets.data", "secrets.mode"), {"secrets.data": {}}),
    "inline without data": Case({"secrets.mode": "inline"}, ("secrets.mode", "secrets.data"), {"secrets.data": FILES}),
    "existing without name": Case({"secrets.name": ""}, ("secrets.mode", "secrets.name"), {"secrets.name": "other"}),
    "versioned without name": Case(
        {"secrets.mode": "versioned", "secrets.name": ""}, ("secrets.mode", "secrets.name"), {"secrets.name": "newdqmgui-secrets-1"}
    ),
    "inline without name": Case(
        {"secrets.mode": "inline", "secrets.name": "", "secrets.data": FILES}, ("secrets.mode", "secrets.name"), {"secrets.name": "own"}
    ),
    "vault without account": Case(
        {**VAULT, "serviceAccount.name": ""}, ("secrets.mode", "serviceAccount.name"), {"serviceAccount.name": "newdqmgui-sa"}
    ),
    "vault without files": Case(
        {**VAULT, "secrets.vault.files": []}, ("secrets.mode", "secrets.vault.files"), {"secrets.vault.files": ["a"]}
    ),
    "vault without role": Case({**VAULT, "secrets.vault.role": ""}, ("secrets.mode", "secrets.vault.role"), {"secrets.vault.role": "r"}),
    "vault without path": Case({**VAULT, "secrets.vault.path": ""}, ("secrets.mode", "secrets.vault.path"), {"secrets.vault.path": "a/b"}),
    "files of Vault without Vault": Case(
        {"secrets.vault.files": ["a"]}, ("secrets.vault.files", "secrets.mode"), {"secrets.mode": "vault", "serviceAccount.name": "sa"}
    ),
    "account without name": Case(
        {"serviceAccount.create": True}, ("serviceAccount.create", "serviceAccount.name"), {"serviceAccount.name": "newdqmgui-sa"}
    ),
    "annotations of somebody's account": Case(
        {"serviceAccount.name": "sa", "serviceAccount.annotations": {"a": "b"}},
        ("serviceAccount.annotations", "serviceAccount.create"),
        {"serviceAccount.create": True},
    ),
    "EOS without path": Case({"eos.hostPath": ""}, ("eos.enabled", "eos.hostPath"), {"eos.enabled": False, "eos.hostPath": "/var/eos"}),
    "EOS without Secret": Case({"eos.krbSecret": ""}, ("eos.enabled", "eos.krbSecret"), {"eos.krbSecret": "krb"}),
    "logs claim without name": Case({"logs.createClaim": True}, ("logs.createClaim", "logs.claimName"), {"logs.claimName": "logs"}),
    "work claim without name": Case(
        {"workDir.createClaim": True}, ("workDir.createClaim", "workDir.claimName"), {"workDir.claimName": "w"}
    ),
    "CVMFS claim without name": Case(
        {"cvmfs.createClaim": True, "cvmfs.claimName": ""}, ("cvmfs.createClaim", "cvmfs.claimName"), {"cvmfs.claimName": "cms"}
    ),
    "one claim for two volumes": Case(
        {"logs.claimName": "share", "workDir.claimName": "share"}, ("logs.claimName", "workDir.claimName"), {"workDir.claimName": "work"}
    ),
    "CVMFS class without name": Case(
        {"cvmfs.createStorageClass": True, "cvmfs.storageClass": ""},
        ("cvmfs.createStorageClass", "cvmfs.storageClass"),
        {"cvmfs.storageClass": "cms"},
    ),
    "logs hide the application": Case(
        {"logs.claimName": "logs", "logs.mountPath": "/home/cmsusr/dqmgui"}, ("logs.mountPath", "logs.claimName"), {"logs.claimName": ""}
    ),
    "logs hide the application, from above": Case(
        {"logs.claimName": "logs", "logs.mountPath": "/home/cmsusr"}, ("logs.mountPath", "logs.claimName"), {"logs.mountPath": "/var/logs"}
    ),
    "logs hide the index": Case(
        {"logs.claimName": "logs", "logs.mountPath": DATA}, ("logs.mountPath", "workDir.path"), {"logs.mountPath": f"{DATA}/log"}
    ),
    "logs hide the index elsewhere": Case(
        {"logs.claimName": "logs", "logs.mountPath": "/data", "workDir.claimName": "work", "workDir.path": "/data/store"},
        ("logs.mountPath", "workDir.path"),
        {"logs.mountPath": "/data/store/logs"},
    ),
    "logs hide code": Case(
        {"logs.claimName": "logs", "logs.mountPath": "/home/cmsusr/dqmgui/python"},
        ("logs.mountPath", "workDir.path"),
        {"logs.mountPath": f"{DATA}/logs"},
    ),
    "logs over another mount": Case(
        {"logs.claimName": "logs", "logs.mountPath": "/tmp/krb"}, ("logs.mountPath", "logs.claimName"), {"logs.mountPath": "/tmp/krbs"}
    ),
    "logs inside another mount": Case(
        {"logs.claimName": "logs", "logs.mountPath": "/eos/logs"}, ("logs.mountPath", "logs.claimName"), {"logs.mountPath": "/eoslogs"}
    ),
    "work directory inside another mount": Case(
        {"workDir.claimName": "work", "workDir.path": "/etc/secrets/work"}, ("workDir.path", "workDir.claimName"), {"workDir.path": DATA}
    ),
    "work directory hides the application": Case(
        {"workDir.claimName": "work", "workDir.path": "/home/cmsusr/dqmgui"}, ("workDir.path", "workDir.claimName"), {"workDir.path": DATA}
    ),
    "work directory over another mount": Case(
        {"workDir.claimName": "work", "workDir.path": "/eos"}, ("workDir.path", "workDir.claimName"), {"workDir.path": "/work"}
    ),
    "policy that admits everyone": Case(
        {"networkPolicy.from": []},
        ("networkPolicy.enabled", "networkPolicy.from"),
        {"networkPolicy.from": [{"namespace": "auth", "podLabels": {"app": "frontend"}}]},
    ),
    "metrics rule without policy": Case(
        {"networkPolicy.enabled": False, "networkPolicy.metricsFrom": [{"namespace": "monitoring", "podLabels": {"app": "prometheus"}}]},
        ("networkPolicy.metricsFrom", "networkPolicy.enabled"),
        {"networkPolicy.enabled": True},
    ),
    "Ingress without host": Case({**INGRESS, "ingress.host": ""}, ("ingress.enabled", "ingress.host"), {"ingress.host": "a.example.org"}),
    "Ingress for everyone": Case(
        {**INGRESS, "ingress.allowedSources": []},
        ("ingress.enabled", "ingress.allowedSources"),
        {"ingress.allowedSources": ["0.0.0.0/0"]},
    ),
}

RESERVED = {
    "app label": ({"podLabels": {"app": "other"}}, ("podLabels.app", "selector"), {"podLabels": {"apps": "other"}}),
    "env label": ({"podLabels": {"env": "other"}}, ("podLabels.env", "environment"), {"podLabels": {"envs": "other"}}),
    "pod annotation": (
        {"podAnnotations": {"prometheus.io/port": "1"}},
        ('podAnnotations["prometheus.io/port"]', "metrics"),
        {"podAnnotations": {"prometheus.io/path": "/m"}},
    ),
    "Ingress annotation": (
        {"ingress": {"annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/"}}},
        ('ingress.annotations["nginx.ingress.kubernetes.io/rewrite-target"]', "ingress.path"),
        {"ingress": {"annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "1m"}}},
    ),
}


def refusals(helm: Helm, values: dict[str, Any]) -> list[str]:
    """What the rules say of these values. The schema is left out, since it may refuse some of them before."""
    with pytest.raises(Refused) as refused:
        helm.template("", values, "--skip-schema-validation")
    lines = str(refused.value).splitlines()
    start = next(number for number, line in enumerate(lines) if "cannot work together" in line)
    return [line.strip() for line in lines[start + 1 :] if line.startswith("  ")]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rule_refuses_and_names_both_keys(helm: Helm, case: Case) -> None:
    (line,) = refusals(helm, nested(case.bad))
    assert all(key in line for key in case.keys), line


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_mended_values_render(helm: Helm, case: Case) -> None:
    assert helm.objects("", nested({**case.bad, **case.mend}))


def problems(values: dict[str, Any]) -> list[str]:
    """What the program says of the same values before it calls helm."""
    layers = [("defaults", chart_defaults()), ("tag", {"image": {"tag": TAG}}), ("values", values)]
    parsed = [Layer(name, parse_document(name, json.dumps(layer).encode())) for name, layer in layers]
    return [str(problem) for problem in check_rules(merge_layers(parsed))]


CHART_ONLY = {name for name, case in CASES.items() if case.bad.get("image.tag") == ""}
"""The program gets the tag as an argument."""


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items() if name not in CHART_ONLY])
def test_the_program_and_the_chart_refuse_the_same(case: Case) -> None:
    assert len(problems(nested(case.bad))) == 1
    assert problems(nested({**case.bad, **case.mend})) == []


@pytest.mark.parametrize(("bad", "words", "good"), RESERVED.values(), ids=RESERVED)
def test_keys_of_the_chart_itself_are_reserved(helm: Helm, bad: dict[str, Any], words: tuple[str, str], good: dict[str, Any]) -> None:
    (line,) = refusals(helm, bad)
    assert all(word in line for word in words), line
    assert helm.objects("", good)


def test_all_problems_are_told_at_once(helm: Helm) -> None:
    bad = merge(nested({"image.tag": "", "secrets.mode": "inline", "ingress.enabled": True}), {})
    assert len(refusals(helm, bad)) == 4


@pytest.mark.parametrize(
    ("request_", "limit", "fits"),
    [
        ("500m", 1, True),
        (1, "1000m", True),
        ("1001m", 1, False),
        ("0.5", "500m", True),
        (2, "1999m", False),
        ("1Gi", "1G", False),
        ("1G", "1Gi", True),
        ("1048576", "1Mi", True),
        ("1048577", "1Mi", False),
        ("1025Ki", "1Mi", False),
        ("1Ti", "1024Gi", True),
    ],
)
def test_quantities_are_compared_as_kubernetes_reads_them(helm: Helm, request_: Any, limit: Any, fits: bool) -> None:
    values = {"resources": {"requests": {"memory": request_}, "limits": {"memory": limit}}}
    if fits:
        assert helm.objects("", values, "--skip-schema-validation")
    else:
        assert "resources.requests.memory" in refusals(helm, values)[0]
