"""helmtool with one thing going wrong in it, told by the first argument; the others are the command line.

What goes wrong has a secret in its words, as if a library or a server quoted one: so it is up to the redactor.
"""

from __future__ import annotations

import asyncio
import base64
import html
import importlib
import json
import logging
import os
import random
import shlex
import signal
import sys
import threading
import warnings
from typing import Any
from urllib.parse import quote

SPEC = json.loads(sys.argv.pop(1))
RNG = random.Random(SPEC["seed"])

from helmtool.model import redaction  # noqa: E402

if SPEC.get("broken"):
    redaction.redact_text = lambda text: text  # type: ignore[assignment]

from helmtool import __main__ as program  # noqa: E402
from helmtool.adapters.answer import Answer  # noqa: E402
from helmtool.adapters.process import Completed  # noqa: E402
from helmtool.cli.options import terminal  # noqa: E402
from helmtool.errors import InvalidInput, OperationFailed, Problem, Refused, Unreachable  # noqa: E402


def words() -> str:
    """A sentence that quotes something secret, where anything is known to be so by now."""
    known = [value for value in redaction.redactor._known if len(value) >= 8]
    if not known:
        return "no secret was read yet"
    value = RNG.choice(sorted(known))
    text = value.decode(errors="replace")
    lines = [line for line in text.splitlines() if len(line.strip()) >= 8] or [text]
    start = RNG.randrange(max(1, len(text) - 40))
    form = RNG.choice(
        [
            lambda: text,
            lambda: RNG.choice(lines),
            lambda: text[start : start + RNG.randint(40, 90)] if len(text) > 100 else text,
            lambda: base64.b64encode(value).decode(),
            lambda: base64.b64encode(b"x" * RNG.randint(1, 2) + value).decode(),
            lambda: base64.urlsafe_b64encode(value).decode(),
            lambda: json.dumps({"error": text}),
            lambda: json.dumps({"error": text}, ensure_ascii=False),
            lambda: shlex.quote(text),
            lambda: quote(value, safe=""),
            value.hex,
            lambda: value.hex(" "),
            lambda: f"[{' '.join(map(str, value))}]",
            lambda: json.dumps({"error": list(value)}),
            lambda: json.dumps({"error": text}, ensure_ascii=False).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
            lambda: json.dumps(json.dumps(json.dumps(text))),
            lambda: html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
            lambda: "".join(f"%{byte:02x}" for byte in value),
            lambda: f"https://user:{quote(value, safe='')}@host/",
            lambda: base64.b64encode(b"user:" + value).decode(),
            lambda: base64.encodebytes(value).decode(),
            lambda: repr(value),
            lambda: repr(text),
        ]
    )()
    return f"it said: {form} (that was it)"


def error() -> BaseException:
    said = words()
    problem = Problem(said, file="values/x.yaml", line=3, column=1, path=said[:200])
    return RNG.choice(
        [
            lambda: RuntimeError(said),
            lambda: OSError(5, said, "/a/file"),
            lambda: OSError(5, "input/output error", said),
            lambda: KeyError(said),
            lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, said),
            lambda: OperationFailed(said, hint=words(), problems=[problem]),
            lambda: InvalidInput("refused", problems=[problem]),
            lambda: Refused(said),
            lambda: Unreachable(said),
        ]
    )()


def fault() -> Any:
    """What happens instead of the call, or before it."""
    kind = SPEC["kind"]
    if kind == "raise":
        raise error()
    if kind == "chain":
        try:
            raise RuntimeError(words())
        except RuntimeError as cause:
            raise error() from cause
    if kind == "kill":
        os.kill(os.getpid(), RNG.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
    if kind == "talk":
        logging.getLogger("helmtool.test").info("%s and %s", words(), {"value": words()})
        logging.getLogger("other").error(words())
        terminal.warn(words())
        terminal.done("step", words())
        terminal.start("step", words())
        warnings.warn(words(), stacklevel=1)
    if kind == "thread":
        failing = threading.Thread(target=_raise)
        failing.start()
        failing.join()
    return None


def _raise() -> None:
    raise RuntimeError(words())


def wrap(owner: Any, name: str) -> None:
    original, count = getattr(owner, name), [0]

    def answered(*arguments: Any, **named: Any) -> Any:
        count[0] += 1
        if count[0] == SPEC["call"]:
            if SPEC["kind"] == "answer":
                return Answer(RNG.choice([409, 422, 500, 503, 400]), {"message": words(), "reason": words()[:300]}, (words(),))
            fault()
        return original(*arguments, **named)

    async def answered_late(*arguments: Any, **named: Any) -> Any:
        count[0] += 1
        if count[0] == SPEC["call"]:
            if SPEC["kind"] == "helm":
                return Completed(("helm",), 1, words().encode(), f"Error: UPGRADE FAILED: {words()}\n{words()}".encode())
            if SPEC["kind"] == "describe":
                named["description"] = words()
            fault()
        return await original(*arguments, **named)

    setattr(owner, name, answered_late if asyncio.iscoroutinefunction(original) else answered)


def main() -> None:
    if SPEC.get("point"):
        module, _, path = SPEC["point"].partition(":")
        owner: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        wrap(owner, name)
    program.main()


if __name__ == "__main__":
    main()
