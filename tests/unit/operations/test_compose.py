from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from helmtool.adapters.project import Project, find_project
from helmtool.errors import UsageError
from helmtool.model.environment import Environment, SecretMode
from helmtool.model.revision import Revision
from helmtool.operations.compose import InlineSecrets, ValuesInvalid, compose, load_values
from helmtool.operations.progress import Silent
from helmtool.operations.secrets.step import SecretOptions, base_of, prepare

PROJECT: Project = find_project(Path(__file__).parents[3])
INLINE = ("secrets.mode=inline", "secrets.data.password=ZXhhbXBsZQ==")
VAULT = ("secrets.mode=vault", "secrets.vault.files={a}", "serviceAccount.name=newdqmgui-sa")


def environment(mode: SecretMode, *, protected: bool = False) -> Environment:
    return PROJECT.environment("local")._replace(secrets=mode, protected=protected)


@pytest.mark.parametrize(
    ("policy", "sets", "given", "mode", "name"),
    [
        ("existing", (), False, "existing", "newdqmgui-secrets"),
        ("existing", (), True, "versioned", "newdqmgui-secrets-placeholder"),
        ("versioned", (), False, "versioned", "newdqmgui-secrets-placeholder"),
        ("existing", ("secrets.mode=versioned",), False, "versioned", "newdqmgui-secrets-placeholder"),
        ("versioned", ("secrets.mode=existing",), False, "existing", "newdqmgui-secrets"),
        ("versioned", ("secrets.mode=existing",), True, "existing", "newdqmgui-secrets"),
        ("versioned", ("secrets.name=mine",), False, "versioned", "mine-placeholder"),
        ("versioned", VAULT, False, "vault", "newdqmgui-secrets"),
        ("versioned", INLINE, False, "inline", "newdqmgui-secrets"),
    ],
)
def test_who_decides_on_the_mode(policy: str, sets: tuple[str, ...], given: bool, mode: str, name: str) -> None:
    composed = compose(PROJECT, environment(SecretMode(policy)), "HG0105a", sets, versioned=given)
    assert (composed.secret_mode, composed.secret_name) == (mode, name)
    assert (composed.for_helm.get("secrets") or {}).get("name", "newdqmgui-secrets") == name


def test_the_name_of_a_version_reaches_helm_and_nothing_else_changes() -> None:
    composed = compose(PROJECT, environment(SecretMode.VERSIONED), "HG0105a", ["secrets.name=mine"])
    assert base_of(composed) == "mine"
    named = composed.with_secret("mine-0123456789abcdef")
    assert named.for_helm == composed.for_helm | {"secrets": {"mode": "versioned", "name": "mine-0123456789abcdef"}}
    assert composed.secret_name == "mine-placeholder"


@pytest.mark.parametrize("tag", [None, "HG0105a"])
@pytest.mark.parametrize("text", ["text", "", "3", "0", "false", "{a}"])
def test_an_image_that_is_no_map_is_named(text: str, tag: str | None) -> None:
    with pytest.raises(ValuesInvalid) as caught:
        compose(PROJECT, environment(SecretMode.EXISTING), tag, [f"image={text}"], stand_in=True)
    (problem,) = caught.value.problems
    assert (problem.path, problem.file) == ("image", "--set")


def test_inline_is_refused_where_protected() -> None:
    with pytest.raises(InlineSecrets) as caught:
        compose(PROJECT, environment(SecretMode.EXISTING, protected=True), "HG0105a", INLINE)
    assert caught.value.exit_code == 4
    assert compose(PROJECT, environment(SecretMode.EXISTING), "HG0105a", INLINE).secret_mode == "inline"


def test_what_values_shows_has_a_placeholder() -> None:
    assert load_values(PROJECT, environment(SecretMode.VERSIONED), None).data["secrets"]["name"] == "newdqmgui-secrets-placeholder"


def test_the_clusters_of_cern_make_versions() -> None:
    assert {e.name: e.secrets.value for e in PROJECT.environments().values()} == {
        "test4": "versioned",
        "preprod": "versioned",
        "prod": "versioned",
        "local": "existing",
    }


async def _prepare(sets: tuple[str, ...], options: SecretOptions) -> object:
    composed = compose(PROJECT, environment(SecretMode.EXISTING), "HG0105a", sets)
    looking: asyncio.Future[list[Revision]] = asyncio.Future()  # the other modes wait for no look at the cluster
    return (await prepare(None, composed, looking, options, Silent())).names  # type: ignore[arg-type]


@pytest.mark.parametrize("sets", [(), VAULT, INLINE])
def test_the_other_modes_have_nothing_to_apply(sets: tuple[str, ...]) -> None:
    assert asyncio.run(_prepare(sets, SecretOptions())) == {}
    with pytest.raises(UsageError, match="needs no --services-config"):
        asyncio.run(_prepare(sets, SecretOptions(services_config=Path("x"))))
