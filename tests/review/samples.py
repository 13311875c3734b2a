"""Reviews to look at: many objects, names and values that try to break out, and a Secret that must not show."""

from __future__ import annotations

import base64
from typing import Any

from helmtool.model.change import Change, compare, impossible
from helmtool.model.difference import differences
from helmtool.model.manifest import Manifest, key_of
from helmtool.model.provenance import ABSENT, Provenance, Source, ValueChange, provenance_of
from helmtool.model.review import ExplainedChange, ExplainedField, Review
from helmtool.model.values import Origin

CANARY = "the-Keytab-Nobody-May-See"
HOSTILE = (
    "</script><script>document.title='broken'</script>",
    "<img src=x onerror=document.title='broken'>",
    '"><svg/onload=document.title="broken">',
    "</style><style>body{display:none}</style>",
    "</details></main>-->",
    "javascript:document.title='broken'",
    "$script ${title} $$",
    "``` ```` `~~~",
    "| a | b |",
    "a\\|b | c",
    "@everyone #1 !2 https://example.org www.example.org",
    "[x](javascript:alert(1)) ![y](https://example.org/z.png)",
    "line one\nline two\n```\n\n# heading\n</details>",
    "turned \u202e around, \u0000 and \u2028 and \r and \x1b[31m",
    "&lt;already&gt; &amp;",
)
TAG = ValueChange(("image", "tag"), "HG0105a", "HG0205a", Origin("TAG", 1, 14, "TAG:1:14"))
WHERE = ValueChange(("networkPolicy", "from"), ABSENT, [], Origin("values/test4.yaml", 7, 5, "values/test4.yaml:7:5", 6, 3))


def deployment(name: str, tag: str, **spec: Any) -> Manifest:
    container = {"name": "server", "image": f"registry.cern.ch/cmsweb/newdqmgui:{tag}", "args": ["-p", "8889"], "env": []}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def explained(change: Change | None, *sources: Provenance) -> ExplainedChange:
    assert change
    return ExplainedChange(change, tuple(ExplainedField(d, sources) for d in differences(change.before, change.after)))


def change_of(before: Manifest | None, after: Manifest | None, *sources: Provenance) -> ExplainedChange:
    side = after or before
    assert side
    return explained(compare(key_of(side), before, after), *(sources or (provenance_of(TAG),)))


def review(*changes: ExplainedChange, **more: Any) -> Review:
    given = {"values": (TAG, WHERE), "values_of": "revision 4", **more}
    return Review("test4", "live", "new", changes, **given)


def usual() -> Review:
    """What a release of another tag looks like, beside other hands' work."""
    script = "set -e\ncp /host/etc/grid-security/* /etc/grid-security\ncd /home/cmsusr/dqmgui\nexec sudo bash /home/cmsusr/run.sh\n"
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "newdqmgui-network-policy"}}
    by_hand = Provenance(Source.HANDS, "changed since the release by other hands: kubectl-edit at 2026-01-05 10:00 UTC")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "newdqmgui"}, "spec": {"ports": [{"port": 8889}]}}
    return review(
        change_of(deployment("newdqmgui", "HG0105a"), deployment("newdqmgui", "HG0205a")),
        change_of(config_map("newdqmgui", run=script), config_map("newdqmgui", run=script.replace("set -e", "set -eu")), by_hand),
        change_of(
            {**policy, "spec": {"ingress": [{"from": [{"namespace": "kube-system"}]}]}},
            {**policy, "spec": {"ingress": [{"from": [{"namespace": "auth"}]}]}},
            provenance_of(WHERE),
        ),
        change_of(None, service, Provenance(Source.CHART, "the chart: newdqmgui-0.1.0 before, newdqmgui-0.2.0 now")),
    )


def hostile() -> Review:
    """Every trick as a name, a key, a value, a reason and a cause."""
    changes = []
    for number, trick in enumerate(HOSTILE):
        source = Provenance(Source.VALUE, trick, guess=bool(number % 2))
        before, after = config_map(trick, **{trick: "old", "k": f"{trick} old"}), config_map(trick, **{trick: trick, "k": f"{trick} new"})
        changes.append(change_of(before, after, source))
        changes.append(explained(impossible(key_of(before), before, after, trick), source))
    return review(*changes, warnings=HOSTILE, conflicts=HOSTILE, values_of=HOSTILE[0])


def with_secret() -> Review:
    """A Secret that changes, and one that comes."""

    def secret(name: str, text: str) -> Manifest:
        data = {"keytab": base64.b64encode(text.encode()).decode(), "other": "bm90aGluZw=="}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data, "stringData": {"plain": text}}

    return review(change_of(secret("a", "before"), secret("a", CANARY)), change_of(None, secret("b", CANARY)))


def large(number: int = 200) -> Review:
    """So many objects, of every effect, each with some forty lines."""
    changes = []
    for place in range(number):
        old = {f"key-{line}": f"value {line} of {place}" for line in range(40)}
        new = old | {f"key-{line}": f"changed {line} of {place}" for line in range(0, 40, 6)}
        changes.append(change_of(config_map(f"map-{place:03}", **old), config_map(f"map-{place:03}", **new), provenance_of(WHERE)))
    for place in range(0, number, 10):
        changes[place] = change_of(deployment(f"server-{place:03}", "HG0105a"), deployment(f"server-{place:03}", "HG0205a"))
    return review(*changes)
