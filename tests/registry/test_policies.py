"""What each tag command does with each form of a tag under each policy: the table of docs/how-to/tags.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import RealRegistry

ROOT = Path(__file__).parents[2]
Tool = Callable[..., Any]

# Form of the tag: what is in the registry, and what is typed.
FORMS = {
    "plain, no twin": (("HG0105a",), "HG0105a"),
    "plain, same twin": (("HG0105a", "="), "HG0105a"),
    "plain, other twin": (("HG0105a", "HG0105a-stable"), "HG0105a"),
    "stable": (("HG0105a", "="), "HG0105a-stable"),
    "not there": (("HG0205a",), "HG0105a"),
    "no tag": (("HG0105a",), "HG3201a"),
}
# Exit code and the code of the error, for each command.
EXPECTED = {
    "plain, no twin": {"offline": (0, ""), "check": (0, ""), "stable": (0, ""), "unasked": (4, "not-confirmed")},
    "plain, same twin": {"offline": (0, ""), "check": (0, ""), "stable": (0, ""), "unasked": (0, "")},
    "plain, other twin": {
        "offline": (0, ""),
        "check": (0, ""),
        "stable": (4, "stable-twin-differs"),
        "unasked": (4, "stable-twin-differs"),
    },
    "stable": {"offline": (0, ""), "check": (0, ""), "stable": (0, ""), "unasked": (0, "")},
    "not there": {
        "offline": (0, ""),
        "check": (3, "not-in-registry"),
        "stable": (3, "not-in-registry"),
        "unasked": (3, "not-in-registry"),
    },
    "no tag": {
        "offline": (3, "invalid-tag"),
        "check": (3, "invalid-tag"),
        "stable": (3, "invalid-tag"),
        "unasked": (3, "invalid-tag"),
    },
}
COMMANDS = {"offline": ("check", "--offline"), "check": ("check",), "stable": ("stable", "--yes"), "unasked": ("stable",)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("policy", ["off", "require", "add"])
def test_the_table(registry: RealRegistry, tool: Tool, checkout: Path, form: str, policy: str) -> None:
    file = checkout / "values/environments.yaml"
    text = file.read_text()
    assert 'stableTag: "add"' in text
    file.write_text(text.replace('stableTag: "add"', f'stableTag: "{policy}"'))
    there, typed = FORMS[form]
    for name in there:
        tool(registry.host, "stable", "HG0105a", "--yes") if name == "=" else registry.push(name)
    before = registry.has("HG0105a-stable")
    for command in ("offline", "check", "unasked", "stable"):
        ran = tool(registry.host, *COMMANDS[command], typed, "-o", "json")
        error = ran.document.get("error", {}).get("code", "")
        assert (ran.code, error) == EXPECTED[form][command], (command, ran.out)
        assert registry.has("HG0105a-stable") == (before or (command == "stable" and form == "plain, no twin"))


@pytest.mark.parametrize("policy", ["off", "require", "add"])
def test_next_and_list_do_not_ask_the_policy(registry: RealRegistry, tool: Tool, checkout: Path, policy: str) -> None:
    file = checkout / "values/environments.yaml"
    file.write_text(file.read_text().replace('stableTag: "add"', f'stableTag: "{policy}"'))
    registry.push("HG0105a")
    assert tool(registry.host, "next", "--date", "2026-05-01").out == "HG0105b\n"
    assert [state["tag"] for state in tool(registry.host, "list", "-o", "json").document] == ["HG0105a"]


def test_the_page_has_the_same_table() -> None:
    page = (ROOT / "docs/how-to/tags.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")]
    shown = {row[0]: row[1:] for row in rows if row[0] in FORMS}
    assert set(shown) == set(FORMS)
    for form, cells in shown.items():
        expected = [EXPECTED[form][command] for command in ("offline", "check", "unasked", "stable")]
        assert [cell.partition(" ")[0] for cell in cells] == [str(code) for code, _ in expected], form
        assert [cell.partition("`")[2].partition("`")[0] for cell in cells] == [error for _, error in expected], form
