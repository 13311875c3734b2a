"""Cross-field rules: the defaults keep all of them, and every rule has values that break it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from helmtool.model.document import parse_document
from helmtool.model.rules import RULES, check_rules
from helmtool.model.values import Layer, Values, merge, parse_set

CHART = Path(__file__).parents[3] / "charts" / "newdqmgui" / "values.yaml"


def with_overrides(*arguments: str) -> Values:
    defaults = Layer("defaults", parse_document("charts/newdqmgui/values.yaml", CHART.read_bytes()))
    return merge([defaults, *map(parse_set, arguments)])


def test_the_defaults_keep_every_rule() -> None:
    assert check_rules(with_overrides()) == []


BROKEN = {
    "_digest_has_a_repository": ("image.digest", "image.repository", ["image.digest=sha256:00", "image.repository="]),
    "_secret_has_a_name": ("secrets.mode", "secrets.name", ["secrets.name="]),
    "_inline_secret_has_data": ("secrets.mode", "secrets.data", ["secrets.mode=inline"]),
    "_only_inline_has_data": ("secrets.data", "secrets.mode", ["secrets.data.x=aHVudGVyMg=="]),
    "_vault_has_an_account": ("secrets.mode", "serviceAccount.name", ["secrets.mode=vault", "secrets.vault.files={a}"]),
    "_vault_has_files": ("secrets.mode", "secrets.vault.files", ["secrets.mode=vault", "serviceAccount.name=newdqmgui-sa"]),
    "_only_vault_has_files": ("secrets.vault.files", "secrets.mode", ["secrets.vault.files={a}"]),
    "_account_has_a_name": ("serviceAccount.create", "serviceAccount.name", ["serviceAccount.create=true"]),
    "_annotated_account_is_created": ("serviceAccount.annotations", "serviceAccount.create", ["serviceAccount.annotations.a=b"]),
    "_claims_have_names": ("logs.createClaim", "logs.claimName", ["logs.createClaim=true"]),
    "_storage_class_has_a_name": (
        "cvmfs.createStorageClass",
        "cvmfs.storageClass",
        ["cvmfs.createStorageClass=true", "cvmfs.storageClass="],
    ),
    "_work_directory_has_one_writer": ("strategy", "workDir.claimName", ["strategy=RollingUpdate", "workDir.claimName=index"]),
    "_volumes_have_their_own_claim": ("logs.claimName", "workDir.claimName", ["logs.claimName=x", "workDir.claimName=x"]),
    "_volumes_have_their_own_place": (
        "logs.mountPath",
        "workDir.path",
        ["logs.claimName=a", "workDir.claimName=b", "logs.mountPath=/home/cmsusr/dqmgui/"],
    ),
    "_ports_differ": ("service.port", "metrics.port", ["service.port=18889"]),
    "_ingress_has_a_host": ("ingress.enabled", "ingress.host", ["ingress.enabled=true"]),
    "_network_policy_admits_somebody": ("networkPolicy.enabled", "networkPolicy.from", []),
    "_start_fits_the_deadline": ("probes.startup.failureThreshold", "progressDeadlineSeconds", ["probes.startup.failureThreshold=54"]),
    "_requests_fit_limits": ("resources.requests.memory", "resources.limits.memory", ["resources.requests.memory=4G"]),
}


def test_every_rule_is_broken_once() -> None:
    assert set(BROKEN) == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize("rule", BROKEN)
def test_names_both_keys_and_both_places(rule: str) -> None:
    key, other, arguments = BROKEN[rule]
    values = with_overrides(*arguments)
    if rule == "_network_policy_admits_somebody":
        values = _without_peers()
    [problem] = check_rules(values)
    assert problem.path == key
    assert f"needs {other} (" in problem.message
    assert problem.line > 0
    assert "hunter2" not in str(problem)
    assert "aHVudGVyMg" not in str(problem)


def _without_peers() -> Values:
    defaults = Layer("defaults", parse_document("charts/newdqmgui/values.yaml", CHART.read_bytes()))
    return merge([defaults, Layer("mine", parse_document("values/mine.yaml", b"networkPolicy: {from: []}\n"))])


@pytest.mark.parametrize("volume", ["cvmfs", "logs", "workDir"])
def test_a_created_claim_has_a_name(volume: str) -> None:
    [problem] = check_rules(with_overrides(f"{volume}.createClaim=true", f"{volume}.claimName="))
    assert problem.path == f"{volume}.createClaim"


@pytest.mark.parametrize(
    "argument",
    [
        "secrets=1",
        "image=null",
        "probes.startup=x",
        "resources.limits.memory={1}",
        "resources.requests.cpu=",
        "service.port=true",
        "logs={a}",
    ],
)
def test_wrong_types_are_left_to_the_schema(argument: str) -> None:
    assert check_rules(with_overrides(argument)) == []


@pytest.mark.parametrize(
    ("request_", "limit", "fits"),
    [
        ("1000m", "1", True),
        ("1001m", "1", False),
        ("1.5", "1500m", True),
        ("512Mi", "536870912", True),
        ("1G", "1Gi", True),
        ("1Gi", "1G", False),
        ("1Ki", "1k", False),
    ],
)
def test_quantities(request_: str, limit: str, fits: bool) -> None:
    values = with_overrides(f"resources.requests.memory={request_}", f"resources.limits.memory={limit}")
    assert (check_rules(values) == []) is fits


def test_an_empty_document_breaks_no_rule() -> None:
    assert check_rules(Values({}, {})) == []
