"""The pages of --help that are made beforehand, and the commands that are built when they are named."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from helmtool.cli.app import app, run
from helmtool.cli.commands import PLACES, name_of
from helmtool.cli.help import HERE, plain, print_help

OTHERWISE = ("COLUMNS", "TERMINAL_WIDTH", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "NO_COLOR")
LOADED = """
import atexit, sys
from helmtool.__main__ import main
HEAVY = {"typer", "rich", "asyncio", "yaml", "kubernetes"}
atexit.register(lambda: print(*sorted({n.partition(".")[0] for n in sys.modules} & HEAVY), file=sys.stderr))
sys.argv = ["helmtool", *sys.argv[1:]]
main()
"""


def paths() -> list[tuple[str, ...]]:
    """Every command and group, as words."""
    found: list[tuple[str, ...]] = [()]
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        found += [(name,), *((name, below) for below in getattr(command, "commands", {}))]
    return found


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHERWISE:
        monkeypatch.delenv(name, raising=False)


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in OTHERWISE} | variables
    return subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, env=environment)


def on_a_terminal(*arguments: str, columns: int = 100, **variables: str) -> str:
    main, side = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in OTHERWISE} | {"TERM": "xterm"} | variables
    import fcntl
    import struct
    import termios

    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen([sys.executable, "-m", "helmtool", *arguments], stdout=side, stderr=side, env=environment) as process:
        os.close(side)
        read = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:
                break
            read += part
        process.wait()
    os.close(main)
    return read.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("words", paths(), ids=" ".join)
def test_the_page_is_what_typer_gives(words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert print_help([*words, "-h"])
    quick = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*words, "--help"]) == 0
    assert capsys.readouterr().out == quick


def test_nothing_else_is_a_page() -> None:
    pages = {Path(HERE) / f"{'-'.join(words or ('helmtool',))}.txt" for words in paths()}
    assert set(Path(HERE).iterdir()) == pages


@pytest.mark.parametrize(
    "arguments", [[], ["release"], ["release", "prod", "--help"], ["../../README", "-h"], ["--help", "release"], ["-h", "-h"]]
)
def test_what_is_no_page_is_left_to_typer(arguments: list[str]) -> None:
    assert not print_help(arguments)


@pytest.mark.parametrize("name", ["COLUMNS", "FORCE_COLOR"])
def test_who_wants_it_otherwise_gets_it_from_typer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "120")
    assert not print_help(["--help"])


def test_help_loads_nothing() -> None:
    shown = started("release", "--help")
    assert (shown.returncode, shown.stderr) == (0, "\n")
    assert "--no-rollback" in shown.stdout
    assert started("--version").stderr == "typer\n"


def test_what_cannot_be_written_is_an_error() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        shown = subprocess.run([sys.executable, "-m", "helmtool", "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert shown.returncode == 1
    assert "No space left" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_terminal_has_colours_and_its_width() -> None:
    wide = on_a_terminal("tag", "check", "--help")
    assert "\x1b[1;36m" in wide
    assert on_a_terminal("tag", "check", "--help", NO_COLOR="1") == plain(wide) == on_a_terminal("tag", "check", "--help", TERM="dumb")
    narrow = on_a_terminal("tag", "check", "--help", columns=60)
    assert max(len(line) for line in plain(narrow).splitlines()) == 60


def test_each_command_stands_where_it_is_looked_for() -> None:
    found = {}
    for module in dict.fromkeys(PLACES.values()):
        loaded = import_module(f"helmtool.cli.{module}")
        if not hasattr(loaded, "app"):
            alone = typer.Typer()
            loaded.add_to(alone)
            found |= {name_of(command): module for command in alone.registered_commands}
    groups = {name: module for name, module in PLACES.items() if hasattr(import_module(f"helmtool.cli.{module}"), "app")}
    assert {**found, **groups} == PLACES


def test_a_command_imports_no_other() -> None:
    code = "import sys; from helmtool.cli.app import run; run(['tag', 'check', 'HG0105a', '--offline']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "helmtool.cli.tags" in loaded
    assert not {f"helmtool.cli.{module}" for module in PLACES.values()} & set(loaded) - {"helmtool.cli.tags"}
