"""Environments: read with all problems at once, found by name, and matched to a cluster by the ending of its name only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from helmtool.errors import Problem
from helmtool.model.document import parse_document
from helmtool.model.environment import (
    ClusterIdentity,
    Environment,
    InvalidEnvironments,
    Policy,
    UnknownEnvironment,
    find_environment,
    matches,
    matching,
    parse_environments,
)
from helmtool.model.tag import StableTag

FILE = Path(__file__).parents[3] / "values" / "environments.yaml"


def parsed(text: str) -> dict[str, Environment]:
    return parse_environments(parse_document("values/environments.yaml", text.encode()))


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidEnvironments) as caught:
        parsed(text)
    assert caught.value.exit_code == 3
    assert caught.value.code == "invalid-environments"
    return caught.value.problems


PRINT = "sha256:" + "0a" * 32
UID = "3f2b8c1e-5d7a-4c0e-9b1f-0a2c4d6e8f10"
FULL = """\
environments:
  prod:
    description: Production
    cluster: {nameEndsWith: [prodsrv], server: "https://a:6443", caFingerprint: "{PRINT}", kubeSystemUid: "{UID}"}
    kubeconfig: ~/K8s_tokens/config.prod
    namespace: dqm
    release: newdqmgui
    endpoint: https://cmsweb.cern.ch/dqm/offline-new/
    protected: true
    stableTag: "add"
    policies: {resolve: required, verify: warn, prepull: "off"}
""".replace("{PRINT}", PRINT).replace("{UID}", UID)
SHORT = """\
environments:
  a:
    description: A
    cluster: {nameEndsWith: [aaa1]}
    kubeconfig: ~/k
    namespace: dqm
    release: r
