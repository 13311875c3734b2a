"""Helm: what is handed to it, by arguments, environment and standard input, and what its words on stderr mean."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helmtool.adapters import toolbox
from helmtool.adapters.credentials import CredentialsFailed, CredentialsRefused
from helmtool.adapters.helm import (
    Applied,
    ChartInvalid,
    DiffPluginMissing,
    Helm,
    HelmCommand,
    HelmFailed,
    HelmForbidden,
    HelmUnreachable,
    ReleasePending,
    helm_error,
)
from helmtool.adapters.kubeconfig import Access, KubeconfigInvalid
from helmtool.errors import HelmtoolError

MARKER = "s3cret-marker"
ACCESS = Access("/one:/two", "ctx", "c", "https://h", "")
FAKE = """#!{python}
import json, os, sys
seen = {{"argv": sys.argv[1:], "env": dict(os.environ), "stdin": sys.stdin.read()}}
open({seen!r}, "w").write(json.dumps(seen))
sys.stdout.write({stdout!r})
sys.stderr.write({stderr!r})
sys.exit({code})
"""


class FakeHelm:
    """A program that records how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access: Access | None = ACCESS
        self.answer()

    def answer(self, stdout: str = "", stderr: str = "", code: int = 0) -> None:
        script = self.folder / "helm"
        script.write_text(FAKE.format(python=sys.executable, seen=str(self.folder / "seen"), stdout=stdout, stderr=stderr, code=code))
        script.chmod(0o755)

    def helm(self) -> Helm:
        return Helm(HelmCommand(self.folder / "helm", "4.3.1", self.access), "newdqmgui", "dqm")

    @property
    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "seen").read_text())
        return found


@pytest.fixture
def fake(tmp_path: Path) -> FakeHelm:
    return FakeHelm(tmp_path)


def upgrade(fake: FakeHelm, values: dict[str, Any], **options: Any) -> Applied:
    return asyncio.run(fake.helm().upgrade(Path("chart"), values, timeout="10m", description="$(touch x); note", **options))


