"""How long a command takes that needs no cluster, as a multiple of starting Python."""

from __future__ import annotations

import sys
from collections.abc import Callable

from timing import Case, always, own_environment, side_by_side

ROUNDS = 15


def test_commands_without_a_cluster(helmtool: list[str], show: Callable[..., None]) -> None:
    cases = [
        Case("python -c pass", always(sys.executable, "-c", "pass")),
        Case("helmtool --help", always(helmtool[0], "--help")),
        Case("helmtool tag check --offline", always(*helmtool, "tag", "check", "HG0105a", "--offline")),
        Case("helmtool validate prod", always(*helmtool, "validate", "prod")),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=own_environment())
    show(f"without a cluster, {ROUNDS} rounds", rows)
