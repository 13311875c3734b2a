"""Starting programs: no shell, standard input, exit codes, and a cancel that reaches the whole process group."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helmtool.adapters import process
from helmtool.adapters.process import Completed, TooMuchOutput, run, run_apart, run_async

ECHO = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('one\\ntwo\\n'); sys.exit(int(sys.argv[1]))"
UNTOUCHED = "$(touch pwned) `id` ; * > x"


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def run_either(kind: str, argv: list[str], **options: object) -> Completed:
    if kind == "blocking":
        return run(argv, **options)  # type: ignore[arg-type]
    return asyncio.run(run_async(argv, **options))  # type: ignore[arg-type]


both = pytest.mark.parametrize("kind", ["blocking", "async"])


@both
def test_gives_both_outputs_and_the_exit_code(kind: str) -> None:
    argv = python(ECHO, "3")
    done = run_either(kind, argv, input=b"\xff data")
    assert (done.argv, done.returncode, done.stderr) == (tuple(argv), 3, b"one\ntwo\n")
    assert done.stdout.endswith(b" data")


@both
def test_no_shell_reads_the_arguments(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_either(kind, python("import sys; print(sys.argv[1], end='')", UNTOUCHED))
    assert done.stdout.decode() == UNTOUCHED
    assert list(tmp_path.iterdir()) == []


@both
def test_without_input_standard_input_is_empty_not_the_terminal(kind: str) -> None:
    assert run_either(kind, python(ECHO, "0")).stdout == b""


@both
def test_much_input_and_output_do_not_block_each_other(kind: str) -> None:
    data = b"x" * 3_000_000
    assert run_either(kind, python(ECHO, "0"), input=data).stdout == data


@both
def test_the_environment_is_replaced(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEFT_OUT", "1")
    done = run_either(kind, python("import os; print(sorted(k for k in os.environ if k in ('A', 'LEFT_OUT')))"), env={"A": "1"})
    assert done.stdout == b"['A']\n"


@both
def test_a_program_ended_by_a_signal_has_a_negative_exit_code(kind: str) -> None:
    assert run_either(kind, python("import os; os.kill(os.getpid(), 9)")).returncode == -9


@both
def test_a_program_that_is_not_there_or_not_a_program(kind: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_either(kind, [str(tmp_path / "nosuch")])
    file = tmp_path / "file"
    file.write_text("no program")
    with pytest.raises(PermissionError):
        run_either(kind, [str(file)])


@both
def test_the_log_shows_the_arguments_and_never_the_input_or_the_environment(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "helmtool"):
        run_either(kind, python(ECHO, "0"), input=b"s3cret-input", env={"TOKEN": "s3cret-env"})
    assert "s3cret" not in caplog.text
    assert "run: " in caplog.text


def test_a_blocking_program_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run(python("import time; time.sleep(30)"), timeout=0.2)
    assert time.monotonic() - started < 10


STAYS = "trap '' TERM; sleep 300 & echo $! >{folder}/child; while :; do sleep 0.1; done"


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_program_apart_is_ended_with_what_it_started(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_apart(["/bin/sh", "-c", STAYS.format(folder=tmp_path)], env=dict(os.environ), timeout=2.0)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 30
    while not is_gone(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_program_apart_has_neither_input_nor_a_terminal() -> None:
    script = "read -r line || echo no input; (: </dev/tty) 2>/dev/null || echo no terminal; echo said >&2; exit 3"
    done = run_apart(["/bin/sh", "-c", script], env={"PATH": os.environ["PATH"]}, timeout=30.0)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"no input\nno terminal\n", b"said\n")


def test_a_program_that_does_not_end_in_time_is_asked_to_and_then_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.5)
    for script in ("sleep 300", "trap '' TERM; while :; do sleep 0.1; done"):
        with pytest.raises(subprocess.TimeoutExpired):
            asyncio.run(run_async(["/bin/sh", "-c", script], seconds=1.0))


def test_lines_on_stderr_are_handed_on() -> None:
    seen: list[str] = []
    asyncio.run(run_async(python(ECHO, "0"), on_stderr=seen.append))
    assert seen == ["one", "two"]


PARENT = """
import os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
child = subprocess.Popen([sys.executable, "-c", '''
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path(sys.argv[1], "child-cleaned").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(sys.argv[1], "child-ready").touch()
time.sleep(30)
''', str(folder)])
def stop(*_):
    time.sleep(0.3)
    child.wait()
    (folder / "parent-cleaned").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