"""


def test_reads_every_key() -> None:
    assert parsed(FULL) == {
        "prod": Environment(
            name="prod",
            namespace="dqm",
            release="newdqmgui",
            description="Production",
            cluster=ClusterIdentity(("prodsrv",), "https://a:6443", PRINT, UID),
            kubeconfig="~/K8s_tokens/config.prod",
            endpoint="https://cmsweb.cern.ch/dqm/offline-new/",
            protected=True,
            stable_tag=StableTag.ADD,
            resolve=Policy.REQUIRED,
            verify=Policy.WARN,
            prepull=Policy.OFF,
        )
    }
    assert parsed(FULL)["prod"].cluster.pinned


def test_defaults() -> None:
    found = parsed(SHORT)["a"]
    assert (found.protected, found.embedded, found.stable_tag) == (False, False, StableTag.OFF)
    assert (found.resolve, found.verify, found.prepull) == (Policy.REQUIRED, Policy.REQUIRED, Policy.WARN)
    assert not found.cluster.pinned


def test_an_empty_pin_is_no_pin() -> None:
    assert not parsed(SHORT.replace("[aaa1]", "[aaa1], server: '', caFingerprint: , kubeSystemUid: null"))["a"].cluster.pinned


def test_an_embedded_environment_needs_no_cluster() -> None:
    found = parsed("environments: {local: {description: L, embedded: true, namespace: dqm, release: r}}")["local"]
    assert found.embedded
    assert not matches(found, "anything")


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "message"),
    [
        ("    namespace: dqm\n", "", 2, "environments.prod.namespace", "is missing"),
        ("    release: newdqmgui\n", "", 2, "environments.prod.release", "is missing"),
        ("    kubeconfig: ~/K8s_tokens/config.prod\n", "", 2, "environments.prod.kubeconfig", "is missing"),
        ("nameEndsWith: [prodsrv], ", "", 4, "environments.prod.cluster.nameEndsWith", "is missing"),
        ("nameEndsWith: [prodsrv]", "nameEndsWith: prodsrv", 4, "environments.prod.cluster.nameEndsWith", "expected a list, each item"),
        ("[prodsrv]", "['']", 4, "environments.prod.cluster.nameEndsWith", "at least four characters"),
        ("[prodsrv]", "[]", 4, "environments.prod.cluster.nameEndsWith", "is missing"),
        ("nameEndsWith", "nameEnds", 4, "environments.prod.cluster.nameEnds", "did you mean nameEndsWith?"),
        ("namespace: dqm", "namespace: 5", 6, "environments.prod.namespace", "expected text"),
        ("protected: true", "protected: 'true'", 9, "environments.prod.protected", "expected true or false"),
        ("protected", "protcted", 9, "environments.prod.protcted", "unknown key, did you mean protected?"),
        ("description", "xyz", 3, "environments.prod.xyz", "unknown key, known are description"),
        ('"add"', "always", 10, "environments.prod.stableTag", "expected one of off, require, add"),
        ('"add"', "false", 10, "environments.prod.stableTag", "a word like off stands in quotes"),
        ("verify: warn", "verify: maybe", 11, "environments.prod.policies.verify", "expected one of required, warn, off"),
        ("verify: warn", "verfy: warn", 11, "environments.prod.policies.verfy", "did you mean verify?"),
        ('policies: {resolve: required, verify: warn, prepull: "off"}', "policies: 3", 11, "environments.prod.policies", "keys and values"),
        ("    protected: true", "    embedded: true", 4, "environments.prod.cluster", "brings its own cluster"),
        ("environments:", "environment:", 1, "environment", "did you mean environments?"),
    ],
)
def test_refuses_at_its_place(old: str, new: str, line: int, path: str, message: str) -> None:
    found = {problem.path: problem for problem in problems(FULL.replace(old, new, 1))}
    assert message in found[path].message
    assert found[path].line == line
    assert found[path].column > 0


@pytest.mark.parametrize(
    "text",
    ["{}", "environments:", "environments: {}", "environments: []", "environments: 3", "environments: {a: 1}", "environments: {a: }"],
)
def test_refuses_what_describes_nothing(text: str) -> None:
    assert problems(text)


def test_all_problems_at_once() -> None:
    found = problems("environments: {a: {protected: 1}, b: {release: 2}}")
    assert {problem.path for problem in found} >= {"environments.a.protected", "environments.b.release", "environments.b.namespace"}


def test_endings_that_mean_two_environments() -> None:
    text = SHORT + SHORT.removeprefix("environments:\n").replace("a:", "b:", 1).replace("aaa1", "cmsweb-aaa1")
    [problem] = problems(text)
    assert (problem.line, problem.path) == (10, "environments.b.cluster")
    assert "would also be a" in problem.message


SCHEMA = yaml.safe_load((FILE.parents[1] / "schemas" / "environments.schema.yaml").read_text())
ONE = SCHEMA["properties"]["environments"]["additionalProperties"]["properties"]
CLUSTER = ONE["cluster"]["properties"]
TEXTS = {name: ONE[name] for name in ("description", "kubeconfig", "namespace", "release", "endpoint")} | {
    f"cluster.{name}": CLUSTER[name] for name in ("server", "caFingerprint", "kubeSystemUid")
}


def with_text(path: str, value: str) -> str:
    entry = yaml.safe_load(FULL)
    holder = entry["environments"]["prod"]
    *parents, last = path.split(".")
    for part in parents:
        holder = holder[part]
    holder[last] = value
    return json.dumps(entry, ensure_ascii=False)


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, rule in TEXTS.items() for value in rule["examples"]])
def test_takes_what_the_schema_takes(path: str, value: str) -> None:
    assert parsed(with_text(path, value))


REFUSED = [(path, value) for path, rule in TEXTS.items() for value in [*rule.get("x-refused", []), "x" * (rule["maxLength"] + 1)]]


@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_refuses_what_the_schema_refuses(path: str, value: str) -> None:
    [problem] = problems(with_text(path, value))
    assert problem.path == f"environments.prod.{path}"


@pytest.mark.parametrize("ending", [*CLUSTER["nameEndsWith"]["items"]["x-refused"], "abc", "prodsrv\n"])
def test_refuses_endings_that_are_none(ending: str) -> None:
    assert problems(FULL.replace("[prodsrv]", json.dumps([ending])))


@pytest.mark.parametrize("name", [*SCHEMA["properties"]["environments"]["propertyNames"]["x-refused"], "../prod", "x" * 60, "prod\n"])
def test_refuses_names_that_are_no_file_names(name: str) -> None:
    found = problems(FULL.replace("prod:", f"{json.dumps(name)}:", 1))
    assert any("the name must be" in problem.message for problem in found)


def test_find() -> None:
    assert find_environment("prod", parsed(FULL)).name == "prod"


@pytest.mark.parametrize(
    ("name", "hint"), [("prd", "did you mean prod?"), ("PROD", "did you mean prod?"), ("xyz", "has prod"), ("", "has prod")]
)
def test_unknown_environment(name: str, hint: str) -> None:
    with pytest.raises(UnknownEnvironment) as caught:
        find_environment(name, parsed(FULL))
    assert hint in caught.value.hint
    assert caught.value.code == "unknown-environment"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("cluster", "names"),
    [
        ("cmsweb-test4", ["test4"]),
        ("dqm-cmsweb-test4", ["test4"]),
        ("cmsweb-test4-old", []),
        ("cmsweb-test14", []),
        ("cmsweb-testbed", ["preprod"]),
        ("cmsweb-k8s-prodsrv-v1.22.9", ["preprod"]),
        ("cmsweb-k8s-prodsrv", ["prod"]),
        ("cmsweb-k8s-prodsrv2", []),
        ("cmsweb-k8s-services-prod", ["prod"]),
        ("cmsweb-k8s-services-prod-2", []),
        ("prodsrv-v1.22.9-prodsrv", ["prod"]),
        ("PRODSRV", []),
        ("kind-newdqmgui", []),
        ("", []),
    ],
)
def test_a_cluster_is_known_by_its_ending_only(cluster: str, names: list[str]) -> None:
    environments = parse_environments(parse_document("values/environments.yaml", FILE.read_bytes()))
    assert [environment.name for environment in matching(environments, cluster)] == names


def test_the_repository_describes_its_environments() -> None:
    environments = parse_environments(parse_document("values/environments.yaml", FILE.read_bytes()))
    assert list(environments) == ["test4", "preprod", "prod", "local"]
    assert [name for name, environment in environments.items() if environment.protected] == ["prod"]
    assert environments["local"].embedded
