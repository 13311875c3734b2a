"""The command line as a whole: exit codes, errors as text and JSON, and no traceback for anybody but with -vv."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helmtool import __version__
from helmtool.cli import tags
from helmtool.cli.app import run
from helmtool.cli.options import reset
from helmtool.cli.running import run as run_operation
from helmtool.errors import HelmtoolError, Interrupted, InvalidInput, OperationFailed, Problem, Refused, Unreachable, UsageError

Capture = pytest.CaptureFixture[str]
COMMAND = ["tag", "check", "--offline", "HG0105a"]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    level = logging.getLogger("helmtool").level
    yield
    reset()
    logging.getLogger("helmtool").setLevel(level)


@pytest.fixture
def fail_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes `tag check --offline` raise something."""

    def install(error: BaseException) -> None:
        def fail(_: str) -> Any:
            raise error

        monkeypatch.setattr("helmtool.model.tag.parse_tag", fail)
        monkeypatch.setattr(tags, "parse_tag", fail, raising=False)

    return install


FAMILIES = [(OperationFailed, 1), (UsageError, 2), (InvalidInput, 3), (Refused, 4), (Unreachable, 5), (Interrupted, 130)]


@pytest.mark.parametrize(("family", "code"), FAMILIES)
def test_each_family_has_its_exit_code_as_text(fail_with: Any, capsys: Capture, family: type[HelmtoolError], code: int) -> None:
    fail_with(family("what happened", hint="what to do"))
    assert run(COMMAND) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-2:] == ["✗ what happened", "  next: what to do"]


@pytest.mark.parametrize(("number", "code"), [(errno.ENAMETOOLONG, 3), (errno.ELOOP, 3), (errno.EIO, 1)])
def test_a_name_that_cannot_be_one_is_wrong_input(fail_with: Any, capsys: Capture, number: int, code: int) -> None:
    fail_with(OSError(number, os.strerror(number), "name"))
    assert run(COMMAND) == code
    assert f"✗ name: {os.strerror(number)}" in capsys.readouterr().err


@pytest.mark.parametrize(("family", "code"), FAMILIES)
@pytest.mark.parametrize(
    "arguments", [["-o", "json", *COMMAND], [*COMMAND, "-o", "json"], [*COMMAND, "--output=json"], ["-ojson", *COMMAND]]
)
def test_each_family_as_one_json_document(
    fail_with: Any, capsys: Capture, family: type[HelmtoolError], code: int, arguments: list[str]
) -> None:
    fail_with(family("what happened", problems=[Problem("bad", "f", 1, 2, "p")]))
    assert run(arguments) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"], error["hint"]) == (family.code, "what happened", "")
    assert error["problems"] == [{"file": "f", "line": 1, "column": 2, "path": "p", "message": "bad"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "nosuch"),
        (["tag"], ""),
        (["tag", "nosuch"], "nosuch"),
        (["tag", "check"], "Missing argument"),
        (["tag", "check", "--offline", "a", "b"], "b"),
        ([*COMMAND, "--nosuch"], "--nosuch"),
        ([*COMMAND, "--output", "xml"], "xml"),
        ([*COMMAND, "--kubeconfig"], "--kubeconfig"),
        (["rollback", "prod", "none"], "none"),
        (["rollback", "prod", "0"], "0"),
    ],
)
def test_a_command_line_that_does_not_exist(capsys: Capture, arguments: list[str], said: str) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert said in out + err
    assert "✗ \n" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["nosuch"], ["tag", "check"], [*COMMAND, "--nosuch"], ["rollback", "prod", "0"]])
def test_a_usage_error_in_json(capsys: Capture, arguments: list[str]) -> None:
    assert run([*arguments, "-o", "json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "usage"
    assert error["hint"] in ("helmtool --help", f"helmtool {' '.join(arguments[:2])} --help", f"helmtool {arguments[0]} --help")


def test_without_a_command_the_help_is_shown(capsys: Capture) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "release" in out
    assert "mistake" not in err


@pytest.mark.parametrize("arguments", [COMMAND, ["-v", *COMMAND]])
def test_a_mistake_of_the_program_is_a_sentence(fail_with: Any, capsys: Capture, arguments: list[str]) -> None:
    fail_with(RuntimeError("boom"))
    assert run(arguments) == 1
    err = capsys.readouterr().err
    assert "a mistake in helmtool: RuntimeError at " in err
    assert "boom" not in err  # it may quote a value
    assert "-vv" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["-vv", *COMMAND], [*COMMAND, "-vv"], [*COMMAND, "-v", "-v"]])
