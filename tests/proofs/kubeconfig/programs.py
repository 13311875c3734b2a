"""The two programs: what each does with a combination, in the same terms."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from draft import Draft
from recorder import Record, Recorder
from worker import TIMEOUT, Worker

from helmtool.adapters import toolbox

BASE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


class Kind(StrEnum):
    """Classes of outcomes. A name that does not resolve is `REFUSED` as well: nothing arrives."""

    ANSWERED = "answered"
    TLS_REFUSED = "TLS refused"
    NOT_ANSWERED = "not answered"
    REFUSED = "refused before a connection"


@dataclass(frozen=True)
class Outcome:
    """What a program did. `plugin` is what an answered one asked an exec plugin with, `words` its error, which is not compared."""

    answered: bool
    arrived: frozenset[Record]
    plugin: Any = None
    words: str = field(default="", compare=False)

    @property
    def kind(self) -> Kind:
        """The class of the outcome."""
        if self.answered:
            return Kind.ANSWERED
        if any("TLS refused" in record for record in self.arrived):
            return Kind.TLS_REFUSED
        return Kind.NOT_ANSWERED if self.arrived else Kind.REFUSED

    def __str__(self) -> str:
        lines = [self.kind, *(f"  {' > '.join(record)}" for record in sorted(self.arrived))]
        lines += [f"  plugin asked with {json.dumps(self.plugin, sort_keys=True)}"] if self.plugin is not None else []
        lines += [f"  said: {self.words.strip()[:400]}"] if self.words.strip() else []
        return "\n".join(lines)


PROMPTS = "error: EOF"
"""What kubectl says if the user has no credentials: it asks for a name at the terminal, which is closed."""
FALLBACK = "localhost:8080"
"""The server of kubectl and helm if the kubeconfig names none, refused by helmtool: it would be a cluster that nobody named."""


def of_reference(draft: Draft, recorder: Recorder) -> Outcome:
    """What kubectl does. If it asks for a name, what helm does, which uses client-go as well but never asks; an exec becomes a get."""
    asked = ["get", "--raw", "/api/v1/namespaces/dqm"]
    if draft.kind == "exec":
        asked = ["exec", "dqm-0", "--namespace", "dqm", "--container", "dqm", "--", "true"]
    chosen = ["--context", draft.context_argument] if draft.context_argument else []
    outcome = _run(draft, recorder, [_program("kubectl"), *chosen, "--cache-dir", f"{draft.folder}/cache", *asked])
    if PROMPTS in outcome.words:
        draft.kind = "get"
        chosen = ["--kube-context", draft.context_argument] if draft.context_argument else []
        outcome = _run(draft, recorder, [_program("helm"), *chosen, "--namespace", "dqm", "list"])
    return _without_fallback(outcome)


def _without_fallback(outcome: Outcome) -> Outcome:
    fell_back = FALLBACK in outcome.words or (outcome.answered and not outcome.arrived)
    return Outcome(False, frozenset(), None, outcome.words) if fell_back else outcome


def _run(draft: Draft, recorder: Recorder, argv: list[str]) -> Outcome:
    done = subprocess.run(
        argv, env=_environment(draft), cwd=draft.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
    )
    return _outcome(draft, recorder, done.returncode == 0, done.stderr.decode(errors="replace"))


def of_helmtool(draft: Draft, recorder: Recorder, worker: Worker) -> Outcome:
    """What helmtool does. Its words begin with the error's class."""
    said = worker.ask(draft.kind, draft.kubeconfig, draft.context_argument, draft.folder, _environment(draft))
    return _outcome(draft, recorder, not said["error"], f"{said['error']}: {said['words']}" if said["error"] else "")


@functools.cache
def _program(name: str) -> str:
    return str(toolbox.find(name))


def _environment(draft: Draft) -> dict[str, str]:
    return BASE | {"HOME": f"{draft.folder}/home", "KUBECONFIG": draft.kubeconfig} | draft.environment


def _outcome(draft: Draft, recorder: Recorder, answered: bool, words: str) -> Outcome:
    arrived = frozenset(_compared(draft, recorder.take()))
    plugin = _plugin_request(draft.folder)
    return Outcome(answered, arrived, plugin if answered else None, words)


def _compared(draft: Draft, records: set[Record]) -> set[Record]:
    """The records of the one request that both programs make.

    kubectl and helm send others before it; helm lists the Secrets of the namespace instead of getting it. Without a request the way to
    the server is compared.
    """
    wanted = "/exec" if draft.kind == "exec" else "/api/v1/namespaces/dqm"
    shortened = {(*record[:-1], record[-1].replace("/namespaces/dqm/secrets", "/namespaces/dqm")) for record in records}
    return {record for record in shortened if "GET " not in record[-1] or wanted in record[-1]}


def _plugin_request(folder: Path) -> Any:
    """What an exec plugin was asked with, read from the files that it wrote; None if it was not asked."""
    if not (folder / "asked").exists():
        return None
    info, beside = (folder / name for name in ("asked", "asked-beside"))
    found = {"info": json.loads(info.read_text() or "null"), "arguments, PLUGIN_NAME, PWD": beside.read_text()}
    info.unlink()
    return found


def clean(draft: Draft) -> None:
    """Removes the combination's files."""
    shutil.rmtree(draft.folder, ignore_errors=True)
