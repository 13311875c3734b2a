"""The two programs: what each does with a combination, in the same terms."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from draft import Draft
from recorder import Record, Recorder
from worker import TIMEOUT, Worker

from helmtool.adapters import toolbox

BASE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Outcome:
    """What a program did. `plugin` is what it asked an exec plugin with, `words` its error, which is not compared."""

    answered: bool
    arrived: frozenset[Record]
    plugin: Any = None
    words: str = field(default="", compare=False)

    @property
    def kind(self) -> str:
        """The class of the outcome."""
        if self.answered:
            return "answered"
        if any("TLS refused" in record for record in self.arrived):
            return "TLS refused"
        return "not answered" if self.arrived else "refused before a connection"

    def __str__(self) -> str:
        lines = [self.kind, *(f"  {' > '.join(record)}" for record in sorted(self.arrived))]
        lines += [f"  plugin asked with {json.dumps(self.plugin, sort_keys=True)}"] if self.plugin is not None else []
        lines += [f"  said: {self.words.strip()[:400]}"] if self.words.strip() else []
        return "\n".join(lines)


def of_kubectl(draft: Draft, recorder: Recorder) -> Outcome:
    """What kubectl does."""
    asked = ["get", "--raw", "/api/v1/namespaces/dqm"]
    if draft.kind == "exec":
        asked = ["exec", "dqm-0", "--namespace", "dqm", "--container", "dqm", "--", "true"]
    chosen = ["--context", draft.context_argument] if draft.context_argument else []
    argv = [_kubectl(), *chosen, "--cache-dir", f"{draft.folder}/cache", *asked]
    environment = _environment(draft)
    done = subprocess.run(
        argv, env=environment, cwd=draft.folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
    )
    return _outcome(draft, recorder, done.returncode == 0, done.stderr.decode(errors="replace"))


def of_helmtool(draft: Draft, recorder: Recorder, worker: Worker) -> Outcome:
    """What helmtool does. Its words begin with the error's class."""
    said = worker.ask(draft.kind, draft.kubeconfig, draft.context_argument, draft.folder, _environment(draft))
    return _outcome(draft, recorder, not said["error"], f"{said['error']}: {said['words']}" if said["error"] else "")


def _kubectl() -> str:
    return os.environ.get("HELMTOOL_KUBECTL") or str(toolbox.find("kubectl"))


def _environment(draft: Draft) -> dict[str, str]:
    return BASE | {"HOME": f"{draft.folder}/home", "KUBECONFIG": draft.kubeconfig} | draft.environment


def _outcome(draft: Draft, recorder: Recorder, answered: bool, words: str) -> Outcome:
    arrived = frozenset(_compared(draft, recorder.take()))
    return Outcome(answered, arrived, _plugin_request(draft.folder / "asked"), words)


def _compared(draft: Draft, records: set[Record]) -> set[Record]:
    """Of an exec only the WebSocket: kubectl gets the pod first, and asks again in the old protocol if the server cannot do the new one."""
    return {record for record in records if draft.kind != "exec" or "GET " not in record[-1] or "/exec" in record[-1]}


def _plugin_request(path: Path) -> Any:
    """What an exec plugin was asked with, read from the file that it wrote; None if it was not asked."""
    if not path.exists():
        return None
    info, *rest = path.read_text().split("\n")
    path.unlink()
    return {"info": json.loads(info) if info else None, "rest": rest}


def clean(draft: Draft) -> None:
    """Removes the combination's files."""
    shutil.rmtree(draft.folder, ignore_errors=True)
