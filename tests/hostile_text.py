"""Text that others may write anywhere, and what of it may reach a terminal: nothing that it obeys or that nobody sees."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HOSTILE = (
    "\x1b[8mHIDDEN\x1b[0m\x1b[31mRED\x1b]0;TITLE\x07\x1b]8;;http://evil/\x07LINK\x1b]8;;\x07\x1b[2J\x9b31mC1\r\x08\x7f"
    "\u202eBIDI\u2066\u200bZERO\U000e0041TAG\u2028LINE\u3164FILLER"
)
FALSE_ROW = "99        HG9999z  deployed"
OWN = re.compile(r"\x1b\[(?:0|1|2|3[1236]|90)m|\r\x1b\[K|\x1b\[\d*A\r\x1b\[J")
"""What the program itself writes to a terminal: its colours, and the erasure of its progress."""


def on_terminal(folder: Path, variables: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """The exit code, and all that a terminal receives of a command line."""
    parent, child = pty.openpty()
    argv = [sys.executable, "-m", "helmtool", *arguments]
    running = subprocess.Popen(argv, cwd=folder, env={"TERM": "xterm", **variables}, stdin=child, stdout=child, stderr=child)
    os.close(child)
    seen = b""
    try:
        while part := os.read(parent, 65536):
            seen += part
    except OSError:  # the last one on the other side has left
        pass
    os.close(parent)
    return running.wait(timeout=30), seen.decode()


def in_pipe(folder: Path, variables: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """The exit code, and stdout and stderr together as a pipe receives them."""
    argv = [sys.executable, "-m", "helmtool", *arguments]
    done = subprocess.run(argv, cwd=folder, env=variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def require_harmless(shown: str, *, terminal: bool) -> None:
    """Raises AssertionError unless the hostile text is in what was shown, and only as visible characters of one line."""
    assert "HIDDEN" in shown
    assert "\x1b[31mRED" not in shown, "a colour of others"
    assert "\x1b[0m\x1b[31m" not in shown, "a colour of others"
    rest = OWN.sub("", shown.replace("\r\n", "\n")) if terminal else shown
    unseen = {f"U+{ord(c):04X}" for c in rest if not (c.isprintable() or c in "\n\t") or c == "\u3164"}
    assert not unseen, shown
    assert not re.search(rf"^{FALSE_ROW}", rest, re.MULTILINE), "a line of others"
