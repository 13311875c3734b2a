"""Cross-field rules: the defaults keep all of them, each has values that break it alone, and the chart refuses the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helmtool.adapters import process, toolbox
from helmtool.model.document import parse_document
from helmtool.model.rules import INGRESS_ANNOTATIONS, RULES, TAKEN, check_rules
from helmtool.model.values import Layer, Values, merge, to_helm_json

CHART = Path(__file__).parents[3] / "charts" / "newdqmgui"


def with_overrides(text: str) -> Values:
    defaults = Layer("defaults", parse_document("charts/newdqmgui/values.yaml", (CHART / "values.yaml").read_bytes()))
    return merge([defaults, Layer("mine", parse_document("values/mine.yaml", text.encode()))])


def test_the_defaults_keep_every_rule() -> None:
    assert check_rules(with_overrides("{}")) == []


def test_an_empty_document_breaks_no_rule() -> None:
    assert check_rules(Values({}, {})) == []


NODES = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]"
PODS = "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0]"


def node_affinity(expression: str) -> str:
    term = f"{{matchExpressions: [{expression}]}}"
    return f"affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{term}]}}}}}}"


# Rule, the key at fault, the other key, values that break this rule alone.
BROKEN = [
    ("image", "image.digest", "image.repository", "image: {digest: 'sha256:00', repository: ''}"),
    ("image", "image.tag", "image.repository", "image: {tag: HG0105a, repository: ''}"),
    ("rollout", "strategy", "workDir.claimName", "strategy: RollingUpdate\nworkDir: {claimName: index}"),
    ("rollout", "strategy", "logs.claimName", "strategy: RollingUpdate\nlogs: {claimName: logs}"),
    ("probes", "probes.startup.failureThreshold", "progressDeadlineSeconds", "probes: {startup: {failureThreshold: 55}}"),
    ("resources", "resources.requests.memory", "resources.limits.memory", "resources: {requests: {memory: 4G}}"),
    ("resources", "resources.requests.cpu", "resources.limits.cpu", "resources: {limits: {cpu: 199m}}"),
    ("ports", "metrics.port", "service.port", "service: {port: 18889}"),
    ("ports", "metrics.port", "", "service: {port: 80}\nmetrics: {port: 8889}"),
    ("secrets", "secrets.mode", "secrets.name", "secrets: {name: ''}"),
    ("secrets", "secrets.mode", "secrets.data", "secrets: {mode: inline}"),
    ("secrets", "secrets.data", "secrets.mode", "secrets: {data: {x: aHVudGVyMg==}}"),
    ("secrets", "secrets.vault.files", "secrets.mode", "secrets: {vault: {files: [a]}}"),
    ("secrets", "secrets.mode", "serviceAccount.name", "secrets: {mode: vault, vault: {files: [a]}}"),
    ("secrets", "secrets.mode", "secrets.vault.files", "secrets: {mode: vault}\nserviceAccount: {name: x}"),
    ("secrets", "secrets.mode", "secrets.vault.role", "secrets: {mode: vault, vault: {files: [a], role: ''}}\nserviceAccount: {name: x}"),
    ("secrets", "secrets.mode", "secrets.vault.path", "secrets: {mode: vault, vault: {files: [a], path: ''}}\nserviceAccount: {name: x}"),
    ("account", "serviceAccount.create", "serviceAccount.name", "serviceAccount: {create: true}"),
    ("account", "serviceAccount.annotations", "serviceAccount.create", "serviceAccount: {name: x, annotations: {a: b}}"),
    ("eos", "eos.enabled", "eos.krbSecret", "eos: {krbSecret: ''}"),
    ("eos", "eos.enabled", "eos.hostPath", "eos: {hostPath: ''}"),
    ("claims", "logs.createClaim", "logs.claimName", "logs: {createClaim: true}"),
    ("claims", "workDir.createClaim", "workDir.claimName", "workDir: {createClaim: true}"),
    ("claims", "cvmfs.createClaim", "cvmfs.claimName", "cvmfs: {createClaim: true, claimName: ''}"),
    ("claims", "workDir.claimName", "logs.claimName", "logs: {claimName: x}\nworkDir: {claimName: x}"),
    ("claims", "cvmfs.claimName", "logs.claimName", "logs: {claimName: csi-cvmfs-cms-pvc}"),
    ("claims", "cvmfs.createStorageClass", "cvmfs.storageClass", "cvmfs: {createStorageClass: true, storageClass: ''}"),
    ("logsPath", "logs.mountPath", "", "logs: {claimName: x, mountPath: /home/cmsusr/dqmgui/}"),
    ("logsPath", "logs.mountPath", "workDir.path", "logs: {claimName: x, mountPath: /home/cmsusr/dqmgui/data}"),
    ("logsPath", "logs.mountPath", "workDir.path", "logs: {claimName: x, mountPath: /home/cmsusr/dqmgui/code}"),
    ("logsPath", "logs.mountPath", "", "logs: {claimName: x, mountPath: /etc/proxy/}"),
    ("workPath", "workDir.path", "", "workDir: {claimName: x, path: /home/cmsusr}"),
    ("workPath", "workDir.path", "", "workDir: {claimName: x, path: /cvmfs}"),
    ("network", "networkPolicy.enabled", "networkPolicy.from", "networkPolicy: {from: []}"),
    (
        "network",
        "networkPolicy.metricsFrom",
        "networkPolicy.enabled",
        "networkPolicy: {enabled: false, metricsFrom: [{namespace: a, podLabels: {b: c}}]}",
    ),
    ("ingress", "ingress.enabled", "ingress.host", "ingress: {enabled: true, allowedSources: [10.0.0.0/8]}"),
    ("ingress", "ingress.enabled", "ingress.allowedSources", "ingress: {enabled: true, host: a.cern.ch}"),
    ("tolerations", "tolerations[0].operator", "tolerations[0].key", "tolerations: [{effect: NoExecute}]"),
    ("tolerations", "tolerations[1].value", "tolerations[1].operator", "tolerations: [{key: a}, {key: b, operator: Exists, value: c}]"),
    (
        "tolerations",
        "tolerations[0].tolerationSeconds",
        "tolerations[0].effect",
        "tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 1}]",
    ),
    ("affinity", f"{NODES}.values", f"{NODES}.operator", node_affinity("{key: a, operator: Exists, values: [b]}")),
    ("affinity", f"{NODES}.operator", f"{NODES}.values", node_affinity("{key: a, operator: In, values: []}")),
    ("affinity", f"{NODES}.operator", f"{NODES}.values", node_affinity("{key: a, operator: Gt, values: ['1', '2']}")),
    (
        "affinity",
        f"{PODS}.operator",
        f"{PODS}.values",
        "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, labelSelector: {matchExpressions: "
        "[{key: a, operator: NotIn, values: []}]}}]}}",
    ),
    ("reserved", "podLabels.app", "", "podLabels: {app: x}"),
    ("reserved", "podLabels.env", "", "podLabels: {env: x}"),
    ("reserved", r"podAnnotations.prometheus\.io/port", "", "podAnnotations: {prometheus.io/port: '1'}"),
    ("reserved", r"podAnnotations.checksum/config", "", "podAnnotations: {checksum/config: '1'}"),
    (
        "reserved",
        r"podAnnotations.checksum/secret",
        "",
        "podAnnotations: {checksum/secret: '1'}\nsecrets: {mode: inline, data: {a: eA==}}",
    ),
    (
        "reserved",
        r"podAnnotations.vault\.hashicorp\.com/preserve-secret-case-A",
        "",
        "podAnnotations: {vault.hashicorp.com/preserve-secret-case-A: 'true'}\n"
        "secrets: {mode: vault, vault: {files: [A]}}\nserviceAccount: {name: x}",
    ),
    (
        "reserved",
        r"ingress.annotations.nginx\.ingress\.kubernetes\.io/use-regex",
        "",
        "ingress: {annotations: {nginx.ingress.kubernetes.io/use-regex: 'true'}}",
    ),
]

KEPT = [
    "probes: {startup: {failureThreshold: 54}}",
    "strategy: RollingUpdate",
    "resources: {requests: {cpu: 1, memory: 3Gi}}",
    "logs: {claimName: a, mountPath: /home/cmsusr/dqmgui/data/logs}\nworkDir: {claimName: b}",
    "logs: {claimName: a, mountPath: /var/log/dqm}",
    "secrets: {mode: inline, data: {a: eA==}}",
    "secrets: {mode: vault, name: '', vault: {files: [a]}}\nserviceAccount: {name: x, create: true, annotations: {a: b}}",
    "eos: {enabled: false, krbSecret: '', hostPath: ''}",
    "networkPolicy: {enabled: false, from: []}",
    "metrics: {scrape: false}\npodAnnotations: {prometheus.io/port: '1'}",
    "ingress: {enabled: true, host: a.cern.ch, allowedSources: [0.0.0.0/0], annotations: {a: b}}",
    "tolerations: [{operator: Exists}, {key: a}, {key: a, operator: Exists, value: '', effect: NoExecute, tolerationSeconds: 0}]",
    node_affinity("{key: a, operator: Exists, values: []}, {key: a, operator: DoesNotExist}, {key: b, operator: Lt, values: ['1']}"),
    "affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: a, "
    "labelSelector: {matchLabels: {matchExpressions: In, operator: In}}}}]}}",
]


def test_every_rule_is_broken() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)


@pytest.mark.parametrize(("rule", "key", "other", "text"), BROKEN)
def test_names_the_keys_and_their_places(rule: str, key: str, other: str, text: str) -> None:
    values = with_overrides(text)
    [problem] = check_rules(values)
    assert problem.path == key
    assert problem.line > 0
    assert not other or re.search(rf"needs {re.escape(other)} \(\S+:\d+:\d+\) to be ", problem.message)
    assert "aHVudGVyMg" not in str(problem)


@pytest.mark.parametrize("text", KEPT)
def test_keeps(text: str) -> None:
    assert check_rules(with_overrides(text)) == []


def rendered(text: str) -> tuple[int, str]:
    """The exit code of `helm template` on the chart, without its schema, and what it says."""
    values = to_helm_json(with_overrides(text).for_helm())
    argv = [str(toolbox.find("helm")), "template", str(CHART), "--set", "image.tag=HG0105a", "--skip-schema-validation", "-f", "-"]
    done = process.run(argv, input=values, timeout=60)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(("rule", "key", "other", "text"), BROKEN)
def test_the_chart_refuses_the_same(rule: str, key: str, other: str, text: str) -> None:
    code, message = rendered(text)
    assert code == 1
    assert "these values cannot work together" in message
    lines = [line for line in message.splitlines() if line.startswith("  ")]
    assert len(lines) == 1, lines
    assert other in lines[0]


@pytest.mark.parametrize("text", KEPT)
def test_the_chart_keeps_the_same(text: str) -> None:
    code, message = rendered(text)
    assert (code, message) == (0, "")


def test_the_chart_has_the_same_rules() -> None:
    template = (CHART / "templates" / "_validate.tpl").read_text()
    listed = re.search(r"\$rules := list ((?:\"\w+\" ?)+)", template)
    assert listed is not None
    assert re.findall(r"\w+", listed[1]) == list(RULES)
    assert all(f'"{folder}"' in template for folder in TAKEN)
    names = (CHART / "templates" / "_names.tpl").read_text()
    assert all(f"nginx.ingress.kubernetes.io/{ending}" in names for ending in INGRESS_ANNOTATIONS)


@pytest.mark.parametrize(
    "text",
    [
        "secrets: 1",
        "image: null",
        "probes: {startup: x}",
        "resources: {limits: {memory: [1]}}",
        "resources: {requests: {cpu: ''}}",
        "service: {port: true}",
        "logs: [a]",
        "podLabels: [app]",
        "ingress: {annotations: x}",
        "secrets: {mode: vault, vault: {files: x}}\nserviceAccount: {name: x}",
    ],
)
def test_wrong_types_are_left_to_the_schema(text: str) -> None:
    assert check_rules(with_overrides(text)) == []


@pytest.mark.parametrize(
    ("request_", "limit", "fits"),
    [
        ("1000m", "1", True),
        ("1001m", "1", False),
        ("1.5", "1500m", True),
        ("512Mi", "'536870912'", True),
        ("1G", "1Gi", True),
        ("1Gi", "1G", False),
        ("1Ki", "1k", False),
        ("'x'", "1k", True),
    ],
)
def test_quantities(request_: str, limit: str, fits: bool) -> None:
    values = with_overrides(f"resources: {{requests: {{memory: {request_}}}, limits: {{memory: {limit}}}}}")
    assert (check_rules(values) == []) is fits
