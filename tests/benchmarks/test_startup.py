"""How long a command takes that needs no cluster, as a multiple of starting Python, and beside what helm does alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from timing import CHECKOUT, Case, always, own_environment, side_by_side

from helmtool.adapters import toolbox

ROUNDS = 15
TABS = {"_HELMTOOL_COMPLETE": "complete_bash", "COMP_WORDS": "helmtool status pr", "COMP_CWORD": "2"}


def test_commands_without_a_cluster(helmtool: list[str], show: Callable[..., None]) -> None:
    helm = str(toolbox.find("helm"))
    cases = [
        Case("python -c pass", always(sys.executable, "-c", "pass")),
        Case("helm version", always(helm, "version")),
        Case("helmtool --help", always(helmtool[0], "--help")),
        Case("helmtool release --help", always(helmtool[0], "release", "--help")),
        Case("a Tab behind helmtool status pr", always("env", *(f"{k}={v}" for k, v in TABS.items()), helmtool[0])),
        Case("helmtool tag check --offline", always(*helmtool, "tag", "check", "HG0105a", "--offline")),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=own_environment())
    show(f"without a cluster, {ROUNDS} rounds", rows, {"helmtool --help": 3.0})


def test_validate(helmtool: list[str], show: Callable[..., None]) -> None:
    """Each environment is rendered by a helm of its own, side by side; `helm lint` looks at one."""
    lint = [str(toolbox.find("helm")), "lint", str(CHECKOUT / "charts/newdqmgui"), "--values", str(CHECKOUT / "values/prod.yaml")]
    cases = [
        Case("helm lint of one", always(*lint, "--set", "image.tag=HG0105a")),
        Case("helmtool validate prod", always(*helmtool, "validate", "prod")),
        Case("helmtool validate (all four)", always(*helmtool, "validate")),
    ]
    rows = side_by_side(cases, rounds=ROUNDS, environment=own_environment())
    show(f"validate beside helm lint, {ROUNDS} rounds", rows, {"helmtool validate (all four)": 2.0})
