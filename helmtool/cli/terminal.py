"""What a person or a script sees: data on stdout, news and diagnostics on stderr; the only place that knows colours."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

import typer

from helmtool.cli.harmless import harmless, one_line
from helmtool.cli.last_words import RedactedFormatter
from helmtool.errors import HelmtoolError, OperationFailed, Problem
from helmtool.model.redaction import redact_document, redact_lines, redact_text
from helmtool.model.text import is_visible, visible
from helmtool.operations.clock import now
from helmtool.operations.settings import Settings

if TYPE_CHECKING:
    from helmtool.cli.live import Line, Pace
    from helmtool.model.rollout_view import RolloutView

WIDTH = 80
MOST_PROBLEMS = 100
"""Of one error; more scroll away what was said first."""
MARKS = {"done": ("✓", "green"), "skip": ("-", "bright_black"), "warn": ("!", "yellow"), "start": ("…", "cyan"), "error": ("✗", "red")}
OWN = "\ue000" + "".join(chr(0xE000 + byte) for byte in secrets.token_bytes(8))
"""Stands for the escape character of our own colours until a text is written. Nobody else knows it: their colours are shown as text."""
COLOUR = re.compile(rf"({OWN}\[[0-9;]*m)")
ERASE = "\r\x1b[K"
ERASE_BELOW = "\x1b[J"
ASCII_MARKS = {"done": "ok", "skip": "--", "warn": "!!", "start": "..", "error": "xx"}


@dataclass
class Terminal:
    """The options that hold for every command, and the two streams. Is the `Progress` of the operations."""

    settings: Settings = field(default_factory=Settings)
    output: str = "text"
    verbose: int = 0
    quiet: bool = False
    no_color: bool = False
    beside_error: Mapping[str, Any] = field(default_factory=dict)
    """What the JSON document of an error has beside it: what a command has done before it failed."""
    _unfinished: bool = field(default=False, init=False)
    _block: Sequence[Line] = field(default=(), init=False)
    _pace: Pace | None = field(default=None, init=False)

    @property
    def as_json(self) -> bool:
        """Whether stdout is to carry one JSON document and nothing else."""
        return self.output == "json"

    def start(self, step: str, text: str) -> None:
        """Says that a step goes on; a terminal shows it until the next news, a log keeps it."""
        if self._draws:
            self._wipe_block()
            room = max(shutil.get_terminal_size().columns - len(step.ljust(9)) - 4, 0)
            self._write(sys.stderr, f"{ERASE}{self.mark('start', sys.stderr)} {step:<9} {one_line(text)[:room]}")
            self._unfinished = True
        else:
            self._news("start", step, text)

    def done(self, step: str, text: str) -> None:
        """Says that a step is complete."""
        self._news("done", step, text)

    def skip(self, step: str, reason: str) -> None:
        """Says which step is left out, and why."""
        self._news("skip", step, reason if self.as_json else f"skipped: {reason}")

    def watching(self, view: RolloutView) -> None:
        """Shows a rollout under way: on a terminal all of it, until the next news; a log has a line at each change."""
        from helmtool.cli import live

        pace = self._pace = self._pace or live.Pace()
        if self.quiet:
            return
        if self.as_json:
            if pace.changed(view):
                self._json_line("watch", "watch", view.headline, live.document(view))
        elif not self._draws or self.verbose:  # the lines of -v would tear the block
            if news := pace.news(view):
                self._news("start", "watch", news)
        elif pace.draws():
            self._draw(view)

    def _draw(self, view: RolloutView) -> None:
        from helmtool.cli import live

        if not view.pods and not view.events:
            self.start("watch", f"{view.name}: {view.text}")  # drawing a block takes a tenth of a second to learn
            return
        self._wipe()
        size = shutil.get_terminal_size()
        colours = self._colours(sys.stderr)
        self._block = live.block(view, self._plain_mark("start", sys.stderr), size.columns, size.lines, colours=colours)
        # The cursor waits at the start of a line: the ^C that a terminal shows there makes no line longer.
        self._write(sys.stderr, "\n".join(line.written for line in self._block) + "\r")

    def warn(self, text: str) -> None:
        """Says something that a person should know; also with --quiet."""
        if self.as_json:
            self._json_line("warn", "", text)
            return
        self.line(sys.stderr, self.mark("warn", sys.stderr) + " " + harmless(text))

    def say(self, text: str) -> None:
        """A sentence on stderr that is not part of the data."""
        if not self.quiet:
            self.line(sys.stderr, text)

    def data(self, text: str) -> bool:
        """Data on stdout, redacted and without what a terminal obeys.

        Gives whether somebody still reads. Raises OperationFailed where it cannot be kept, as on a full disk.
        """
        return self._out(_tamed(redact_text(text)))

    def document(self, document: Mapping[str, Any] | Sequence[Any]) -> None:
        """The one JSON document of the command; each text in it is redacted by itself, so that it stays one."""
        redacted = redact_document(document)
        text = json.dumps(redacted, indent=2, ensure_ascii=False)
        as_it_is = _speaks_unicode(sys.stdout) and is_visible(text, besides="\n")
        self._out(text if as_it_is else json.dumps(redacted, indent=2))

    def diff(self, lines: Sequence[str], stream: TextIO | None = None) -> None:
        """Lines of a unified diff, coloured on a terminal."""
        target = stream or sys.stdout
        self._wipe()
        self._write(target, "".join(self._coloured(_tamed(line), target) + "\n" for line in redact_lines(lines)))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO | None = None) -> None:
        """Rows in columns, on stdout where no stream is named; on a terminal a line that is too long ends in an ellipsis."""
        rows = [[*map(one_line, row)] for row in rows]
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header) - 1)]
        room = shutil.get_terminal_size().columns if _is_terminal(stream or sys.stdout) else None
        for row in [header, *rows]:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            line = "  ".join([*cells, row[-1]]).rstrip()
            fitting = line if room is None or len(line) <= room else line[: room - 1] + "…"
            if stream:
                self.line(stream, fitting)
            else:
                self.data(fitting)

    def error(self, error: HelmtoolError, about: str = "") -> None:
        """An error: one JSON document, or sentences with the place of every problem and the next command; `about` is one of several."""
        if self.as_json:
            self.document({**self.beside_error, "error": error.as_dict()})
            return
        self.line(sys.stderr, f"{self.mark('error', sys.stderr)} {f'{about}: ' if about else ''}{harmless(error.message)}")
        for problem in error.problems[:MOST_PROBLEMS]:
            if problem.message != error.message:
                self.line(sys.stderr, self._problem(problem))
        if (more := len(error.problems) - MOST_PROBLEMS) > 0:
            self.line(sys.stderr, f"  and {more} more; -o json has them all")
        if error.hint:
            self.line(sys.stderr, f"  {self.paint('next:', sys.stderr, 'bright_black')} {harmless(error.hint)}")

    def paint(self, text: str, stream: TextIO, colour: str | None = None, *, bold: bool = False) -> str:
        """The text in a colour, where the stream is a terminal that wants it."""
        return typer.style(text, fg=colour, bold=bold or None).replace("\x1b", OWN) if self._colours(stream) else text

    def _problem(self, problem: Problem) -> str:
        position = f":{problem.line}:{problem.column}" if problem.line else ""
        where = harmless(": ".join(part for part in (f"{problem.file}{position}" if problem.file else "", problem.path) if part))
        message = harmless(problem.message)
        return f"  {self.paint(where, sys.stderr, bold=True)}: {message}" if where else f"  {message}"

    @property
    def _draws(self) -> bool:
        """Whether somebody looks at a terminal where what was shown can be replaced."""
        return not self.quiet and not self.as_json and _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"

    def _json_line(self, kind: str, step: str, text: str, more: Mapping[str, Any] | None = None) -> None:
        """One object on a line of stderr; only ASCII, so that it means nothing to a terminal."""
        news = redact_document({"time": now(), "step": step, "state": kind, "text": text, **(more or {})})
        self._write(sys.stderr, json.dumps(news) + "\n")

    def _news(self, kind: str, step: str, text: str) -> None:
        if self.quiet:
            return
        if self.as_json:
            self._json_line(kind, step, text)
        else:
            self.line(sys.stderr, f"{self.mark(kind, sys.stderr)} {step:<9} {one_line(text)}")

    def mark(self, kind: str, stream: TextIO | None) -> str:
        """The sign of a kind of news, as the stream can show it: `done`, `skip`, `warn`, `start`, `error`."""
        mark = self._plain_mark(kind, stream)
        return self.paint(mark, stream, MARKS[kind][1]) if stream else mark

    def _plain_mark(self, kind: str, stream: TextIO | None) -> str:
        mark = MARKS[kind][0]
        encoding = getattr(stream, "encoding", None) or "ascii"
        try:
            mark.encode(encoding)
        except UnicodeEncodeError:
            mark = ASCII_MARKS[kind]
        return mark

    def _coloured(self, line: str, stream: TextIO) -> str:
        if line.startswith(("---", "+++")):
            return self.paint(line, stream, bold=True)
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        return self.paint(line, stream, colour) if colour else line

    def _colours(self, stream: TextIO | None) -> bool:
        plain = self.no_color or self.as_json or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return not plain and _is_terminal(stream)

    def line(self, stream: TextIO | None, text: str) -> None:
        """One line on a stream that may be closed, redacted; what a step showed of its progress is wiped first."""
        if self.as_json and stream is sys.stderr:
            self._json_line("note", "", text.strip())
            return
        self._wipe()
        self._write(stream, _tamed(redact_text(text)) + "\n")

    def _out(self, text: str) -> bool:
        self._wipe()
        return self._write(sys.stdout, text if text.endswith("\n") or not text else text + "\n")

    def _wipe(self) -> None:
        self._wipe_block()
        if self._unfinished:
            self._unfinished = False
            self._write(sys.stderr, ERASE)

    def _wipe_block(self) -> None:
        """Goes up to the block's first line; one that is wider than a terminal made narrower meanwhile takes several rows."""
        if self._block:
            columns = max(shutil.get_terminal_size().columns, 1)
            up = sum(max(-(-line.width // columns), 1) for line in self._block[:-1])
            self._block = ()
            self._write(sys.stderr, (f"\x1b[{up}A" if up else "") + "\r" + ERASE_BELOW)

    def _write(self, stream: TextIO | None, text: str) -> bool:
        """Whether it was written: a stream that is closed, or whose reader has left, never stops an operation."""
        if stream is None:
            return False
        try:
            stream.write(_writable(text.replace(OWN, "\x1b"), stream))
            stream.flush()
        except (BrokenPipeError, ValueError):
            _silence(stream)
            return False
        except OSError as error:
            _silence(stream)
            if stream is sys.stdout:
                self.output = "text"  # the document is lost, stderr may be read
                raise OperationFailed(f"the output cannot be written: {error.strerror}", hint="df -h .") from None
            return False
        return True


def _tamed(text: str) -> str:
    """The text with an escape for each character that cannot be seen; our own colours stay."""
    return "".join(piece if COLOUR.fullmatch(piece) else visible(piece, besides="\n\t") for piece in COLOUR.split(text))


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at the stream; a closed one raises where it is asked."""
    with contextlib.suppress(ValueError):
        return stream is not None and stream.isatty()
    return False


def _speaks_unicode(stream: TextIO | None) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def _writable(text: str, stream: TextIO) -> str:
    """The text with a question mark for what the stream's encoding does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _silence(stream: TextIO) -> None:
    """Points a broken stream at nothing, so that the interpreter's last flush does not complain."""
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)


def log_to_stderr(verbose: int) -> None:
    """-v shows every program that is started, -vv every request too."""
    logging.basicConfig(stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(RedactedFormatter("%(name)s: %(message)s"))
    logging.getLogger("helmtool").setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