(folder / "pids").write_text(f"{os.getpid()} {child.pid}")
time.sleep(30)
"""


async def _start_and_cancel(folder: Path, cancels: int = 1) -> float:
    task = asyncio.create_task(run_async(python(PARENT, str(folder))))
    for _ in range(200):
        if (folder / "child-ready").exists() and (folder / "pids").exists():
            break
        await asyncio.sleep(0.05)
    cancelled = time.monotonic()
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - cancelled


@pytest.mark.parametrize("cancels", [1, 3])
def test_a_cancel_reaches_the_whole_group_and_waits_until_it_has_cleaned_up(tmp_path: Path, cancels: int) -> None:
    waited = asyncio.run(_start_and_cancel(tmp_path, cancels))
    assert waited < 10
    assert (tmp_path / "child-cleaned").exists(), "the program's own child was not told"
    assert (tmp_path / "parent-cleaned").exists(), "the program was not waited for"
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Also true for a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_program_is_in_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it() -> None:
    done = asyncio.run(run_async(python("import os; print(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())")))
    assert done.stdout == b"True True\n"


SHOW = "import os; print(os.environ.get('SOPS_AGE_KEY'), os.environ.get('OTHER'))"


def test_a_persons_key_is_inherited_by_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY", "k")
    monkeypatch.setenv("OTHER", "o")
    assert process.run(python(SHOW)).stdout == b"None o\n"
    assert process.run(python(SHOW), env={**os.environ}).stdout == b"None o\n"
    assert asyncio.run(run_async(python(SHOW))).stdout == b"None o\n"
    assert process.run(python(SHOW), env={}, secrets={"SOPS_AGE_KEY": "k"}).stdout == b"k None\n"


def test_a_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "with space; and $more"
    folder.mkdir()
    with process.removed_at_the_end(folder):
        (folder / "file").touch()
        assert folder.exists()
    assert not folder.exists()
    assert tmp_path.exists()


def test_a_program_on_the_terminal_gives_its_code_and_is_ended_with_the_wait(tmp_path: Path) -> None:
    assert process.run_on_terminal(python("import sys; sys.exit(3)"), {}) == 3
    pid = tmp_path / "pid"
    script = f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(30)"

    def ended(*_: object) -> None:
        raise InterruptedError

    kept = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(InterruptedError):
            process.run_on_terminal(python(script), {})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)
    assert not pid.exists() or not _runs(int(pid.read_text()))


def test_what_is_killed_is_the_programs_of_one_work_alone() -> None:
    async def work(seconds: str) -> Completed:
        process.begin_work()
        asyncio.get_running_loop().call_later(float(seconds), process.kill_running)
        return await run_async(python("import time; time.sleep(2)"))

    async def two() -> list[Completed]:
        return await asyncio.gather(work("0.5"), work("30"))

    killed, other = asyncio.run(two())
    assert (killed.returncode, other.returncode) == (-signal.SIGKILL, 0)


def run_any(kind: str, argv: list[str]) -> Completed:
    return run_apart(argv, env=dict(os.environ), timeout=60.0) if kind == "apart" else run_either(kind, argv)


@pytest.mark.parametrize("kind", ["blocking", "async", "apart"])
@pytest.mark.parametrize("stream", ["/dev/stdout", "/dev/stderr"])
def test_a_program_that_prints_without_end_is_ended(kind: str, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LARGEST", 1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooMuchOutput, match="/bin/sh printed more than 1 MiB"):
        run_any(kind, ["/bin/sh", "-c", f"exec cat /dev/zero >{stream}"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB
    assert len(run_any(kind, ["/bin/sh", "-c", f"head -c {1 << 20} /dev/zero"]).stdout) == 1 << 20
