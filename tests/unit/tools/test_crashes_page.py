"""What the page makes of the file that the crash suite writes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from crashes_page import crashes_page

RESULT: dict[str, Any] = {
    "commands": {"release": "`release`", "adopt": "`adopt`"},
    "hits": {"kill": "SIGKILL", "cut": "no network"},
    "runs": 9,
    "points": 1098,
    "portions": [
        {"ways on": {"release": {"kill": {"release": 2, "release: release-pending, unlock, release": 1}}}},
        {"ways on": {"release": {"kill": {"release": 1}}, "adopt": {"cut": {"release: not-ours, adopt, release": 1}}}},
    ],
    "failures": [{"crash": "release 3 before cut"}],
}


def test_the_sittings_are_added_up_and_a_failure_without_a_run_that_holds_is_shown() -> None:
    page = crashes_page(RESULT)
    assert [line for line in page.splitlines() if line.startswith(("| `release`", "| `adopt`"))] == [
        "| `release` | `kill` | 4 | 3 | 1 | 0 | 0 |",
        "| `release` | `cut` | 1 | 0 | 0 | 0 | 1 |",
        "| `adopt` | `cut` | 1 | 0 | 0 | 1 | 0 |",
    ]
    assert "5 of 9 runs hold, 1 failed. There are 1,098 places to hit." in page
