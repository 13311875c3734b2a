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
TWICE = (RELEASED, "helmtool release local HG0105b --timeout 20s")
IN_USE = 'eval "$(helmtool env use local)"'
IDENTITY = "export SOPS_AGE_KEY_FILE=$PWD/dqm-keys.txt"
CONFIG = "export HELMTOOL_SERVICES_CONFIG=$PWD/services_config"
TEST4 = "--kubeconfig ~/K8s_tokens/config.cmsweb-test4 --namespace $NAMESPACE_test4"
BY_KUBECTL = f"kubectl {TEST4} create service clusterip newdqmgui --tcp=8889"
NEVER_RELEASED = (
    f"helm uninstall newdqmgui {TEST4}",
    f"kubectl {TEST4} delete configmap newdqmgui-releases --ignore-not-found",
    BY_KUBECTL,
)
"""As before the first release, with an object that kubectl made."""
ACCEPTED = 'helmtool release prod HG0105a --note "accepted on the testbed"'
TO_ALL = "helmtool release 'test*' HG0105a --note \"new layouts\""
PROMOTED = 'helmtool promote preprod prod --note "accepted by the shift"'
UNLOCKED = "--quiet --batch --pinentry-mode loopback --passphrase ''"
YES = "y\n"
TO_THE_INDEX = """for name in HTTPS_PROXY SSL_CERT_FILE; do
  eval "STAND_IN_$name=\\$$name; export $name=\\$INDEX_$name; [ -n \\"\\$$name\\" ] || unset $name"
done"""
TO_THE_STAND_IN = "export HTTPS_PROXY=$STAND_IN_HTTPS_PROXY SSL_CERT_FILE=$STAND_IN_SSL_CERT_FILE"
"""Packages come from where this machine has them, images from the stand-in of registry.cern.ch: one set of variables says both."""

PLANS = {
    plan.page: plan
    for plan in (
        Plan("CONTRIBUTING.md"),
        Plan("README.md", local=True, index=True, before=(RELEASED,)),
        Plan(
            "charts/newdqmgui/README.md",
            local=True,
            before=(IN_USE,),
        ),
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
            ahead={"helmtool adopt test4 --dry-run": NEVER_RELEASED},
            answers={ACCEPTED: YES},
        ),
        Plan("docs/how-to/from-the-old-scripts.md"),
        Plan(
            "docs/how-to/first-release-on-a-cluster.md",
            environments=("test4",),
            registry=True,
            secrets=True,
            index=True,
            before=(BY_KUBECTL,),
            ahead={
                "~/helmtool/bin/pip install .": (TO_THE_INDEX,),
                "export OS_TOKEN=$(openstack token issue -c id -f value)": (TO_THE_STAND_IN,),
            },
            answers={"helmtool env pin test4": YES},
        ),
        Plan("docs/how-to/at-night.md", local=True, before=TWICE),
        Plan("docs/how-to/roll-back.md", local=True, before=TWICE),
        Plan(
            "docs/how-to/secrets.md",
            environments=("test4", "prod"),
            secrets=True,
            before=(
                "rm services_config/newdqmgui/*",
                "printf 'a token\\n' >services_config/newdqmgui/token.txt",
                'printf \'{"key": "value"}\\n\' >services_config/newdqmgui/app.json',
                IDENTITY,
                "export EDITOR=changing-editor",
            ),
            ahead={"helmtool secrets check prod --warn-days 60": ("unset SOPS_AGE_KEY_FILE",)},
        ),
        Plan(
            "docs/how-to/see-changes.md",
            local=True,
            before=TWICE,
            codes={
                "helmtool diff local HG0205a --detailed-exitcode -o json": 2,
                "helmtool diff local HG0205a --engine helm-diff": 3,
            },
        ),
        Plan("docs/how-to/tags.md", registry=True, environments=("test4", "preprod", "prod")),
        Plan(
            "docs/how-to/adopt.md",
            environments=("test4",),
            local=True,
            registry=True,
            secrets=True,
            before=(CONFIG, BY_KUBECTL),
            ahead={"helmtool adopt test4 --undo": ("unset KUBECONFIG", *NEVER_RELEASED, "helmtool adopt test4")},
        ),
        Plan(
            "docs/how-to/many-clusters.md",
            environments=("test{1..3}", "test4", "preprod", "prod"),
            registry=True,
            secrets=True,
            before=(CONFIG,),
            answers={TO_ALL: YES},
        ),
        Plan(
            "docs/how-to/promote.md",
            environments=("preprod", "prod"),
            registry=True,
            secrets=True,
            before=(
                CONFIG,
                "helmtool release preprod HG0105a",
                "as-if-verified --kubeconfig ~/K8s_tokens/config.cmsweb-testbed --namespace $NAMESPACE_preprod",
            ),
            answers={PROMOTED: YES},
        ),
        Plan(
            "docs/how-to/change-a-value.md",
            local=True,
            before=TWICE,
            codes={"helmtool release local HG0105a --set probes.startup.periodSecond=5": 3},
        ),
        Plan("docs/how-to/completion.md"),
        Plan("docs/how-to/image.md", registry=True),
        Plan("docs/how-to/install.md", index=True),
        Plan(
            "docs/how-to/left-pending.md",
            local=True,
            before=(RELEASED, IN_USE, "release-that-is-killed"),
            codes={"helmtool release local HG0505a --timeout 20s": 4},
        ),
        Plan(
            "docs/how-to/publish-the-chart.md",
            local=True,
            registry=True,
            before=(
                IN_USE,
                f"gpg {UNLOCKED} --quick-gen-key 'DQM <dqm@cern.ch>' ed25519 sign never",
                f"gpg {UNLOCKED} --export-secret-keys dqm@cern.ch >keys.gpg",
            ),
        ),
        Plan("docs/how-to/metrics.md", local=True, environments=("test4", "preprod", "prod"), before=(RELEASED,)),
        Plan("docs/how-to/plain-helm.md", local=True),
        Plan("docs/how-to/secret-versions.md", environments=("test4",), local=True, registry=True, secrets=True),
        Plan(
            "docs/how-to/when-a-release-fails.md",
            environments=("test4",),
            registry=True,
            secrets=True,
            before=(CONFIG, "helmtool release test4 HG0205a"),
            ahead={"helmtool release test4 HG0105a --no-rollback": ("helmtool release test4 HG0105b",)},
        ),
        Plan("docs/how-to/work-on-the-chart.md", local=True),
    )
}
