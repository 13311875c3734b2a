"""The house: imports go one way, each outside thing has its one place, and starting up loads nothing heavy.

Imports inside functions count as well: they are lazy, not exempt.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import helmtool
from helmtool.cli.help import OTHERWISE

PACKAGE = Path(helmtool.__file__).parent
LAYERS = ("cli", "operations", "adapters", "model", "errors")
STARTS_PROGRAMS = {
    "subprocess",
    "multiprocessing",
    "pty",
    "os.system",
    "os.popen",
    "os.fork",
    "os.execv",
    "os.execvp",
    "os.execvpe",
    "os.posix_spawn",
}
STARTS_PROGRAMS |= {"asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "asyncio.subprocess"}
NOT_IN_MODEL = {
    "os",
    "subprocess",
    "socket",
    "time",
    "asyncio",
    "threading",
    "random",
    "shutil",
    "tempfile",
    "urllib.request",
    "http",
    "logging",
}
NOT_IN_MODEL |= {"pathlib", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today"}
# An exception type starts nothing.
ALLOWED = {("adapters", "subprocess.TimeoutExpired")}


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every imported module, and every dotted name that starts at an imported one, each with its line."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                aliases[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
                yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
                yield node.lineno, f"import {module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)) and (name := _dotted(node)):
            first, _, rest = name.partition(".")
            if first in aliases:
                yield node.lineno, aliases[first] + (f".{rest}" if rest else "")
            elif first == "print" and not rest:
                yield node.lineno, "print"


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (inner := _dotted(node.value)):
        return f"{inner}.{node.attr}"
    return ""


def within(name: str, forbidden: set[str]) -> bool:
    return any(name == other or name.startswith(f"{other}.") for other in forbidden)


def violations(file: str, source: str) -> list[str]:
    """What one module of the package does that its layer may not; `file` is relative to the package."""
    layer = Path(file).parts[0].removesuffix(".py")
    found = []
    tree = ast.parse(source)
    only_exception = _only_for_exceptions(tree)
    for line, used in names_used(tree):
        name = used.removeprefix("import ")
        reason = _reason(layer, file, name, used.startswith("import "))
        if reason and not (
            name in {"subprocess", "subprocess.TimeoutExpired"} and only_exception and (layer, "subprocess.TimeoutExpired") in ALLOWED
        ):
            found.append(f"{file}:{line}: {reason}: {name}")
    return sorted(set(found))


def _only_for_exceptions(tree: ast.AST) -> bool:
    return {name for _, name in names_used(tree) if within(name, {"subprocess"})} <= {"subprocess", "subprocess.TimeoutExpired"}


def _reason(layer: str, file: str, name: str, imported: bool) -> str:
    if name == "print":
        return "prints"
    if imported and name.startswith("."):
        return "imports relatively"
    if imported and name.startswith("helmtool.") and layer in LAYERS:
        other = name.split(".")[1]
        if other in LAYERS and LAYERS.index(other) < LAYERS.index(layer):
            return f"{layer} imports {other}"
    if layer != "cli" and within(name, {"typer", "rich", "click"}):
        return "typer is the command line's"
    if file != "adapters/process.py" and within(name, STARTS_PROGRAMS):
        return "programs are started by adapters/process.py"
    if layer in ("model", "errors") and within(name, NOT_IN_MODEL):
        return "the model knows no outside world"
    return ""


def test_the_package_keeps_to_its_layers() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 20
    found = [line for file in files for line in violations(file.relative_to(PACKAGE).as_posix(), file.read_text())]
    assert found == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("model/a.py", "from helmtool.adapters import helm"),
        ("model/a.py", "from helmtool.adapters.helm import Helm"),
        ("model/a.py", "import helmtool.operations.release"),
        ("model/a.py", "def f():\n    from helmtool.cli.app import run"),
        ("model/a.py", "from ..adapters import helm"),
        ("model/a.py", "import os"),
        ("model/a.py", "def f():\n    from time import sleep"),
        ("model/a.py", "from datetime import datetime\nx = datetime.now()"),
        ("model/a.py", "import datetime as d\nx = d.datetime.now(d.UTC)"),
        ("model/a.py", "import subprocess\nx = subprocess.TimeoutExpired"),
        ("errors.py", "from helmtool.model.tag import Tag"),
        ("adapters/a.py", "from helmtool.operations.guard import Settings"),
        ("adapters/a.py", "from subprocess import run"),
        ("adapters/a.py", "import subprocess\nsubprocess.run(['x'])\ntry: ...\nexcept subprocess.TimeoutExpired: ..."),
        ("adapters/a.py", "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('x')"),
        ("adapters/a.py", "import os\nos.system('x')"),
        ("operations/a.py", "from helmtool.cli.terminal import Terminal"),
        ("operations/a.py", "def f():\n    import typer"),
        ("operations/a.py", "print('x')"),
        ("cli/a.py", "import subprocess"),
        ("cli/a.py", "print('x')"),
    ],
)
def test_the_check_itself_finds(file: str, source: str) -> None:
    assert violations(file, source)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("cli/a.py", "import typer\nfrom helmtool.operations.release import release\nfrom helmtool.adapters import local"),
        ("operations/a.py", "import os, time\nfrom helmtool.adapters.helm import Helm\nfrom helmtool.errors import Refused"),
        ("adapters/a.py", "import subprocess\ntry: ...\nexcept subprocess.TimeoutExpired: ..."),
        ("adapters/process.py", "import subprocess\nsubprocess.run(['x'])"),
        ("model/a.py", "from datetime import datetime\nx = datetime.fromisoformat('')\nfrom helmtool.errors import Problem"),
        ("model/a.py", "class A:\n    def print(self): ..."),
    ],
)
def test_the_check_itself_lets_pass(file: str, source: str) -> None:
    assert violations(file, source) == []


HEAVY = {"kubernetes", "pyhelm3", "pydantic", "jsonschema", "urllib3", "requests"}


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY | {"yaml", "typer"}),
        (["--version"], HEAVY | {"yaml", "rich"}),
        (["tag", "check", "HG0105a", "--offline"], HEAVY | {"yaml", "rich"}),
    ],
    ids=["help", "version", "tag-check"],
)
def test_what_needs_no_cluster_starts_without_its_libraries(arguments: list[str], heavy: set[str]) -> None:
    argv = [sys.executable, "-X", "importtime", "-m", "helmtool", *arguments]
    usual = {name: value for name, value in os.environ.items() if name not in OTHERWISE}
    done = subprocess.run(argv, env=usual, capture_output=True, text=True, check=True, timeout=60)
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "helmtool" in loaded
    assert ("typer" in loaded) != ("typer" in heavy)
    assert loaded & heavy == set()
