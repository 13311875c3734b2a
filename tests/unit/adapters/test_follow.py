"""A program whose lines are handed on while it runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from helmtool.adapters import process
from helmtool.adapters.process import follow


def python(code: str) -> list[str]:
    return [sys.executable, "-uc", code]


def test_lines_of_both_outputs_come_in_order_and_at_once() -> None:
    seen: list[tuple[float, str]] = []
    code = "import sys, time; print('one'); sys.stderr.write('two\\r\\n'); time.sleep(0.6); print('b\\xff', end=''); sys.exit(3)"
    with follow(python(code), lambda line: seen.append((time.monotonic(), line))) as running:
        assert running.wait(0.01) is None
        assert running.wait() == 3
    assert [line for _, line in seen] == ["one", "two", "b\xff"]
    assert seen[2][0] - seen[0][0] > 0.4


def interrupted(code: str) -> None:
    """Follows the program until it says something, then is interrupted."""
    seen: list[str] = []
    with follow(python(code), seen.append):
        while not seen:
            time.sleep(0.02)
        raise KeyboardInterrupt


def test_what_is_not_waited_for_is_ended(tmp_path: Path) -> None:
    end = f"def end(*_): open({str(tmp_path / 'told')!r}, 'w'); sys.exit(0)"
    with pytest.raises(KeyboardInterrupt):
        interrupted(f"import signal, sys, time\n{end}\nsignal.signal(15, end); print('up'); time.sleep(60)")
    assert (tmp_path / "told").exists()


def test_what_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.3)
    seen: list[str] = []
    with follow(python("import os, signal, time; signal.signal(15, signal.SIG_IGN); print(os.getpid()); time.sleep(60)"), seen.append):
        while not seen:
            time.sleep(0.02)
    with pytest.raises(ProcessLookupError):
        os.kill(int(seen[0]), 0)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), follow([str(tmp_path / "none")], print):
        pass
