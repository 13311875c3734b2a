"""Every cause by its code: its sentence, how certain it may become and when, the value that sets it, and what to type next.

In the texts `{…}` are the names of what is at fault; a look gives them with the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.path import Path

POSSIBLE, LIKELY, CERTAIN = Certainty.POSSIBLE, Certainty.LIKELY, Certainty.CERTAIN

AT_ONCE = "at once: an image does not change by waiting"
REPEATED = "at the third end in a row: one start may have depended on something that was late"
MISSING = "when it still is missing after 12 s: somebody may be about to make it"
UNPLACED = "after 15 s, when no node is left that could take it"
REFUSED = "before anything is changed; of a pod that a controller makes, when it is still refused after 8 s"
HEALS = "never: it may heal"

DESCRIBE = "kubectl -n {namespace} describe pod {pod}"
LOGS = "kubectl -n {namespace} logs {pod} -c {container}"
PREVIOUS = LOGS + " --previous"
REPLICA_SETS = "kubectl -n {namespace} describe replicasets -l app={deployment}"


class Kind(NamedTuple):
    """One cause as the catalogue describes it; `highest` is the most that a look may believe it, `when` says when it does."""

    code: str
    text: str
    highest: Certainty
    when: str
    next: str
    setting: Path = ()


KINDS = (
    Kind("image-missing", "the registry has no image {image}", CERTAIN, AT_ONCE, "helmtool tag check {tag}", ("image", "tag")),
    Kind(
        "image-unauthorised",
        "the registry {registry} does not give {image} to node {node}: no pull secret, or a wrong one",
        CERTAIN,
        AT_ONCE,
        "kubectl -n {namespace} get secrets --field-selector type=kubernetes.io/dockerconfigjson",
        ("image", "pullSecrets"),
    ),
    Kind(
        "image-wrong-platform",
        "the image {image} is made for another platform than that of node {node}",
        CERTAIN,
        AT_ONCE,
        "kubectl get node {node} -L kubernetes.io/arch",
        ("image", "tag"),
    ),
    Kind("image-name", "{image} is no name of an image that node {node} may pull", CERTAIN, AT_ONCE, DESCRIBE, ("image", "repository")),
    Kind(
        "registry-unreachable",
        "node {node} does not reach the registry {registry}",
        LIKELY,
        HEALS,
        "curl -sSI https://{registry}/v2/",
        ("image", "repository"),
    ),
    Kind("image-pull-fails", "node {node} cannot pull {image}", LIKELY, HEALS, DESCRIBE, ("image", "tag")),
    Kind("image-pull-slow", "node {node} is still pulling {image}", POSSIBLE, "never: it is no error", DESCRIBE, ("image", "tag")),
    Kind(
        "node-full", "no node has room for the pod: {lack}", LIKELY, "never: other pods may end", "kubectl describe nodes", ("resources",)
    ),
    Kind(
        "node-selector",
        "no node has the labels that the pod asks for: {wanted}",
        CERTAIN,
        UNPLACED,
        "kubectl get nodes --show-labels",
        ("nodeSelector",),
    ),
    Kind(
        "node-taint",
        "every node that could take the pod has a taint that it does not tolerate: {taints}",
        CERTAIN,
        UNPLACED,
        "kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints",
        ("tolerations",),
    ),
    Kind("node-cordoned", "the nodes take no new pods (cordoned)", LIKELY, "never: it is meant to end", "kubectl get nodes"),
    Kind("node-not-ready", "node {node} is not ready", LIKELY, HEALS, "kubectl describe node {node}"),
    Kind("not-placed", "no node takes the pod: {said}", LIKELY, HEALS, DESCRIBE),
    Kind("evicted", "node {node} has evicted the pod: {said}", CERTAIN, "at the second eviction for the same reason", DESCRIBE),
    Kind("claim-missing", "there is no volume claim {claim}", CERTAIN, MISSING, "kubectl -n {namespace} get pvc", ("workDir", "claimName")),
    Kind(
        "claim-pending",
        "the volume claim {claim} is not bound to a volume",
        LIKELY,
        HEALS,
        "kubectl -n {namespace} describe pvc {claim}",
        ("workDir", "claimName"),
    ),
    Kind(
        "claim-leaving",
        "the volume claim {claim} is being deleted, and a finalizer keeps it",
        LIKELY,
        HEALS,
        "kubectl -n {namespace} get pvc {claim} -o jsonpath='{{.metadata.finalizers}}'",
        ("workDir", "claimName"),
    ),
    Kind(
        "secret-missing", "there is no Secret {secret}", CERTAIN, MISSING, "kubectl -n {namespace} get secret {secret}", ("secrets", "name")
    ),
    Kind(
        "secret-key-missing",
        "the Secret {secret} has no key {key}",
        CERTAIN,
        MISSING,
        "kubectl -n {namespace} describe secret {secret}",
        ("secrets", "name"),
    ),
    Kind("configmap-missing", "there is no ConfigMap {configmap}", CERTAIN, MISSING, "kubectl -n {namespace} get configmap {configmap}"),
    Kind(
        "configmap-key-missing",
        "the ConfigMap {configmap} has no key {key}",
        CERTAIN,
        MISSING,
        "kubectl -n {namespace} describe configmap {configmap}",
    ),
    Kind(
        "host-path",
        "{path} on node {node} is not what the pod asks for: {said}",
        CERTAIN,
        MISSING,
        "kubectl debug node/{node} -it --image=busybox",
    ),
    Kind("mount-fails", "the volume {volume} cannot be mounted on node {node}: {said}", LIKELY, HEALS, DESCRIBE),
    Kind(
        "quota",
        "the quota {quota} of the namespace leaves no room for the pod: {said}",
        CERTAIN,
        "after 8 s, when the pod alone is larger than the quota",
        "kubectl -n {namespace} describe quota {quota}",
        ("resources",),
    ),
    Kind(
        "limit-range",
        "a LimitRange of the namespace refuses the pod: {said}",
        CERTAIN,
        REFUSED,
        "kubectl -n {namespace} describe limitrange",
        ("resources",),
    ),
    Kind(
        "pod-security",
        "the namespace's pod security level {level} refuses the pod: {said}",
        CERTAIN,
        REFUSED,
        "kubectl get namespace {namespace} --show-labels",
    ),
    Kind(
        "webhook-refuses",
        "the admission rule {webhook} refuses it: {said}",
        CERTAIN,
        REFUSED,
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies",
    ),
    Kind(
        "webhook-down",
        "the admission webhook {webhook} does not answer",
        LIKELY,
        HEALS,
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    ),
    Kind(
        "account-missing",
        "there is no ServiceAccount {account}",
        CERTAIN,
        REFUSED,
        "kubectl -n {namespace} get serviceaccount {account}",
        ("serviceAccount", "name"),
    ),
    Kind(
        "namespace-leaving", "the namespace {namespace} is being deleted", CERTAIN, "at once", "kubectl get namespace {namespace} -o yaml"
    ),
    Kind(
        "immutable-field",
        "{field} of {object} cannot be changed once it is there",
        CERTAIN,
        "at once",
        "kubectl -n {namespace} get {object} -o yaml",
    ),
    Kind(
        "field-conflict",
        "{field} is held by another manager, {manager}",
        CERTAIN,
        "at once",
        "kubectl -n {namespace} get {object} -o yaml --show-managed-fields",
    ),
    Kind("not-permitted", "{user} may not {verb} {resource}", CERTAIN, "at once", "kubectl auth can-i --list -n {namespace}"),
    Kind("pod-refused", "the pod is not admitted: {said}", LIKELY, HEALS, REPLICA_SETS),
    Kind(
        "out-of-memory",
        "the container {container} needs more memory than its limit of {limit}",
        CERTAIN,
        REPEATED,
        PREVIOUS,
        ("resources", "limits", "memory"),
    ),
    Kind(
        "wrong-executable",
        "the image {image} holds programs of another processor than that of node {node} (exec format error)",
        CERTAIN,
        "at the second start",
        "kubectl get node {node} -L kubernetes.io/arch",
        ("image", "tag"),
    ),
    Kind(
        "command-missing",
        "the container {container} cannot be started, its image lacks the command: {said}",
        CERTAIN,
        "at the second start: an image does not change by waiting",
        DESCRIBE,
        ("image", "tag"),
    ),
    Kind("start-fails", "the container {container} cannot be started: {said}", CERTAIN, REPEATED, DESCRIBE),
    Kind("init-fails", "the init container {container} ends with exit code {code}", CERTAIN, REPEATED, PREVIOUS),
    Kind("kerberos", "the service gets no Kerberos ticket: {said}", CERTAIN, REPEATED, PREVIOUS, ("secrets", "name")),
    Kind(
        "kdc-unreachable",
        "the pod does not reach the Kerberos server: {said}",
        LIKELY,
        HEALS,
        "kubectl -n {namespace} exec {pod} -- cat /etc/krb5.conf",
        ("eos", "enabled"),
    ),
    Kind(
        "application-missing",
        "the service's folder is not in the container, a volume may hide it: {said}",
        CERTAIN,
        REPEATED,
        DESCRIBE,
        ("logs", "mountPath"),
    ),
    Kind(
        "work-dir-in-use",
        "the work directory is used by another server: {said}",
        LIKELY,
        HEALS,
        "kubectl get pods -A -l app={deployment} -o wide",
    ),
    Kind("work-dir-unusable", "the work directory cannot be written: {said}", CERTAIN, REPEATED, PREVIOUS, ("workDir", "claimName")),
    Kind("build-fails", "the renderers cannot be built: {said}", CERTAIN, REPEATED, PREVIOUS, ("cvmfs", "claimName")),
    Kind("dns", "names are not resolved in the pod: {said}", LIKELY, HEALS, "kubectl -n kube-system get pods -l k8s-app=kube-dns"),
    Kind("port-in-use", "the port that the server asks for is taken in the pod: {said}", CERTAIN, REPEATED, PREVIOUS, ("metrics", "port")),
    Kind("read-only", "the container writes to a read-only file system: {said}", CERTAIN, REPEATED, PREVIOUS),
    Kind("disk-full", "there is no space left where the container writes: {said}", LIKELY, HEALS, "kubectl describe node {node}"),
    Kind(
        "permission-denied",
        "the container may not use a file: {said}",
        CERTAIN,
        REPEATED,
        PREVIOUS,
        ("podSecurity",),
    ),
    Kind(
        "startup-too-short",
        "the startup probe gives the server {seconds} s to answer on {path}, then its container is killed",
        CERTAIN,
        "at the third kill in a row",
        PREVIOUS,
        ("probes", "startup", "failureThreshold"),
    ),
    Kind(
        "liveness-too-early",
        "the liveness probe kills the container after {seconds} s without an answer on {path}",
        CERTAIN,
        "at the third kill in a row",
        PREVIOUS,
        ("probes", "liveness", "failureThreshold"),
    ),
    Kind("crash-later", "the container {container} ended with exit code {code} after it had been ready", LIKELY, HEALS, PREVIOUS),
    Kind("crash-at-start", "the container {container} ends with exit code {code} soon after each start", CERTAIN, REPEATED, PREVIOUS),
    Kind(
        "certificates",
        "a certificate of the node is not copied into the container: {said}",
        POSSIBLE,
        "never: the service starts without",
        LOGS,
        ("gridSecurity", "hostPath"),
    ),
    Kind(
        "never-ready",
        "the server runs, and its readiness probe on {path} fails: {said}",
        LIKELY,
        "never: it may become ready",
        LOGS,
        ("probes", "readiness", "path"),
    ),
    Kind(
        "not-answering",
        "the server runs, and does not answer its startup probe on {path} yet",
        POSSIBLE,
        "never: it may be about to",
        LOGS,
        ("probes", "startup", "failureThreshold"),
    ),
    Kind(
        "old-pod-stuck",
        "the old pod {pod} does not stop, and the new one waits for it",
        LIKELY,
        "never: its grace period may end",
        "kubectl -n {namespace} describe pod {pod}",
        ("terminationGracePeriodSeconds",),
    ),
    Kind(
        "no-progress",
        "nothing moved for {seconds} s, the Deployment's progress deadline",
        POSSIBLE,
        "never: it says that, not why",
        "kubectl -n {namespace} describe deployment {deployment}",
        ("progressDeadlineSeconds",),
    ),
    Kind(
        "paused",
        "the Deployment {deployment} is paused by {who}, so no new pod starts",
        CERTAIN,
        "at once: it stays paused until it is resumed",
        "kubectl -n {namespace} rollout resume deployment/{deployment}",
    ),
    Kind(
        "scaled-to-zero",
        "the Deployment {deployment} is scaled to 0 replicas, so no pod runs",
        CERTAIN,
        "at once: it stays at 0 until it is scaled up",
        "kubectl -n {namespace} scale deployment/{deployment} --replicas=1",
    ),
)

CATALOGUE: Mapping[str, Kind] = {kind.code: kind for kind in KINDS}
LONGEST = 300
"""Characters of a piece of evidence, and of what is quoted in a sentence."""


class _Names(dict[str, str]):
    """A name that nobody said stands as `?`: a cause without it is better than none."""

    def __missing__(self, key: str) -> str:
        return "?"


def make(code: str, names: Mapping[str, str], evidence: Iterable[str], certainty: Certainty, setting: Path | None = None) -> Cause:
    """The cause with its names filled in, never more certain than the catalogue allows."""
    kind, given = CATALOGUE[code], _Names({name: short(value) for name, value in names.items() if value})
    return Cause(
        code,
        kind.text.format_map(given),
        min(certainty, kind.highest),
        tuple(dict.fromkeys(short(line) for line in evidence if line)),
        kind.setting if setting is None else setting,
        kind.next.format_map(given),
    )


def short(words: str) -> str:
    """The words on one line, its end left away where it is too long."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