def test_upgrade(fake: FakeHelm, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fake.answer('a line before\n{"version": 7, "manifest": "x"}\nand after\n')
    values = {"secrets": {"data": {"key": MARKER}}, "word": "\U0001f600 y"}
    with caplog.at_level(logging.DEBUG):
        assert upgrade(fake, values) == Applied(7, "x")
    argv = fake.seen["argv"]
    assert argv[:3] == ["upgrade", "newdqmgui", "chart"]
    assert {"--install", "--reset-values", "--server-side=true", "--disable-openapi-validation", "--skip-schema-validation"} <= set(argv)
    for option, value in (("--namespace", "dqm"), ("--values", "-"), ("--timeout", "10m"), ("--history-max", "10"), ("--output", "json")):
        assert argv[argv.index(option) + 1] == value
    assert argv[argv.index("--description") + 1] == "$(touch x); note", "a shell has read it"
    for never in ("--create-namespace", "--rollback-on-failure", "--atomic", "--wait", "--force-conflicts", "--set", "--reuse-values"):
        assert never not in argv
    assert json.loads(fake.seen["stdin"]) == values
    assert "\\ud83d" not in fake.seen["stdin"], "YAML knows no escapes of half a character"
    assert MARKER not in " ".join(argv) + caplog.text + str(fake.seen["env"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["helm", "seen"]


def test_the_applied_manifest_is_not_shown_where_it_is_printed() -> None:
    assert MARKER not in repr(Applied(1, MARKER))


def test_upgrade_that_takes_fields_back(fake: FakeHelm) -> None:
    fake.answer('{"version": 1}')
    upgrade(fake, {}, force_conflicts=True)
    assert "--force-conflicts" in fake.seen["argv"]
    assert fake.seen["stdin"] == "{}"


@pytest.mark.parametrize("stdout", ["", "no json", "{", '{"version": "x"}', "{}", '{"version": null}'])
def test_an_upgrade_that_does_not_say_its_revision(fake: FakeHelm, stdout: str) -> None:
    fake.answer(stdout)
    with pytest.raises(HelmFailed, match="did not say which revision"):
        upgrade(fake, {})


def test_rollback(fake: FakeHelm) -> None:
    asyncio.run(fake.helm().rollback(3, timeout="5m"))
    argv = fake.seen["argv"]
    assert argv[:3] == ["rollback", "newdqmgui", "3"]
    assert {"--server-side=true", "--force-conflicts"} <= set(argv)
    assert "--wait" not in argv
    assert fake.seen["stdin"] == ""


@pytest.mark.parametrize("stdout", ["", "---", "- a", "a: b", "kind: A", "kind: A\nmetadata: {}", "kind: A\nmetadata: 5", "{{{{"])
def test_what_is_no_object_is_never_released(fake: FakeHelm, stdout: str) -> None:
    fake.answer(stdout)
    with pytest.raises(ChartInvalid, match="no Kubernetes objects"):
        asyncio.run(fake.helm().template(Path("chart"), {}))


def test_template(fake: FakeHelm) -> None:
    fake.answer("---\nkind: A\nmetadata: {name: a}\n---\nkind: B\nmetadata: {name: b}\n")
    found = asyncio.run(fake.helm().template(Path("chart"), {"a": 1}, is_upgrade=True, kube_version="1.36"))
    assert found == [{"kind": "A", "metadata": {"name": "a"}}, {"kind": "B", "metadata": {"name": "b"}}]
    assert fake.seen["argv"] == [
        "template",
        "newdqmgui",
        "chart",
        "--namespace",
        "dqm",
        "--skip-schema-validation",
        "--values",
        "-",
        "--is-upgrade",
        "--kube-version",
        "1.36",
    ]


def test_the_environment_names_the_cluster_and_nothing_of_the_shell_does(fake: FakeHelm, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HELM_KUBETOKEN",
        "HELM_KUBEAPISERVER",
        "HELM_KUBECONTEXT",
        "HELM_KUBECAFILE",
        "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
        "HELM_DEBUG",
    ):
        monkeypatch.setenv(name, "of-the-shell")
    monkeypatch.setenv("HELM_DRIVER", "configmap")
    monkeypatch.setenv("KUBECONFIG", "/of/the/shell")
    asyncio.run(fake.helm().rollback(1, timeout="5m"))
    env = fake.seen["env"]
    assert (env["KUBECONFIG"], env["HELM_KUBECONTEXT"], env["HELM_DRIVER"]) == ("/one:/two", "ctx", "secret")
    assert "of-the-shell" not in env.values()


def test_the_version_is_known_without_starting_helm(fake: FakeHelm) -> None:
    assert str(fake.helm().command.client_version()) == "4.3.1"
    assert not (fake.folder / "seen").exists()


def test_the_diff_plugin_never_shows_secrets(fake: FakeHelm) -> None:
    fake.answer("the diff")
    assert asyncio.run(fake.helm().plugin_diff(Path("chart"), {"a": MARKER}, context=3)) == "the diff"
    argv = fake.seen["argv"]
    assert argv[:2] == ["diff", "upgrade"]
    assert "--reset-values" in argv
    assert "--show-secrets" not in argv
    assert MARKER not in " ".join(argv)


def test_the_diff_plugin_that_is_not_there(fake: FakeHelm) -> None:
    fake.answer(stderr='Error: unknown command "diff" for "helm"\nRun \'helm --help\' for usage.\n', code=1)
    with pytest.raises(DiffPluginMissing) as caught:
        asyncio.run(fake.helm().plugin_diff(Path("chart"), {}, context=3))
    assert "helm plugin install" in caught.value.hint


def test_a_helm_that_ends_without_a_word(fake: FakeHelm) -> None:
    fake.answer(code=3)
    with pytest.raises(HelmFailed, match="exit code 3 and said nothing"):
        asyncio.run(fake.helm().rollback(1, timeout="5m"))


# Helm 4.3.1's own words, and those of the API server through it.
UNREACHABLE = 'Error: kubernetes cluster unreachable: Get "https://h:1/version": dial tcp h:1: connect: connection refused\n'
FORBIDDEN = 'Error: list: secrets is forbidden: User "ann" cannot list resource "secrets" in API group ""\n'
NO_LOGIN = "Error: query: the server has asked for the client to provide credentials (get secrets)\n"
NO_PLUGIN = (
    'Error: Kubernetes cluster unreachable: Get "https://h/version": getting credentials: exec: executable /p failed with exit code 1\n'
)
FAIL = "Error: execution error at (c/templates/a.yaml:1:3): a and b\nsecond line\n\nUse --debug flag to render out invalid YAML\n"
NIL = 'Error: c/templates/a.yaml:1:10\n  executing "a" at <.Values.a.b>:\n    nil pointer evaluating interface {}.b\n'
KUBE_VERSION = "Error: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.37.0\n"


@pytest.mark.parametrize(
    ("stderr", "kind", "said"),
    [
        ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n", ReleasePending, "another helm operation"),
        ("Error: UPGRADE FAILED: release: already exists\n", ReleasePending, "another release began at the same moment"),
        (UNREACHABLE, HelmUnreachable, "connection refused"),
        ('Error: UPGRADE FAILED: Get "https://h/": dial tcp: lookup h: no such host\n', HelmUnreachable, "no such host"),
        (FORBIDDEN, HelmForbidden, 'User "ann" cannot list'),
        (NO_LOGIN, CredentialsRefused, "does not accept helm's credentials"),
        (NO_PLUGIN, CredentialsFailed, "gives helm none: Kubernetes cluster unreachable"),
        ('Error: UPGRADE FAILED: pods "a" is forbidden: exceeded quota: q\n', HelmFailed, 'helm: pods "a" is forbidden: exceeded quota: q'),
        (FAIL, ChartInvalid, "a and b second line"),
        ("Error: parse error at (c/templates/a.yaml:1): missing value for if\n", ChartInvalid, "missing value for if"),
        (NIL, ChartInvalid, "nil pointer"),
        (KUBE_VERSION, ChartInvalid, ">=1.99"),
        ('level=WARN msg="noise"\nWARNING: noise\nError: UPGRADE FAILED: timed out\n', HelmFailed, "helm: timed out"),
        ('Error: INSTALLATION FAILED: conflict with "kubectl"\n', HelmFailed, 'helm: conflict with "kubectl"'),
    ],
)
def test_helms_words(stderr: str, kind: type[HelmtoolError], said: str) -> None:
    error = helm_error(stderr)
    assert isinstance(error, kind)
    assert said in error.message
    assert "noise" not in error.message
    assert "--debug" not in error.message


KEY = base64.b64encode(b"-----BEGIN PRIVATE KEY-----\n" + b"0123456789abcdefghij" * 9 + b"\n-----END PRIVATE KEY-----\n").decode()
SECRETS = {"client-key-data": KEY, "token": "0paque-T0ken<&>x", "username": "ops", "password": "Hunter2-of-the-ops"}
BROKEN: dict[str, dict[str, Any]] = {
    "a user twice": {"users": [{"name": "admin", "user": SECRETS}, {"name": "admin", "user": SECRETS}]},
    "a cluster twice": {"clusters": [{"name": "c", "cluster": {"server": "https://a:Hunter2-of-the-ops@h"}}] * 2},
    "a context twice": {"contexts": [{"name": "x", "context": {"cluster": "c", "user": "admin"}}] * 2},
    "a token that is a list": {"users": [{"name": "admin", "user": {**SECRETS, "token": ["0paque-T0ken<&>x"]}}]},
    "a key that is no base64": {"users": [{"name": "admin", "user": {**SECRETS, "client-key-data": "Hunter2-of-the-ops!"}}]},
    "a password for the list": {"users": "Hunter2-of-the-ops"},
}


def forms_of_secrets() -> list[str]:
    values = [*SECRETS.values(), base64.b64decode(KEY).decode()]
    long = [value.encode() for value in values if len(value) > 8]
    return [
        form
        for value in long
        for form in (value.decode(), " ".join(map(str, value[:12])), value.hex()[:24], base64.b64encode(value).decode()[:16])
    ]


@pytest.mark.parametrize("broken", BROKEN)
def test_the_real_helm_and_a_kubeconfig_that_it_refuses(broken: str, tmp_path: Path) -> None:
    """Also where the redactor knows nothing: client-go's message holds the entries, so it is neither shown nor recorded."""
    config = tmp_path / "config"
    whole: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "admin"}}],
        "users": [{"name": "admin", "user": SECRETS}],
    }
    config.write_text(json.dumps(whole | BROKEN[broken]))
    helm = Helm(HelmCommand(toolbox.find("helm"), "4.3.1", Access(str(config), "x", "c", "https://127.0.0.1:9", "")), "r", "n")
    with pytest.raises(HelmtoolError) as caught:
        asyncio.run(helm.rollback(1, timeout="5s"))
    error = caught.value
    told = json.dumps([error.message, error.hint, error.lines], ensure_ascii=False)
    assert not [form for form in forms_of_secrets() if form in told]
    assert isinstance(error, KubeconfigInvalid)
    assert str(config) in error.message
    if "twice" in broken:
        kind, name = broken.split()[1], {"a user twice": "admin", "a cluster twice": "c", "a context twice": "x"}[broken]
        assert f"names the {kind} '{name}' twice" in error.message


