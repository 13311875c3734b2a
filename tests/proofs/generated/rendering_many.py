"""Helm's own packages in one process (tools/helm-many), asked by lines of JSON."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helmtool.adapters import toolbox

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "newdqmgui"
NAMESPACE = "generated"
"""One where nothing is yet: what validation knows holds whatever lives in a cluster."""
UNCHECKED = {"templates/_validate.tpl": '{{- define "newdqmgui.validate" -}}{{- end }}'}
"""The chart without its own rules between values."""


def program() -> Path:
    """The built program. Raises FileNotFoundError with the command that builds it."""
    spec = importlib.util.spec_from_file_location("tools_build", ROOT / "tools" / "build.py")
    assert spec
    assert spec.loader
    build = importlib.util.module_from_spec(spec)
    sys.modules["tools_build"] = build
    spec.loader.exec_module(build)
    (own,) = build.own_programs()
    path = toolbox.pinned_path(own.name, own.version)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not built. Next: python3 tools/build.py proofs")
    return path


@dataclass(frozen=True)
class Rendered:
    """What `helm template` prints: the manifests, or its error."""

    manifests: str
    error: str

    @property
    def documents(self) -> list[str]:
        """The text of each object."""
        return [text for text in f"\n{self.manifests}".split("\n---\n# Source: ") if text.strip()]


class HelmMany:
    """One running program; not safe for several threads."""

    def __init__(self, chart: Path = CHART) -> None:
        argv = [str(program()), str(chart), NAMESPACE]
        env = os.environ | {"GOGC": "800"}  # collecting garbage after each compiled schema takes longer than rendering
        self._process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def render(self, *values: bytes, sets: Sequence[str] = (), files: dict[str, str] | None = None, skip_schema: bool = False) -> Rendered:
        """What Helm makes of files of values and `--set` arguments; `files` stand in the place of the chart's own."""
        asked = {"values": [text.decode() for text in values], "set": list(sets), "files": files or {}, "skipSchema": skip_schema}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Rendered(answer["manifests"], answer["error"])

    def close(self) -> None:
        """Ends it: it stops when nobody can ask any more."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._process.wait(timeout=30)
