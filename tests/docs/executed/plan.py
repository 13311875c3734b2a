"""What each page takes for granted: what is at hand where it is tried, and what a person would have done before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """How a page is tried. `before` runs ahead of the page, `ahead` ahead of one command of it."""

    page: str
    environments: tuple[str, ...] = ()
    """Those that lead to the stand-in cluster, each with a namespace of its own."""
    local: bool = False
    """Whether the embedded cluster of the session is up, with nothing released."""
    registry: bool = False
    """Whether registry.cern.ch is a registry on loopback, with images HG0105a to HG0405a."""
    secrets: bool = False
    """Whether services_config, and dqm-keys.txt with its key, are in the working directory."""
    index: bool = False
    """Whether the page installs packages, for which the variables of pip come along."""
    before: tuple[str, ...] = ()
    ahead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    """Exit codes other than 0; the page says so, or shows the error."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What is typed at the question of a command."""


RELEASED = "helmtool release local HG0105a --timeout 20s"
TWICE = (RELEASED, "helmtool release local HG0205a --timeout 20s")
IN_USE = 'eval "$(helmtool env use local)"'
IDENTITY = "export SOPS_AGE_KEY_FILE=$PWD/dqm-keys.txt"
CONFIG = "export HELMTOOL_SERVICES_CONFIG=$PWD/services_config"
YES = "y\n"

PLANS = {
    plan.page: plan
    for plan in (
        Plan("README.md", index=True),
        Plan(
            "docs/tutorial/first-release.md",
            codes={"helmtool release local HG0305a --set nodeSelector.disk=ssd --timeout 20s": 1, "helmtool release local HG3201a": 3},
        ),
        Plan(
            "docs/how-to/release.md",
            environments=("test4", "preprod", "prod"),
            local=True,
            registry=True,
            secrets=True,
            ahead={
                "helmtool release prod HG0105a --note \"accepted on the testbed\"": ("helmtool env pin prod --yes", "helmtool release preprod HG0105a"),
                "helmtool local up": ("unset KUBECONFIG",),
                "helmtool adopt test4 --dry-run": ("helm uninstall newdqmgui --kubeconfig ~/K8s_tokens/config.cmsweb-test4 --namespace $NAMESPACE_test4",),
            },
            answers={"helmtool release prod HG0105a --note \"accepted on the testbed\"": YES},
        ),
        Plan("docs/how-to/at-night.md", local=True, before=TWICE),
        Plan("docs/how-to/roll-back.md", local=True, before=TWICE),
        Plan(
            "docs/how-to/secrets.md",
            environments=("test4", "prod"),
            secrets=True,
            before=(
                "printf 'a token\\n' >services_config/newdqmgui/token.txt",
                "printf '{\"key\": \"value\"}\\n' >services_config/newdqmgui/app.json",
                IDENTITY,
                "export EDITOR=changing-editor",
            ),
            ahead={
                "helmtool secrets check prod --warn-days 60": ("unset SOPS_AGE_KEY_FILE",),
            },
        ),
        Plan("docs/how-to/see-changes.md", local=True, before=TWICE, codes={"helmtool diff local HG0205a --detailed-exitcode -o json": 0}),
        Plan("docs/how-to/tags.md", registry=True, environments=("test4", "preprod", "prod")),
        Plan(
            "docs/how-to/adopt.md",
            environments=("test4",),
            local=True,
            registry=True,
            secrets=True,
            before=(CONFIG,),
        ),
        Plan("docs/how-to/many-clusters.md", environments=("test{1..3}", "test4", "preprod", "prod"), registry=True, secrets=True, before=(CONFIG,)),
        Plan("docs/how-to/promote.md", environments=("preprod", "prod"), registry=True, secrets=True, before=(CONFIG,)),
    )
}