@pytest.mark.parametrize(
    ("stderr", "recorded"),
    [
        (UNREACHABLE, "helm cannot reach the API server: connection refused"),
        (FORBIDDEN, "the API server forbids it to helm: list secrets"),
        (NO_PLUGIN, "the credentials plugin of the kubeconfig gives helm none"),
        (f'Error: UPGRADE FAILED: Deployment.apps "newdqmgui" is invalid: spec.replicas: Invalid value: "{MARKER}": must be', None),
        (f"Error: UPGRADE FAILED: pre-upgrade hooks failed: timed out: {MARKER}", "helm failed: hook pre-upgrade; it timed out"),
        (f"Error: UPGRADE FAILED: {MARKER}", "helm failed: the reason is in the output of the command"),
        (
            f"Error: c/templates/a.yaml:1:10\n executing: wrong type for value {MARKER}: error calling x\n",
            "the chart does not render: c/templates/a.yaml:1:10",
        ),
    ],
)
def test_a_record_keeps_no_text_of_helm(stderr: str, recorded: str | None) -> None:
    error = helm_error(stderr)
    assert error.lines == [recorded or "helm failed: Deployment.apps newdqmgui is invalid; fields: spec.replicas"]
    assert MARKER not in str(error.lines)
    assert error.message != error.lines[0]