def test_and_a_traceback_with_vv(fail_with: Any, capsys: Capture, arguments: list[str]) -> None:
    fail_with(RuntimeError("boom"))
    assert run(arguments) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.index("✗") < err.index("Traceback")


def test_ctrl_c(fail_with: Any, capsys: Capture) -> None:
    fail_with(KeyboardInterrupt())
    assert run([*COMMAND, "-o", "json", "-vv"]) == 130
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert "NoneType" not in err


def test_what_is_done_is_zero_and_data(capsys: Capture) -> None:
    assert run(["-q", *COMMAND, "-o", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["tag"] == "HG0105a"
    assert err == ""


def test_options_of_one_command_line_do_not_leak_into_the_next(capsys: Capture) -> None:
    assert run([*COMMAND, "-o", "json", "-q"]) == 0
    capsys.readouterr()
    assert run(COMMAND) == 0
    assert capsys.readouterr().out.startswith("HG0105a: ")


def test_the_version(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"helmtool {__version__}\n"
    assert run(["-o", "json", "--version"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": __version__}


def test_a_cancelled_operation_is_interrupted() -> None:
    async def operation() -> None:
        raise asyncio.CancelledError

    with pytest.raises(Interrupted):
        run_operation(operation())


def program(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "helmtool", *arguments], text=True, **options)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("tag", "code"), [("HG0105a", 0), ("HG3201a", 3)])
def test_closed_streams_do_not_change_the_exit_code(closed: str, tag: str, code: int) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m helmtool tag check --offline {tag} {closed}', sys.executable],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_reader_that_has_left_sees_no_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = program(*COMMAND, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "BrokenPipe" not in err


def test_a_working_directory_and_home_that_are_gone(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
    process = program("env", "list", cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "--config-dir DIR" in err


def test_a_ctrl_c_that_meets_the_start_of_a_program_prints_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def starting() -> None:
        raise KeyboardInterrupt

    async def operation() -> None:
        task = asyncio.ensure_future(starting())
        await asyncio.sleep(30)
        await task

    with pytest.raises(Interrupted, match="left as it is"):
        run_operation(operation())
    gc.collect()  # asyncio tells of an error that nobody has fetched when its task is gone
    assert not caplog.records


def test_an_operation_leaves_the_handler_of_sigterm_as_it_was() -> None:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_operation(asyncio.sleep(0))
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_of_the_whole_program(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import sys, time, pathlib, helmtool.model.tag as tag\n"
        "from helmtool.__main__ import main\n"
        "ready = pathlib.Path(sys.argv[1])\n"
        "def hang(_):\n    ready.touch()\n    time.sleep(30)\n"
        "tag.parse_tag, sys.argv[1:] = hang, ['tag', 'check', 'HG0105a']\nmain()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "ready")], stderr=subprocess.PIPE, text=True)
    for _ in range(400):
        if (tmp_path / "ready").exists():
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "✗ interrupted" in err
    assert "Traceback" not in err


def test_the_end_of_the_program_leaves_nothing_undone() -> None:
    """It is not taken apart, but its threads, what was registered for its end, and what is still to be printed come first."""
    code = (
        "import atexit, concurrent.futures, sys, threading, time\n"
        "from helmtool.__main__ import main\n"
        "atexit.register(lambda: print('registered'))\n"
        "pool = concurrent.futures.ThreadPoolExecutor(1)\n"
        "pool.submit(int).result()\n"
        "threading.Thread(target=lambda: (time.sleep(2), print('of a thread'))).start()\n"
        "sys.argv[1:] = sys.argv[1:] or ['--version']\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout.splitlines()[1:], ended.stderr) == (0, ["of a thread", "registered"], "")
    failed = subprocess.run(
        [sys.executable, "-c", code, "tag", "check", "nonsense", "--offline"], capture_output=True, text=True, timeout=60
    )
    assert (failed.returncode, failed.stdout.splitlines()) == (3, ["of a thread", "registered"])
    assert "Traceback" not in failed.stderr
