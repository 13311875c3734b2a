"""What the checkout says, for people and scripts: environments, and merged values without inline secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helmtool.adapters import local
from helmtool.model.environment import UnknownEnvironment
from helmtool.model.redaction import REDACTED
from helmtool.operations import show
from helmtool.operations.settings import Settings

MARKER = "s3cret-marker"
ENVIRONMENTS = """
environments:
  prod:
    description: production
    cluster: {nameEndsWith: [prodsrv], server: "https://h:6443"}
    kubeconfig: ~/config-prod
    namespace: dqm
    release: newdqmgui
    endpoint: https://h/dqm/
    protected: true
    stableTag: "add"
    policies: {resolve: required, verify: warn, prepull: "off"}
  local: {description: d, embedded: true, namespace: dqm, release: newdqmgui}
"""
DEFAULTS = "image: {tag: '', repository: r}\nsecrets: {mode: existing, data: {}}\nreplicas: 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    chart = tmp_path / "charts" / "newdqmgui"
    chart.mkdir(parents=True)
    (tmp_path / "values").mkdir()
    (chart / "Chart.yaml").write_text("version: 1.0.0\n")
    (chart / "values.yaml").write_text(DEFAULTS)
    (tmp_path / "values" / "environments.yaml").write_text(ENVIRONMENTS)
    (tmp_path / "values" / "prod.yaml").write_text("replicas: 2\n")
    return tmp_path


@pytest.fixture
def settings(project: Path) -> Settings:
    return Settings(config_dir=project)


def test_the_environments_in_the_order_of_the_file(settings: Settings) -> None:
    assert [e.name for e in show.environments(settings)] == ["prod", "local"]
    assert show.environment("prod", settings).protected
    with pytest.raises(UnknownEnvironment):
        show.environment("nosuch", settings)


def test_an_environment_is_described_with_the_words_of_the_file(settings: Settings) -> None:
    cluster = {"nameEndsWith": ["prodsrv"], "server": "https://h:6443", "caFingerprint": "", "kubeSystemUid": ""}
    assert show.describe(show.environment("prod", settings)) == {
        "name": "prod",
        "description": "production",
        "cluster": cluster,
        "kubeconfig": "~/config-prod",
        "namespace": "dqm",
        "release": "newdqmgui",
        "endpoint": "https://h/dqm/",
        "protected": True,
        "stableTag": "add",
        "policies": {"resolve": "required", "verify": "warn", "prepull": "off"},
        "secrets": "existing",
        "lockSeconds": 15,
    }
    embedded = show.describe(show.environment("local", settings))
    assert embedded["embedded"] is True
    assert not {"cluster", "kubeconfig"} & set(embedded)


def test_the_kubeconfig_for_a_shell(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(local, "kubeconfig_path", lambda: tmp_path / "embedded")
    assert show.kubeconfig_of("prod", settings) == str(tmp_path / "config-prod")
    assert show.kubeconfig_of("local", settings) == str(tmp_path / "embedded")


def test_merged_values(settings: Settings) -> None:
    document = show.shown_values("prod", "HG0105a-stable", settings, ["image.repository=other"])
    assert (document["replicas"], document["image"]) == (2, {"tag": "HG0105a-stable", "repository": "other"})


def test_where_each_value_comes_from(settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    lines = {path: (value, origin) for path, value, origin in show.explained("prod", None, settings, ["image.repository=other"])}
    value, origin = lines["replicas"]
    assert value == 2
    assert origin.startswith("values/prod.yaml:1:")
    assert "--set" in lines["image.repository"][1]


@pytest.mark.parametrize(
    "data",
    [
        f"{{key: {MARKER}}}",
        f"{{client.crt: {MARKER}, other: {MARKER}}}",
        f"{{key: {{nested: {MARKER}}}}}",
        f"{{key: [{MARKER}]}}",
        MARKER,
        f"[{MARKER}]",
        f"[{{key: {MARKER}}}]",
    ],
)
def test_inline_secrets_are_never_shown_whatever_their_shape(settings: Settings, project: Path, data: str) -> None:
    (project / "values" / "prod.yaml").write_text(f"secrets: {{data: {data}}}\n")
    assert MARKER not in str(show.shown_values("prod", None, settings, ()))
    assert MARKER not in str(show.explained("prod", None, settings, ()))


@pytest.mark.parametrize("key", ["data.key", "dat.key", "data\u2028.x[0]", "Data", r"data\.key", "names.key", "data[0].key"])
def test_a_secret_on_the_command_line_is_not_shown(settings: Settings, key: str) -> None:
    """Nor where its key is mistyped, which is only found out when the values are checked."""
    sets = [f"secrets.{key}={MARKER}"]
    assert MARKER not in str(show.shown_values("prod", None, settings, sets))
    assert MARKER not in str(show.explained("prod", None, settings, sets))


def test_what_is_no_content_is_shown(settings: Settings) -> None:
    sets = ["secrets.mode=vault", "secrets.name=some", "secrets.vault.role=dqm", "secrets.vault.files[0].path=a"]
    shown = {path: value for path, value, _ in show.explained("prod", None, settings, sets) if path.startswith("secrets")}
    expected = {"secrets.mode": "vault", "secrets.name": "some", "secrets.vault.role": "dqm", "secrets.vault.files[0].path": "a"}
    assert shown | expected == shown


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"secrets": {"data": {"a": "x", "b": 1}, "mode": "m"}}, {"secrets": {"data": {"a": REDACTED, "b": REDACTED}, "mode": "m"}}),
        ({"secrets": {"data": "x"}}, {"secrets": {"data": REDACTED}}),
        ({"secrets": {"dat": {"a": "x"}, "name": "n"}}, {"secrets": {"dat": {"a": REDACTED}, "name": "n"}}),
        ({"secrets": "x"}, {"secrets": REDACTED}),
        ({"secrets": {"data": {}}}, {"secrets": {"data": {}}}),
        ({"secrets": {"data": None}}, {"secrets": {"data": None}}),
        ({"secrets": {}}, {"secrets": {}}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_redaction_leaves_the_rest(data: dict[str, Any], shown: dict[str, Any]) -> None:
    assert show.redact_values(data) == shown
