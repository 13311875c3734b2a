"""Hints are typed as they stand: no placeholder where the real name is known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import helmtool
from helmtool.cli.app import run
from helmtool.errors import HelmtoolError

PACKAGE = Path(helmtool.__file__).parent
PLACEHOLDER = re.compile(r"\b(ENV|NAME|TAG|HOST|KIND|NUMBER)\b")
COMMAND = re.compile(r"\b(helmtool|kubectl|helm|curl|podman) [a-z-]+ ")
NAMED_ABOVE = "raised by what does not know the environment; the command line puts its name in (HelmtoolError.name_environment)"
CHOICE = "which tag to release is a person's choice"
FORM = "describes the form of what is to be given"
OPEN = "any environment whose cluster has the identity; none is named on the command line"
PLACES = "a file ends in .tar: ./HG0105a.tar; a repository is HOST/PATH: registry.cern.ch/cmsweb/newdqmgui-backup"
ENV_BY_FILE = {"adapters/helm.py": NAMED_ABOVE}
"""Where ENV may stand in any hint."""
ALLOWED = {
    ("adapters/registry/client.py", "compare image.repository: helmtool values ENV --explain; podman login "): NAMED_ABOVE,
    ("model/registry.py", "helmtool values ENV --explain"): NAMED_ABOVE,
    ("cli/running.py", "helmtool status ENV says what is pending"): NAMED_ABOVE,
    ("operations/secrets/bundle.py", "helmtool secrets check ENV says more; --identity FILE gives another identity"): NAMED_ABOVE,
    ("operations/secrets/encrypt.py", "--recipient age1…, or --env ENV"): OPEN,
    ("operations/secrets/identity.py", "--env ENV takes it from that environment's cluster"): OPEN,
    ("operations/promote.py", " TAG"): CHOICE,
    ("cli/adopt.py", " TAG"): CHOICE,
    ("model/image_layout.py", "take another copy, or make one: helmtool image backup TAG --to FILE.tar"): "nothing in a damaged file tells",
    ("model/image_layout.py", "TAG"): "the images of the file have no tag",
    ("model/chart_package.py", "--to oci://HOST/PATH, or chartRepository in values/environments.yaml"): FORM,
    ("operations/images/places.py", PLACES): FORM,
    ("cli/charts.py", "    --values values/ENV.yaml --set image.tag=TAG --server-side=true"): "a chart is published for every environment",
}
"""Where a placeholder stands, and why."""


def texts(node: ast.AST) -> Iterator[str]:
    """The constant parts of an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def hints(tree: ast.Module) -> Iterator[str]:
    """What stands in `hint=` and `fix=`, is assigned to a hint, or is a command in an f-string or another text of the program."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.keyword) and node.arg in ("hint", "fix")
        assigned = isinstance(node, ast.Assign) and any("hint" in ast.unparse(target) for target in node.targets)
        if isinstance(node, ast.keyword | ast.Assign) and (named or assigned):
            yield from texts(node.value)
        elif isinstance(node, ast.Return | ast.JoinedStr) and COMMAND.search("".join(texts(node))):
            yield from texts(node)


def found() -> set[tuple[str, str]]:
    result = set()
    for file in PACKAGE.rglob("*.py"):
        name = str(file.relative_to(PACKAGE))
        result |= {(name, text) for text in hints(ast.parse(file.read_text())) if PLACEHOLDER.search(text)}
    return {(name, text) for name, text in result if name not in ENV_BY_FILE or set(PLACEHOLDER.findall(text)) != {"ENV"}}


def test_a_hint_names_what_is_known() -> None:
    assert found() == set(ALLOWED), "put the real name in, or give the reason here"


def test_the_environment_is_named_where_it_is_known() -> None:
    error = HelmtoolError("no", hint="helmtool status ENV, then helmtool rollback ENV; ENVIRONMENT stays")
    error.name_environment(r"te\1st")
    assert error.hint == r"helmtool status te\1st, then helmtool rollback te\1st; ENVIRONMENT stays"


@pytest.mark.parametrize("command", [["tag", "next", "--env", "test4"], ["diff", "test4", "HG0105a"], ["tag", "list", "--env", "test4"]])
def test_the_command_line_puts_the_name_in(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository that is none is found by a model that knows no environment."""
    root = PACKAGE.parent
    for folder in ("charts", "schemas"):
        (tmp_path / folder).symlink_to(root / folder)
    (tmp_path / "values").mkdir()
    for file in (root / "values").iterdir():
        (tmp_path / "values" / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "values/test4.yaml").open("a") as values:
        values.write("\nimage:\n  repository: nowhere\n")
    code = run(["--config-dir", str(tmp_path), *command])
    said = capsys.readouterr().err
    assert code in (3, 5), said
    assert "ENV" not in said
