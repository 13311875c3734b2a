#!/usr/bin/env python3
"""Draws docs/images/growth.svg and docs/images/benchmarks.svg from tests/benchmarks/result.json.

`--check` only says whether they are current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pygal
from pygal.style import Style

# pygal leaves a finder for its plugins of a kind that Python 3.11 warns of with every later import, and 3.12 ignores.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "tests" / "benchmarks" / "result.json"
IMAGES = ROOT / "docs" / "images"
COMMAND = "python tools/benchmark_plots.py"
SVG = "http://www.w3.org/2000/svg"

# A background of its own, so that it can be read in a light page and in a dark one; Okabe and Ito's colours, which all can tell apart.
STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#777777",
    font_family="sans-serif",
    title_font_size=18,
    legend_font_size=13,
    label_font_size=12,
    major_label_font_size=12,
    opacity="1",
    stroke_width=2,
    guide_stroke_color="#e0e0e0",
    major_guide_stroke_color="#cccccc",
    colors=(
        *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#8c564b"),
        *("#332288", "#999933", "#882255", "#44aa99", "#bbbbbb", "#aa4499"),  # of Paul Tol
    ),
)
COMMON = {
    "style": STYLE,
    "js": [],
    "no_prefix": True,  # its prefix is another one at each drawing
    "logarithmic": True,
    "legend_at_bottom": True,
    "truncate_legend": -1,
    "show_x_guides": True,
    "width": 1000,
}


def plots(result: dict[str, Any]) -> dict[str, str]:
    """The drawings by file name, of what was measured."""
    ways = {"growth": ("growth.svg", growth), "side by side": ("benchmarks.svg", side_by_side)}
    return {file: drawn(draw(result[group])) for group, (file, draw) in ways.items() if group in result}


def growth(tables: dict[str, Any]) -> Any:
    """Processor time over size, a line for each command."""
    chart = pygal.XY(
        **COMMON,
        height=640,
        legend_at_bottom_columns=2,
        dots_size=3,
        title="How the processor time of a command grows",
        x_title="how many keys, objects, revisions, tags or pods (logarithmic)",
        y_title="processor time in seconds (logarithmic)",
        x_labels=[10**power for power in range(5)],
        x_value_formatter=lambda value: f"{value:,.0f}",
        value_formatter=lambda value: f"{value:g}",
    )
    seconds = [cost["processor"] for table in tables.values() for command in table["commands"].values() for cost in command["costs"]]
    chart.y_labels = _steps(seconds)
    chart.range = (chart.y_labels[0], chart.y_labels[-1])
    for table in tables.values():
        for name, command in table["commands"].items():
            chart.add(f"{name}: {table['unit']}", [(cost["size"], cost["processor"]) for cost in command["costs"]])
    return chart


def side_by_side(tables: dict[str, Any]) -> Any:
    """The median of each command, a colour for each table."""
    rows = [(title, row) for title, table in tables.items() for row in reversed(table["rows"])][::-1]
    chart = pygal.HorizontalStackedBar(  # stacked, so that a bar has all of its line
        **COMMON,
        height=140 + 34 * len(rows),
        legend_at_bottom_columns=2,
        title="Commands side by side",
        x_title="median in milliseconds (logarithmic)",
        value_formatter=lambda value: f"{value:,.0f}",
    )
    chart.y_labels = _steps([row["median"] for _, row in rows])
    chart.range = (chart.y_labels[0], chart.y_labels[-1])
    chart.zero = chart.y_labels[0]  # where a bar begins
    chart.x_labels = [f"{row['name']}: {row['median']:,.0f} ms" for _, row in rows]
    for title in tables:
        chart.add(title.rpartition(",")[0].removesuffix(" a round trip"), [row["median"] if of == title else None for of, row in rows])
    return chart


def drawn(chart: Any) -> str:
    """The SVG, without pygal's script and its comments, which name addresses."""
    ElementTree.register_namespace("", SVG)
    tree = ElementTree.fromstring(chart.render())
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag == f"{{{SVG}}}script":
                parent.remove(child)
    return ElementTree.tostring(tree, encoding="unicode") + "\n"


def _steps(values: list[float]) -> list[float]:
    """1, 2 and 5 times the powers of ten, from the one below all values to the one above."""
    steps = [factor * 10.0**power for power in range(-3, 5) for factor in (1, 2, 5)]
    low, high = max(step for step in steps if step < min(values)), min(step for step in steps if step > max(values))
    return [step for step in steps if low <= step <= high]


def main(arguments: list[str]) -> int:
    """Draws both, or says which is not what would be drawn."""
    made = plots(json.loads(RESULT.read_text(encoding="utf-8")))
    stale = [name for name, text in made.items() if not (IMAGES / name).exists() or (IMAGES / name).read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/images/{name} is not what {RESULT.relative_to(ROOT)} gives. Next: {COMMAND}", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (IMAGES / name).write_text(made[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
