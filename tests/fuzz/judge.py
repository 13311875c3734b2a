"""What holds for every input: an exit code of the contract, one document, a whole error, nothing that a terminal obeys, no secret."""

from __future__ import annotations

import json
from typing import Any

from cases import Case
from forkserver import Ran

TRACES = ("Traceback", "Exception ignored", "a mistake in helmtool", "ERROR:root", "MemoryError", "RecursionError")
CPU_SECONDS = 5.0
LARGEST_SAID = 256 << 10
"""Bytes on stderr: an error that scrolls everything away helps nobody."""


def judge(case: Case, ran: Ran) -> list[str]:
    """What is wrong; nothing where all is well."""
    out, err = ran.out.decode("utf-8", "surrogateescape"), ran.err.decode("utf-8", "surrogateescape")
    found = [*_limits(ran), *_code(case, ran), *_text(case, out, err)]
    found += _as_document(case, ran.code, out) if case.as_json else _as_sentences(case, ran.code, out, err)
    if case.check and not found and (said := case.check(ran.code, out, err)):
        found.append(said)
    return found


def _limits(ran: Ran) -> list[str]:
    found = ["hangs"] if ran.hung else []
    found += [f"took {ran.cpu:.1f} s of CPU"] if ran.cpu > CPU_SECONDS else []
    return found + ([f"wrote {len(ran.err)} bytes to stderr"] if len(ran.err) > LARGEST_SAID else [])


def _code(case: Case, ran: Ran) -> list[str]:
    return [] if ran.code in case.allowed else [f"exit code {ran.code}, expected one of {sorted(case.allowed)}"]


def _text(case: Case, out: str, err: str) -> list[str]:
    verbose = sum(argument.count("v") for argument in case.arguments if set(argument) == {"-", "v"})
    found = [f"says {trace!r}" for trace in TRACES[verbose > 1 :] if trace in out + err]  # with -vv a traceback is what was asked for
    found += [f"stderr has U+{ord(c):04X}" for c in err[:LARGEST_SAID] if not (c.isprintable() or c == "\n")][:1]
    found += [f"stdout has U+{ord(c):04X}" for c in out if not (c.isprintable() or c in "\n\t")][:1]
    return found + (["shows the canary"] if case.canary and case.canary in out + err else [])


def _as_document(case: Case, code: int, out: str) -> list[str]:
    try:
        document = json.loads(out)
    except (ValueError, RecursionError):
        return ["stdout is not one JSON document"]
    error = document.get("error") if isinstance(document, dict) else None
    if code == 0 or (case.documents and error is None):
        return ["an error, and exit code 0"] if code == 0 and error else []
    if not isinstance(error, dict):
        return ["no error in the document"]
    return _error(case, code, error)


def _error(case: Case, code: int, error: dict[str, Any]) -> list[str]:
    found = [f"the error has no {key}" for key in ("code", "message", "hint") if not isinstance(error.get(key), str) or not error[key]]
    problems = error.get("problems")
    if not isinstance(problems, list):
        return [*found, "the error has no list of problems"]
    for problem in problems:
        if set(problem) != {"file", "line", "column", "path", "message"} or not problem["message"]:
            found.append(f"not a whole problem: {problem}")
        elif error.get("code") == "invalid-yaml" and not (problem["file"] and problem["line"] > 0 and problem["column"] > 0):
            found.append(f"a problem without a place: {problem}")
    said = json.dumps([error.get("message"), error.get("hint"), problems], ensure_ascii=False)
    return found + _named(case, code, said)


def _as_sentences(case: Case, code: int, out: str, err: str) -> list[str]:
    if code == 0 or case.documents:
        return []
    found = ["data on stdout beside an error"] if out else []
    if not err.strip():
        return [*found, "not a word on stderr"]
    return found + ([] if "next: " in err or "Usage: " in err else ["no next command"]) + _named(case, code, err)


def _named(case: Case, code: int, said: str) -> list[str]:
    named = code != 3 or not case.names or any(name in said for name in case.names)
    return [] if named else [f"names none of {', '.join(case.names)}"]
