"""The API server's words, as it says them (Kubernetes 1.36), and what the catalogue makes of them."""

from __future__ import annotations

import pytest

from helmtool.model.causes import Certainty, refusal
from helmtool.model.path import dotted

CERTAIN, LIKELY = Certainty.CERTAIN, Certainty.LIKELY
POD = 'pods "newdqmgui-5d9-" is forbidden: '


@pytest.mark.parametrize(
    ("said", "code", "certainty", "setting", "text"),
    [
        (
            POD + "exceeded quota: small, requested: limits.memory=1Gi, used: limits.memory=0, limited: limits.memory=512Mi",
            "quota",
            CERTAIN,
            "resources.limits.memory",
            "the quota small of the namespace leaves no room for the pod",
        ),
        (
            POD + "exceeded quota: small, requested: requests.cpu=500m, used: requests.cpu=800m, limited: requests.cpu=1",
            "quota",
            LIKELY,
            "resources.requests.cpu",
            "the quota small",
        ),
        (POD + "exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1", "quota", LIKELY, "", "the quota one"),
        (
            POD + "failed quota: cpus: must specify limits.cpu for: newdqmgui",
            "quota",
            CERTAIN,
            "resources.limits.cpu",
            "must specify limits.cpu for: newdqmgui",
        ),
        (
            POD + "maximum memory usage per Container is 512Mi, but limit is 1Gi",
            "limit-range",
            CERTAIN,
            "resources.limits.memory",
            "maximum memory usage per Container is 512Mi, but limit is 1Gi",
        ),
        (
            POD + 'violates PodSecurity "baseline:latest": privileged (container "newdqmgui" must not set …)',
            "pod-security",
            CERTAIN,
            "",
            "level baseline:latest refuses the pod: privileged",
        ),
        ('admission webhook "w.example.org" denied the request: no', "webhook-refuses", CERTAIN, "", "w.example.org refuses it: no"),
        (
            POD + "ValidatingAdmissionPolicy 'site' with binding 'all' denied request: never on Fridays",
            "webhook-refuses",
            CERTAIN,
            "",
            "the admission rule site refuses it: never on Fridays",
        ),
        (
            'Internal error occurred: failed calling webhook "w.example.org": failed to call webhook: Post "https://w.dqm:443/": '
            'service "w" not found',
            "webhook-down",
            LIKELY,
            "",
            "the admission webhook w.example.org does not answer",
        ),
        (
            POD + 'error looking up service account dqm/nobody: serviceaccount "nobody" not found',
            "account-missing",
            CERTAIN,
            "serviceAccount.name",
            "there is no ServiceAccount nobody",
        ),
        (
            'deployments.apps "newdqmgui" is forbidden: unable to create new content in namespace dqm because it is being terminated',
            "namespace-leaving",
            CERTAIN,
            "",
            "the namespace dqm is being deleted",
        ),
        (
            'Deployment.apps "newdqmgui" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
            "immutable-field",
            CERTAIN,
            "",
            'spec.selector of Deployment.apps "newdqmgui" cannot be changed',
        ),
        (
            'ConfigMap "newdqmgui" is invalid: data: Forbidden: field is immutable when `immutable` is set',
            "immutable-field",
            CERTAIN,
            "",
            'data of ConfigMap "newdqmgui" cannot be changed',
        ),
        (
            'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas',
            "field-conflict",
            CERTAIN,
            "",
            ".spec.replicas is held by another manager, kubectl-edit",
        ),
        (
            'pods is forbidden: User "dqm-reader" cannot create resource "pods" in API group "" in the namespace "dqm"',
            "not-permitted",
            CERTAIN,
            "",
            "dqm-reader may not create pods",
        ),
    ],
)
def test_refusal(said: str, code: str, certainty: Certainty, setting: str, text: str) -> None:
    cause = refusal(said, {"namespace": "dqm"})
    assert cause is not None
    assert (cause.code, cause.certainty, dotted(cause.setting)) == (code, certainty, setting)
    assert text in cause.text
    assert "?" not in cause.text
    assert cause.evidence[0] == said


@pytest.mark.parametrize("said", ["", "the server could not find the requested resource", "context deadline exceeded"])
def test_unknown_words_are_no_cause(said: str) -> None:
    assert refusal(said, {}) is None