Render = Callable[..., HelmtoolError]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """The error of the real helm for a chart of one template."""

    def run(template: str, values: dict[str, Any] | None = None, schema: dict[str, Any] | None = None) -> HelmtoolError:
        (tmp_path / "c" / "templates").mkdir(parents=True)
        (tmp_path / "c" / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 0.1.0\n")
        (tmp_path / "c" / "templates" / "a.yaml").write_text(template)
        if schema:
            (tmp_path / "c" / "values.schema.json").write_text(json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", **schema}))
        command = HelmCommand(toolbox.find("helm"), "4.3.1", None)
        judging = ["template", "r", tmp_path / "c", "--values", "-"]  # by the schema too, as plugins do; helmtool's own calls do not
        with pytest.raises(HelmtoolError) as caught:
            asyncio.run(
                command.run(judging, json.dumps(values).encode())
                if schema
                else Helm(command, "r", "n").template(tmp_path / "c", values or {})
            )
        return caught.value

    return run


def test_the_real_helm_and_a_schema_that_refuses_quote_no_value(render: Render) -> None:
    text = {"type": "string"}
    rules = {"p": text | {"pattern": "^a"}, "f": text | {"format": "ipv4"}, "l": text | {"maxLength": 2}, "n": {"type": "integer"}}
    nested = {"secrets": {"type": "object", "additionalProperties": text | {"pattern": "^z"}}}
    values = dict.fromkeys((*rules, "unknown"), MARKER) | {
        "secrets": {"k.x": f"a 'quoted'\n{MARKER}", "y": f"{MARKER} does not match pattern {MARKER}"}
    }
    error = render("a: 1", values, {"additionalProperties": False, "properties": rules | nested})
    assert isinstance(error, ChartInvalid)
    shown = {problem.path: problem.message for problem in error.problems}
    assert shown["p"] == "the value does not match pattern '^a'"
    assert shown["l"] == "maxLength: want 2"
    assert shown["n"] == "got string, want integer"
    assert {"f", "secrets.y", ""} <= set(shown)
    assert MARKER not in error.message + str(error.problems)
    assert str(len(MARKER)) not in str(error.problems)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{{ fail "a and b cannot both be" }}', "a and b cannot both be"),
        ('{{ required "image.tag is needed" .Values.tag }}', "image.tag is needed"),
        ("{{ if }}", "missing value for if"),
        ("{{ .Values.a.b.c }}", "nil pointer"),
        ("a: b\n c: d", "YAML parse error on c/templates/a.yaml"),
    ],
)
def test_the_real_helm_and_a_template_that_fails(render: Render, template: str, said: str) -> None:
    error = render(template)
    assert isinstance(error, ChartInvalid)
    assert said in error.message


def test_the_real_helm_and_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        server = f"https://127.0.0.1:{closed.getsockname()[1]}"
    config = tmp_path / "config"
    config.write_text(f"contexts: [{{name: x, context: {{cluster: c}}}}]\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n")
    helm = Helm(HelmCommand(toolbox.find("helm"), "4.3.1", Access(str(config), "x", "c", server, "")), "r", "n")
    with pytest.raises(HelmUnreachable, match="connection refused"):
        asyncio.run(helm.rollback(1, timeout="5s"))
