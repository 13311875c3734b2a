"""Real shells that complete a command line of the program, as a person sees it after Tab."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

BASH = """\
source "$1"
words="$2"
COMP_WORDS=($words)
[[ "$words" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_helmtool_completion helmtool
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source "$argv[1]"; complete -C "$argv[2]"'
PATIENCE = 20.0


@dataclass(frozen=True)
class Shells:
    """Completes in a folder with these variables; `helmtool` is on their PATH, and completes with `answer` instead if it is set."""

    folder: Path
    variables: Mapping[str, str]
    answer: bytes = b""

    def offered(self, shell: str, line: str) -> list[str]:
        """What bash or fish offers for the line, without fish's descriptions; anything on stderr fails the test."""
        require(shell)
        script = self._script(shell)
        argv = ["bash", "--norc", "-c", BASH, "bash"] if shell == "bash" else ["fish", "--no-config", "-c", FISH]
        done = subprocess.run([*argv, str(script), line], cwd=self.folder, env=self._environment, capture_output=True, timeout=PATIENCE)
        assert done.stderr == b"", done.stderr
        return [found.partition("\t")[0] for found in done.stdout.decode().splitlines() if found]

    def typed(self, line: str, until: str) -> str:
        """What a zsh at a terminal shows once the line and Tab are typed, up to the text that is waited for."""
        require("zsh")
        script = self._script("zsh")
        (self.folder / ".zshrc").write_text(f"autoload -Uz compinit; compinit -u; source {script}; PS1='ready> '\n")
        return self._typed(self.folder, line, until)

    def installed(self, shell: str, line: str) -> str:
        """What a new shell offers for the line after `--install-completion` was run in that shell; in zsh, what the first Tab shows."""
        require(shell)
        self._program()
        home = Path(self.variables["HOME"])
        install = [shell, "-c", "helmtool --install-completion; :"]
        subprocess.run(install, cwd=self.folder, env=self._environment, capture_output=True, check=True, timeout=PATIENCE)
        if shell == "zsh":
            with (home / ".zshrc").open("a") as file:
                file.write("PS1='ready> '\n")
            return self._typed(home, line, "preprod")
        after = {
            "bash": ["bash", "--norc", "-c", BASH, "bash", str(home / ".bash_completions/helmtool.sh"), line],
            "fish": ["fish", "-c", 'complete -C "$argv[1]"', line],
        }
        done = subprocess.run(after[shell], cwd=self.folder, env=self._environment, capture_output=True, check=True, timeout=PATIENCE)
        return done.stdout.decode()

    def _typed(self, settings: Path, line: str, until: str) -> str:
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(self.folder)
            os.execvpe("zsh", ["zsh", "-i"], {**self._environment, "ZDOTDIR": str(settings), "TERM": "dumb"})
        try:
            read_until(terminal, "ready> ")
            os.write(terminal, line.encode() + b"\t")
            return read_until(terminal, until)
        finally:
            os.close(terminal)
            os.waitpid(process, 0)

    @property
    def _environment(self) -> dict[str, str]:
        return dict(self.variables) | {"PATH": f"{self.folder / 'bin'}:{self.variables['PATH']}"}

    def _program(self) -> None:
        """A helmtool on PATH."""
        program = self.folder / "bin/helmtool"
        program.parent.mkdir(exist_ok=True)
        (self.folder / "answer").write_bytes(self.answer)
        answers = f"case $_HELMTOOL_COMPLETE in complete_*) exec cat {self.folder}/answer;; esac\n" if self.answer else ""
        program.write_text(f'#!/bin/sh\n{answers}exec {sys.executable} -m helmtool "$@"\n')
        program.chmod(0o755)

    def _script(self, shell: str) -> Path:
        """The shell's own script, as --install-completion writes it, and a helmtool on PATH."""
        self._program()
        argv = [sys.executable, "-m", "helmtool"]
        variables = self._environment | {"_HELMTOOL_COMPLETE": f"source_{shell}"}
        script = subprocess.run(argv, cwd=self.folder, env=variables, capture_output=True, check=True, timeout=PATIENCE).stdout
        file = self.folder / f"completion.{shell}"
        file.write_bytes(script)
        return file


def require(shell: str) -> None:
    """A shell that is missing is a skip, or a failure where the run must be complete (the variable CI)."""
    if not shutil.which(shell):
        missing = f"the shell {shell} is missing: apt-get install {shell}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


def read_until(terminal: int, text: str) -> str:
    """Reads from a terminal until the text is there."""
    seen, until = "", time.monotonic() + PATIENCE
    while text not in seen:
        assert time.monotonic() < until, seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return seen
