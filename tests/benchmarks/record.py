"""Keeps the tables of the benchmarks as JSON, for the plots of tools/benchmark_plots.py."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from growth import KEPT, Growth
from timing import Row

from helmtool.adapters import toolbox

FILE = Path(__file__).with_name("result.json")


def keep_rows(title: str, rows: Sequence[Row], limits: Mapping[str, float] | None) -> None:
    """Keeps a table of programs side by side: milliseconds, and the ratio to the first one."""
    figures = [{name: round(value, 2) if isinstance(value, float) else value for name, value in asdict(row).items()} for row in rows]
    _keep("side by side", title, {"rows": figures, "limits": dict(limits or {})})


def keep_growth(title: str, unit: str, growths: Sequence[Growth]) -> None:
    """Keeps how a cost grows: seconds and MB by size, and the exponent."""
    commands = {growth.name: {"exponent": round(growth.exponent, 2), "costs": _costs(growth)} for growth in growths}
    _keep("growth", title, {"unit": unit, "commands": commands})


def _costs(growth: Growth) -> list[dict[str, float]]:
    return [{"size": size} | {name: round(value, 3) for name, value in asdict(cost).items()} for size, cost in growth.costs.items()]


def merged(document: Mapping[str, Any], group: str, title: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """The document with one table put in, or put in the place of the one of that title."""
    return {**document, group: dict(sorted({**document.get(group, {}), title: dict(table)}.items()))}


def _keep(group: str, title: str, table: dict[str, Any]) -> None:
    if not KEPT:
        return
    document = json.loads(FILE.read_text()) if FILE.exists() else {}
    FILE.write_text(json.dumps(merged(document, group, title, {"on": _machine(), **table}), indent=1) + "\n")


def _machine() -> dict[str, Any]:
    """What a figure depends on, and nothing that names a machine; with each table, since tables are run one by one."""
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "helm": toolbox.VERSIONS["helm"]}
