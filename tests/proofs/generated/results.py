"""result.json: the figures of a full run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import running

RESULT = Path(__file__).parent / "result.json"


def write_result(part: str, figures: dict[str, Any]) -> None:
    """Keeps the figures of one part; only where a number of runs was asked for."""
    if running.ONLY or not running.RUNS:
        return
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    result |= {part: {"seed": running.SEED, "runs": running.RUNS, **figures}}
    RESULT.write_text(json.dumps(dict(sorted(result.items())), indent=1) + "\n")
